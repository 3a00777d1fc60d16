//! One run as a table for the terminal.

use comfy_table::{CellAlignment, ContentArrangement, Table, presets};

use super::text::{digits, grouped, percent, time, time_or_dash};
use super::words;
use crate::outcome::{Objective, Outcome, Summary};

/// The verdict, the key figures and the advice, at most `width` columns wide.
pub fn table(outcome: &Outcome, width: u16) -> String {
    let mut shown = folded(&headline(outcome), width);
    shown.push_str(&latencies(outcome, width));
    shown.push_str(&facts(outcome, width));
    shown.push_str(&super::scaling::lines(&outcome.autoscaling, None, width));
    if let Some(found) = &outcome.resilience {
        shown.push_str(&super::resilience::lines(found, &outcome.requests, width));
    }
    if !outcome.slo.is_empty() {
        shown.push('\n');
    }
    for objective in &outcome.slo {
        let lacking = if objective.inconclusive { words::TOO_FEW } else { "no data" };
        let value = objective.value.map_or(lacking.to_owned(), unit_of(&objective.objective));
        let line = format!("{} {} ({value})", mark(objective), objective.objective);
        shown.push_str(&(folded(&line, width) + "\n"));
    }
    shown + &advice(&outcome.advice, width)
}

/// What became of an objective, as a sign that does without colour.
pub(super) fn mark<M>(objective: &Objective<M>) -> &'static str {
    match (objective.met, objective.inconclusive) {
        (true, _) => "✓",
        (false, true) => "?",
        (false, false) => "✗",
    }
}

/// How the measure of an objective is shown.
pub(super) fn unit_of(objective: &str) -> fn(f64) -> String {
    match objective.trim_start() {
        text if text.starts_with("err") || text.starts_with("util") => percent,
        text if text.starts_with("cost") => digits,
        _ => time,
    }
}

/// What the reader should know, a paragraph each.
pub(super) fn advice(advice: &[String], width: u16) -> String {
    let width = usize::from(width).max(40) - 2;
    let mut shown: String =
        advice.iter().map(|words| format!("\n· {}", textwrap(words, width))).collect();
    if !advice.is_empty() {
        shown.push('\n');
    }
    shown
}

pub(super) fn headline<N, M>(outcome: &Outcome<N, M>) -> String {
    let classes = outcome.scenario.get("traffic").and_then(serde_json::Value::as_object);
    let replayed =
        classes.is_some_and(|all| all.values().any(|class| class.get("trace").is_some()));
    let what = if replayed { "replayed" } else { "simulated" };
    let plural = if outcome.requests.arrived == 1 { "" } else { "s" };
    let partial = if outcome.partial { " (partial: stopped early)" } else { "" };
    let name = if outcome.name.is_empty() { String::new() } else { format!("{}: ", outcome.name) };
    format!(
        "{name}{} request{plural} {what} over {} on {}{partial}\n\n",
        grouped(outcome.requests.arrived),
        time(outcome.duration_s),
        fleet(outcome),
    )
}

fn fleet<N, M>(outcome: &Outcome<N, M>) -> String {
    let (least, servers) = (outcome.servers.min, outcome.servers.max);
    let plural = if servers == 1 { "" } else { "s" };
    let range = if least < servers { format!("{least} to ") } else { String::new() };
    let policy = outcome.scenario.pointer("/balancer/policy").and_then(|name| name.as_str());
    match policy {
        Some(policy) if servers > 1 => format!("{range}{servers} server{plural}, {policy}"),
        _ => format!("{range}{servers} server{plural}"),
    }
}

fn latencies(outcome: &Outcome, width: u16) -> String {
    let header = ["", "mean", "p50", "p90", "p95", "p99", "p99.9", "max"].map(str::to_owned);
    let row = |(name, summary): (&str, &Summary)| {
        let Summary { mean, p50, p90, p95, p99, p999, max, .. } = *summary;
        let cells = [mean, p50, p90, p95, p99, p999, max].map(time_or_dash);
        [name.to_owned()].into_iter().chain(cells).collect()
    };
    let rows = [
        ("latency", &outcome.latency_s),
        ("wait", &outcome.wait_s),
        ("service", &outcome.service_s),
    ];
    stacked(&header, &rows.map(row), width) + "\n\n"
}

fn facts(outcome: &Outcome, width: u16) -> String {
    let mut table = plain(width);
    let requests = &outcome.requests;
    let mut fact = |name: &str, value: String| {
        table.add_row([name.to_owned(), value]);
    };
    fact("utilization", percent(outcome.utilization));
    fact(
        "in system, queue",
        format!("{}, {}", digits(outcome.in_system_mean), digits(outcome.queue_mean)),
    );
    fact("throughput", format!("{} /s", digits(outcome.throughput)));
    let ends = [
        ("rejected", requests.rejected),
        ("timed out", requests.timed_out),
        ("failed", requests.failed),
        ("shed", requests.shed),
    ];
    for (name, count) in ends.into_iter().filter(|(_, count)| *count > 0) {
        let share = count as f64 / requests.arrived.max(1) as f64;
        fact(name, format!("{} ({})", grouped(count), percent(share)));
    }
    fact("server-hours", digits(outcome.servers.hours));
    if outcome.cost.total > 0.0 {
        let currency = &outcome.cost.currency;
        let million = outcome
            .cost
            .per_million_requests
            .map_or(String::new(), |price| format!(", {} a million requests", digits(price)));
        let tokens = outcome
            .cost
            .per_million_tokens
            .map_or(String::new(), |price| format!(", {} a million tokens", digits(price)));
        let (total, hour) = (digits(outcome.cost.total), digits(outcome.cost.per_hour));
        fact("cost", format!("{total} {currency} ({hour} an hour{million}{tokens})"));
        if let Some(breakdown) = &outcome.cost.breakdown {
            let lines = super::bill::lines(breakdown, currency);
            lines.into_iter().for_each(|(name, value)| fact(&name, value));
        }
    }
    table.trim_fmt() + "\n"
}

pub(super) fn plain(width: u16) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_content_arrangement(ContentArrangement::Dynamic).set_width(width);
    table
}

/// The least width of each column that breaks no word, with its margins.
pub(super) fn word_widths(header: &[String], rows: &[Vec<String>]) -> Vec<u16> {
    let longest = |cell: &String| cell.split(' ').map(|word| word.chars().count()).max();
    let of = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column)).chain(&header[column..=column]);
        cells.filter_map(longest).max().unwrap_or(0) as u16 + 2
    };
    (0..header.len()).map(of).collect()
}

/// A table whose first column names the rows, numbers to the right. Columns that do not fit beside
/// the others stand in a table of their own below: a number that is broken in two is hard to read.
pub(super) fn stacked(header: &[String], rows: &[Vec<String>], width: u16) -> String {
    let all = || [header].into_iter().chain(rows.iter().map(Vec::as_slice));
    let wide = |column: usize| {
        let cells = all().filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0) + 2
    };
    let mut parts: Vec<Vec<usize>> = vec![vec![0]];
    let mut used = wide(0);
    for column in 1..header.len() {
        used += wide(column);
        match parts.last_mut() {
            Some(part) if used <= usize::from(width) || part.len() == 1 => part.push(column),
            _ => {
                parts.push(vec![0, column]);
                used = wide(0) + wide(column);
            }
        }
    }
    let shown = parts.iter().map(|part| {
        let pick = |row: &[String]| part.iter().filter_map(|&at| row.get(at).cloned()).collect();
        let mut table = plain(width);
        table.set_header::<Vec<String>>(pick(header));
        table.add_rows(rows.iter().map(|row| -> Vec<String> { pick(row) }));
        right_aligned(&mut table);
        table.trim_fmt()
    });
    shown.collect::<Vec<_>>().join("\n\n")
}

pub(super) fn right_aligned(table: &mut Table) {
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
}

/// A list in lines of at most `width` columns, broken between its items; `head` comes first.
pub(super) fn listed(head: &str, items: &[String], width: u16) -> String {
    let most = usize::from(width).max(40) - 2;
    let (mut shown, mut column) = (head.to_owned(), head.chars().count());
    for (at, item) in items.iter().enumerate() {
        let long = item.chars().count();
        let mark = if at == 0 { " " } else { " · " };
        if at > 0 && column + mark.chars().count() + long > most {
            shown.push_str(" ·\n  ");
            column = 2;
        } else {
            shown.push_str(mark);
            column += mark.chars().count();
        }
        shown.push_str(item);
        column += long;
    }
    shown
}

/// A line broken at spaces where it is longer than `width` columns.
pub(super) fn folded(text: &str, width: u16) -> String {
    textwrap(text, usize::from(width).max(40) - 2)
}

/// Breaks a sentence at spaces, with later lines set in by two.
pub(super) fn textwrap(text: &str, width: usize) -> String {
    let (mut shown, mut column) = (String::new(), 0);
    for word in text.split(' ') {
        let length = word.chars().count();
        if column > 0 && column + 1 + length > width {
            shown.push_str("\n  ");
            column = 0;
        } else if column > 0 {
            shown.push(' ');
            column += 1;
        }
        shown.push_str(word);
        column += length;
    }
    shown
}
