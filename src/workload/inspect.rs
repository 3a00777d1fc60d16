//! What a traffic file is like: rate, bursts, silences, sizes, seasons; one pass over its rows.
//!
//! *Cv of inter-arrivals* is the standard deviation of the times between arrivals over their mean:
//! 1 for a Poisson process. *Dispersion* is the variance over the mean of the counts of whole
//! minutes from the first arrival on (of the rows, in a file of counts): 1 for a Poisson process at
//! every scale, so what it exceeds 1 by is burstiness that a minute does not average out. Both
//! describe this trace and not a law behind it, so variances divide by n.

use serde::Serialize;

use super::trace::{Arrivals, Row, Trace, Understanding};
use crate::diagnose::Problem;
use crate::stats::Histogram;
use crate::time::{Duration, Instant, SECOND_NS};
use crate::units::grouped;

/// What a traffic file is like.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Inspection {
    /// What was understood of the file: columns, units, span, rate.
    #[serde(flatten)]
    pub understanding: Understanding,
    /// Times between arrivals; not known in a file of counts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gaps: Option<Gaps>,
    /// Counts of minutes (of seconds in a trace below two minutes, of rows in a file of counts).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub counts: Option<Counts>,
    /// How alike the traffic is to itself an hour, a day and a week later.
    pub seasons: Vec<Season>,
    /// Service times in seconds.
    #[serde(rename = "service_s", skip_serializing_if = "Option::is_none")]
    pub service: Option<Sizes>,
    /// Input tokens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input: Option<Sizes>,
    /// Output tokens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output: Option<Sizes>,
    /// How many requests each class has, in the order of `understanding.classes`.
    pub class_requests: Vec<f64>,
}

/// The times between arrivals.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Gaps {
    /// Their mean, in seconds.
    pub mean_s: f64,
    /// Their coefficient of variation.
    pub cv: f64,
    /// The longest, in seconds.
    pub longest_s: f64,
}

/// The numbers of requests in intervals of one length.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Counts {
    /// The length of an interval, in seconds.
    pub interval_s: f64,
    /// How many there are, whole ones only.
    pub intervals: u64,
    /// Their mean.
    pub mean: f64,
    /// The largest; the last interval counts here although it is not whole.
    pub peak: f64,
    /// The largest over the mean.
    pub peak_to_mean: f64,
    /// The variance over the mean.
    pub dispersion: f64,
    /// How many are empty.
    pub empty: u64,
    /// The most that are empty in a row, in seconds.
    pub longest_silence_s: f64,
}

/// How alike a series is to itself one period later.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Season {
    /// The period, in seconds.
    pub period_s: f64,
    /// The autocorrelation at that lag, 1 for a perfect repetition.
    pub autocorrelation: f64,
}

/// Mean, spread and quantiles of sizes.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Sizes {
    /// How many requests have one.
    pub count: u64,
    /// Their mean.
    pub mean: f64,
    /// Their coefficient of variation.
    pub cv: f64,
    /// The smallest.
    pub min: f64,
    /// The median; quantiles are within 0.05 %.
    pub p50: f64,
    /// The 90th percentile.
    pub p90: f64,
    /// The 99th percentile.
    pub p99: f64,
    /// The largest.
    pub max: f64,
}

/// Reads a trace to its end and says what it is like.
pub fn inspect(trace: Trace) -> Result<Inspection, Problem> {
    inspect_with(trace, |_| ())
}

/// The same, with every row shown to someone else as well.
pub fn inspect_with(mut trace: Trace, mut show: impl FnMut(&Row)) -> Result<Inspection, Problem> {
    let mut seen = Seen::new(trace.interval());
    let mut row = Row::default();
    while trace.next(&mut row)? {
        seen.take(&row);
        show(&row);
    }
    Ok(seen.finish(trace.understanding()))
}

impl Inspection {
    /// What the user should know, in sentences.
    pub fn advice(&self) -> Vec<String> {
        let mut advice = self.understanding.advice();
        let silence = self.counts.map_or(0.0, |counts| counts.longest_silence_s);
        let usual = self.gaps.map_or(0.0, |gaps| gaps.mean_s);
        if silence >= 3600.0 && silence > 100.0 * usual {
            advice.push(format!(
                "{}: nothing arrives for {} at a stretch; if that is an outage of the recording, \
                 leave it out by a window",
                self.understanding.file,
                Duration::from_secs(silence as u64)
            ));
        }
        let classes = self.understanding.classes.iter().zip(&self.class_requests);
        if self.understanding.classes.len() > 1 {
            let shares: Vec<String> = classes
                .take(8)
                .map(|(name, count)| format!("{name} {}", grouped(count.round() as u64)))
                .collect();
            advice.push(format!("{}: classes: {}", self.understanding.file, shares.join(", ")));
        }
        advice
    }
}

/// Everything counted while rows go by.
struct Seen {
    interval: Option<Duration>,
    last: Option<Instant>,
    gaps: u64,
    gap_squares: u128,
    longest: u64,
    seconds: Bins,
    minutes: Bins,
    /// The sum of the rows of the current stamp, in a file of counts.
    sum: f64,
    rows: Moments,
    series: Series,
    service: SizeTally,
    input: SizeTally,
    output: SizeTally,
    classes: Vec<f64>,
}

impl Seen {
    fn new(interval: Option<Duration>) -> Self {
        Self {
            interval,
            last: None,
            gaps: 0,
            gap_squares: 0,
            longest: 0,
            seconds: Bins::new(SECOND_NS),
            minutes: Bins::new(60 * SECOND_NS),
            sum: 0.0,
            rows: Moments::default(),
            series: Series::new(interval.unwrap_or(Duration::from_secs(60))),
            service: SizeTally::default(),
            input: SizeTally::default(),
            output: SizeTally::default(),
            classes: Vec::new(),
        }
    }

    fn take(&mut self, row: &Row) {
        let weight = match row.arrivals {
            Arrivals::One => 1.0,
            Arrivals::Exactly(count) => count as f64,
            Arrivals::Mean(mean) => mean,
        };
        self.series.add(row.at, weight);
        if let Some(class) = row.class {
            let place = usize::from(class);
            if self.classes.len() <= place {
                self.classes.resize(place + 1, 0.0);
            }
            self.classes[place] += weight;
        }
        if let Some(service) = row.service {
            self.service.record(service.0);
        }
        for (tally, tokens) in [(&mut self.input, row.input), (&mut self.output, row.output)] {
            if let Some(tokens) = tokens {
                tally.record(u64::from(tokens));
            }
        }
        if self.interval.is_some() {
            if self.last.is_some_and(|last| last != row.at) {
                self.rows.record(self.sum);
                self.sum = 0.0;
            }
            self.sum += weight;
        } else {
            if let Some(last) = self.last {
                let gap = row.at.since(last).0;
                self.gaps += 1;
                self.gap_squares += u128::from(gap) * u128::from(gap);
                self.longest = self.longest.max(gap);
            }
            self.seconds.add(row.at);
            self.minutes.add(row.at);
        }
        self.last = Some(row.at);
    }

    fn finish(mut self, understanding: Understanding) -> Inspection {
        let counts = match self.interval {
            Some(interval) => {
                self.rows.record(self.sum);
                self.rows.counts(interval)
            }
            None => [&mut self.minutes, &mut self.seconds]
                .into_iter()
                .map(Bins::close)
                .find(|counts| counts.is_some_and(|counts| counts.intervals >= 2))
                .flatten(),
        };
        let mut class_requests = self.classes;
        class_requests.resize(understanding.classes.len(), 0.0);
        let span = self.last.map_or(0, |last| last.0);
        let gaps = (self.interval.is_none() && self.gaps > 0).then(|| {
            let mean = span as f64 / self.gaps as f64;
            let variance = (self.gap_squares as f64 / self.gaps as f64 - mean * mean).max(0.0);
            let cv = if mean > 0.0 { variance.sqrt() / mean } else { 0.0 };
            Gaps { mean_s: mean / 1e9, cv, longest_s: Duration(self.longest).as_secs_f64() }
        });
        Inspection {
            understanding,
            gaps,
            counts,
            seasons: self.series.seasons(),
            service: self.service.sizes(1e-9),
            input: self.input.sizes(1.0),
            output: self.output.sizes(1.0),
            class_requests,
        }
    }
}

/// Count, mean and spread of counts, and the empty ones among them.
#[derive(Clone, Copy, Default)]
struct Moments {
    n: u64,
    mean: f64,
    squares: f64,
    peak: f64,
    empty: u64,
    run: u64,
    longest: u64,
}

impl Moments {
    fn record(&mut self, count: f64) {
        self.n += 1;
        // Welford's recurrence.
        let off = count - self.mean;
        self.mean += off / self.n as f64;
        self.squares += off * (count - self.mean);
        self.peak = self.peak.max(count);
        if count == 0.0 {
            self.silence(1);
        } else {
            self.run = 0;
        }
    }

    /// As many empty counts at once.
    fn record_empty(&mut self, n: u64) {
        let (old, new) = (self.n as f64, (self.n + n) as f64);
        self.squares += self.mean * self.mean * old * n as f64 / new;
        self.mean *= old / new;
        self.n += n;
        self.silence(n);
    }

    fn silence(&mut self, n: u64) {
        self.empty += n;
        self.run += n;
        self.longest = self.longest.max(self.run);
    }

    fn counts(&self, interval: Duration) -> Option<Counts> {
        let ratio = |x: f64| if self.mean > 0.0 { x / self.mean } else { 0.0 };
        (self.n > 0).then(|| Counts {
            interval_s: interval.as_secs_f64(),
            intervals: self.n,
            mean: self.mean,
            peak: self.peak,
            peak_to_mean: ratio(self.peak),
            dispersion: ratio(self.squares / self.n as f64),
            empty: self.empty,
            longest_silence_s: self.longest as f64 * interval.as_secs_f64(),
        })
    }
}

/// Arrivals counted in bins of one width from the first on.
struct Bins {
    width: u64,
    current: u64,
    count: u64,
    moments: Moments,
}

impl Bins {
    fn new(width: u64) -> Self {
        Self { width, current: 0, count: 0, moments: Moments::default() }
    }

    #[inline]
    fn add(&mut self, at: Instant) {
        let bin = at.0 / self.width;
        if bin != self.current {
            self.moments.record(self.count as f64);
            let empty = bin - self.current - 1;
            if empty > 0 {
                self.moments.record_empty(empty);
            }
            (self.current, self.count) = (bin, 0);
        }
        self.count += 1;
    }

    /// The counts of whole bins; the last is not whole, but may well hold the peak.
    fn close(&mut self) -> Option<Counts> {
        self.moments.peak = self.moments.peak.max(self.count as f64);
        self.moments.counts(Duration(self.width))
    }
}

/// A series of counts in bins that grow wider, two by two, when there are too many.
struct Series {
    width: u64,
    bins: Vec<f64>,
}

/// Half a year of 2-minute bins; beyond it bins are merged.
const BINS: usize = 1 << 17;
/// A season is looked at in this many steps: finer ones would compare noise.
const STEPS: u64 = 48;

impl Series {
    fn new(width: Duration) -> Self {
        Self { width: width.0.max(1), bins: Vec::new() }
    }

    fn add(&mut self, at: Instant, weight: f64) {
        let mut bin = at.0 / self.width;
        while bin >= BINS as u64 {
            self.bins = pairs(&self.bins, 2);
            self.width = self.width.saturating_mul(2);
            bin = at.0 / self.width;
        }
        let bin = bin as usize;
        if self.bins.len() <= bin {
            self.bins.resize(bin + 1, 0.0);
        }
        self.bins[bin] += weight;
    }

    fn seasons(&self) -> Vec<Season> {
        let day = 86_400 * SECOND_NS;
        [3600 * SECOND_NS, day, 7 * day].into_iter().filter_map(|p| self.season(p)).collect()
    }

    /// The autocorrelation one period later, of bins of about a 48th of it, over two periods at
    /// least.
    fn season(&self, period: u64) -> Option<Season> {
        let finest = (period / STEPS / self.width).max(1);
        let merged =
            (1..=finest).rev().find(|merged| period.is_multiple_of(merged * self.width))?;
        let lag = (period / (merged * self.width)) as usize;
        let bins = pairs(&self.bins, merged as usize);
        // The last bin need not be whole.
        let bins =
            &bins[..bins.len() - usize::from(bins.len() * merged as usize > self.bins.len())];
        if lag < 2 || bins.len() < 2 * lag {
            return None;
        }
        let mean = bins.iter().sum::<f64>() / bins.len() as f64;
        let off = |i: usize| bins[i] - mean;
        let all: f64 = (0..bins.len()).map(|i| off(i) * off(i)).sum();
        let later: f64 = (lag..bins.len()).map(|i| off(i) * off(i - lag)).sum();
        let autocorrelation = if all > 0.0 { later / all } else { 0.0 };
        Some(Season { period_s: Duration(period).as_secs_f64(), autocorrelation })
    }
}

/// Sums of `width` neighbours.
fn pairs(bins: &[f64], width: usize) -> Vec<f64> {
    bins.chunks(width).map(|few| few.iter().sum()).collect()
}

/// Sizes as they are counted.
#[derive(Default)]
struct SizeTally {
    mean: f64,
    squares: f64,
    histogram: Histogram,
}

impl SizeTally {
    fn record(&mut self, size: u64) {
        self.histogram.record(size);
        let off = size as f64 - self.mean;
        self.mean += off / self.histogram.len() as f64;
        self.squares += off * (size as f64 - self.mean);
    }

    fn sizes(&self, unit: f64) -> Option<Sizes> {
        let quantile = |p: f64| self.histogram.quantile(p).map(|size| size as f64 * unit);
        let count = self.histogram.len();
        let sd = (self.squares / count.max(1) as f64).sqrt();
        Some(Sizes {
            count,
            mean: self.mean * unit,
            cv: if self.mean > 0.0 { sd / self.mean } else { 0.0 },
            min: self.histogram.min()? as f64 * unit,
            p50: quantile(0.5)?,
            p90: quantile(0.9)?,
            p99: quantile(0.99)?,
            max: self.histogram.max()? as f64 * unit,
        })
    }
}
