//! Forecasts that wait to be proved, on a ladder of horizons, and the errors that proved them.

use std::collections::VecDeque;

use statrs::distribution::{ContinuousCDF as _, StudentsT};

/// Forecasts made at each tick for the horizons 1, 2, 3, 4, 6, 8, 12, 16, 24 … ticks.
#[derive(Clone, Debug)]
pub(super) struct Ladder {
    steps: Vec<usize>,
    pending: Vec<VecDeque<f64>>,
}

impl Ladder {
    /// A ladder that ends at exactly `reach` ticks.
    pub(super) fn new(reach: usize) -> Ladder {
        let mut steps = vec![1, 2];
        while steps[steps.len() - 1] < reach {
            let below = steps[steps.len() - 2];
            steps.push(if below == 1 { 3 } else { 2 * below });
        }
        steps.retain(|&step| step < reach);
        steps.push(reach.max(1));
        let pending = steps.iter().map(|_| VecDeque::new()).collect();
        Ladder { steps, pending }
    }

    pub(super) fn steps(&self) -> &[usize] {
        &self.steps
    }

    /// The lowest rung that reaches so far; the top one for all beyond.
    pub(super) fn rung(&self, step: usize) -> usize {
        self.steps.partition_point(|&rung| rung < step).min(self.steps.len() - 1)
    }

    /// What each rung had forecast for the bin that is just over, if it had forecast at all.
    pub(super) fn due(&mut self) -> impl Iterator<Item = (usize, f64)> + '_ {
        let rungs = self.steps.iter().zip(&mut self.pending).enumerate();
        rungs.filter_map(|(rung, (&step, pending))| {
            (pending.len() == step)
                .then(|| (rung, pending.pop_front().expect("step is at least 1")))
        })
    }

    /// Remembers what is forecast now.
    pub(super) fn promise(&mut self, path: &[f64]) {
        for (&step, pending) in self.steps.iter().zip(&mut self.pending) {
            pending.push_back(path[step - 1]);
        }
    }

    /// Forgets what was forecast across a gap: it will not be held against anyone.
    pub(super) fn forget(&mut self) {
        self.pending.iter_mut().for_each(VecDeque::clear);
    }
}

/// The latest errors (actual less forecast) of one horizon, ready for quantiles.
#[derive(Clone, Debug)]
pub(super) struct Errors {
    window: usize,
    recent: VecDeque<f64>,
    sorted: Vec<f64>,
}

impl Errors {
    /// Keeps the errors of three seasons, that each hour has its say; at least 500, so that
    /// quantiles are steady, and at most 2000, so that they stay cheap.
    pub(super) fn new(season: usize) -> Errors {
        let window = (3 * season).clamp(500, 2000);
        Errors { window, recent: VecDeque::new(), sorted: Vec::new() }
    }

    pub(super) fn push(&mut self, error: f64) {
        if self.recent.len() == self.window {
            let oldest = self.recent.pop_front().expect("the window is full");
            let at = self.sorted.partition_point(|&other| other < oldest);
            self.sorted.remove(at);
        }
        self.recent.push_back(error);
        let at = self.sorted.partition_point(|&other| other < error);
        self.sorted.insert(at, error);
    }

    /// Offsets from a forecast to the ends of the band that misses the next rate with the chance
    /// `tail` on either side.
    ///
    /// Of n exchangeable errors the k-th smallest is not exceeded by the next with probability
    /// k/(n + 1): split conformal prediction (Vovk, Gammerman & Shafer 2005), one side at a time.
    /// With too few errors for such an order statistic, Student's t for a new normal value stands
    /// in.
    pub(super) fn band(&self, tail: f64) -> Option<(f64, f64)> {
        let n = self.sorted.len();
        if n < 2 {
            return None;
        }
        let from_end = ((n + 1) as f64 * tail).floor() as usize;
        if from_end >= 1 {
            return Some((self.sorted[from_end - 1], self.sorted[n - from_end]));
        }
        let mean = self.sorted.iter().sum::<f64>() / n as f64;
        let square = self.sorted.iter().map(|error| (error - mean).powi(2)).sum::<f64>();
        let sd_of_next = (square / (n - 1) as f64 * (1.0 + 1.0 / n as f64)).sqrt();
        let t = StudentsT::new(0.0, 1.0, (n - 1) as f64).expect("at least one degree of freedom");
        let reach = t.inverse_cdf(1.0 - tail) * sd_of_next;
        // No narrower than what was seen already, so that bands of all levels stay nested.
        Some(((mean - reach).min(self.sorted[0]), (mean + reach).max(self.sorted[n - 1])))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ladder_climbs_by_half_octaves_and_ends_at_its_reach() {
        assert_eq!(Ladder::new(1).steps(), [1]);
        assert_eq!(Ladder::new(30).steps(), [1, 2, 3, 4, 6, 8, 12, 16, 24, 30]);
        let ladder = Ladder::new(8);
        let rungs: Vec<_> = [1, 2, 5, 8, 99].map(|step| ladder.steps()[ladder.rung(step)]).into();
        assert_eq!(rungs, [1, 2, 6, 8, 8]);
    }

    #[test]
    fn a_forecast_comes_due_after_exactly_its_horizon() {
        let mut ladder = Ladder::new(3);
        for now in 0..10_i32 {
            for (rung, forecast) in ladder.due().collect::<Vec<_>>() {
                assert_eq!(forecast, f64::from(now), "rung {rung}");
            }
            let path: Vec<_> = (1..=3).map(|step| f64::from(now + step)).collect();
            ladder.promise(&path);
        }
    }

    #[test]
    fn with_many_errors_a_band_is_made_of_order_statistics() {
        let mut errors = Errors::new(1);
        (1..=99).rev().for_each(|error| errors.push(f64::from(error)));
        assert_eq!(errors.band(0.1), Some((10.0, 90.0)));
        assert_eq!(errors.band(0.025), Some((2.0, 98.0)));
        assert_eq!(Errors::new(1).band(0.1), None);
    }
}
