//! Intervals for quantiles from the histograms of batches or replications.
//!
//! The centre is always the quantile of the pooled data: the average of part quantiles is badly
//! biased in the tail (an interval around it covers 0.00–0.61 instead of .95 when batches are
//! small).

use super::binomial::quantile_ranks;
use super::estimate::{Estimate, Status};
use super::histogram::{Histogram, quantile_rank};
use super::interval::{ratio_error, t_half};
use super::moments::{LogTally, NANOS_PER_SECOND, Tally};
use super::series::variance_around;

/// The `p`-quantile in seconds by indicator inversion (after Woodruff 1952): the default.
///
/// The share of each part above the pooled quantile q̂ tells the error h of P(X > q̂); the interval
/// runs from the pooled quantile at p − h to the one at p + h, widened to the ends of their
/// buckets. No bias of part quantiles enters, atoms are harmless, and there is no finite upper
/// bound when p + h reaches 1.
///
/// `parts` are equal batches of a run or whole replications, `pooled` everything together (at least
/// the parts), `excursions` the number of separate excursions of the parts above a value, where
/// known. With the rarer side of the quantile counted over ten parts, `Ok` takes 250 values and 30
/// excursions a part (measured coverage .93–.94), `Insufficient` is below 50 values or one
/// excursion; the counts are totals over the parts, so that 20 replications need 125 each.
pub fn by_inversion<const BITS: u32>(
    pooled: &Histogram,
    parts: &[&LogTally<BITS>],
    p: f64,
    confidence: f64,
    excursions: Option<&dyn Fn(u64) -> u64>,
) -> Estimate {
    let (Some(centre), b) = (pooled.quantile(p), parts.len()) else {
        return Estimate::INSUFFICIENT;
    };
    let clusters = excursions.map(|count| count(centre));
    let status = status_of_tail(pooled.len(), b, p, clusters);
    if status == Status::Insufficient {
        return Estimate::INSUFFICIENT;
    }
    let h = t_half(share_error(pooled.len(), parts, centre), b, confidence);
    let low = if p > h { range_at(pooled, p - h).0 } else { 0.0 };
    let high = if p + h < 1.0 { range_at(pooled, p + h).1 } else { f64::INFINITY };
    Estimate::between(centre as f64 / NANOS_PER_SECOND, low, high, status)
}

/// The standard error of the share of `n` values above `x`, from its spread over the parts, which
/// hold most of the n.
///
/// Values like `x` may be an atom that the share above does not see, or holds by a hair: the share
/// *at or* above `x` is asked as well, both at the resolution of a bucket, and the larger error
/// counts.
pub(super) fn share_error<const BITS: u32>(n: u64, parts: &[&LogTally<BITS>], x: u64) -> f64 {
    let sizes: Vec<f64> = parts.iter().map(|part| part.count() as f64).collect();
    let total: f64 = sizes.iter().sum();
    let error = |counts: &[f64]| {
        let share = counts.iter().sum::<f64>() / total;
        let residual = |(count, size): (&f64, &f64)| count - share * size;
        ratio_error(&counts.iter().zip(&sizes).map(residual).collect::<Vec<f64>>(), total)
    };
    let split = parts.iter().map(|part| part.histogram.within_and_above(x));
    let (from, above): (Vec<f64>, Vec<f64>) =
        split.map(|(within, above)| ((within + above) as f64, above as f64)).unzip();
    error(&from).max(error(&above)) * (total / n as f64).sqrt()
}

/// The `p`-quantile in seconds over independent replications of a steady state (after deletion) or
/// of a terminating run: pooled centre, inversion across replications.
pub fn of_replications(replications: &[&Tally], p: f64, confidence: f64) -> Estimate {
    let mut pooled = Tally::new();
    for replication in replications {
        pooled.merge(replication);
    }
    by_inversion(&pooled.histogram, replications, p, confidence, None)
}

/// The `p`-quantile in seconds by sectioning: Student's interval around the pooled quantile from
/// the quantiles of the parts, S² = Σ(qᵢ − q̂)²/(b − 1). Symmetric; for the body of a distribution.
/// Its status is that of `by_inversion`.
pub fn by_sectioning(parts: &[&Tally], p: f64, confidence: f64) -> Estimate {
    let mut pooled = Histogram::new();
    for part in parts {
        pooled.merge(&part.histogram);
    }
    let seconds = |histogram: &Histogram| Some(histogram.quantile(p)? as f64 / NANOS_PER_SECOND);
    let quantiles: Option<Vec<f64>> = parts.iter().map(|part| seconds(&part.histogram)).collect();
    let (Some(quantiles), Some(centre)) = (quantiles, seconds(&pooled)) else {
        return Estimate::INSUFFICIENT;
    };
    let b = parts.len();
    let status = status_of_tail(pooled.len(), b, p, None);
    if status == Status::Insufficient {
        return Estimate::INSUFFICIENT;
    }
    let error = (variance_around(&quantiles, centre) / b as f64).sqrt();
    let (low, high) = range_at(&pooled, p);
    let bucket = 0.5 * (high - low);
    Estimate::symmetric(centre, t_half(error, b, confidence) + bucket, status)
}

/// The `p`-quantile of *independent* values, one a replication, by exact order statistics: never of
/// the requests of one run. In the unit of the values, which are sorted here.
///
/// `high` is `None` when the sample is too small to bound the quantile from above (p99 at 95 %
/// takes 368 values).
pub fn of_independent(values: &[f64], p: f64, confidence: f64) -> Estimate {
    if values.is_empty() {
        return Estimate::INSUFFICIENT;
    }
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let n = sorted.len() as u64;
    let (lower, upper) = quantile_ranks(n, p, confidence);
    let at = |rank: u64| match rank {
        0 => f64::NEG_INFINITY,
        rank if rank > n => f64::INFINITY,
        rank => sorted[rank as usize - 1],
    };
    let status = if lower == 0 || upper > n { Status::LowPrecision } else { Status::Ok };
    Estimate::between(at(quantile_rank(n, p)), at(lower), at(upper), status)
}

/// The status of a quantile from `used` values in `parts` parts.
fn status_of_tail(used: u64, parts: usize, p: f64, excursions: Option<u64>) -> Status {
    let tail = used as f64 * p.min(1.0 - p) / 10.0 * (1.0 + 1e-9);
    let clusters = excursions.map_or(f64::INFINITY, |count| count as f64 / 10.0);
    match () {
        () if parts < 2 || tail < 50.0 || clusters < 1.0 => Status::Insufficient,
        () if parts < 10 || tail < 250.0 || clusters < 30.0 => Status::LowPrecision,
        () => Status::Ok,
    }
}

/// The ends of the bucket of the `p`-quantile in seconds.
fn range_at(histogram: &Histogram, p: f64) -> (f64, f64) {
    let (low, high) = histogram.quantile_range(p).expect("the pooled data are not empty");
    (low as f64 / NANOS_PER_SECOND, high as f64 / NANOS_PER_SECOND)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tallies(parts: u64, size: u64, value: impl Fn(u64) -> u64) -> Vec<Tally> {
        let part = |start: u64| {
            let mut tally = Tally::new();
            (start..start + size).for_each(|i| tally.record(value(i)));
            tally
        };
        (0..parts).map(|k| part(k * size)).collect()
    }

    #[test]
    fn a_median_within_an_atom_is_exact() {
        let parts = tallies(10, 1000, |i| if i % 10 < 7 { 0 } else { i });
        let parts: Vec<&Tally> = parts.iter().collect();
        let median = of_replications(&parts, 0.5, 0.95);
        assert_eq!(median, Estimate::between(0.0, 0.0, 0.0, Status::Ok));
    }

    #[test]
    fn a_tail_is_printed_only_as_far_as_the_sample_reaches() {
        let parts = tallies(10, 30_000, |i| i * 7919 % 300_007);
        let parts: Vec<&Tally> = parts.iter().collect();
        let status = |p| of_replications(&parts, p, 0.95).status;
        assert_eq!(status(0.99), Status::Ok);
        assert_eq!(status(0.995), Status::LowPrecision);
        assert_eq!(status(0.999), Status::Insufficient);
        assert_eq!(of_replications(&parts[..9], 0.9, 0.95).status, Status::LowPrecision);
    }

    #[test]
    fn a_tail_that_differs_between_parts_has_no_finite_upper_bound() {
        let parts = tallies(10, 1000, |i| if i < 600 { 1_000_000 } else { 1 });
        let parts: Vec<&Tally> = parts.iter().collect();
        let estimate = of_replications(&parts, 0.95, 0.95);
        assert_eq!((estimate.high, estimate.status), (None, Status::LowPrecision));
    }

    #[test]
    fn independent_values_give_order_statistics() {
        let values: Vec<f64> = (1..=100).rev().map(f64::from).collect();
        let median = of_independent(&values, 0.5, 0.95);
        assert_eq!(median, Estimate::between(50.0, 40.0, 61.0, Status::Ok));
        assert_eq!(of_independent(&values, 0.99, 0.95).high, None);
    }
}
