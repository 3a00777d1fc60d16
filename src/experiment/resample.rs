//! Other traffic of the kind of a trace: blocks of it, joined at random.
//!
//! The stationary bootstrap (Politis & Romano 1994) in time: stretches of geometric length are
//! taken from anywhere in the trace, with everything their requests bring, so that bursts and
//! correlations shorter than a block survive. Where the trace spans days, a stretch comes from the
//! same time of another day. Resampling single gaps instead would destroy the bursts (an index of
//! dispersion of 21.9 fell to 4.5 when measured; with blocks of 2,000 gaps it stays).

use std::sync::Arc;

use super::Monitor;
use super::workload::{Told, Workload, room};
use crate::diagnose::Problem;
use crate::model::Request;
use crate::rng::{Purpose, Seed, Stream};
use crate::scenario::Scenario;
use crate::stats::bootstrap::block_length;
use crate::time::{Duration, Instant};
use crate::workload::{CHUNK, Source};

/// A trace is cut into about this many bins: fine enough for blocks of many bins each.
const BINS: u64 = 4096;

const DAY: Duration = Duration::from_secs(86_400);

/// How a trace is cut and joined.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Blocks {
    width: Duration,
    bins: usize,
    /// Bins of one season; 1 where there is none.
    season: usize,
    /// Mean length of a block in bins.
    mean_bins: f64,
}

impl Blocks {
    /// Blocks long enough for the correlations of a trace that ends at `end`: the longer of what
    /// the requests in each bin ask for, and the work in it. `None` below two requests.
    pub(super) fn of(requests: &[Request], end: Instant) -> Option<Self> {
        if requests.len() < 2 || end == Instant::START {
            return None;
        }
        let wanted = BINS.min(requests.len() as u64);
        let mut width = Duration(end.0.div_ceil(wanted).max(1));
        let mut season = 1;
        if end.0 >= 2 * DAY.0 && width.0 <= DAY.0 / 24 {
            season = (DAY.0 / width.0) as usize;
            width = Duration(DAY.0.div_ceil(season as u64));
        }
        let bins = end.0.div_ceil(width.0) as usize;
        let (mut counts, mut work) = (vec![0.0; bins], vec![0.0; bins]);
        for request in requests {
            let bin = ((request.arrival.0 / width.0) as usize).min(bins - 1);
            counts[bin] += 1.0;
            work[bin] += request.demand.as_secs_f64();
        }
        let mean_bins = block_length(&counts).max(block_length(&work));
        Some(Self { width, bins, season, mean_bins })
    }

    /// The mean length of a block.
    pub(super) fn mean_length(&self) -> Duration {
        Duration((self.width.0 as f64 * self.mean_bins) as u64)
    }

    /// Whether blocks keep their time of day.
    pub(super) fn is_seasonal(&self) -> bool {
        self.season > 1
    }

    /// The start of a bin.
    fn start(&self, bin: usize) -> Instant {
        Instant(bin as u64 * self.width.0)
    }

    /// The bin that follows another in a joined trace, at the place `to`.
    fn next(&self, from: usize, to: usize, stream: &mut Stream) -> usize {
        let restart = stream.open01() < 1.0 / self.mean_bins.max(1.0);
        if to == 0 || restart { self.place(to, stream) } else { (from + 1) % self.bins }
    }

    /// Any bin at the same time of its season.
    fn place(&self, to: usize, stream: &mut Stream) -> usize {
        let phase = to % self.season;
        let alike = (self.bins - phase).div_ceil(self.season);
        phase + self.season * stream.below(alike as u32) as usize
    }
}

/// A trace in memory that replications are made from.
#[derive(Debug)]
pub(super) struct Recorded {
    workload: Arc<Workload>,
    pub(super) blocks: Blocks,
    /// The first request of each bin, and the number of requests.
    edges: Vec<usize>,
}

impl Recorded {
    /// The trace of a scenario, with everything that is drawn beside it for the first replication:
    /// what a request brings stays with it wherever its block goes. `None` where it does not fit
    /// into memory or is too short.
    pub(super) fn of(scenario: &Scenario, monitor: &dyn Monitor) -> Result<Option<Self>, Problem> {
        let seed = Seed::new(scenario.seed, 0);
        let workload = Workload::draw(scenario, seed, room(1), monitor)?;
        Ok(workload.and_then(|workload| Self::new(workload, scenario.until())))
    }

    fn new(workload: Workload, until: Option<Instant>) -> Option<Self> {
        let requests = &workload.requests;
        let end = until.or_else(|| requests.last().map(|last| last.arrival))?;
        let blocks = Blocks::of(requests, end)?;
        let first = |bin| requests.partition_point(|request| request.arrival < blocks.start(bin));
        let edges = (0..blocks.bins).map(first).chain([requests.len()]).collect();
        Some(Self { workload: Arc::new(workload), blocks, edges })
    }

    /// The trace as it was for the first replication, blocks of it for every other.
    pub(super) fn source(self: &Arc<Self>, seed: Seed) -> Box<dyn Source> {
        if seed.replication == 0 {
            return Box::new(Told::new(Arc::clone(&self.workload)));
        }
        let stream = seed.stream(Purpose::Bootstrap, "trace");
        Box::new(Joined { recorded: Arc::clone(self), stream, from: 0, to: 0 })
    }
}

/// Blocks of a trace, joined bin by bin.
struct Joined {
    recorded: Arc<Recorded>,
    stream: Stream,
    /// The bin that was taken last.
    from: usize,
    /// The place of the next one.
    to: usize,
}

impl Source for Joined {
    fn fill(&mut self, out: &mut Vec<Request>) -> Result<(), Problem> {
        let Recorded { workload, blocks, edges } = &*self.recorded;
        let full = out.len() + CHUNK;
        while out.len() < full && self.to < blocks.bins {
            self.from = blocks.next(self.from, self.to, &mut self.stream);
            let (was, is) = (blocks.start(self.from), blocks.start(self.to));
            let bin = &workload.requests[edges[self.from]..edges[self.from + 1]];
            let moved = |request: &Request| is + (request.arrival - was);
            out.extend(bin.iter().map(|request| Request { arrival: moved(request), ..*request }));
            self.to += 1;
        }
        Ok(())
    }

    fn is_impatient(&self) -> bool {
        self.recorded.workload.impatient
    }

    fn advice(&mut self) -> Vec<String> {
        self.recorded.workload.advice.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::dispersion::{counts, index_of_dispersion};

    fn trace(arrivals: impl Iterator<Item = u64>) -> Vec<Request> {
        let request = |at| Request { arrival: Instant(at), key: at, ..Request::default() };
        arrivals.map(request).collect()
    }

    /// One other trace of the kind of these requests.
    fn joined(requests: &[Request], replication: u64) -> Vec<Request> {
        let requests = requests.to_vec();
        let workload = Workload { requests, impatient: false, end: None, advice: Vec::new() };
        let recorded = Arc::new(Recorded::new(workload, None).unwrap());
        let mut source = recorded.source(Seed::new(1, replication));
        let mut out = Vec::new();
        while {
            let before = out.len();
            source.fill(&mut out).unwrap();
            out.len() > before
        } {}
        out
    }

    #[test]
    fn a_resample_is_in_order_as_long_and_as_bursty() {
        // 100 requests in the first second of every ten, on average, for 5,000 s.
        let mut draw = Seed::new(1, 99).stream(Purpose::Arrival, "bursts");
        let bursts = (0..5000_u64).filter(|_| draw.below(10) == 0).collect::<Vec<_>>();
        let arrivals = bursts
            .iter()
            .flat_map(|second| (0..100).map(move |i| second * 1_000_000_000 + i * 5_000_000));
        let requests = trace(arrivals);
        let end = requests.last().unwrap().arrival;
        let blocks = Blocks::of(&requests, end).unwrap();
        let index = |requests: &[Request]| {
            let at: Vec<u64> = requests.iter().map(|request| request.arrival.0).collect();
            index_of_dispersion(&counts(&at, 5_000_000_000, end.0)).unwrap()
        };
        let original = index(&requests);
        let mut mean = 0.0;
        for replication in 0..20 {
            let joined = joined(&requests, replication + 1);
            assert!(joined.is_sorted_by_key(|request| request.arrival));
            assert!(joined.last().unwrap().arrival <= end + blocks.width);
            mean += index(&joined) / 20.0;
        }
        assert!((mean / original - 1.0).abs() < 0.15, "{mean} of {original}");
    }

    #[test]
    fn days_keep_their_hours() {
        let hour = 3_600_000_000_000;
        let noon = (0..10_u64).flat_map(|day| (0..60).map(move |i| (day * 24 + 12) * hour + i));
        let requests = trace(noon.chain([240 * hour]));
        let blocks = Blocks::of(&requests, Instant(240 * hour)).unwrap();
        assert!(blocks.is_seasonal());
        let joined = joined(&requests, 1);
        assert!(joined.len() > 300);
        let slack = blocks.width.0;
        let of_day = |request: &Request| request.arrival.0 % (24 * hour);
        let noon = joined.iter().filter(|request| request.arrival.0 < 239 * hour);
        assert!(noon.map(of_day).all(|at| at < slack || at.abs_diff(12 * hour) <= slack));
    }

    #[test]
    fn the_first_replication_is_the_trace_itself() {
        let requests = trace((0..5000).map(|i| i * 1_000_000));
        assert_eq!(joined(&requests, 0), requests);
        assert_ne!(joined(&requests, 1), requests);
    }

    #[test]
    fn nothing_has_no_blocks() {
        assert_eq!(Blocks::of(&[], Instant(5)), None);
        assert_eq!(Blocks::of(&trace([0, 0].into_iter()), Instant(0)), None);
    }
}
