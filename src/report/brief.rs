//! Stored results for the terminal: the verdict, the objectives, a table, the load as a sparkline.

use super::page::latencies;
use super::results::Results;
use super::table::stacked;
use super::timeline::Row;
use super::words::{self, Goal};

/// A name, and what a row says under it.
type Line = (&'static str, fn(&Row) -> f64);

/// One run, from what is stored of it.
pub fn brief(results: &Results) -> String {
    let mut shown = format!("{}: {}\n\n", results.name(), words::verdict(results));
    // Turned, so that intervals fit: a line a percentile.
    let (names, stages) = latencies(results);
    let header: Vec<String> =
        [String::new()].into_iter().chain(stages.iter().map(|stage| stage[0].clone())).collect();
    let line = |at: usize| {
        let cells = stages.iter().map(|stage| stage[at].clone());
        [names[at].clone()].into_iter().chain(cells).collect()
    };
    let rows: Vec<Vec<String>> = (1..names.len()).map(line).collect();
    shown.push_str(&columns(&header, &rows, 100));
    for goal in results.list("slo").iter().filter_map(Goal::of) {
        shown.push_str(&format!("\n{} {} ({})", goal.sign(), goal.objective, goal.value));
    }
    let lines: [Line; 3] = [
        ("arrivals", |row| row.arrivals as f64 / (row.end_s - row.start_s).max(1e-9)),
        ("utilization", |row| row.utilization),
        ("p99", |row| row.p99.unwrap_or(0.0)),
    ];
    if results.timeline.len() > 1 {
        shown.push_str("\n\n");
        for (name, value) in lines {
            let values: Vec<f64> = results.timeline.iter().map(value).collect();
            shown.push_str(&format!("{name:>12} {}\n", sparkline(&values, 60)));
        }
    }
    shown.truncate(shown.trim_end().len());
    shown + "\n"
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
