//! The run over time: one bin an interval, and few enough bins whatever the length of the run.

use super::{Crowd, Probe};
use crate::model::{Completion, Fate, Request};
use crate::stats::CoarseHistogram;
use crate::time::{Duration, Instant};

/// The most bins that are kept: a chart has no room for more, and a report no need.
const MOST: usize = 480;

/// The most bins of a width that was asked for: a request that ends in a hundred years must not
/// fill the memory, so beyond it bins double as well.
const MOST_FIXED: usize = 1_000_000;

/// One interval.
#[derive(Clone, Debug, Default)]
pub struct Bin {
    /// Requests that arrived in it.
    pub arrivals: u64,
    /// Requests that ended well in it.
    pub completions: u64,
    /// Requests that ended otherwise in it.
    pub errors: u64,
    /// Latencies of those that ended well in it.
    pub latency: CoarseHistogram,
    /// Area under the number in system, in request-nanoseconds.
    pub in_system_ns: i128,
    /// Area under the number waiting.
    pub queue_ns: i128,
    /// Area under the number of busy slots.
    pub busy_ns: i128,
}

impl Bin {
    /// Takes in a request that lies inside the interval from its arrival to its end.
    #[inline]
    fn contain(&mut self, done: &Completion) {
        if done.fate == Fate::Completed {
            self.completions += 1;
            self.latency.record(done.latency().0);
            self.busy_ns += i128::from(done.service().0);
        } else {
            self.errors += 1;
            // Where the client left its server, the attempt tells of the service.
            self.busy_ns += done.server.map_or(0, |_| i128::from(done.service().0));
        }
        self.in_system_ns += i128::from(done.latency().0);
        self.queue_ns += i128::from(done.wait().0);
    }

    fn merge(&mut self, other: &Self) {
        self.arrivals += other.arrivals;
        self.completions += other.completions;
        self.errors += other.errors;
        self.latency.merge(&other.latency);
        self.in_system_ns += other.in_system_ns;
        self.queue_ns += other.queue_ns;
        // Below zero, and so wrapped, until the requests that share a server have ended.
        self.busy_ns += other.busy_ns;
    }
}

/// Bins of equal width, merged in pairs whenever the run outgrows them.
#[derive(Clone, Debug)]
pub struct Timeline {
    width: Duration,
    bins: Vec<Bin>,
    fixed: bool,
    /// The bin of the last call: requests come nearly in order, and a division costs as much as
    /// the rest of the work.
    near: (usize, Instant, Instant),
    /// When the last server was done with an attempt that nobody waited for.
    busy_until: Instant,
}

impl Timeline {
    /// Bins that start at 1/64 of a second and double as the run goes on: whole seconds, or their
    /// halves and quarters for a run of a few.
    pub fn growing() -> Self {
        Self::with(Duration(Duration::from_secs(1).0 / 64), false)
    }

    /// Bins of a width that stays.
    pub fn every(width: Duration) -> Self {
        Self::with(width, true)
    }

    fn with(width: Duration, fixed: bool) -> Self {
        let near = (0, Instant::START, Instant::START + width);
        let bins = vec![Bin::default()];
        Self { width, bins, fixed, near, busy_until: Instant::START }
    }

    /// The width of a bin.
    pub fn width(&self) -> Duration {
        self.width
    }

    /// The bins from the start of the run.
    pub fn bins(&self) -> &[Bin] {
        &self.bins
    }

    /// When the last server was done with what it served, though everybody had left.
    pub fn busy_until(&self) -> Instant {
        self.busy_until
    }

    #[inline]
    fn index(&mut self, at: Instant) -> usize {
        let (index, from, to) = self.near;
        if from <= at && at < to { index } else { self.seek(at) }
    }

    #[cold]
    #[inline(never)]
    fn seek(&mut self, at: Instant) -> usize {
        let most = if self.fixed { MOST_FIXED } else { MOST };
        while at.0 / self.width.0 >= most as u64 {
            self.halve();
        }
        let index = (at.0 / self.width.0) as usize;
        if index >= self.bins.len() {
            self.bins.resize_with(index + 1, Bin::default);
        }
        let from = Instant(index as u64 * self.width.0);
        self.near = (index, from, from + self.width);
        index
    }

    fn halve(&mut self) {
        self.width = Duration(self.width.0 * 2);
        let pairs = std::mem::take(&mut self.bins);
        self.bins = pairs
            .chunks(2)
            .map(|pair| {
                let mut bin = pair[0].clone();
                pair[1..].iter().for_each(|other| bin.merge(other));
                bin
            })
            .collect();
    }

    /// Adds the stretch from `from` to `to`, `times` over, to the areas that `area` points at.
    #[inline]
    fn spread(
        &mut self,
        from: Instant,
        to: Instant,
        times: i64,
        area: impl Fn(&mut Bin) -> &mut i128,
    ) {
        let add = |bin: &mut Bin, span: Duration| {
            *area(bin) += i128::from(span.0) * i128::from(times);
        };
        let last = self.index(to);
        let first = self.index(from);
        if first == last {
            return add(&mut self.bins[first], to - from);
        }
        // The later end is looked up first: it may widen the bins.
        for index in first..=last {
            let start = Instant(index as u64 * self.width.0);
            let (low, high) = (from.max(start), to.min(start + self.width));
            add(&mut self.bins[index], high - low);
        }
    }
}

impl Probe for Timeline {
    #[inline]
    fn arrival(&mut self, request: &Request, _: u64) {
        let bin = self.index(request.arrival);
        self.bins[bin].arrivals += 1;
    }

    #[inline]
    fn completion(&mut self, done: &Completion, _: u64) {
        let (bin, from, to) = self.near;
        if from <= done.request.arrival && done.ended < to {
            // Nearly every request begins and ends in the bin of the one before.
            return self.bins[bin].contain(done);
        }
        let end = self.index(done.ended);
        if done.fate == Fate::Completed {
            let bin = &mut self.bins[end];
            bin.completions += 1;
            bin.latency.record(done.latency().0);
        } else {
            self.bins[end].errors += 1;
        }
        self.spread(done.request.arrival, done.ended, 1, |bin| &mut bin.in_system_ns);
        if done.started > done.request.arrival {
            self.spread(done.request.arrival, done.started, 1, |bin| &mut bin.queue_ns);
        }
        if done.server.is_some() {
            self.spread(done.started, done.ended, 1, |bin| &mut bin.busy_ns);
        }
    }

    fn attempt(&mut self, done: &Completion, _: Option<Instant>, _: bool) {
        if done.ended > done.started {
            self.busy_until = self.busy_until.max(done.ended);
            self.spread(done.started, done.ended, 1, |bin| &mut bin.busy_ns);
        }
    }

    fn crowd(&mut self, crowd: &Crowd) {
        let less = -i64::from(crowd.beyond);
        self.spread(crowd.from, crowd.to, less, |bin| &mut bin.busy_ns);
    }
}
