//! M/PH/c: Poisson arrivals and service of two phases, many servers and one queue.

use super::answer::{Answer, Percentiles, Refusal};
use super::catalog::{ARRIVAL_RATE, CV, Given, Model, SERVERS, SERVICE_MEAN};
use super::delay::Steps;
use super::distribution::Distribution;
use super::mmc::stable;
use super::numeric::matrix::{Matrix, dot};
use super::numeric::qbd::{Chain, Move, Stationary};

/// A service of at most two exponential phases.
#[derive(Debug, Clone, Copy, PartialEq)]
struct TwoPhases {
    /// The probability of beginning in the first phase.
    first: f64,
    /// The rate from the first phase to the second.
    onward: f64,
    /// The rates of completing from each phase.
    exits: [f64; 2],
}

impl TwoPhases {
    fn of(service: &Distribution) -> Option<Self> {
        Some(match *service {
            Distribution::Erlang { k: 1, rate } => {
                Self { first: 1.0, onward: 0.0, exits: [rate, rate] }
            }
            Distribution::Erlang { k: 2, rate } => {
                Self { first: 1.0, onward: rate, exits: [0.0, rate] }
            }
            Distribution::ErlangMixture { k: 2, short, rate } => {
                Self { first: 1.0 - short, onward: rate, exits: [0.0, rate] }
            }
            Distribution::Hyperexponential { p, rate1, rate2 } => {
                Self { first: p, onward: 0.0, exits: [rate1, rate2] }
            }
            _ => return None,
        })
    }

    /// Completions with `in_first` of `busy` services in the first phase, each replaced at once.
    fn replaced(&self, in_first: usize, busy: usize) -> [(usize, f64); 4] {
        let [one, two] = self.exits;
        let (ones, twos) = (one * in_first as f64, two * (busy - in_first) as f64);
        [
            (in_first, ones * self.first),
            (in_first.saturating_sub(1), ones * (1.0 - self.first)),
            (in_first + 1, twos * self.first),
            (in_first, twos * (1.0 - self.first)),
        ]
    }

    /// The moves out of a level, the phase being the number of services in the first phase.
    fn moves(&self, arrival_rate: f64, servers: usize, level: usize, phase: usize) -> Vec<Move> {
        let busy = level.min(servers);
        let mut moves = Vec::with_capacity(8);
        if level < servers {
            moves.push((1, phase + 1, arrival_rate * self.first));
            moves.push((1, phase, arrival_rate * (1.0 - self.first)));
        } else {
            moves.push((1, phase, arrival_rate));
        }
        if phase > 0 {
            moves.push((0, phase - 1, self.onward * phase as f64));
        }
        if level > servers {
            let replaced = self.replaced(phase, busy);
            moves.extend(replaced.into_iter().filter(|(_, rate)| *rate > 0.0).map(down));
        } else {
            if phase > 0 {
                moves.push((-1, phase - 1, self.exits[0] * phase as f64));
            }
            if busy > phase {
                moves.push((-1, phase, self.exits[1] * (busy - phase) as f64));
            }
        }
        moves
    }
}

fn down((phase, rate): (usize, f64)) -> Move {
    (-1, phase, rate)
}

/// The M/PH/c queue in steady state.
pub struct Mphc {
    arrival_rate: f64,
    service_mean: f64,
    servers: u32,
    phases: TwoPhases,
    law: Stationary,
}

impl Mphc {
    /// Service must have at most two phases: exponential, Erlang-2, a mixture of the two, or
    /// hyperexponential. The work grows with the cube of the servers: a hundred are quick.
    ///
    /// Needs a load below `servers`.
    pub fn new(arrival_rate: f64, service: &Distribution, servers: u32) -> Result<Self, Refusal> {
        let phases = TwoPhases::of(service).ok_or_else(|| {
            Refusal(
                "service must be exponential, Erlang-2, a mixture of these, or hyperexponential \
                 (a coefficient of variation of at least 0.7072)"
                    .into(),
            )
        })?;
        let (c, service_mean) = (servers as usize, service.mean());
        stable(arrival_rate * service_mean / f64::from(servers))?;
        let chain = Chain {
            phases: |level: usize| level.min(c) + 1,
            moves: |level, phase| phases.moves(arrival_rate, c, level, phase),
        };
        let law = chain.unbounded(c);
        Ok(Self { arrival_rate, service_mean, servers, phases, law })
    }

    /// `P(an arriving request waits)`.
    pub fn wait_probability(&self) -> f64 {
        self.law.potential.left(&self.law.head).iter().sum()
    }

    /// Mean number waiting.
    pub fn queue_mean(&self) -> f64 {
        self.law.expect(|level, _| level.saturating_sub(self.servers as usize) as f64)
    }

    /// Mean wait, by Little's law.
    pub fn wait_mean(&self) -> f64 {
        self.queue_mean() / self.arrival_rate
    }

    /// The law of the wait.
    ///
    /// A request that finds `r − 1` waiting needs `r` completions of the saturated servers. In the
    /// uniformised chain the weight with `r` to go after `k` steps is `v R^{r−1} N_k` with
    /// `N_{k+1} = N_k P_0 + R N_k P_1`; `P_1` has the steps that complete a service, `P_0` the
    /// rest.
    pub fn wait(&self) -> Steps {
        let (c, size) = (self.servers as usize, self.law.head.len());
        let clock = c as f64 * {
            let [one, two] = self.phases.exits;
            (one + self.phases.onward).max(two)
        };
        let (mut other, mut complete) = (Matrix::identity(size), Matrix::zero(size, size));
        for phase in 0..size {
            for (target, rate) in self.phases.replaced(phase, c) {
                if rate > 0.0 {
                    complete.add_at(phase, target, rate / clock);
                    other.add_at(phase, phase, -rate / clock);
                }
            }
            if phase > 0 {
                let rate = self.phases.onward * phase as f64 / clock;
                other.add_at(phase, phase - 1, rate);
                other.add_at(phase, phase, -rate);
            }
        }
        let start = self.law.potential.left(&self.law.head);
        let mut weights = Matrix::identity(size);
        Steps::from_rule(clock, |_| {
            let now = dot(&start, &weights.row_sums());
            let stepped = self.law.factor.times(&weights.times(&complete));
            weights = weights.times(&other).plus(&stepped, 1.0);
            now
        })
    }
}

fn mphc(given: &Given<'_>) -> Result<Answer, Refusal> {
    let (rate, mean) = (given.positive("arrival-rate")?, given.positive("service-mean")?);
    let servers = given.count_to("servers", 100)?;
    let service = Distribution::from_moments(mean, given.non_negative("cv")?)?;
    let queue = Mphc::new(rate, &service, servers)?;
    Ok(Answer {
        model: "mphc",
        utilization: Some(rate * mean / f64::from(servers)),
        wait_probability: Some(queue.wait_probability()),
        wait_s: Some(Percentiles::of(&queue.wait())),
        latency_s: Some(Percentiles::mean(queue.wait_mean() + queue.service_mean)),
        queue_mean: Some(queue.queue_mean()),
        in_system_mean: Some(queue.queue_mean() + rate * mean),
        throughput: Some(rate),
        ..Answer::default()
    })
}

/// Variable service, exactly.
pub(crate) const MPHC: Model = Model {
    name: "mphc",
    title: "M/PH/c",
    doc: "Several servers fed from one queue: Poisson arrivals, service of a coefficient of \
          variation of at least 0.7072 by the two-phase law with these moments (Erlang-2 and its \
          mixture with exponential below 1, hyperexponential with balanced means above). Exact \
          for that law, up to 100 servers: what G/G/c approximations are judged by.",
    params: &[ARRIVAL_RATE, SERVICE_MEAN, CV, SERVERS],
    solve: mphc,
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::theory::delay::Delay;
    use crate::theory::mg1::Mg1;
    use crate::theory::mmc::Mmc;

    #[test]
    fn one_phase_is_erlang_c() {
        let got = Mphc::new(18.0, &Distribution::exponential(1.0), 20).unwrap();
        let want = Mmc::new(18.0, 1.0, 20).unwrap();
        assert!((got.wait_probability() / want.wait_probability() - 1.0).abs() < 1e-11);
        let (got, want) = (got.wait().quantile(0.99), want.wait().quantile(0.99));
        assert!((got / want - 1.0).abs() < 1e-9, "{got} {want}");
    }

    #[test]
    fn one_server_is_pollaczek_khinchine_near_saturation_too() {
        for (rho, scv) in [(0.8, 4.0), (0.999, 0.7)] {
            let service = Distribution::from_moments(1.0, f64::sqrt(scv)).unwrap();
            let got = Mphc::new(rho, &service, 1).unwrap();
            let want = Mg1::new(rho, service).unwrap();
            assert!((got.wait_mean() / want.wait_mean() - 1.0).abs() < 1e-9);
            let (got, want) = (got.wait().quantile(0.99), want.wait().quantile(0.99));
            assert!((got / want - 1.0).abs() < 1e-8, "{got} {want}");
        }
    }
}
