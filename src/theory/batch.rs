//! Requests served together: bulk service, dynamic batching, continuous batching.

use super::answer::{Answer, Percentiles, Refusal};
use super::catalog::{ARRIVAL_RATE, Given, Model, Parameter, SERVICE_MEAN, Unit};
use super::delay::{Delay, Exponential};
use super::mmc::{Latency, stable};
use super::numeric::chain::stationary;
use super::numeric::matrix::Matrix;
use super::numeric::root;
use super::numeric::special::Poisson;

/// One server that takes up to `most` waiting requests at once and serves them together for an
/// exponential time (Bailey 1954; Neuts' general bulk rule with at least one).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BulkExponential {
    arrival_rate: f64,
    service_rate: f64,
    wait: Exponential,
}

impl BulkExponential {
    /// `service_rate` is that of a batch, whatever its size; needs
    /// `arrival_rate < most · service_rate`.
    ///
    /// With a busy server the queue is geometric with the root `r` of `r + … + r^most = λ/μ`.
    pub fn new(arrival_rate: f64, service_rate: f64, most: u32) -> Result<Self, Refusal> {
        let load = arrival_rate / service_rate;
        stable(load / f64::from(most))?;
        let power = |r: f64| (f64::from(most) * r.ln()).exp();
        let sum = |r: f64| r * (1.0 - power(r)) / (1.0 - r);
        let r = root::between(|r| sum(r) - load, 0.0, 1.0 - 1e-15);
        let wait =
            Exponential { mass: load / (load + 1.0 - r), rate: service_rate * (1.0 - power(r)) };
        Ok(Self { arrival_rate, service_rate, wait })
    }

    /// The law of the wait.
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

    /// Mean number of requests served together.
    pub fn batch_mean(&self) -> f64 {
        self.arrival_rate / (self.service_rate * self.wait.mass)
    }
}

/// One server that takes all that wait, up to a limit, and serves `n` together for a fixed time
/// `base + each · n`: bulk service with `each = 0`, a GPU that batches otherwise (Inoue 2021).
#[derive(Debug, Clone, PartialEq)]
pub struct Batching {
    arrival_rate: f64,
    base: f64,
    each: f64,
    most: Option<u32>,
    /// `P(q waiting)` at the ends of batches.
    left: Vec<f64>,
}

impl Batching {
    /// `most` is the largest batch, if there is one.
    ///
    /// Needs an arrival rate below `most / (base + each · most)`, or `1 / each` without a limit;
    /// refuses loads so near to it that thousands of states matter.
    pub fn new(
        arrival_rate: f64,
        base: f64,
        each: f64,
        most: Option<u32>,
    ) -> Result<Self, Refusal> {
        let per_request = each + most.map_or(0.0, |most| base / f64::from(most));
        stable(arrival_rate * per_request)?;
        let mut law = Self { arrival_rate, base, each, most, left: Vec::new() };
        let mut states = 128;
        loop {
            law.left = stationary(&law.steps(states));
            if law.left[states - 1] < 1e-15 {
                return Ok(law);
            }
            states *= 2;
            if states > 2048 {
                return Err(Refusal(format!(
                    "batching is computed while queues of thousands are unlikely; a utilization \
                     of {:.4} is too near to 1",
                    arrival_rate * per_request
                )));
            }
        }
    }

    /// The batch that begins with `waiting` requests, after the first arrival if there are none.
    fn batch(&self, waiting: usize) -> usize {
        let most = self.most.map_or(usize::MAX, |most| most as usize);
        waiting.max(1).min(most)
    }

    fn time(&self, batch: usize) -> f64 {
        self.base + self.each * batch as f64
    }

    /// From the end of a batch to the end of the next.
    fn steps(&self, states: usize) -> Matrix {
        let mut steps = Matrix::zero(states, states);
        for q in 0..states {
            let batch = self.batch(q);
            let kept = q.max(1) - batch;
            let arrivals = Poisson::new(self.arrival_rate * self.time(batch));
            for (i, weight) in arrivals.weights.iter().enumerate() {
                steps.add_at(q, (kept + arrivals.first + i).min(states - 1), *weight);
            }
        }
        steps
    }

    /// `Σ P(q) f(q)` at the ends of batches.
    fn average(&self, f: impl Fn(usize) -> f64) -> f64 {
        self.left.iter().enumerate().map(|(q, p)| p * f(q)).sum()
    }

    /// Mean time from the end of a batch to the end of the next.
    fn cycle(&self) -> f64 {
        self.average(|q| self.time(self.batch(q))) + self.left[0] / self.arrival_rate
    }

    /// Share of time in which the server works.
    pub fn utilization(&self) -> f64 {
        1.0 - self.idle_probability()
    }

    /// Share of time in which the server is idle.
    pub fn idle_probability(&self) -> f64 {
        self.left[0] / self.arrival_rate / self.cycle()
    }

    /// Mean number of requests served together.
    pub fn batch_mean(&self) -> f64 {
        self.average(|q| self.batch(q) as f64)
    }

    /// Mean number waiting.
    pub fn queue_mean(&self) -> f64 {
        let area = |q: usize| {
            let (batch, time) = (self.batch(q), self.time(self.batch(q)));
            (q.max(1) - batch) as f64 * time + 0.5 * self.arrival_rate * time * time
        };
        self.average(area) / self.cycle()
    }

    /// Mean latency: the wait and the time of the request's own batch.
    pub fn latency_mean(&self) -> f64 {
        let own = self.average(|q| self.batch(q) as f64 * self.time(self.batch(q)));
        self.mean() + own / self.batch_mean()
    }

    /// The law of the wait, where the time of a batch does not depend on its size.
    pub fn wait(&self) -> Option<&dyn Delay> {
        (self.each == 0.0 && self.most.is_some()).then_some(self as &dyn Delay)
    }
}

/// The wait; its law is right for batches of constant time ([`Batching::wait`]).
impl Delay for Batching {
    fn mean(&self) -> f64 {
        self.queue_mean() / self.arrival_rate
    }

    /// An arrival at `u` into a batch with `j` left behind and `N(u)` arrived since waits for the
    /// rest of it and `⌊(j + N(u))/b⌋` more; `u` is uniform, and `∫_0^s P(N(u) ≥ k) du` is
    /// `E(N(s) − k)⁺ / λ`.
    fn tail(&self, t: f64) -> f64 {
        let most = self.batch(usize::MAX);
        let whole = (t / self.base).floor();
        let rest = (self.base - (t - whole * self.base)).max(0.0);
        let (early, all) =
            (Excess::new(self.arrival_rate, rest), { Excess::new(self.arrival_rate, self.base) });
        let (now, next) = (whole as usize * most, (whole as usize + 1) * most);
        let beyond = |q: usize| {
            let kept = q.max(1) - self.batch(q);
            let (now, next) = (now.saturating_sub(kept), next.saturating_sub(kept));
            early.area(now) + all.area(next) - early.area(next)
        };
        self.utilization() * self.average(beyond) / self.base
    }
}

/// `∫_0^s P(N(u) ≥ k) du` of a Poisson process, for every `k`.
struct Excess {
    time: f64,
    rate: f64,
    first: usize,
    /// `E(N − k)⁺` for `k` from `first` on.
    expected: Vec<f64>,
}

impl Excess {
    fn new(rate: f64, time: f64) -> Self {
        let law = Poisson::new(rate * time);
        let mut expected = vec![0.0; law.weights.len() + 1];
        let mut at_least = 0.0;
        for (k, weight) in law.weights.iter().enumerate().rev() {
            expected[k] = expected[k + 1] + at_least;
            at_least += weight;
        }
        Self { time, rate, first: law.first, expected }
    }

    fn area(&self, k: usize) -> f64 {
        match k.checked_sub(self.first) {
            // Below the first weight every count is certain to be reached in time s.
            None => self.time - k as f64 / self.rate,
            Some(i) => self.expected.get(i).copied().unwrap_or(0.0) / self.rate,
        }
    }
}

/// Continuous batching: up to `slots` requests in service share a server, each progressing at rate
/// `1/(alone + each · n)` when `n` are served; exponential work of mean 1, the others wait.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ContinuousBatching {
    arrival_rate: f64,
    wait: Exponential,
    in_system_mean: f64,
}

impl ContinuousBatching {
    /// Needs an arrival rate below `slots / (alone + each · slots)`.
    pub fn new(arrival_rate: f64, alone: f64, each: f64, slots: u32) -> Result<Self, Refusal> {
        let speed = |n: u32| f64::from(n) / (alone + each * f64::from(n));
        let full = speed(slots);
        let ratio = arrival_rate / full;
        stable(ratio)?;
        let (mut weight, mut total, mut in_system) = (1.0, 1.0, 0.0);
        for n in 1..slots {
            weight *= arrival_rate / speed(n);
            if weight > 1e200 {
                for part in [&mut weight, &mut total, &mut in_system] {
                    *part *= 1e-200;
                }
            }
            total += weight;
            in_system += f64::from(n) * weight;
        }
        let crowded = weight * ratio / (1.0 - ratio);
        total += crowded;
        in_system += crowded * (f64::from(slots) + ratio / (1.0 - ratio));
        let wait = Exponential { mass: crowded / total, rate: full - arrival_rate };
        Ok(Self { arrival_rate, wait, in_system_mean: in_system / total })
    }

    /// The law of the wait.
    pub fn wait(&self) -> Exponential {
        self.wait
    }

    /// Mean number in the system.
    pub fn in_system_mean(&self) -> f64 {
        self.in_system_mean
    }

    /// Mean latency, by Little's law.
    pub fn latency_mean(&self) -> f64 {
        self.in_system_mean / self.arrival_rate
    }
}

const BATCH: Parameter =
    Parameter::required("batch-max", Unit::Count, "most requests served together");
const BASE: Parameter =
    Parameter::required("batch-base", Unit::Time, "time of a batch, apart from its requests");
const EACH: Parameter =
    Parameter::required("batch-each", Unit::Time, "time that each request adds to its batch");

fn bulk(given: &Given<'_>) -> Result<Answer, Refusal> {
    let rate = given.positive("arrival-rate")?;
    let queue = BulkExponential::new(rate, given.service_rate()?, given.count("batch-max")?)?;
    Ok(Answer {
        model: "bulk",
        utilization: Some(queue.wait().mass),
        wait_probability: Some(queue.wait().mass),
        wait_s: Some(Percentiles::of(&queue.wait())),
        latency_s: Some(Percentiles::of(&queue.latency())),
        queue_mean: Some(queue.queue_mean()),
        in_system_mean: Some(rate * queue.latency().mean()),
        throughput: Some(rate),
        batch_mean: Some(queue.batch_mean()),
        ..Answer::default()
    })
}

fn batching(given: &Given<'_>) -> Result<Answer, Refusal> {
    let (rate, base) = (given.positive("arrival-rate")?, given.positive("batch-base")?);
    let most = given.maybe("batch-max").map(|_| given.count("batch-max")).transpose()?;
    let queue = Batching::new(rate, base, given.non_negative("batch-each")?, most)?;
    Ok(Answer {
        model: "batching",
        utilization: Some(queue.utilization()),
        wait_probability: Some(queue.utilization()),
        wait_s: Some(queue.wait().map_or(Percentiles::mean(queue.mean()), Percentiles::of)),
        latency_s: Some(Percentiles::mean(queue.latency_mean())),
        queue_mean: Some(queue.queue_mean()),
        in_system_mean: Some(rate * queue.latency_mean()),
        throughput: Some(rate),
        batch_mean: Some(queue.batch_mean()),
        ..Answer::default()
    })
}

fn continuous(given: &Given<'_>) -> Result<Answer, Refusal> {
    let rate = given.positive("arrival-rate")?;
    let (alone, each) = (given.positive("batch-base")?, given.non_negative("batch-each")?);
    let queue = ContinuousBatching::new(rate, alone, each, given.count("slots")?)?;
    Ok(Answer {
        model: "continuous-batching",
        wait_probability: Some(queue.wait().mass),
        wait_s: Some(Percentiles::of(&queue.wait())),
        latency_s: Some(Percentiles::mean(queue.latency_mean())),
        queue_mean: Some(rate * queue.wait().mean()),
        in_system_mean: Some(queue.in_system_mean()),
        throughput: Some(rate),
        ..Answer::default()
    })
}

/// Bulk service.
pub(crate) const BULK: Model = Model {
    name: "bulk",
    title: "M/M^[1,b]/1",
    doc: "One server that takes whatever waits, up to a limit, and serves it together for an \
          exponential time that does not depend on the number. Exact. Source: Bailey 1954.",
    params: &[ARRIVAL_RATE, SERVICE_MEAN, BATCH],
    solve: bulk,
};

/// Batches whose time is linear in their size.
pub(crate) const BATCHING: Model = Model {
    name: "batching",
    title: "Dynamic batching",
    doc: "One server (a GPU) that takes whatever waits, up to a limit if there is one, and serves \
          n requests together for the fixed time batch-base + n batch-each. Exact means; \
          percentiles of the wait where batch-each is 0. Source: Inoue 2021.",
    params: &[ARRIVAL_RATE, BASE, EACH.default(0.0), BATCH.optional()],
    solve: batching,
};

/// Requests that join a running batch.
pub(crate) const CONTINUOUS_BATCHING: Model = Model {
    name: "continuous-batching",
    title: "Continuous batching",
    doc: "One server that serves up to `slots` requests at once, each at a pace that falls with \
          their number: a request alone takes batch-base + batch-each on average, one among n \
          takes batch-base + n batch-each. Exact for exponential work.",
    params: &[
        ARRIVAL_RATE,
        BASE,
        EACH,
        Parameter::required("slots", Unit::Count, "most requests served at once"),
    ],
    solve: continuous,
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::theory::mdc::Mdc;
    use crate::theory::mmc::Mmc;

    #[test]
    fn batches_of_one_are_ordinary_queues() {
        let exponential = BulkExponential::new(0.9, 1.0, 1).unwrap();
        let want = Mmc::new(0.9, 1.0, 1).unwrap();
        assert!((exponential.wait().mean() / want.wait().mean() - 1.0).abs() < 1e-12);
        let constant = Batching::new(0.9, 1.0, 0.0, Some(1)).unwrap();
        let want = Mdc::new(0.9, 1.0, 1).unwrap();
        assert!((constant.mean() / want.mean() - 1.0).abs() < 1e-11);
        for p in [0.5, 0.9, 0.999] {
            assert!((constant.quantile(p) / want.quantile(p) - 1.0).abs() < 1e-10, "{p}");
        }
    }

    #[test]
    fn continuous_batching_at_a_constant_pace_is_erlang_c() {
        let got = ContinuousBatching::new(9_900.0, 1.0, 0.0, 10_000).unwrap();
        let want = Mmc::new(9_900.0, 1.0, 10_000).unwrap();
        assert!((got.wait().mass / want.wait_probability() - 1.0).abs() < 1e-11);
        assert!((got.in_system_mean() / want.in_system_mean() - 1.0).abs() < 1e-11);
    }

    #[test]
    fn a_load_at_the_capacity_of_full_batches_is_refused() {
        assert!(BulkExponential::new(8.0, 1.0, 8).is_err());
        assert!(Batching::new(10.0, 1.0, 0.1, None).is_err());
        assert!(BulkExponential::new(8.0 * (1.0 - 1e-9), 1.0, 8).is_ok());
    }
}
