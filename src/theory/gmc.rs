//! Any arrivals, exponential service: G/M/1 and G/M/c.

use super::answer::{Answer, Percentiles, Refusal};
use super::catalog::{ARRIVAL_CV, ARRIVAL_RATE, Given, Model, SERVERS, SERVICE_MEAN};
use super::delay::{Delay, Exponential};
use super::distribution::Distribution;
use super::mmc::{Latency, stable};
use super::numeric::complex::Complex;
use super::numeric::root;

/// The G/M/c queue in steady state (Kendall 1953, Takács 1962).
#[derive(Debug, Clone, PartialEq)]
pub struct Gmc {
    arrival_rate: f64,
    service_rate: f64,
    servers: u32,
    wait: Exponential,
}

impl Gmc {
    /// `interarrival` is the law of the times between arrivals.
    ///
    /// Needs an arrival rate below `servers · service_rate`.
    pub fn new(
        interarrival: &Distribution,
        service_rate: f64,
        servers: u32,
    ) -> Result<Self, Refusal> {
        let arrival_rate = interarrival.mean().recip();
        let capacity = service_rate * f64::from(servers);
        stable(arrival_rate / capacity)?;
        let gap = decay_gap(interarrival, capacity);
        let mass = wait_probability(interarrival, service_rate, servers, gap);
        let wait = Exponential { mass, rate: capacity * gap };
        Ok(Self { arrival_rate, service_rate, servers, wait })
    }

    /// Mean share of the servers that is busy.
    pub fn utilization(&self) -> f64 {
        self.arrival_rate / (self.service_rate * f64::from(self.servers))
    }

    /// The law of the wait, as arrivals see it: exponential where positive.
    pub fn wait(&self) -> Exponential {
        self.wait
    }

    /// The law of the latency.
    pub fn latency(&self) -> Latency {
        Latency { wait: self.wait, service_rate: self.service_rate }
    }

    /// Mean number waiting.
    pub fn queue_mean(&self) -> f64 {
        self.arrival_rate * self.wait.mean()
    }
}

/// `1 − σ` for the root `σ` of `σ = A*(cμ(1 − σ))` in (0, 1), sought as `x = 1 − A*(cμ x)` so that
/// a heavy load keeps its digits.
fn decay_gap(interarrival: &Distribution, capacity: f64) -> f64 {
    // The excess is positive just above 0 (slope 1/ρ − 1) and negative at 1.
    let excess = |x: f64| missed(interarrival, capacity * x) - x;
    let mut low = 0.5;
    while excess(low) <= 0.0 {
        low *= 0.5;
    }
    root::between(excess, low, 1.0)
}

/// `1 − A*(s)`, the share of intervals that a Poisson event of rate `s` interrupts.
fn missed(interarrival: &Distribution, s: f64) -> f64 {
    interarrival.transform_complement(Complex::real(s)).re
}

/// Takács' formula: all its terms are positive, so its sum is safe in logarithms.
fn wait_probability(interarrival: &Distribution, service_rate: f64, servers: u32, gap: f64) -> f64 {
    let c = f64::from(servers);
    let turn = c * gap;
    // ln of C(c, j) Π_{i ≤ j} (1 − φ_i)/φ_i, with φ_i the transform at iμ.
    let mut log = 0.0_f64;
    let mut logs = Vec::with_capacity(servers as usize);
    for j in 1..=servers {
        let j = f64::from(j);
        let complement = missed(interarrival, j * service_rate);
        log += ((c - j + 1.0) / j).ln() + complement.ln();
        log -= interarrival.transform(j * service_rate).ln();
        // Numerator and denominator change sign together where j passes c(1 − σ).
        let ratio = if (j - turn).abs() > 1e-5 * turn {
            (c * complement - j) / (turn - j)
        } else {
            1.0 - c * slope(|j| missed(interarrival, j * service_rate), 0.5 * (j + turn))
        };
        logs.push(log + ratio.ln() - complement.ln());
    }
    let largest = logs.iter().fold(0.0_f64, |most, &log| most.max(log));
    let sum: f64 = logs.iter().map(|log| (log - largest).exp()).sum();
    // 1/(1/gap + Σ) / gap, the exponent of the largest term taken out.
    let scale = (-largest).exp();
    scale / (scale + gap * sum)
}

/// The derivative of a smooth function at `x > 0`, by five points.
fn slope(f: impl Fn(f64) -> f64, x: f64) -> f64 {
    let h = 1e-3 * x;
    (8.0 * (f(x + h) - f(x - h)) - (f(x + 2.0 * h) - f(x - 2.0 * h))) / (12.0 * h)
}

fn gmc(given: &Given<'_>) -> Result<Answer, Refusal> {
    let (rate, cv) = (given.positive("arrival-rate")?, given.non_negative("arrival-cv")?);
    let interarrival = Distribution::from_moments(1.0 / rate, cv)?;
    let queue = Gmc::new(&interarrival, given.service_rate()?, given.count("servers")?)?;
    Ok(Answer {
        model: "gmc",
        utilization: Some(queue.utilization()),
        wait_probability: Some(queue.wait().mass),
        wait_s: Some(Percentiles::of(&queue.wait())),
        latency_s: Some(Percentiles::of(&queue.latency())),
        queue_mean: Some(queue.queue_mean()),
        in_system_mean: Some(rate * queue.latency().mean()),
        throughput: Some(rate),
        ..Answer::default()
    })
}

/// Any arrivals.
pub(crate) const GMC: Model = Model {
    name: "gmc",
    title: "G/M/c",
    doc: "Several servers fed from one queue: exponential service, times between arrivals that \
          are independent with any variation. Exact for the law that stands for the variation: \
          constant at 0, Erlang mixtures below 1, hyperexponential with balanced means above. \
          Sources: Kendall 1953, Takacs 1962.",
    params: &[ARRIVAL_RATE, ARRIVAL_CV, SERVICE_MEAN, SERVERS.default(1.0)],
    solve: gmc,
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::theory::mmc::Mmc;

    #[test]
    fn poisson_arrivals_give_back_erlang_c() {
        for (servers, rho) in [(1, 0.5), (10, 0.8), (100, 0.95), (10_000, 0.995)] {
            let rate = rho * f64::from(servers);
            let got = Gmc::new(&Distribution::exponential(1.0 / rate), 1.0, servers).unwrap();
            let want = Mmc::new(rate, 1.0, servers).unwrap();
            let error = got.wait().mass / want.wait_probability() - 1.0;
            assert!(error.abs() < 1e-8, "{servers}, {rho}: {error}");
        }
    }

    #[test]
    fn regular_arrivals_wait_less_than_poisson_ones_near_saturation_too() {
        let regular = Distribution::Deterministic { value: 1.0 / 0.9999 };
        let wait = Gmc::new(&regular, 1.0, 1).unwrap().wait().mean();
        let poisson = 0.9999 / 1e-4;
        assert!((wait / poisson - 0.5).abs() < 1e-3, "{wait}");
    }
}
