//! Several runs, or one in batches, as a table for the terminal: every number with its interval.

use super::table::{advice, folded, headline, mark, plain, right_aligned, unit_of};
use super::text::{ROUGH, digits, estimate, grouped, percent, time};
use super::words;
use crate::outcome::{Estimate, Estimated, Method, Objective, Status, Summary};

/// A column of the table: its head, and which estimate it shows.
type Column = (&'static str, fn(&Summary<Estimate>) -> &Estimate);

/// The key figures with their intervals, the verdicts and the advice, at most `width` columns wide.
pub fn estimates(outcome: &Estimated, width: u16) -> String {
    let mut shown = folded(headline(outcome).trim_end(), width);
    shown.push_str(&format!("\n{}\n\n", folded(&origin(outcome), width)));
    shown.push_str(&latencies(outcome, width));
    shown.push_str(&facts(outcome, width));
    let several = outcome.intervals.as_ref();
    shown.push_str(&super::scaling::lines(&outcome.autoscaling, several, width));
    if let Some(found) = &outcome.resilience {
        shown.push_str(&super::resilience::lines(found, &outcome.requests, width));
    }
    if let Some(legend) = legend(outcome) {
        shown.push_str(&format!("\n{}\n", folded(&legend, width)));
    }
    if !outcome.slo.is_empty() {
        shown.push('\n');
    }
    for objective in &outcome.slo {
        let (mark, value) = (mark(objective), value_of(objective));
        let doubt = if objective.inconclusive && objective.value.estimate.is_some() {
            ", too wide to tell"
        } else {
            ""
        };
        let line = format!("{mark} {} ({value}{doubt})", objective.objective);
        shown.push_str(&(folded(&line, width) + "\n"));
    }
    shown + &advice(&outcome.advice, width)
}

/// The value of an objective, or what decided, or could not, where there is none.
pub(super) fn value_of(objective: &Objective<Estimate>) -> String {
    match (&objective.value, &objective.beyond) {
        (Estimate { estimate: None, .. }, Some(share)) => {
            format!("{} {}", estimate(share, percent), words::BEYOND)
        }
        (Estimate { estimate: None, .. }, None) if objective.inconclusive => {
            words::TOO_FEW.to_owned()
        }
        (Estimate { estimate: None, .. }, None) => "no data".to_owned(),
        (value, _) => estimate(value, unit_of(&objective.objective)),
    }
}

/// Where the intervals come from, in half a sentence.
fn origin(outcome: &Estimated) -> String {
    let Some(intervals) = &outcome.intervals else { return String::new() };
    let (parts, sure) = (intervals.parts, percent(intervals.confidence));
    let from = match intervals.method {
        Method::Replications => format!("{parts} replications"),
        Method::Batches => format!("one run in {parts} batches"),
        Method::Resamples => {
            return format!(
                "the trace as recorded; intervals at {sure} confidence from {} resamples of it",
                parts - 1
            );
        }
    };
    let warm_up = match outcome.warm_up_s {
        0.0 => String::new(),
        span => format!(", each after {} of warm-up", time(span)),
    };
    format!("{from}{warm_up}; intervals at {sure} confidence")
}

fn latencies(outcome: &Estimated, width: u16) -> String {
    // Two tables fit where one of eight columns with intervals does not.
    let rows = [
        ("latency", &outcome.latency_s),
        ("wait", &outcome.wait_s),
        ("service", &outcome.service_s),
    ];
    let halves: [&[Column]; 2] = [
        &[
            ("mean", |summary| &summary.mean),
            ("p50", |summary| &summary.p50),
            ("p90", |summary| &summary.p90),
            ("p95", |summary| &summary.p95),
        ],
        &[
            ("p99", |summary| &summary.p99),
            ("p99.9", |summary| &summary.p999),
            ("max", |summary| &summary.max),
            ("sd", |summary| &summary.sd),
        ],
    ];
    let mut shown = String::new();
    for columns in halves {
        let mut table = plain(width);
        table.set_header([""].into_iter().chain(columns.iter().map(|(name, _)| *name)));
        for (name, summary) in rows {
            let cells = columns.iter().map(|(_, of)| estimate(of(summary), time));
            table.add_row([name.to_owned()].into_iter().chain(cells));
        }
        right_aligned(&mut table);
        shown.push_str(&(table.trim_fmt() + "\n\n"));
    }
    shown
}

fn facts(outcome: &Estimated, width: u16) -> String {
    let mut table = plain(width);
    let mut fact = |name: &str, value: String| {
        table.add_row([name.to_owned(), value]);
    };
    fact("utilization", estimate(&outcome.utilization, percent));
    fact("in system", estimate(&outcome.in_system_mean, digits));
    fact("queue", estimate(&outcome.queue_mean, digits));
    fact("throughput", estimate(&outcome.throughput, |rate| format!("{} /s", digits(rate))));
    let requests = &outcome.requests;
    let lost = requests.errors();
    if lost > 0 {
        fact("errors", format!("{} ({})", estimate(&outcome.error_rate, percent), grouped(lost)));
    }
    fact("server-hours", estimate(&outcome.servers.hours, digits));
    if outcome.cost.total.estimate.is_some_and(|total| total > 0.0) {
        let (cost, currency) = (&outcome.cost, &outcome.cost.currency);
        let tokens = cost.per_million_tokens.estimate.map_or(String::new(), |_| {
            format!(", {} a million tokens", estimate(&cost.per_million_tokens, digits))
        });
        fact(
            "cost",
            format!(
                "{} {currency} ({} an hour, {} a million requests{tokens})",
                estimate(&cost.total, digits),
                estimate(&cost.per_hour, digits),
                estimate(&cost.per_million_requests, digits)
            ),
        );
        if let Some(breakdown) = &cost.breakdown {
            let lines = super::bill::lines(breakdown, currency);
            lines.into_iter().for_each(|(name, value)| fact(&name, value));
        }
    }
    table.trim_fmt() + "\n"
}

/// What the marks mean, where there are any.
fn legend(outcome: &Estimated) -> Option<String> {
    let of = |summary: &Summary<Estimate>| {
        let Summary { mean, p50, p90, p95, p99, p999, .. } = summary;
        [mean, p50, p90, p95, p99, p999].map(|estimate| estimate.status)
    };
    let mut statuses: Vec<Status> =
        [&outcome.latency_s, &outcome.wait_s].into_iter().flat_map(of).collect();
    statuses.extend([&outcome.utilization, &outcome.queue_mean].map(|estimate| estimate.status));
    let marks = marks(&statuses);
    (!marks.is_empty()).then(|| marks.join(" · "))
}

/// What the marks behind estimates of these statuses mean.
pub(super) fn marks(statuses: &[Status]) -> Vec<&'static str> {
    [
        (Status::LowPrecision, ROUGH),
        (Status::Insufficient, "– too few requests to know"),
        (Status::Unstable, "! no steady state"),
    ]
    .into_iter()
    .filter_map(|(status, words)| statuses.contains(&status).then_some(words))
    .collect()
}
