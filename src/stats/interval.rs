//! Intervals for means, shares and ratios from a few independent parts: replications or batches.

use super::batches::FEW;
use super::binomial::wilson;
use super::estimate::{Estimate, Status};
use super::series::{looks_independent, mean, variance};
use super::special::t_quantile;

/// Half the width of a Student interval: the standard error from `parts` parts, times t.
pub(super) fn t_half(error: f64, parts: usize, confidence: f64) -> f64 {
    t_quantile(0.5 * (1.0 + confidence), parts as f64 - 1.0) * error
}

/// What a number of independent parts supports: ten are `Ok`, two to nine leave a wide interval.
pub(super) fn status_of_parts(parts: usize) -> Status {
    match parts {
        0 | 1 => Status::Insufficient,
        2..=9 => Status::LowPrecision,
        _ => Status::Ok,
    }
}

/// The mean over independent replications, each reduced to one number after deletion of its
/// warm-up, with Student's interval. In the unit of the values.
pub fn mean_of_replications(values: &[f64], confidence: f64) -> Estimate {
    let parts = values.len();
    if parts < 2 {
        return Estimate::INSUFFICIENT;
    }
    let error = (variance(values) / parts as f64).sqrt();
    let half_width = t_half(error, parts, confidence);
    Estimate::symmetric(mean(values), half_width, status_of_parts(parts))
}

/// The variance inflation m·S²/s² of batch means of m values with marginal variance s²; 1 where
/// nothing varies.
pub(super) fn inflation(means: &[f64], marginal: f64, m: f64) -> f64 {
    if marginal > 0.0 { m * variance(means) / marginal } else { 1.0 }
}

/// The interval of `Batches::mean` and `Levels::estimate` around the mean of a whole run with
/// marginal variance `marginal`. `grouping` gives the means of a number of equal batches and the
/// share of the run that one of them is, or `None` if the run is too short.
pub(super) fn mean_of_batches(
    estimate: f64,
    marginal: f64,
    grouping: impl Fn(usize) -> Option<(Vec<f64>, f64)>,
    confidence: f64,
) -> Estimate {
    let Some((few, share)) = grouping(FEW) else { return Estimate::INSUFFICIENT };
    // The run is worth n / VIF independent values, s² / (S²·share): its length cancels.
    let effective = if marginal > 0.0 { 1.0 / inflation(&few, marginal, share) } else { f64::MAX };
    let candidates: &[usize] = if effective < 200.0 { &[FEW] } else { &[32, 16, FEW] };
    let (mut means, mut share, mut independent) = (few, share, false);
    for (grouped, of_run) in candidates.iter().filter_map(|&count| grouping(count)) {
        independent = looks_independent(&grouped);
        (means, share) = (grouped, of_run);
        if independent {
            break;
        }
    }
    // The batches tell the variance of the mean of a share of the run, and so that of all of it:
    // nothing is left out of the interval.
    let error = (variance(&means) * share).sqrt();
    let status = match effective {
        worth if worth >= 500.0 && independent => Status::Ok,
        worth if worth >= 20.0 => Status::LowPrecision,
        _ => Status::Insufficient,
    };
    Estimate::symmetric(estimate, t_half(error, means.len(), confidence), status)
}

/// The ratio Σa / Σn over parts (rejected of arrived, customer averages over batches of time) with
/// the interval of its linearisation: D = a − θ·n, error √(ΣD² / (b(b − 1))) / n̄.
///
/// The parts must be independent: replications, or long consecutive batches, for which `Ok` also
/// asks that the D pass von Neumann's test. Insufficient when the denominators add up to nothing.
pub fn ratio(numerators: &[f64], denominators: &[f64], confidence: f64) -> Estimate {
    assert_eq!(numerators.len(), denominators.len(), "a ratio needs its parts in pairs");
    let parts = numerators.len();
    let total: f64 = denominators.iter().sum();
    if parts < 2 || total <= 0.0 {
        return Estimate::INSUFFICIENT;
    }
    let theta = numerators.iter().sum::<f64>() / total;
    let residuals: Vec<f64> =
        numerators.iter().zip(denominators).map(|(a, n)| a - theta * n).collect();
    let half_width = t_half(ratio_error(&residuals, total), parts, confidence);
    let status = match status_of_parts(parts) {
        Status::Ok if !looks_independent(&residuals) => Status::LowPrecision,
        status => status,
    };
    Estimate::symmetric(theta, half_width, status)
}

/// The standard error of a ratio from its residuals D and the sum of its denominators.
pub(super) fn ratio_error(residuals: &[f64], total: f64) -> f64 {
    let b = residuals.len() as f64;
    let squares: f64 = residuals.iter().map(|d| d * d).sum();
    (squares / (b * (b - 1.0))).sqrt() / (total / b)
}

/// A share with an interval on its log-odds from its standard error over `parts` parts: see
/// `Batches::fraction_above`. `effective` is the number of independent requests the whole is worth.
pub(super) fn share_by_log_odds(
    share: f64,
    error: f64,
    parts: usize,
    effective: f64,
    confidence: f64,
) -> Estimate {
    let status = match effective / parts as f64 {
        worth if worth >= 50.0 => Status::Ok,
        worth if worth >= 5.0 => Status::LowPrecision,
        _ => Status::Insufficient,
    };
    if share <= 0.0 || share >= 1.0 {
        let trials = effective as u64;
        let (low, high) = wilson((share * trials as f64) as u64, trials, confidence);
        return Estimate::between(share, low, high, status.max(Status::LowPrecision));
    }
    let reach = t_half(error, parts, confidence) / (share * (1.0 - share));
    let at = |shift: f64| 1.0 / (1.0 + (1.0 - share) / share * (-shift).exp());
    Estimate::between(share, at(-reach), at(reach), status)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replications_give_students_interval() {
        let estimate = mean_of_replications(&[1.0, 2.0, 3.0, 4.0], 0.95);
        let half = 3.182_446_305_284_263 * (5.0_f64 / 3.0 / 4.0).sqrt();
        assert!((estimate.half_width().unwrap() - half).abs() < 1e-12);
        assert_eq!(estimate.status, Status::LowPrecision);
        assert_eq!(mean_of_replications(&[1.0], 0.95), Estimate::INSUFFICIENT);
    }

    #[test]
    fn a_ratio_with_equal_denominators_is_a_mean() {
        let a = [3.0, 5.0, 4.0, 8.0, 1.0];
        let as_ratio = ratio(&a, &[2.0; 5], 0.9);
        let as_mean = mean_of_replications(&a.map(|x| x / 2.0), 0.9);
        assert!((as_ratio.low.unwrap() - as_mean.low.unwrap()).abs() < 1e-12);
        assert_eq!(ratio(&[0.0; 3], &[0.0; 3], 0.95), Estimate::INSUFFICIENT);
    }

    #[test]
    fn a_share_keeps_within_zero_and_one() {
        let leaning = share_by_log_odds(0.02, 0.02, 4, 1000.0, 0.95);
        let (low, high) = (leaning.low.unwrap(), leaning.high.unwrap());
        assert!(0.0 < low && high < 1.0 && high - 0.02 > 0.02 - low);
        let none = share_by_log_odds(0.0, 0.0, 20, 4000.0, 0.95);
        assert!(none.low == Some(0.0) && (none.high.unwrap() - 9.6e-4).abs() < 1e-5);
        assert_eq!(none.status, Status::LowPrecision);
    }
}
