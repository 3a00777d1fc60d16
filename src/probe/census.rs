//! The fleet over a run: when each server came and went, what was decided and why, what was asked.

use super::Probe;
use crate::fleet::State;
use crate::model::{Request, ServerId};
use crate::time::{Duration, Instant};

/// One look of an autoscaler: what it saw, what it wanted, what the guard made of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision {
    /// When.
    pub at: Instant,
    /// The pool, by its place in the scenario.
    pub pool: u16,
    /// Servers ordered and not yet serving.
    pub starting: u32,
    /// Servers that serve.
    pub ready: u32,
    /// Servers that finish what they have.
    pub draining: u32,
    /// Requests in the system at that instant.
    pub in_system: u32,
    /// Utilization over the window.
    pub utilization: Option<f64>,
    /// Requests in the system over the window.
    pub concurrency: Option<f64>,
    /// Requests waiting over the window.
    pub queue: Option<f64>,
    /// Arrivals a second over the window.
    pub rate: Option<f64>,
    /// The count the policy wanted.
    pub proposed: u32,
    /// Its reason.
    pub why: String,
    /// The count that was carried out.
    pub allowed: u32,
    /// What the guard made of it.
    pub verdict: &'static str,
}

impl Decision {
    /// The count before it.
    pub fn wanted(&self) -> u32 {
        self.starting + self.ready
    }

    fn outcome(&self) -> (u32, u32, u32, &'static str) {
        (self.wanted(), self.proposed, self.allowed, self.verdict)
    }
}

/// A server's step from one state to the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change {
    /// When.
    pub at: Instant,
    /// The pool, by its place in the scenario.
    pub pool: u16,
    /// Which server.
    pub server: ServerId,
    /// What it is from now on.
    pub state: State,
}

/// The work that arrived in one interval.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Offered {
    /// Requests.
    pub arrivals: u64,
    /// Their demands at speed 1, in nanoseconds.
    pub work_ns: u64,
}

/// Intervals of offered work; they double in width when a run outgrows them.
const MOST: usize = 4096;
/// Decisions that are kept; a log that is longer is read by nobody.
const LOG: usize = 20_000;

/// Everything about the fleet that a report needs.
#[derive(Clone, Debug)]
pub struct Census {
    /// Every step of every server, in order of time.
    pub changes: Vec<Change>,
    /// Looks that wanted or changed something, or were held back otherwise than the one before.
    pub decisions: Vec<Decision>,
    /// Looks in all.
    pub looks: u64,
    /// Starts that failed and were begun again.
    pub failed_starts: u64,
    /// What the policies have learnt, by pool.
    pub memories: Vec<(u16, String)>,
    /// The width of an interval of offered work.
    pub width: Duration,
    /// The work that arrived in each interval.
    pub offered: Vec<Offered>,
    last: Vec<Option<(u32, u32, u32, &'static str)>>,
}

impl Census {
    /// A census of so many pools.
    pub fn new(pools: usize) -> Self {
        Self {
            changes: Vec::new(),
            decisions: Vec::new(),
            looks: 0,
            failed_starts: 0,
            memories: Vec::new(),
            width: Duration::from_secs(1),
            offered: Vec::new(),
            last: vec![None; pools],
        }
    }

    #[cold]
    fn widen(&mut self) {
        self.width = Duration(2 * self.width.0);
        let pairs = std::mem::take(&mut self.offered);
        let sum = |pair: &[Offered]| Offered {
            arrivals: pair.iter().map(|it| it.arrivals).sum(),
            work_ns: pair.iter().map(|it| it.work_ns).sum(),
        };
        self.offered = pairs.chunks(2).map(sum).collect();
    }
}

impl Probe for Census {
    fn arrival(&mut self, request: &Request, _: u64) {
        while request.arrival.0 / self.width.0 >= MOST as u64 {
            self.widen();
        }
        let index = (request.arrival.0 / self.width.0) as usize;
        if index >= self.offered.len() {
            self.offered.resize(index + 1, Offered::default());
        }
        self.offered[index].arrivals += 1;
        self.offered[index].work_ns += request.demand.0;
    }

    fn server(&mut self, at: Instant, pool: u16, server: ServerId, state: State) {
        self.changes.push(Change { at, pool, server, state });
    }

    fn failed_starts(&mut self, _: u16, starts: u32) {
        self.failed_starts += u64::from(starts);
    }

    fn decision(&mut self, decision: Decision) {
        self.looks += 1;
        let last = &mut self.last[usize::from(decision.pool)];
        let outcome = decision.outcome();
        let (wanted, proposed, allowed, _) = outcome;
        let moves = proposed != wanted || allowed != wanted;
        if (moves || last.is_none()) && *last != Some(outcome) && self.decisions.len() < LOG {
            self.decisions.push(decision);
        }
        *last = Some(outcome);
    }

    fn memory(&mut self, pool: u16, memory: String) {
        self.memories.push((pool, memory));
    }
}
