//! A comparison as a table for the terminal: the variants, what sets them apart, the verdicts.

use indexmap::IndexMap;
use serde::Serialize;

use super::estimates::{marks, value_of};
use super::flat;
use super::table::{advice, listed, mark, stacked, textwrap};
use super::text::{digits, estimate, grouped, percent, time, two_digits};
use crate::outcome::{
    Comparison, Difference, Estimate, Estimated, Intervals, Method, Status, Verdict,
};

/// How a measure of a variant is shown.
type Column = (&'static str, &'static str, fn(&Estimated) -> &Estimate, fn(f64) -> String);

const COLUMNS: [Column; 6] = [
    ("mean", "latency_s.mean", |outcome| &outcome.latency_s.mean, time),
    ("p50", "latency_s.p50", |outcome| &outcome.latency_s.p50, time),
    ("p99", "latency_s.p99", |outcome| &outcome.latency_s.p99, time),
    ("p99.9", "latency_s.p999", |outcome| &outcome.latency_s.p999, time),
    ("errors", "error_rate", |outcome| &outcome.error_rate, percent),
    ("cost", "cost.total", |outcome| &outcome.cost.total, digits),
];

/// Estimates, differences, findings and advice, at most `width` columns wide.
pub fn comparison(comparison: &Comparison, width: u16) -> String {
    let mut shown = textwrap(&headline(comparison), usize::from(width).max(40)) + "\n\n";
    // What is the same in every variant has no column.
    let varies = |(_, _, of, _): &&Column| {
        let mut all = comparison.variants.iter().map(|outcome| of(outcome).estimate);
        let first = all.next().flatten();
        all.any(|other| other != first)
    };
    let mut columns: Vec<&Column> = COLUMNS.iter().filter(varies).collect();
    if columns.is_empty() {
        columns = COLUMNS[..3].iter().collect();
    }
    let rows: Vec<Vec<String>> = comparison
        .variants
        .iter()
        .map(|outcome| {
            let cells = columns.iter().map(|(_, _, of, show)| estimate(of(outcome), *show));
            [outcome.name.clone()].into_iter().chain(cells).collect()
        })
        .collect();
    shown.push_str(&(stacked(&named("", &columns), &rows, width) + "\n\n"));
    shown.push_str(&super::scaling::compared(comparison, width));
    shown.push_str(&differences(comparison, &columns, width));
    shown.push_str(&legend(comparison, &columns, width));
    shown.push_str(&super::resilience::compared(&comparison.variants, width));
    shown.push_str(&objectives(comparison, width));
    for finding in &comparison.findings {
        let folded = advice(std::slice::from_ref(finding), width);
        shown.push_str(folded.trim_start_matches('\n').trim_start_matches("· "));
    }
    shown + &advice(&comparison.advice, width)
}

fn headline(comparison: &Comparison) -> String {
    let first = &comparison.variants[0];
    let name = match comparison.name.as_str() {
        "" => String::new(),
        name => format!("{name}: "),
    };
    let partial = if comparison.partial { " (partial: stopped early)" } else { "" };
    let (requests, sure) = (grouped(first.requests.arrived), percent(comparison.confidence));
    let from = match first.intervals {
        Some(Intervals { method: Method::Resamples, parts, .. }) => {
            format!("; intervals at {sure} confidence from {} resamples of the trace", parts - 1)
        }
        Some(Intervals { parts, .. }) => {
            format!(" in {parts} replications; intervals at {sure} confidence")
        }
        None => String::new(),
    };
    let variants = comparison.variants.len();
    format!("{name}{variants} variants on the same {requests} requests{from}{partial}")
}

/// The change of each measure against the other variant: `−31 % (−34 to −28)`, in brackets where
/// the two cannot be told apart.
fn differences(comparison: &Comparison, columns: &[&Column], width: u16) -> String {
    let mut rows: IndexMap<(&str, &str), Vec<&Difference>> = IndexMap::new();
    for difference in &comparison.differences {
        rows.entry((&difference.a, &difference.b)).or_default().push(difference);
    }
    let alone = rows.keys().all(|(_, b)| *b == comparison.baseline);
    let head = if alone { format!("against {}", comparison.baseline) } else { String::new() };
    let line = |((a, b), row): ((&str, &str), Vec<&Difference>)| -> Vec<String> {
        let cell =
            |path: &str| row.iter().find(|d| d.measure == path).map_or("–".into(), |d| change(d));
        let cells = columns.iter().map(|(_, path, ..)| cell(path));
        let name = if alone { a.to_owned() } else { format!("{a} − {b}") };
        [name].into_iter().chain(cells).collect()
    };
    let lines: Vec<Vec<String>> = rows.into_iter().map(line).collect();
    stacked(&named(&head, columns), &lines, width) + "\n\n"
}

/// A header: what the rows are, and the names of the columns.
fn named(rows: &str, columns: &[&Column]) -> Vec<String> {
    let names = columns.iter().map(|(name, ..)| *name);
    [rows].into_iter().chain(names).map(str::to_owned).collect()
}

/// Why a difference whose own interval leaves out 0 may yet be in brackets.
const SEPARABLE_ALONE: &str = "[…] not separable, even beside an interval without 0: verdicts hold \
                               for all differences at once, each interval for itself alone";

/// What the marks and brackets of the tables mean, where there are any.
fn legend(comparison: &Comparison, columns: &[&Column], width: u16) -> String {
    let of = |outcome| columns.iter().map(move |(_, _, of, _)| of(outcome).status);
    let statuses: Vec<Status> = comparison.variants.iter().flat_map(of).collect();
    let mut words = marks(&statuses);
    let open = |difference: &&Difference| {
        columns.iter().any(|(_, path, ..)| *path == difference.measure)
            && change(difference).starts_with('[')
    };
    let clear = |difference: &Difference| {
        let Estimate { low, high, .. } = difference.change;
        low.is_some_and(|low| low > 0.0) || high.is_some_and(|high| high < 0.0)
    };
    let mut open = comparison.differences.iter().filter(open).peekable();
    if open.peek().is_some() {
        words.push(if open.any(clear) { SEPARABLE_ALONE } else { "[…] not separable" });
    }
    let words = words.join(" · ");
    if words.is_empty() { words } else { format!("{}\n\n", textwrap(&words, width.into())) }
}

/// Which variant meets which objective.
fn objectives(comparison: &Comparison, width: u16) -> String {
    let mut shown = String::new();
    for (at, objective) in comparison.variants[0].slo.iter().enumerate() {
        let each = comparison.variants.iter().filter_map(|outcome| {
            let objective = outcome.slo.get(at)?;
            Some(format!("{} {} ({})", mark(objective), outcome.name, value_of(objective)))
        });
        let each: Vec<String> = each.collect();
        let line = listed(&format!("{}:", objective.objective), &each, width);
        shown.push_str(&(line + "\n"));
    }
    if !shown.is_empty() {
        shown.push('\n');
    }
    shown
}

fn change(difference: &Difference) -> String {
    if difference.difference.estimate == Some(0.0) {
        return "0".to_owned();
    }
    let signed = |share: f64| {
        let sign = if share < 0.0 { "−" } else { "+" };
        format!("{sign}{}", two_digits((100.0 * share).abs()))
    };
    let Estimate { estimate: Some(change), low: Some(low), high: Some(high), .. } =
        difference.change
    else {
        return "–".to_owned();
    };
    let shown = format!("{} % ({} … {})", signed(change), signed(low), signed(high));
    if difference.verdict == Verdict::Inseparable { format!("[{shown}]") } else { shown }
}

/// One row a variant: its outcome, and its differences from the baseline under `difference`.
pub fn comparison_csv(comparison: &Comparison) -> String {
    #[derive(Serialize)]
    struct Row<'a> {
        #[serde(flatten)]
        outcome: &'a Estimated,
        difference: IndexMap<&'a str, &'a Difference>,
    }
    let rows: Vec<Row<'_>> = comparison
        .variants
        .iter()
        .map(|outcome| {
            let own = comparison
                .differences
                .iter()
                .filter(|difference| difference.a == outcome.name)
                .filter(|difference| difference.b == comparison.baseline);
            let difference = own.map(|difference| (difference.measure.as_str(), difference));
            Row { outcome, difference: difference.collect() }
        })
        .collect();
    flat::csv(&rows)
}
