//! Results in words: the verdict in a sentence, numbers with intervals, the measures by name.

use serde_json::Value;

use super::results::{Number, Results};
use super::text::{digits, grouped, percent, time};

/// How a number is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Seconds, in the unit that suits them.
    Time,
    /// A share, as a percentage.
    Share,
    /// So many a second.
    Rate,
    /// A number.
    Plain,
}

/// A measure of an outcome: where it is, what to call it, how to tell it.
#[derive(Clone, Copy, Debug)]
pub struct Measure {
    /// Its path in the outcome.
    pub path: &'static str,
    /// Its name for people.
    pub name: &'static str,
    /// How it is told.
    pub kind: Kind,
}

const fn measure(path: &'static str, name: &'static str, kind: Kind) -> Measure {
    Measure { path, name, kind }
}

/// What runs are compared by, in the order of a table.
pub const MEASURES: &[Measure] = &[
    measure("latency_s.mean", "mean latency", Kind::Time),
    measure("latency_s.p50", "p50", Kind::Time),
    measure("latency_s.p90", "p90", Kind::Time),
    measure("latency_s.p95", "p95", Kind::Time),
    measure("latency_s.p99", "p99", Kind::Time),
    measure("latency_s.p999", "p99.9", Kind::Time),
    measure("wait_s.mean", "mean wait", Kind::Time),
    measure("throughput", "throughput", Kind::Rate),
    measure("utilization", "utilization", Kind::Share),
    measure("in_system_mean", "in system", Kind::Plain),
    measure("servers.mean", "servers", Kind::Plain),
    measure("servers.hours", "server-hours", Kind::Plain),
    measure("cost.total", "cost", Kind::Plain),
    measure("cost.per_hour", "cost an hour", Kind::Plain),
];

impl Measure {
    /// The measure of these results. Servers without a price have no cost, rather than one of 0.
    pub fn of(&self, results: &Results) -> Option<Number> {
        let number = results.number(self.path)?;
        let unpriced = self.path.starts_with("cost.") && number.estimate == 0.0;
        (!unpriced).then_some(number)
    }
}

/// How requests end that are not completed: the key of their count, and its name for people.
pub const LOSSES: [(&str, &str); 4] =
    [("rejected", "rejected"), ("timed_out", "timed out"), ("failed", "failed"), ("shed", "shed")];

/// The columns of the table of latencies.
pub const SUMMARY: [(&str, &str); 7] = [
    ("mean", "mean"),
    ("p50", "p50"),
    ("p90", "p90"),
    ("p95", "p95"),
    ("p99", "p99"),
    ("p999", "p99.9"),
    ("max", "max"),
];

/// A number as people read it; a dash where there is none.
pub fn tell(number: Option<Number>, kind: Kind) -> String {
    let Some(number) = number else { return "–".to_owned() };
    let plain = |value: f64| match kind {
        Kind::Time => time(value),
        Kind::Share => percent(value),
        Kind::Rate => format!("{} /s", digits(value)),
        Kind::Plain => digits(value),
    };
    let estimate = plain(number.estimate);
    let told = match number.interval {
        None => estimate,
        // What does not vary has an interval of rounding errors.
        Some((low, high)) if high - low <= 1e-9 * number.estimate.abs() => estimate,
        Some((low, high)) if low.is_finite() && high.is_finite() => {
            around(&estimate, number.estimate, low, high)
                .unwrap_or_else(|| format!("{estimate} ({} – {})", plain(low), plain(high)))
        }
        Some((low, _)) if low.is_finite() => format!("{estimate} (above {})", plain(low)),
        Some((_, high)) if high.is_finite() => format!("{estimate} (below {})", plain(high)),
        Some(_) => format!("{estimate} (no interval)"),
    };
    if number.rough { told + " ~" } else { told }
}

/// `61.2 ± 2.0 ms` for an interval that is as wide on both sides, to a tenth.
fn around(shown: &str, estimate: f64, low: f64, high: f64) -> Option<String> {
    let (below, above) = (estimate - low, high - estimate);
    if (above - below).abs() > 0.1 * (above + below) {
        return None;
    }
    let (number, unit) = shown.split_once(' ').unwrap_or((shown, ""));
    let value: f64 = number.replace(',', "").parse().ok()?;
    let scale = if estimate == 0.0 { 1.0 } else { value / estimate };
    let places = number.split_once('.').map_or(0, |(_, places)| places.len());
    let half = f64::midpoint(below, above) * scale;
    // The half-width keeps a digit where the places of the estimate would leave none.
    let half = match format!("{half:.places$}") {
        short if short.trim_matches(['0', '.']).is_empty() && half > 0.0 => digits(half),
        _ if half >= 999.5 => digits(half),
        short => short,
    };
    Some(format!("{number} ± {half} {unit}").trim_end().to_owned())
}

/// The answer in a sentence or two.
pub fn verdict(results: &Results) -> String {
    if results.at("throughput").is_null() {
        return "What the run completed is not known.".to_owned();
    }
    let servers = results.number("servers.max").map_or(0.0, |servers| servers.estimate);
    let fleet = match results.number("servers.min").map(|servers| servers.estimate) {
        Some(least) if least < servers => {
            format!("A fleet of {} to {} servers", digits_whole(least), digits_whole(servers))
        }
        _ if servers == 1.0 => "One server".to_owned(),
        _ => format!("{} servers", digits_whole(servers)),
    };
    let carried = match results.number("throughput") {
        Some(rate) => format!("completed {} requests a second", digits(rate.estimate)),
        None => "completed no requests".to_owned(),
    };
    let busy = results
        .number("utilization")
        .map_or(String::new(), |busy| format!(" at {} utilization", percent(busy.estimate)));
    // Who got no answer has no latency.
    let failed = results.number("error_rate").map_or(0.0, |share| share.estimate);
    let whose = match failed {
        0.01.. => format!("the {} of requests that were answered", percent(1.0 - failed)),
        _ => "the requests".to_owned(),
    };
    let tail = match (results.number("latency_s.p50"), results.number("latency_s.p99")) {
        (Some(p50), Some(p99)) => format!(
            " Half of {whose} took at most {}, 99 of 100 at most {}.",
            time(p50.estimate),
            time(p99.estimate)
        ),
        (Some(p50), None) => {
            format!(" Half of {whose} took at most {}.", time(p50.estimate))
        }
        _ => String::new(),
    };
    let partial = if results.at("partial") == &Value::Bool(true) {
        " The run was stopped early: this is the part that was done."
    } else {
        ""
    };
    format!("{fleet} {carried}{busy}{}.{tail}{partial}", promise(results))
}

fn digits_whole(count: f64) -> String {
    grouped(count as u64)
}

/// What became of the objectives.
fn promise(results: &Results) -> String {
    let goals: Vec<Goal> = results.list("slo").iter().filter_map(Goal::of).collect();
    let count = |state: State| goals.iter().filter(|goal| goal.state == state).count();
    match (goals.len(), count(State::Missed), count(State::Open)) {
        (0, ..) => String::new(),
        (1, 0, 0) => " and met its objective".to_owned(),
        (all, 0, 0) => format!(" and met all {all} objectives"),
        (1, 1, _) => " but missed its objective".to_owned(),
        (1, 0, _) => "; whether the objective is met cannot be told yet".to_owned(),
        (all, 0, open) => {
            format!("; of {all} objectives {open} cannot be decided yet")
        }
        (all, missed, _) => format!(" but missed {missed} of {all} objectives"),
    }
}

/// Behind the share that decided where the percentile itself cannot be shown.
pub(super) const BEYOND: &str = "of requests beyond the limit, which decides";

/// Instead of a value that the requests which came do not support.
pub(super) const TOO_FEW: &str = "too few completed requests to tell";

/// What became of an objective.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Met.
    Met,
    /// Not met, or no requests at all.
    Missed,
    /// The interval straddles the limit, or requests came and there is no value.
    Open,
}

/// An objective with what became of it.
#[derive(Clone, Debug)]
pub struct Goal {
    /// As it was written.
    pub objective: String,
    /// Its value in words.
    pub value: String,
    /// What became of it.
    pub state: State,
}

impl Goal {
    /// An objective of an outcome.
    pub fn of(slo: &Value) -> Option<Self> {
        let objective = slo["objective"].as_str()?.to_owned();
        let kind = match objective.trim_start() {
            text if text.starts_with("err") || text.starts_with("util") => Kind::Share,
            text if text.starts_with("cost") => Kind::Plain,
            _ => Kind::Time,
        };
        let state = match (slo["met"].as_bool(), slo["inconclusive"].as_bool()) {
            (Some(true), _) => State::Met,
            (_, Some(true)) => State::Open,
            _ => State::Missed,
        };
        let value = match (Number::of(&slo["value"]), Number::of(&slo["beyond"])) {
            (None, Some(share)) => format!("{} {BEYOND}", tell(Some(share), Kind::Share)),
            (None, None) if state == State::Open => TOO_FEW.to_owned(),
            (None, None) => "no data".to_owned(),
            (number, _) => tell(number, kind),
        };
        Some(Self { objective, value, state })
    }

    /// A sign that does without colour.
    pub fn sign(&self) -> &'static str {
        match self.state {
            State::Met => "✓",
            State::Missed => "✗",
            State::Open => "?",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(estimate: f64, interval: Option<(f64, f64)>, kind: Kind) -> String {
        tell(Some(Number { estimate, interval, rough: false }), kind)
    }

    #[test]
    fn an_even_interval_is_a_half_width_in_the_unit_of_the_estimate() {
        assert_eq!(told(0.0612, Some((0.0592, 0.0632)), Kind::Time), "61.2 ± 2.0 ms");
        assert_eq!(told(1234.0, Some((1224.0, 1244.0)), Kind::Rate), "1,234 ± 10 /s");
        assert_eq!(told(9e4, Some((8e4, 1e5)), Kind::Plain), "90,000 ± 10,000");
        assert_eq!(told(8.0, Some((8.0, 8.0)), Kind::Plain), "8.00");
        assert_eq!(told(100.0, Some((99.99, 100.01)), Kind::Plain), "100 ± 0.0100");
    }

    #[test]
    fn an_uneven_or_open_interval_shows_its_ends() {
        let share = told(0.5, Some((0.4, 0.9)), Kind::Share);
        assert_eq!(share, "50.0 % (40.0 % – 90.0 %)");
        let open = told(0.25, Some((0.2, f64::INFINITY)), Kind::Time);
        assert_eq!(open, "250 ms (above 200 ms)");
        assert_eq!(tell(None, Kind::Time), "–");
    }
}
