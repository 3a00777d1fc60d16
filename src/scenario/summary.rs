//! From the sums of a meter to the numbers of an outcome, and the advice they call for.

use super::{Goal, Measure, Measured, Scenario};
use crate::model::Fate;
use crate::outcome::{Cost, Objective, Outcome, Pool, Requests, Server, Servers, Summary};
use crate::probe::PerServer;
use crate::time::{Instant, SECOND_NS};

pub(super) fn summarize(scenario: &Scenario, measured: &Measured) -> Outcome {
    let Measured { meter, ending, .. } = measured;
    let span = span_s(measured);
    let per_second = |area: u128| if span > 0.0 { seconds(area) / span } else { 0.0 };
    let pools = pools(scenario, measured, span);
    let fleet: u32 = scenario.pool.values().map(|pool| pool.servers).sum();
    let slots: f64 =
        scenario.pool.values().map(|pool| f64::from(pool.servers) * f64::from(pool.slots)).sum();
    let busy: u128 = meter.servers.iter().map(|server| u128::from(server.busy_ns)).sum();
    let requests = Requests {
        arrived: meter.arrived,
        completed: meter.count(Fate::Completed),
        rejected: meter.count(Fate::Rejected),
        timed_out: meter.count(Fate::TimedOut),
        failed: meter.count(Fate::Failed),
        retried: 0,
    };
    let mut outcome = Outcome {
        schema: "plimsoll.outcome/1".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        name: scenario.name.clone(),
        seed: scenario.seed,
        workload_fingerprint: format!("{:016x}", ending.fingerprint),
        kind: scenario.kind(),
        partial: ending.stopped,
        intervals: None,
        scenario: serde_json::to_value(scenario).expect("a scenario is plain data"),
        duration_s: span,
        warm_up_s: meter.from.as_secs_f64(),
        throughput: if span > 0.0 { requests.completed as f64 / span } else { 0.0 },
        error_rate: share(
            requests.rejected + requests.timed_out + requests.failed,
            requests.arrived,
        ),
        latency_s: meter.latency.summary(),
        wait_s: meter.wait.summary(),
        service_s: meter.service.summary(),
        wait_probability: share(meter.waited, requests.completed),
        utilization: per_second(busy) / slots,
        in_system_mean: per_second(meter.in_system_area),
        queue_mean: per_second(meter.queue_area),
        servers: Servers {
            mean: f64::from(fleet),
            min: fleet,
            max: fleet,
            hours: f64::from(fleet) * span / 3600.0,
        },
        cost: cost(scenario, &pools, &requests, meter.tokens.iter().sum(), span),
        requests,
        pools,
        slo: Vec::new(),
        advice: measured.advice.clone(),
    };
    outcome.slo = scenario.goals().map(|goal| judge(goal, &outcome, measured)).collect();
    advise(scenario, measured, &mut outcome);
    outcome
}

/// The stretch that time averages cover: from the warm-up to the horizon.
fn span_s(measured: &Measured) -> f64 {
    let Measured { meter, ending, .. } = measured;
    // A single request has no span of arrivals; its own stay is the only time there is.
    let end = if ending.horizon > Instant::START { ending.horizon } else { ending.last };
    end.since(meter.from).as_secs_f64()
}

fn seconds(area: u128) -> f64 {
    area as f64 / SECOND_NS as f64
}

fn share(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

fn pools(scenario: &Scenario, measured: &Measured, span: f64) -> Vec<Pool> {
    let mut servers = (0_u32..).zip(&measured.meter.servers);
    let each = scenario.pool.iter().map(|(name, pool)| {
        let slot_time = f64::from(pool.slots) * span;
        let utilization = |busy_ns: u128, servers: f64| {
            if slot_time > 0.0 { seconds(busy_ns) / slot_time / servers } else { 0.0 }
        };
        let own: Vec<(u32, &PerServer)> = servers.by_ref().take(pool.servers as usize).collect();
        let busy = own.iter().map(|(_, server)| u128::from(server.busy_ns)).sum();
        Pool {
            name: name.clone(),
            completed: own.iter().map(|(_, server)| server.completed).sum(),
            utilization: utilization(busy, f64::from(pool.servers)),
            cost: pool.price.0 * f64::from(pool.servers) * span / 3600.0,
            servers: own
                .iter()
                .map(|&(id, server)| Server {
                    id,
                    completed: server.completed,
                    utilization: utilization(server.busy_ns.into(), 1.0),
                })
                .collect(),
        }
    });
    each.collect()
}

fn cost(scenario: &Scenario, pools: &[Pool], requests: &Requests, tokens: u64, span: f64) -> Cost {
    let total: f64 = pools.iter().map(|pool| pool.cost).sum();
    let per_million = |count: u64| (count > 0).then(|| total / count as f64 * 1e6);
    Cost {
        total,
        currency: scenario.currency.clone(),
        per_hour: if span > 0.0 { total / span * 3600.0 } else { 0.0 },
        per_million_requests: per_million(requests.completed),
        per_million_tokens: per_million(tokens),
    }
}

/// The value of a measure in an outcome; `None` where there is no data.
pub(super) fn value_of(measure: Measure, outcome: &Outcome, measured: &Measured) -> Option<f64> {
    let percentile = |summary: &Summary, tally: &crate::stats::Tally, p: f64| {
        // The usual percentiles are judged as they are printed: null where the sample is small.
        match p {
            0.5 => summary.p50,
            0.9 => summary.p90,
            0.95 => summary.p95,
            0.99 => summary.p99,
            0.999 => summary.p999,
            _ => crate::stats::moments::supports(tally.count(), p)
                .then(|| tally.histogram.quantile(p).map(|ns| ns as f64 / SECOND_NS as f64))
                .flatten(),
        }
    };
    let (requests, meter) = (&outcome.requests, &measured.meter);
    match measure {
        Measure::Percentile(p) => percentile(&outcome.latency_s, &meter.latency, p),
        Measure::Mean => outcome.latency_s.mean,
        Measure::Max => outcome.latency_s.max,
        Measure::WaitPercentile(p) => percentile(&outcome.wait_s, &meter.wait, p),
        Measure::WaitMean => outcome.wait_s.mean,
        Measure::Errors => outcome.error_rate,
        Measure::Utilization => (requests.arrived > 0).then_some(outcome.utilization),
        Measure::CostPerHour => (outcome.duration_s > 0.0).then_some(outcome.cost.per_hour),
    }
}

fn judge(goal: &Goal, outcome: &Outcome, measured: &Measured) -> Objective {
    let value = value_of(goal.measure, outcome, measured);
    let met = value.is_some_and(|value| goal.is_met_by(value));
    Objective { objective: goal.text.clone(), value, met, inconclusive: false }
}

fn advise(scenario: &Scenario, measured: &Measured, outcome: &mut Outcome) {
    let mut say = |words: String| outcome.advice.push(words);
    let meter = &measured.meter;
    if meter.arrived == 0 {
        say("no request arrived in the stretch that was measured".to_owned());
        return;
    }
    if measured.ending.stopped {
        say("the run was stopped early: what is shown covers only the part that was done"
            .to_owned());
    }
    let capacity: f64 = scenario
        .pool
        .values()
        .map(|pool| f64::from(pool.servers) * f64::from(pool.slots) * pool.speed)
        .sum();
    let offered = outcome.service_s.mean.map(|mean| {
        let speeds: f64 = scenario.pool.values().map(|pool| pool.speed).sum();
        let speed = speeds / scenario.pool.len() as f64;
        meter.arrived as f64 / outcome.duration_s.max(f64::MIN_POSITIVE) * mean * speed / capacity
    });
    let overrun = measured.ending.last.since(measured.ending.horizon).as_secs_f64();
    match offered {
        Some(load) if load >= 1.0 && outcome.duration_s > 0.0 => say(format!(
            "utilization ≥ 1: work arrives {load:.2} times as fast as the fleet can serve it; there is \
             no steady state, and latency grows as long as traffic lasts (the backlog took {overrun:.0} \
             s to clear)"
        )),
        _ => {}
    }
    let completed = outcome.requests.completed;
    let lacking: Vec<&str> = [("p99", 0.99), ("p99.9", 0.999)]
        .into_iter()
        .filter(|(_, p)| !crate::stats::moments::supports(completed, *p))
        .map(|(name, _)| name)
        .collect();
    if !lacking.is_empty() {
        say(format!(
            "{completed} completed requests do not support {}: fewer than ten lie beyond",
            lacking.join(" and ")
        ));
    }
}
