//! The charts of a plan: the objective against the fleet and against the load, cost against risk.

use super::{At, Axis, Chart, Mark, Rule, Series, Unit};
use crate::outcome::{Candidate, Estimate, Objective, Plan};

/// Every chart that a plan has data for.
pub fn of_plan(plan: &Plan) -> Vec<Chart> {
    let first = plan.question.objectives.first().map_or("", String::as_str);
    let mut charts = Vec::new();
    charts.extend(against_servers(plan, decides(plan).unwrap_or(first)));
    let found = plan.recommendation.as_ref();
    let breaks = found.and_then(|found| found.breaks_first.as_deref());
    let breaks = breaks.filter(|name| plan.question.objectives.iter().any(|one| one == name));
    charts.extend(against_load(plan, breaks.unwrap_or(first)));
    charts.extend(against_cost(plan, first));
    charts
}

/// The objective that a server less would break.
fn decides(plan: &Plan) -> Option<&str> {
    let less = plan.recommendation.as_ref()?.one_less.as_ref()?;
    less.objectives.iter().find(|one| !one.met).map(|one| one.objective.as_str())
}

/// The limit of an objective and the unit of its measure.
fn limit(objective: &str) -> Option<(f64, Unit)> {
    let (measure, limit) = objective.split_once(['<', '≤'])?;
    let limit = limit.trim_start_matches('=').trim();
    if measure.trim_start().starts_with("err") || measure.trim_start().starts_with("util") {
        let share = crate::units::Share::parse(limit).ok()?;
        return Some((share.0, Unit::Share));
    }
    Some((crate::time::Duration::parse(limit).ok()?.as_secs_f64(), Unit::Seconds))
}

/// The name of what an objective is about.
fn measure(objective: &str) -> String {
    objective.split(['<', '≤']).next().unwrap_or(objective).trim().to_owned()
}

type Point = (f64, f64, f64, f64);

/// (x, low, estimate, high) of one objective over candidates.
fn points<'a>(
    candidates: impl Iterator<Item = &'a Candidate>,
    objective: &str,
    x: fn(&Candidate) -> f64,
) -> Vec<Point> {
    let of = |candidate: &Candidate| {
        let same = |one: &&Objective<Estimate>| one.objective == objective;
        let found = candidate.measures.iter().find(same)?.value;
        let (low, high) = (found.low, found.high);
        let centre = found.estimate?;
        Some((x(candidate), low.unwrap_or(centre), centre, high.unwrap_or(centre)))
    };
    let mut all: Vec<Point> = candidates.filter_map(of).collect();
    all.sort_by(|a, b| a.0.total_cmp(&b.0));
    all
}

/// A line with its band.
fn drawn(points: &[Point], name: &str) -> Vec<Series> {
    let band = points.iter().map(|&(x, low, _, high)| (x, low, high)).collect();
    let line: Vec<(f64, f64)> = points.iter().map(|&(x, _, y, _)| (x, y)).collect();
    vec![
        Series::new("interval", 0, Mark::Band(band)),
        Series::new(name, 0, Mark::Line(line.clone())),
        Series::new("", 0, Mark::Dots(line)),
    ]
}

/// The points that a chart can show beside its limit, and how far upward it goes.
fn near(points: Vec<Point>, limit: f64) -> (Vec<Point>, f64) {
    // What lies far above would press the rest to the floor.
    let near: Vec<Point> = points.into_iter().filter(|point| point.2 <= 2.5 * limit).collect();
    let most = near.iter().map(|point| point.3).fold(0.0, f64::max);
    (near, most.min(3.0 * limit).max(1.2 * limit))
}

/// The points beside their limit and the axis they are read on: by their logarithm where some lie
/// far above the limit, as those of fleets that are too small do.
fn beside(points: Vec<Point>, limit: f64, axis: Axis) -> (Vec<Point>, Axis) {
    if points.iter().all(|point| point.2 <= 2.5 * limit) {
        let (near, top) = near(points, limit);
        return (near, axis.from(0.0).to(top));
    }
    let mut shown: Vec<Point> =
        points.into_iter().filter(|point| point.2 > 0.0 && point.2 <= 100.0 * limit).collect();
    let least = shown.iter().map(|point| if point.1 > 0.0 { point.1 } else { point.2 / 10.0 });
    let least = least.fold(limit, f64::min);
    // An interval that reaches down to 0 goes off the foot of the axis.
    shown.iter_mut().for_each(|point| point.1 = point.1.max(least / 1.5));
    let most = shown.iter().map(|point| point.3).fold(limit, f64::max).min(300.0 * limit);
    (shown, axis.logarithmic().from(least / 1.5).to(most * 1.5))
}

fn against_servers(plan: &Plan, objective: &str) -> Option<Chart> {
    let (limit, unit) = limit(objective)?;
    let one_kind =
        plan.candidates.iter().all(|one| one.pools.len() == 1 && one.settings.is_empty());
    if !one_kind {
        return None;
    }
    let points = points(plan.candidates.iter(), objective, |one| f64::from(one.servers));
    let (shown, y) = beside(points, limit, Axis::of(measure(objective), unit));
    let chosen = plan.recommendation.as_ref().map(|found| found.servers);
    let mut rules = vec![Rule { name: objective.to_owned(), at: At::Y(limit) }];
    rules.extend(chosen.map(|n| Rule { name: format!("{n} servers"), at: At::X(n) }));
    (shown.len() > 1).then(|| Chart {
        name: "plan-servers",
        title: format!("{} by the size of the fleet", measure(objective)),
        about: format!(
            "The {} of each fleet that was simulated with its interval, the objective, and the \
             fleet that was chosen.",
            measure(objective)
        ),
        x: Axis::of("servers", Unit::Count).from(shown[0].0).to(shown[shown.len() - 1].0).tight(),
        y,
        series: drawn(&shown, "simulated"),
        rules,
    })
}

fn against_load(plan: &Plan, objective: &str) -> Option<Chart> {
    let (limit, unit) = limit(objective)?;
    let points = points(plan.loads.iter(), objective, |one| one.load);
    let rate = plan.traffic.rate;
    let points: Vec<Point> = points.into_iter().map(|(x, a, b, c)| (x * rate, a, b, c)).collect();
    let (shown, y) = beside(points, limit, Axis::of(measure(objective), unit));
    let most = plan.recommendation.as_ref().and_then(|found| found.max_rate);
    let mut rules = vec![
        Rule { name: objective.to_owned(), at: At::Y(limit) },
        Rule { name: "the load planned for".to_owned(), at: At::X(rate) },
    ];
    rules.extend(most.map(|most| Rule { name: "the most it carries".to_owned(), at: At::X(most) }));
    (shown.len() > 1).then(|| Chart {
        name: "plan-load",
        title: "Headroom of the recommended fleet".to_owned(),
        about: format!(
            "The {} of the recommended fleet at several loads with its interval, the objective, \
             and the most that the fleet carries.",
            measure(objective)
        ),
        x: Axis::of("requests", Unit::PerSecond)
            .from(shown[0].0)
            .to(shown[shown.len() - 1].0)
            .tight(),
        y,
        series: drawn(&shown, "simulated"),
        rules,
    })
}

/// Fleets of several kinds, or settings of an autoscaler: what they cost and what they achieve.
fn against_cost(plan: &Plan, objective: &str) -> Option<Chart> {
    let (limit, unit) = limit(objective)?;
    let apart = plan.candidates.iter().any(|one| one.pools.len() > 1 || !one.settings.is_empty());
    let split = |met: bool| {
        let own = plan.candidates.iter().filter(move |one| one.met == met);
        points(own, objective, |one| one.cost_per_hour)
    };
    let (met, missed) = (split(true), split(false));
    let all: Vec<Point> = met.iter().chain(&missed).copied().collect();
    let (_, top) = near(all.clone(), limit);
    let dots = |points: &[Point]| {
        let near = points.iter().filter(|point| point.2 <= top);
        Mark::Dots(near.map(|&(x, _, y, _)| (x, y)).collect())
    };
    let priced = all.iter().any(|point| point.0 > 0.0);
    let mut rules = vec![Rule { name: objective.to_owned(), at: At::Y(limit) }];
    rules.extend(plan.recommendation.as_ref().map(|found| Rule {
        name: "the cheapest that meets it".to_owned(),
        at: At::X(found.cost_per_hour),
    }));
    (apart && priced && all.len() > 1).then(|| Chart {
        name: "plan-cost",
        title: format!("{} by cost", measure(objective)),
        about: "Each fleet that was simulated: what it costs an hour and what it achieves."
            .to_owned(),
        x: Axis::of("cost an hour", Unit::Money(plan.currency.clone())),
        y: Axis::of(measure(objective), unit).from(0.0).to(top),
        series: vec![
            Series::new("meets all objectives", 2, dots(&met)),
            Series::new("does not", 1, dots(&missed)),
        ],
        rules,
    })
}
