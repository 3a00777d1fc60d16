//! Where the warm-up of a steady-state run ends: MSER-5 decides, Welch's curve shows.

use super::series::mean;

/// Where MSER would cut a series.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Truncation {
    /// Batches to drop.
    pub batches: usize,
    /// Observations to drop: batches times the batch size.
    pub observations: usize,
    /// The minimal statistic g(d), an estimate of the squared standard error of what remains.
    pub statistic: f64,
    /// The cut lies beyond a third of the series or at the edge of the search: the run has not
    /// settled. Double it and ask again.
    pub too_short: bool,
}

/// MSER-5 (White 1997, Spratt 1998) on one series; `None` below ten observations.
///
/// Do not apply it to the short run being analysed: it favours a quiet remainder and *raises* the
/// bias there (Wang & Glynn 2016; coverage of a mean wait fell from .82 to .73 when measured).
/// Pilots decide, through `mser5_of_average`, and their cut is used for every run.
pub fn mser5(series: &[f64]) -> Option<Truncation> {
    mser(series, 5)
}

/// MSER-5 on the index-wise average of several pilot replications, up to the shortest of them.
pub fn mser5_of_average(pilots: &[Vec<f64>]) -> Option<Truncation> {
    mser5(&average(pilots))
}

/// MSER on means of `batch` consecutive observations: the d that minimises
/// `g(d) = Σ_{i>d} (zᵢ − z̄_d)² / (m − d)²` over the first half of the m batches.
pub fn mser(series: &[f64], batch: usize) -> Option<Truncation> {
    let means: Vec<f64> = series.chunks_exact(batch).map(mean).collect();
    let m = means.len();
    if m < 2 {
        return None;
    }
    let searched = m.div_ceil(2);
    let (mut best, mut statistic) = (0, f64::INFINITY);
    // One backward pass: Welford's update adds the batch before the remainder to it.
    let (mut centre, mut squares) = (0.0, 0.0);
    for d in (0..m).rev() {
        let count = (m - d) as f64;
        let step = means[d] - centre;
        centre += step / count;
        squares += step * (means[d] - centre);
        let g = squares / (count * count);
        // The earliest of equal cuts keeps the most data.
        if d < searched && g <= statistic {
            (best, statistic) = (d, g);
        }
    }
    let too_short = 3 * best > m || (best > 0 && best + 1 == searched);
    Some(Truncation { batches: best, observations: best * batch, statistic, too_short })
}

/// The mean over replications at each index, up to the shortest of them.
pub fn average(replications: &[Vec<f64>]) -> Vec<f64> {
    let length = replications.iter().map(Vec::len).min().unwrap_or(0);
    let count = replications.len() as f64;
    (0..length).map(|i| replications.iter().map(|run| run[i]).sum::<f64>() / count).collect()
}

/// Welch's (1983) moving average of half-width `w` for a plot: the mean of the 2w + 1 values around
/// each index, of fewer near the start. The last w indices have no full window and are left out.
pub fn welch(averaged: &[f64], w: usize) -> Vec<f64> {
    (0..averaged.len().saturating_sub(w))
        .map(|i| {
            let reach = w.min(i);
            mean(&averaged[i - reach..=i + reach])
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_backward_pass_finds_what_the_definition_finds() {
        let series: Vec<f64> =
            (0..1000).map(f64::from).map(|i| 5.0 * (-i / 50.0).exp() + i.sin()).collect();
        let found = mser5(&series).unwrap();
        assert_eq!((found.batches, found.observations, found.too_short), (31, 155, false));
        assert!((found.statistic / 1.899_767_568_799_935e-4 - 1.0).abs() < 1e-10);

        let means: Vec<f64> = series.chunks(5).map(mean).collect();
        let g = |d: usize| {
            let rest = &means[d..];
            let centre = mean(rest);
            rest.iter().map(|z| (z - centre).powi(2)).sum::<f64>() / (rest.len() as f64).powi(2)
        };
        let least = (0..100).map(g).fold(f64::INFINITY, f64::min);
        assert!((found.statistic / least - 1.0).abs() < 1e-12);
    }

    #[test]
    fn a_series_that_never_settles_is_too_short() {
        let ramp: Vec<f64> = (0..200).map(f64::from).collect();
        assert!(mser5(&ramp).unwrap().too_short);
        let flat = mser5(&[3.0; 100]).unwrap();
        assert_eq!((flat.batches, flat.too_short), (0, false));
        assert_eq!(mser5(&[1.0; 9]), None);
    }

    #[test]
    fn averaging_pilots_cancels_their_noise_before_the_cut() {
        let pilot = |sign: f64| -> Vec<f64> {
            (0..500_u32)
                .map(|i| if i < 50 { 9.0 } else { 1.0 } + sign * f64::from(i * 7919 % 101))
                .collect()
        };
        let cut = mser5_of_average(&[pilot(1.0), pilot(-1.0)]).unwrap();
        assert_eq!((cut.observations, cut.statistic), (50, 0.0));
    }

    #[test]
    fn welch_smooths_with_a_window_that_grows_from_the_start() {
        let curve = welch(&[4.0, 2.0, 0.0, 2.0, 1.0], 1);
        assert_eq!(curve, vec![4.0, 2.0, 4.0 / 3.0, 1.0]);
        assert!(welch(&[1.0], 3).is_empty());
    }
}
