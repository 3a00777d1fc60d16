//! The measures of a run: latencies, time averages, what each server did.
//!
//! A time average needs no events: a request in the system from its arrival to its end adds just
//! that stretch to the area under "in system", its wait to the queue's, its service to the busy
//! time. All sums are whole numbers, so that they do not depend on the order of completions.

use super::{Crowd, Probe};
use crate::model::{Completion, Fate, Request, ServerId};
use crate::stats::Tally;
use crate::time::{Duration, Instant};

/// Everything a report needs of one run, before division by the time it covers; the latencies are
/// complete once it is settled.
#[derive(Clone, Debug, Default)]
pub struct Meter {
    /// Requests that arrive earlier, and time before, are warm-up and not measured.
    pub from: Instant,
    /// Requests that arrived.
    pub arrived: u64,
    /// The work that arrived: nanoseconds of service at speed 1.
    pub demand: u128,
    /// Ends by [`Fate`].
    pub ended: [u64; Fate::COUNT],
    /// Completed requests that waited at all.
    pub waited: u64,
    /// Services of those that did not, which are their latencies too: one bucket to find, not 3.
    /// Empty once the run is settled.
    pub at_once: Tally,
    /// Latencies of completed requests.
    pub latency: Tally,
    /// Their waits.
    pub wait: Tally,
    /// Their services.
    pub service: Tally,
    /// The area under the number in system, in request-nanoseconds.
    pub in_system_area: u128,
    /// The area under the number waiting.
    pub queue_area: u128,
    /// What each server did, by its number.
    pub servers: Vec<PerServer>,
    /// Input and output tokens of completed requests.
    pub tokens: [u64; 2],
    /// Requests completed in the measured stretch that arrived before it, less those that arrived
    /// in it and were completed after its end.
    pub carried: i64,
    /// The last end.
    pub last: Instant,
}

/// What one server did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PerServer {
    /// Requests served to the end.
    pub completed: u64,
    /// Slot-nanoseconds in which it served; complete when the run is.
    pub busy_ns: u64,
}

impl Meter {
    /// A meter of `servers` servers that ignores requests arriving before `from`.
    pub fn new(from: Instant, servers: usize) -> Self {
        Self { from, servers: vec![PerServer::default(); servers], ..Self::default() }
    }

    /// Ends the run: those that did not wait are counted with the others from here on.
    pub fn settle(&mut self) {
        let at_once = std::mem::take(&mut self.at_once);
        self.latency.merge(&at_once);
        self.wait.record_n(0, at_once.count());
        self.service.merge(&at_once);
    }

    /// Requests with this end.
    pub fn count(&self, fate: Fate) -> u64 {
        self.ended[fate as usize]
    }

    /// Requests completed within the measured stretch, whenever they arrived.
    pub fn departed(&self) -> u64 {
        self.count(Fate::Completed).saturating_add_signed(self.carried)
    }

    /// The stretches of a request that lie after `from`, in nanoseconds: in system, waiting,
    /// served.
    #[inline]
    fn stretches(done: &Completion, from: Instant) -> (u64, u64, u64) {
        let after = |instant: Instant| instant.max(from);
        let (arrival, started, ended) =
            (after(done.request.arrival), after(done.started), after(done.ended));
        ((ended - arrival).0, (started - arrival).0, (ended - started).0)
    }

    fn server(&mut self, server: Option<ServerId>) -> Option<&mut PerServer> {
        let at = server?.index();
        if at >= self.servers.len() {
            self.servers.resize(at + 1, PerServer::default());
        }
        Some(&mut self.servers[at])
    }
}

impl Probe for Meter {
    #[inline]
    fn arrival(&mut self, request: &Request, _: u64) {
        if request.arrival >= self.from {
            self.arrived += 1;
            self.demand += u128::from(request.demand.0);
        }
    }

    #[inline]
    fn completion(&mut self, done: &Completion, _: u64) {
        let measured = done.request.arrival >= self.from;
        let (in_system, waiting, served) = if measured {
            (done.latency().0, done.wait().0, done.service().0)
        } else {
            Self::stretches(done, self.from)
        };
        self.in_system_area += u128::from(in_system);
        self.queue_area += u128::from(waiting);
        self.last = self.last.max(done.ended);
        let completed = done.fate == Fate::Completed;
        if let Some(server) = self.server(done.server) {
            server.busy_ns = server.busy_ns.wrapping_add(served);
            server.completed += u64::from(measured && completed);
        }
        if !measured {
            self.carried += i64::from(completed && done.ended > self.from);
            return;
        }
        self.ended[done.fate as usize] += 1;
        if completed {
            if done.wait() == Duration::ZERO {
                self.at_once.record(done.service().0);
            } else {
                self.latency.record(done.latency().0);
                self.wait.record(done.wait().0);
                self.service.record(done.service().0);
                self.waited += 1;
            }
            self.tokens[0] += u64::from(done.request.input);
            self.tokens[1] += u64::from(done.request.output);
        }
    }

    fn attempt(&mut self, done: &Completion, horizon: Option<Instant>, _: bool) {
        // Its request is counted when that ends; the server was busy with it all the same.
        let within = |at: Instant| at.max(self.from).min(horizon.unwrap_or(Instant::NEVER));
        let served = within(done.ended).since(within(done.started)).0;
        if let Some(server) = self.server(done.server) {
            server.busy_ns = server.busy_ns.wrapping_add(served);
        }
        self.last = self.last.max(done.ended);
    }

    fn beyond(&mut self, done: &Completion, horizon: Instant) {
        let completed = done.fate == Fate::Completed;
        self.carried -= i64::from(completed);
        let (in_system, waiting, served) = Self::stretches(done, horizon.max(self.from));
        self.in_system_area -= u128::from(in_system);
        self.queue_area -= u128::from(waiting);
        if let Some(server) = self.server(done.server) {
            server.busy_ns = server.busy_ns.wrapping_sub(served);
        }
    }

    fn crowd(&mut self, crowd: &Crowd) {
        let within = |at: Instant| at.min(crowd.horizon.unwrap_or(at)).max(self.from);
        let span = (within(crowd.to) - within(crowd.from)).0;
        if let Some(server) = self.server(Some(crowd.server)) {
            // The services that overlap are added when they end; until then the sum may lie below
            // zero, and wraps.
            server.busy_ns = server.busy_ns.wrapping_sub(span * u64::from(crowd.beyond));
        }
    }
}
