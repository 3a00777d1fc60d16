//! Counts latencies in buckets of constant relative width, so that a quantile of a billion costs
//! kilobytes.
//!
//! A bucket is the exponent and the top mantissa bits of a whole number of nanoseconds (log-linear,
//! as in `HdrHistogram`): two shifts and an addition find it, merging is addition, and the result
//! does not depend on the order in which values or histograms arrive.

use serde::{Deserialize, Serialize};

/// The histogram of record: buckets of relative width 2⁻¹⁰, quantiles within 0.049 %.
pub type Histogram = LogHistogram<10>;

/// A histogram for a heat map or a diagnostic: relative width 2⁻⁵, quantiles within 1.6 %.
pub type CoarseHistogram = LogHistogram<5>;

/// Buckets are allocated in rows of this many, when first needed: a sixteenth of an octave at 10
/// bits.
const ROW: usize = 64;

/// Marks a row that is not there: far above any slot, and safe to add a column to on 32 bits.
const ABSENT: u32 = u32::MAX / 2;

/// A histogram of `u64` values with `BITS` mantissa bits (1 to 16) in its bucket index.
///
/// Values below 2^`BITS` have a bucket each, so zero is exact (the wait of a request that did not
/// wait is an atom, not a small number). The exact minimum and maximum are kept beside the counts.
/// Counts are allocated in rows of 64 when first needed, so a histogram of few or similar values is
/// small: the whole range would take 450 kB, a thousand exponential values take about 20.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(into = "Stored", try_from = "Stored")]
pub struct LogHistogram<const BITS: u32> {
    /// Rows of counts, in the order in which they were first needed.
    counts: Vec<u64>,
    /// Where the row of each 64 consecutive buckets starts in `counts`, or `ABSENT`.
    starts: Vec<u32>,
    min: u64,
    max: u64,
    len: u64,
}

/// A bucket that is not empty: the values `low..=high` were seen `count` times together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bucket {
    /// Smallest value the bucket can hold.
    pub low: u64,
    /// Largest value the bucket can hold (inclusive).
    pub high: u64,
    /// How many values it holds.
    pub count: u64,
}

impl Bucket {
    /// The value that stands for all values of the bucket: its mid-point.
    pub fn midpoint(&self) -> u64 {
        self.low + (self.high - self.low).div_ceil(2)
    }
}

/// The 1-based rank of the `p`-quantile among `n` values: the smallest k with k ≥ n·p, at least 1.
///
/// A product that exceeds a whole number by rounding only (0.07 · 100) counts as that number.
pub fn quantile_rank(n: u64, p: f64) -> u64 {
    let exact = n as f64 * p;
    ((exact * (1.0 - 4.0 * f64::EPSILON)).ceil() as u64).clamp(1, n.max(1))
}

impl<const BITS: u32> Default for LogHistogram<BITS> {
    fn default() -> Self {
        Self::new()
    }
}

impl<const BITS: u32> LogHistogram<BITS> {
    /// Buckets in an octave.
    const OCTAVE: u64 = {
        assert!(BITS >= 1 && BITS <= 16, "a histogram has 1 to 16 mantissa bits");
        1 << BITS
    };

    /// An empty histogram; it allocates nothing before the first value.
    pub fn new() -> Self {
        Self { counts: Vec::new(), starts: Vec::new(), min: u64::MAX, max: 0, len: 0 }
    }

    /// Counts one value.
    #[inline]
    pub fn record(&mut self, value: u64) {
        self.record_n(value, 1);
    }

    /// Counts one value `n` times.
    #[inline]
    pub fn record_n(&mut self, value: u64, n: u64) {
        if n == 0 {
            return;
        }
        let (row, column) = Self::place(value);
        match self.starts.get(row).and_then(|&start| self.counts.get_mut(start as usize + column)) {
            Some(count) => *count += n,
            None => self.open_row(row)[column] += n,
        }
        self.min = self.min.min(value);
        self.max = self.max.max(value);
        self.len += n;
    }

    /// Adds all values of another histogram.
    pub fn merge(&mut self, other: &Self) {
        for (row, theirs) in other.rows() {
            let ours = self.open_row(row);
            for (mine, theirs) in ours.iter_mut().zip(theirs) {
                *mine += theirs;
            }
        }
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
        self.len += other.len;
    }

    /// How many values were recorded.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether nothing was recorded.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The smallest recorded value, exactly.
    pub fn min(&self) -> Option<u64> {
        (self.len > 0).then_some(self.min)
    }

    /// The largest recorded value, exactly.
    pub fn max(&self) -> Option<u64> {
        (self.len > 0).then_some(self.max)
    }

    /// The `p`-quantile: the mid-point of the bucket that holds the value of rank ⌈n·p⌉, clamped to
    /// the recorded range. `None` when nothing was recorded.
    ///
    /// The error is at most 2^−(`BITS`+1) of the value; values below 2^(`BITS`+1) are exact.
    pub fn quantile(&self, p: f64) -> Option<u64> {
        Some(self.bucket_of_quantile(p)?.midpoint().clamp(self.min, self.max))
    }

    /// The interval within which the `p`-quantile of the recorded values lies for certain: its
    /// bucket, cut to the recorded range.
    pub fn quantile_range(&self, p: f64) -> Option<(u64, u64)> {
        let bucket = self.bucket_of_quantile(p)?;
        Some((bucket.low.max(self.min), bucket.high.min(self.max)))
    }

    /// How many values are above `x`, every value standing at the mid-point of its bucket.
    ///
    /// It agrees with `quantile`: the `p`-quantile is at most `x` if and only if no more than
    /// `len − quantile_rank(len, p)` values are above `x`.
    pub fn count_above(&self, x: u64) -> u64 {
        let (within, above) = self.within_and_above(x);
        let (row, column) = Self::place(x);
        let (low, high) = Self::bounds((row * ROW + column) as u64);
        let own = Bucket { low, high, count: within };
        // Other buckets lie on one side of `x` with all they hold.
        let own_is_above = within > 0 && own.midpoint().clamp(self.min, self.max) > x;
        above + if own_is_above { within } else { 0 }
    }

    /// How many values are in the bucket of `x`, and how many in the buckets above it.
    pub fn within_and_above(&self, x: u64) -> (u64, u64) {
        let (row, column) = Self::place(x);
        let (mut within, mut above) = (0, 0);
        for (other, counts) in self.rows() {
            if other > row {
                above += counts.iter().sum::<u64>();
            } else if other == row {
                within = counts[column];
                above += counts[column + 1..].iter().sum::<u64>();
            }
        }
        (within, above)
    }

    /// The share of values above `x`, as `count_above` counts them; 0 when nothing was recorded.
    pub fn fraction_above(&self, x: u64) -> f64 {
        if self.len == 0 { 0.0 } else { self.count_above(x) as f64 / self.len as f64 }
    }

    /// The buckets that are not empty, in rising order.
    pub fn buckets(&self) -> impl Iterator<Item = Bucket> + '_ {
        self.rows().flat_map(|(row, counts)| {
            counts.iter().enumerate().filter(|&(_, &count)| count > 0).map(
                move |(column, &count)| {
                    let (low, high) = Self::bounds((row * ROW + column) as u64);
                    Bucket { low, high, count }
                },
            )
        })
    }

    /// The points (x, share of values ≤ x) at the upper ends of the buckets, where they are exact.
    pub fn cdf(&self) -> impl Iterator<Item = (u64, f64)> + '_ {
        let (n, max) = (self.len as f64, self.max);
        self.buckets().scan(0, move |seen, bucket| {
            *seen += bucket.count;
            Some((bucket.high.min(max), *seen as f64 / n))
        })
    }

    /// The points (x, share of values > x) at the upper ends of the buckets, where they are exact.
    /// The last share is 0; a logarithmic axis leaves it out.
    pub fn ccdf(&self) -> impl Iterator<Item = (u64, f64)> + '_ {
        let (n, max) = (self.len, self.max);
        self.buckets().scan(0, move |seen, bucket| {
            *seen += bucket.count;
            Some((bucket.high.min(max), (n - *seen) as f64 / n as f64))
        })
    }

    /// Row and column of a value's bucket. Values below 2^`BITS` have a bucket each.
    #[inline]
    fn place(value: u64) -> (usize, usize) {
        let shift = 63 - BITS - (value | Self::OCTAVE).leading_zeros();
        let index = (((shift as u64) << BITS) + (value >> shift)) as usize;
        (index / ROW, index % ROW)
    }

    /// The smallest and largest value of a bucket: `place` backwards.
    fn bounds(index: u64) -> (u64, u64) {
        let shift = (index >> BITS).saturating_sub(1);
        let low = (index - (shift << BITS)) << shift;
        (low, low + ((1 << shift) - 1))
    }

    /// The rows that are there, in rising order.
    fn rows(&self) -> impl Iterator<Item = (usize, &[u64])> {
        self.starts.iter().enumerate().filter_map(|(row, &start)| {
            let start = start as usize;
            Some((row, self.counts.get(start..start + ROW)?))
        })
    }

    #[cold]
    #[inline(never)]
    fn open_row(&mut self, row: usize) -> &mut [u64] {
        if self.starts.len() <= row {
            self.starts.resize(row + 1, ABSENT);
        }
        if self.starts[row] == ABSENT {
            self.starts[row] = self.counts.len() as u32;
            self.counts.resize(self.counts.len() + ROW, 0);
        }
        let start = self.starts[row] as usize;
        &mut self.counts[start..start + ROW]
    }

    fn bucket_of_quantile(&self, p: f64) -> Option<Bucket> {
        let rank = quantile_rank(self.len, p);
        let mut seen = 0;
        for (row, counts) in self.rows() {
            let all: u64 = counts.iter().sum();
            if seen + all < rank {
                seen += all;
                continue;
            }
            let column = counts.iter().position(|count| {
                seen += count;
                seen >= rank
            })?;
            let (low, high) = Self::bounds((row * ROW + column) as u64);
            return Some(Bucket { low, high, count: counts[column] });
        }
        None
    }
}

/// Equal when the same buckets hold the same counts, whatever order they were opened in.
impl<const BITS: u32> PartialEq for LogHistogram<BITS> {
    fn eq(&self, other: &Self) -> bool {
        (self.len, self.min, self.max) == (other.len, other.min, other.max)
            && self.buckets().eq(other.buckets())
    }
}

impl<const BITS: u32> Eq for LogHistogram<BITS> {}

/// The written form: the lower end and the count of each bucket that is not empty.
#[derive(Serialize, Deserialize)]
struct Stored {
    bits: u32,
    min: Option<u64>,
    max: Option<u64>,
    counts: Vec<(u64, u64)>,
}

impl<const BITS: u32> From<LogHistogram<BITS>> for Stored {
    fn from(histogram: LogHistogram<BITS>) -> Self {
        Self {
            bits: BITS,
            min: histogram.min(),
            max: histogram.max(),
            counts: histogram.buckets().map(|bucket| (bucket.low, bucket.count)).collect(),
        }
    }
}

impl<const BITS: u32> TryFrom<Stored> for LogHistogram<BITS> {
    type Error = String;

    fn try_from(stored: Stored) -> Result<Self, String> {
        if stored.bits != BITS {
            return Err(format!("a histogram of {} bits where {BITS} belong", stored.bits));
        }
        let mut histogram = Self::new();
        for (value, count) in stored.counts {
            histogram.record_n(value, count);
        }
        // The lower ends stand for the values, so the true extremes lie in the same buckets.
        let place = |value: Option<u64>| value.map(Self::place);
        if place(stored.min) != place(histogram.min())
            || place(stored.max) != place(histogram.max())
        {
            return Err("a histogram whose extremes are not in its outer buckets".to_owned());
        }
        histogram.min = stored.min.unwrap_or(u64::MAX);
        histogram.max = stored.max.unwrap_or(0);
        Ok(histogram)
    }
}
