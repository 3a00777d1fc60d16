//! From points to a sweep: their ranks, the front of cost against latency, and words.

use std::collections::BTreeMap;

use indexmap::IndexMap;

use super::front::{Place, fronts};
use super::words;
use crate::outcome::{
    Estimate, Front, Measures, Outline, Placed, Point, PointVerdict, Selection, Status, Sweep,
    traffics,
};
use crate::scenario::{Goal, Measure};

/// The sweep that these points make; `selection` where the best was chosen for sure.
pub fn conclude(
    outline: &Outline,
    mut placed: Vec<Placed>,
    shard: Option<String>,
    selection: Option<Selection>,
) -> Sweep {
    placed.sort_by_key(|placed| placed.point);
    let all: Vec<&Measures> = placed.iter().map(|placed| &placed.kept.measures).collect();
    let latency = latency_of(&all);
    let best_by = best_by(outline, &all, latency);
    let chosen = selection.as_ref().and_then(|selection| selection.point);
    let mut ranks = vec![0; placed.len()];
    let mut front = vec![Front::Out; placed.len()];
    for group in groups(outline, &placed) {
        let order = ranked(&group, &placed, (best_by, latency), chosen);
        (1..).zip(order).for_each(|(rank, at)| ranks[at] = rank);
        let places: Vec<Option<Place>> = group.iter().map(|&at| place(all[at], latency)).collect();
        group.iter().zip(fronts(&places)).for_each(|(&at, found)| front[at] = found);
    }
    let points: Vec<Point> = placed
        .into_iter()
        .zip(front)
        .zip(ranks)
        .map(|((placed, front), rank)| Point {
            point: placed.point,
            rank,
            front,
            values: placed.values,
            measures: placed.kept.measures,
        })
        .collect();
    let best = points.iter().filter(|point| point.rank == 1).map(|point| point.point).collect();
    let mut sweep = Sweep {
        schema: "plimsoll.sweep/1".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        name: outline.name.clone(),
        seed: outline.seed,
        partial: (points.len() as u64) < outline.size,
        shard,
        size: outline.size,
        axes: outline.axes.clone(),
        confidence: outline.confidence,
        latency: latency.to_string(),
        best_by: best_by.to_string(),
        best,
        selection,
        points,
        findings: Vec::new(),
        advice: Vec::new(),
        scenario: outline.scenario.clone(),
    };
    sweep.findings = words::findings(&sweep, best_by, latency);
    sweep.advice = words::advice(&sweep);
    sweep
}

/// The latency that stands for all: what the first objective about one asks for, else p99 where
/// every point supports it, else the mean.
fn latency_of(all: &[&Measures]) -> Measure {
    let objectives = all.first().map_or(&[][..], |one| &one.slo);
    let measures = objectives.iter().filter_map(|slo| Goal::parse(&slo.objective).ok());
    let asked = measures.map(|goal| goal.measure).find(|measure| measure.is_latency());
    let p99 = Measure::Percentile(0.99);
    let known = |one: &&Measures| p99.of(one).estimate.is_some();
    asked.unwrap_or(if all.iter().all(known) { p99 } else { Measure::Mean })
}

/// By what points of one verdict are ranked: as asked, else the cost where objectives say what is
/// good enough, else the latency.
fn best_by(outline: &Outline, all: &[&Measures], latency: Measure) -> Measure {
    let asked = outline.best.as_deref().and_then(|word| Measure::parse(word).ok());
    let priced = all.iter().any(|one| one.cost.per_hour.estimate.is_some_and(|cost| cost > 0.0));
    let bound = all.iter().any(|one| !one.slo.is_empty());
    asked.unwrap_or(if priced && bound { Measure::CostPerHour } else { latency })
}

/// Points that can be held against each other: those that are given the same requests, or all if
/// no two are.
fn groups(outline: &Outline, placed: &[Placed]) -> Vec<Vec<usize>> {
    let traffics = traffics(&outline.axes, placed.iter().map(|placed| &placed.values));
    let mut groups: IndexMap<String, Vec<usize>> = IndexMap::new();
    for (at, traffic) in traffics.into_iter().enumerate() {
        groups.entry(traffic).or_default().push(at);
    }
    groups.into_values().collect()
}

/// The points of a group from the best on: the chosen one, then by verdict, steadiness, the
/// measure, the latency.
fn ranked(
    group: &[usize],
    placed: &[Placed],
    (by, latency): (Measure, Measure),
    chosen: Option<u64>,
) -> Vec<usize> {
    let key = |at: usize| {
        let measures = &placed[at].kept.measures;
        let (value, late) = (by.of(measures), latency.of(measures));
        let unstable = value.status == Status::Unstable || late.status == Status::Unstable;
        let number = |estimate: Estimate| plain(estimate.estimate.unwrap_or(f64::INFINITY));
        let behind = Some(placed[at].point) != chosen;
        ((behind, measures.verdict, unstable), number(value), number(late))
    };
    let mut keyed: Vec<_> = group.iter().map(|&at| (key(at), at)).collect();
    keyed.sort_by(|((a, x, s), _), ((b, y, t), _)| {
        a.cmp(b).then(x.total_cmp(y)).then(s.total_cmp(t))
    });
    keyed.into_iter().map(|(_, at)| at).collect()
}

/// A number without what a sum or a product rounds, so that equal costs are equal and the latency
/// decides between them.
pub(super) fn plain(number: f64) -> f64 {
    format!("{number:.11e}").parse().unwrap_or(number)
}

/// Cost and latency of a point that has both, and that is worth having: in a steady state if it
/// should be in one, and without missing an objective that is about neither.
fn place(point: &Measures, latency: Measure) -> Option<Place> {
    let (cost, late) = (point.cost.per_hour, latency.of(point));
    let of = |text: &str| Goal::parse(text).ok().map(|goal| goal.measure);
    let beside = |measure: Measure| matches!(measure, Measure::Errors | Measure::Utilization);
    let fails = point.slo.iter().any(|objective| {
        !objective.met && !objective.inconclusive && of(&objective.objective).is_some_and(beside)
    });
    let sound = !fails && late.status != Status::Unstable;
    sound.then(|| Place::of(&cost, &late)).flatten()
}

/// How many points there are with each verdict.
pub(super) fn verdicts(points: &[Point]) -> BTreeMap<PointVerdict, usize> {
    let mut counts = BTreeMap::new();
    points.iter().for_each(|point| *counts.entry(point.measures.verdict).or_default() += 1);
    counts
}

/// The points on the front, from the cheapest on.
pub(super) fn on_front(points: &[Point]) -> Vec<&Point> {
    let mut front: Vec<&Point> = points.iter().filter(|point| point.front == Front::On).collect();
    let cost = |point: &Point| point.measures.cost.per_hour.estimate.unwrap_or(f64::INFINITY);
    front.sort_by(|a, b| cost(a).total_cmp(&cost(b)));
    front
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn costs_that_differ_by_a_rounding_are_equal() {
        let sum = 0.1 + 0.2;
        assert!(sum > 0.3);
        assert_eq!(plain(sum).to_bits(), plain(0.3).to_bits());
        assert!(plain(0.300_000_01) > plain(sum));
        assert_eq!(plain(f64::INFINITY), f64::INFINITY);
    }
}
