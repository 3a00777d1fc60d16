//! How bursty arrivals are: the index of dispersion for counts over growing windows.

use super::estimate::Estimate;
use super::interval::mean_of_replications;
use super::series::{mean, variance};

/// The variance of counts over their mean: 1 for a Poisson process, more for bursts; `None` without
/// two windows or without arrivals.
pub fn index_of_dispersion(counts: &[u64]) -> Option<f64> {
    let counts: Vec<f64> = counts.iter().map(|&count| count as f64).collect();
    let centre = mean(&counts);
    (counts.len() >= 2 && centre > 0.0).then(|| variance(&counts) / centre)
}

/// The number of arrivals in each whole window of `width` nanoseconds from 0 to `end`.
pub fn counts(arrivals: &[u64], width: u64, end: u64) -> Vec<u64> {
    let mut counts = vec![0; (end / width) as usize];
    for &at in arrivals {
        if let Some(count) = counts.get_mut((at / width) as usize) {
            *count += 1;
        }
    }
    counts
}

/// The index of dispersion at one window width.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Dispersion {
    /// Width of the windows in nanoseconds.
    pub window: u64,
    /// Var N / E N of the counts.
    pub index: Estimate,
}

/// The index of dispersion over windows of `first`, 2·`first`, 4·`first` … up to a fiftieth of the
/// horizon, with an interval from ten blocks of the horizon (jackknife).
///
/// `arrivals` are nanoseconds from the start of the horizon `end`, in any order.
pub fn dispersion_curve(
    arrivals: &[u64],
    first: u64,
    end: u64,
    confidence: f64,
) -> Vec<Dispersion> {
    let widths = std::iter::successors(Some(first.max(1)), |width| width.checked_mul(2));
    widths
        .take_while(|&width| width <= end / 50)
        .map(|window| Dispersion { window, index: jackknife(arrivals, window, end, confidence) })
        .collect()
}

/// Pseudo-values of leaving one tenth of the windows out at a time.
fn jackknife(arrivals: &[u64], window: u64, end: u64, confidence: f64) -> Estimate {
    const BLOCKS: usize = 10;
    let counts = counts(arrivals, window, end);
    let Some(whole) = index_of_dispersion(&counts) else { return Estimate::INSUFFICIENT };
    let edge = |block: usize| block * counts.len() / BLOCKS;
    let without = |block: usize| {
        index_of_dispersion(&[&counts[..edge(block)], &counts[edge(block + 1)..]].concat())
    };
    let partial: Option<Vec<f64>> = (0..BLOCKS).map(without).collect();
    let Some(partial) = partial else { return Estimate::INSUFFICIENT };
    let blocks = BLOCKS as f64;
    let pseudo: Vec<f64> =
        partial.iter().map(|part| blocks * whole - (blocks - 1.0) * part).collect();
    let around = mean_of_replications(&pseudo, confidence);
    match around.half_width() {
        Some(half_width) => Estimate::symmetric(whole, half_width, around.status),
        None => Estimate::INSUFFICIENT,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_regular_stream_has_no_dispersion_and_a_burst_has_its_size() {
        let regular: Vec<u64> = (0..10_000).map(|i| i * 10).collect();
        let curve = dispersion_curve(&regular, 10, 100_000, 0.95);
        assert!(curve.iter().all(|point| point.index.estimate.unwrap() < 0.01));
        assert_eq!(curve.last().unwrap().window, 1280);

        // Every tenth window holds ten arrivals: variance 9 over mean 1.
        let bursts: Vec<u64> = (0..10_000).map(|i| i / 10 * 100 + i % 10).collect();
        let index = index_of_dispersion(&counts(&bursts, 10, 100_000)).unwrap();
        assert!((index - 9.0).abs() < 0.01, "{index}");
    }

    #[test]
    fn nothing_arriving_has_no_index() {
        assert_eq!(index_of_dispersion(&[0, 0, 0]), None);
        assert_eq!(dispersion_curve(&[], 1, 100, 0.95)[0].index, Estimate::INSUFFICIENT);
        assert!(dispersion_curve(&[1], 0, 0, 0.95).is_empty());
    }
}
