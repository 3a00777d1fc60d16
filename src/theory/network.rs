//! Small systems of more than one queue: tandem, fork-join, redundancy, retrials.

use super::answer::{Answer, Percentiles, Refusal};
use super::catalog::{ARRIVAL_RATE, Given, Model, Parameter, SERVERS, SERVICE_MEAN, Unit};
use super::delay::Delay;
use super::mmc::{Mmc, stable};

/// Mean latency through M/M/c queues in series: by Burke's theorem each sees Poisson arrivals.
///
/// `stages` are pairs of service rate and servers; each needs its own spare capacity.
pub fn tandem_latency(arrival_rate: f64, stages: &[(f64, u32)]) -> Result<f64, Refusal> {
    let latency = |&(service_rate, servers): &(f64, u32)| {
        Ok(Mmc::new(arrival_rate, service_rate, servers)?.latency().mean())
    };
    stages.iter().map(latency).sum()
}

/// Mean latency of a request that forks to two M/M/1 servers and joins when both are done (Flatto
/// and Hahn 1984; Nelson and Tantawi 1988).
///
/// Needs `arrival_rate < service_rate`.
pub fn fork_join_latency(arrival_rate: f64, service_rate: f64) -> Result<f64, Refusal> {
    let utilization = arrival_rate / service_rate;
    stable(utilization)?;
    Ok((12.0 - utilization) / 8.0 / (service_rate - arrival_rate))
}

/// Mean latency when every request is copied to `copies` of `servers` M/M/1 servers, the copies'
/// services are independent, and the first to complete cancels the others (Gardner et al. 2017).
///
/// `arrival_rate` is that of the whole system; needs `arrival_rate < servers · service_rate`.
pub fn redundancy_latency(
    arrival_rate: f64,
    service_rate: f64,
    servers: u32,
    copies: u32,
) -> Result<f64, Refusal> {
    let k = f64::from(servers);
    stable(arrival_rate / (k * service_rate))?;
    if copies > servers {
        return Err(Refusal(format!(
            "copies must be at most the number of servers ({servers}), not {copies}"
        )));
    }
    // C(k−1, d−1) / C(i−1, d−1), from i = k down.
    let mut ratio = 1.0;
    let mut total = 0.0;
    for i in (copies..=servers).rev() {
        total += 1.0 / (k * service_rate * ratio - arrival_rate);
        ratio *= f64::from(i - 1) / f64::from((i - copies).max(1));
    }
    Ok(total)
}

/// Mean number in orbit of the M/M/1/1 retrial queue: a request that finds the server busy tries
/// again at rate `retry_rate` until it is served (Falin and Templeton 1997).
///
/// Needs a load below 1.
pub fn retrial_orbit(
    arrival_rate: f64,
    service_rate: f64,
    retry_rate: f64,
) -> Result<f64, Refusal> {
    let utilization = arrival_rate / service_rate;
    stable(utilization)?;
    let per_visit = arrival_rate + utilization * retry_rate;
    Ok(utilization * per_visit / ((1.0 - utilization) * retry_rate))
}

fn with_latency(model: &'static str, rate: f64, utilization: Option<f64>, latency: f64) -> Answer {
    Answer {
        model,
        utilization,
        latency_s: Some(Percentiles::mean(latency)),
        in_system_mean: Some(rate * latency),
        throughput: Some(rate),
        ..Answer::default()
    }
}

fn tandem(given: &Given<'_>) -> Result<Answer, Refusal> {
    let rate = given.positive("arrival-rate")?;
    let second = (given.positive("service-mean-2")?.recip(), given.count("servers-2")?);
    let stages = [(given.service_rate()?, given.count("servers")?), second];
    Ok(with_latency("tandem", rate, None, tandem_latency(rate, &stages)?))
}

fn fork_join(given: &Given<'_>) -> Result<Answer, Refusal> {
    let (rate, service_rate) = (given.positive("arrival-rate")?, given.service_rate()?);
    let latency = fork_join_latency(rate, service_rate)?;
    let mut answer = with_latency("fork-join", rate, Some(rate / service_rate), latency);
    answer.in_system_mean = Some(rate * latency);
    Ok(answer)
}

fn redundancy(given: &Given<'_>) -> Result<Answer, Refusal> {
    let (rate, service_rate) = (given.positive("arrival-rate")?, given.service_rate()?);
    let (servers, copies) = (given.count("servers")?, given.count("copies")?);
    let latency = redundancy_latency(rate, service_rate, servers, copies)?;
    Ok(with_latency("redundancy", rate, None, latency))
}

fn retrial(given: &Given<'_>) -> Result<Answer, Refusal> {
    let (rate, service_rate) = (given.positive("arrival-rate")?, given.service_rate()?);
    let orbit = retrial_orbit(rate, service_rate, 1.0 / given.positive("retry-mean")?)?;
    let utilization = rate / service_rate;
    Ok(Answer {
        model: "retrial",
        utilization: Some(utilization),
        wait_probability: Some(utilization),
        wait_s: Some(Percentiles::mean(orbit / rate)),
        latency_s: Some(Percentiles::mean(orbit / rate + 1.0 / service_rate)),
        queue_mean: Some(orbit),
        in_system_mean: Some(orbit + utilization),
        throughput: Some(rate),
        ..Answer::default()
    })
}

/// Two stages.
pub(crate) const TANDEM: Model = Model {
    name: "tandem",
    title: "M/M/c -> M/M/c",
    doc: "Two stages of several servers each, one after the other. Exact means (Burke 1956).",
    params: &[
        ARRIVAL_RATE,
        SERVICE_MEAN,
        SERVERS,
        Parameter::required("service-mean-2", Unit::Time, "mean service time at the second stage"),
        Parameter::required("servers-2", Unit::Count, "servers of the second stage"),
    ],
    solve: tandem,
};

/// Fork and join.
pub(crate) const FORK_JOIN: Model = Model {
    name: "fork-join",
    title: "Fork-join of two M/M/1",
    doc: "Every request is split over two servers and is done when both parts are. Exact mean. \
          Sources: Flatto and Hahn 1984, Nelson and Tantawi 1988.",
    params: &[ARRIVAL_RATE, SERVICE_MEAN],
    solve: fork_join,
};

/// Copies.
pub(crate) const REDUNDANCY: Model = Model {
    name: "redundancy",
    title: "Redundancy-d",
    doc: "Every request is copied to several servers chosen at random; the first copy to complete \
          cancels the others. Exact mean where the copies' service times are independent: real \
          copies share their size, and then redundancy costs capacity. Source: Gardner and others \
          2017.",
    params: &[
        ARRIVAL_RATE,
        SERVICE_MEAN,
        SERVERS,
        Parameter::required("copies", Unit::Count, "copies of each request").default(2.0),
    ],
    solve: redundancy,
};

/// Retries.
pub(crate) const RETRIAL: Model = Model {
    name: "retrial",
    title: "M/M/1/1 with retrials",
    doc: "One server and no queue: a request that finds it busy tries again after an exponential \
          time, until it is served. Exact means. Source: Falin and Templeton 1997.",
    params: &[
        ARRIVAL_RATE,
        SERVICE_MEAN,
        Parameter::required("retry-mean", Unit::Time, "mean time between tries"),
    ],
    solve: retrial,
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_copy_is_random_routing() {
        let got = redundancy_latency(3.2, 1.0, 4, 1).unwrap();
        // The sum over i of 1/(kμ − kλ), k times: an M/M/1 each.
        assert!((got / (1.0 / (1.0 - 0.8)) - 1.0).abs() < 1e-14, "{got}");
    }

    #[test]
    fn copies_everywhere_are_one_fast_server() {
        let got = redundancy_latency(3.2, 1.0, 4, 4).unwrap();
        assert!((got - 1.0 / (4.0 - 3.2)).abs() < 1e-14, "{got}");
    }

    #[test]
    fn eager_retries_are_a_queue() {
        let orbit = retrial_orbit(0.9, 1.0, 1e9).unwrap();
        assert!((orbit / 8.1 - 1.0).abs() < 1e-8);
    }
}
