//! Averages over time of something counted: requests in system, waiting, servers up.
//!
//! A time average is not an average over requests; under bursts the two differ a lot, so both are
//! kept and labelled. Areas are whole numbers of level · nanoseconds, exact in any order of
//! merging.

use super::batches::{Drift, FULL, drift};
use super::estimate::Estimate;
use super::histogram::CoarseHistogram;
use super::interval::mean_of_batches;

/// A level that changes at instants, its areas, and its distribution over time.
///
/// Instants are nanoseconds and never go back. The warm-up is left out by starting at its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Levels {
    start: u64,
    since: u64,
    level: u64,
    area: u128,
    area_of_squares: u128,
    /// Nanoseconds spent at each level.
    time_at: CoarseHistogram,
    /// Width of a batch of time, and the area of each that is over.
    width: u64,
    closed: Vec<u128>,
    /// Area of the batch under way.
    open: u128,
}

impl Levels {
    /// A level from an instant on.
    pub fn new(start: u64, level: u64) -> Self {
        Self {
            start,
            since: start,
            level,
            area: 0,
            area_of_squares: 0,
            time_at: CoarseHistogram::new(),
            width: 1024,
            closed: Vec::new(),
            open: 0,
        }
    }

    /// The level changes, or an instant is passed (the end of the run) when it is the same as
    /// before.
    #[inline]
    pub fn set(&mut self, at: u64, level: u64) {
        assert!(at >= self.since, "time goes back from {} to {at}", self.since);
        if at > self.since {
            self.pass(at);
        }
        self.level = level;
    }

    fn pass(&mut self, at: u64) {
        let (span, height) = (at - self.since, u128::from(self.level));
        self.area += height * u128::from(span);
        self.area_of_squares += height * height * u128::from(span);
        self.time_at.record_n(self.level, span);
        loop {
            let boundary = self.start + (self.closed.len() as u64 + 1) * self.width;
            let stop = at.min(boundary);
            self.open += height * u128::from(stop - self.since);
            self.since = stop;
            if stop < boundary {
                break;
            }
            self.close();
        }
    }

    #[cold]
    fn close(&mut self) {
        self.closed.push(std::mem::take(&mut self.open));
        if self.closed.len() == FULL {
            self.closed = self.closed.chunks_exact(2).map(|pair| pair[0] + pair[1]).collect();
            self.width *= 2;
        }
    }

    /// The level now.
    pub fn level(&self) -> u64 {
        self.level
    }

    /// The time passed in nanoseconds.
    pub fn elapsed(&self) -> u64 {
        self.since - self.start
    }

    /// The area under the level in level · nanoseconds: server time, request time.
    pub fn area(&self) -> u128 {
        self.area
    }

    /// The average over time; `None` before any time has passed.
    pub fn mean(&self) -> Option<f64> {
        (self.elapsed() > 0).then(|| self.area as f64 / self.elapsed() as f64)
    }

    /// The variance over time; `None` before any time has passed.
    pub fn variance(&self) -> Option<f64> {
        let mean = self.mean()?;
        let square = self.area_of_squares as f64 / self.elapsed() as f64;
        Some((square - mean * mean).max(0.0))
    }

    /// The time in nanoseconds spent at each level, with its smallest and largest; exact below 64.
    pub fn time_at(&self) -> &CoarseHistogram {
        &self.time_at
    }

    /// The averages over `count` equal batches of time, or `None` if fewer have passed. What does
    /// not fill them evenly is left out at the start.
    pub fn means(&self, count: usize) -> Option<Vec<f64>> {
        let width = self.closed.len() / count;
        let used = &self.closed[self.closed.len() - width * count..];
        let span = (width as u64 * self.width) as f64;
        let mean = |chunk: &[u128]| chunk.iter().sum::<u128>() as f64 / span;
        (width > 0).then(|| used.chunks_exact(width).map(mean).collect())
    }

    /// The average over time with an interval from batches of time, by the rules of
    /// `Batches::mean`: elapsed time in place of requests.
    pub fn estimate(&self, confidence: f64) -> Estimate {
        let (Some(mean), Some(variance)) = (self.mean(), self.variance()) else {
            return Estimate::INSUFFICIENT;
        };
        let share = |count: usize| {
            (self.closed.len() / count) as f64 * self.width as f64 / self.elapsed() as f64
        };
        mean_of_batches(
            mean,
            variance,
            |count| Some((self.means(count)?, share(count))),
            confidence,
        )
    }

    /// Evidence of a rise over the run, for `is_unstable`; `None` below ten batches of time.
    pub fn drift(&self) -> Option<Drift> {
        drift(&self.means(32).or_else(|| self.means(10))?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn areas_are_those_of_the_steps() {
        let mut levels = Levels::new(100, 0);
        levels.set(200, 3);
        levels.set(200, 2);
        levels.set(400, 0);
        levels.set(500, 0);
        assert_eq!((levels.area(), levels.elapsed(), levels.level()), (400, 400, 0));
        assert_eq!((levels.mean(), levels.variance()), (Some(1.0), Some(1.0)));
        assert_eq!(levels.time_at().quantile(0.5), Some(0));
        assert_eq!(levels.time_at().max(), Some(2));
        assert_eq!(levels.estimate(0.95), Estimate::INSUFFICIENT);
        assert_eq!(Levels::new(5, 1).mean(), None);
    }

    #[test]
    fn batches_of_time_keep_the_area_whatever_the_steps() {
        let mut levels = Levels::new(7, 1);
        let mut at = 7;
        for i in 0..3000_u64 {
            at += i * 7919 % 10_007 * (1 + 999 * u64::from(i % 500 == 0));
            levels.set(at, i % 5);
            assert!(levels.closed.len() < FULL);
        }
        assert_eq!(levels.closed.iter().sum::<u128>() + levels.open, levels.area());
        assert_eq!(levels.elapsed(), at - 7);
        let means = levels.means(levels.closed.len()).unwrap();
        assert!(means.iter().all(|mean| (0.0..=4.0).contains(mean)));
    }

    #[test]
    fn a_constant_level_is_known_and_a_growing_one_is_seen() {
        let (mut flat, mut growing) = (Levels::new(0, 4), Levels::new(0, 0));
        for second in 1..2000_u64 {
            flat.set(second * 1_000_000_000, 4);
            growing.set(second * 1_000_000_000, second);
        }
        assert_eq!(flat.estimate(0.95).half_width(), Some(0.0));
        assert!(!super::super::batches::is_unstable(&[flat.drift().unwrap()]));
        assert!(super::super::batches::is_unstable(&[growing.drift().unwrap()]));
    }
}
