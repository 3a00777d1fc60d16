//! A queue before each server: random, round robin, shortest queue, power of d choices.

use super::answer::{Answer, Percentiles, Refusal};
use super::catalog::{ARRIVAL_RATE, Given, Model, Parameter, SERVERS, SERVICE_MEAN, Unit};
use super::delay::{Delay, Mixture, Steps};
use super::distribution::Distribution;
use super::gmc::Gmc;
use super::mmc::{Mmc, stable};
use super::numeric::qbd::{Chain, Move, Stationary};

/// Each of `servers` queues under random routing: M/M/1 with its share of the arrivals.
///
/// Needs `arrival_rate < servers · service_rate`.
pub fn random_routing(arrival_rate: f64, service_rate: f64, servers: u32) -> Result<Mmc, Refusal> {
    Mmc::new(arrival_rate / f64::from(servers), service_rate, 1)
}

/// Each of `servers` queues under round robin: every `servers`-th arrival, hence `E_N/M/1`.
///
/// Needs `arrival_rate < servers · service_rate`.
pub fn round_robin(arrival_rate: f64, service_rate: f64, servers: u32) -> Result<Gmc, Refusal> {
    let interarrival = Distribution::Erlang { k: servers, rate: arrival_rate };
    Gmc::new(&interarrival, service_rate, 1)
}

/// The best of `choices` queues sampled at random, in the limit of many servers (Vvedenskaya,
/// Dobrushin and Karpelevich 1996; Mitzenmacher 2001).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PowerOfChoices {
    utilization: f64,
    service_rate: f64,
    choices: u32,
}

impl PowerOfChoices {
    /// `utilization` is the load of a server, below 1.
    pub fn new(utilization: f64, service_rate: f64, choices: u32) -> Result<Self, Refusal> {
        stable(utilization)?;
        Ok(Self { utilization, service_rate, choices })
    }

    /// The share of servers with at least `k` requests: `ρ^{1 + d + … + d^{k−1}}`.
    pub fn share_at_least(&self, k: u32) -> f64 {
        let d = f64::from(self.choices);
        let exponent =
            if self.choices == 1 { f64::from(k) } else { (d.powf(f64::from(k)) - 1.0) / (d - 1.0) };
        self.utilization.powf(exponent)
    }

    /// `P(the queue that is joined has at least k requests)`.
    fn joined(&self, k: u32) -> f64 {
        self.share_at_least(k).powf(f64::from(self.choices))
    }

    /// The law of the wait.
    pub fn wait(&self) -> Steps {
        Steps::from_rule(self.service_rate, |k| self.joined(k as u32 + 1))
    }

    /// The law of the latency.
    pub fn latency(&self) -> Steps {
        Steps::from_rule(self.service_rate, |k| self.joined(k as u32))
    }
}

/// Two equal servers, arrivals to the shorter queue (Flatto and `McKean` 1977).
///
/// A chain whose level is the shorter queue and whose phase is the difference, cut at 60: the
/// difference falls faster than geometrically, so the cut is far below rounding.
pub struct ShorterOfTwo {
    service_rate: f64,
    law: Stationary,
}

impl ShorterOfTwo {
    /// Needs `arrival_rate < 2 service_rate`.
    pub fn new(arrival_rate: f64, service_rate: f64) -> Result<Self, Refusal> {
        const WIDEST: usize = 60;
        stable(arrival_rate / (2.0 * service_rate))?;
        let moves = |shorter: usize, gap: usize| -> Vec<Move> {
            let mut moves = Vec::with_capacity(3);
            moves.push(if gap == 0 { (0, 1, arrival_rate) } else { (1, gap - 1, arrival_rate) });
            if gap > 0 {
                moves.push((0, gap - 1, service_rate));
            }
            if shorter > 0 && gap < WIDEST {
                let servers = if gap == 0 { 2.0 } else { 1.0 };
                moves.push((-1, gap + 1, servers * service_rate));
            }
            moves
        };
        let law = Chain { phases: |_| WIDEST + 1, moves }.unbounded(1);
        Ok(Self { service_rate, law })
    }

    /// `P(the shorter queue has at least k requests)` for `k` = 0, 1, …
    fn joined(&self, from: usize) -> Steps {
        let weight = vec![1.0; self.law.head.len()];
        let mut tail = self.law.tail(&weight);
        Steps::from_rule(self.service_rate, |k| if k + from == 0 { 1.0 } else { tail(k) })
    }

    /// The law of the wait.
    pub fn wait(&self) -> Steps {
        self.joined(1)
    }

    /// The law of the latency.
    pub fn latency(&self) -> Steps {
        self.joined(0)
    }
}

/// How arrivals choose between two unequal servers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Choice {
    /// The fewest requests.
    Fewest,
    /// The fewest requests per unit of speed, `n/μ`.
    FewestPerSpeed,
    /// The shortest expected delay, `(n + 1)/μ`.
    ShortestDelay,
}

/// What happens when both servers look the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tie {
    /// The faster server.
    Fastest,
    /// The first server.
    First,
    /// Either with the same probability.
    Random,
}

/// Two servers of different speeds, a queue before each.
pub struct TwoServers {
    arrival_rate: f64,
    routing: Routing,
    law: Stationary,
}

/// How requests find their server; the level of the chain is one queue, the phase the other.
#[derive(Debug, Clone, Copy)]
struct Routing {
    rates: [f64; 2],
    choice: Choice,
    tie: Tie,
    /// The server whose queue is the level.
    level: usize,
}

impl Routing {
    fn queues(&self, level: usize, phase: usize) -> [usize; 2] {
        if self.level == 0 { [level, phase] } else { [phase, level] }
    }

    /// The probability that an arrival joins a server.
    fn joins(&self, server: usize, queues: [usize; 2]) -> f64 {
        let look = |i: usize| {
            let n = queues[i] as f64;
            match self.choice {
                Choice::Fewest => n,
                Choice::FewestPerSpeed => n / self.rates[i],
                Choice::ShortestDelay => (n + 1.0) / self.rates[i],
            }
        };
        let (this, other) = (look(server), look(1 - server));
        if (this - other).abs() > 1e-9 * (this + other) {
            return f64::from(u8::from(this < other));
        }
        match self.tie {
            Tie::First => f64::from(u8::from(server == 0)),
            Tie::Fastest if self.rates[0] != self.rates[1] => {
                f64::from(u8::from(self.rates[server] > self.rates[1 - server]))
            }
            Tie::Random | Tie::Fastest => 0.5,
        }
    }

    fn moves(&self, arrival_rate: f64, at: [usize; 2], caps: [usize; 2]) -> Vec<Move> {
        let (level, phase) = (at[0], at[1]);
        let queues = self.queues(level, phase);
        let join = |server: usize| arrival_rate * self.joins(server, queues);
        let other = 1 - self.level;
        let mut moves = Vec::with_capacity(4);
        if level < caps[0] {
            moves.push((1, phase, join(self.level)));
        }
        if phase < caps[1] {
            moves.push((0, phase + 1, join(other)));
        }
        if level > 0 {
            moves.push((-1, phase, self.rates[self.level]));
        }
        if phase > 0 {
            moves.push((0, phase - 1, self.rates[other]));
        }
        moves
    }
}

impl TwoServers {
    /// Needs `arrival_rate` below the sum of the service rates. The chain is cut where queues are
    /// about 1e-13 likely; refuses a utilization above 0.95, where it would be too large.
    pub fn new(
        arrival_rate: f64,
        rates: [f64; 2],
        choice: Choice,
        tie: Tie,
    ) -> Result<Self, Refusal> {
        let utilization = arrival_rate / (rates[0] + rates[1]);
        stable(utilization)?;
        if utilization > 0.95 {
            return Err(Refusal(format!(
                "two unequal servers are computed up to a utilization of 0.95, not {utilization}"
            )));
        }
        // The total falls by the utilization a request; balanced by number or by work, a queue
        // holds about its share of it.
        let total = 1e-13_f64.ln() / utilization.ln();
        let caps = [0, 1].map(|server| {
            let share = match choice {
                Choice::Fewest => 0.5,
                _ => rates[server] / (rates[0] + rates[1]),
            };
            (total * share) as usize + 16
        });
        // The level is the longer queue: the work is cubic in the other.
        let level = usize::from(caps[1] > caps[0]);
        let caps = [caps[level], caps[1 - level]];
        let routing = Routing { rates, choice, tie, level };
        let moves = |level, phase| routing.moves(arrival_rate, [level, phase], caps);
        let law = Chain { phases: |_| caps[1] + 1, moves }.bounded(caps[0]);
        Ok(Self { arrival_rate, routing, law })
    }

    fn queues(&self, level: usize, phase: usize) -> [usize; 2] {
        self.routing.queues(level, phase)
    }

    fn joins(&self, server: usize, level: usize, phase: usize) -> f64 {
        self.routing.joins(server, self.queues(level, phase))
    }

    /// The share of the requests that go to a server (0 or 1).
    pub fn share(&self, server: usize) -> f64 {
        self.law.expect(|level, phase| self.joins(server, level, phase))
    }

    /// Share of time a server (0 or 1) is busy.
    pub fn utilization(&self, server: usize) -> f64 {
        self.law.expect(|level, phase| f64::from(u8::from(self.queues(level, phase)[server] > 0)))
    }

    /// Mean number in the system.
    pub fn in_system_mean(&self) -> f64 {
        self.law.expect(|level, phase| (level + phase) as f64)
    }

    /// Mean latency, by Little's law.
    pub fn latency_mean(&self) -> f64 {
        self.in_system_mean() / self.arrival_rate
    }

    /// `P(an arriving request waits)`.
    pub fn wait_probability(&self) -> f64 {
        self.law.expect(|level, phase| {
            let queues = self.queues(level, phase);
            let busy = |i: usize| f64::from(u8::from(queues[i] > 0));
            self.joins(0, level, phase) * busy(0) + self.joins(1, level, phase) * busy(1)
        })
    }

    /// The law of the latency: at each server a number of services of that server.
    pub fn latency(&self) -> Mixture {
        Mixture([0, 1].map(|server| self.latency_at(server)).into())
    }

    /// The share of a server, and the law of the latency there.
    fn latency_at(&self, server: usize) -> (f64, Steps) {
        let mut joined: Vec<f64> = Vec::new();
        for (level, law) in self.law.levels().enumerate() {
            for (phase, p) in law.iter().enumerate() {
                let found = self.queues(level, phase)[server];
                if joined.len() <= found {
                    joined.resize(found + 1, 0.0);
                }
                joined[found] += p * self.joins(server, level, phase);
            }
        }
        let share: f64 = joined.iter().sum();
        let mut left = 1.0;
        let mut survival = vec![1.0];
        for p in joined {
            left -= p / share;
            survival.push(left.max(0.0));
        }
        (share, Steps::new(self.routing.rates[server], survival))
    }
}

/// Mean latency of two unequal servers with one queue, the fastest idle server first.
///
/// Needs `arrival_rate` below the sum of the service rates.
pub fn fastest_first(arrival_rate: f64, rates: [f64; 2]) -> Result<f64, Refusal> {
    let (fast, slow) = (rates[0].max(rates[1]), rates[0].min(rates[1]));
    let utilization = arrival_rate / (fast + slow);
    stable(utilization)?;
    // Weights of: empty, only the fast one busy, only the slow one, both; from the balance of
    // empty, of "only slow" and of the cut between one and two requests.
    let only_slow_per_both = fast / (arrival_rate + slow);
    let both = 1.0;
    let only_slow = only_slow_per_both * both;
    let only_fast = ((fast + slow) * both - arrival_rate * only_slow) / arrival_rate;
    let empty = (fast * only_fast + slow * only_slow) / arrival_rate;
    let spare = 1.0 - utilization;
    let mass = empty + only_fast + only_slow + both / spare;
    let in_system = only_fast + only_slow + both * (2.0 / spare + utilization / (spare * spare));
    Ok(in_system / mass / arrival_rate)
}

fn answer(
    model: &'static str,
    given: &Given<'_>,
    servers: u32,
    wait: &dyn Delay,
    latency: &dyn Delay,
) -> Result<Answer, Refusal> {
    let (rate, service_rate) = (given.positive("arrival-rate")?, given.service_rate()?);
    Ok(Answer {
        model,
        utilization: Some(rate / (service_rate * f64::from(servers))),
        wait_probability: Some(wait.tail(0.0)),
        wait_s: Some(Percentiles::of(wait)),
        latency_s: Some(Percentiles::of(latency)),
        queue_mean: Some(rate * wait.mean()),
        in_system_mean: Some(rate * latency.mean()),
        throughput: Some(rate),
        ..Answer::default()
    })
}

fn random_model(given: &Given<'_>) -> Result<Answer, Refusal> {
    let (rate, servers) = (given.positive("arrival-rate")?, given.count("servers")?);
    let queue = random_routing(rate, given.service_rate()?, servers)?;
    answer("random", given, servers, &queue.wait(), &queue.latency())
}

fn round_robin_model(given: &Given<'_>) -> Result<Answer, Refusal> {
    let (rate, servers) = (given.positive("arrival-rate")?, given.count("servers")?);
    let queue = round_robin(rate, given.service_rate()?, servers)?;
    answer("round-robin", given, servers, &queue.wait(), &queue.latency())
}

fn power_model(given: &Given<'_>) -> Result<Answer, Refusal> {
    let (rate, servers) = (given.positive("arrival-rate")?, given.count("servers")?);
    let service_rate = given.service_rate()?;
    let utilization = rate / (service_rate * f64::from(servers));
    let choices = given.count_to("choices", 1000)?;
    let queue = PowerOfChoices::new(utilization, service_rate, choices)?;
    answer("power-of-choices", given, servers, &queue.wait(), &queue.latency())
}

fn shorter_model(given: &Given<'_>) -> Result<Answer, Refusal> {
    let queue = ShorterOfTwo::new(given.positive("arrival-rate")?, given.service_rate()?)?;
    answer("shorter-of-two", given, 2, &queue.wait(), &queue.latency())
}

/// Random routing.
pub(crate) const RANDOM: Model = Model {
    name: "random",
    title: "N parallel M/M/1",
    doc: "A queue before each server and a random server for each request: every server is an \
          M/M/1. Exact.",
    params: &[ARRIVAL_RATE, SERVICE_MEAN, SERVERS],
    solve: random_model,
};

/// Round robin.
pub(crate) const ROUND_ROBIN: Model = Model {
    name: "round-robin",
    title: "N parallel E_N/M/1",
    doc: "A queue before each server, requests to the servers in turn: every server sees each \
          N-th arrival. Exact.",
    params: &[ARRIVAL_RATE, SERVICE_MEAN, SERVERS],
    solve: round_robin_model,
};

/// Power of d choices.
pub(crate) const POWER_OF_CHOICES: Model = Model {
    name: "power-of-choices",
    title: "Power of d choices (mean field)",
    doc: "A queue before each server, each request to the shortest of a few sampled at random. \
          The limit of many servers: with few servers the truth is worse. Sources: Vvedenskaya, \
          Dobrushin and Karpelevich 1996, Mitzenmacher 2001.",
    params: &[
        ARRIVAL_RATE,
        SERVICE_MEAN,
        SERVERS,
        Parameter::required("choices", Unit::Count, "servers sampled for each request")
            .default(2.0),
    ],
    solve: power_model,
};

/// Join the shorter queue.
pub(crate) const SHORTER_OF_TWO: Model = Model {
    name: "shorter-of-two",
    title: "Two M/M/1, join the shorter queue",
    doc: "Two equal servers with a queue before each, every request to the shorter one. Exact. \
          Source: Flatto and McKean 1977.",
    params: &[ARRIVAL_RATE, SERVICE_MEAN],
    solve: shorter_model,
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_choice_is_random_routing() {
        let got = PowerOfChoices::new(0.9, 1.0, 1).unwrap();
        let want = random_routing(0.9, 1.0, 1).unwrap();
        let (a, b) = (got.latency().quantile(0.99), want.latency().quantile(0.99));
        assert!((a / b - 1.0).abs() < 1e-11);
    }

    #[test]
    fn two_equal_servers_by_both_methods_agree() {
        let shorter = ShorterOfTwo::new(1.6, 1.0).unwrap();
        let general = TwoServers::new(1.6, [1.0; 2], Choice::Fewest, Tie::Random).unwrap();
        let (a, b) = (shorter.latency().mean(), general.latency_mean());
        assert!((a / b - 1.0).abs() < 1e-9, "{a} {b}");
        let (a, b) = (shorter.latency().quantile(0.99), general.latency().quantile(0.99));
        assert!((a / b - 1.0).abs() < 1e-8, "{a} {b}");
    }

    #[test]
    fn equal_servers_with_one_queue_are_erlang_c() {
        let want = Mmc::new(1.8, 1.0, 2).unwrap().latency().mean();
        assert!((fastest_first(1.8, [1.0; 2]).unwrap() / want - 1.0).abs() < 1e-14);
    }
}
