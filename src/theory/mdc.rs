//! M/D/c: Poisson arrivals, constant service, as many servers as you like.
//!
//! The queue one service time later is `(Q + A − c)⁺` with `A` the Poisson arrivals between
//! (Crommelin 1932), a random walk with integer steps. Spitzer's identity gives its stationary law
//! through `a_m = Σ_k P(S_k = m)/k`, and these are the Fourier coefficients of
//! `−ln(1 − z^{−c} e^{λD(z−1)})` on a circle between the two real roots: one transform gives all of
//! them, each to full relative accuracy, for one server or ten thousand, at any load.

use super::answer::{Answer, Percentiles, Refusal};
use super::catalog::{ARRIVAL_RATE, Given, Model, SERVERS, SERVICE_MEAN};
use super::delay::{Delay, Shifted};
use super::mmc::stable;
use super::numeric::complex::Complex;
use super::numeric::fourier;
use super::numeric::root;
use super::numeric::special::Poisson;

/// The M/D/c queue in steady state; also the law of its wait.
#[derive(Debug, Clone, PartialEq)]
pub struct Mdc {
    arrival_rate: f64,
    service: f64,
    servers: u32,
    wait_probability: f64,
    queue_mean: f64,
    /// `P(more than m waiting)`.
    beyond: Vec<f64>,
}

impl Mdc {
    /// `service` is the constant service time; needs `arrival_rate · service < servers`.
    ///
    /// Refuses a utilization above 0.99999, beyond which the transform would not fit in memory.
    pub fn new(arrival_rate: f64, service: f64, servers: u32) -> Result<Self, Refusal> {
        let c = f64::from(servers);
        let load = arrival_rate * service;
        let utilization = load / c;
        stable(utilization)?;
        if utilization > 0.99999 {
            return Err(Refusal(format!(
                "the M/D/c queue is computed up to a utilization of 0.99999, not {utilization}: \
                 nearer to 1 use half the M/M/c wait"
            )));
        }
        let radius = utilization.recip();
        let needed = (40.0 / radius.ln()).max(64.0 + 40.0 * c.sqrt());
        let size = (needed as usize).next_power_of_two();
        let coefficients = spitzer(utilization, c, size);
        let shrink = |m: usize| (-(m as f64) * radius.ln()).exp();
        let at_least_zero: f64 =
            coefficients.iter().enumerate().rev().map(|(m, a)| a * shrink(m)).sum();
        let queue_mean =
            coefficients.iter().enumerate().rev().map(|(m, a)| m as f64 * a * shrink(m)).sum();
        Ok(Self {
            arrival_rate,
            service,
            servers,
            wait_probability: -(-at_least_zero).exp_m1(),
            queue_mean,
            beyond: queue_tail(&coefficients, radius, size),
        })
    }

    /// Mean share of the servers that is busy.
    pub fn utilization(&self) -> f64 {
        self.arrival_rate * self.service / f64::from(self.servers)
    }

    /// `P(an arriving request waits)`.
    pub fn wait_probability(&self) -> f64 {
        self.wait_probability
    }

    /// Mean number waiting.
    pub fn queue_mean(&self) -> f64 {
        self.queue_mean
    }

    /// `P(more than m waiting)`.
    fn beyond(&self, m: usize) -> f64 {
        self.beyond.get(m).copied().unwrap_or(0.0)
    }
}

impl Delay for Mdc {
    fn mean(&self) -> f64 {
        self.queue_mean / self.arrival_rate
    }

    /// `W > t` exactly if the queue and the arrivals of the time from `t` to the end of its
    /// service period are at least `kc` (Franx 2001, Oper. Res. Letters 29(5)).
    fn tail(&self, t: f64) -> f64 {
        let period = (t / self.service).floor() + 1.0;
        let threshold = period as usize * self.servers as usize;
        let arrivals = Poisson::new(self.arrival_rate * (period * self.service - t).max(0.0));
        arrivals.average(|j| if j >= threshold { 1.0 } else { self.beyond(threshold - 1 - j) })
    }

    fn quantile(&self, p: f64) -> f64 {
        let level = 1.0 - p;
        if self.wait_probability <= level {
            return 0.0;
        }
        root::of_tail(|t| self.tail(t), level, self.mean())
    }
}

/// `a_m r^m` for `m` from 0 to half the transform, beyond which negative `m` appear.
///
/// On the circle of radius `r = 1/ρ` the exponent `λD(z − 1) − c ln z` at the angle `x` is
/// `c (1 − ρ + ln ρ + cos x − 1 + i (sin x − x))`; written so, it keeps its digits near saturation.
fn spitzer(utilization: f64, servers: f64, size: usize) -> Vec<f64> {
    let spare = 1.0 - utilization;
    let drift = spare + (-spare).ln_1p();
    let mut values: Vec<Complex> = (0..size)
        .map(|j| {
            let half_sine = (0.5 * angle(j, size)).sin();
            let turn = angle(j, size).sin() - angle(j, size);
            let real = drift - 2.0 * half_sine * half_sine;
            let exponent = Complex::new(servers * real, servers * turn);
            if exponent.re < -1.0 { -(-exponent.exp()).ln_1p() } else { -(-exponent.exp_m1()).ln() }
        })
        .collect();
    fourier::forward(&mut values);
    values.truncate(size / 2);
    values.iter().map(|value| (value.re / size as f64).max(0.0)).collect()
}

/// The angle of node `j` on the circle, between −π and π.
fn angle(j: usize, size: usize) -> f64 {
    let turns = if 2 * j > size { j as f64 - size as f64 } else { j as f64 };
    std::f64::consts::TAU * turns / size as f64
}

/// `P(Q > m)` from the generating function `(1 − e^{Σ a_m (z^m − 1)}) / (1 − z)`.
fn queue_tail(coefficients: &[f64], radius: f64, size: usize) -> Vec<f64> {
    let mut values = vec![Complex::ZERO; size];
    let mut total = 0.0;
    for (m, a) in coefficients.iter().enumerate().skip(1).rev() {
        // The inverse transform below divides by the size; here it must not.
        values[m] = Complex::real(a * size as f64);
        total += a * (-(m as f64) * radius.ln()).exp();
    }
    fourier::inverse(&mut values);
    for (j, value) in values.iter_mut().enumerate() {
        let z = Complex::polar(radius, angle(j, size));
        *value = (*value - Complex::real(total)).exp_m1() / (z - Complex::ONE);
    }
    fourier::forward(&mut values);
    let scale = |m: usize| (-(m as f64) * radius.ln()).exp() / size as f64;
    (0..size / 2).map(|m| (values[m].re * scale(m)).max(0.0)).collect()
}

fn mdc(given: &Given<'_>) -> Result<Answer, Refusal> {
    let (rate, service) = (given.positive("arrival-rate")?, given.positive("service-mean")?);
    let queue = Mdc::new(rate, service, given.count("servers")?)?;
    Ok(Answer {
        model: "mdc",
        utilization: Some(queue.utilization()),
        wait_probability: Some(queue.wait_probability()),
        wait_s: Some(Percentiles::of(&queue)),
        latency_s: Some(Percentiles::of(&Shifted { delay: queue.clone(), by: service })),
        queue_mean: Some(queue.queue_mean()),
        in_system_mean: Some(queue.queue_mean() + rate * service),
        throughput: Some(rate),
        ..Answer::default()
    })
}

/// Constant service.
pub(crate) const MDC: Model = Model {
    name: "mdc",
    title: "M/D/c",
    doc: "Several servers fed from one queue: Poisson arrivals, every service takes the same \
          time. Exact means and percentiles. Sources: Crommelin 1932, Franx 2001.",
    params: &[ARRIVAL_RATE, SERVICE_MEAN, SERVERS.default(1.0)],
    solve: mdc,
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_server_has_the_pollaczek_khinchine_mean_at_any_load() {
        for rho in [0.01, 0.5, 0.9, 0.99, 0.999, 0.9999] {
            let queue = Mdc::new(rho, 1.0, 1).unwrap();
            let want = rho / (2.0 * (1.0 - rho));
            assert!((queue.mean() / want - 1.0).abs() < 1e-9, "{rho}: {}", queue.mean());
            assert!((queue.wait_probability() / rho - 1.0).abs() < 1e-12, "{rho}");
            assert!((queue.tail(0.0) / rho - 1.0).abs() < 1e-11, "{rho}");
        }
    }

    #[test]
    fn ten_thousand_servers_are_as_safe_as_one() {
        let queue = Mdc::new(9_900.0, 1.0, 10_000).unwrap();
        assert!((queue.tail(0.0) / queue.wait_probability() - 1.0).abs() < 1e-9);
        let idle = Mdc::new(5_000.0, 1.0, 10_000).unwrap();
        assert!(idle.wait_probability() < 1e-300 && idle.mean() >= 0.0);
    }
}
