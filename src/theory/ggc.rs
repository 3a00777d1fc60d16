//! Approximations of G/G/c by two moments: named formulas, not truths.

use super::answer::{Answer, Percentiles, Refusal};
use super::catalog::{ARRIVAL_CV, ARRIVAL_RATE, CV, Given, Model, SERVERS, SERVICE_MEAN};
use super::delay::{Delay, Exponential};
use super::mdc::Mdc;
use super::mmc::Mmc;

/// A G/G/c queue by the first two moments of both laws.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ggc {
    arrival_rate: f64,
    service_rate: f64,
    servers: u32,
    arrival_scv: f64,
    service_scv: f64,
    erlang: Mmc,
}

impl Ggc {
    /// `arrival_scv` and `service_scv` are squared coefficients of variation.
    ///
    /// Needs `arrival_rate < servers · service_rate`.
    pub fn new(
        arrival_rate: f64,
        service_rate: f64,
        servers: u32,
        arrival_scv: f64,
        service_scv: f64,
    ) -> Result<Self, Refusal> {
        let erlang = Mmc::new(arrival_rate, service_rate, servers)?;
        Ok(Self { arrival_rate, service_rate, servers, arrival_scv, service_scv, erlang })
    }

    /// Erlang C, which is within a few per cent of the probability of waiting in M/G/c.
    pub fn wait_probability(&self) -> f64 {
        self.erlang.wait_probability()
    }

    /// Mean wait, `(c_a² + c_s²)/2` times that of M/M/c (Allen 1990; Lee and Longton 1959).
    pub fn allen_cunneen(&self) -> f64 {
        0.5 * (self.arrival_scv + self.service_scv) * self.erlang.wait().mean()
    }

    /// Mean wait of M/G/c by the harmonic interpolation between M/M/c and exact M/D/c (Kimura
    /// 1986). For a service scv above 1 the denominator can approach zero.
    pub fn kimura(&self) -> Result<f64, Refusal> {
        let (exponential, constant) = (self.erlang.wait().mean(), self.constant()?.mean());
        let scv = self.service_scv;
        Ok((1.0 + scv) / (2.0 * scv / exponential + (1.0 - scv) / constant))
    }

    /// Mean wait of M/G/c by the linear interpolation between M/M/c and exact M/D/c (Tijms 1994).
    pub fn two_point(&self) -> Result<f64, Refusal> {
        let (exponential, constant) = (self.erlang.wait().mean(), self.constant()?.mean());
        Ok((1.0 - self.service_scv) * constant + self.service_scv * exponential)
    }

    fn constant(&self) -> Result<Mdc, Refusal> {
        Mdc::new(self.arrival_rate, 1.0 / self.service_rate, self.servers)
    }

    /// Mean wait of M/D/c (Cosmetatos 1976).
    pub fn cosmetatos(&self) -> f64 {
        0.5 * self.erlang.wait().mean() * (1.0 + self.correction())
    }

    /// `(1 − ρ)(c − 1)(√(4 + 5c) − 2)/(16 c ρ)`.
    fn correction(&self) -> f64 {
        let (c, rho) = (f64::from(self.servers), self.erlang.utilization());
        (1.0 - rho) * (c - 1.0) * ((4.0 + 5.0 * c).sqrt() - 2.0) / (16.0 * c * rho)
    }

    /// Mean wait (Whitt 1993, Production and Operations Management 2(2)): the best of the
    /// two-moment formulas, within a few per cent for ordinary laws.
    pub fn whitt(&self) -> f64 {
        let (a, s) = (self.arrival_scv, self.service_scv);
        let rho = self.erlang.utilization();
        let gamma = self.correction().min(0.24);
        let constant_service = 1.0 + gamma;
        let constant_arrivals = (1.0 - 4.0 * gamma) * (-2.0 * (1.0 - rho) / (3.0 * rho)).exp();
        let even = (0.5 * (constant_service + constant_arrivals)).min(1.0);
        let scv = 0.5 * (a + s);
        let psi = if scv >= 1.0 { 1.0 } else { even.powf(2.0 * (1.0 - scv)) };
        let factor = if a == 0.0 && s == 0.0 {
            0.0
        } else if a >= s {
            let whole = 4.0 * a - 3.0 * s;
            4.0 * (a - s) / whole * constant_service + s / whole * psi
        } else {
            let whole = 2.0 * (a + s);
            (s - a) / whole * constant_arrivals + (s + 3.0 * a) / whole * psi
        };
        factor * scv * self.erlang.wait().mean()
    }

    /// The wait as an atom and an exponential with this mean: Erlang C for the atom.
    pub fn wait(&self, mean: f64) -> Exponential {
        let mass = self.wait_probability();
        Exponential { mass, rate: mass / mean }
    }
}

fn ggc(given: &Given<'_>) -> Result<Answer, Refusal> {
    approximate("ggc", given, given.non_negative("arrival-cv")?, |queue| Ok(queue.whitt()))
}

fn allen_cunneen(given: &Given<'_>) -> Result<Answer, Refusal> {
    let arrival_cv = given.non_negative("arrival-cv")?;
    approximate("allen-cunneen", given, arrival_cv, |queue| Ok(queue.allen_cunneen()))
}

fn kimura(given: &Given<'_>) -> Result<Answer, Refusal> {
    approximate("kimura", given, 1.0, Ggc::kimura)
}

/// The answer of the formula called `model` for the mean wait.
fn approximate(
    model: &'static str,
    given: &Given<'_>,
    arrival_cv: f64,
    wait_mean: impl Fn(&Ggc) -> Result<f64, Refusal>,
) -> Result<Answer, Refusal> {
    let (rate, mean) = (given.positive("arrival-rate")?, given.positive("service-mean")?);
    let servers = given.count("servers")?;
    let cv = given.non_negative("cv")?;
    let queue = Ggc::new(rate, 1.0 / mean, servers, arrival_cv * arrival_cv, cv * cv)?;
    let wait_mean = wait_mean(&queue)?;
    let wait = if wait_mean > 0.0 {
        Percentiles::of(&queue.wait(wait_mean))
    } else {
        Percentiles::mean(0.0)
    };
    Ok(Answer {
        model,
        utilization: Some(rate * mean / f64::from(servers)),
        wait_probability: Some(queue.wait_probability()),
        wait_s: Some(wait),
        latency_s: Some(Percentiles::mean(wait_mean + mean)),
        queue_mean: Some(rate * wait_mean),
        in_system_mean: Some(rate * (wait_mean + mean)),
        throughput: Some(rate),
        ..Answer::default()
    })
}

/// Anything, approximately.
pub(crate) const GGC: Model = Model {
    name: "ggc",
    title: "G/G/c (approximation)",
    doc: "Several servers fed from one queue, any variation of arrivals and service. An \
          approximation by two moments: mean wait by Whitt 1993, probability of waiting by \
          Erlang C, wait percentiles as if the positive part were exponential. Usually within a \
          few per cent for the mean; bursty or correlated arrivals are not described by a \
          coefficient of variation.",
    params: &[ARRIVAL_RATE, ARRIVAL_CV, SERVICE_MEAN, CV, SERVERS],
    solve: ggc,
};

/// The oldest formula of all, for comparison.
pub(crate) const ALLEN_CUNNEEN: Model = Model {
    name: "allen-cunneen",
    title: "G/G/c (Allen–Cunneen)",
    doc: "The mean wait of M/M/c times the mean of both squared coefficients of variation (Allen \
          1990): what spreadsheets use. Exact for M/M/c and M/G/1; for regular arrivals it says \
          too much, and `ggc` is nearer.",
    params: &[ARRIVAL_RATE, ARRIVAL_CV, SERVICE_MEAN, CV, SERVERS],
    solve: allen_cunneen,
};

/// Poisson arrivals, between two exact answers.
pub(crate) const KIMURA: Model = Model {
    name: "kimura",
    title: "M/G/c (Kimura)",
    doc: "Poisson arrivals and any service: the mean wait by harmonic interpolation between exact \
          M/M/c and exact M/D/c (Kimura 1986). Within about a per cent for a coefficient of \
          variation up to 1; far above it the formula breaks down.",
    params: &[ARRIVAL_RATE, SERVICE_MEAN, CV, SERVERS],
    solve: kimura,
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_formula_is_exact_for_poisson_arrivals_and_exponential_service() {
        let queue = Ggc::new(8.0, 1.0, 10, 1.0, 1.0).unwrap();
        let want = Mmc::new(8.0, 1.0, 10).unwrap().wait().mean();
        for got in [
            queue.allen_cunneen(),
            queue.whitt(),
            queue.kimura().unwrap(),
            queue.two_point().unwrap(),
        ] {
            assert!((got / want - 1.0).abs() < 1e-14);
        }
    }

    #[test]
    fn constant_arrivals_and_service_never_wait() {
        assert_eq!(Ggc::new(8.0, 1.0, 10, 0.0, 0.0).unwrap().whitt(), 0.0);
    }
}
