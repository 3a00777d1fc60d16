//! Mean and spread of durations from exact integer sums, and the summary a single run prints.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::histogram::LogHistogram;

/// Nanoseconds in a second: values come in as whole nanoseconds and leave as seconds.
pub const NANOS_PER_SECOND: f64 = 1e9;

/// Count, sum and sum of squares of whole numbers of nanoseconds, in 128-bit integers.
///
/// Integer sums do not depend on the order of values or merges, so any number of threads gives the
/// same bytes. The sum of squares holds 10¹⁰ values of two days each; beyond it
/// stays full, and there is no variance.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Moments {
    count: u64,
    sum: u128,
    sum_squares: u128,
}

impl Moments {
    /// Nothing seen yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds one value in nanoseconds.
    #[inline]
    pub fn record(&mut self, nanos: u64) {
        let wide = u128::from(nanos);
        self.count += 1;
        self.sum += wide;
        self.sum_squares = self.sum_squares.saturating_add(wide * wide);
    }

    /// Adds one value in nanoseconds `n` times.
    pub fn record_n(&mut self, nanos: u64, n: u64) {
        let (wide, times) = (u128::from(nanos), u128::from(n));
        self.count += n;
        self.sum += wide * times;
        self.sum_squares = self.sum_squares.saturating_add((wide * wide).saturating_mul(times));
    }

    /// Adds all values of another.
    pub fn merge(&mut self, other: &Self) {
        self.count += other.count;
        self.sum += other.sum;
        self.sum_squares = self.sum_squares.saturating_add(other.sum_squares);
    }

    /// How many values were recorded.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The exact sum in nanoseconds.
    pub fn sum(&self) -> u128 {
        self.sum
    }

    /// The mean in seconds; `None` when nothing was recorded.
    pub fn mean(&self) -> Option<f64> {
        (self.count > 0).then(|| self.sum as f64 / self.count as f64 / NANOS_PER_SECOND)
    }

    /// The sample variance (divisor n − 1) in seconds squared; `None` below two values, and where
    /// the sum of squares is full.
    ///
    /// Σx² − (Σx)²/n is taken in integers: with q and r the quotient and remainder of Σx by n,
    /// (Σx)²/n = q·Σx + r·Σx/n, and no term exceeds Σx² by more than n·Σx.
    pub fn variance(&self) -> Option<f64> {
        if self.count < 2 || self.sum_squares == u128::MAX {
            return None;
        }
        let n = u128::from(self.count);
        let tail = (self.sum % n) * self.sum;
        let whole = self.sum_squares - self.sum / n * self.sum - tail / n;
        let squares = whole as f64 - (tail % n) as f64 / n as f64;
        Some((squares / (self.count - 1) as f64).max(0.0) / NANOS_PER_SECOND.powi(2))
    }

    /// The sample standard deviation in seconds; `None` below two values.
    pub fn sd(&self) -> Option<f64> {
        self.variance().map(f64::sqrt)
    }
}

/// Everything kept of a set of durations: exact moments and the histogram of record.
pub type Tally = LogTally<10>;

/// Exact moments and a histogram of `BITS` mantissa bits.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LogTally<const BITS: u32> {
    /// Exact count, sum and sum of squares.
    pub moments: Moments,
    /// The distribution, within 2^−(`BITS`+1) of each value.
    pub histogram: LogHistogram<BITS>,
}

impl<const BITS: u32> LogTally<BITS> {
    /// Nothing seen yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds one duration in nanoseconds.
    #[inline]
    pub fn record(&mut self, nanos: u64) {
        self.moments.record(nanos);
        self.histogram.record(nanos);
    }

    /// Adds one duration in nanoseconds `n` times.
    pub fn record_n(&mut self, nanos: u64, n: u64) {
        self.moments.record_n(nanos, n);
        self.histogram.record_n(nanos, n);
    }

    /// Adds all durations of another.
    pub fn merge(&mut self, other: &Self) {
        self.moments.merge(&other.moments);
        self.histogram.merge(&other.histogram);
    }

    /// How many durations were recorded.
    pub fn count(&self) -> u64 {
        self.moments.count()
    }

    /// The share of durations above a threshold in nanoseconds (see `Histogram::count_above`).
    pub fn fraction_above(&self, nanos: u64) -> f64 {
        self.histogram.fraction_above(nanos)
    }

    /// The numbers a single run prints.
    pub fn summary(&self) -> Summary {
        let seconds = |nanos: u64| nanos as f64 / NANOS_PER_SECOND;
        let percentile = |p: f64| {
            supports(self.count(), p).then(|| self.histogram.quantile(p).map(seconds)).flatten()
        };
        Summary {
            mean: self.moments.mean(),
            sd: self.moments.sd(),
            min: self.histogram.min().map(seconds),
            p50: percentile(0.5),
            p90: percentile(0.9),
            p95: percentile(0.95),
            p99: percentile(0.99),
            p999: percentile(0.999),
            max: self.histogram.max().map(seconds),
        }
    }
}

/// Whether `n` values support a percentile without an interval: at least ten of them must be
/// expected on its rarer side, n·min(p, 1−p) ≥ 10 (p99 needs 1,000 values, p99.9 needs 10,000).
///
/// Ten independent exceedances leave a relative error of about a third on the tail probability,
/// and a few per cent to a tenth on the value: the coarsest answer worth a number.
pub fn supports(n: u64, p: f64) -> bool {
    // 1 − 0.99 is a hair above a hundredth: a thousand values must do in spite of rounding.
    n as f64 * p.min(1.0 - p) >= 10.0 * (1.0 - 1e-9)
}

/// Mean, spread, extremes and percentiles in seconds; `None` (null in JSON) where the sample cannot
/// support the number. With replications or batches each of them is an `Estimate`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Summary<M = Option<f64>> {
    /// Mean.
    pub mean: M,
    /// Sample standard deviation (divisor n − 1).
    pub sd: M,
    /// Smallest value, exact.
    pub min: M,
    /// Median.
    pub p50: M,
    /// 90th percentile.
    pub p90: M,
    /// 95th percentile.
    pub p95: M,
    /// 99th percentile.
    pub p99: M,
    /// 99.9th percentile.
    pub p999: M,
    /// Largest value, exact.
    pub max: M,
}
