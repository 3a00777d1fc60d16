//! Who is served first: priorities, shortest job first, shortest remaining time first.

use super::answer::{Answer, Percentiles, Refusal};
use super::catalog::{ARRIVAL_RATE, Given, Model, Parameter, SERVERS, SERVICE_MEAN, Unit};
use super::mmc::{Mmc, stable};
use super::numeric::quadrature;

/// Mean waits in M/M/c with non-preemptive priorities, the highest class first (Cobham 1954,
/// Davis 1966); all classes have the same exponential service.
///
/// Needs a total arrival rate below `servers · service_rate`.
pub fn priority_waits(
    arrival_rates: &[f64],
    service_rate: f64,
    servers: u32,
) -> Result<Vec<f64>, Refusal> {
    let total = arrival_rates.iter().sum();
    let capacity = service_rate * f64::from(servers);
    let first = Mmc::new(total, service_rate, servers)?.wait_probability() / capacity;
    let mut ahead = 0.0;
    let class = |rate: &f64| {
        let above = 1.0 - ahead;
        ahead += rate / capacity;
        first / (above * (1.0 - ahead))
    };
    Ok(arrival_rates.iter().map(class).collect())
}

/// `∫_0^∞` of a smooth function that falls like `e^{−u}`: to `u` = 80 in short panels.
fn over_sizes(f: impl Fn(f64) -> f64) -> f64 {
    quadrature::panels(f, 0.0, 80.0, 320)
}

/// The load of the requests larger than `u` mean services is `ρ (1 + u) e^{−u}`; what is left of
/// the server for those of at most `u` is this and the idle share.
fn spare(utilization: f64, u: f64) -> f64 {
    1.0 - utilization + utilization * (1.0 + u) * (-u).exp()
}

/// Mean wait in M/M/1 when the shortest request is served next, without preemption (Phipps 1956).
///
/// Needs a load below 1.
pub fn shortest_first_wait(arrival_rate: f64, service_rate: f64) -> Result<f64, Refusal> {
    let utilization = arrival_rate / service_rate;
    stable(utilization)?;
    let mean = over_sizes(|u| (-u).exp() / spare(utilization, u).powi(2));
    Ok(utilization / service_rate * mean)
}

/// Mean latency in M/M/1 when the shortest remaining request is always in service (Schrage and
/// Miller 1966).
///
/// Needs a load below 1.
pub fn shortest_remaining_latency(arrival_rate: f64, service_rate: f64) -> Result<f64, Refusal> {
    let utilization = arrival_rate / service_rate;
    stable(utilization)?;
    let mean = over_sizes(|u| {
        // The second moment of sizes cut at u: ∫_0^u 2x e^{−x} dx.
        let second = 2.0 * (1.0 - (1.0 + u) * (-u).exp());
        let left = spare(utilization, u);
        (-u).exp() * (0.5 * utilization * second / (left * left) + 1.0 / left)
    });
    Ok(mean / service_rate)
}

fn priority(given: &Given<'_>) -> Result<Answer, Refusal> {
    let rates = [given.positive("arrival-rate-high")?, given.positive("arrival-rate-low")?];
    let (service_rate, servers) = (given.service_rate()?, given.count("servers")?);
    let class = given.count_to("class", 2)? as usize - 1;
    let wait = priority_waits(&rates, service_rate, servers)?[class];
    let both = Mmc::new(rates[0] + rates[1], service_rate, servers)?;
    Ok(Answer {
        model: "priority",
        utilization: Some(both.utilization()),
        wait_probability: Some(both.wait_probability()),
        wait_s: Some(Percentiles::mean(wait)),
        latency_s: Some(Percentiles::mean(wait + 1.0 / service_rate)),
        queue_mean: Some(rates[class] * wait),
        in_system_mean: Some(rates[class] * (wait + 1.0 / service_rate)),
        throughput: Some(rates[class]),
        ..Answer::default()
    })
}

fn one_server(
    model: &'static str,
    given: &Given<'_>,
    latency: impl Fn(f64, f64) -> Result<f64, Refusal>,
) -> Result<Answer, Refusal> {
    let (rate, service_rate) = (given.positive("arrival-rate")?, given.service_rate()?);
    let latency = latency(rate, service_rate)?;
    Ok(Answer {
        model,
        utilization: Some(rate / service_rate),
        latency_s: Some(Percentiles::mean(latency)),
        in_system_mean: Some(rate * latency),
        throughput: Some(rate),
        ..Answer::default()
    })
}

/// Two classes.
pub(crate) const PRIORITY: Model = Model {
    name: "priority",
    title: "M/M/c with two priorities",
    doc: "Several servers and two classes of requests with the same service: the high one goes \
          first, but does not interrupt. Exact means of the class that is asked for. Sources: \
          Cobham 1954, Davis 1966.",
    params: &[
        Parameter::required("arrival-rate-high", Unit::Rate, "requests per second, high class"),
        Parameter::required("arrival-rate-low", Unit::Rate, "requests per second, low class"),
        SERVICE_MEAN,
        SERVERS,
        Parameter::required("class", Unit::Count, "1 the high class, 2 the low one").default(1.0),
    ],
    solve: priority,
};

/// Shortest job first.
pub(crate) const SJF: Model = Model {
    name: "sjf",
    title: "M/M/1, shortest job first",
    doc: "One server that takes the shortest waiting request next, without interrupting. Exact \
          means. Source: Phipps 1956.",
    params: &[ARRIVAL_RATE, SERVICE_MEAN],
    solve: |given| {
        let mut answer = one_server("sjf", given, |rate, service_rate| {
            Ok(shortest_first_wait(rate, service_rate)? + 1.0 / service_rate)
        })?;
        let (rate, service_rate) = (given.positive("arrival-rate")?, given.service_rate()?);
        let wait = shortest_first_wait(rate, service_rate)?;
        answer.wait_probability = answer.utilization;
        answer.wait_s = Some(Percentiles::mean(wait));
        answer.queue_mean = Some(rate * wait);
        Ok(answer)
    },
};

/// Shortest remaining processing time.
pub(crate) const SRPT: Model = Model {
    name: "srpt",
    title: "M/M/1, shortest remaining time first",
    doc: "One server that always works on the request with the least work left. Exact mean \
          latency, the smallest that any order can reach. Source: Schrage and Miller 1966.",
    params: &[ARRIVAL_RATE, SERVICE_MEAN],
    solve: |given| one_server("srpt", given, shortest_remaining_latency),
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn priorities_redistribute_the_wait_and_do_not_create_any() {
        let rates = [1.0, 0.5, 1.7];
        let waits = priority_waits(&rates, 1.0, 4).unwrap();
        let total: f64 = rates.iter().sum();
        let mean = rates.iter().zip(&waits).map(|(rate, wait)| rate * wait).sum::<f64>() / total;
        let fifo = Mmc::new(total, 1.0, 4).unwrap();
        let want = fifo.wait_probability() / (4.0 - total);
        assert!((mean / want - 1.0).abs() < 1e-14);
        assert!(waits[0] < waits[1] && waits[1] < waits[2]);
    }

    #[test]
    fn an_idle_server_makes_nobody_wait_in_any_order() {
        assert!((shortest_remaining_latency(1e-9, 1.0).unwrap() - 1.0).abs() < 1e-8);
        assert!(shortest_first_wait(1e-9, 1.0).unwrap() < 2e-9);
    }
}
