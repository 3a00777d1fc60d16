//! A sweep in words: the best point, the front, the objectives, what the points have to say.

use indexmap::IndexMap;

use super::conclude::{on_front, verdicts};
use super::load;
use crate::outcome::{Estimate, Front, Point, PointVerdict, Selection, Status, Sweep, traffics};
use crate::scenario::Measure;

/// So many kinds of traffic have their best point told.
const MOST_TRAFFICS: usize = 6;

/// What was found, a sentence each.
pub(super) fn findings(sweep: &Sweep, by: Measure, latency: Measure) -> Vec<String> {
    let mut found = Vec::new();
    found.extend(objectives(sweep));
    found.extend(load::carried(sweep));
    found.extend(best(sweep, by, latency));
    found.extend(sweep.selection.as_ref().map(|selection| chosen(selection, sweep)));
    found.extend(front(sweep, latency));
    found.extend(theory(sweep));
    found
}

/// A point by its values: `point 7 (pool.web.servers = 8, balancer.policy = random)`.
fn name(point: &Point) -> String {
    let plain =
        |value: &serde_json::Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let values: Vec<String> =
        point.values.iter().map(|(path, value)| format!("{path} = {}", plain(value))).collect();
    format!("point {} ({})", point.point, values.join(", "))
}

/// A value of a measure with its unit.
fn told(measure: Measure, value: f64, currency: &str) -> String {
    match measure {
        Measure::Errors | Measure::Utilization => format!("{} %", three(100.0 * value)),
        Measure::CostPerHour => format!("{} {currency} an hour", three(value)),
        _ => seconds(value),
    }
}

fn seconds(value: f64) -> String {
    match value {
        x if x < 1e-3 => format!("{} µs", three(1e6 * x)),
        x if x < 1.0 => format!("{} ms", three(1e3 * x)),
        x => format!("{} s", three(x)),
    }
}

/// Three digits, as everywhere.
fn three(value: f64) -> String {
    let places = if value == 0.0 { 0 } else { (2 - value.abs().log10().floor() as i32).max(0) };
    format!("{value:.*}", places as usize)
}

fn objectives(sweep: &Sweep) -> Option<String> {
    sweep.points.first().filter(|point| !point.measures.slo.is_empty())?;
    let counts = verdicts(&sweep.points);
    let count = |verdict| counts.get(&verdict).copied().unwrap_or(0);
    let open = match count(PointVerdict::Inconclusive) {
        0 => String::new(),
        open => format!("; {open} cannot be decided yet"),
    };
    let (met, all) = (count(PointVerdict::Met), sweep.points.len());
    Some(format!("{met} of {all} points meet every objective{open}"))
}

/// The best point; where the traffic is varied, the best for each.
fn best(sweep: &Sweep, by: Measure, latency: Measure) -> Vec<String> {
    let alone = sweep.axes.iter().all(|axis| axis.traffic);
    if alone && sweep.points.len() > 1 {
        // Nothing was chosen between: the same fleet under other traffic is no better one.
        return Vec::new();
    }
    let traffics = traffics(&sweep.axes, sweep.points.iter().map(|point| &point.values));
    let firsts = sweep.points.iter().zip(traffics).filter(|(point, _)| point.rank == 1);
    let all: Vec<(&Point, String)> = firsts.collect();
    if all.len() > MOST_TRAFFICS {
        return vec![format!("the best for each of {} kinds of traffic have rank 1", all.len())];
    }
    let told = |(point, traffic): &(&Point, String)| best_of(point, traffic, (by, latency));
    all.iter().map(told).collect()
}

fn best_of(best: &Point, traffic: &str, (by, latency): (Measure, Measure)) -> String {
    let measures = &best.measures;
    let told = |measure: Measure| {
        let value = measure.of(measures).estimate?;
        let told = told(measure, value, &measures.cost.currency);
        Some(if measure == Measure::CostPerHour { told } else { format!("{measure} {told}") })
    };
    let mut facts: Vec<String> = told(by).into_iter().collect();
    if by != latency {
        facts.extend(told(latency));
    }
    let kind = match (measures.verdict, measures.slo.is_empty()) {
        (_, true) => "the best is",
        (PointVerdict::Met, false) => "the best that meets every objective is",
        (PointVerdict::Inconclusive, false) => {
            "no point is sure to meet every objective; nearest is"
        }
        (PointVerdict::Missed, false) => "no point meets every objective; nearest is",
    };
    let missed =
        if measures.verdict == PointVerdict::Missed { missed(best) } else { String::new() };
    let with = if traffic.is_empty() { String::new() } else { format!("with {traffic} ") };
    let facts = facts.join(", ");
    format!("{with}{kind} {}: {facts}{missed}", name(best))
}

/// Which objectives a point misses.
fn missed(point: &Point) -> String {
    let missed = point.measures.slo.iter().filter(|slo| !slo.met && !slo.inconclusive);
    let texts: Vec<String> = missed.map(|slo| format!("`{}`", slo.objective)).collect();
    format!("; it misses {}", texts.join(" and "))
}

fn chosen(selection: &Selection, sweep: &Sweep) -> String {
    let Selection { measure, then_by, indifference, replications, .. } = selection;
    let Ok(by) = Measure::parse(measure) else { return String::new() };
    let currency = sweep.points.first().map_or("", |point| &point.measures.cost.currency);
    let spent = format!("{replications} replications more were spent on the choice");
    let named = |points: &[u64]| {
        let numbers: Vec<String> = points.iter().map(u64::to_string).collect();
        numbers.join(", ")
    };
    let open = match selection.undecided.as_slice() {
        [] => String::new(),
        open => format!("; whether points {} meet their objectives stays open", named(open)),
    };
    let rivals = match selection.rivals.as_slice() {
        [] => String::new(),
        rivals => format!("; points {} cannot be told from it", named(rivals)),
    };
    match (selection.point, selection.probability) {
        (Some(_), Some(probability)) => {
            let sure = if selection.guaranteed { "at least" } else { "about" };
            let margin = |by: Measure| match *indifference {
                0.0 => String::new(),
                margin => format!(" by more than {}", told(by, margin, currency)),
            };
            // The indifference is one of what was chosen by last.
            let then = then_by.as_deref().and_then(|word| Measure::parse(word).ok());
            let better = match then {
                None => format!("is better by {measure}{}", margin(by)),
                Some(then) => format!(
                    "is better by {measure}, and of equals in that none by {then}{}",
                    margin(then)
                ),
            };
            format!(
                "with a probability of {sure} {} % no other point {better}{rivals}{open}; {spent}",
                three(100.0 * probability)
            )
        }
        (Some(_), None) => format!("how sure the choice is cannot be told{rivals}{open}; {spent}"),
        (None, _) => format!("no point could be chosen{open}; {spent}"),
    }
}

fn front(sweep: &Sweep, latency: Measure) -> Option<String> {
    if sweep.best.len() > 1 {
        return None;
    }
    let front = on_front(&sweep.points);
    let (first, last) = (front.first()?, front.last()?);
    if front.len() < 2 {
        return None;
    }
    let open = sweep.points.iter().filter(|point| point.front == Front::Open).count();
    let open = match open {
        0 => String::new(),
        open => format!(" ({open} more cannot be told from it)"),
    };
    let end = |point: &Point| {
        let cost = told(
            Measure::CostPerHour,
            point.measures.cost.per_hour.estimate?,
            &point.measures.cost.currency,
        );
        let late = latency.of(&point.measures).estimate?;
        Some(format!("{cost} at {latency} {}", told(latency, late, "")))
    };
    Some(format!(
        "{} points lie on the front of cost against {latency}{open}: from {} to {}",
        front.len(),
        end(first)?,
        end(last)?
    ))
}

/// How often the interval of the mean covers what theory knows.
fn theory(sweep: &Sweep) -> Option<String> {
    let pairs = sweep.points.iter().filter_map(|point| {
        let exact = point.measures.theory.as_ref()?.latency_s.mean?;
        let mean = &point.measures.latency_s.mean;
        (mean.status == Status::Ok).then(|| mean.covers(exact))
    });
    let pairs: Vec<bool> = pairs.collect();
    if pairs.is_empty() {
        return None;
    }
    let covered = pairs.iter().filter(|covered| **covered).count();
    Some(format!(
        "theory knows {} of the points: the interval of the mean latency covers its value in \
         {covered}",
        pairs.len()
    ))
}

/// What points have to say: what differs only in its numbers is said once, with how many say it.
pub(super) fn advice(sweep: &Sweep) -> Vec<String> {
    let mut said: IndexMap<String, (String, Vec<u64>)> = IndexMap::new();
    for point in &sweep.points {
        for words in &point.measures.advice {
            let pattern: String =
                words.chars().filter(|c| !c.is_ascii_digit() && *c != '.').collect();
            let entry = said.entry(pattern).or_insert_with(|| (words.clone(), Vec::new()));
            entry.1.push(point.point);
        }
    }
    let all = sweep.points.len();
    let tell = |(words, points): (String, Vec<u64>)| match points.as_slice() {
        points if points.len() == all => words,
        [only] => format!("point {only}: {words}"),
        [first, rest @ ..] => format!("point {first} and {} more: {words}", rest.len()),
        [] => words,
    };
    let mut advice: Vec<String> = said.into_values().map(tell).collect();
    let unknown = |estimate: &Estimate| estimate.status == Status::Unstable;
    let unstable =
        sweep.points.iter().filter(|point| unknown(&point.measures.latency_s.mean)).count();
    if unstable > 0 {
        advice.push(format!(
            "{unstable} of {all} points have no steady state: they are ranked last and lie on no \
             front"
        ));
    }
    if sweep.partial {
        let part = match &sweep.shard {
            Some(shard) => format!("part {shard} of the grid"),
            None => "stopped early".to_owned(),
        };
        advice.push(format!("{part}: {all} of {} points are shown", sweep.size));
    }
    advice
}
