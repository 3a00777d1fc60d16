//! M/M/c queues whose smallest number of servers is known: random ones, and those of the reference.

use plimsoll::rng::{Purpose, Seed};
use plimsoll::theory::{Delay, Mmc, Target, min_servers};

/// A scenario, and the number of servers that theory gives.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    /// What it is.
    pub(crate) name: String,
    /// The scenario.
    pub(crate) text: String,
    /// The answer.
    pub(crate) servers: u32,
}

fn scenario(rate: f64, service: f64, objective: &str, seed: u64) -> String {
    format!(
        "seed = {seed}\n\
         traffic.main = {{ arrivals = {{ process = 'poisson', rate = '{rate}/s' }}, \
         service = {{ law = 'exponential', mean = '{}ns' }} }}\n\
         pool.main = {{ price = '1/h' }}\n\
         balancer = {{ policy = 'random', queue = 'shared' }}\n\
         slo.asked.objective = '{objective}'\n",
        (service * 1e9).round()
    )
}

/// The `number`-th random case: c is log-uniform over 1 … 500, the service takes 1 ms to 1 s, the
/// safety factor β of the load c − β√c is uniform over 0.4 … 1.6, the objective is the p99 or the
/// mean, in turn, and its limit lies in the middle half of the step that theory says the c-th
/// server makes.
pub(crate) fn random(number: u64) -> Case {
    let mut stream = Seed::new(2_026, number).stream(Purpose::Arrival, "plan");
    let mut uniform = |low: f64, high: f64| low + (high - low) * stream.open01();
    let servers = (uniform(0.0, 501.0_f64.ln()).exp() as u32).max(1);
    let service = (uniform(0.0, 1000.0_f64.ln()).exp() * 1e6).round() / 1e9;
    let c = f64::from(servers);
    let load = (c - uniform(0.4, 1.6) * c.sqrt()).max(0.3 * c);
    let (rate, share) = (load / service, uniform(0.25, 0.75));
    let of = |queue: Mmc| match number % 2 {
        0 => queue.latency().quantile(0.99),
        _ => queue.latency().mean(),
    };
    let here = of(Mmc::new(rate, 1.0 / service, servers).unwrap());
    // With a server fewer there may be no steady state, and no step to stand in.
    let before = Mmc::new(rate, 1.0 / service, servers - 1).map_or(2.0 * here, of);
    let limit = here + share * (before - here);
    let word = if number.is_multiple_of(2) { "p99" } else { "mean" };
    let target = match number % 2 {
        0 => Target::LatencyQuantile { p: 0.99, t: limit },
        _ => Target::LatencyMean(limit),
    };
    assert_eq!(min_servers(rate, 1.0 / service, target), Ok(servers));
    let objective = format!("{word}<{}ns", (limit * 1e9).round());
    let name = format!("{number}: {load:.2} Erlangs, {word}");
    Case { name, text: scenario(rate, service, &objective, number + 1), servers }
}

/// The `planner` entries of the reference that ask for the servers of an M/M/c queue.
pub(crate) fn entries(json: &str) -> Vec<Case> {
    let reference: serde_json::Value = serde_json::from_str(json).unwrap();
    let wanted = |entry: &&serde_json::Value| {
        entry["model"] == "M/M/c minimal servers" && entry["metric"] == "min_c"
    };
    let case = |entry: &serde_json::Value| {
        let of = |key: &str| entry["params"][key].as_f64().unwrap();
        let most = of("target_max");
        // A share of waits is asked as the percentile that may just be zero, or the limit.
        let percentile = format!("wait-p{}", ((1.0 - most) * 1e6).round() / 1e4);
        let objective = match entry["params"]["criterion"].as_str().unwrap() {
            "p_wait" => format!("{percentile}<=0s"),
            "p_wq_gt_t" => format!("{percentile}<={}s", of("t")),
            "wq" => format!("wait-mean<={most}s"),
            "w_quantile" => format!("p{}<={most}s", 100.0 * of("quantile")),
            other => panic!("{other} is not known"),
        };
        let (rate, service) = (of("lambda"), 1.0 / of("mu"));
        Case {
            name: format!("{}: {} Erlangs, {objective}", entry["id"], rate * service),
            text: scenario(rate, service, &objective, 1),
            servers: entry["value"].as_u64().unwrap() as u32,
        }
    };
    reference["entries"].as_array().unwrap().iter().filter(wanted).map(case).collect()
}
