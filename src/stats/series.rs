//! Plain numbers about a plain series: mean, variance, skewness, autocorrelation, von Neumann's
//! ratio.

use super::special::{normal_cdf, normal_quantile};

/// The mean; NaN of an empty series.
pub fn mean(series: &[f64]) -> f64 {
    series.iter().sum::<f64>() / series.len() as f64
}

/// The sample variance (divisor n − 1), in two passes; NaN below two values.
pub fn variance(series: &[f64]) -> f64 {
    variance_around(series, mean(series))
}

/// The mean square deviation from a given centre, with divisor n − 1.
pub fn variance_around(series: &[f64], centre: f64) -> f64 {
    let squares: f64 = series.iter().map(|x| (x - centre).powi(2)).sum();
    squares / (series.len() as f64 - 1.0)
}

/// The sample skewness m₃ / m₂^{3/2}; 0 of a constant series.
pub fn skewness(series: &[f64]) -> f64 {
    let centre = mean(series);
    let moment =
        |k: i32| series.iter().map(|x| (x - centre).powi(k)).sum::<f64>() / series.len() as f64;
    let second = moment(2);
    if second > 0.0 { moment(3) / second.powf(1.5) } else { 0.0 }
}

/// The autocovariance at `lag` with divisor n; 0 when the lag exceeds the series.
pub fn autocovariance(series: &[f64], lag: usize) -> f64 {
    let centre = mean(series);
    let later = series.iter().skip(lag);
    series.iter().zip(later).map(|(a, b)| (a - centre) * (b - centre)).sum::<f64>()
        / series.len() as f64
}

/// The autocorrelation at `lag`; 0 of a constant series.
pub fn autocorrelation(series: &[f64], lag: usize) -> f64 {
    let spread = autocovariance(series, 0);
    if spread > 0.0 { autocovariance(series, lag) / spread } else { 0.0 }
}

/// The correlation of two series of equal length; 0 when either is constant.
pub fn correlation(a: &[f64], b: &[f64]) -> f64 {
    let product = (variance(a) * variance(b)).sqrt();
    if product > 0.0 { covariance(a, b) / product } else { 0.0 }
}

/// The sample covariance of two series of equal length (divisor n − 1).
pub fn covariance(a: &[f64], b: &[f64]) -> f64 {
    let (centre_a, centre_b) = (mean(a), mean(b));
    a.iter().zip(b).map(|(x, y)| (x - centre_a) * (y - centre_b)).sum::<f64>()
        / (a.len() as f64 - 1.0)
}

/// The p-value of von Neumann's (1941) test that a series, usually of batch means, has no positive
/// correlation between neighbours: small when they are alike. 1 of a constant series.
///
/// For independent normal values V/2 − 1, V = Σ(zᵢ₊₁ − zᵢ)² / Σ(zᵢ − z̄)², has mean 0 and variance
/// (b − 2)/(b² − 1).
pub fn von_neumann_p(series: &[f64]) -> f64 {
    let b = series.len() as f64;
    let centre = mean(series);
    let squares: f64 = series.iter().map(|z| (z - centre).powi(2)).sum();
    if squares == 0.0 || b < 3.0 {
        return 1.0;
    }
    let steps: f64 = series.windows(2).map(|pair| (pair[1] - pair[0]).powi(2)).sum();
    normal_cdf((0.5 * steps / squares - 1.0) / ((b - 2.0) / (b * b - 1.0)).sqrt())
}

/// Whether batch means pass for independent: V/2 − 1 ≥ −z₀.₈₀ √((b − 2)/(b² − 1)).
pub(super) fn looks_independent(batch_means: &[f64]) -> bool {
    von_neumann_p(batch_means) >= normal_cdf(-normal_quantile(0.8))
}
