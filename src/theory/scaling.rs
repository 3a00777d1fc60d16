//! Servers that come and go: set-up times, delayed switch-off, breakdowns, a threshold autoscaler
//! and keep-alive, each an exact Markov chain.

use super::answer::{Answer, Percentiles, Refusal};
use super::catalog::{ARRIVAL_RATE, Given, Model, Parameter, SERVERS, SERVICE_MEAN, Unit};
use super::mmc::stable;
use super::numeric::qbd::{Chain, Move};
use super::numeric::special::Poisson;

/// What is known of a pool whose servers come and go.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pool {
    /// Mean latency.
    pub latency_mean: f64,
    /// Mean wait.
    pub wait_mean: f64,
    /// `P(an arriving request waits)`.
    pub wait_probability: f64,
    /// Mean number of servers that are on.
    pub on: f64,
    /// Mean number of servers that are starting.
    pub starting: f64,
    /// Mean number of busy servers.
    pub busy: f64,
    /// Mean number of servers that are on and idle.
    pub idle: f64,
}

/// When idle servers go off, and how many start at once.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum SetupPolicy {
    /// Off when idle; every waiting request starts a server (Gandhi et al. 2010, 2013).
    All,
    /// Off when idle; at most one server starts at a time.
    Staggered,
    /// Each idle server goes off after an exponential time of this rate; every waiting request
    /// starts a server.
    DelayedOff(
        /// The rate at which an idle server goes off.
        f64,
    ),
}

/// The M/M/c queue whose servers take an exponential time to start.
///
/// Needs `arrival_rate < servers · service_rate`; the work grows with the fourth power of the
/// servers, and a hundred are quick.
pub fn setup(
    arrival_rate: f64,
    service_rate: f64,
    servers: u32,
    setup_rate: f64,
    policy: SetupPolicy,
) -> Result<Pool, Refusal> {
    let c = servers as usize;
    stable(arrival_rate / (service_rate * f64::from(servers)))?;
    let starting = |n: usize, on: usize| match policy {
        SetupPolicy::Staggered => n.saturating_sub(on).min(c - on).min(1),
        _ => n.saturating_sub(on).min(c - on),
    };
    let off_rate = if let SetupPolicy::DelayedOff(rate) = policy { Some(rate) } else { None };
    let moves = |n: usize, on: usize| -> Vec<Move> {
        let mut moves = vec![(1, on, arrival_rate)];
        let busy = n.min(on);
        if busy > 0 {
            // Without a delay, a server that finds nobody waiting goes off.
            let left = if off_rate.is_none() && n == on { on - 1 } else { on };
            moves.push((-1, left, busy as f64 * service_rate));
        }
        let starts = starting(n, on);
        if starts > 0 {
            moves.push((0, on + 1, starts as f64 * setup_rate));
        }
        if let (Some(rate), true) = (off_rate, on > n) {
            moves.push((0, on - 1, (on - n) as f64 * rate));
        }
        moves
    };
    let phases = |n: usize| 1 + if off_rate.is_some() { c } else { n.min(c) };
    let law = Chain { phases, moves }.unbounded(c);
    let in_system = law.expect(|n, _| n as f64);
    let busy = law.expect(|n, on| n.min(on) as f64);
    let on = law.expect(|_, on| on as f64);
    Ok(Pool {
        latency_mean: in_system / arrival_rate,
        wait_mean: (in_system - busy) / arrival_rate,
        wait_probability: law.expect(|n, on| f64::from(u8::from(n >= on))),
        on,
        starting: law.expect(|n, on| starting(n, on) as f64),
        busy,
        idle: on - busy,
    })
}

/// An M/M/c queue whose servers fail and are repaired.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Breakdowns {
    /// Mean number in the system.
    pub in_system_mean: f64,
    /// Mean latency.
    pub latency_mean: f64,
    /// `P(nobody in the system)`.
    pub empty_probability: f64,
    /// Mean number of servers that work.
    pub up: f64,
}

/// Servers fail at `fail_rate` each, busy or idle, and are repaired at `repair_rate` each; an
/// interrupted service is resumed (Mitrany and Avi-Itzhak 1968).
///
/// Needs an arrival rate below the mean capacity.
pub fn breakdowns(
    arrival_rate: f64,
    service_rate: f64,
    servers: u32,
    fail_rate: f64,
    repair_rate: f64,
) -> Result<Breakdowns, Refusal> {
    let c = servers as usize;
    let available = repair_rate / (fail_rate + repair_rate);
    stable(arrival_rate / (service_rate * f64::from(servers) * available))?;
    let moves = |n: usize, up: usize| -> Vec<Move> {
        let mut moves = vec![(1, up, arrival_rate)];
        if up > 0 {
            moves.push((0, up - 1, up as f64 * fail_rate));
        }
        if up < c {
            moves.push((0, up + 1, (c - up) as f64 * repair_rate));
        }
        if n > 0 {
            moves.push((-1, up, n.min(up) as f64 * service_rate));
        }
        moves
    };
    let law = Chain { phases: |_| c + 1, moves }.unbounded(c);
    let in_system_mean = law.expect(|n, _| n as f64);
    Ok(Breakdowns {
        in_system_mean,
        latency_mean: in_system_mean / arrival_rate,
        empty_probability: law.level(0).iter().sum(),
        up: f64::from(servers) * available,
    })
}

/// A threshold autoscaler in an M/M/· queue.
///
/// With `m` servers and `n` requests, one more server is ordered when `n > up_at · m` on an arrival
/// or on a delivery, at most one at a time; a departure that leaves more than `spare` servers idle
/// cancels the order or, without one, takes a server away.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Threshold {
    /// The fewest servers.
    pub least: u32,
    /// The most servers.
    pub most: u32,
    /// Requests per server above which one more is ordered.
    pub up_at: f64,
    /// Idle servers that are tolerated.
    pub spare: u32,
    /// The rate at which an ordered server is delivered.
    pub provision_rate: f64,
}

/// What is known of a pool under a [`Threshold`] autoscaler.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scaled {
    /// Mean latency.
    pub latency_mean: f64,
    /// Mean wait.
    pub wait_mean: f64,
    /// `P(an arriving request waits)`.
    pub wait_probability: f64,
    /// Mean number of servers.
    pub servers: f64,
    /// Share of time in which an order is pending.
    pub pending: f64,
    /// Deliveries per unit of time.
    pub deliveries: f64,
}

impl Threshold {
    /// The steady state; needs an arrival rate below `most · service_rate`.
    pub fn solve(&self, arrival_rate: f64, service_rate: f64) -> Result<Scaled, Refusal> {
        stable(arrival_rate / (service_rate * f64::from(self.most)))?;
        let (least, most) = (self.least as usize, self.most as usize);
        let ordered = |n: usize, m: usize| m < most && n as f64 > self.up_at * m as f64;
        // A phase is the number of servers above the least, twice, and whether one is on order.
        let phase = |m: usize, pending: bool| 2 * (m - least) + usize::from(pending);
        let moves = |n: usize, at: usize| -> Vec<Move> {
            let (m, pending) = (least + at / 2, at % 2 == 1);
            let mut moves = vec![(1, phase(m, pending || ordered(n + 1, m)), arrival_rate)];
            if pending && m < most {
                moves.push((0, phase(m + 1, ordered(n, m + 1)), self.provision_rate));
            }
            if n > 0 {
                let left = match (m > n - 1 + self.spare as usize, pending) {
                    (true, true) => phase(m, false),
                    (true, false) if m > least => phase(m - 1, false),
                    _ => at,
                };
                moves.push((-1, left, n.min(m) as f64 * service_rate));
            }
            moves
        };
        let repeats = most.max((self.up_at * f64::from(self.most)) as usize) + 1;
        let law = Chain { phases: |_| 2 * (most - least) + 2, moves }.unbounded(repeats);
        let of = |at: usize| least + at / 2;
        let in_system = law.expect(|n, _| n as f64);
        let busy = law.expect(|n, at| n.min(of(at)) as f64);
        let pending = law.expect(|_, at| (at % 2) as f64);
        Ok(Scaled {
            latency_mean: in_system / arrival_rate,
            wait_mean: (in_system - busy) / arrival_rate,
            wait_probability: law.expect(|n, at| f64::from(u8::from(n >= of(at)))),
            servers: law.expect(|_, at| of(at) as f64),
            pending,
            deliveries: pending * self.provision_rate,
        })
    }
}

/// Instances that are kept warm for an exponential time after use: `λ P(cold) = e · idle`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct KeepAlive {
    /// `P(an arriving request finds no idle instance)`.
    pub cold_probability: f64,
    /// Mean number of idle instances.
    pub idle: f64,
    /// Mean number of busy instances.
    pub busy: f64,
}

/// Every request takes an idle instance or starts a new one; an idle one expires at `expiry_rate`.
///
/// Refuses loads above about forty Erlangs, whose chain is too large.
pub fn keep_alive(
    arrival_rate: f64,
    service_rate: f64,
    expiry_rate: f64,
) -> Result<KeepAlive, Refusal> {
    let load = arrival_rate / service_rate;
    let span = |mean: f64| {
        let law = Poisson::new(mean);
        law.first + law.weights.len()
    };
    let most_busy = span(load);
    // Idle instances are fewer than completions that would still be warm if none were reused.
    let most_idle = span(arrival_rate / expiry_rate).min(2 * most_busy);
    if most_busy > 120 {
        return Err(Refusal(format!(
            "the load may be at most about 40 Erlangs for keep-alive, not {load}"
        )));
    }
    let moves = |idle: usize, busy: usize| -> Vec<Move> {
        let mut moves = Vec::with_capacity(3);
        if busy < most_busy {
            moves.push((if idle > 0 { -1 } else { 0 }, busy + 1, arrival_rate));
        }
        if idle > 0 {
            moves.push((-1, busy, idle as f64 * expiry_rate));
        }
        if busy > 0 && idle < most_idle {
            moves.push((1, busy - 1, busy as f64 * service_rate));
        }
        moves
    };
    let law = Chain { phases: |_| most_busy + 1, moves }.bounded(most_idle);
    let idle = law.expect(|idle, _| idle as f64);
    Ok(KeepAlive {
        cold_probability: law.level(0).iter().sum(),
        idle,
        busy: law.expect(|_, busy| busy as f64),
    })
}

fn keep_alive_model(given: &Given<'_>) -> Result<Answer, Refusal> {
    let (rate, service_rate) = (given.positive("arrival-rate")?, given.service_rate()?);
    let kept = keep_alive(rate, service_rate, 1.0 / given.positive("keep-mean")?)?;
    Ok(Answer {
        model: "keep-alive",
        utilization: Some(kept.busy / (kept.busy + kept.idle)),
        wait_probability: Some(kept.cold_probability),
        in_system_mean: Some(kept.busy),
        throughput: Some(rate),
        servers: Some(kept.busy + kept.idle),
        ..Answer::default()
    })
}

const SETUP_MEAN: Parameter =
    Parameter::required("setup-mean", Unit::Time, "mean time a server takes to start");

fn pool(model: &'static str, given: &Given<'_>, policy: SetupPolicy) -> Result<Answer, Refusal> {
    let (rate, service_rate) = (given.positive("arrival-rate")?, given.service_rate()?);
    let servers = given.count_to("servers", 100)?;
    let setup_rate = 1.0 / given.positive("setup-mean")?;
    let pool = setup(rate, service_rate, servers, setup_rate, policy)?;
    Ok(Answer {
        model,
        utilization: Some(pool.busy / pool.on),
        wait_probability: Some(pool.wait_probability),
        wait_s: Some(Percentiles::mean(pool.wait_mean)),
        latency_s: Some(Percentiles::mean(pool.latency_mean)),
        queue_mean: Some(rate * pool.wait_mean),
        in_system_mean: Some(rate * pool.latency_mean),
        throughput: Some(rate),
        servers: Some(pool.on),
        servers_starting: Some(pool.starting),
        ..Answer::default()
    })
}

fn setup_model(given: &Given<'_>) -> Result<Answer, Refusal> {
    let one = given.maybe("starting-at-once") == Some(1.0);
    let policy = if one { SetupPolicy::Staggered } else { SetupPolicy::All };
    pool("setup", given, policy)
}

fn delayed_off(given: &Given<'_>) -> Result<Answer, Refusal> {
    let policy = SetupPolicy::DelayedOff(1.0 / given.positive("off-delay-mean")?);
    pool("delayed-off", given, policy)
}

fn breakdowns_model(given: &Given<'_>) -> Result<Answer, Refusal> {
    let (rate, service_rate) = (given.positive("arrival-rate")?, given.service_rate()?);
    let servers = given.count_to("servers", 100)?;
    let (fail, repair) = (given.positive("up-mean")?, given.positive("repair-mean")?);
    let law = breakdowns(rate, service_rate, servers, 1.0 / fail, 1.0 / repair)?;
    Ok(Answer {
        model: "breakdowns",
        utilization: Some(rate / (service_rate * law.up)),
        latency_s: Some(Percentiles::mean(law.latency_mean)),
        in_system_mean: Some(law.in_system_mean),
        throughput: Some(rate),
        servers: Some(law.up),
        ..Answer::default()
    })
}

fn threshold_model(given: &Given<'_>) -> Result<Answer, Refusal> {
    let (rate, service_rate) = (given.positive("arrival-rate")?, given.service_rate()?);
    let (least, most) = (given.count("servers-min")?, given.count_to("servers-max", 64)?);
    if least > most {
        return Err(Refusal(format!(
            "servers-min must be at most servers-max ({most}), not {least}"
        )));
    }
    let rule = Threshold {
        least,
        most,
        up_at: given.positive("up-at")?,
        spare: given.non_negative("spare")? as u32,
        provision_rate: 1.0 / given.positive("setup-mean")?,
    };
    let scaled = rule.solve(rate, service_rate)?;
    Ok(Answer {
        model: "threshold",
        utilization: Some(rate / (service_rate * scaled.servers)),
        wait_probability: Some(scaled.wait_probability),
        wait_s: Some(Percentiles::mean(scaled.wait_mean)),
        latency_s: Some(Percentiles::mean(scaled.latency_mean)),
        queue_mean: Some(rate * scaled.wait_mean),
        in_system_mean: Some(rate * scaled.latency_mean),
        throughput: Some(rate),
        servers: Some(scaled.servers),
        servers_starting: Some(scaled.pending),
        ..Answer::default()
    })
}

/// Servers that take time to start.
pub(crate) const SETUP: Model = Model {
    name: "setup",
    title: "M/M/c/setup",
    doc: "Servers that go off when idle and take an exponential time to start; every waiting \
          request starts one, or at most one starts at a time (starting-at-once=1). Exact means, \
          up to 100 servers. Sources: Gandhi, Harchol-Balter and Adan 2010; Gandhi et al. 2013.",
    params: &[
        ARRIVAL_RATE,
        SERVICE_MEAN,
        SERVERS,
        SETUP_MEAN,
        Parameter::required("starting-at-once", Unit::Count, "1, or left out for no limit")
            .optional(),
    ],
    solve: setup_model,
};

/// Servers that linger.
pub(crate) const DELAYED_OFF: Model = Model {
    name: "delayed-off",
    title: "M/M/c/delayedoff",
    doc: "Servers that take an exponential time to start and go off after an exponential time of \
          idleness; every waiting request starts one. Exact means, up to 100 servers. Source: \
          Gandhi, Doroudi, Harchol-Balter and Scheller-Wolf 2013.",
    params: &[
        ARRIVAL_RATE,
        SERVICE_MEAN,
        SERVERS,
        SETUP_MEAN,
        Parameter::required("off-delay-mean", Unit::Time, "mean idle time before switch-off"),
    ],
    solve: delayed_off,
};

/// Servers that fail.
pub(crate) const BREAKDOWNS: Model = Model {
    name: "breakdowns",
    title: "M/M/c with breakdowns",
    doc: "Servers that fail, busy or idle, and are repaired, each by itself; an interrupted \
          request is resumed. Exact means, up to 100 servers. Source: Mitrany and Avi-Itzhak 1968.",
    params: &[
        ARRIVAL_RATE,
        SERVICE_MEAN,
        SERVERS,
        Parameter::required("up-mean", Unit::Time, "mean time a server works before it fails"),
        Parameter::required("repair-mean", Unit::Time, "mean time of a repair"),
    ],
    solve: breakdowns_model,
};

/// A simple autoscaler.
pub(crate) const THRESHOLD: Model = Model {
    name: "threshold",
    title: "M/M/c, threshold autoscaler",
    doc: "One more server is ordered when there are more than up-at requests per server, one at a \
          time; a departure that leaves more than spare servers idle cancels the order or takes a \
          server away. Exact means of this chain, up to 64 servers.",
    params: &[
        ARRIVAL_RATE,
        SERVICE_MEAN,
        Parameter::required("servers-min", Unit::Count, "fewest servers").default(1.0),
        Parameter::required("servers-max", Unit::Count, "most servers"),
        SETUP_MEAN,
        Parameter::required("up-at", Unit::Number, "requests per server above which to add one")
            .default(1.0),
        Parameter::required("spare", Unit::Count, "idle servers that are tolerated").default(1.0),
    ],
    solve: threshold_model,
};

/// Instances kept warm.
pub(crate) const KEEP_ALIVE: Model = Model {
    name: "keep-alive",
    title: "Serverless keep-alive",
    doc: "Every request takes an idle instance or starts a new one, and an idle instance is kept \
          for an exponential time. The wait probability is that of a cold start; servers are the \
          instances alive. Exact where a cold start takes no longer than a warm one, up to a load \
          of about 40.",
    params: &[
        ARRIVAL_RATE,
        SERVICE_MEAN,
        Parameter::required("keep-mean", Unit::Time, "mean time an idle instance is kept"),
    ],
    solve: keep_alive_model,
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::theory::mmc::Mmc;

    #[test]
    fn one_server_with_setup_waits_as_without_and_a_setup_more() {
        // M/M/1/setup decomposes: the wait of M/M/1 plus the residual of what the first one finds.
        let (rate, alpha) = (0.5, 0.1);
        let pool = setup(rate, 1.0, 1, alpha, SetupPolicy::All).unwrap();
        let want = Mmc::new(rate, 1.0, 1).unwrap().in_system_mean() / rate + 1.0 / alpha;
        assert!((pool.latency_mean / want - 1.0).abs() < 1e-12, "{}", pool.latency_mean);
        assert!((pool.wait_probability - 1.0).abs() < 1e-12);
    }

    #[test]
    fn instant_setup_and_servers_that_never_fail_are_erlang_c() {
        let want = Mmc::new(7.0, 1.0, 8).unwrap().in_system_mean() / 7.0;
        let fast = setup(7.0, 1.0, 8, 1e9, SetupPolicy::All).unwrap();
        assert!((fast.latency_mean / want - 1.0).abs() < 1e-7, "{fast:?}");
        let sound = breakdowns(7.0, 1.0, 8, 1e-12, 1.0).unwrap();
        assert!((sound.latency_mean / want - 1.0).abs() < 1e-9);
    }

    #[test]
    fn instances_that_never_expire_are_never_cold() {
        let kept = keep_alive(2.0, 1.0, 1e-6).unwrap();
        assert!(kept.cold_probability < 1e-4, "{kept:?}");
        assert!((kept.busy - 2.0).abs() < 1e-9);
        assert!((kept.cold_probability * 2.0 / (1e-6 * kept.idle) - 1.0).abs() < 1e-9);
    }
}
