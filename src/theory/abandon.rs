//! Queues that people leave: Erlang A (M/M/c+M) and fixed patience (M/M/c+D).

use super::answer::{Answer, Percentiles, Refusal};
use super::catalog::{ARRIVAL_RATE, Given, Model, Parameter, SERVERS, SERVICE_MEAN, Unit};
use super::delay::Delay;
use super::mmc::inverse_erlang_b;
use super::numeric::quadrature;
use super::numeric::special::saturating;

/// Erlang A: M/M/c with exponential patience (Palm 1943; Baccelli and Hebuterne 1981).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ErlangA {
    arrival_rate: f64,
    service_rate: f64,
    servers: u32,
    abandonment_rate: f64,
    wait_probability: f64,
    queue_mean: f64,
    /// `λ P(exactly one server free)`: the height of the density of the offered wait.
    density: f64,
}

impl ErlangA {
    /// `abandonment_rate` is the inverse of the mean patience; any load has a steady state.
    ///
    /// Refuses an overload of such patience that the queue would hold ten million requests.
    pub fn new(
        arrival_rate: f64,
        service_rate: f64,
        servers: u32,
        abandonment_rate: f64,
    ) -> Result<Self, Refusal> {
        const LONGEST: f64 = 1e7;
        let capacity = f64::from(servers) * service_rate;
        let overload = (arrival_rate - capacity) / abandonment_rate;
        if overload > LONGEST {
            return Err(Refusal(format!(
                "with this patience about {overload:.0} requests would wait; the queue is \
                 computed up to {LONGEST}"
            )));
        }
        // P(c + k) in units of P(c − 1), summed while the queue still grows or terms still matter.
        let idle = inverse_erlang_b(servers - 1, arrival_rate / service_rate);
        let (mut unit, mut busy, mut queued) = (1.0, 0.0, 0.0);
        let (mut waiting, mut k) = (arrival_rate / capacity, 0.0);
        while k <= overload || waiting > 1e-18 * (busy + unit) {
            busy += waiting;
            queued += k * waiting;
            k += 1.0;
            waiting *= arrival_rate / (capacity + k * abandonment_rate);
            if waiting > 1e200 {
                for part in [&mut waiting, &mut busy, &mut queued, &mut unit] {
                    *part *= 1e-200;
                }
            }
        }
        let total = unit * idle + busy;
        Ok(Self {
            arrival_rate,
            service_rate,
            servers,
            abandonment_rate,
            wait_probability: busy / total,
            queue_mean: queued / total,
            density: arrival_rate * unit / total,
        })
    }

    /// `P(all servers are busy on arrival)`.
    pub fn wait_probability(&self) -> f64 {
        self.wait_probability
    }

    /// Mean number waiting.
    pub fn queue_mean(&self) -> f64 {
        self.queue_mean
    }

    /// `P(an arriving request leaves before its service)`.
    pub fn abandonment_probability(&self) -> f64 {
        self.abandonment_rate * self.queue_mean / self.arrival_rate
    }

    /// Completions per unit of time.
    pub fn throughput(&self) -> f64 {
        self.arrival_rate * (1.0 - self.abandonment_probability())
    }

    /// `P(the offered wait exceeds t)`: the wait of a request of infinite patience. Its density is
    /// `λ P(c − 1) exp(λ(1 − e^{−θt})/θ − cμt)`.
    fn offered_tail(&self, t: f64) -> f64 {
        let capacity = f64::from(self.servers) * self.service_rate;
        let (rate, theta) = (self.arrival_rate, self.abandonment_rate);
        let density = |x: f64| (rate * saturating(theta, x) - capacity * x).exp();
        // Within a step the logarithm changes by about one, by slope or by curvature.
        let step = |x: f64| {
            let still = rate * (-theta * x).exp();
            1.0 / ((still - capacity).abs() + (theta * still).sqrt() + theta)
        };
        self.density * quadrature::march(density, step, t)
    }
}

/// The time in queue of all requests, those that leave included.
impl Delay for ErlangA {
    fn mean(&self) -> f64 {
        self.queue_mean / self.arrival_rate
    }

    fn tail(&self, t: f64) -> f64 {
        if t <= 0.0 {
            return self.wait_probability;
        }
        self.offered_tail(t) * (-self.abandonment_rate * t).exp()
    }
}

/// M/M/c+D: every request waits at most `patience` (Barrer 1957).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FixedPatience {
    /// `P(all servers are busy on arrival)`.
    pub wait_probability: f64,
    /// `P(an arriving request leaves before its service)`.
    pub abandonment_probability: f64,
    /// Mean time in queue of all requests, those that leave included.
    pub wait_mean: f64,
    /// The density of the offered wait where it is highest within the patience.
    peak: f64,
    growth: f64,
    patience: f64,
}

impl FixedPatience {
    /// `patience` is in the unit of the rates; any load has a steady state.
    pub fn new(arrival_rate: f64, service_rate: f64, servers: u32, patience: f64) -> Self {
        let capacity = f64::from(servers) * service_rate;
        let idle = inverse_erlang_b(servers - 1, arrival_rate / service_rate);
        // Within the patience the density of the offered wait goes like e^{growth t}, beyond it
        // like e^{−capacity t}. In units of its peak nothing overflows.
        let growth = arrival_rate - capacity;
        let rise = (growth * patience).max(0.0);
        let within = saturating(growth.abs(), patience);
        let late = (growth * patience - rise).exp() / capacity;
        let total = (-rise).exp() * idle / arrival_rate + within + late;
        let x = growth.abs() * patience;
        let shape = if x < 0.5 {
            // ∫_0^1 of the same, in one panel: the closed forms below cancel here.
            let turn = |u: f64| if growth > 0.0 { 1.0 } else { (-x * u).exp() };
            quadrature::panel(|u| turn(u) * saturating(x, 1.0 - u), 0.0, 1.0)
        } else if growth > 0.0 {
            (x - 1.0 + (-x).exp()) / (x * x)
        } else {
            (1.0 - (1.0 + x) * (-x).exp()) / (x * x)
        };
        Self {
            wait_probability: (within + late) / total,
            abandonment_probability: late / total,
            wait_mean: patience * (late + patience * shape) / total,
            peak: total.recip(),
            growth,
            patience,
        }
    }
}

/// The time in queue of all requests.
impl Delay for FixedPatience {
    fn mean(&self) -> f64 {
        self.wait_mean
    }

    fn tail(&self, t: f64) -> f64 {
        if t >= self.patience {
            return 0.0;
        }
        let here = self.peak * (self.growth.min(0.0) * t).exp();
        here * saturating(self.growth.abs(), self.patience - t) + self.abandonment_probability
    }
}

const PATIENCE: Parameter = Parameter::required(
    "patience-mean",
    Unit::Time,
    "how long a request waits on average before it gives up",
);

fn erlang_a(given: &Given<'_>) -> Result<Answer, Refusal> {
    let (rate, service_rate) = (given.positive("arrival-rate")?, given.service_rate()?);
    let servers = given.count("servers")?;
    let queue = ErlangA::new(rate, service_rate, servers, 1.0 / given.positive("patience-mean")?)?;
    let busy = queue.throughput() / service_rate;
    Ok(Answer {
        model: "erlang-a",
        utilization: Some(busy / f64::from(servers)),
        wait_probability: Some(queue.wait_probability()),
        abandonment_probability: Some(queue.abandonment_probability()),
        wait_s: Some(Percentiles::of(&queue)),
        queue_mean: Some(queue.queue_mean()),
        in_system_mean: Some(queue.queue_mean() + busy),
        throughput: Some(queue.throughput()),
        ..Answer::default()
    })
}

fn mmcd(given: &Given<'_>) -> Result<Answer, Refusal> {
    let (rate, service_rate) = (given.positive("arrival-rate")?, given.service_rate()?);
    let servers = given.count("servers")?;
    let queue = FixedPatience::new(rate, service_rate, servers, given.positive("timeout")?);
    let throughput = rate * (1.0 - queue.abandonment_probability);
    let busy = throughput / service_rate;
    Ok(Answer {
        model: "mmc-timeout",
        utilization: Some(busy / f64::from(servers)),
        wait_probability: Some(queue.wait_probability),
        abandonment_probability: Some(queue.abandonment_probability),
        wait_s: Some(Percentiles::of(&queue)),
        queue_mean: Some(rate * queue.wait_mean),
        in_system_mean: Some(rate * queue.wait_mean + busy),
        throughput: Some(throughput),
        ..Answer::default()
    })
}

/// Exponential patience.
pub(crate) const ERLANG_A: Model = Model {
    name: "erlang-a",
    title: "M/M/c+M (Erlang A)",
    doc: "Several servers, one queue, and requests that give up waiting after an exponential \
          patience. Exact; any load has a steady state. Waits are times in queue of all requests, \
          those that give up included. Sources: Palm 1943, Baccelli and Hebuterne 1981.",
    params: &[ARRIVAL_RATE, SERVICE_MEAN, SERVERS, PATIENCE],
    solve: erlang_a,
};

/// Fixed patience.
pub(crate) const MMC_TIMEOUT: Model = Model {
    name: "mmc-timeout",
    title: "M/M/c+D",
    doc: "Several servers, one queue, and requests that give up after waiting for exactly the \
          timeout. Exact; any load has a steady state. Waits are times in queue of all requests, \
          those that give up included. Source: Barrer 1957.",
    params: &[
        ARRIVAL_RATE,
        SERVICE_MEAN,
        SERVERS,
        Parameter::required("timeout", Unit::Time, "how long a request waits before it gives up"),
    ],
    solve: mmcd,
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::theory::mmc::Mmc;

    #[test]
    fn great_patience_gives_back_erlang_c() {
        let want = Mmc::new(90.0, 1.0, 100).unwrap();
        let got = ErlangA::new(90.0, 1.0, 100, 1e-9).unwrap();
        assert!((got.wait_probability() / want.wait_probability() - 1.0).abs() < 1e-7);
        assert!((got.quantile(0.99) / want.wait().quantile(0.99) - 1.0).abs() < 1e-6);
        let fixed = FixedPatience::new(90.0, 1.0, 100, 1e3);
        assert!((fixed.wait_probability / want.wait_probability() - 1.0).abs() < 1e-12);
    }

    #[test]
    fn ten_thousand_overloaded_servers_are_safe() {
        let queue = ErlangA::new(12_000.0, 1.0, 10_000, 0.5).unwrap();
        assert!((queue.abandonment_probability() - 1.0 / 6.0).abs() < 1e-4);
        assert!((queue.tail(1e-12) / queue.wait_probability() - 1.0).abs() < 1e-9);
    }

    #[test]
    fn the_mean_of_a_fixed_patience_is_the_integral_of_its_tail() {
        for rate in [0.3, 3.999_999, 4.0, 4.1, 9.0, 4e6] {
            let queue = FixedPatience::new(rate, 1.0, 4, 2.0);
            let integral = quadrature::panels(|t| queue.tail(t), 0.0, 2.0, 64);
            assert!((queue.mean() / integral - 1.0).abs() < 1e-5, "{rate}");
            assert!((queue.tail(0.0) / queue.wait_probability - 1.0).abs() < 1e-12, "{rate}");
        }
    }

    #[test]
    fn the_two_ways_to_the_probability_of_waiting_agree() {
        for (servers, rate, theta) in [(1, 0.8, 0.5), (10, 12.0, 1.0), (256, 260.0, 0.25)] {
            let queue = ErlangA::new(rate, 1.0, servers, theta).unwrap();
            let integral = queue.offered_tail(0.0);
            assert!((integral / queue.wait_probability() - 1.0).abs() < 1e-11, "{servers}");
        }
    }
}
