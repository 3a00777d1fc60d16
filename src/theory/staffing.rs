//! How many servers: the square-root rule and the exact smallest number.

use super::abandon::ErlangA;
use super::answer::{Answer, Percentiles, Refusal};
use super::catalog::{ARRIVAL_RATE, Given, Model, Parameter, SERVICE_MEAN, Unit};
use super::delay::Delay;
use super::mmc::Mmc;
use super::numeric::root;
use super::numeric::special::{normal_cdf, normal_pdf};

/// The limit of the probability of waiting when `c = a + β√a` servers meet a growing load `a`
/// (Halfin and Whitt 1981): `1 / (1 + β Φ(β)/φ(β))`, for `β > 0`.
pub fn halfin_whitt(beta: f64) -> f64 {
    (1.0 + beta * normal_cdf(beta) / normal_pdf(beta)).recip()
}

/// The safety factor `β` at which [`halfin_whitt`] meets a target between 0 and 1.
pub fn safety_factor(wait_probability: f64) -> f64 {
    let excess = |beta: f64| (halfin_whitt(beta) / wait_probability).ln();
    root::between(excess, 0.0, 36.0)
}

/// `⌈a + β√a⌉` servers for a load of `load` Erlangs. A starting point: it may be one too few.
pub fn square_root_staffing(load: f64, beta: f64) -> u32 {
    (load + beta * load.sqrt()).ceil().max(1.0) as u32
}

/// What a number of servers must achieve in the M/M/c queue.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Target {
    /// `P(wait > 0)` at most this.
    WaitProbability(f64),
    /// The mean wait at most this.
    WaitMean(f64),
    /// `P(wait > t)` at most `share`.
    WaitTail {
        /// The wait that counts as too long.
        t: f64,
        /// The share of requests that may wait longer.
        share: f64,
    },
    /// The quantile `p` of the wait at most `t`.
    WaitQuantile {
        /// The probability of the quantile.
        p: f64,
        /// The largest allowed value.
        t: f64,
    },
    /// The mean latency at most this.
    LatencyMean(f64),
    /// `P(latency > t)` at most `share`.
    LatencyTail {
        /// The latency that counts as too long.
        t: f64,
        /// The share of requests that may take longer.
        share: f64,
    },
    /// The quantile `p` of the latency at most `t`.
    LatencyQuantile {
        /// The probability of the quantile.
        p: f64,
        /// The largest allowed value.
        t: f64,
    },
}

impl Target {
    /// The measure that is compared, at a queue in steady state.
    pub fn measure(&self, queue: &Mmc) -> f64 {
        match *self {
            Self::WaitProbability(_) => queue.wait_probability(),
            Self::WaitMean(_) => queue.wait().mean(),
            Self::WaitTail { t, .. } => queue.wait().tail(t),
            Self::WaitQuantile { p, .. } => queue.wait().quantile(p),
            Self::LatencyMean(_) => queue.latency().mean(),
            Self::LatencyTail { t, .. } => queue.latency().tail(t),
            Self::LatencyQuantile { p, .. } => queue.latency().quantile(p),
        }
    }

    /// The most that the measure may be.
    pub fn limit(&self) -> f64 {
        match *self {
            Self::WaitProbability(limit) | Self::WaitMean(limit) | Self::LatencyMean(limit) => {
                limit
            }
            Self::WaitTail { share, .. } | Self::LatencyTail { share, .. } => share,
            Self::WaitQuantile { t, .. } | Self::LatencyQuantile { t, .. } => t,
        }
    }

    /// What remains of the measure with servers without end: the service itself.
    fn floor(&self, service_rate: f64) -> f64 {
        match *self {
            Self::LatencyMean(_) => 1.0 / service_rate,
            Self::LatencyTail { t, .. } => (-service_rate * t).exp(),
            Self::LatencyQuantile { p, .. } => -(-p).ln_1p() / service_rate,
            _ => 0.0,
        }
    }
}

/// The smallest number of servers with which M/M/c meets a target.
///
/// Refuses a target that the service time alone violates, and loads above ten million Erlangs.
pub fn min_servers(arrival_rate: f64, service_rate: f64, target: Target) -> Result<u32, Refusal> {
    let (floor, limit) = (target.floor(service_rate), target.limit());
    if floor >= limit || limit <= 0.0 {
        return Err(Refusal(format!(
            "no number of servers meets the target: with servers without end the measure is \
             still {floor}, and it may be at most {limit}"
        )));
    }
    let load = arrival_rate / service_rate;
    let met = |servers: u32| {
        Mmc::new(arrival_rate, service_rate, servers)
            .is_ok_and(|queue| target.measure(&queue) <= limit)
    };
    smallest(load, met)
}

/// The smallest number of servers with which Erlang A loses at most this share of the requests.
pub fn min_servers_with_abandonment(
    arrival_rate: f64,
    service_rate: f64,
    abandonment_rate: f64,
    share: f64,
) -> Result<u32, Refusal> {
    let met = |servers: u32| {
        ErlangA::new(arrival_rate, service_rate, servers, abandonment_rate)
            .is_ok_and(|queue| queue.abandonment_probability() <= share)
    };
    smallest(0.0, met)
}

/// Gallops from the load upwards and bisects: every measure here falls with every server.
fn smallest(load: f64, met: impl Fn(u32) -> bool) -> Result<u32, Refusal> {
    const MOST: f64 = 1e7;
    if load > MOST {
        return Err(Refusal(format!("the load may be at most {MOST} Erlangs, not {load}")));
    }
    let mut low = load.floor() as u32;
    let mut step = 1;
    while !met(low + step) {
        low += step;
        step *= 2;
        if f64::from(low) > 4.0 * MOST {
            return Err(Refusal("no number of servers below 40 million meets the target".into()));
        }
    }
    let mut high = low + step;
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        if met(middle) {
            high = middle;
        } else {
            low = middle;
        }
    }
    Ok(high)
}

const TARGET: Parameter = Parameter::required(
    "wait-probability",
    Unit::Share,
    "largest allowed probability that a request waits",
);

fn at(model: &'static str, given: &Given<'_>, servers: u32) -> Result<Answer, Refusal> {
    let (rate, service_rate) = (given.positive("arrival-rate")?, given.service_rate()?);
    let queue = Mmc::new(rate, service_rate, servers)?;
    Ok(Answer {
        model,
        utilization: Some(queue.utilization()),
        wait_probability: Some(queue.wait_probability()),
        wait_s: Some(Percentiles::of(&queue.wait())),
        latency_s: Some(Percentiles::of(&queue.latency())),
        queue_mean: Some(queue.queue_mean()),
        in_system_mean: Some(queue.in_system_mean()),
        throughput: Some(rate),
        servers: Some(f64::from(servers)),
        ..Answer::default()
    })
}

fn sqrt_staffing(given: &Given<'_>) -> Result<Answer, Refusal> {
    let load = given.positive("arrival-rate")? / given.service_rate()?;
    let beta = safety_factor(given.share("wait-probability")?);
    at("sqrt-staffing", given, square_root_staffing(load, beta))
}

fn min_servers_model(given: &Given<'_>) -> Result<Answer, Refusal> {
    let (rate, service_rate) = (given.positive("arrival-rate")?, given.service_rate()?);
    let p = given.share("quantile")?;
    let asked = [
        given.maybe("wait-probability").map(Target::WaitProbability),
        given.maybe("wait-mean").map(Target::WaitMean),
        given.maybe("wait").map(|t| Target::WaitQuantile { p, t }),
        given.maybe("latency-mean").map(Target::LatencyMean),
        given.maybe("latency").map(|t| Target::LatencyQuantile { p, t }),
    ];
    let targets: Vec<Target> = asked.into_iter().flatten().collect();
    if targets.is_empty() {
        return Err(Refusal(
            "model min-servers needs a target: wait-probability, wait-mean, wait, latency-mean \
             or latency"
                .into(),
        ));
    }
    let mut servers = 1;
    for target in targets {
        servers = servers.max(min_servers(rate, service_rate, target)?);
    }
    at("min-servers", given, servers)
}

/// The square-root rule.
pub(crate) const SQRT_STAFFING: Model = Model {
    name: "sqrt-staffing",
    title: "Square-root staffing",
    doc: "Servers by the square-root rule, load plus a safety factor times its root, for a \
          probability of waiting; the measures are those of M/M/c with that many servers. A rule \
          of thumb for large loads that can be one server short. Source: Halfin and Whitt 1981.",
    params: &[ARRIVAL_RATE, SERVICE_MEAN, TARGET],
    solve: sqrt_staffing,
};

/// The exact number.
pub(crate) const MIN_SERVERS: Model = Model {
    name: "min-servers",
    title: "M/M/c, minimal servers",
    doc: "The smallest number of servers with which an M/M/c queue meets every target that is \
          given, exactly, and the measures with that many servers.",
    params: &[
        ARRIVAL_RATE,
        SERVICE_MEAN,
        TARGET.optional(),
        Parameter::required("wait-mean", Unit::Time, "largest allowed mean wait").optional(),
        Parameter::required("wait", Unit::Time, "largest allowed quantile of the wait").optional(),
        Parameter::required("latency-mean", Unit::Time, "largest allowed mean latency").optional(),
        Parameter::required("latency", Unit::Time, "largest allowed quantile of the latency")
            .optional(),
        Parameter::required("quantile", Unit::Share, "which quantile wait and latency speak of")
            .default(0.99),
    ],
    solve: min_servers_model,
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_smallest_number_meets_the_target_and_one_fewer_does_not() {
        for load in [0.3, 1.0, 40.0, 10_000.0] {
            for target in [
                Target::WaitProbability(0.01),
                Target::WaitTail { t: 0.1, share: 1e-3 },
                Target::LatencyQuantile { p: 0.99, t: 4.7 },
            ] {
                let c = min_servers(load, 1.0, target).unwrap();
                let measure = |c| Mmc::new(load, 1.0, c).map(|queue| target.measure(&queue));
                assert!(measure(c).unwrap() <= target.limit());
                if f64::from(c - 1) > load {
                    assert!(measure(c - 1).unwrap() > target.limit(), "{load} {target:?}");
                }
            }
        }
    }

    #[test]
    fn a_target_below_the_service_time_is_refused_at_any_number() {
        let target = Target::LatencyQuantile { p: 0.99, t: 0.46 };
        assert!(min_servers(100.0, 10.0, target).is_err());
    }

    #[test]
    fn the_safety_factor_inverts_the_limit() {
        for target in [0.9, 0.5, 0.05, 1e-4] {
            assert!((halfin_whitt(safety_factor(target)) / target - 1.0).abs() < 1e-13);
        }
    }
}
