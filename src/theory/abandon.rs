//! Queues that people leave: Erlang A (M/M/c+M) and fixed patience (M/M/c+D).

use super::answer::{Answer, Percentiles, Refusal};
use super::catalog::{ARRIVAL_RATE, Given, Model, Parameter, SERVERS, SERVICE_MEAN, Unit};
use super::delay::Delay;
use super::mmc::inverse_erlang_b;
use super::numeric::quadrature;
use super::numeric::special::saturating;

/// Erlang A: M/M/c with exponential patience (Palm 1943; Baccelli and Hebuterne 1981).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ErlangA {
    arrival_rate: f64,
    service_rate: f64,
    servers: u32,
    abandonment_rate: f64,
    wait_probability: f64,
    queue_mean: f64,
    /// `λ P(exactly one server free)`: the height of the density of the offered wait.
    density: f64,
}

impl ErlangA {
    /// `abandonment_rate` is the inverse of the mean patience; any load has a steady state.
    pub fn new(arrival_rate: f64, service_rate: f64, servers: u32, abandonment_rate: f64) -> Self {
        let c = f64::from(servers);
        let (mut waiting, mut busy, mut queued) = (1.0, 0.0, 0.0);
        let idle = inverse_erlang_b(servers - 1, arrival_rate / service_rate);
        // P(c + k) in terms of P(c − 1), all in units that cannot overflow: the weights rise at
        // most until the departures outrun the arrivals, and are rescaled on the way.
        let mut scale = 1.0;
        waiting *= arrival_rate / (c * service_rate);
        let mut k = 0.0;
        while waiting > 1e-18 * (busy + scale)
            || arrival_rate > departures(c, service_rate, k, abandonment_rate)
        {
            busy += waiting;
            queued += k * waiting;
            k += 1.0;
            waiting *= arrival_rate / departures(c, service_rate, k, abandonment_rate);
            if waiting > 1e200 {
                for part in [&mut waiting, &mut busy, &mut queued, &mut scale] {
                    *part *= 1e-200;
                }
            }
        }
        let total = scale * idle + busy;
        Self {
            arrival_rate,
            service_rate,
            servers,
            abandonment_rate,
            wait_probability: busy / total,
            queue_mean: queued / total,
            density: arrival_rate * scale / total,
        }
    }

    /// `P(all servers are busy on arrival)`.
    pub fn wait_probability(&self) -> f64 {
        self.wait_probability
    }

    /// Mean number waiting.
    pub fn queue_mean(&self) -> f64 {
        self.queue_mean
    }

    /// `P(an arriving request leaves before its service)`.
    pub fn abandonment_probability(&self) -> f64 {
        self.abandonment_rate * self.queue_mean / self.arrival_rate
    }

    /// Completions per unit of time.
    pub fn throughput(&self) -> f64 {
        self.arrival_rate * (1.0 - self.abandonment_probability())
    }

    /// `P(the offered wait exceeds t)`: the wait of a request of infinite patience. Its density is
    /// `λ P(c − 1) exp(λ(1 − e^{−θt})/θ − cμt)`.
    fn offered_tail(&self, t: f64) -> f64 {
        let capacity = f64::from(self.servers) * self.service_rate;
        let (rate, theta) = (self.arrival_rate, self.abandonment_rate);
        let density = |x: f64| (rate * saturating(theta, x) - capacity * x).exp();
        // Within a step the logarithm changes by about one, by slope or by curvature.
        let step = |x: f64| {
            let still = rate * (-theta * x).exp();
            1.0 / ((still - capacity).abs() + (theta * still).sqrt() + theta)
        };
        self.density * quadrature::march(density, step, t)
    }
}

/// Service completions and departures in anger with `k` waiting.
fn departures(servers: f64, service_rate: f64, k: f64, abandonment_rate: f64) -> f64 {
    servers * service_rate + k * abandonment_rate
}

/// The time in queue of all requests, those that leave included.
impl Delay for ErlangA {
    fn mean(&self) -> f64 {
        self.queue_mean / self.arrival_rate
    }

    fn tail(&self, t: f64) -> f64 {
        if t <= 0.0 {
            return self.wait_probability;
        }
        self.offered_tail(t) * (-self.abandonment_rate * t).exp()
    }
}

/// M/M/c+D: every request waits at most `patience` (Barrer 1957).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FixedPatience {
    /// `P(all servers are busy on arrival)`.
    pub wait_probability: f64,
    /// `P(an arriving request leaves before its service)`.
    pub abandonment_probability: f64,
    /// Mean time in queue of all requests, those that leave included.
    pub wait_mean: f64,
    density: f64,
    growth: f64,
    patience: f64,
}

impl FixedPatience {
    /// `patience` is in the unit of the rates; any load has a steady state.
    pub fn new(arrival_rate: f64, service_rate: f64, servers: u32, patience: f64) -> Self {
        let capacity = f64::from(servers) * service_rate;
        let idle = inverse_erlang_b(servers - 1, arrival_rate / service_rate);
        let growth = arrival_rate - capacity;
        // All in units of the density at the end of patience, or at its begin if it falls: neither
        // can overflow.
        let peak = (growth * patience).max(0.0);
        let begin = (-peak).exp();
        let end = (growth * patience - peak).exp();
        let within =
            if growth > 0.0 { saturating(growth, patience) } else { saturating(-growth, patience) };
        let late = end / capacity;
        let total = begin * idle / arrival_rate + within + late;
        let mut law = Self {
            wait_probability: (within + late) / total,
            abandonment_probability: late / total,
            wait_mean: 0.0,
            density: begin / total,
            growth,
            patience,
        };
        law.wait_mean = quadrature::panels(|t| law.tail(t), 0.0, patience, 64);
        law
    }
}

/// The time in queue of all requests.
impl Delay for FixedPatience {
    fn mean(&self) -> f64 {
        self.wait_mean
    }

    fn tail(&self, t: f64) -> f64 {
        if t >= self.patience {
            return 0.0;
        }
        let rest = self.patience - t;
        let between = if self.growth > 0.0 {
            let top = self.density * (self.growth * self.patience).exp();
            top * saturating(self.growth, rest)
        } else {
            self.density * (self.growth * t).exp() * saturating(-self.growth, rest)
        };
        between + self.abandonment_probability
    }
}

const PATIENCE: Parameter = Parameter::required(
    "patience-mean",
    Unit::Time,
    "how long a request waits on average before it gives up",
);

fn erlang_a(given: &Given<'_>) -> Result<Answer, Refusal> {
    let (rate, service_rate) = (given.positive("arrival-rate")?, given.service_rate()?);
    let servers = given.count("servers")?;
    let queue = ErlangA::new(rate, service_rate, servers, 1.0 / given.positive("patience-mean")?);
    let busy = queue.throughput() / service_rate;
    Ok(Answer {
        model: "erlang-a",
        utilization: Some(busy / f64::from(servers)),
        wait_probability: Some(queue.wait_probability()),
        abandonment_probability: Some(queue.abandonment_probability()),
        wait_s: Some(Percentiles::of(&queue)),
        queue_mean: Some(queue.queue_mean()),
        in_system_mean: Some(queue.queue_mean() + busy),
        throughput: Some(queue.throughput()),
        ..Answer::default()
    })
}

fn mmcd(given: &Given<'_>) -> Result<Answer, Refusal> {
    let (rate, service_rate) = (given.positive("arrival-rate")?, given.service_rate()?);
    let servers = given.count("servers")?;
    let queue = FixedPatience::new(rate, service_rate, servers, given.positive("timeout")?);
    let throughput = rate * (1.0 - queue.abandonment_probability);
    let busy = throughput / service_rate;
    Ok(Answer {
        model: "mmc-timeout",
        utilization: Some(busy / f64::from(servers)),
        wait_probability: Some(queue.wait_probability),
        abandonment_probability: Some(queue.abandonment_probability),
        wait_s: Some(Percentiles::of(&queue)),
        queue_mean: Some(rate * queue.wait_mean),
        in_system_mean: Some(rate * queue.wait_mean + busy),
        throughput: Some(throughput),
        ..Answer::default()
    })
}

/// Exponential patience.
pub(crate) const ERLANG_A: Model = Model {
    name: "erlang-a",
    title: "M/M/c+M (Erlang A)",
    doc: "Several servers, one queue, and requests that give up waiting after an exponential \
          patience. Exact; any load has a steady state. Waits are times in queue of all requests, \
          those that give up included. Sources: Palm 1943, Baccelli and Hebuterne 1981.",
    params: &[ARRIVAL_RATE, SERVICE_MEAN, SERVERS, PATIENCE],
    solve: erlang_a,
};

/// Fixed patience.
pub(crate) const MMC_TIMEOUT: Model = Model {
    name: "mmc-timeout",
    title: "M/M/c+D",
    doc: "Several servers, one queue, and requests that give up after waiting for exactly the \
          timeout. Exact; any load has a steady state. Waits are times in queue of all requests, \
          those that give up included. Source: Barrer 1957.",
    params: &[
        ARRIVAL_RATE,
        SERVICE_MEAN,
        SERVERS,
        Parameter::required("timeout", Unit::Time, "how long a request waits before it gives up"),
    ],
    solve: mmcd,
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::theory::mmc::Mmc;

    #[test]
    fn great_patience_gives_back_erlang_c() {
        let want = Mmc::new(90.0, 1.0, 100).unwrap();
        let got = ErlangA::new(90.0, 1.0, 100, 1e-9);
        assert!((got.wait_probability() / want.wait_probability() - 1.0).abs() < 1e-7);
        assert!((got.quantile(0.99) / want.wait().quantile(0.99) - 1.0).abs() < 1e-6);
        let fixed = FixedPatience::new(90.0, 1.0, 100, 1e3);
        assert!((fixed.wait_probability / want.wait_probability() - 1.0).abs() < 1e-12);
    }

    #[test]
    fn ten_thousand_overloaded_servers_are_safe() {
        let queue = ErlangA::new(12_000.0, 1.0, 10_000, 0.5);
        assert!((queue.abandonment_probability() - 1.0 / 6.0).abs() < 1e-4);
        assert!((queue.tail(1e-12) / queue.wait_probability() - 1.0).abs() < 1e-9);
    }

    #[test]
    fn the_two_ways_to_the_probability_of_waiting_agree() {
        for (servers, rate, theta) in [(1, 0.8, 0.5), (10, 12.0, 1.0), (256, 260.0, 0.25)] {
            let queue = ErlangA::new(rate, 1.0, servers, theta);
            let integral = queue.offered_tail(0.0);
            assert!((integral / queue.wait_probability() - 1.0).abs() < 1e-11, "{servers}");
        }
    }
}
