//! Arrivals in bursts: two-rate Markov-modulated Poisson processes and Hawkes processes.

use super::answer::{Answer, Percentiles, Refusal};
use super::catalog::{Given, Model, Parameter, SERVERS, SERVICE_MEAN, Unit};
use super::delay::Steps;
use super::mmc::stable;
use super::numeric::matrix::dot;
use super::numeric::qbd::{Chain, Stationary};
use super::numeric::special::saturating;

/// Poisson arrivals whose rate switches between two values at exponential times.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Mmpp2 {
    /// The arrival rate in the first state.
    pub rate1: f64,
    /// The arrival rate in the second state.
    pub rate2: f64,
    /// The rate of switching from the first state to the second.
    pub r12: f64,
    /// The rate of switching from the second state to the first.
    pub r21: f64,
}

impl Mmpp2 {
    /// The mean arrival rate.
    pub fn mean_rate(&self) -> f64 {
        (self.rate1 * self.r21 + self.rate2 * self.r12) / (self.r12 + self.r21)
    }

    /// The index of dispersion of counts over an interval of length `t` (Heffes and Lucantoni
    /// 1986): the variance of the count over its mean, 1 for Poisson.
    pub fn dispersion(&self, t: f64) -> f64 {
        let relax = self.r12 + self.r21;
        1.0 + self.excess() * (1.0 - saturating(relax, t) / t)
    }

    /// The index of dispersion over long intervals.
    pub fn dispersion_limit(&self) -> f64 {
        1.0 + self.excess()
    }

    fn excess(&self) -> f64 {
        let relax = self.r12 + self.r21;
        let spread = (self.rate1 - self.rate2).powi(2);
        2.0 * spread * self.r12 * self.r21 / (relax.powi(3) * self.mean_rate())
    }

    /// The squared coefficient of variation of the time between arrivals.
    pub fn interarrival_scv(&self) -> f64 {
        let relax = self.r12 + self.r21;
        let spread = (self.rate1 - self.rate2).powi(2);
        1.0 + 2.0 * self.r12 * self.r21 * spread / (relax * relax * self.determinant())
    }

    /// The determinant of `−D0`.
    fn determinant(&self) -> f64 {
        self.rate1 * self.rate2 + self.r12 * self.rate2 + self.rate1 * self.r21
    }

    /// The correlation of successive times between arrivals.
    ///
    /// Of `E T_1 T_2 = p M P M 1` with `M = (−D0)^{-1}`, `P = M D1` and `p` the state as arrivals
    /// find it.
    pub fn interarrival_correlation(&self) -> f64 {
        let det = self.determinant();
        let m = [
            [(self.rate2 + self.r21) / det, self.r12 / det],
            [self.r21 / det, (self.rate1 + self.r12) / det],
        ];
        let times =
            |v: [f64; 2]| [v[0] * m[0][0] + v[1] * m[1][0], v[0] * m[0][1] + v[1] * m[1][1]];
        let flow = self.rate1 * self.r21 + self.rate2 * self.r12;
        let found = [self.rate1 * self.r21 / flow, self.rate2 * self.r12 / flow];
        let first = times(found);
        let mean = first[0] + first[1];
        let after = times(first);
        let second = times([after[0] * self.rate1, after[1] * self.rate2]);
        let joint = second[0] + second[1];
        let square = times(first);
        let variance = 2.0 * (square[0] + square[1]) - mean * mean;
        (joint - mean * mean) / variance
    }
}

/// A Hawkes process: every event adds `jump` to the rate, and this decays at rate `decay`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Hawkes {
    /// The rate of events that have no cause.
    pub baseline: f64,
    /// What one event adds to the rate.
    pub jump: f64,
    /// The rate of decay; above `jump`.
    pub decay: f64,
}

impl Hawkes {
    /// The mean arrival rate.
    pub fn mean_rate(&self) -> f64 {
        self.baseline / (1.0 - self.jump / self.decay)
    }

    /// The index of dispersion of counts over an interval of length `t` (Hawkes 1971).
    pub fn dispersion(&self, t: f64) -> f64 {
        let relax = self.decay - self.jump;
        let covariance = self.jump * (2.0 * self.decay - self.jump) / (2.0 * relax);
        1.0 + 2.0 * covariance / relax * (1.0 - saturating(relax, t) / t)
    }

    /// The index of dispersion over long intervals.
    pub fn dispersion_limit(&self) -> f64 {
        (1.0 - self.jump / self.decay).powi(-2)
    }
}

/// The MMPP(2)/M/c queue in steady state, as its arrivals see it.
pub struct MmppMc {
    arrivals: Mmpp2,
    service_rate: f64,
    servers: u32,
    law: Stationary,
}

impl MmppMc {
    /// Needs a mean arrival rate below `servers · service_rate`.
    pub fn new(arrivals: Mmpp2, service_rate: f64, servers: u32) -> Result<Self, Refusal> {
        let c = servers as usize;
        stable(arrivals.mean_rate() / (service_rate * c as f64))?;
        let Mmpp2 { rate1, rate2, r12, r21 } = arrivals;
        let chain = Chain {
            phases: |_| 2,
            moves: |level: usize, phase: usize| {
                let (rate, switch) = if phase == 0 { (rate1, r12) } else { (rate2, r21) };
                let mut moves = vec![(1, phase, rate), (0, 1 - phase, switch)];
                if level > 0 {
                    moves.push((-1, phase, service_rate * level.min(c) as f64));
                }
                moves
            },
        };
        Ok(Self { arrivals, service_rate, servers, law: chain.unbounded(c) })
    }

    /// The wait of an arriving request.
    pub fn wait(&self) -> Steps {
        let flow = self.arrivals.mean_rate();
        let seen = [self.arrivals.rate1 / flow, self.arrivals.rate2 / flow];
        let mut tail = self.law.tail(&seen);
        Steps::from_rule(self.service_rate * f64::from(self.servers), &mut tail)
    }

    /// `P(an arriving request waits)`, by what arrivals see and not by the clock.
    pub fn wait_probability(&self) -> f64 {
        let flow = self.arrivals.mean_rate();
        let seen = [self.arrivals.rate1 / flow, self.arrivals.rate2 / flow];
        dot(&self.law.potential.left(&self.law.head), &seen)
    }

    /// Mean number waiting.
    pub fn queue_mean(&self) -> f64 {
        self.law.expect(|level, _| level.saturating_sub(self.servers as usize) as f64)
    }

    /// Mean wait, by Little's law.
    pub fn wait_mean(&self) -> f64 {
        self.queue_mean() / self.arrivals.mean_rate()
    }
}

fn mmpp(given: &Given<'_>) -> Result<Answer, Refusal> {
    let arrivals = Mmpp2 {
        rate1: given.positive("arrival-rate-high")?,
        rate2: given.non_negative("arrival-rate-low")?,
        r12: 1.0 / given.positive("high-mean")?,
        r21: 1.0 / given.positive("low-mean")?,
    };
    let (service_rate, servers) = (given.service_rate()?, given.count("servers")?);
    let queue = MmppMc::new(arrivals, service_rate, servers)?;
    let (rate, wait) = (arrivals.mean_rate(), queue.wait());
    Ok(Answer {
        model: "mmppmc",
        utilization: Some(rate / (service_rate * f64::from(servers))),
        wait_probability: Some(queue.wait_probability()),
        wait_s: Some(Percentiles::of(&wait)),
        latency_s: Some(Percentiles::of(&wait.then_exponential(service_rate))),
        queue_mean: Some(queue.queue_mean()),
        in_system_mean: Some(queue.queue_mean() + rate / service_rate),
        throughput: Some(rate),
        ..Answer::default()
    })
}

/// Arrivals at two rates.
pub(crate) const MMPP_MC: Model = Model {
    name: "mmppmc",
    title: "MMPP(2)/M/c",
    doc: "Several servers fed from one queue; arrivals are Poisson at a rate that switches between \
          high and low at exponential times. Exact, and as requests see it: more of them arrive \
          when it is crowded. Sources: Neuts 1981, Fischer and Meier-Hellstern 1993.",
    params: &[
        Parameter::required("arrival-rate-high", Unit::Rate, "requests per second when high"),
        Parameter::required("arrival-rate-low", Unit::Rate, "requests per second when low"),
        Parameter::required("high-mean", Unit::Time, "mean length of a high period"),
        Parameter::required("low-mean", Unit::Time, "mean length of a low period"),
        SERVICE_MEAN,
        SERVERS,
    ],
    solve: mmpp,
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::theory::delay::Delay;
    use crate::theory::mmc::Mmc;

    #[test]
    fn two_equal_rates_are_poisson() {
        let arrivals = Mmpp2 { rate1: 900.0, rate2: 900.0, r12: 0.3, r21: 0.1 };
        let (got, want) =
            (MmppMc::new(arrivals, 1.0, 1000).unwrap(), Mmc::new(900.0, 1.0, 1000).unwrap());
        assert!((got.wait_probability() / want.wait_probability() - 1.0).abs() < 1e-10);
        assert!((got.wait_mean() / want.wait().mean() - 1.0).abs() < 1e-10);
        assert!((got.wait().mean() / want.wait().mean() - 1.0).abs() < 1e-9);
        assert!((arrivals.dispersion(5.0) - 1.0).abs() < 1e-15);
    }

    #[test]
    fn near_saturation_the_wait_keeps_its_digits() {
        let arrivals = Mmpp2 { rate1: 1.5, rate2: 0.4999, r12: 0.1, r21: 0.1 };
        let queue = MmppMc::new(arrivals, 1.0, 1).unwrap();
        assert!((queue.wait().mean() / queue.wait_mean() - 1.0).abs() < 1e-7);
    }
}
