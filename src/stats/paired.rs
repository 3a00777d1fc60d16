//! Two variants on the same requests: which is better, by how much, and how sure that is.
//!
//! With common random numbers the replications of two variants are pairs, and the difference of a
//! pair varies less than either alone; where pairing brings nothing the test falls back to Welch's.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::estimate::{Estimate, n_needed};
use super::interval::{status_of_parts, t_half};
use super::moments::{NANOS_PER_SECOND, Tally};
use super::multiple::holm;
use super::series::{correlation, covariance, mean, variance, variance_around};
use super::special::{t_quantile, t_two_sided};

/// Which of two variants is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// The first.
    A,
    /// The second.
    B,
    /// The difference is within its error.
    Inseparable,
}

/// Which values of a measure are better.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Better {
    /// Latency, cost, refusals.
    Lower,
    /// Throughput, goodput.
    Higher,
}

/// How the error of a difference was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Method {
    /// Student's test on the differences of pairs.
    Paired,
    /// Welch's test on two separate samples, because the pairs are not positively correlated.
    Welch,
    /// Differences of quantiles of parts, around the difference of the pooled quantiles.
    Sectioning,
}

/// The difference A − B of one measure between two variants.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Difference {
    /// A − B with its interval, in the unit of the measure.
    pub estimate: Estimate,
    /// Two-sided p-value of no difference; 1 when it cannot be judged.
    pub p_value: f64,
    /// Correlation of the pairs: what common random numbers brought.
    pub correlation: f64,
    /// How the interval was found.
    pub method: Method,
}

impl Difference {
    /// The verdict at an error `alpha`, given the p-value (adjust those of several comparisons with
    /// `multiple::holm` first, or pass `self.p_value`).
    pub fn verdict(&self, p_value: f64, alpha: f64, better: Better) -> Verdict {
        match self.estimate.estimate {
            Some(difference) if p_value <= alpha && difference != 0.0 => {
                if (difference < 0.0) == (better == Better::Lower) {
                    Verdict::A
                } else {
                    Verdict::B
                }
            }
            _ => Verdict::Inseparable,
        }
    }

    /// About how many times more requests would separate the variants, if the difference is what it
    /// seems: (half-width / difference)². `None` when it is already separated or seems to be zero.
    pub fn more_requests(&self) -> Option<f64> {
        let size = self.estimate.estimate?.abs();
        let half_width = self.estimate.half_width()?;
        (size > 0.0 && half_width > size).then(|| (half_width / size).powi(2))
    }

    /// How many requests would separate the variants, if `n` gave this difference.
    pub fn requests_needed(&self, n: u64) -> Option<u64> {
        n_needed(n, self.estimate.half_width()?, self.estimate.estimate?.abs())
    }

    /// No difference larger than this at the interval's confidence: what a null result says.
    pub fn largest_plausible(&self) -> Option<f64> {
        Some(self.estimate.low?.abs().max(self.estimate.high?.abs()))
    }
}

/// The difference of means between paired replications of two variants (the same seeds, in the same
/// order), by Student's test on the pairs, or Welch's if they are not positively correlated.
pub fn difference(a: &[f64], b: &[f64], confidence: f64) -> Difference {
    assert_eq!(a.len(), b.len(), "pairs need both variants");
    let correlation = if a.len() < 2 { 0.0 } else { correlation(a, b) };
    let pairs: Vec<f64> = a.iter().zip(b).map(|(x, y)| x - y).collect();
    let constant = pairs.windows(2).all(|pair| pair[0] == pair[1]);
    if correlation <= 0.0 && !constant {
        return Difference { correlation, ..welch(a, b, confidence) };
    }
    let error = (variance(&pairs) / pairs.len() as f64).sqrt();
    let df = pairs.len() as f64 - 1.0;
    judged(mean(&pairs), error, df, pairs.len(), confidence, Method::Paired, correlation)
}

/// The difference of means between two separate samples, by Welch's (1947) test.
pub fn welch(a: &[f64], b: &[f64], confidence: f64) -> Difference {
    let parts = a.len().min(b.len());
    if parts < 2 {
        return undecided(Method::Welch, 0.0);
    }
    let (share_a, share_b) = (variance(a) / a.len() as f64, variance(b) / b.len() as f64);
    let total = share_a + share_b;
    let spread =
        share_a.powi(2) / (a.len() as f64 - 1.0) + share_b.powi(2) / (b.len() as f64 - 1.0);
    let df = if spread > 0.0 { total * total / spread } else { parts as f64 - 1.0 };
    judged(mean(a) - mean(b), total.sqrt(), df, parts, confidence, Method::Welch, 0.0)
}

/// The difference A − B of `p`-quantiles in seconds between paired parts (batches of the same
/// requests, or paired replications): the differences of part quantiles, by sectioning around the
/// difference of the pooled quantiles.
pub fn quantile_difference(a: &[&Tally], b: &[&Tally], p: f64, confidence: f64) -> Difference {
    assert_eq!(a.len(), b.len(), "pairs need both variants");
    let pooled = |parts: &[&Tally]| {
        let mut all = Tally::new();
        for part in parts {
            all.merge(part);
        }
        all.histogram
    };
    let seconds = |nanos: Option<u64>| nanos.map(|nanos| nanos as f64 / NANOS_PER_SECOND);
    let quantiles = |parts: &[&Tally]| -> Option<Vec<f64>> {
        parts.iter().map(|part| seconds(part.histogram.quantile(p))).collect()
    };
    let centre = seconds(pooled(a).quantile(p)).zip(seconds(pooled(b).quantile(p)));
    let (Some((centre_a, centre_b)), Some(a), Some(b)) = (centre, quantiles(a), quantiles(b))
    else {
        return undecided(Method::Sectioning, 0.0);
    };
    if a.len() < 2 {
        return undecided(Method::Sectioning, 0.0);
    }
    let centre = centre_a - centre_b;
    let pairs: Vec<f64> = a.iter().zip(&b).map(|(x, y)| x - y).collect();
    let error = (variance_around(&pairs, centre) / pairs.len() as f64).sqrt();
    let df = pairs.len() as f64 - 1.0;
    let correlation = correlation(&a, &b);
    judged(centre, error, df, pairs.len(), confidence, Method::Sectioning, correlation)
}

/// The ratio of means A / B of paired replications, by the delta method on its logarithm; the
/// values are positive. A relative change is this minus one: see `relative_change`.
pub fn ratio(a: &[f64], b: &[f64], confidence: f64) -> Estimate {
    assert_eq!(a.len(), b.len(), "pairs need both variants");
    let parts = a.len();
    let (mean_a, mean_b) = (mean(a), mean(b));
    if parts < 2 || mean_a <= 0.0 || mean_b <= 0.0 {
        return Estimate::INSUFFICIENT;
    }
    // The linear terms of ln ā − ln b̄: relative variances, less twice the relative covariance.
    let spread = variance(a) / (mean_a * mean_a) + variance(b) / (mean_b * mean_b)
        - 2.0 * covariance(a, b) / (mean_a * mean_b);
    let error = (spread.max(0.0) / parts as f64).sqrt();
    let factor = t_half(error, parts, confidence).exp();
    let centre = mean_a / mean_b;
    Estimate::between(centre, centre / factor, centre * factor, status_of_parts(parts))
}

/// The relative change (A − B) / B of means of paired replications: 0.05 is 5 % more.
pub fn relative_change(a: &[f64], b: &[f64], confidence: f64) -> Estimate {
    let ratio = ratio(a, b, confidence);
    let less_one = |number: Option<f64>| number.map(|x| x - 1.0);
    Estimate {
        estimate: less_one(ratio.estimate),
        low: less_one(ratio.low),
        high: less_one(ratio.high),
        status: ratio.status,
    }
}

/// The verdicts of a family of differences at a common error `alpha`, by Holm's procedure.
pub fn verdicts(differences: &[Difference], alpha: f64, better: Better) -> Vec<Verdict> {
    let p_values: Vec<f64> = differences.iter().map(|difference| difference.p_value).collect();
    let adjusted = holm(&p_values);
    differences.iter().zip(adjusted).map(|(d, p_value)| d.verdict(p_value, alpha, better)).collect()
}

fn judged(
    centre: f64,
    error: f64,
    df: f64,
    parts: usize,
    confidence: f64,
    method: Method,
    correlation: f64,
) -> Difference {
    if parts < 2 || !centre.is_finite() {
        return undecided(method, correlation);
    }
    let half_width = t_quantile(0.5 * (1.0 + confidence), df) * error;
    // Without error any difference is certain, and no difference is no evidence.
    let p_value = if centre == 0.0 { 1.0 } else { t_two_sided(centre / error, df) };
    let estimate = Estimate::symmetric(centre, half_width, status_of_parts(parts));
    Difference { estimate, p_value, correlation, method }
}

fn undecided(method: Method, correlation: f64) -> Difference {
    Difference { estimate: Estimate::INSUFFICIENT, p_value: 1.0, correlation, method }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: [f64; 6] = [10.1, 12.0, 9.4, 15.2, 11.1, 13.3];

    #[test]
    fn pairing_separates_what_welch_cannot() {
        let noise = [0.1, -0.1, 0.05, 0.0, -0.05, 0.1];
        let b: Vec<f64> = A.iter().zip(noise).map(|(x, e)| x + 0.5 + e).collect();
        let paired = difference(&A, &b, 0.95);
        assert_eq!(paired.method, Method::Paired);
        assert_eq!(paired.verdict(paired.p_value, 0.05, Better::Lower), Verdict::A);
        assert_eq!(paired.verdict(paired.p_value, 0.05, Better::Higher), Verdict::B);
        let apart = welch(&A, &b, 0.95);
        assert_eq!(apart.verdict(apart.p_value, 0.05, Better::Lower), Verdict::Inseparable);
        assert!(apart.more_requests().unwrap() > 1.0 && paired.more_requests().is_none());
        assert!(apart.largest_plausible().unwrap() > 0.5);
    }

    #[test]
    fn the_interval_excludes_zero_exactly_when_the_test_rejects() {
        for shift in [0.01, 0.1, 0.5, 1.0, 2.0] {
            let b: Vec<f64> =
                A.iter().enumerate().map(|(i, x)| 0.9 * x + shift * i as f64).collect();
            let found = difference(&A, &b, 0.95);
            assert_eq!(found.estimate.covers(0.0), found.p_value > 0.05, "shift {shift}");
        }
    }

    #[test]
    fn pairs_against_each_other_fall_back_to_welch() {
        let b: Vec<f64> = A.iter().map(|x| 25.0 - x).collect();
        let found = difference(&A, &b, 0.95);
        assert!(found.method == Method::Welch && (found.correlation + 1.0).abs() < 1e-12);
    }

    #[test]
    fn a_variant_against_itself_differs_by_nothing() {
        let found = difference(&A, &A, 0.95);
        assert_eq!((found.estimate.half_width(), found.p_value), (Some(0.0), 1.0));
        assert_eq!(found.verdict(1.0, 0.05, Better::Lower), Verdict::Inseparable);
        let change = relative_change(&A, &A, 0.95);
        assert!(change.estimate == Some(0.0) && change.covers(0.0));
        assert_eq!(difference(&[], &[], 0.95).estimate, Estimate::INSUFFICIENT);
    }

    #[test]
    fn a_constant_factor_is_a_certain_ratio() {
        let b: Vec<f64> = A.iter().map(|x| x / 1.25).collect();
        let found = relative_change(&A, &b, 0.95);
        assert!(
            (found.low.unwrap() - 0.25).abs() < 1e-7 && (found.high.unwrap() - 0.25).abs() < 1e-7
        );
    }

    #[test]
    fn holm_decides_for_the_family() {
        let of = |p_value: f64| Difference {
            p_value,
            estimate: Estimate::symmetric(-1.0, 0.5, super::super::Status::Ok),
            correlation: 0.5,
            method: Method::Paired,
        };
        let found = verdicts(&[of(0.01), of(0.04), of(0.03)], 0.05, Better::Lower);
        assert_eq!(found, [Verdict::A, Verdict::Inseparable, Verdict::Inseparable]);
    }
}
