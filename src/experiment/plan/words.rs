//! The answer in words: the sentence that stands first, and what the reader should know.

use super::Draft;
use super::analytic::Model;
use super::asked::Asked;
use super::hunt::Hunt;
use super::mix::Choice;
use crate::outcome::{Answer, Candidate, Estimate, Kind, Plan, PlanBounds, Recommendation, Ruling};
use crate::scenario::{Goal, Measure, QueuePlace, Scenario};

/// The probability that one would like an objective to hold with when the forecast is off.
const COMFORT: f64 = 0.95;

/// `1 server`, `12 servers`.
fn servers(count: u32) -> String {
    if count == 1 { "1 server".to_owned() } else { format!("{count} servers") }
}

/// `8 small and 2 large`, or `12 servers` of one kind.
pub(super) fn fleet_of(found: &indexmap::IndexMap<String, u32>) -> String {
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

fn percent(share: f64) -> String {
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

/// Nothing that is allowed meets the plan, or the search was stopped.
pub(super) fn none_found(hunt: &Hunt<'_>, choice: &Choice, draft: Draft<'_>) -> Plan {
    let (asked, stopped) = (draft.asked, hunt.stopped);
    let mut plan = draft.plan(if stopped { Answer::Undecided } else { Answer::Unmet }, None);
    plan.partial = stopped;
    plan.advice.clone_from(&choice.advice);
    plan.answer = if stopped {
        stopped_at(hunt)
    } else {
        let limit = match (asked.ask.budget, &asked.scenario.pool) {
            (Some(budget), _) => format!(" for {} an hour", budget.0),
            (None, pools) if pools.values().any(|pool| pool.capacity.is_some()) => {
                " within the `capacity` of the pools".to_owned()
            }
            _ => String::new(),
        };
        let close = hunt.closest().map_or(String::new(), |closest| {
            format!(" The closest, {}, comes to {}.", fleet_of(&closest.pools), missed(closest))
        });
        format!("No fleet meets {}{}{limit}.{close}", objectives(asked), demands(asked))
    };
    sorted(hunt, plan)
}

/// What a candidate misses, with its values.
fn missed(candidate: &Candidate) -> String {
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
    let at = |load: bool| hunt.tried.iter().filter(move |(_, c)| (c.load == 1.0) == load);
    plan.candidates = at(true).map(|(_, found)| found.clone()).collect();
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
        && hunt.gate.base.kind() == Kind::SteadyState
    {
        plan.advice.push(format!(
            "{} cannot be told from the limit with what was simulated, and count as too few; \
             `--precision 1%` looks closer",
            fleet_of(&close.pools)
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
    let sure = percent(asked.scenario.run.confidence.0);
    let headroom = match found.headroom {
        Some(share) => format!(" They carry {} more traffic", percent(share)),
        None => " How much more they carry was not found".to_owned(),
    };
    let verb = if found.servers == 1.0 { "meets" } else { "meet" };
    let breaks = match &found.breaks_first {
        Some(first) if first.contains("saturated") => " until they are saturated".to_owned(),
        Some(first) => format!(" until {first} breaks"),
        None => String::new(),
    };
    let headroom =
        if found.servers == 1.0 { headroom.replace("They carry", "It carries") } else { headroom };
    format!(
        "{}{price} {verb} {}{}, {sure} sure.{headroom}{breaks}.",
        fleet_of(&found.pools),
        objectives(asked),
        demands(asked)
    )
}

fn carries(hunt: &Hunt<'_>, found: &Recommendation) -> String {
    let (fleet, goals) = (fleet_of(&found.pools), objectives(hunt.asked));
    match (found.max_rate, found.headroom) {
        (Some(rate), Some(headroom)) => {
            let against = if headroom >= 0.0 {
                format!("{} more than now", percent(headroom))
            } else {
                format!("{} less than now", percent(-headroom))
            };
            let breaks = found.breaks_first.as_deref().unwrap_or("nothing");
            format!(
                "{fleet} can carry up to {} requests a second with {goals}{}: {against}. \
                 What breaks first: {breaks}.",
                figures(rate),
                demands(hunt.asked)
            )
        }
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

/// What the reader should know of the forecast.
pub(super) fn forecast(hunt: &Hunt<'_>, found: &Recommendation) -> Option<String> {
    let cv = hunt.asked.ask.forecast_cv;
    let probability = found.met_under_forecast_error?;
    if probability >= COMFORT || cv == 0.0 {
        return None;
    }
    let mut words = format!(
        "the forecast decides more than the simulation: with a load that is off by {} the \
         objectives hold with probability {probability:.2} only",
        percent(cv)
    );
    // ln(λ*/λ) = z·v − v²/2.
    let needed = (1.645 * cv - 0.5 * cv * cv).exp();
    let slots = |scale| hunt.model.slots(&hunt.asked.goals, scale);
    if let (1, Some(now), Some(then)) = (found.pools.len(), slots(1.0), slots(needed)) {
        let each = hunt.gate.base.pool[0].slots;
        let more = then.div_ceil(each).saturating_sub(now.div_ceil(each));
        if more > 0 {
            words.push_str(&format!(
                "; about {} would make it 0.95 (`--rate-scale {needed:.2}`)",
                servers(found.servers as u32 + more)
            ));
        }
    }
    Some(words)
}

/// What runs short first.
pub(super) fn bottleneck(hunt: &Hunt<'_>, fleet: &[u32], busy: &Estimate) -> String {
    let Model { load, .. } = hunt.model;
    let floor = hunt.asked.goals.iter().find_map(|goal| {
        let Measure::Percentile(p) = goal.measure else { return None };
        Some((goal, hunt.model.service_tail(goal.limit) / (1.0 - p)))
    });
    let busy = busy.estimate.unwrap_or(0.0);
    let slots: u32 = hunt.gate.base.pool.values().zip(fleet).map(|(p, &n)| p.slots * n).sum();
    let pooled = hunt.model.slots(&hunt.asked.goals, 1.0);
    let peak = load.peak(load.usual_peak());
    let apart =
        hunt.gate.base.balancer.queue() == QueuePlace::PerServer && fleet.iter().sum::<u32>() > 1;
    match (floor, pooled) {
        (Some((goal, share)), _) if share > 0.7 => format!(
            "service times: {} of the requests that {goal} lets be late are late by their service \
             alone",
            percent(share.min(1.0))
        ),
        _ if busy > 0.85 => format!("servers: their slots are busy {} of the time", percent(busy)),
        _ if peak.erlangs > 1.3 * load.erlangs() => format!(
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
        (_, Some(pooled)) if apart && f64::from(pooled) < 0.9 * f64::from(slots) => format!(
            "queues before single servers: with one queue before all, about {pooled} of {slots} \
             slots would do"
        ),
        _ => {
            format!("queues: slots are busy {} of the time, and chance makes lines", percent(busy))
        }
    }
}

/// A fleet that was chosen and whose look was cut off.
pub(super) fn unknown(hunt: &Hunt<'_>, fleet: &[u32]) -> Candidate {
    let names = hunt.gate.base.pool.keys().cloned();
    Candidate {
        servers: fleet.iter().sum(),
        pools: names.zip(fleet.iter().copied()).collect(),
        settings: indexmap::IndexMap::new(),
        simulated_servers: fleet.iter().sum(),
        cost_per_hour: hunt.cost(fleet),
        load: 1.0,
        measures: Vec::new(),
        utilization: Estimate::INSUFFICIENT,
        met: false,
        ruling: Ruling::Undecided,
        by_theory: false,
        requests: 0,
    }
}

/// What the closest setting of an autoscaler comes to.
pub(super) fn closest_setting(
    setting: &str,
    objectives: &[crate::outcome::Objective<Estimate>],
) -> String {
    let each = objectives.iter().filter(|one| !one.met).filter_map(|one| {
        let measure = Goal::parse(&one.objective).ok()?.measure;
        Some(format!("{} ({})", told(measure, one.value.estimate?), one.objective))
    });
    format!(" The closest, {setting}, comes to {}.", each.collect::<Vec<_>>().join(", "))
}

/// A number of a setting without digits that nobody set.
pub(super) fn short(value: &serde_json::Value) -> String {
    match value.as_f64() {
        Some(number) if number.fract() != 0.0 => {
            format!("{number:.3}").trim_end_matches('0').to_owned()
        }
        Some(number) => format!("{number:.0}"),
        None => value.to_string(),
    }
}
