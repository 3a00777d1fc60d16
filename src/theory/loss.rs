//! Systems that refuse, or never make wait: M/M/c/K, M/M/c/c, M/M/∞, and closed systems.

use super::answer::{Answer, Percentiles, Refusal};
use super::catalog::{ARRIVAL_RATE, Given, Model, Parameter, SERVERS, SERVICE_MEAN, Unit};
use super::delay::{Delay, Exponential, Steps};
use super::mmc::erlang_b;
use super::numeric::chain::birth_death;
use super::numeric::special::Poisson;

/// The M/M/c/K queue: at most `capacity` requests in the system, those in service included.
#[derive(Debug, Clone, PartialEq)]
pub struct Mmck {
    arrival_rate: f64,
    service_rate: f64,
    servers: u32,
    /// `P(n in the system)`.
    law: Vec<f64>,
}

impl Mmck {
    /// Any load has a steady state here; needs `capacity ≥ servers`.
    pub fn new(
        arrival_rate: f64,
        service_rate: f64,
        servers: u32,
        capacity: u32,
    ) -> Result<Self, Refusal> {
        if capacity < servers {
            return Err(Refusal(format!(
                "the capacity counts requests in service too, so it must be at least the \
                 number of servers ({servers}), not {capacity}"
            )));
        }
        let death = |n: usize| service_rate * n.min(servers as usize) as f64;
        let law = birth_death(|_| arrival_rate, death, capacity as usize);
        Ok(Self { arrival_rate, service_rate, servers, law })
    }

    /// `P(an arriving request is refused)`.
    pub fn blocking_probability(&self) -> f64 {
        self.law[self.law.len() - 1]
    }

    /// Completions per unit of time.
    pub fn throughput(&self) -> f64 {
        let accepted: f64 = self.law[..self.law.len() - 1].iter().sum();
        self.arrival_rate * accepted
    }

    /// Mean number in the system.
    pub fn in_system_mean(&self) -> f64 {
        self.law.iter().enumerate().map(|(n, p)| n as f64 * p).sum()
    }

    /// Mean number waiting.
    pub fn queue_mean(&self) -> f64 {
        let waiting = self.law.iter().skip(self.servers as usize).enumerate();
        waiting.map(|(n, p)| n as f64 * p).sum()
    }

    /// The wait of accepted requests.
    pub fn wait(&self) -> Steps {
        let seen = &self.law[self.servers as usize..self.law.len() - 1];
        let accepted = self.throughput() / self.arrival_rate;
        let mut beyond = vec![0.0; seen.len() + 1];
        for (k, p) in seen.iter().enumerate().rev() {
            beyond[k] = beyond[k + 1] + p / accepted;
        }
        Steps::new(self.service_rate * f64::from(self.servers), beyond)
    }

    /// The latency of accepted requests.
    pub fn latency(&self) -> Steps {
        self.wait().then_exponential(self.service_rate)
    }

    /// Mean latency of accepted requests, by Little's law.
    pub fn latency_mean(&self) -> f64 {
        self.in_system_mean() / self.throughput()
    }

    fn answer(&self, model: &'static str) -> Answer {
        let wait = self.wait();
        Answer {
            model,
            utilization: Some(self.throughput() / (self.service_rate * f64::from(self.servers))),
            wait_probability: Some(wait.tail(0.0)),
            blocking_probability: Some(self.blocking_probability()),
            wait_s: Some(Percentiles::of(&wait)),
            latency_s: Some(Percentiles::of(&self.latency())),
            queue_mean: Some(self.queue_mean()),
            in_system_mean: Some(self.in_system_mean()),
            throughput: Some(self.throughput()),
            ..Answer::default()
        }
    }
}

/// The number in the M/G/∞ system: Poisson, whatever the service law.
pub struct MGInf {
    load: f64,
}

impl MGInf {
    /// `load` is the arrival rate times the mean service time.
    pub fn new(load: f64) -> Self {
        Self { load }
    }

    /// The smallest `n` with `P(N ≤ n) ≥ p`.
    pub fn quantile(&self, p: f64) -> u64 {
        let law = Poisson::new(self.load);
        let mut left = 1.0 - p;
        let mut n = law.first + law.weights.len();
        for weight in law.weights.iter().rev() {
            left -= weight;
            if left < 0.0 {
                return n as u64 - 1;
            }
            n -= 1;
        }
        0
    }

    /// Mean number at time `t` after an empty start, exponential service of rate `service_rate`.
    pub fn mean_after_empty(&self, service_rate: f64, t: f64) -> f64 {
        -self.load * (-service_rate * t).exp_m1()
    }
}

/// The sinusoidal `M_t/M/∞` system (Eick, Massey and Whitt 1993): the arrival rate is
/// `mean_rate (1 + amplitude sin(frequency t))`, `frequency` in radians per unit of time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PeriodicMInf {
    /// The mean arrival rate.
    pub mean_rate: f64,
    /// The relative amplitude, 0 to 1.
    pub amplitude: f64,
    /// Radians per unit of time.
    pub frequency: f64,
    /// The service rate.
    pub service_rate: f64,
}

impl PeriodicMInf {
    /// The largest mean number in the system over a period.
    pub fn peak(&self) -> f64 {
        let turn = self.frequency / self.service_rate;
        self.mean_rate / self.service_rate * (1.0 + self.amplitude / turn.hypot(1.0))
    }

    /// How long after the peak of the arrival rate the peak of the load comes.
    pub fn lag(&self) -> f64 {
        (self.frequency / self.service_rate).atan() / self.frequency
    }
}

/// The closed system M/M/c//N: `clients` who think, request, and wait for the answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Closed {
    think_rate: f64,
    service_rate: f64,
    servers: u32,
    law: Vec<f64>,
}

impl Closed {
    /// Exponential thinking of mean `think_mean`, exponential service.
    pub fn new(clients: u32, think_mean: f64, service_rate: f64, servers: u32) -> Self {
        let think_rate = think_mean.recip();
        let law = birth_death(
            |n| (clients as usize - n) as f64 * think_rate,
            |n| n.min(servers as usize) as f64 * service_rate,
            clients as usize,
        );
        Self { think_rate, service_rate, servers, law }
    }

    /// Completions per unit of time.
    pub fn throughput(&self) -> f64 {
        let busy = |n: usize| n.min(self.servers as usize) as f64;
        self.service_rate * self.law.iter().enumerate().map(|(n, p)| busy(n) * p).sum::<f64>()
    }

    /// Mean number at the servers, waiting or served.
    pub fn in_system_mean(&self) -> f64 {
        self.law.iter().enumerate().map(|(n, p)| n as f64 * p).sum()
    }

    /// Mean number waiting.
    pub fn queue_mean(&self) -> f64 {
        let waiting = self.law.iter().skip(self.servers as usize).enumerate();
        waiting.map(|(n, p)| n as f64 * p).sum()
    }

    /// Mean latency, by Little's law.
    pub fn latency_mean(&self) -> f64 {
        self.in_system_mean() / self.throughput()
    }

    /// The wait as the arrivals see it: a client finds the system as if it were not there.
    pub fn wait(&self) -> Steps {
        let clients = self.law.len() - 1;
        let rate = |n: usize| (clients - n) as f64 * self.think_rate;
        let flow = self.throughput();
        let servers = self.servers as usize;
        let mut beyond = vec![0.0; (clients + 1).saturating_sub(servers) + 1];
        for n in (servers..=clients).rev() {
            beyond[n - servers] = beyond[n - servers + 1] + rate(n) * self.law[n] / flow;
        }
        Steps::new(self.service_rate * f64::from(self.servers), beyond)
    }
}

const CAPACITY: Parameter = Parameter::required(
    "capacity",
    Unit::Count,
    "most requests in the system, those in service included",
);

fn mmck(given: &Given<'_>) -> Result<Answer, Refusal> {
    let (rate, servers) = (given.positive("arrival-rate")?, given.count("servers")?);
    let capacity = given.count("capacity")?;
    Ok(Mmck::new(rate, given.service_rate()?, servers, capacity)?.answer("mmck"))
}

fn mmcc(given: &Given<'_>) -> Result<Answer, Refusal> {
    let (rate, mean) = (given.positive("arrival-rate")?, given.positive("service-mean")?);
    let servers = given.count("servers")?;
    let blocking = erlang_b(servers, rate * mean);
    let throughput = rate * (1.0 - blocking);
    Ok(Answer {
        model: "mmcc",
        utilization: Some(throughput * mean / f64::from(servers)),
        wait_probability: Some(0.0),
        blocking_probability: Some(blocking),
        latency_s: Some(Percentiles::of(&Exponential { mass: 1.0, rate: 1.0 / mean })),
        queue_mean: Some(0.0),
        in_system_mean: Some(throughput * mean),
        throughput: Some(throughput),
        ..Answer::default()
    })
}

fn mminf(given: &Given<'_>) -> Result<Answer, Refusal> {
    let (rate, mean) = (given.positive("arrival-rate")?, given.positive("service-mean")?);
    Ok(Answer {
        model: "mminf",
        wait_probability: Some(0.0),
        latency_s: Some(Percentiles::of(&Exponential { mass: 1.0, rate: 1.0 / mean })),
        queue_mean: Some(0.0),
        in_system_mean: Some(rate * mean),
        throughput: Some(rate),
        ..Answer::default()
    })
}

fn closed(given: &Given<'_>) -> Result<Answer, Refusal> {
    let (clients, servers) = (given.count("clients")?, given.count("servers")?);
    let (think, rate) = (given.positive("think-mean")?, given.service_rate()?);
    let system = Closed::new(clients, think, rate, servers);
    let wait = system.wait();
    Ok(Answer {
        model: "closed",
        utilization: Some(system.throughput() / (rate * f64::from(servers))),
        wait_probability: Some(wait.tail(0.0)),
        wait_s: Some(Percentiles::of(&wait)),
        latency_s: Some(Percentiles::of(&wait.then_exponential(rate))),
        queue_mean: Some(system.queue_mean()),
        in_system_mean: Some(system.in_system_mean()),
        throughput: Some(system.throughput()),
        ..Answer::default()
    })
}

/// A bounded queue.
pub(crate) const MMCK: Model = Model {
    name: "mmck",
    title: "M/M/c/K",
    doc: "Several servers and a bounded queue; a request that finds it full is refused. Exact; \
          waits and latencies are of accepted requests. Any load has a steady state.",
    params: &[ARRIVAL_RATE, SERVICE_MEAN, SERVERS, CAPACITY],
    solve: mmck,
};

/// No queue.
pub(crate) const MMCC: Model = Model {
    name: "mmcc",
    title: "M/M/c/c (Erlang B)",
    doc: "Several servers and no queue: a request that finds all of them busy is refused. The \
          probabilities hold for any service law of this mean. Source: Erlang 1917.",
    params: &[ARRIVAL_RATE, SERVICE_MEAN, SERVERS],
    solve: mmcc,
};

/// Servers without end.
pub(crate) const MMINF: Model = Model {
    name: "mminf",
    title: "M/M/inf",
    doc: "A server for every request: nobody waits. The number in the system is Poisson for any \
          service law; the latency percentiles are of exponential service.",
    params: &[ARRIVAL_RATE, SERVICE_MEAN],
    solve: mminf,
};

/// Clients who think.
pub(crate) const CLOSED: Model = Model {
    name: "closed",
    title: "M/M/c//N",
    doc: "A fixed number of clients, each of whom thinks, requests, waits for the answer and \
          thinks again. Exact for exponential thinking and service.",
    params: &[
        Parameter::required("clients", Unit::Count, "clients, each with one request at a time"),
        Parameter::required("think-mean", Unit::Time, "mean time between answer and request"),
        SERVICE_MEAN,
        SERVERS,
    ],
    solve: closed,
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_queue_the_bounded_queue_is_erlang_b() {
        for servers in [1, 50, 10_000] {
            let load = 1.01 * f64::from(servers);
            let queue = Mmck::new(load, 1.0, servers, servers).unwrap();
            let want = erlang_b(servers, load);
            assert!((queue.blocking_probability() / want - 1.0).abs() < 1e-11, "{servers}");
            assert_eq!(queue.wait().mean(), 0.0);
        }
    }

    #[test]
    fn the_mean_of_the_latency_law_is_littles() {
        let queue = Mmck::new(15.0, 1.0, 16, 40).unwrap();
        assert!((queue.latency().mean() / queue.latency_mean() - 1.0).abs() < 1e-12);
        let closed = Closed::new(100, 20.0, 1.0, 4);
        let latency = closed.wait().then_exponential(1.0);
        assert!((latency.mean() / closed.latency_mean() - 1.0).abs() < 1e-12);
    }
}
