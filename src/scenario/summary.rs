//! From the sums of a meter to the numbers of an outcome, and the advice they call for.

use super::{Goal, Measure, Measured, Scenario, aftermath, billing, staffing};
use crate::engine::Ending;
use crate::model::Fate;
use crate::outcome::{
    Breakdown, Cost, Objective, Outcome, Pool, Requests, Server, Servers, Summary,
};
use crate::probe::{PerServer, Tries};
use crate::time::{Duration, Instant, SECOND_NS};
use crate::units::grouped;

pub(super) fn summarize(scenario: &Scenario, measured: &Measured) -> Outcome {
    let Measured { meter, ending, .. } = measured;
    let span = span_s(measured);
    let per_second = |area: u128| if span > 0.0 { seconds(area) / span } else { 0.0 };
    let terms = terms(scenario, measured);
    let mut pools = pools(scenario, measured, &terms);
    let breakdown = breakdown(scenario, measured, &pools);
    if let Some(breakdown) = &breakdown {
        let bills = pools.iter_mut().zip(&breakdown.pools);
        bills.for_each(|(pool, bill)| pool.cost = bill.total());
    }
    let slot_time: f64 = terms.iter().map(|term| term.slot_s).sum();
    let busy: u128 = meter.servers.iter().map(|server| u128::from(server.busy_ns)).sum();
    let tries = measured.chronicle.as_ref().map_or_else(Tries::default, |it| it.tries);
    let requests = Requests {
        arrived: meter.arrived,
        completed: meter.count(Fate::Completed),
        rejected: meter.count(Fate::Rejected),
        timed_out: meter.count(Fate::TimedOut),
        failed: meter.count(Fate::Failed),
        retried: tries.retries,
        shed: meter.count(Fate::Shed),
        hedged: tries.hedges,
        returned: tries.returned,
        lost: tries.lost,
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
        throughput: if span > 0.0 { meter.departed() as f64 / span } else { 0.0 },
        error_rate: share(requests.errors(), requests.arrived),
        latency_s: meter.latency.summary(),
        wait_s: meter.wait.summary(),
        service_s: meter.service.summary(),
        wait_probability: share(meter.waited, requests.completed),
        utilization: if slot_time > 0.0 { seconds(busy) / slot_time } else { 0.0 },
        in_system_mean: per_second(meter.in_system_area),
        queue_mean: per_second(meter.queue_area),
        servers: servers(measured, &terms, span),
        cost: cost(scenario, measured, &pools, breakdown, &requests),
        requests,
        pools,
        autoscaling: staffing::autoscaling(scenario, measured, end(measured)),
        resilience: aftermath::resilience(scenario, measured),
        slo: Vec::new(),
        advice: scenario.remarks.iter().chain(&measured.advice).cloned().collect(),
    };
    // Bounds are known where one pool carries the load, and then the whole cost is its own.
    for pool in &mut outcome.autoscaling {
        let ideal = pool.bounds.as_ref().map(|bounds| bounds.ideal_cost).filter(|it| *it > 0.0);
        pool.cost_above_ideal = ideal.map(|ideal| outcome.cost.total / ideal - 1.0);
    }
    outcome.slo = scenario.goals().map(|goal| judge(goal, &outcome, measured)).collect();
    advise(scenario, measured, &terms, &mut outcome);
    outcome.advice.extend(billing::advice(&outcome));
    outcome.advice.extend(scenario.failure_advice(&outcome));
    outcome
}

/// The stretch that time averages cover: from the warm-up to the horizon.
fn span_s(measured: &Measured) -> f64 {
    let Measured { meter, ending, .. } = measured;
    // A single request has no span of arrivals; its own stay is the only time there is.
    let end = if ending.horizon > Instant::START { ending.horizon } else { ending.last };
    end.since(meter.from).as_secs_f64()
}

/// The end of the stretch that time averages cover.
fn end(measured: &Measured) -> Instant {
    let Ending { horizon, last, .. } = measured.ending;
    if horizon > Instant::START { horizon } else { last }
}

/// What one server was there for, within the stretch that is measured.
struct Term {
    pool: u16,
    paid_s: f64,
    served_s: f64,
    /// Slot-seconds it served.
    slot_s: f64,
    /// The work it could have done in them.
    work_s: f64,
    /// Seconds that were paid for a server as the pool was set.
    worth_s: f64,
}

impl Term {
    fn new(scenario: &Scenario, pool: u16, paid_s: f64, served_s: f64) -> Self {
        let kind = &scenario.pool[usize::from(pool)];
        let slot_s = served_s * f64::from(kind.slots);
        Self { pool, paid_s, served_s, slot_s, work_s: slot_s * kind.speed, worth_s: paid_s }
    }

    /// That of a server that came or went, or changed its size.
    fn of(scenario: &Scenario, life: &staffing::Life, from: Instant, to: Instant) -> Self {
        let seconds = |ns: u64| seconds(ns.into());
        let (paid_s, served_s) =
            (seconds(life.paid_ns(from, to)), seconds(life.served_ns(from, to)));
        let pool = &scenario.pool[usize::from(life.pool)];
        let (mut slot_s, mut work_s) = (0.0, 0.0);
        for (slots, speed, from, to) in life.by_size(from, to) {
            let stretch_s = seconds(life.served_ns(from, to)) * f64::from(slots);
            slot_s += stretch_s;
            work_s += stretch_s * speed;
        }
        let worth_s = life.worth_s(pool, from, to);
        Self { pool: life.pool, paid_s, served_s, slot_s, work_s, worth_s }
    }
}

/// The terms of all servers by number.
fn terms(scenario: &Scenario, measured: &Measured) -> Vec<Term> {
    let (from, to) = (measured.meter.from, end(measured));
    let span = span_s(measured);
    let Some(census) = &measured.census else {
        let pools = (0_u16..).zip(scenario.pool.values());
        let each = pools.flat_map(|(index, pool)| (0..pool.servers).map(move |_| index));
        return each.map(|pool| Term::new(scenario, pool, span, span)).collect();
    };
    staffing::lives(census).iter().map(|life| Term::of(scenario, life, from, to)).collect()
}

fn servers(measured: &Measured, terms: &[Term], span: f64) -> Servers {
    let paid_s: f64 = terms.iter().map(|term| term.paid_s).sum();
    let fixed = terms.len() as u32;
    let Some(census) = &measured.census else {
        let hours = f64::from(fixed) * span / 3600.0;
        return Servers { mean: fixed.into(), min: fixed, max: fixed, hours };
    };
    let (min, max) = staffing::extremes(census, measured.meter.from, end(measured));
    let mean = if span > 0.0 { paid_s / span } else { f64::from(max) };
    Servers { mean, min, max, hours: paid_s / 3600.0 }
}

fn seconds(area: u128) -> f64 {
    area as f64 / SECOND_NS as f64
}

fn share(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

fn pools(scenario: &Scenario, measured: &Measured, terms: &[Term]) -> Vec<Pool> {
    let idle = PerServer::default();
    let each = (0_u16..).zip(&scenario.pool).map(|(index, (name, pool))| {
        let own = || (0_u32..).zip(terms).filter(move |(_, term)| term.pool == index);
        // A server that never had a request is beyond the end of the meter.
        let done = |id: u32| measured.meter.servers.get(id as usize).unwrap_or(&idle);
        let utilization = |busy_ns: u128, slot_s: f64| {
            if slot_s > 0.0 { seconds(busy_ns) / slot_s } else { 0.0 }
        };
        let busy = own().map(|(id, _)| u128::from(done(id).busy_ns)).sum();
        let hours = own().map(|(_, term)| term.worth_s).sum::<f64>() / 3600.0;
        let slot_s = own().map(|(_, term)| term.slot_s).sum();
        Pool {
            name: name.clone(),
            completed: own().map(|(id, _)| done(id).completed).sum(),
            utilization: utilization(busy, slot_s),
            cost: pool.price.0 * hours,
            servers: own()
                .filter(|(_, term)| term.served_s > 0.0 || measured.census.is_none())
                .map(|(id, term)| Server {
                    id,
                    completed: done(id).completed,
                    utilization: utilization(done(id).busy_ns.into(), term.slot_s),
                })
                .collect(),
        }
    });
    each.collect()
}

/// The bill, where more than prices is set.
fn breakdown(scenario: &Scenario, measured: &Measured, pools: &[Pool]) -> Option<Breakdown> {
    let (from, to) = (measured.meter.from, end(measured));
    let stays: Vec<billing::Stay> = if let Some(census) = &measured.census {
        let lives = staffing::lives(census);
        lives.iter().map(|life| life.stay(&scenario.pool[usize::from(life.pool)])).collect()
    } else {
        let each = (0_u16..).zip(scenario.pool.values());
        let stay = |pool| billing::Stay {
            pool,
            ordered: Instant::START,
            ready: Some(Instant::START),
            gone: None,
            sizes: Vec::new(),
        };
        each.flat_map(|(index, pool)| (0..pool.servers).map(move |_| stay(index))).collect()
    };
    let busy: Vec<f64> = pools.iter().map(|pool| pool.utilization).collect();
    billing::bill(scenario, measured, &stays, &busy, (from, to))
}

fn cost(
    scenario: &Scenario,
    measured: &Measured,
    pools: &[Pool],
    breakdown: Option<Breakdown>,
    requests: &Requests,
) -> Cost {
    let (span, tokens) = (span_s(measured), measured.meter.tokens.iter().sum());
    let penalties = breakdown.iter().flat_map(|it| &it.penalties).map(|it| it.amount).sum::<f64>();
    let total = pools.iter().map(|pool| pool.cost).sum::<f64>() + penalties;
    let per_million = |count: u64| (count > 0).then(|| total / count as f64 * 1e6);
    // A fleet that stays has a price, whatever the run is long: through the total and back equal
    // fleets would differ in the last bit, and the dearer one would lose a choice.
    let stays = measured.census.is_none() && breakdown.is_none();
    let price = |pool: &super::Pool| pool.price.0 * f64::from(pool.servers);
    Cost {
        total,
        currency: scenario.currency.clone(),
        per_hour: match span {
            _ if stays => scenario.pool.values().map(price).sum(),
            0.0 => 0.0,
            _ => total / span * 3600.0,
        },
        per_million_requests: per_million(requests.completed),
        per_million_tokens: per_million(tokens),
        breakdown,
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
    // Who asked something of requests and had none is told no; a percentile that those who came
    // do not support, or a latency of requests that all failed, nobody knows.
    let inconclusive = value.is_none() && outcome.requests.arrived > 0;
    Objective { objective: goal.text.clone(), value, met, inconclusive, beyond: None }
}

/// Names a server that is much busier than all others of its pool, from everyone's number and load.
pub fn hot_server(pool: &str, loads: &[(u32, f64)]) -> Option<String> {
    const BUSY: f64 = 0.8;
    const UNEVEN: f64 = 1.5;
    let unused = loads.iter().filter(|(_, load)| *load == 0.0).count();
    if unused > 0 && loads.iter().any(|(_, load)| *load >= BUSY) {
        return Some(format!(
            "{unused} of {} servers of pool `{pool}` had nothing to do while others were busy: a \
             policy that fills one server before the next keeps them in reserve, or never sends to \
             them (a subset, a zone, keys that are few), or they were out",
            loads.len()
        ));
    }
    let &(server, most) = loads.iter().max_by(|(_, a), (_, b)| a.total_cmp(b))?;
    let whole: f64 = loads.iter().map(|(_, load)| load).sum();
    let others = (whole - most) / (loads.len() - 1) as f64;
    (loads.len() > 2 && most >= BUSY && most >= UNEVEN * others).then(|| {
        format!(
            "server {server} of pool `{pool}` is {:.0} % busy and the others {:.0} % on average: \
             hot keys (see `bounded-load`), or a policy that fills one server before the next",
            100.0 * most,
            100.0 * others
        )
    })
}

/// Says that servers come without delay, which flatters every autoscaler, where nobody set one.
fn at_once(scenario: &Scenario, pool: &str) -> Option<String> {
    scenario.pool.get(pool)?.startup.is_none().then(|| {
        format!(
            "servers of pool `{pool}` serve as soon as they are ordered, for it has no start-up \
             time; real ones take a while: `--set pool.{pool}.startup=constant:value=90s`"
        )
    })
}

/// How the advice begins that a run ended with much left to do.
pub const BACKLOG: &str = "a backlog was left that took";

fn advise(scenario: &Scenario, measured: &Measured, terms: &[Term], outcome: &mut Outcome) {
    let mut say = |words: String| outcome.advice.push(words);
    let meter = &measured.meter;
    if meter.arrived == 0 {
        let left_out = measured.ending.arrived;
        say(if left_out > 0 {
            format!(
                "nothing was measured: all {} requests arrived in the warm-up of {}; shorten it \
                 with `--warm-up`",
                grouped(left_out),
                meter.from.since(Instant::START)
            )
        } else {
            "no request arrived in the stretch that was measured".to_owned()
        });
        return;
    }
    if measured.ending.stopped {
        say("the run was stopped early: what is shown covers only the part that was done"
            .to_owned());
    }
    let capacity: f64 = terms.iter().map(|term| term.work_s).sum::<f64>()
        / outcome.duration_s.max(f64::MIN_POSITIVE);
    let offered = seconds(meter.demand) / outcome.duration_s.max(f64::MIN_POSITIVE) / capacity;
    let overrun = measured.ending.last.since(measured.ending.horizon).as_secs_f64();
    // Where requests are refused or give up, queues stay short at any load.
    let endless = outcome.requests.rejected + outcome.requests.timed_out == 0;
    if offered >= 1.0 && endless && outcome.duration_s > 0.0 {
        // It comes first: no other number means much beside it.
        outcome.advice.insert(
            0,
            format!(
                "utilization ≥ 1: work arrives {offered:.2} times as fast as the fleet can serve \
                 it; there is no steady state, and latency grows as long as traffic lasts (the \
                 backlog took {overrun:.0} s to clear, which utilization, throughput and cost \
                 leave out)"
            ),
        );
    }
    let longest = outcome.service_s.max.unwrap_or(0.0);
    let late = overrun > longest.max(0.05 * outcome.duration_s);
    let mut say = |words: String| outcome.advice.push(words);
    if offered < 1.0 && endless && late && !measured.ending.stopped {
        say(format!(
            "{BACKLOG} {} to clear after the traffic had ended: utilization, throughput, \
             server-hours and cost leave that out, and seem the better the fewer servers there \
             were",
            Duration::from_secs_f64(overrun.round())
        ));
    }
    let far = scenario.pool.iter().filter(|(_, pool)| pool.network > Duration::ZERO);
    let far: Vec<String> = far.map(|(name, _)| format!("`{name}`")).collect();
    if !far.is_empty() {
        say(format!(
            "the way to the servers of {} is part of the wait, and who is on it is in the queue: \
             its `network` is no service",
            far.join(" and ")
        ));
    }
    let ordered = outcome.autoscaling.iter().filter(|it| it.ordered > 0);
    ordered.filter_map(|it| at_once(scenario, &it.pool)).for_each(&mut say);
    if scenario.has_lasting_servers() {
        for pool in &outcome.pools {
            let loads = pool.servers.iter().map(|server| (server.id, server.utilization));
            hot_server(&pool.name, &loads.collect::<Vec<_>>()).into_iter().for_each(&mut say);
        }
    }
    let completed = outcome.requests.completed;
    let lacking: Vec<&str> = [("p99", 0.99), ("p99.9", 0.999)]
        .into_iter()
        .filter(|(_, p)| !crate::stats::moments::supports(completed, *p))
        .map(|(name, _)| name)
        .collect();
    if !lacking.is_empty() {
        say(format!(
            "{} completed requests do not support {}: fewer than ten lie beyond",
            grouped(completed),
            lacking.join(" and ")
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_with_a_hot_key_is_named_and_none_of_an_even_pool() {
        let named = |loads: &[f64]| {
            let loads: Vec<(u32, f64)> = (6..).zip(loads.iter().copied()).collect();
            hot_server("cache", &loads)
        };
        let words = named(&[0.4, 0.93, 0.42]).unwrap();
        assert!(words.starts_with("server 7 of pool `cache` is 93 % busy and the others 41 %"));
        assert_eq!(named(&[0.4, 0.7, 0.42]), None, "nobody is full");
        assert_eq!(named(&[0.8, 0.93, 0.82]), None, "all are");
        assert_eq!((named(&[]), named(&[0.9]), named(&[0.9, 0.1])), (None, None, None));
        let words = named(&[0.9, 0.0, 0.0]).unwrap();
        assert!(words.starts_with("2 of 3 servers of pool `cache` had nothing to do"), "{words}");
        assert_eq!(named(&[0.5, 0.0]), None, "nobody was busy either");
    }
}
