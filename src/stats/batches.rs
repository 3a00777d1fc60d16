//! One long run in batches: bounded memory for any length, and intervals for its mean and
//! quantiles.
//!
//! Requests of one run are correlated, so an interval from the raw values is far too narrow (it
//! covers 7–10 % of the time at a utilisation of 0.9). Means of long consecutive batches are nearly
//! independent; a run keeps between 32 and 64 of them, merging neighbours whenever 64 are full.

use super::estimate::Estimate;
use super::histogram::{CoarseHistogram, Histogram};
use super::interval;
use super::moments::{LogTally, Moments, Tally};
use super::quantile;
use super::series::{autocorrelation, mean, skewness, von_neumann_p};

/// Batches are merged in pairs when there are this many, 2B with B = 32.
pub(super) const FULL: usize = 64;

/// The number of batches from which variances are judged and quantiles estimated.
pub(super) const FEW: usize = 10;

/// One batch: its durations, and the peaks of the excursions above the median that ended in it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Batch {
    /// The durations of the batch, coarsely: only variances are taken from them.
    pub tally: LogTally<7>,
    /// The largest duration of each excursion: a stretch of the run above its median. The number of
    /// peaks above x counts the *separate* occasions on which the run exceeded x.
    pub peaks: CoarseHistogram,
}

impl Batch {
    fn merge(&mut self, other: &Self) {
        self.tally.merge(&other.tally);
        self.peaks.merge(&other.peaks);
    }
}

/// The durations of one run after its warm-up, in the order in which they happened.
#[derive(Debug, Clone)]
pub struct Batches {
    /// Everything, finely.
    histogram: Histogram,
    size: u64,
    closed: Vec<Batch>,
    open: Batch,
    excursion: Excursion,
}

/// A stretch of a run above its median, while it is under way.
#[derive(Debug, Clone, Default)]
pub struct Excursion {
    /// The median of the run, as far as it is known.
    pub median: u64,
    /// The largest value so far; 0 when there is no excursion.
    peak: u64,
}

impl Excursion {
    /// Takes in the next value: one at or below the median ends an excursion, whose peak it gives.
    #[inline]
    pub fn ended_by(&mut self, nanos: u64) -> Option<u64> {
        if nanos > self.median {
            self.peak = self.peak.max(nanos);
            return None;
        }
        let peak = std::mem::take(&mut self.peak);
        (peak > 0).then_some(peak)
    }
}

/// What one can know of a run's correlation: printed with `--diagnose`.
#[derive(Debug, Clone, PartialEq)]
pub struct Diagnosis {
    /// How many durations there are.
    pub n: u64,
    /// Variance inflation of the mean: how many requests are worth one independent one.
    pub vif: f64,
    /// Effective sample size n / VIF.
    pub effective: f64,
    /// Lag-1 autocorrelation of batch means, for 32, 16 and 8 batches.
    pub lag1: Vec<(usize, f64)>,
    /// p-value of von Neumann's test on 32 (or as many as there are) batch means.
    pub von_neumann_p: f64,
    /// Skewness of those batch means; beyond ±1 the interval leans.
    pub skewness: f64,
    /// Separate excursions above the median.
    pub excursions: u64,
}

impl Default for Batches {
    fn default() -> Self {
        Self::new()
    }
}

impl Batches {
    /// An empty run; its first batches hold 16 durations each.
    pub fn new() -> Self {
        Self {
            histogram: Histogram::new(),
            size: 16,
            closed: Vec::new(),
            open: Batch::default(),
            excursion: Excursion::default(),
        }
    }

    /// Adds the next duration of the run in nanoseconds.
    #[inline]
    pub fn record(&mut self, nanos: u64) {
        self.histogram.record(nanos);
        self.open.tally.record(nanos);
        if let Some(peak) = self.excursion.ended_by(nanos) {
            self.open.peaks.record(peak);
        }
        if self.open.tally.count() == self.size {
            self.close();
        }
    }

    #[cold]
    fn close(&mut self) {
        self.closed.push(std::mem::take(&mut self.open));
        if self.closed.len() == FULL {
            self.closed = merged_in_pairs(std::mem::take(&mut self.closed));
            self.size *= 2;
        }
        // Often while the run is young, then once for each doubling.
        if self.closed.len().is_power_of_two() {
            self.excursion.median = self.histogram.quantile(0.5).unwrap_or(0);
        }
    }

    /// How many durations were recorded.
    pub fn count(&self) -> u64 {
        self.histogram.len()
    }

    /// The distribution of all durations.
    pub fn histogram(&self) -> &Histogram {
        &self.histogram
    }

    /// All durations together.
    pub fn pooled(&self) -> Tally {
        Tally { moments: self.moments(), histogram: self.histogram.clone() }
    }

    /// The run as `count` batches of equal size, or `None` if it is too short. What does not fill
    /// them evenly is left out at the start, where a rest of the warm-up would be.
    pub fn groups(&self, count: usize) -> Option<Vec<Batch>> {
        let width = self.closed.len() / count;
        if width == 0 {
            return None;
        }
        Some(merged(&self.closed[self.closed.len() - width * count..], width))
    }

    /// The means of `count` batches in seconds: those of `groups`, without their histograms.
    pub fn means(&self, count: usize) -> Option<Vec<f64>> {
        let width = self.closed.len() / count;
        let used = &self.closed[self.closed.len() - width * count..];
        let together = |chunk: &[Batch]| moments_of(chunk.iter()).mean();
        if width == 0 { None } else { used.chunks_exact(width).map(together).collect() }
    }

    /// The moments of everything, without its histogram.
    fn moments(&self) -> Moments {
        moments_of(self.closed.iter().chain([&self.open]))
    }

    /// The mean in seconds with an interval from batch means (Schmeiser 1982).
    ///
    /// The number of batches is the largest of 32, 16 and 10 whose means pass von Neumann's test,
    /// and 10 below 200 times the variance inflation. `Ok` from 500 times the inflation on,
    /// `Insufficient` below 20 times (there the interval covers less than .86 of its .95).
    pub fn mean(&self, confidence: f64) -> Estimate {
        let pooled = self.moments();
        let (Some(mean), Some(variance)) = (pooled.mean(), pooled.variance()) else {
            return Estimate::INSUFFICIENT;
        };
        let share = |count: usize| {
            (self.closed.len() / count) as f64 * self.size as f64 / pooled.count() as f64
        };
        let grouping = |count| Some((self.means(count)?, share(count)));
        interval::mean_of_batches(mean, variance, grouping, confidence)
    }

    /// The `p`-quantile in seconds, with an interval by inverting the indicator: see
    /// `quantile::by_inversion`, whose status rules need the tail of ten batches.
    pub fn quantile(&self, p: f64, confidence: f64) -> Estimate {
        let Some(groups) = self.groups(FEW) else { return Estimate::INSUFFICIENT };
        let excursions = |nanos: u64| groups.iter().map(|g| g.peaks.count_above(nanos)).sum();
        let parts: Vec<&LogTally<7>> = groups.iter().map(|group| &group.tally).collect();
        // Below the median the excursions above it say nothing; the count rules alone apply.
        let clusters: Option<&dyn Fn(u64) -> u64> = if p > 0.5 { Some(&excursions) } else { None };
        quantile::by_inversion(&self.histogram, &parts, p, confidence, clusters)
    }

    /// The share of durations above a threshold in nanoseconds, with an interval on the log-odds of
    /// 20 batch shares, which leans as the tail does: the question to ask about an objective.
    ///
    /// `Ok` when each batch is worth 50 independent requests. Without a single exceedance (or
    /// without a single miss) Wilson's bound for n / VIF independent requests stands in.
    pub fn fraction_above(&self, nanos: u64, confidence: f64) -> Estimate {
        let (Some(groups), Some(vif)) = (self.groups(20), self.vif()) else {
            return Estimate::INSUFFICIENT;
        };
        let parts: Vec<&LogTally<7>> = groups.iter().map(|group| &group.tally).collect();
        let error = quantile::share_error(self.count(), &parts, nanos);
        let effective = self.count() as f64 / vif.max(1.0);
        let share = self.histogram.fraction_above(nanos);
        interval::share_by_log_odds(share, error, parts.len(), effective, confidence)
    }

    /// The variance inflation of the mean, m·S²/s² from ten batches of m; `None` if there are
    /// fewer. 1 for independent requests and for constant ones.
    pub fn vif(&self) -> Option<f64> {
        let means = self.means(FEW)?;
        let marginal = self.moments().variance()?;
        let m = (self.closed.len() / FEW) as f64 * self.size as f64;
        Some(interval::inflation(&means, marginal, m))
    }

    /// The diagnostics of the run's correlation; `None` below ten batches.
    pub fn diagnose(&self) -> Option<Diagnosis> {
        let vif = self.vif()?;
        let means = self.means(32).or_else(|| self.means(FEW))?;
        let lag1 = [32, 16, 8]
            .into_iter()
            .filter_map(|count| Some((count, autocorrelation(&self.means(count)?, 1))))
            .collect();
        let open = &self.open.peaks;
        Some(Diagnosis {
            n: self.count(),
            vif,
            effective: self.count() as f64 / vif,
            lag1,
            von_neumann_p: von_neumann_p(&means),
            skewness: skewness(&means),
            excursions: open.len() + self.closed.iter().map(|b| b.peaks.len()).sum::<u64>(),
        })
    }
}

fn moments_of<'a>(batches: impl Iterator<Item = &'a Batch>) -> Moments {
    let mut all = Moments::new();
    for batch in batches {
        all.merge(&batch.tally.moments);
    }
    all
}

/// Consecutive batches merged `width` at a time.
fn merged(batches: &[Batch], width: usize) -> Vec<Batch> {
    let together = |chunk: &[Batch]| {
        let mut all = chunk[0].clone();
        for batch in &chunk[1..] {
            all.merge(batch);
        }
        all
    };
    batches.chunks_exact(width).map(together).collect()
}

fn merged_in_pairs(batches: Vec<Batch>) -> Vec<Batch> {
    let mut batches = batches.into_iter();
    let mut pairs = Vec::with_capacity(FULL);
    while let (Some(mut first), Some(second)) = (batches.next(), batches.next()) {
        first.merge(&second);
        pairs.push(first);
    }
    pairs
}

/// Evidence that a run drifts upwards: from the batch means of the number in system, in time order.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Drift {
    /// Slope of the regression on the batch index, in units of the series a batch.
    pub slope: f64,
    /// One-sided p-value of a positive slope.
    pub p_value: f64,
    /// Mean of the middle third of the batches.
    pub middle: f64,
    /// Mean of the last third.
    pub last: f64,
}

/// Regresses batch means on their index; `None` below six batches.
pub fn drift(means: &[f64]) -> Option<Drift> {
    let b = means.len();
    if b < 6 {
        return None;
    }
    let index: Vec<f64> = (0..b).map(|i| i as f64).collect();
    let (centre_x, centre_y) = (mean(&index), mean(means));
    let spread: f64 = index.iter().map(|x| (x - centre_x).powi(2)).sum();
    let joint: f64 = index.iter().zip(means).map(|(x, y)| (x - centre_x) * (y - centre_y)).sum();
    let slope = joint / spread;
    let residual = |(x, y): (&f64, &f64)| (y - centre_y - slope * (x - centre_x)).powi(2);
    let squares: f64 = index.iter().zip(means).map(residual).sum();
    let df = b as f64 - 2.0;
    let error = (squares / df / spread).sqrt();
    let p_value = match slope {
        flat if flat <= 0.0 => 1.0,
        _ if error == 0.0 => 0.0,
        rise => 0.5 * super::special::t_two_sided(rise / error, df),
    };
    let third = b / 3;
    Some(Drift {
        slope,
        p_value,
        middle: mean(&means[third..b - third]),
        last: mean(&means[b - third..]),
    })
}

/// Whether pilots say there is no steady state: a rise with p < .001 in at least two of them (or in
/// the only one), or a last third more than 1.5 times the middle third on their average.
///
/// Ask only about runs of 200 times the variance inflation or more: shorter ones wander this far.
pub fn is_unstable(pilots: &[Drift]) -> bool {
    let rising = pilots.iter().filter(|pilot| pilot.p_value < 1e-3).count();
    let sum = |part: fn(&Drift) -> f64| pilots.iter().map(part).sum::<f64>();
    let growth = sum(|pilot| pilot.last) > 1.5 * sum(|pilot| pilot.middle);
    !pilots.is_empty() && (rising >= pilots.len().min(2) || growth)
}

#[cfg(test)]
mod tests {
    use super::super::estimate::Status;
    use super::*;

    #[test]
    fn pairs_merge_and_nothing_is_lost() {
        let mut batches = Batches::new();
        let mut all = Tally::new();
        for i in 0..10_007_u64 {
            let value = i * 7919 % 1_000_003;
            batches.record(value);
            all.record(value);
            assert!(batches.closed.len() < FULL);
        }
        assert_eq!(batches.pooled(), all);
        assert_eq!(batches.count(), 10_007);
        let groups = batches.groups(10).unwrap();
        assert!(groups.iter().all(|group| group.tally.count() == groups[0].tally.count()));
        assert!(groups.len() == 10 && batches.groups(64).is_none());
    }

    #[test]
    fn a_constant_run_is_known_exactly_and_a_short_one_not_at_all() {
        let mut batches = Batches::new();
        (0..100).for_each(|_| batches.record(5_000_000));
        assert_eq!(batches.mean(0.95), Estimate::INSUFFICIENT);
        (0..10_000).for_each(|_| batches.record(5_000_000));
        assert_eq!(batches.mean(0.95), Estimate::symmetric(0.005, 0.0, Status::Ok));
        assert_eq!(batches.quantile(0.5, 0.95).low, Some(0.005));
    }

    #[test]
    fn excursions_are_counted_once_each() {
        let mut batches = Batches::new();
        for _ in 0..2000 {
            for value in [1, 1, 1, 9000, 8000, 9500, 1, 1] {
                batches.record(value);
            }
        }
        let peaks: u64 = batches.groups(10).unwrap().iter().map(|g| g.peaks.len()).sum();
        let used: u64 = batches.groups(10).unwrap().iter().map(|g| g.tally.count()).sum();
        assert!(peaks.abs_diff(used / 8) <= 10, "{peaks} in {used}");
    }

    #[test]
    fn growth_is_unstable_and_noise_is_not() {
        let noise = |i: u32| f64::from(i * 7919 % 101) / 101.0;
        let flat: Vec<f64> = (0..32).map(|i| 10.0 + noise(i)).collect();
        let rising: Vec<f64> = (0..32).map(|i| f64::from(i) + noise(i)).collect();
        let (flat, rising) = (drift(&flat).unwrap(), drift(&rising).unwrap());
        assert!(!is_unstable(&[flat, flat, flat]) && !is_unstable(&[]));
        assert!(is_unstable(&[rising]) && is_unstable(&[flat, rising, rising]));
        assert!((rising.slope - 1.0).abs() < 0.05 && drift(&[1.0; 5]).is_none());
    }
}
