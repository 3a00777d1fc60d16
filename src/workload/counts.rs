//! The rate of a traffic file over time: its requests counted in bins of one width.
//!
//! The width is the user's, or else the finest of a few round ones that gives no more than some
//! thousands of bins. Which it will be is known only at the end of the file, so rows are counted in
//! fine bins that are merged.

use super::trace::{Arrivals, Row};
use crate::diagnose::Problem;
use crate::time::{Duration, Instant, SECOND_NS};

/// Round widths in seconds; each divides the next.
const ROUND: [u64; 8] = [1, 10, 60, 300, 900, 1800, 3600, 86_400];
/// Fine bins that are kept before they are merged.
const FINE: usize = 1 << 18;
/// Bins that a width chosen for the user gives at most: a minute for a week, a quarter of an hour
/// for three months.
const MOST: u64 = 12_000;

/// Bins of a chosen width that are kept at most: more have no use, and no room.
const MOST_CHOSEN: u64 = 20_000_000;

/// Requests counted in bins.
#[derive(Clone, Debug)]
pub struct Counts {
    chosen: Option<Duration>,
    /// The time that one row covers, in a file of counts.
    interval: Option<Duration>,
    width: u64,
    bins: Vec<Option<f64>>,
    end: Instant,
}

/// Consecutive bins of one width.
#[derive(Clone, Debug, PartialEq)]
pub struct Binned {
    /// The width of a bin.
    pub width: Duration,
    /// Requests a second in each whole bin; none where a file of counts has no row.
    pub rates: Vec<Option<f64>>,
}

impl Counts {
    /// Counts in bins of a `chosen` width, or of one that suits; `interval` is what one row of a
    /// file of counts covers.
    pub fn new(chosen: Option<Duration>, interval: Option<Duration>) -> Result<Self, Problem> {
        let finest = interval.map_or(SECOND_NS, |interval| interval.0.max(1));
        if let Some(chosen) = chosen {
            if chosen == Duration::ZERO {
                return Err(Problem::new("a bin of no width holds no requests")
                    .help("choose e.g. `--bin 5m`"));
            }
            if let Some(interval) = interval
                && !chosen.0.is_multiple_of(interval.0.max(1))
            {
                let what = format!(
                    "bins of {chosen} cannot be made of the file's rows, which cover {interval} \
                     each"
                );
                return Err(Problem::new(what).help("choose a whole number of rows a bin"));
            }
        }
        let width = chosen.map_or(finest, |chosen| chosen.0);
        Ok(Self { chosen, interval, width, bins: Vec::new(), end: Instant::START })
    }

    /// Takes the next row in.
    pub fn take(&mut self, row: &Row) {
        let weight = match row.arrivals {
            Arrivals::One => 1.0,
            Arrivals::Exactly(count) => count as f64,
            Arrivals::Mean(mean) => mean,
        };
        while self.chosen.is_none() && row.at.0 / self.width >= FINE as u64 {
            let next = self.next_width().unwrap_or(self.width.saturating_mul(2));
            self.merge(next / self.width);
        }
        let bin = row.at.0 / self.width;
        if bin >= MOST_CHOSEN {
            // A width of the user's: the file's end will tell how much too narrow it is.
            self.end = self.end.max(row.at);
            return;
        }
        let bin = bin as usize;
        if self.bins.len() <= bin {
            // In a file of requests silence is known; in one of counts a missing row is not.
            self.bins.resize(bin + 1, self.interval.is_none().then_some(0.0));
        }
        *self.bins[bin].get_or_insert(0.0) += weight;
        self.end = row.at + self.interval.unwrap_or(Duration::ZERO);
    }

    /// Nothing more comes before `end`, and something may have come after it.
    pub fn end_at(&mut self, end: Instant) {
        if end.0 / self.width >= MOST_CHOSEN {
            self.end = self.end.max(end);
            return;
        }
        self.bins.resize(
            self.bins.len().max((end.0 / self.width) as usize),
            self.interval.is_none().then_some(0.0),
        );
        self.end = self.end.max(end);
    }

    /// The next round width that the present one divides.
    fn next_width(&self) -> Option<u64> {
        let round = ROUND.map(|seconds| seconds * SECOND_NS).into_iter();
        round.filter(|round| *round > self.width).find(|round| round.is_multiple_of(self.width))
    }

    fn merge(&mut self, by: u64) {
        let sum =
            |few: &[Option<f64>]| few.iter().flatten().copied().reduce(|all, next| all + next);
        self.bins = self.bins.chunks(by as usize).map(sum).collect();
        self.width *= by;
    }

    /// The rates of the whole bins: what is left of the last one does not count. Refuses bins that
    /// are too many.
    pub fn finish(mut self) -> Result<Binned, Problem> {
        if self.end.0 / self.width >= MOST_CHOSEN {
            let (width, end) = (Duration(self.width), self.end.since(Instant::START));
            let least = Duration((end.0 / (MOST_CHOSEN - 1)).max(1));
            return Err(Problem::new(format!("{end} have too many bins of {width}"))
                .help(format!("choose wider ones: {least} at least, `1m` is usual")));
        }
        while self.chosen.is_none() && self.end.0 / self.width > MOST {
            let Some(next) = self.next_width() else { break };
            self.merge(next / self.width);
        }
        self.bins.truncate((self.end.0 / self.width) as usize);
        let seconds = Duration(self.width).as_secs_f64();
        let rates = self.bins.into_iter().map(|bin| bin.map(|count| count / seconds)).collect();
        Ok(Binned { width: Duration(self.width), rates })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(stamps: impl Iterator<Item = u64>, chosen: Option<Duration>) -> Binned {
        let mut counts = Counts::new(chosen, None).unwrap();
        for second in stamps {
            counts.take(&Row { at: Instant(second * SECOND_NS), ..Row::default() });
        }
        counts.finish().unwrap()
    }

    #[test]
    fn too_many_bins_are_refused_with_the_width_that_does() {
        let mut counts = Counts::new(Some(Duration(1000)), None).unwrap();
        counts.take(&Row { at: Instant(86_400 * SECOND_NS), ..Row::default() });
        let why = counts.finish().unwrap_err().render(false);
        assert!(why.contains("too many bins of 1us") && why.contains("4ms 320us"), "{why}");
    }

    #[test]
    fn silence_in_a_file_of_requests_is_a_rate_of_zero() {
        let binned = counted([0, 1, 2, 25, 39, 41].into_iter(), Some(Duration::from_secs(10)));
        assert_eq!(binned.rates, [Some(0.3), Some(0.0), Some(0.1), Some(0.1)]);
    }

    #[test]
    fn a_long_file_gets_the_finest_round_width_that_is_not_too_many_bins() {
        let binned = counted((0..20 * 86_400).step_by(30), None);
        assert_eq!(binned.width, Duration::from_secs(300));
        assert!(binned.rates.iter().all(|rate| *rate == Some(1.0 / 30.0)), "{binned:?}");
    }

    #[test]
    fn a_missing_row_of_a_file_of_counts_is_not_known() {
        let minute = Duration::from_secs(60);
        let mut counts = Counts::new(Some(minute), Some(minute)).unwrap();
        for at in [0, 60, 180] {
            let arrivals = Arrivals::Exactly(60);
            counts.take(&Row { at: Instant(at * SECOND_NS), arrivals, ..Row::default() });
        }
        assert_eq!(counts.finish().unwrap().rates, [Some(1.0), Some(1.0), None, Some(1.0)]);
        let odd = Counts::new(Some(Duration::from_secs(90)), Some(minute));
        assert!(odd.is_err_and(|why| why.to_string().contains("cover 1m each")));
    }
}
