//! Stored results for the terminal: what the run showed, and its course as lines of bars.

use serde::Deserialize;

use super::estimates::estimates;
use super::page::latencies;
use super::results::{Number, Results};
use super::table::{folded, stacked, table};
use super::timeline::Row;
use super::words::{self, Goal, Kind};
use crate::outcome::{Estimated, Outcome};

/// A name, what a row says under it, and how that is told.
type Line = (&'static str, fn(&Row) -> f64, Kind);

/// One run, from what is stored of it: what the run itself showed, then its course over time. At
/// most `width` columns wide.
pub fn brief(results: &Results, width: u16) -> String {
    let outcome = &results.outcome;
    let plain = Outcome::<f64, Option<f64>>::deserialize(outcome).map(|run| table(&run, width));
    let estimated = || Estimated::deserialize(outcome).map(|run| estimates(&run, width));
    let shown = plain.or_else(|_| estimated()).unwrap_or_else(|_| rough(results, width));
    shown + &course(results, width)
}

/// What can be told of an outcome whose fields are not all known.
fn rough(results: &Results, width: u16) -> String {
    let verdict = format!("{}: {}", results.name(), words::verdict(results));
    // Turned, so that intervals fit: a line a percentile.
    let (names, stages) = latencies(results);
    let header: Vec<String> =
        [String::new()].into_iter().chain(stages.iter().map(|stage| stage[0].clone())).collect();
    let line = |at: usize| {
        let cells = stages.iter().map(|stage| stage[at].clone());
        [names[at].clone()].into_iter().chain(cells).collect()
    };
    let rows: Vec<Vec<String>> = (1..names.len()).map(line).collect();
    let mut shown = format!("{}\n\n{}", folded(&verdict, width), columns(&header, &rows, width));
    for goal in results.list("slo").iter().filter_map(Goal::of) {
        let line = format!("{} {} ({})", goal.sign(), goal.objective, goal.value);
        shown.push_str(&format!("\n{}", folded(&line, width)));
    }
    shown + "\n"
}

/// How the load and what came of it went over time, a line of bars each.
fn course(results: &Results, width: u16) -> String {
    let lines: [Line; 3] = [
        ("arrivals", |row| row.arrivals as f64 / (row.end_s - row.start_s).max(1e-9), Kind::Rate),
        ("utilization", |row| row.utilization, Kind::Share),
        ("p99", |row| row.p99.unwrap_or(0.0), Kind::Time),
    ];
    if results.timeline.len() < 2 {
        return String::new();
    }
    let room = usize::from(width.clamp(40, 86)) - 26;
    let line = |(name, value, kind): Line| {
        let values: Vec<f64> = results.timeline.iter().map(value).collect();
        let most = values.iter().copied().fold(0.0, f64::max);
        let number = Number { estimate: most, interval: None, rough: false };
        let most = words::tell(Some(number), kind);
        format!("{name:>11} {} up to {most}\n", sparkline(&values, room))
    };
    format!("\n{}", lines.map(line).concat())
}

/// A table whose first column names the rows.
pub fn columns(header: &[String], rows: &[Vec<String>], width: u16) -> String {
    stacked(header, rows, width) + "\n"
}

/// Values as a line of bars from 0 to the largest, the mean of several where there are more than
/// `width`.
pub(super) fn sparkline(values: &[f64], width: usize) -> String {
    const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let each = values.len().div_ceil(width.max(1)).max(1);
    let means: Vec<f64> =
        values.chunks(each).map(|part| part.iter().sum::<f64>() / part.len() as f64).collect();
    let most = means.iter().copied().fold(0.0, f64::max);
    let bar = |mean: &f64| {
        let share = if most > 0.0 { mean / most } else { 0.0 };
        BARS[((share * 7.0).round() as usize).min(7)]
    };
    means.iter().map(bar).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sparkline_runs_from_zero_to_the_largest_and_keeps_its_width() {
        assert_eq!(sparkline(&[0.0, 0.5, 1.0], 10), "▁▅█");
        assert_eq!(sparkline(&[0.0; 4], 10), "▁▁▁▁");
        assert_eq!(sparkline(&[1.0; 100], 40).chars().count(), 34);
    }
}
