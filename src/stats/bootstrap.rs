//! Resampling a dependent series in blocks, so that its correlation survives.
//!
//! The stationary bootstrap (Politis & Romano 1994) joins blocks of geometric length from a circle.
//! Marks that belong together (gap, size, class, session) are resampled together by their index.

use rand::Rng;

use super::estimate::{Estimate, Status};
use super::histogram::quantile_rank;
use super::series::{autocorrelation, autocovariance};

/// An endless series of indices below `len` whose blocks have a mean length.
#[derive(Debug)]
pub struct StationaryBootstrap<'a, R> {
    len: usize,
    /// Probability that the next index starts a new block, 1 / mean block length.
    restart: f64,
    at: Option<usize>,
    rng: &'a mut R,
}

impl<'a, R: Rng> StationaryBootstrap<'a, R> {
    /// Blocks from a series of `len` > 0 values, `mean_block` values long on average (at least 1;
    /// at 1 the bootstrap is that of independent values).
    pub fn new(len: usize, mean_block: f64, rng: &'a mut R) -> Self {
        assert!(len > 0, "nothing to resample");
        Self { len, restart: 1.0 / mean_block.max(1.0), at: None, rng }
    }
}

impl<R: Rng> Iterator for StationaryBootstrap<'_, R> {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        // Two words an index, whether used or not: a resample never depends on how blocks fell.
        let (coin, place) = (self.rng.next_u64(), self.rng.next_u64());
        let next = match self.at {
            Some(at) if unit(coin) >= self.restart => {
                if at + 1 == self.len {
                    0
                } else {
                    at + 1
                }
            }
            // Multiplying the word by the length and keeping the top half is unbiased to 2⁻⁶⁴·len.
            _ => ((u128::from(place) * self.len as u128) >> 64) as usize,
        };
        self.at = Some(next);
        Some(next)
    }
}

fn unit(word: u64) -> f64 {
    (word >> 11) as f64 / (1_u64 << 53) as f64
}

/// The mean block length that suits the stationary bootstrap of a series, from its autocorrelation
/// (Politis & White 2004, corrected by Patton, Politis & White 2009); between 1 and
/// min(3√n, n/3).
pub fn block_length(series: &[f64]) -> f64 {
    let n = series.len() as f64;
    if n < 9.0 {
        return 1.0;
    }
    let longest = (3.0 * n.sqrt()).min(n / 3.0);
    let threshold = 2.0 * (n.log10() / n).sqrt();
    let quiet = 5.max(n.log10().sqrt().ceil() as usize);
    let last = (n.sqrt().ceil() as usize + quiet).min(series.len() - 1);
    // The correlogram has died after m when `quiet` lags in a row are within the noise.
    let loud: Vec<usize> =
        (1..=last).filter(|&lag| autocorrelation(series, lag).abs() >= threshold).collect();
    let mut m = 0;
    for &lag in &loud {
        if lag > m + quiet {
            break;
        }
        m = lag;
    }
    let window = (2 * m).min(last);
    if window == 0 {
        return 1.0;
    }
    // A flat-top window: all of the first half of the lags, fading over the second.
    let weight = |lag: usize| (2.0 * (1.0 - lag as f64 / window as f64)).min(1.0);
    let covariances =
        (1..=window).map(|lag| (lag as f64, weight(lag) * autocovariance(series, lag)));
    let (mut long_run, mut slope) = (autocovariance(series, 0), 0.0);
    for (lag, covariance) in covariances {
        long_run += 2.0 * covariance;
        slope += 2.0 * lag * covariance;
    }
    let length = (n * slope * slope / (long_run * long_run)).cbrt();
    if length.is_finite() { length.clamp(1.0, longest) } else { longest }
}

/// The percentile interval of a statistic of resampled series: `resamples` draws of the series' own
/// length with blocks of `mean_block`. `Ok` from 100 resamples on.
///
/// The statistic is given the indices of a resample, so that a series of any marks can be used; its
/// value on the series itself, `statistic(0..len)`, is the estimate.
pub fn percentile_interval(
    len: usize,
    mean_block: f64,
    resamples: usize,
    confidence: f64,
    rng: &mut impl Rng,
    statistic: impl Fn(&[usize]) -> f64,
) -> Estimate {
    if len == 0 || resamples < 2 {
        return Estimate::INSUFFICIENT;
    }
    let estimate = statistic(&(0..len).collect::<Vec<_>>());
    let mut values: Vec<f64> = (0..resamples)
        .map(|_| {
            let indices: Vec<usize> =
                StationaryBootstrap::new(len, mean_block, rng).take(len).collect();
            statistic(&indices)
        })
        .collect();
    values.sort_unstable_by(f64::total_cmp);
    let at = |p: f64| values[quantile_rank(resamples as u64, p) as usize - 1];
    let tail = 0.5 * (1.0 - confidence);
    let status = if resamples < 100 { Status::LowPrecision } else { Status::Ok };
    Estimate::between(estimate, at(tail), at(1.0 - tail), status)
}
