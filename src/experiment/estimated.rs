//! Runs of one variant become one outcome whose numbers are estimates.

use super::campaign::Part;
use super::evidence::{Evidence, Of};
use super::judge::judge;
use super::words::RISING;
use crate::outcome::{
    Class, Cost, Detection, Estimate, Estimated, Intervals, Metastable, Method, Outcome, Pool,
    Recovery, Requests, Resilience, Server, Servers, Status, Summary,
};
use crate::scenario::{BACKLOG, Scenario, hot_server, money_advice};
use crate::stats::series::mean;

/// The outcome of all runs together, with what the reader should know of them.
pub(super) fn estimated(scenario: &Scenario, evidence: &Evidence<'_>) -> Estimated {
    let first = &evidence.parts[0].outcome;
    let completed = |part: &Part| part.outcome.requests.completed as f64;
    let arrived = |part: &Part| part.outcome.requests.arrived as f64;
    let over_time = |value: fn(&Outcome) -> f64| {
        evidence.marked(evidence.ratio(|part| value(&part.outcome), |part| part.outcome.duration_s))
    };
    let money = |value: fn(&Cost) -> Option<f64>| {
        evidence.optional(|part| value(&part.outcome.cost), completed)
    };
    let mut outcome = Outcome {
        schema: first.schema.clone(),
        version: first.version.clone(),
        name: first.name.clone(),
        seed: first.seed,
        workload_fingerprint: first.workload_fingerprint.clone(),
        kind: first.kind,
        partial: false,
        scenario: first.scenario.clone(),
        intervals: Some(Intervals {
            method: evidence.method,
            parts: evidence.parts.len() as u32,
            confidence: evidence.confidence,
            variance_inflation: evidence.inflation,
            precision: None,
        }),
        duration_s: evidence.counted().iter().map(|part| part.outcome.duration_s).sum(),
        warm_up_s: first.warm_up_s,
        requests: requests(evidence),
        error_rate: evidence.share(|part| part.outcome.error_rate, arrived),
        throughput: over_time(|outcome| outcome.throughput),
        latency_s: summary(evidence, |part| &part.latency, |outcome| &outcome.latency_s),
        wait_s: summary(evidence, |part| &part.wait, |outcome| &outcome.wait_s),
        service_s: summary(evidence, |part| &part.service, |outcome| &outcome.service_s),
        wait_probability: evidence
            .marked(evidence.share(|part| part.outcome.wait_probability, completed)),
        utilization: evidence.marked(
            evidence.utilization(|part| part.outcome.utilization, |part| part.outcome.duration_s),
        ),
        in_system_mean: over_time(|outcome| outcome.in_system_mean),
        queue_mean: over_time(|outcome| outcome.queue_mean),
        servers: servers(evidence),
        cost: Cost {
            total: evidence.number(|part| part.outcome.cost.total),
            currency: first.cost.currency.clone(),
            per_hour: evidence.ratio(|part| part.outcome.cost.per_hour, |p| p.outcome.duration_s),
            per_million_requests: money(|cost| cost.per_million_requests),
            per_million_tokens: money(|cost| cost.per_million_tokens),
            breakdown: evidence.bills(),
        },
        pools: pools(evidence),
        autoscaling: first.autoscaling.clone(),
        resilience: resilience(evidence),
        slo: scenario.goals().map(|goal| judge(goal, evidence)).collect(),
        advice: scenario.remarks.iter().chain(&evidence.parts[0].advice).cloned().collect(),
    };
    advise(scenario, evidence, &mut outcome);
    outcome.advice.extend(money_advice(&outcome));
    outcome.advice.extend(scenario.failure_advice(&outcome));
    outcome
}

/// Counts of all runs, shares of their means; the log and the timeline are those of the first run.
/// Of recovery, and of an overload that lasted, it is told in how many runs they were.
fn resilience(evidence: &Evidence<'_>) -> Option<Resilience> {
    let all: Vec<&Resilience> =
        evidence.counted().iter().filter_map(|part| part.outcome.resilience.as_ref()).collect();
    let first = *all.first()?;
    let sum = |count: fn(&Resilience) -> u64| all.iter().map(|it| count(it)).sum();
    let average = |of: fn(&Resilience) -> Option<f64>| {
        let known: Vec<f64> = all.iter().filter_map(|it| of(it)).collect();
        (!known.is_empty()).then(|| mean(&known))
    };
    Some(Resilience {
        attempts: sum(|it| it.attempts),
        attempts_per_request: average(|it| it.attempts_per_request),
        denied: sum(|it| it.denied),
        denied_by_circuit: sum(|it| it.denied_by_circuit),
        circuits_opened: sum(|it| it.circuits_opened),
        hedges_won: sum(|it| it.hedges_won),
        late: sum(|it| it.late),
        wasted_share: average(|it| it.wasted_share),
        faults: sum(|it| it.faults),
        outages: sum(|it| it.outages),
        marked_down: sum(|it| it.marked_down),
        ejected: sum(|it| it.ejected),
        readmitted: sum(|it| it.readmitted),
        detection_s: all.iter().filter_map(|it| it.detection_s).reduce(|a, b| Detection {
            count: a.count + b.count,
            mean: (a.mean * a.count as f64 + b.mean * b.count as f64) / (a.count + b.count) as f64,
            min: a.min.min(b.min),
            max: a.max.max(b.max),
        }),
        recovery: recovery(&all, |it| it.recovery),
        latency_recovery: recovery(&all, |it| it.latency_recovery),
        metastable: metastable(&all),
        classes: classes(&all),
        ..first.clone()
    })
}

/// Counts of all runs, and means of their latencies.
fn classes(all: &[&Resilience]) -> Vec<Class> {
    let one = |at: usize| {
        let each = || all.iter().filter_map(|it| it.classes.get(at));
        let sum = |count: fn(&Class) -> u64| each().map(count).sum();
        let average = |of: fn(&Summary) -> Option<f64>| {
            let known: Vec<f64> = each().filter_map(|class| of(&class.latency_s)).collect();
            (!known.is_empty()).then(|| mean(&known))
        };
        Class {
            name: all[0].classes[at].name.clone(),
            arrived: sum(|it| it.arrived),
            completed: sum(|it| it.completed),
            shed: sum(|it| it.shed),
            errors: sum(|it| it.errors),
            latency_s: Summary {
                mean: average(|it| it.mean),
                sd: average(|it| it.sd),
                min: average(|it| it.min),
                p50: average(|it| it.p50),
                p90: average(|it| it.p90),
                p95: average(|it| it.p95),
                p99: average(|it| it.p99),
                p999: average(|it| it.p999),
                max: average(|it| it.max),
            },
        }
    };
    (0..all.first().map_or(0, |it| it.classes.len())).map(one).collect()
}

/// The median and the longest of the recoveries; one that did not come is longer than any other.
fn recovery(all: &[&Resilience], of: impl Fn(&Resilience) -> Option<Recovery>) -> Option<Recovery> {
    let each: Vec<Recovery> = all.iter().filter_map(|it| of(it)).collect();
    let since: Vec<f64> = each.iter().map(|one| one.since_s).collect();
    let mut spans: Vec<f64> = each.iter().filter_map(|one| one.after_s).collect();
    spans.sort_by(f64::total_cmp);
    let (runs, recovered) = (each.len(), spans.len());
    // Of an even number the mean of the two in the middle; where the later did not come, the median
    // did not either.
    let (low, high) = (runs.checked_sub(1)? / 2, runs / 2);
    let median = spans.get(high).map(|high| f64::midpoint(spans[low], *high));
    Some(Recovery {
        since_s: mean(&since),
        after_s: median,
        worst_s: spans.last().copied().filter(|_| recovered == runs),
        runs: runs as u32,
        recovered: recovered as u32,
    })
}

/// The means of the runs that were metastable, and how many these are.
fn metastable(all: &[&Resilience]) -> Option<Metastable> {
    let found: Vec<Metastable> = all.iter().filter_map(|it| it.metastable).collect();
    let average = |of: fn(&Metastable) -> f64| mean(&found.iter().map(of).collect::<Vec<_>>());
    let first = *found.first()?;
    Some(Metastable {
        cause: first.cause,
        since_s: average(|it| it.since_s),
        arrivals: average(|it| it.arrivals),
        goodput: average(|it| it.goodput),
        capacity: average(|it| it.capacity),
        attempts: average(|it| it.attempts),
        utilization: average(|it| it.utilization),
        found_in: found.len() as u32,
        runs: all.len() as u32,
    })
}

fn requests(evidence: &Evidence<'_>) -> Requests {
    let mut all = Requests::default();
    for part in evidence.counted() {
        let Requests {
            arrived,
            completed,
            rejected,
            timed_out,
            failed,
            retried,
            shed,
            hedged,
            returned,
            lost,
        } = part.outcome.requests;
        all.arrived += arrived;
        all.completed += completed;
        all.rejected += rejected;
        all.timed_out += timed_out;
        all.failed += failed;
        all.retried += retried;
        all.shed += shed;
        all.hedged += hedged;
        all.returned += returned;
        all.lost += lost;
    }
    all
}

/// `of` gives all durations of a part, `single` what the part printed of them.
fn summary(evidence: &Evidence<'_>, of: Of, single: fn(&Outcome) -> &Summary) -> Summary<Estimate> {
    // The largest value of one run; the longer a run, the larger it is.
    let extreme = |value: fn(&Summary) -> Option<f64>| {
        evidence.optional(|part| value(single(&part.outcome)), |_| 1.0)
    };
    Summary {
        mean: evidence.mean(of),
        sd: evidence.deviation(of),
        min: extreme(|summary| summary.min),
        p50: evidence.quantile(of, 0.5),
        p90: evidence.quantile(of, 0.9),
        p95: evidence.quantile(of, 0.95),
        p99: evidence.quantile(of, 0.99),
        p999: evidence.quantile(of, 0.999),
        max: extreme(|summary| summary.max),
    }
}

fn servers(evidence: &Evidence<'_>) -> Servers<Estimate> {
    let servers = || evidence.counted().iter().map(|part| part.outcome.servers);
    Servers {
        mean: evidence.number(|part| part.outcome.servers.mean),
        min: servers().map(|servers| servers.min).min().unwrap_or(0),
        max: servers().map(|servers| servers.max).max().unwrap_or(0),
        hours: evidence.number(|part| part.outcome.servers.hours),
    }
}

fn pools(evidence: &Evidence<'_>) -> Vec<Pool<Estimate>> {
    let first = &evidence.parts[0].outcome.pools;
    let pool = |at: usize| {
        let all = || evidence.counted().iter().map(move |part| &part.outcome.pools[at]);
        // An autoscaler orders more servers in one run than in another.
        let servers = all().map(|pool| pool.servers.len()).max().unwrap_or(0);
        let server = |number: usize| {
            let of = |part: &Part| part.outcome.pools[at].servers.get(number).copied();
            let there = || evidence.counted().iter().filter_map(|part| of(part));
            Server {
                id: there().next().map_or(0, |server| server.id),
                completed: there().map(|server| server.completed).sum(),
                utilization: evidence
                    .utilization(|part| of(part).map_or(0.0, |s| s.utilization), |_| 1.0),
            }
        };
        Pool {
            name: first[at].name.clone(),
            completed: all().map(|pool| pool.completed).sum(),
            utilization: evidence.utilization(|part| part.outcome.pools[at].utilization, |_| 1.0),
            cost: evidence.number(|part| part.outcome.pools[at].cost),
            servers: (0..servers).map(server).collect(),
        }
    };
    (0..first.len()).map(pool).collect()
}

fn advise(scenario: &Scenario, evidence: &Evidence<'_>, outcome: &mut Estimated) {
    let mut say = |words: String| outcome.advice.push(words);
    if outcome.requests.arrived == 0 {
        return say("no request arrived in the stretch that was measured".to_owned());
    }
    let mut backlog = evidence.parts.iter().flat_map(|part| &part.outcome.advice);
    if let Some(words) = backlog.rfind(|words| words.starts_with(BACKLOG)) {
        say(format!("in one run at least {words}"));
    }
    if evidence.method == Method::Resamples && evidence.parts.len() == 2 {
        // Everything else that could be said comes from that.
        return say("one resample of the trace gives no interval, and without one no number is \
             believed: ask for 10 or more with `--replications`, or for none without the flag"
            .to_owned());
    }
    if evidence.unstable {
        let load = mean(&evidence.each(|part| part.load));
        say(if load >= 1.0 {
            format!(
                "utilization ≥ 1: work arrives {load:.2} times as fast as the fleet can serve it; \
                 there is no steady state, and latency grows as long as traffic lasts"
            )
        } else {
            RISING.to_owned()
        });
    }
    if scenario.has_lasting_servers() {
        for pool in &outcome.pools {
            let load = |server: &Server<Estimate>| Some((server.id, server.utilization.estimate?));
            let loads = pool.servers.iter().filter_map(load);
            hot_server(&pool.name, &loads.collect::<Vec<_>>()).into_iter().for_each(&mut say);
        }
    }
    let parts = evidence.parts.len();
    let more = match evidence.method {
        Method::Replications => "add `--replications` or lengthen them with `--duration`",
        Method::Batches => "lengthen it with `--duration`",
        Method::Resamples => "take a longer trace",
    };
    if parts < 10 {
        say(format!(
            "{parts} runs leave wide intervals: from 10 on they are narrower for the work"
        ));
    }
    let worth = |inflation: f64| outcome.requests.completed as f64 / inflation;
    if let Some(inflation) = evidence.inflation.filter(|&inflation| worth(inflation) < 500.0)
        && !evidence.unstable
    {
        let worth = worth(inflation);
        say(format!(
            "{worth:.0} independent requests are what these are worth (one of {inflation:.0} \
             counts), \
             and intervals want 500: {more}"
        ));
    }
    let latency = &outcome.latency_s;
    let lacking: Vec<&str> =
        [("p90", latency.p90), ("p95", latency.p95), ("p99", latency.p99), ("p99.9", latency.p999)]
            .into_iter()
            .filter_map(|(name, found)| (found.status == Status::Insufficient).then_some(name))
            .collect();
    if !lacking.is_empty() {
        say(format!("too few requests lie beyond {} to know it: {more}", lacking.join(" and ")));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::Cause;

    fn run(after_s: Option<f64>, storm: bool) -> Resilience {
        let recovered = u32::from(after_s.is_some());
        let recovery = Recovery { since_s: 90.0, after_s, worst_s: after_s, runs: 1, recovered };
        let state = Metastable {
            cause: Cause::Failure,
            since_s: 90.0,
            arrivals: 200.0,
            goodput: if after_s.is_some() { 20.0 } else { 0.0 },
            capacity: 300.0,
            attempts: 800.0,
            utilization: 1.0,
            found_in: 1,
            runs: 1,
        };
        let metastable = storm.then_some(state);
        Resilience { recovery: Some(recovery), metastable, ..Resilience::default() }
    }

    #[test]
    fn several_runs_tell_how_many_recovered_their_median_and_their_worst() {
        let told = |after: &[Option<f64>]| {
            let runs: Vec<Resilience> = after.iter().map(|after| run(*after, false)).collect();
            let all: Vec<&Resilience> = runs.iter().collect();
            let it = recovery(&all, |it| it.recovery).unwrap();
            (it.recovered, it.runs, it.after_s, it.worst_s)
        };
        let (ten, twenty, forty) = (Some(10.0), Some(20.0), Some(40.0));
        assert_eq!(told(&[ten, forty, twenty]), (3, 3, twenty, forty));
        assert_eq!(told(&[ten, forty]), (2, 2, Some(25.0), forty));
        assert_eq!(told(&[ten, None, twenty]), (2, 3, twenty, None));
        assert_eq!(told(&[ten, None]), (1, 2, None, None));
        assert_eq!(told(&[None, None]), (0, 2, None, None));
    }

    #[test]
    fn a_state_that_some_runs_were_in_is_told_of_those() {
        let runs = [run(None, true), run(Some(5.0), true), run(None, false)];
        let all: Vec<&Resilience> = runs.iter().collect();
        let state = metastable(&all).unwrap();
        assert_eq!((state.found_in, state.runs, state.goodput), (2, 3, 10.0));
        assert_eq!(metastable(&all[2..]), None);
    }
}
