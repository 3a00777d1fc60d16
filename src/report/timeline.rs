//! `timeline.csv` and `heatmap.csv`: what happened in each interval, and the way back from the
//! files.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::probe::{Bin, Change, Step, Timeline};
use crate::scenario::{Measured, Scenario};
use crate::stats::histogram::LogHistogram;
use crate::time::{Duration, Instant, SECOND_NS};

/// One interval of a run; the schema of `timeline.csv`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// When it starts, in seconds from the start of the run.
    pub start_s: f64,
    /// When it ends; the last interval ends with the run.
    pub end_s: f64,
    /// Requests that arrived in it.
    pub arrivals: u64,
    /// Requests that ended well in it.
    pub completions: u64,
    /// Requests that ended otherwise in it.
    pub errors: u64,
    /// The median latency of those that ended well in it, in seconds, as observed.
    pub p50: Option<f64>,
    /// Their 99th percentile, as observed: of few requests it is nearly their maximum.
    pub p99: Option<f64>,
    /// Mean number in system.
    pub in_system: f64,
    /// Mean number waiting.
    pub queue: f64,
    /// Mean number of servers that serve.
    pub servers: f64,
    /// Of those, servers that are not warm yet.
    #[serde(default)]
    pub warming: f64,
    /// Mean number of servers that are on their way.
    #[serde(default)]
    pub starting: f64,
    /// Mean number of servers that finish what they have and then go.
    #[serde(default)]
    pub draining: f64,
    /// Busy slot time over the slot time of servers that serve.
    pub utilization: f64,
    /// What the servers cost in it, in the scenario's currency.
    pub cost: f64,
}

/// The fleet of a scenario without autoscaling: one step that lasts.
pub fn fixed_fleet(scenario: &Scenario) -> Vec<Step> {
    let pools = || scenario.pool.values();
    vec![Step {
        ready: pools().map(|pool| pool.servers).sum(),
        slots: pools().map(|pool| u64::from(pool.servers) * u64::from(pool.slots)).sum(),
        per_hour: pools().map(|pool| pool.price.0 * f64::from(pool.servers)).sum(),
        ..Step::default()
    }]
}

/// The fleet of a run, step by step.
pub fn fleet(scenario: &Scenario, measured: &Measured) -> Vec<Step> {
    let Some(census) = &measured.census else { return fixed_fleet(scenario) };
    let per_hour = |server: &Change| {
        scenario.pool[usize::from(server.pool)].per_hour(server.slots, server.speed)
    };
    census.steps(|_| true, per_hour)
}

/// The rows of a run whose fleet went through `steps`, in order of time.
pub fn rows(measured: &Measured, steps: &[Step]) -> Vec<Row> {
    let (timeline, ending) = (&measured.timeline, &measured.ending);
    let width = timeline.width();
    let end = ending.horizon.max(ending.last);
    let nothing = Bin::default();
    let count = (end.0.div_ceil(width.0) as usize).max(1);
    let row = |index: usize| {
        let bin = timeline.bins().get(index).unwrap_or(&nothing);
        let from = Instant(index as u64 * width.0);
        let to = (from + width).min(end.max(from));
        // In the last interval servers may work on when all requests have ended.
        let busy_to = (from + width).min(end.max(from).max(timeline.busy_until()));
        row(bin, (from, to, busy_to), ending.horizon, steps)
    };
    (0..count).map(row).collect()
}

fn row(
    bin: &Bin,
    (from, to, busy_to): (Instant, Instant, Instant),
    horizon: Instant,
    steps: &[Step],
) -> Row {
    let span = to.since(from).as_secs_f64();
    let area_s = |area_ns: i128| area_ns as f64 / SECOND_NS as f64;
    let mean = |area_ns: i128| if span > 0.0 { area_s(area_ns) / span } else { 0.0 };
    let level = |of: fn(&Step) -> f64| {
        let area = integral(steps, from, to, of);
        if span > 0.0 { area / span } else { 0.0 }
    };
    let slot_time = integral(steps, from, busy_to, |step| step.slots as f64);
    let quantile = |p| bin.latency.quantile(p).map(seconds);
    Row {
        start_s: from.as_secs_f64(),
        end_s: to.as_secs_f64(),
        arrivals: bin.arrivals,
        completions: bin.completions,
        errors: bin.errors,
        p50: quantile(0.5),
        p99: quantile(0.99),
        in_system: mean(bin.in_system_ns),
        queue: mean(bin.queue_ns),
        servers: level(|step| f64::from(step.ready)),
        warming: level(|step| f64::from(step.warming)),
        starting: level(|step| f64::from(step.starting)),
        draining: level(|step| f64::from(step.draining)),
        utilization: if slot_time > 0.0 { area_s(bin.busy_ns) / slot_time } else { 0.0 },
        // Servers are paid to the end of the run, not until the last request has drained.
        cost: integral(steps, from, to.min(horizon), |step| step.per_hour) / 3600.0,
    }
}

/// The area under a level of the fleet from one instant to another, in level-seconds.
fn integral(steps: &[Step], from: Instant, to: Instant, level: impl Fn(&Step) -> f64) -> f64 {
    let ends = steps.iter().skip(1).map(|step| step.from).chain([Instant(u64::MAX)]);
    let piece = |(step, end): (&Step, Instant)| {
        level(step) * end.min(to).since(step.from.max(from)).as_secs_f64()
    };
    steps.iter().zip(ends).map(piece).sum()
}

fn seconds(nanos: u64) -> f64 {
    nanos as f64 / SECOND_NS as f64
}

/// One cell of the heat map; the schema of `heatmap.csv`. Empty cells are left out.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Cell {
    /// When the cell's interval starts, in seconds from the start of the run.
    pub start_s: f64,
    /// When it ends.
    pub end_s: f64,
    /// The lowest latency in the cell, in seconds.
    pub low_s: f64,
    /// The latency above the cell.
    pub high_s: f64,
    /// Requests that ended well in the interval with a latency in the cell.
    pub count: u64,
}

/// The most columns of a heat map: more are narrower than a line.
const COLUMNS: usize = 120;

/// The heat map of a run: at most 120 columns of time, four rows to each octave of latency.
pub fn heat(timeline: &Timeline) -> Vec<Cell> {
    let (bins, width) = (timeline.bins(), timeline.width());
    let each = bins.len().div_ceil(COLUMNS).max(1);
    let column = |(number, bins): (usize, &[Bin])| {
        let mut merged = LogHistogram::<2>::new();
        for bucket in bins.iter().flat_map(|bin| bin.latency.buckets()) {
            merged.record_n(bucket.midpoint(), bucket.count);
        }
        let from = Instant((number * each) as u64 * width.0);
        let (start_s, end_s) =
            (from.as_secs_f64(), (from + Duration(width.0 * each as u64)).as_secs_f64());
        let cell = |bucket: crate::stats::Bucket| Cell {
            start_s,
            end_s,
            low_s: seconds(bucket.low),
            high_s: seconds(bucket.high.saturating_add(1)),
            count: bucket.count,
        };
        merged.buckets().map(cell).collect::<Vec<Cell>>()
    };
    bins.chunks(each).enumerate().flat_map(column).collect()
}

/// Records as the text of a CSV file.
pub fn to_csv<T: Serialize>(records: &[T]) -> String {
    let mut out = csv::Writer::from_writer(Vec::new());
    for record in records {
        out.serialize(record).expect("flat records fit a CSV file in memory");
    }
    let bytes = out.into_inner().expect("a buffer in memory");
    String::from_utf8(bytes).expect("numbers are UTF-8")
}

/// The records of a CSV file; the error says in which line the file is damaged. A file without a
/// record is empty as it was written, and anything else is damage.
pub fn from_csv<T: DeserializeOwned>(text: &str) -> Result<Vec<T>, String> {
    let records: Vec<T> = csv::Reader::from_reader(text.as_bytes())
        .deserialize()
        .collect::<Result<_, _>>()
        .map_err(|error: csv::Error| error.to_string())?;
    if records.is_empty() && !text.trim().is_empty() {
        return Err("it has no rows".to_owned());
    }
    Ok(records)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Instant {
        Instant(seconds * SECOND_NS)
    }

    #[test]
    fn a_row_averages_a_fleet_that_changes_inside_it() {
        let grown = Step { from: at(15), ready: 4, slots: 8, per_hour: 3600.0, ..Step::default() };
        let steps = [Step { ready: 2, slots: 4, per_hour: 1800.0, ..Step::default() }, grown];
        let bin = Bin { busy_ns: i128::from(30 * SECOND_NS), ..Bin::default() };
        let row = row(&bin, (at(10), at(20), at(20)), at(18), &steps);
        assert_eq!((row.servers, row.utilization), (3.0, 0.5));
        assert_eq!(row.cost, 5.0 * 0.5 + 3.0 * 1.0);
    }

    #[test]
    fn rows_survive_the_way_to_the_file_and_back() {
        let rows = [Row { start_s: 0.1, p99: Some(0.25), ..Row::default() }, Row::default()];
        assert_eq!(from_csv::<Row>(&to_csv(&rows)), Ok(rows.to_vec()));
    }

    #[test]
    fn a_damaged_line_is_named() {
        let text = to_csv(&[Row::default()]).replace("0.0,0.0,0,", "0.0,0.0,many,");
        assert!(from_csv::<Row>(&text).unwrap_err().contains("line: 2"), "{text}");
    }
}
