//! The fleet over a run: when each server came and went, what was decided and why, what was asked.

use super::Probe;
use crate::fleet::State;
use crate::model::{Foresight, Request, ServerId};
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
    /// Slots and speed of a new server, before and after.
    pub sizes: [(u32, f64); 2],
    /// The 99th percentile of latency over the window, in seconds, where the policy looks at it.
    pub latency_s: Option<f64>,
    /// The share of requests that did not complete, over the window.
    pub errors: Option<f64>,
}

impl Decision {
    /// The count before it.
    pub fn wanted(&self) -> u32 {
        self.starting + self.ready
    }

    /// Whether it changed the count or the size.
    pub fn acted(&self) -> bool {
        self.allowed != self.wanted() || self.sizes[0] != self.sizes[1]
    }

    fn outcome(&self) -> (u32, u32, u32, &'static str) {
        (self.wanted(), self.proposed, self.allowed, self.verdict)
    }
}

/// What a server is from an instant on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Change {
    /// When.
    pub at: Instant,
    /// The pool, by its place in the scenario.
    pub pool: u16,
    /// Which server.
    pub server: ServerId,
    /// Where it is in its life.
    pub state: State,
    /// Whether it serves and is not warm yet.
    pub warming: bool,
    /// Requests it serves at once.
    pub slots: u32,
    /// Work a second, once it is warm.
    pub speed: f64,
}

/// A fleet, or a part of it, from an instant to the next step.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Step {
    /// When it begins.
    pub from: Instant,
    /// Servers on their way.
    pub starting: u32,
    /// Servers that serve, warm or not.
    pub ready: u32,
    /// Of those, servers that are not warm yet.
    pub warming: u32,
    /// Servers that finish what they have.
    pub draining: u32,
    /// Slots of those that serve or finish.
    pub slots: u64,
    /// What all of them cost an hour.
    pub per_hour: f64,
    /// What those of them that serve cost an hour.
    pub ready_per_hour: f64,
}

impl Step {
    /// Servers that are paid for.
    pub fn paid(self) -> u32 {
        self.starting + self.ready + self.draining
    }

    /// Counts a server in with a sign of 1, or out with −1.
    fn count(&mut self, server: &Change, per_hour: f64, sign: i32) {
        let by = |count: &mut u32| *count = count.saturating_add_signed(sign);
        match server.state {
            State::Starting => by(&mut self.starting),
            State::Ready => {
                by(&mut self.ready);
                self.ready_per_hour += per_hour * f64::from(sign);
            }
            State::Draining => by(&mut self.draining),
            State::Failed | State::Gone => return,
        }
        if server.warming {
            by(&mut self.warming);
        }
        if server.state != State::Starting {
            let slots = i64::from(server.slots) * i64::from(sign);
            self.slots = self.slots.saturating_add_signed(slots);
        }
        self.per_hour += per_hour * f64::from(sign);
    }
}

/// The work that arrived in one interval.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Offered {
    /// Requests.
    pub arrivals: u64,
    /// Their demands at speed 1, in nanoseconds.
    pub work_ns: u64,
}

impl std::iter::Sum for Offered {
    fn sum<I: Iterator<Item = Self>>(intervals: I) -> Self {
        intervals.fold(Self::default(), |sum, next| Self {
            arrivals: sum.arrivals + next.arrivals,
            work_ns: sum.work_ns + next.work_ns,
        })
    }
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
    /// Starts that failed and were begun again: when the server was ordered, its pool, how many.
    pub failed_starts: Vec<(Instant, u16, u32)>,
    /// What the policies have learnt, by pool.
    pub memories: Vec<(u16, String)>,
    /// What the policies foresaw, by pool.
    pub foresights: Vec<(u16, Foresight)>,
    /// The width of an interval of offered work.
    pub width: Duration,
    /// The work that arrived in each interval.
    pub offered: Vec<Offered>,
    /// Where the last interval ends: arrivals come in order, so most need no division.
    edge: Instant,
    last: Vec<Option<(u32, u32, u32, &'static str)>>,
}

impl Census {
    /// A census of so many pools.
    pub fn new(pools: usize) -> Self {
        Self {
            changes: Vec::new(),
            decisions: Vec::new(),
            looks: 0,
            failed_starts: Vec::new(),
            memories: Vec::new(),
            foresights: Vec::new(),
            width: Duration::from_secs(1),
            offered: Vec::new(),
            edge: Instant::START,
            last: vec![None; pools],
        }
    }

    /// Every step of the pools that are asked for; `per_hour` is what a server costs.
    pub fn steps(&self, of: impl Fn(u16) -> bool, per_hour: impl Fn(&Change) -> f64) -> Vec<Step> {
        let mut servers: Vec<Option<&Change>> = Vec::new();
        let (mut now, mut steps) = (Step::default(), Vec::<Step>::new());
        for change in self.changes.iter().filter(|change| of(change.pool)) {
            let at = change.server.index();
            servers.resize(servers.len().max(at + 1), None);
            // What it was is taken away, what it is now is added.
            if let Some(before) = servers[at].replace(change) {
                now.count(before, per_hour(before), -1);
            }
            now.count(change, per_hour(change), 1);
            now.from = change.at;
            match steps.last_mut() {
                Some(last) if last.from == change.at => *last = now,
                _ => steps.push(now),
            }
        }
        steps
    }

    /// Intervals up to the one that holds an arrival.
    #[cold]
    fn begin_interval(&mut self, arrival: Instant) {
        while arrival.0 / self.width.0 >= MOST as u64 {
            self.widen();
        }
        let index = (arrival.0 / self.width.0) as usize;
        self.offered.resize(self.offered.len().max(index + 1), Offered::default());
        self.edge = Instant((index as u64 + 1) * self.width.0);
    }

    fn widen(&mut self) {
        self.width = Duration(2 * self.width.0);
        let pairs = std::mem::take(&mut self.offered);
        self.offered = pairs.chunks(2).map(|pair| pair.iter().copied().sum()).collect();
    }
}

impl Probe for Census {
    #[inline]
    fn arrival(&mut self, request: &Request, _: u64) {
        if request.arrival >= self.edge {
            self.begin_interval(request.arrival);
        }
        if let Some(last) = self.offered.last_mut() {
            last.arrivals += 1;
            last.work_ns += request.demand.0;
        }
    }

    fn server(&mut self, change: &Change) {
        self.changes.push(*change);
    }

    fn failed_starts(&mut self, pool: u16, starts: u32) {
        // It is told right after the order of the server.
        let at = self.changes.last().map_or(Instant::START, |change| change.at);
        self.failed_starts.push((at, pool, starts));
    }

    fn decision(&mut self, decision: Decision) {
        self.looks += 1;
        let last = &mut self.last[usize::from(decision.pool)];
        let outcome = decision.outcome();
        let moves = decision.acted() || decision.proposed != decision.wanted();
        let anew = *last != Some(outcome) || decision.acted();
        if (moves || last.is_none()) && anew && self.decisions.len() < LOG {
            self.decisions.push(decision);
        }
        *last = Some(outcome);
    }

    fn memory(&mut self, pool: u16, memory: String) {
        self.memories.push((pool, memory));
    }

    fn foresight(&mut self, pool: u16, foresight: Foresight) {
        self.foresights.push((pool, foresight));
    }
}
