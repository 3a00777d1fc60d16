//! A sweep for the terminal: what was found, and the best points.

use super::super::brief::columns;
use super::super::table::{advice, textwrap, unit_of, word_widths};
use super::super::text::{MARKS, digits, estimate, grouped, legend, percent, time};
use crate::outcome::{Estimate, Front, Measures, Objective, Point, Sweep};
use crate::scenario::{Goal, Measure};

/// So many points are shown; all are in the CSV.
const SHOWN: usize = 15;

/// Findings, the best points and advice, at most `width` columns wide.
pub fn table(sweep: &Sweep, width: u16) -> String {
    let mut shown = textwrap(&headline(sweep), usize::from(width)) + "\n\n";
    for finding in &sweep.findings {
        let folded = advice(std::slice::from_ref(finding), width);
        shown.push_str(folded.trim_start_matches('\n'));
    }
    let (header, rows) = fitting(rows(sweep, SHOWN), width);
    let table = columns(&header, &rows, width);
    shown.push_str(&format!("\n{table}"));
    let meaning = legend(&table, &marks());
    if !meaning.is_empty() {
        let folded = advice(&[meaning], width);
        shown.push_str(&folded.replacen("· ", "", 1));
    }
    if sweep.points.len() > SHOWN {
        let more = sweep.points.len() - SHOWN;
        shown.push_str(&format!(
            "\n{} more: `--format csv`, or `--out DIR`\n",
            grouped(more as u64)
        ));
    }
    shown + &advice(&sweep.advice, width)
}

/// What the marks in the table of points mean.
pub(super) fn marks() -> Vec<(&'static str, &'static str)> {
    let front = [
        ("◆", "◆ on the front: no point is as cheap and faster, or as fast and cheaper"),
        ("◇", "◇ perhaps on it: the intervals do not tell"),
        (" ? ", "? an objective that cannot be decided yet"),
        (" beyond", "beyond: the share of requests beyond the limit, which decides"),
        ("too few", "too few requests for such a number"),
    ];
    front.into_iter().chain(MARKS).collect()
}

/// Columns that say least, which a narrow terminal does without.
const SPARED: [&str; 3] = ["mean", "utilization", "point"];

/// As many columns as fit with whole words; `--format csv` has them all.
fn fitting(
    (mut header, mut rows): (Vec<String>, Vec<Vec<String>>),
    width: u16,
) -> (Vec<String>, Vec<Vec<String>>) {
    for spared in SPARED {
        if word_widths(&header, &rows).iter().sum::<u16>() <= width {
            break;
        }
        if let Some(at) = header.iter().position(|name| name == spared) {
            header.remove(at);
            rows.iter_mut().for_each(|row| drop(row.remove(at)));
        }
    }
    (header, rows)
}

fn headline(sweep: &Sweep) -> String {
    let name = if sweep.name.is_empty() { String::new() } else { format!("{}: ", sweep.name) };
    let arrived = sweep.points.iter().map(|point| point.measures.requests.arrived).sum();
    format!(
        "{name}{} of {} points, {} requests; intervals at {} confidence",
        grouped(sweep.points.len() as u64),
        grouped(sweep.size),
        grouped(arrived),
        percent(sweep.confidence),
    )
}

/// The `most` best points: a header, and a row a point from the best on.
pub(super) fn rows(sweep: &Sweep, most: usize) -> (Vec<String>, Vec<Vec<String>>) {
    let mut points: Vec<&Point> = sweep.points.iter().collect();
    points.sort_by_key(|point| (point.rank, point.point));
    points.truncate(most);
    rows_of(sweep, &points)
}

/// The points on the front, the cheapest first.
pub(super) fn front(sweep: &Sweep) -> (Vec<String>, Vec<Vec<String>>) {
    let mut points: Vec<&Point> =
        sweep.points.iter().filter(|point| point.front == Front::On).collect();
    let cost = |point: &Point| point.measures.cost.per_hour.estimate.unwrap_or(f64::INFINITY);
    points.sort_by(|a, b| cost(a).total_cmp(&cost(b)));
    rows_of(sweep, &points)
}

fn rows_of(sweep: &Sweep, points: &[&Point]) -> (Vec<String>, Vec<Vec<String>>) {
    let paths: Vec<&String> = sweep.axes.iter().flat_map(|axis| &axis.paths).collect();
    let mut header = vec!["rank".to_owned(), "point".to_owned()];
    header.extend(short_names(&paths));
    let measures = measures(sweep);
    header.extend(measures.iter().map(|(name, _)| name.clone()));
    let row = |point: &&Point| {
        let front = match point.front {
            Front::On => " ◆",
            Front::Open => " ◇",
            Front::Beaten | Front::Out => "",
        };
        let mut cells = vec![format!("{}{front}", point.rank), point.point.to_string()];
        cells.extend(paths.iter().map(|path| plain(&point.values[path.as_str()])));
        cells.extend(measures.iter().map(|(_, show)| show(&point.measures)));
        cells
    };
    (header, points.iter().map(row).collect())
}

/// A value as it was written.
pub(super) fn plain(value: &serde_json::Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// The last keys of paths, as many as tell them apart.
pub(in crate::report) fn short_names(paths: &[&String]) -> Vec<String> {
    let last = |path: &str, keys: usize| {
        let all: Vec<&str> = path.split('.').collect();
        all[all.len().saturating_sub(keys)..].join(".")
    };
    let name = |path: &&String| {
        let alone = |keys: &usize| {
            let same = |other: &&&String| last(other, *keys) == last(path, *keys);
            paths.iter().filter(same).count() == 1
        };
        // `policy` alone says nothing: what it is a policy of is in the key before.
        let enough = (1..=8)
            .filter(|&keys| keys > 1 || !["policy", "rate"].contains(&last(path, 1).as_str()));
        let keys = enough.clone().find(alone).unwrap_or(8);
        last(path, keys)
    };
    paths.iter().map(name).collect()
}

type Show = Box<dyn Fn(&Measures) -> String>;

/// The columns of measures: the one that ranks, latency, utilization, cost, and the objectives.
fn measures(sweep: &Sweep) -> Vec<(String, Show)> {
    let mut columns: Vec<(String, Show)> = Vec::new();
    let goals: Vec<Goal> = sweep
        .points
        .first()
        .iter()
        .flat_map(|point| &point.measures.slo)
        .filter_map(|slo| Goal::parse(&slo.objective).ok())
        .collect();
    let mut words = vec![sweep.best_by.clone(), sweep.latency.clone()];
    // A line of the terminal holds so much and no more.
    let narrow = sweep.axes.iter().map(|axis| axis.paths.len()).sum::<usize>() < 4;
    words.extend(narrow.then(|| "mean".to_owned()));
    words.extend(["utilization".to_owned(), "cost-per-hour".to_owned()]);
    let mut seen: Vec<Measure> = goals.iter().map(|goal| goal.measure).collect();
    for word in words {
        let Ok(measure) = Measure::parse(&word) else { continue };
        let priced = |point: &Point| point.measures.cost.per_hour.estimate != Some(0.0);
        let idle = measure == Measure::CostPerHour && !sweep.points.iter().any(priced);
        if seen.contains(&measure) || idle {
            continue;
        }
        seen.push(measure);
        let name = match measure {
            Measure::CostPerHour => "cost/h".to_owned(),
            _ => word,
        };
        columns.push((name, Box::new(move |point| told(measure, &measure.of(point)))));
    }
    for (at, goal) in goals.into_iter().enumerate() {
        let show = move |point: &Measures| point.slo.get(at).map_or("–".to_owned(), judged);
        columns.push((goal.text, Box::new(show)));
    }
    columns
}

fn judged(objective: &Objective<Estimate>) -> String {
    let mark = match (objective.met, objective.inconclusive) {
        (true, _) => "✓",
        (false, true) => "?",
        (false, false) => "✗",
    };
    format!("{mark} {}", value_of(objective))
}

/// The value of an objective, or what decided, or could not, where there is none.
fn value_of(objective: &Objective<Estimate>) -> String {
    match (&objective.value.estimate, &objective.beyond) {
        (None, Some(beyond)) => format!("{} beyond", estimate(beyond, percent)),
        (None, None) if objective.inconclusive => "too few".to_owned(),
        _ => estimate(&objective.value, unit_of(&objective.objective)),
    }
}

fn told(measure: Measure, value: &Estimate) -> String {
    match measure {
        // What decides nothing here needs no interval.
        Measure::Utilization => value.estimate.map_or("–".to_owned(), percent),
        Measure::Errors => estimate(value, percent),
        Measure::CostPerHour => estimate(value, digits),
        _ => estimate(value, time),
    }
}
