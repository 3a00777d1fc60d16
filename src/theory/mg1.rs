//! One server and any service law: M/G/1 by Pollaczek and Khinchine, and processor sharing.

use super::answer::{Answer, Percentiles, Refusal};
use super::catalog::{ARRIVAL_RATE, CV, Given, Model, SERVICE_MEAN};
use super::delay::{Delay, Shifted, Steps};
use super::distribution::Distribution;
use super::mdc::Mdc;
use super::mmc::stable;
use super::numeric::complex::Complex;
use super::numeric::{fourier, root};

/// The M/G/1 queue, first come first served.
#[derive(Debug, Clone, PartialEq)]
pub struct Mg1 {
    arrival_rate: f64,
    service: Distribution,
}

impl Mg1 {
    /// Needs a load `arrival_rate · E[S]` below 1.
    pub fn new(arrival_rate: f64, service: Distribution) -> Result<Self, Refusal> {
        stable(arrival_rate * service.mean())?;
        Ok(Self { arrival_rate, service })
    }

    /// Share of time the server is busy, which is also the probability of waiting.
    pub fn utilization(&self) -> f64 {
        self.arrival_rate * self.service.mean()
    }

    /// `λ E[S²] / (2 (1 − ρ))` (Pollaczek 1930, Khinchine 1932).
    pub fn wait_mean(&self) -> f64 {
        self.arrival_rate * self.service.moment(2) / (2.0 * (1.0 - self.utilization()))
    }

    /// `E[W]² + λ E[S³] / (3 (1 − ρ))` (Takács 1962).
    pub fn wait_variance(&self) -> f64 {
        let third = self.arrival_rate * self.service.moment(3);
        self.wait_mean().powi(2) + third / (3.0 * (1.0 - self.utilization()))
    }

    /// Mean number waiting.
    pub fn queue_mean(&self) -> f64 {
        self.arrival_rate * self.wait_mean()
    }

    /// The law of the wait: exact for constant and phase-type service, by numerical inversion of
    /// the transform for the others, to about 1e-8 where the service law is smooth and 1e-5 where
    /// it jumps.
    pub fn wait(&self) -> Box<dyn Delay> {
        self.delay(false)
    }

    /// The law of the latency, by the same methods.
    pub fn latency(&self) -> Box<dyn Delay> {
        self.delay(true)
    }

    fn delay(&self, served: bool) -> Box<dyn Delay> {
        if let Distribution::Deterministic { value } = self.service {
            let wait = Mdc::new(self.arrival_rate, value, 1);
            if let Ok(wait) = wait {
                let by = if served { value } else { 0.0 };
                return Box::new(Shifted { delay: wait, by });
            }
        }
        match Series::of(&self.service) {
            Some(series) => Box::new(series.delay(self.utilization(), served)),
            None => Box::new(Inverted { queue: self.clone(), served }),
        }
    }
}

/// A phase-type law whose phases are passed in order: the next one, or the exit.
struct Series {
    entry: Vec<f64>,
    rates: Vec<f64>,
    /// The probability of going on from a phase to the next.
    onward: Vec<f64>,
}

impl Series {
    fn of(service: &Distribution) -> Option<Self> {
        let erlang = |k: u32, short: f64, rate: f64| {
            let k = k as usize;
            let mut entry = vec![0.0; k];
            entry[0] = 1.0 - short;
            if k > 1 {
                entry[1] += short;
            }
            let mut onward = vec![1.0; k];
            onward[k - 1] = 0.0;
            Self { entry, rates: vec![rate; k], onward }
        };
        match *service {
            Distribution::Erlang { k, rate } => Some(erlang(k, 0.0, rate)),
            Distribution::ErlangMixture { k, short, rate } => Some(erlang(k, short, rate)),
            Distribution::Hyperexponential { p, rate1, rate2 } => Some(Self {
                entry: vec![p, 1.0 - p],
                rates: vec![rate1, rate2],
                onward: vec![0.0; 2],
            }),
            _ => None,
        }
    }

    /// Where a service is found in progress: the expected time in each phase, as shares.
    fn in_progress(&self) -> Vec<f64> {
        let mut times = Vec::with_capacity(self.entry.len());
        let mut carried = 0.0;
        for ((entry, rate), onward) in self.entry.iter().zip(&self.rates).zip(&self.onward) {
            let visits = entry + carried;
            carried = visits * onward;
            times.push(visits / rate);
        }
        let mean: f64 = times.iter().sum();
        times.iter().map(|time| time / mean).collect()
    }

    /// One step of the clock of rate `clock`: moves the weights, returns what left.
    fn step(&self, weights: &mut [f64], clock: f64) -> f64 {
        let (mut carried, mut left) = (0.0, 0.0);
        for ((weight, rate), onward) in weights.iter_mut().zip(&self.rates).zip(&self.onward) {
            let moved = *weight * rate / clock;
            *weight = *weight - moved + carried;
            carried = moved * onward;
            left += moved - carried;
        }
        left
    }

    /// The wait is a geometric sum of residual services (Pollaczek-Khinchine), hence phase-type
    /// itself; the latency adds one service.
    fn delay(&self, utilization: f64, served: bool) -> Steps {
        let clock = self.rates.iter().fold(0.0_f64, |most, &rate| most.max(rate));
        let residual = self.in_progress();
        let mut waiting: Vec<f64> = residual.iter().map(|p| utilization * p).collect();
        let begin = if served { 1.0 } else { 0.0 };
        let mut serving: Vec<f64> =
            self.entry.iter().map(|p| begin * (1.0 - utilization) * p).collect();
        Steps::from_rule(clock, |_| {
            let now = waiting.iter().sum::<f64>() + serving.iter().sum::<f64>();
            let ended = self.step(&mut waiting, clock);
            self.step(&mut serving, clock);
            for (weight, p) in waiting.iter_mut().zip(&residual) {
                *weight += utilization * ended * p;
            }
            for (weight, p) in serving.iter_mut().zip(&self.entry) {
                *weight += begin * (1.0 - utilization) * ended * p;
            }
            now
        })
    }
}

/// A wait or latency known by its transform.
struct Inverted {
    queue: Mg1,
    served: bool,
}

impl Inverted {
    /// `∫ e^{−st} P(T > t) dt` along the line of inversion.
    fn transforms(&self, start: f64, step: f64, count: usize) -> Vec<Complex> {
        let (load, mean) = (self.queue.utilization(), self.queue.service.mean());
        let survivals = self.queue.service.survival_transforms(start, step, count);
        let at = |(k, survival): (usize, Complex)| {
            let s = Complex::new(start, step * k as f64);
            let residual = survival.scale(1.0 / mean);
            let geometric = Complex::ONE - residual.scale(load);
            let wait = (Complex::ONE - residual).scale(load) / (geometric * s);
            if self.served {
                // 1 − W*S* = (1 − W*) + W* (1 − S*), and (1 − S*)/s is the survival's transform.
                wait + (Complex::ONE - wait * s) * survival
            } else {
                wait
            }
        };
        survivals.into_iter().enumerate().map(at).collect()
    }
}

impl Delay for Inverted {
    fn mean(&self) -> f64 {
        let service = if self.served { self.queue.service.mean() } else { 0.0 };
        self.queue.wait_mean() + service
    }

    fn tail(&self, t: f64) -> f64 {
        if t <= 0.0 {
            return if self.served { 1.0 } else { self.queue.utilization() };
        }
        let terms = if self.queue.service.jumps() { 6000 } else { 120 };
        fourier::invert(|start, step, count| self.transforms(start, step, count), t, terms)
    }

    fn quantile(&self, p: f64) -> f64 {
        let scale = self.queue.service.mean() / (1.0 - self.queue.utilization());
        root::of_tail_to(|t| self.tail(t), 1.0 - p, scale, 1e-11)
    }
}

/// The M/G/1 processor-sharing queue: its means depend on the service law by its mean alone.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Mg1Ps {
    /// Share of time the server is busy.
    pub utilization: f64,
}

impl Mg1Ps {
    /// Needs a load below 1.
    pub fn new(arrival_rate: f64, service_mean: f64) -> Result<Self, Refusal> {
        stable(arrival_rate * service_mean)?;
        Ok(Self { utilization: arrival_rate * service_mean })
    }

    /// Mean latency of a request that alone would take `service` (Kleinrock 1967): `s / (1 − ρ)`.
    pub fn latency_mean(&self, service: f64) -> f64 {
        service / (1.0 - self.utilization)
    }
}

fn mg1(given: &Given<'_>) -> Result<Answer, Refusal> {
    let (rate, mean) = (given.positive("arrival-rate")?, given.positive("service-mean")?);
    let cv = given.non_negative("cv")?;
    stable(rate * mean)?;
    let wait_mean = rate * mean * mean * (1.0 + cv * cv) / (2.0 * (1.0 - rate * mean));
    let (mut wait, mut latency) =
        (Percentiles::mean(wait_mean), Percentiles::mean(wait_mean + mean));
    if let Ok(service) = Distribution::from_moments(mean, cv) {
        let queue = Mg1::new(rate, service)?;
        wait = Percentiles::of(queue.wait().as_ref());
        latency = Percentiles::of(queue.latency().as_ref());
    }
    Ok(Answer {
        model: "mg1",
        utilization: Some(rate * mean),
        wait_probability: Some(rate * mean),
        wait_s: Some(wait),
        latency_s: Some(latency),
        queue_mean: Some(rate * wait_mean),
        in_system_mean: Some(rate * (wait_mean + mean)),
        throughput: Some(rate),
        ..Answer::default()
    })
}

fn mg1ps(given: &Given<'_>) -> Result<Answer, Refusal> {
    let (rate, mean) = (given.positive("arrival-rate")?, given.positive("service-mean")?);
    let queue = Mg1Ps::new(rate, mean)?;
    let latency = queue.latency_mean(mean);
    Ok(Answer {
        model: "mg1ps",
        utilization: Some(queue.utilization),
        wait_probability: Some(0.0),
        latency_s: Some(Percentiles::mean(latency)),
        in_system_mean: Some(rate * latency),
        throughput: Some(rate),
        ..Answer::default()
    })
}

/// One server, any service.
pub(crate) const MG1: Model = Model {
    name: "mg1",
    title: "M/G/1",
    doc: "One server, first come first served, service of any mean and variation. The means are \
          exact (Pollaczek-Khinchine). The percentiles are those of the usual law with these two \
          moments: constant at cv 0, Erlang or a mixture of two Erlangs below 1, exponential at 1, \
          hyperexponential with balanced means above; they are absent for a cv between 0 and 0.05.",
    params: &[ARRIVAL_RATE, SERVICE_MEAN, CV],
    solve: mg1,
};

/// One server, shared.
pub(crate) const MG1PS: Model = Model {
    name: "mg1ps",
    title: "M/G/1-PS",
    doc: "One server that shares itself equally among all requests present. The means hold for \
          any service law of this mean; a request that alone would take s takes s/(1-rho) on \
          average. Source: Kleinrock 1967.",
    params: &[ARRIVAL_RATE, SERVICE_MEAN],
    solve: mg1ps,
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_laws_have_the_means_of_pollaczek_and_khinchine() {
        for cv in [0.0, 0.1, 0.3, 0.8, 1.0, 2.0] {
            let service = Distribution::from_moments(0.5, cv).unwrap();
            for rho in [0.1, 0.9, 0.999] {
                let queue = Mg1::new(rho / 0.5, service.clone()).unwrap();
                let (got, want) = (queue.wait().mean(), queue.wait_mean());
                assert!((got / want - 1.0).abs() < 1e-9, "cv {cv}, rho {rho}: {got} {want}");
                let latency = queue.latency().mean();
                assert!((latency / (want + 0.5) - 1.0).abs() < 1e-9, "cv {cv}, rho {rho}");
            }
        }
    }

    #[test]
    fn inversion_bears_a_service_law_that_jumps() {
        let exact = Mg1::new(0.8, Distribution::Deterministic { value: 1.0 }).unwrap();
        let inverted = Mg1::new(0.8, Distribution::Discrete(vec![(1.0, 1.0)])).unwrap();
        for p in [0.5, 0.9, 0.99] {
            let (want, got) = (exact.wait().quantile(p), inverted.wait().quantile(p));
            assert!((got / want - 1.0).abs() < 1e-6, "{p}: {got} {want}");
        }
    }

    #[test]
    fn inversion_agrees_with_the_exact_law_where_both_exist() {
        let exact = Mg1::new(0.8, Distribution::Erlang { k: 3, rate: 3.0 }).unwrap();
        let inverted = Mg1::new(0.8, Distribution::Gamma { shape: 3.0, rate: 3.0 }).unwrap();
        for p in [0.5, 0.9, 0.999] {
            let (want, got) = (exact.wait().quantile(p), inverted.wait().quantile(p));
            assert!((got / want - 1.0).abs() < 1e-7, "{p}: {got} {want}");
            let (want, got) = (exact.latency().quantile(p), inverted.latency().quantile(p));
            assert!((got / want - 1.0).abs() < 1e-7, "{p}: {got} {want}");
        }
    }
}
