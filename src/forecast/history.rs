//! The last values of a series, and the clock of refits.

use std::collections::VecDeque;

/// The last values of a series, oldest first, at most so many.
#[derive(Clone, Debug)]
pub(super) struct History {
    values: VecDeque<f64>,
    capacity: usize,
}

impl History {
    pub(super) fn new(capacity: usize) -> History {
        History { values: VecDeque::new(), capacity: capacity.max(1) }
    }

    pub(super) fn push(&mut self, value: f64) {
        if self.values.len() == self.capacity {
            self.values.pop_front();
        }
        self.values.push_back(value);
    }

    pub(super) fn clear(&mut self) {
        self.values.clear();
    }

    pub(super) fn len(&self) -> usize {
        self.values.len()
    }

    /// The value `lag` ticks before the next one: lag 1 is the last value.
    pub(super) fn lag(&self, lag: usize) -> Option<f64> {
        self.values.len().checked_sub(lag).and_then(|i| self.values.get(i)).copied()
    }

    pub(super) fn last(&self) -> f64 {
        self.lag(1).expect("a path is asked for only after a value")
    }

    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = f64> + ExactSizeIterator + '_ {
        self.values.iter().copied()
    }

    /// Repeats the last season; repeats the last value while no whole season is known.
    pub(super) fn repeat_season(&self, season: usize, path: &mut [f64]) {
        for (k, out) in path.iter_mut().enumerate() {
            *out = self.lag(season - k % season).unwrap_or_else(|| self.last());
        }
    }
}

/// Says when it is time to fit anew: every so many ticks, and whenever there are twice as many
/// values as at the last fit.
///
/// What was fitted to little may be far off, and hours may pass until the next fit; by the time
/// there is twice as much, half of what is known is news. That adds a fit for each doubling.
#[derive(Clone, Debug)]
pub(super) struct Schedule {
    every: usize,
    /// Ticks so far.
    ticks: usize,
    /// Ticks at the last fit.
    fitted_at: Option<usize>,
    pub(super) refits: u64,
}

impl Schedule {
    /// A fit as soon as it is possible, then one every so many ticks, or sooner where values have
    /// doubled.
    pub(super) fn new(every: usize) -> Schedule {
        Schedule { every, ticks: 0, fitted_at: None, refits: 0 }
    }

    /// Whether a fit was made yet.
    pub(super) fn fitted(&self) -> bool {
        self.refits > 0
    }

    /// Counts a tick; true when a fit is due and possible.
    pub(super) fn tick(&mut self, possible: bool) -> bool {
        self.tick_or(possible, false)
    }

    /// The same, with a fit `at_once` if one was made before.
    pub(super) fn tick_or(&mut self, possible: bool, at_once: bool) -> bool {
        self.ticks += 1;
        let stale = |at: usize| self.ticks - at >= self.every || self.ticks >= 2 * at;
        let due = possible && self.fitted_at.is_none_or(|at| at_once || stale(at));
        if due {
            self.fitted_at = Some(self.ticks);
            self.refits += 1;
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_history_forgets_the_oldest_and_counts_lags_from_the_next_value() {
        let mut history = History::new(3);
        (1..=5).for_each(|value| history.push(f64::from(value)));
        assert_eq!(history.iter().collect::<Vec<_>>(), [3.0, 4.0, 5.0]);
        assert_eq!((history.lag(1), history.lag(3), history.lag(4)), (Some(5.0), Some(3.0), None));
    }

    #[test]
    fn a_fit_comes_when_first_possible_and_then_on_schedule() {
        let mut schedule = Schedule::new(3);
        let due: Vec<_> = (0..9).map(|tick| schedule.tick(tick >= 2)).collect();
        assert_eq!(due, [false, false, true, false, false, true, false, false, true]);
        assert_eq!(schedule.refits, 3);
    }

    #[test]
    fn a_fit_to_little_is_made_anew_whenever_values_have_doubled() {
        let mut schedule = Schedule::new(50);
        let due: Vec<_> = (1..=150).filter(|&tick| schedule.tick(tick >= 10)).collect();
        assert_eq!(due, [10, 20, 40, 80, 130]);
    }
}
