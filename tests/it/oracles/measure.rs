//! From the name of a metric to what each replication says of it.

use plimsoll::outcome::{Outcome, Server};

use super::judge::MEANINGFUL;
use super::observe::{Census, Cuts, Plan, Sums, Variable, Watcher};
use super::tables::{Case, Entry};

/// What one replication left behind.
#[derive(Clone, Debug)]
pub(super) struct Replica {
    pub(super) outcome: Outcome,
    pub(super) watcher: Watcher,
    pub(super) census: Option<Census>,
}

/// A sum and what it is divided by, for each replication: their ratio is the estimate.
pub(super) type Ratios = Vec<(f64, f64)>;

/// What the replications say of a metric.
#[derive(Clone, Debug)]
pub(super) enum Reading {
    /// An average of customers or over time.
    Mean(Ratios),
    /// A part of a whole.
    Share(Ratios),
    /// Whether a value is a quantile: the shares that lie beyond it, that reach it, and that reach
    /// the nearest and farthest value an interval may miss.
    Quantile { order: f64, beyond: Ratios, reach: Ratios, near: Ratios, far: Ratios },
}

/// Ten to the minus nine: sums of rounded times may miss a known value by as many nanoseconds.
const ROUNDING_NS: u64 = 2;

/// The quantile that a metric asks for: `w_p99` is the 0.99 quantile of the latency.
fn quantile(metric: &str) -> Option<(Variable, f64)> {
    let (name, digits) = metric.rsplit_once("_p")?;
    let variable = match name {
        "w" => Variable::Latency,
        "wq" => Variable::Wait,
        "queue_time" => Variable::InQueue,
        "n" => Variable::Found,
        _ => return None,
    };
    let order: f64 = digits.parse::<u32>().ok()?.into();
    Some((variable, order / 10_f64.powi(digits.len() as i32)))
}

/// The thresholds that tell whether `value` is a quantile: far and near, and the value itself.
fn thresholds(variable: Variable, value: f64) -> [u64; 4] {
    let (value, slack) = match variable {
        Variable::Found => (value, 0),
        _ => (value * 1e9, ROUNDING_NS),
    };
    let whole = value.round() as u64;
    let at = |factor: f64| (value * factor).round() as u64;
    [at(1.0 - MEANINGFUL), whole.saturating_sub(slack), whole + slack + 1, at(1.0 + MEANINGFUL)]
}

/// The plan of the probes for the entries of a case.
pub(super) fn plan(case: &Case) -> Plan {
    let mut plan = Plan::default();
    for entry in &case.entries {
        if let Some((variable, _)) = quantile(&entry.metric) {
            let cuts = thresholds(variable, entry.value);
            plan.cuts.extend(cuts.map(|cut| (variable, cut)));
        }
    }
    if case.entries.iter().any(|entry| entry.metric == "p_empty") {
        plan.cuts.push((Variable::Found, 1));
    }
    plan
}

/// Why a metric of a model that is simulated is not compared; `None` where it is.
pub(super) fn not_compared(case: &Case, metric: &str) -> Option<&'static str> {
    // W of M/G/1 has a tail one power heavier than the service's, and its sample mean has a
    // variance only where the fourth moment of the service is finite.
    let alpha = case.params["service_params"]["alpha"].as_f64();
    let unbounded = case.word("service").starts_with("pareto");
    let moment = matches!(metric, "wq" | "w" | "lq" | "l" | "var_wq");
    if unbounded && alpha.is_some_and(|alpha| alpha <= 4.0) && moment {
        return Some("its estimator has no variance, so there is no interval");
    }
    match metric {
        "idc_inf" => Some("the limit of ever longer windows"),
        "lag_of_peak" => Some("it tells when to look for the peak, which is compared"),
        _ => None,
    }
}

/// What the replications say of an entry; `None` where the metric is not known.
pub(super) fn read(case: &Case, entry: &Entry, replicas: &[Replica]) -> Option<Reading> {
    if let Some((variable, order)) = quantile(&entry.metric) {
        return Some(read_quantile(variable, order, entry.value, replicas));
    }
    let metric = entry.metric.as_str();
    if let Some((about, place)) = of_server(metric) {
        return read_server(about, &equals(case, place), replicas);
    }
    let each = |of: fn(&Replica) -> (f64, f64)| replicas.iter().map(of).collect::<Ratios>();
    Some(match metric {
        "wq" => Reading::Mean(each(|run| weighted(run.outcome.wait_s.mean, run))),
        "w" => Reading::Mean(each(|run| weighted(run.outcome.latency_s.mean, run))),
        "wq_high" => Reading::Mean(each(|run| mean(&run.watcher.classes[0]))),
        "wq_low" => Reading::Mean(each(|run| mean(&run.watcher.classes[1]))),
        "wq_all" => Reading::Mean(each(|run| mean(&run.watcher.queueing))),
        "lq" => Reading::Mean(each(|run| over_time(run.outcome.queue_mean, run))),
        "l" => Reading::Mean(each(|run| over_time(run.outcome.in_system_mean, run))),
        "throughput" => Reading::Mean(each(|run| over_time(run.outcome.throughput, run))),
        // Poisson arrivals see the system as it is at any time.
        "p_empty" => Reading::Share(each(|run| {
            let found = run.census.as_ref().map(|census| &census.found);
            found.map_or((0.0, 0.0), |found| (found.count() - found.reach(1), found.count()))
        })),
        // In these models nobody is in a queue but the orbit.
        "l_orbit" => Reading::Mean(each(|run| over_time(run.outcome.queue_mean, run))),
        "p_busy" => Reading::Mean(each(|run| over_time(run.outcome.utilization, run))),
        "utilization" => Reading::Mean(each(|run| over_time(run.outcome.utilization, run))),
        "p_wait" | "p_wait_accepted" => Reading::Share(each(waited)),
        "p_block" => Reading::Share(each(|run| {
            let requests = &run.outcome.requests;
            (requests.rejected as f64, requests.arrived as f64)
        })),
        "p_abandon" => Reading::Share(each(|run| {
            let requests = &run.outcome.requests;
            (requests.timed_out as f64, requests.arrived as f64)
        })),
        "var_wq" => Reading::Mean(spread_of_waits(replicas)),
        "var_n" => Reading::Mean(spread(replicas, |run| run.census.as_ref().map(|at| at.sums))?),
        "mean_n_at_t" | "peak_mean_n" => Reading::Mean(each(|run| (run.watcher.left as f64, 1.0))),
        "p_all_busy_at_t" => {
            let servers = u64::from(case.whole("c").ok()?);
            let busy = |run: &Replica| (f64::from(u8::from(run.watcher.left >= servers)), 1.0);
            Reading::Share(replicas.iter().map(busy).collect())
        }
        "idc" => {
            let counts = |run: &Replica| run.watcher.windows.sums();
            let centre = pooled_mean(&replicas.iter().map(counts).collect::<Vec<_>>());
            Reading::Mean(divided(spread(replicas, |run| Some(counts(run)))?, centre))
        }
        "interarrival_scv" => {
            let gaps = |run: &Replica| run.watcher.gaps.sums;
            let centre = pooled_mean(&replicas.iter().map(gaps).collect::<Vec<_>>());
            Reading::Mean(divided(spread(replicas, |run| Some(gaps(run)))?, centre.powi(2)))
        }
        "interarrival_lag1_acf" => Reading::Mean(correlation(replicas)),
        _ => return None,
    })
}

fn read_quantile(variable: Variable, order: f64, value: f64, replicas: &[Replica]) -> Reading {
    let cuts = |run: &Replica| -> Cuts {
        match variable {
            Variable::Latency => run.watcher.latency.clone(),
            Variable::Wait => run.watcher.wait.clone(),
            Variable::InQueue => run.watcher.in_queue.clone(),
            Variable::Found => run.census.as_ref().map(|at| at.found.clone()).unwrap_or_default(),
        }
    };
    let reach = |cut: u64| -> Ratios {
        let one = |run: &Replica| (cuts(run).reach(cut), cuts(run).count());
        replicas.iter().map(one).collect()
    };
    let [near, at, above, far] = thresholds(variable, value).map(reach);
    Reading::Quantile { order, beyond: above, reach: at, near, far }
}

/// Requests that were served to the end.
fn completed(run: &Replica) -> f64 {
    run.outcome.requests.completed as f64
}

/// A mean over completed requests, as sum and count.
fn weighted(mean: Option<f64>, run: &Replica) -> (f64, f64) {
    (mean.unwrap_or(0.0) * completed(run), completed(run))
}

/// A mean over time, as area and time.
fn over_time(mean: f64, run: &Replica) -> (f64, f64) {
    (mean * run.outcome.duration_s, run.outcome.duration_s)
}

fn mean(sums: &Sums) -> (f64, f64) {
    (sums.sum, sums.count)
}

/// Requests that had to wait, of those that were let in; whoever left a queue had to.
fn waited(run: &Replica) -> (f64, f64) {
    let gone = run.outcome.requests.timed_out as f64;
    let waited = run.outcome.wait_probability.unwrap_or(0.0) * completed(run);
    (waited + gone, completed(run) + gone)
}

/// `share_to_server_2` and `util_server_2`.
fn of_server(metric: &str) -> Option<(&str, usize)> {
    let (about, place) = metric.split_once("_server_")?;
    Some((about, place.parse().ok()?))
}

/// The servers that have the same share as one by symmetry. Where a tie goes to the fastest, the
/// table lets chance settle it between servers that are equally fast, and Linux's
/// `shortest-expected-delay` takes the first: then only what they have together is the same.
fn equals(case: &Case, place: usize) -> Vec<usize> {
    let speeds = case.params["mus"].as_array().map_or(&[][..], Vec::as_slice);
    let alike = |at: &usize| speeds[*at] == speeds[place];
    match case.word("ties") {
        "fastest" => (0..speeds.len()).filter(alike).collect(),
        _ => vec![place],
    }
}

/// The mean over the servers at these places.
fn read_server(about: &str, places: &[usize], replicas: &[Replica]) -> Option<Reading> {
    let each = |of: &dyn Fn(&Replica, &Server) -> (f64, f64)| -> Option<Ratios> {
        let mean = |run: &Replica| {
            let all: Vec<&Server> = run.outcome.pools.iter().flat_map(|it| &it.servers).collect();
            let parts = places.iter().map(|&place| all.get(place).map(|server| of(run, server)));
            let parts = parts.collect::<Option<Vec<_>>>()?;
            let sum = parts.iter().fold((0.0, 0.0), |(a, b), (part, whole)| (a + part, b + whole));
            let count = parts.len() as f64;
            Some((sum.0 / count, sum.1 / count))
        };
        replicas.iter().map(mean).collect()
    };
    match about {
        "share_to" => {
            each(&|run, server| (server.completed as f64, completed(run))).map(Reading::Share)
        }
        "util" => each(&|run, server| over_time(server.utilization, run)).map(Reading::Mean),
        _ => None,
    }
}

fn pooled_mean(all: &[Sums]) -> f64 {
    let (sum, count) = all.iter().fold((0.0, 0.0), |(s, n), one| (s + one.sum, n + one.count));
    sum / count
}

fn divided(ratios: Ratios, by: f64) -> Ratios {
    ratios.into_iter().map(|(sum, count)| (sum / by, count)).collect()
}

/// Squares about the mean of all replications: its own error is of second order.
fn spread(replicas: &[Replica], of: impl Fn(&Replica) -> Option<Sums>) -> Option<Ratios> {
    let all: Vec<Sums> = replicas.iter().map(of).collect::<Option<_>>()?;
    let centre = pooled_mean(&all);
    Some(all.iter().map(|sums| (sums.about(centre), sums.count)).collect())
}

/// The same for waits, from the means and standard deviations that outcomes hold.
fn spread_of_waits(replicas: &[Replica]) -> Ratios {
    let waits = |run: &Replica| weighted(run.outcome.wait_s.mean, run);
    let (sum, count) = replicas.iter().map(waits).fold((0.0, 0.0), |(s, n), (a, b)| (s + a, n + b));
    let centre = sum / count;
    let one = |run: &Replica| {
        let (mean, sd) = (run.outcome.wait_s.mean, run.outcome.wait_s.sd);
        let (mean, sd) = (mean.unwrap_or(0.0), sd.unwrap_or(0.0));
        let squares = sd.powi(2) * (completed(run) - 1.0);
        (squares + completed(run) * (mean - centre).powi(2), completed(run))
    };
    replicas.iter().map(one).collect()
}

/// The correlation of neighbouring gaps: their products about the mean over their squares.
fn correlation(replicas: &[Replica]) -> Ratios {
    let gaps: Vec<_> = replicas.iter().map(|run| run.watcher.gaps).collect();
    let centre = pooled_mean(&gaps.iter().map(|gaps| gaps.sums).collect::<Vec<_>>());
    gaps.iter().map(|gaps| (gaps.products_about(centre), gaps.sums.about(centre))).collect()
}
