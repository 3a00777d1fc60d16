//! What was understood of a traffic file, for the report: columns, units, span, rate, mending.

use serde::Serialize;

use super::bind::{Because, Bound};
use super::header::Role;
use super::row::{Arrivals, Row};
use super::stamp;
use crate::time::{Duration, Instant};
use crate::time_unit::TimeUnit;
use crate::units::grouped;

/// How the stamps of a file are read.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum Stamps {
    /// Dates, in UTC where they have no zone.
    Dates,
    /// Numbers in a unit.
    Numbers {
        /// The unit.
        unit: TimeUnit,
        /// Where it was learnt.
        because: Because,
    },
    /// None: each number is the next interval's.
    Steps,
    /// None: columns are the minutes of a day.
    Minutes,
}

/// Rows that were left out for one reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Skipped {
    /// Why.
    pub reason: &'static str,
    /// How many.
    pub rows: u64,
    /// The line of the first of them.
    pub first_line: u64,
}

impl Skipped {
    /// Counts one more row left out for a reason.
    pub(super) fn note(all: &mut Vec<Self>, reason: &'static str, line: u64) {
        match all.iter_mut().find(|skipped| skipped.reason == reason) {
            Some(skipped) => skipped.rows += 1,
            None => all.push(Self { reason, rows: 1, first_line: line }),
        }
    }
}

/// What was understood of a traffic file; complete once the file has been read to its end.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Understanding {
    /// The file's name.
    pub file: String,
    /// The name of its format.
    pub format: &'static str,
    /// How its lines are taken apart: `comma-separated`, `JSON lines`, `log`.
    pub layout: String,
    /// `gzip` or `zstd`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub compression: Option<&'static str>,
    /// Which column plays which role.
    pub columns: Vec<Bound>,
    /// Columns that play none.
    pub unused: Vec<String>,
    /// How stamps are read.
    pub stamps: Stamps,
    /// The first stamp, which is time zero, as it is written in the file.
    pub first_stamp: String,
    /// Rows that were taken.
    pub rows: u64,
    /// Rows that were left out, and why.
    pub skipped: Vec<Skipped>,
    /// Requests among those taken that had failed when they were recorded.
    pub failed: u64,
    /// Why the file was sorted, if it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sorted: Option<&'static str>,
    /// Rows that came after a later one, before the file was sorted.
    pub out_of_order: u64,
    /// Rows with the stamp of the row before.
    pub ties: u64,
    /// Whether the user wants the requests of one stamp spread.
    pub spread: bool,
    /// The smallest step between two different stamps.
    #[serde(rename = "smallest_step_s", serialize_with = "seconds")]
    pub smallest_step: Duration,
    /// The interval that a row counts, in a file of counts or rates.
    #[serde(rename = "interval_s", serialize_with = "maybe_seconds")]
    pub interval: Option<Duration>,
    /// Intervals between the first and the last that have no row.
    pub missing_intervals: u64,
    /// From the first stamp to the last, and to the end of the last interval.
    #[serde(rename = "span_s", serialize_with = "seconds")]
    pub span: Duration,
    /// Requests: rows, or the sum of counts (of rates times their interval).
    pub requests: f64,
    /// Requests a second: over the span, or over the intervals that have a row.
    #[serde(rename = "rate_per_s")]
    pub rate: f64,
    /// The names of the classes, in the order in which they appeared.
    pub classes: Vec<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn seconds<S: serde::Serializer>(span: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(span.as_secs_f64())
}

#[expect(clippy::ref_option, reason = "serde's signature")]
fn maybe_seconds<S: serde::Serializer>(
    span: &Option<Duration>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match span {
        Some(span) => serializer.serialize_some(&span.as_secs_f64()),
        None => serializer.serialize_none(),
    }
}

/// What is counted while rows go by.
#[derive(Clone, Debug)]
pub(super) struct Tally {
    rows: u64,
    failed: u64,
    ties: u64,
    missing: u64,
    step: u64,
    last: Instant,
    exact: u64,
    mean: f64,
}

impl Default for Tally {
    fn default() -> Self {
        Self {
            rows: 0,
            failed: 0,
            ties: 0,
            missing: 0,
            step: u64::MAX,
            last: Instant::START,
            exact: 0,
            mean: 0.0,
        }
    }
}

impl Tally {
    /// Counts a row that is handed out.
    #[inline]
    pub(super) fn take(&mut self, row: &Row, interval: Option<Duration>) {
        let step = row.at.since(self.last).0;
        if self.rows > 0 {
            if step == 0 {
                self.ties += 1;
            } else {
                self.step = self.step.min(step);
                if let Some(interval) = interval {
                    self.missing += (step / interval.0.max(1)).saturating_sub(1);
                }
            }
        }
        self.rows += 1;
        self.last = row.at;
        self.failed += u64::from(row.failed);
        match row.arrivals {
            Arrivals::One => self.exact += 1,
            Arrivals::Exactly(count) => self.exact = self.exact.saturating_add(count),
            Arrivals::Mean(mean) => self.mean += mean,
        }
    }

    /// Writes what was counted into the report.
    pub(super) fn report(&self, into: &mut Understanding) {
        into.rows = self.rows;
        into.failed = self.failed;
        into.ties = self.ties;
        into.missing_intervals = self.missing;
        into.smallest_step = Duration(if self.step == u64::MAX { 0 } else { self.step });
        into.requests = self.exact as f64 + self.mean;
        let covered = if let Some(interval) = into.interval {
            into.span = self.last.since(Instant::START) + interval;
            (self.rows - self.ties) as f64 * interval.as_secs_f64()
        } else {
            into.span = self.last.since(Instant::START);
            into.span.as_secs_f64()
        };
        into.rate = if covered > 0.0 { into.requests / covered } else { 0.0 };
    }
}

/// From this share of ties on, with fewer steps than gaps would be, stamps are called quantised.
const TIED: f64 = 0.05;

impl Understanding {
    /// What the user should know, in sentences.
    pub fn advice(&self) -> Vec<String> {
        let mut advice = vec![self.reading(), self.extent()];
        advice.extend(self.unit_advice());
        if let Some(why) = self.sorted {
            let late = match self.out_of_order {
                0 => "every row was in order".to_owned(),
                1 => "1 row came after a later one".to_owned(),
                late => format!("{} rows came after a later one", grouped(late)),
            };
            advice.push(format!("{}: sorted by arrival ({why}); {late}", self.short()));
        }
        for skipped in &self.skipped {
            advice.push(format!(
                "{}: {} left out, for {} (the first is line {})",
                self.short(),
                rows(skipped.rows),
                skipped.reason,
                skipped.first_line
            ));
        }
        if self.failed > 0 {
            advice.push(format!(
                "{}: {} had failed when recorded; they arrive all the same, unless `--skip-failed` \
                 leaves them out",
                self.short(),
                requests(self.failed)
            ));
        }
        advice.extend(self.quantised());
        if self.missing_intervals > 0 {
            advice.push(format!(
                "{}: {} intervals have no row; no request arrives in them, and the mean rate is \
                 over those that have one",
                self.short(),
                grouped(self.missing_intervals)
            ));
        }
        advice
    }

    /// The file's own name: its folder is told once.
    fn short(&self) -> &str {
        self.file.rsplit('/').next().unwrap_or(&self.file)
    }

    fn reading(&self) -> String {
        let columns: Vec<String> = self
            .columns
            .iter()
            .map(|bound| format!("{} = `{}`", bound.role.name(), bound.column))
            .collect();
        let packed = self.compression.map_or(String::new(), |kind| format!(", {kind}"));
        let columns =
            if columns.is_empty() { String::new() } else { format!(": {}", columns.join(", ")) };
        format!("{}: read as `{}`, {}{packed}{columns}", self.file, self.format, self.layout)
    }

    fn extent(&self) -> String {
        let amount = match self.interval {
            Some(interval) => format!(
                "{} requests in {} intervals of {interval}",
                grouped(self.requests.round() as u64),
                grouped(self.rows - self.ties)
            ),
            None => requests(self.rows),
        };
        format!(
            "{}: {amount} over {}, {} a second; time zero is {}",
            self.short(),
            rounded(self.span),
            significant(self.rate),
            self.first_stamp
        )
    }

    fn unit_advice(&self) -> Vec<String> {
        let mut advice = Vec::new();
        if let Stamps::Numbers { unit, because } = &self.stamps {
            advice.push(format!(
                "{}: stamps are {}, {}",
                self.short(),
                unit.plural(),
                why(*because)
            ));
        }
        for bound in &self.columns {
            if let (Role::Service, Some(unit), Some(because)) =
                (bound.role, bound.unit, bound.because)
            {
                advice.push(format!(
                    "{}: service times are {}, {}",
                    self.short(),
                    unit.plural(),
                    why(because)
                ));
            }
            let column = bound.column.to_lowercase();
            if bound.role == Role::Count && matches!(column.as_str(), "load" | "value" | "y") {
                advice.push(format!(
                    "{}: `{}` is read as requests an interval; if it is a rate, say `--columns \
                     rate={}`{}",
                    self.short(),
                    bound.column,
                    bound.column,
                    if column == "y" { ", and if it is a logarithm, undo that first" } else { "" }
                ));
            }
        }
        advice
    }

    fn quantised(&self) -> Option<String> {
        let step = self.smallest_step;
        let share = self.ties as f64 / self.rows.max(1) as f64;
        let coarse = step.0 >= 1_000_000 && self.interval.is_none();
        (coarse && share >= TIED).then(|| {
            let kept = "; kept as they are, unless `spread` places them at random inside the step";
            format!(
                "{}: stamps are quantised to {step} and {:.0} % of the rows share one with the row \
                 before{}",
                self.short(),
                share * 100.0,
                if self.spread { "" } else { kept }
            )
        })
    }
}

fn why(because: Because) -> &'static str {
    match because {
        Because::Option => "as you say",
        Because::Header => "as the column's name says",
        Because::Format => "as the format has it",
        Because::Spelling => "as columns of this name are in public traces",
        Because::Epoch => "for since 1970 that is a date of this century, and in no other unit",
    }
}

/// A stamp as the user should see it: as written, and as a date where it is a number since 1970.
pub(super) fn shown_stamp(written: &str, nanos: i64, stamps: &Stamps) -> String {
    match stamps {
        Stamps::Numbers { because: Because::Epoch, .. } => {
            format!("{written} ({})", stamp::as_date(nanos))
        }
        _ => written.to_owned(),
    }
}

fn rows(count: u64) -> String {
    if count == 1 { "1 row".to_owned() } else { format!("{} rows", grouped(count)) }
}

fn requests(count: u64) -> String {
    if count == 1 { "1 request".to_owned() } else { format!("{} requests", grouped(count)) }
}

/// A span as precisely as anybody wants to read it.
fn rounded(span: Duration) -> String {
    let days = span.as_secs_f64() / 86_400.0;
    let step = match span.as_secs_f64() {
        3600.0.. => 1_000_000_000,
        1.0.. => 1_000_000,
        _ => 1,
    };
    if days >= 2.0 {
        format!("{days:.1} days")
    } else {
        Duration((span.0 + step / 2) / step * step).to_string()
    }
}

/// Four significant digits.
fn significant(number: f64) -> String {
    if number == 0.0 {
        return "0".to_owned();
    }
    let digits = (3.0 - number.abs().log10().floor()).clamp(0.0, 9.0) as usize;
    format!("{number:.digits$}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_shown_as_people_write_them() {
        assert_eq!(grouped(1_352_804_107), "1,352,804,107");
        assert_eq!(grouped(100), "100");
        assert_eq!(rounded(Duration(7_518_600_000_000_000)), "87.0 days");
        assert_eq!(rounded(Duration(3_501_721_937_000)), "58m 21s 722ms");
        assert_eq!(significant(5.530_42), "5.530");
        assert_eq!(significant(1234.5), "1234");
        assert_eq!(significant(0.000_123_456), "0.0001235");
    }
}
