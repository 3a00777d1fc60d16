//! The answer in words: the sentence that stands first, and what the reader should know.

use std::sync::atomic::Ordering;

use indexmap::IndexMap;

use super::Draft;
use super::analytic::Model;
use super::asked::Asked;
use super::gate::Gate;
use super::hunt::{Hunt, fails};
use super::mix::Choice;
use crate::outcome::{Answer, Candidate, Estimate, Plan, PlanBounds, Recommendation, Ruling};
use crate::scenario::{Goal, Measure, QueuePlace, Resample, Scenario};
use crate::units::grouped;

/// The probability that one would like an objective to hold with when the forecast is off.
const COMFORT: f64 = 0.95;

/// `1 server`, `12 servers`.
fn servers(count: u32) -> String {
    if count == 1 { "1 server".to_owned() } else { format!("{count} servers") }
}

/// `8 small and 2 large`, or `12 servers` of one kind.
pub(super) fn fleet_of(found: &IndexMap<String, u32>) -> String {
    let used: Vec<(&String, u32)> =
        found.iter().filter(|(_, n)| **n > 0).map(|(name, n)| (name, *n)).collect();
    match used.as_slice() {
        _ if found.len() == 1 => servers(used.first().map_or(0, |one| one.1)),
        several => {
            let each = several.iter().map(|(name, n)| format!("{n} {name}"));
            each.collect::<Vec<_>>().join(" and ")
        }
    }
}

pub(super) fn percent(share: f64) -> String {
    let shown = format!("{:.1}", 100.0 * share);
    format!("{} %", shown.trim_end_matches('0').trim_end_matches('.'))
}

/// A number to four digits.
pub(super) fn figures(value: f64) -> String {
    let places = (3.0 - value.abs().max(1e-9).log10().floor()).clamp(0.0, 12.0) as usize;
    let shown = format!("{value:.places$}");
    if !shown.contains('.') {
        return shown;
    }
    shown.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// A time to three digits: `457 ms`, `1.25 s`.
fn seconds(value: f64) -> String {
    let (number, unit) = match value.abs() {
        s if s < 0.999_5e-3 => (1e6 * value, "µs"),
        s if s < 0.999_5 => (1e3 * value, "ms"),
        _ => (value, "s"),
    };
    let places = match number.abs() {
        n if n >= 99.95 => 0,
        n if n >= 9.995 => 1,
        _ => 2,
    };
    format!("{number:.places$} {unit}")
}

/// What a measure is counted in.
fn told(measure: Measure, value: f64) -> String {
    match measure {
        Measure::Errors | Measure::Utilization => percent(value),
        _ => seconds(value),
    }
}

/// The names of all objectives.
fn objectives(asked: &Asked<'_>) -> String {
    let names: Vec<&str> = asked.goals.iter().map(|goal| goal.text.as_str()).collect();
    names.join(", ")
}

/// What beside the load is asked of the fleet, in half a sentence.
fn demands(asked: &Asked<'_>) -> String {
    let loss = asked.ask.survive.map(|loss| format!(" after the loss of {loss}"));
    loss.unwrap_or_default()
}

/// A plan that was stopped before the traffic was read.
pub(super) fn nothing_known(scenario: &Scenario, asked: &Asked<'_>) -> Plan {
    let plan = Plan {
        schema: "plimsoll.plan/1".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        name: scenario.name.clone(),
        seed: scenario.seed,
        kind: scenario.kind(),
        partial: true,
        verdict: Answer::Undecided,
        answer: String::new(),
        question: asked.question(),
        traffic: crate::outcome::Offered::default(),
        recommendation: None,
        candidates: Vec::new(),
        loads: Vec::new(),
        requests: 0,
        bounds: PlanBounds::default(),
        currency: scenario.currency.clone(),
        scenario: serde_json::to_value(scenario).expect("a scenario is plain data"),
        advice: Vec::new(),
    };
    Plan { answer: "Stopped before any fleet was tried.".to_owned(), ..plan }
}

/// No fleet of any size will do.
pub(super) fn impossible(draft: Draft<'_>, goal: &Goal, floor: f64) -> Plan {
    let answer = format!(
        "No number of servers meets {goal}: the service alone takes that long, even an idle fleet \
         has {} = {}.",
        goal.measure,
        told(goal.measure, floor)
    );
    let advice = format!(
        "raise the limit above {}, or shorten the service: faster servers (`--speed`), other work",
        told(goal.measure, floor)
    );
    let plan = draft.plan(Answer::Unmet, None);
    Plan { answer, advice: vec![advice], ..plan }
}

/// Nothing that is allowed is known to meet the plan, or the search was stopped.
pub(super) fn none_found(hunt: &Hunt<'_>, choice: &Choice, draft: Draft<'_>) -> Plan {
    let asked = draft.asked;
    let limit = match (asked.ask.budget, &asked.scenario.pool) {
        (Some(budget), _) => format!(" for {} an hour", budget.0),
        (None, pools) if pools.values().any(|pool| pool.capacity.is_some()) => {
            " within the `capacity` of the pools".to_owned()
        }
        _ => String::new(),
    };
    let what = format!("{}{}{limit}", objectives(asked), demands(asked));
    let closest = hunt.closest();
    let open = closest.filter(|found| !fails(found.ruling));
    let (verdict, answer) = match (hunt.stopped, open) {
        (true, _) => (Answer::Undecided, stopped_at(hunt)),
        (false, Some(open)) => {
            let told = format!(
                "It cannot be told whether a fleet meets {what}: with {} {} from {} requests.",
                fleet_of(&open.pools),
                comes_to(open),
                grouped(open.requests)
            );
            (Answer::Undecided, told)
        }
        (false, None) => {
            let close = closest.map_or(String::new(), |closest| {
                format!(" The closest, {}, comes to {}.", fleet_of(&closest.pools), missed(closest))
            });
            let far = match hunt.searched_to {
                Some(most) => format!("No fleet of up to {} meets", servers(most)),
                None => "No fleet meets".to_owned(),
            };
            (Answer::Unmet, format!("{far} {what}.{close}"))
        }
    };
    let mut plan = draft.plan(verdict, None);
    (plan.partial, plan.answer) = (hunt.stopped, answer);
    plan.advice.extend_from_slice(&choice.advice);
    if open.is_some() && !hunt.stopped {
        plan.advice.push(closer(hunt.gate));
    }
    if verdict == Answer::Unmet && hunt.searched_to.is_some() {
        plan.advice.push(
            "the search ended at many times what the formula and the busiest second ask for: look \
             at what holds requests up beside the number of servers (the balancer, `speed`, \
             `queue-limit`)"
                .to_owned(),
        );
    }
    sorted(hunt, plan)
}

/// The open objectives of a candidate with their intervals.
pub(super) fn comes_to(candidate: &Candidate) -> String {
    let each = candidate.measures.iter().filter(|one| !one.met).map(|one| {
        let Ok(goal) = Goal::parse(&one.objective) else { return one.objective.clone() };
        let of = |end: Option<f64>| end.map(|value| told(goal.measure, value));
        match (of(one.value.estimate), of(one.value.low), of(one.value.high)) {
            (Some(centre), Some(low), Some(high)) => {
                format!("{} = {centre} ({low} … {high})", goal.measure)
            }
            (Some(centre), ..) => format!("{} = {centre}", goal.measure),
            _ => format!("{} is not known", goal.measure),
        }
    });
    let told = each.collect::<Vec<_>>().join(", ");
    // What fresh numbers refuted next to it met the plan with the first ones.
    if told.is_empty() {
        "the plan was met, and with a neighbour it was not,".to_owned()
    } else {
        told
    }
}

/// What would tell more.
pub(super) fn closer(gate: &Gate<'_>) -> String {
    let base = gate.base;
    if base.is_drawn() || base.run.resample == Resample::None {
        return match gate.replications {
            Some(_) => "more `--replications` tell more, or none: a plan then runs as many as it \
                        takes"
                .to_owned(),
            None => "`--precision 1%` looks closer".to_owned(),
        };
    }
    "a longer trace tells more; `--resample none` asks about this trace alone".to_owned()
}

/// That fresh random numbers did not confirm a fleet, with what they say.
pub(super) fn refuted(found: &Candidate) -> String {
    let fleet = fleet_of(&found.pools);
    if fails(found.ruling) {
        return format!("fresh random numbers refuted {fleet}: {}", missed(found));
    }
    format!("fresh random numbers did not confirm {fleet}: {}", comes_to(found))
}

/// Where a larger fleet than the chosen one was seen to miss the plan.
pub(super) fn no_better_with_more(hunt: &Hunt<'_>, fleet: &[u32]) -> Option<String> {
    let larger = |tried: &[u32]| tried != fleet && tried.iter().zip(fleet).all(|(a, b)| a >= b);
    let misses = |(tried, found): &&(Vec<u32>, Candidate)| {
        found.load == 1.0 && larger(tried) && fails(found.ruling)
    };
    let (_, found) = hunt.tried.iter().find(misses)?;
    Some(format!(
        "{}, which are more, do not meet the plan: this system does not get better with every \
         server, and the search took for granted that it does; hold fleets against each other \
         with `plimsoll sweep`",
        fleet_of(&found.pools)
    ))
}

/// What a candidate misses, with its values.
pub(super) fn missed(candidate: &Candidate) -> String {
    if candidate.ruling == Ruling::Overloaded {
        let load = candidate.utilization.estimate.filter(|load| load.is_finite());
        return load.map_or("nothing that is left to serve".to_owned(), |load| {
            format!("{} utilization: work arrives faster than it can be done", percent(load))
        });
    }
    let each = candidate.measures.iter().filter(|one| !one.met).map(|one| {
        let measure = Goal::parse(&one.objective).map(|goal| goal.measure);
        let value = match (measure, one.value.estimate) {
            (Ok(measure), Some(value)) => told(measure, value),
            _ => "no steady state".to_owned(),
        };
        format!("{value} ({})", one.objective)
    });
    each.collect::<Vec<_>>().join(", ")
}

fn stopped_at(hunt: &Hunt<'_>) -> String {
    let at_plan = || hunt.tried.iter().map(|(_, found)| found).filter(|found| found.load == 1.0);
    let met = at_plan().filter(|found| found.met);
    let met = met
        .min_by(|a, b| a.cost_per_hour.total_cmp(&b.cost_per_hour).then(a.servers.cmp(&b.servers)));
    let failed = at_plan().filter(|found| !found.met).max_by_key(|found| found.servers);
    match (failed, met) {
        (Some(few), Some(enough)) => format!(
            "Stopped early: {} are enough, {} are not.",
            fleet_of(&enough.pools),
            fleet_of(&few.pools)
        ),
        (None, Some(enough)) => format!("Stopped early: {} are enough.", fleet_of(&enough.pools)),
        (Some(few), None) => format!("Stopped early: {} are not enough.", fleet_of(&few.pools)),
        (None, None) => "Stopped before any fleet was known to be enough or not.".to_owned(),
    }
}

/// Puts the tried fleets and loads in their order.
fn sorted(hunt: &Hunt<'_>, mut plan: Plan) -> Plan {
    let at_plan = hunt.tried.iter().map(|(_, found)| found).filter(|found| found.load == 1.0);
    plan.candidates = at_plan.cloned().collect();
    plan.requests = hunt.gate.spent.load(Ordering::Relaxed);
    plan.candidates.sort_by(|a, b| {
        let cost = a.cost_per_hour.total_cmp(&b.cost_per_hour);
        a.servers.cmp(&b.servers).then(cost).then(a.pools.values().cmp(b.pools.values()))
    });
    plan
}

/// Puts everything in order, and the answer into a sentence.
pub(super) fn finish(hunt: &Hunt<'_>, mut plan: Plan, fleet: &[u32]) -> Plan {
    plan = sorted(hunt, plan);
    plan.partial = hunt.stopped;
    let own = hunt.tried.iter().filter(|(tried, _)| tried == fleet);
    plan.loads = own.map(|(_, found)| found.clone()).collect();
    plan.loads.sort_by(|a, b| a.load.total_cmp(&b.load));
    if let Some(recommendation) = &plan.recommendation {
        plan.answer = if hunt.asked.ask.max_rate {
            carries(hunt, recommendation)
        } else {
            recommended(hunt, recommendation, &plan.currency)
        };
    }
    if let Some(words) = off(hunt, &plan) {
        plan.advice.push(words);
    }
    let boundary =
        |found: &&Candidate| matches!(found.ruling, Ruling::Boundary | Ruling::Undecided);
    let few = plan.recommendation.as_ref().map_or(0.0, |one| one.servers);
    if let Some(close) =
        plan.candidates.iter().filter(boundary).find(|found| f64::from(found.servers) < few)
    {
        plan.advice.push(format!(
            "{} cannot be told from the limit with {} requests, and count as too few; {}",
            fleet_of(&close.pools),
            grouped(close.requests),
            closer(hunt.gate)
        ));
    }
    if let Some(close) = plan.candidates.iter().find(|found| found.by_theory) {
        plan.advice.push(format!(
            "{} cannot be told from the limit with what was simulated: there the formula of Erlang \
             ruled, which is exact for this scenario",
            fleet_of(&close.pools)
        ));
    }
    if plan.partial {
        plan.advice.push("stopped early: what is missing was not searched any more".to_owned());
    }
    plan
}

fn recommended(hunt: &Hunt<'_>, found: &Recommendation, currency: &str) -> String {
    let asked = hunt.asked;
    let price = match found.cost_per_hour {
        0.0 => String::new(),
        cost => format!(" for {cost:.2} {currency} an hour"),
    };
    let sure = match found.verified {
        true => format!("{} sure", percent(asked.scenario.run.confidence.0)),
        false => "not confirmed by fresh random numbers".to_owned(),
    };
    let (they, verb) =
        if found.servers == 1.0 { ("It carries", "meets") } else { ("They carry", "meet") };
    let headroom = match found.headroom {
        Some(share) => format!("{they} {} more traffic{}", percent(share), then(found)),
        None => "How much more they carry was not found".to_owned(),
    };
    format!(
        "{}{price} {verb} {}{}, {sure}. {headroom}.",
        fleet_of(&found.pools),
        objectives(asked),
        demands(asked)
    )
}

/// What comes after the most that is carried: ` until p99<1s breaks`, or how far that is known.
pub(super) fn then(found: &Recommendation) -> String {
    let breaks = match found.breaks_first.as_deref() {
        Some(first) if first.contains("saturated") => first.to_owned(),
        Some(first) => format!("{first} breaks"),
        None => String::new(),
    };
    let more = |rate: f64| {
        found
            .max_rate
            .zip(found.headroom)
            .map(|(most, headroom)| percent(rate / most * (1.0 + headroom) - 1.0))
    };
    match (found.open_after, found.breaks_at_rate.and_then(more)) {
        (None, Some(_)) => format!(" until {breaks}"),
        (Some(requests), Some(at)) => format!(
            " for sure, and at {at} more {breaks}; {} requests cannot tell what lies between",
            grouped(requests)
        ),
        (Some(requests), None) => {
            format!(" for sure; of more than that {} requests cannot tell", grouped(requests))
        }
        (None, None) => ", as far as was searched".to_owned(),
    }
}

fn carries(hunt: &Hunt<'_>, found: &Recommendation) -> String {
    let (fleet, goals) = (fleet_of(&found.pools), objectives(hunt.asked));
    match (found.max_rate, found.headroom, found.open_after) {
        (Some(rate), Some(headroom), _) => {
            let against = if headroom >= 0.0 {
                format!("{} more than now", percent(headroom))
            } else {
                format!("{} less than now", percent(-headroom))
            };
            let open = match (found.open_after, found.breaks_at_rate) {
                (Some(requests), Some(at)) => format!(
                    " at {} a second; {} requests cannot tell what lies between",
                    figures(at),
                    grouped(requests)
                ),
                _ => String::new(),
            };
            let breaks = found.breaks_first.as_deref().unwrap_or("nothing that was seen");
            format!(
                "{fleet} can carry up to {} requests a second with {goals}{}: {against}. \
                 What breaks first: {breaks}{open}.",
                figures(rate),
                demands(hunt.asked)
            )
        }
        (.., Some(requests)) => format!(
            "It cannot be told whether {fleet} carry even a hundredth of this traffic with \
             {goals}{}: {} requests do not show it.",
            demands(hunt.asked),
            grouped(requests)
        ),
        _ => format!("{fleet} cannot carry even a hundredth of this traffic with {goals}."),
    }
}

/// How far Erlang C alone would have been off.
fn off(hunt: &Hunt<'_>, plan: &Plan) -> Option<String> {
    if hunt.asked.ask.max_rate || hunt.asked.ask.survive.is_some() {
        return None;
    }
    let chosen = plan.recommendation.as_ref()?.servers;
    let erlang = plan.bounds.erlang_c_servers?;
    let apart = f64::from(erlang) - chosen;
    if apart == 0.0 {
        return None;
    }
    let (many, which) = (apart.abs(), if apart < 0.0 { "too few" } else { "too many" });
    let peak = plan
        .bounds
        .erlang_c_peak_servers
        .map_or(String::new(), |at_peak| format!(", {at_peak} at the rate of the busiest stretch"));
    Some(format!(
        "Erlang C alone would say {erlang} at the mean rate{peak}: {many:.0} {which}; it takes \
         arrivals for Poisson, services for exponential, and the queue for one"
    ))
}

/// That a forecast which is off decides more than all else, where the objectives may not hold.
pub(super) fn doubt(cv: f64, found: &Recommendation) -> Option<String> {
    let probability = found.met_under_forecast_error;
    let probability = probability.filter(|&probability| probability < COMFORT && cv > 0.0)?;
    let off = percent(cv);
    let known = match found.is_floor() {
        true => format!("{probability:.2} at least, and more is not sure"),
        false => format!("{probability:.2} only"),
    };
    Some(format!(
        "the forecast decides more than the simulation: with a load that is off by {off} the \
         objectives hold with probability {known}"
    ))
}

/// How many times the load of a forecast that is off by `cv` is not exceeded with probability
/// 0.95: ln(λ*/λ) = z·v − v²/2.
pub(super) fn worst_load(cv: f64) -> f64 {
    (1.645 * cv - 0.5 * cv * cv).exp()
}

/// What the reader should know of the forecast.
pub(super) fn forecast(hunt: &Hunt<'_>, found: &Recommendation) -> Option<String> {
    let cv = hunt.asked.ask.forecast_cv;
    let mut words = doubt(cv, found)?;
    let needed = worst_load(cv);
    let slots = |scale| hunt.model.slots(&hunt.asked.goals, scale);
    if let (1, Some(now), Some(then)) = (found.pools.len(), slots(1.0), slots(needed)) {
        let each = hunt.gate.base.pool[0].slots;
        let more = then.div_ceil(each).saturating_sub(now.div_ceil(each));
        let own = found.servers as u32;
        // A loss takes its part of those that are added.
        let left = |n: u32| hunt.asked.survivors(&[n])[0][0];
        let enough =
            (own..=own.saturating_mul(4) + 4 * more).find(|&n| left(n) >= left(own) + more);
        if let Some(enough) = enough.filter(|_| more > 0) {
            words.push_str(&format!(
                "; about {} would make it 0.95{}",
                servers(enough),
                scaled(hunt.gate.base, needed)
            ));
        }
    }
    Some(words)
}

/// The flag that asks for so many times the load, where one flag can.
fn scaled(scenario: &Scenario, times: f64) -> String {
    let mut scales = scenario.traffic.values().map(|traffic| traffic.shape.rate_scale);
    let first = scales.next().unwrap_or(1.0);
    if scales.all(|scale| scale == first) {
        format!(" (`--rate-scale {:.2}`)", first * times)
    } else {
        String::new()
    }
}

/// What runs short first.
pub(super) fn bottleneck(hunt: &Hunt<'_>, fleet: &[u32], found: &Candidate) -> String {
    let Model { load, .. } = hunt.model;
    let busy = &found.utilization;
    // Where more are late than may be, it is not the services that make the difference.
    let mut goals = hunt.asked.goals.iter().filter(|_| !fails(found.ruling));
    let floor = goals.find_map(|goal| {
        let Measure::Percentile(p) = goal.measure else { return None };
        Some((goal, hunt.model.service_tail(goal.limit) / (1.0 - p)))
    });
    let busy = busy.estimate.unwrap_or(0.0);
    // Spare servers are no bottleneck: what is left in the worst loss was simulated.
    let slots = hunt.left(fleet) / hunt.model.speed;
    let pooled = hunt.model.slots(&hunt.asked.goals, 1.0);
    let peak = load.peak(load.usual_peak());
    let peaks = !hunt.gate.base.is_even() && peak.erlangs > 1.3 * load.erlangs();
    let apart =
        hunt.gate.base.balancer.queue() == QueuePlace::PerServer && found.simulated_servers > 1;
    match (floor, pooled) {
        (Some((goal, share)), _) if share > 0.7 => format!(
            "service times: {} of the requests that {goal} lets be late are late by their service \
             alone",
            percent(share.min(1.0))
        ),
        _ if busy > 0.85 => format!("servers: their slots are busy {} of the time", percent(busy)),
        _ if peaks => format!(
            "peaks: the busiest stretch brings {:.1} times the mean load, and slots are busy {} of \
             the time on average",
            peak.erlangs / load.erlangs(),
            percent(busy)
        ),
        _ if load.arrival_scv > 2.0 => format!(
            "bursts: slots are busy {} of the time on average, and arrivals vary as those of a cv \
             of {:.1}",
            percent(busy),
            load.arrival_scv.sqrt()
        ),
        (_, Some(pooled)) if apart && f64::from(pooled) < 0.9 * slots => format!(
            "queues before single servers: with one queue before all, about {pooled} of {slots:.0} \
             slots would do"
        ),
        _ => {
            format!("queues: slots are busy {} of the time, and chance makes lines", percent(busy))
        }
    }
}

/// A fleet of which nothing is known.
pub(super) fn unknown(names: &[&String], fleet: &[u32]) -> Candidate {
    Candidate {
        servers: fleet.iter().sum(),
        pools: names.iter().map(|&name| name.clone()).zip(fleet.iter().copied()).collect(),
        settings: IndexMap::new(),
        simulated_servers: fleet.iter().sum(),
        cost_per_hour: 0.0,
        load: 1.0,
        measures: Vec::new(),
        utilization: Estimate::INSUFFICIENT,
        met: false,
        ruling: Ruling::Undecided,
        by_theory: false,
        requests: 0,
    }
}
