//! Erlang's queues: M/M/1 and M/M/c, with Erlang B and C.

use super::answer::{Answer, Percentiles, Refusal};
use super::catalog::{ARRIVAL_RATE, Given, Model, SERVERS, SERVICE_MEAN};
use super::delay::{Delay, Exponential};
use super::numeric::special::saturating;

/// `1/B`, the inverse of Erlang's loss formula for `servers` servers offered `load` Erlangs.
///
/// `1/B_k = 1 + (k/a)/B_{k−1}` adds positive terms only and is stable for millions of servers
/// (Jagers and van Doorn 1986); it overflows to infinity where `B` is below 1e-308.
pub(crate) fn inverse_erlang_b(servers: u32, load: f64) -> f64 {
    (1..=servers).fold(1.0, |inverse, k| 1.0 + inverse * f64::from(k) / load)
}

/// Erlang's loss formula: the share of requests that find all `servers` busy and are lost.
pub fn erlang_b(servers: u32, load: f64) -> f64 {
    inverse_erlang_b(servers, load).recip()
}

/// Erlang's delay formula: the probability of waiting, 1 when `load ≥ servers`.
pub fn erlang_c(servers: u32, load: f64) -> f64 {
    let utilization = load / f64::from(servers);
    if utilization >= 1.0 {
        return 1.0;
    }
    (1.0 + (inverse_erlang_b(servers, load) - 1.0) * (1.0 - utilization)).recip()
}

/// The M/M/c queue in steady state (Erlang 1917).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Mmc {
    arrival_rate: f64,
    service_rate: f64,
    servers: u32,
    wait_probability: f64,
}

impl Mmc {
    /// Needs `arrival_rate < servers · service_rate`: otherwise there is no steady state.
    pub fn new(arrival_rate: f64, service_rate: f64, servers: u32) -> Result<Self, Refusal> {
        stable(arrival_rate / (service_rate * f64::from(servers)))?;
        let wait_probability = erlang_c(servers, arrival_rate / service_rate);
        Ok(Self { arrival_rate, service_rate, servers, wait_probability })
    }

    /// Mean share of the servers that is busy.
    pub fn utilization(&self) -> f64 {
        self.arrival_rate / (self.service_rate * f64::from(self.servers))
    }

    /// Erlang C.
    pub fn wait_probability(&self) -> f64 {
        self.wait_probability
    }

    /// The law of the wait: exponential where positive.
    pub fn wait(&self) -> Exponential {
        let rate = f64::from(self.servers) * self.service_rate - self.arrival_rate;
        Exponential { mass: self.wait_probability, rate }
    }

    /// The law of the latency, which is wait and service.
    pub fn latency(&self) -> Latency {
        Latency { wait: self.wait(), service_rate: self.service_rate }
    }

    /// Mean number waiting.
    pub fn queue_mean(&self) -> f64 {
        self.arrival_rate * self.wait().mean()
    }

    /// Mean number in the system.
    pub fn in_system_mean(&self) -> f64 {
        self.queue_mean() + self.arrival_rate / self.service_rate
    }

    /// All of it, under a model's name.
    fn answer(&self, model: &'static str) -> Answer {
        Answer {
            model,
            utilization: Some(self.utilization()),
            wait_probability: Some(self.wait_probability),
            wait_s: Some(Percentiles::of(&self.wait())),
            latency_s: Some(Percentiles::of(&self.latency())),
            queue_mean: Some(self.queue_mean()),
            in_system_mean: Some(self.in_system_mean()),
            throughput: Some(self.arrival_rate),
            ..Answer::default()
        }
    }
}

/// A wait that is exponential where positive, followed by an exponential service.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Latency {
    /// The wait.
    pub wait: Exponential,
    /// The rate of the service.
    pub service_rate: f64,
}

impl Delay for Latency {
    fn mean(&self) -> f64 {
        self.wait.mean() + 1.0 / self.service_rate
    }

    /// `e^{−μt} + C μ (e^{−θt} − e^{−μt}) / (μ − θ)`, with the slower exponential taken out so
    /// that nothing cancels or overflows, `θ = μ` included.
    fn tail(&self, t: f64) -> f64 {
        let (fast, slow) =
            (self.service_rate.max(self.wait.rate), { self.service_rate.min(self.wait.rate) });
        let both = self.service_rate * (-slow * t).exp() * saturating(fast - slow, t);
        (-self.service_rate * t).exp() + self.wait.mass * both
    }
}

/// Refuses a utilization at which a queue grows without bound.
pub(crate) fn stable(utilization: f64) -> Result<(), Refusal> {
    if utilization < 1.0 {
        return Ok(());
    }
    Err(Refusal(format!(
        "utilization is {utilization:.4}, so there is no steady state: \
         the load must be below the capacity (utilization < 1)"
    )))
}

fn mmc(given: &Given<'_>, model: &'static str, servers: u32) -> Result<Answer, Refusal> {
    let rate = given.positive("arrival-rate")?;
    Ok(Mmc::new(rate, given.service_rate()?, servers)?.answer(model))
}

/// One server.
pub(crate) const MM1: Model = Model {
    name: "mm1",
    title: "M/M/1",
    doc: "One server, first come first served: Poisson arrivals, exponential service. Exact \
          means and percentiles of wait and latency.",
    params: &[ARRIVAL_RATE, SERVICE_MEAN],
    solve: |given| mmc(given, "mm1", 1),
};

/// Many servers and one queue.
pub(crate) const MMC: Model = Model {
    name: "mmc",
    title: "M/M/c (Erlang C)",
    doc: "Several servers fed from one queue: Poisson arrivals, exponential service. Exact, \
          and safe for many thousands of servers. Source: Erlang 1917.",
    params: &[ARRIVAL_RATE, SERVICE_MEAN, SERVERS],
    solve: |given| mmc(given, "mmc", given.count("servers")?),
};

#[cfg(test)]
mod tests {
    use std::f64::consts::LN_2;

    use super::*;

    #[test]
    fn ten_thousand_servers_close_to_saturation_follow_halfin_and_whitt() {
        // β = (1 − ρ)√c = 1, where the limit of the probability of waiting is 0.22336.
        let c = 10_000;
        let queue = Mmc::new(9_900.0, 1.0, c).unwrap();
        assert!((queue.wait_probability() - 0.22336).abs() < 1e-3, "{queue:?}");
        assert!((queue.latency().quantile(0.5) - LN_2).abs() < 1e-2);
        assert!(queue.latency().tail(1e6) < 1e-300);
    }

    #[test]
    fn erlang_b_agrees_with_its_definition_where_that_can_be_computed() {
        let (mut terms, mut term) = (1.0, 1.0);
        for k in 1..=20_u32 {
            term *= 15.0 / f64::from(k);
            terms += term;
            assert!((erlang_b(k, 15.0) * terms / term - 1.0).abs() < 1e-14);
        }
    }

    #[test]
    fn nothing_breaks_as_the_load_approaches_the_capacity() {
        for k in [3, 6, 9, 12] {
            let spare = 10.0_f64.powi(-k);
            let queue = Mmc::new(1.0 - spare, 1.0, 1).unwrap();
            let want = (1.0 - spare) / (1.0 - (1.0 - spare));
            assert!((queue.wait().mean() / want - 1.0).abs() < 1e-12);
            let p99 = queue.latency().quantile(0.99) * (1.0 - (1.0 - spare));
            assert!((p99 / 100.0_f64.ln() - 1.0).abs() < 1e-9, "{spare}: {p99}");
        }
        assert!(Mmc::new(8.0, 1.0, 8).is_err());
    }

    #[test]
    fn the_latency_is_smooth_where_the_two_rates_meet() {
        let at = |rate: f64| Latency { wait: Exponential { mass: 0.4, rate }, service_rate: 1.0 };
        let (left, middle, right) = (at(1.0 - 1e-9), at(1.0), at(1.0 + 1e-9));
        let want = (-2.0_f64).exp() * (1.0 + 0.4 * 2.0);
        assert!((middle.tail(2.0) - want).abs() < 1e-15);
        assert!((left.tail(2.0) - want).abs() < 1e-8 && (right.tail(2.0) - want).abs() < 1e-8);
    }
}
