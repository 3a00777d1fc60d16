//! What servers report of their load: measured on a timer, heard by the balancers after a delay.

use super::Plant;
use crate::fleet::{Report, State};
use crate::model::{Completion, Fate, Request, ServerId};
use crate::time::{Duration, Instant};

/// How servers report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reporting {
    /// The time between two reports of one server.
    pub interval: Duration,
    /// The time from the measurement until the balancers hear of it.
    pub delay: Duration,
}

/// Servers report in this many groups, one after the other, as they would if nobody kept them in
/// step: all at once would make every balancer change its mind at one instant.
const GROUPS: u64 = 16;

/// What one server did since its last report.
#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    since: Instant,
    busy_until: Instant,
    busy_ns: u64,
    completed: u64,
    errors: u64,
    moved: u64,
    /// Tokens of the requests that are there now.
    held: u64,
}

/// Measures every server in its turn.
#[derive(Debug)]
pub(super) struct Reporter {
    reporting: Reporting,
    group: u64,
    tallies: Vec<Tally>,
}

impl Reporter {
    pub(super) fn new(reporting: Reporting) -> Self {
        assert!(reporting.interval > Duration::ZERO, "reports need an interval");
        Self { reporting, group: 0, tallies: Vec::new() }
    }

    /// From the report of one group to that of the next.
    pub(super) fn step(&self) -> Duration {
        Duration((self.reporting.interval.0 / GROUPS).max(1))
    }

    pub(super) fn delay(&self) -> Duration {
        self.reporting.delay
    }

    fn tally(&mut self, server: ServerId) -> &mut Tally {
        if server.index() >= self.tallies.len() {
            self.tallies.resize(server.index() + 1, Tally::default());
        }
        &mut self.tallies[server.index()]
    }

    /// Until now the server has had this many slots busy.
    pub(super) fn busy_until(&mut self, now: Instant, server: ServerId, serving: u32) {
        let tally = self.tally(server);
        tally.busy_ns += (now - tally.busy_until).0 * u64::from(serving);
        tally.busy_until = now;
    }

    /// A request has been sent to the server.
    pub(super) fn sent(&mut self, request: &Request, server: ServerId) {
        self.tally(server).held += request.tokens();
    }

    /// A request has left the server.
    pub(super) fn ended(&mut self, done: &Completion, server: ServerId) {
        let completed = done.fate == Fate::Completed;
        let tally = self.tally(server);
        tally.completed += u64::from(completed);
        // What was taken back from the server is no error of it.
        tally.errors += u64::from(!completed && done.fate != Fate::Cancelled);
        tally.held -= done.request.tokens();
        tally.moved += if completed { done.request.tokens() } else { 0 };
    }

    /// The reports of the group whose turn it is.
    pub(super) fn measure(&mut self, now: Instant, plant: &Plant) -> Vec<(ServerId, Report)> {
        let first = self.group as usize;
        self.group = (self.group + 1) % GROUPS;
        let group = (first..plant.fleet.len()).step_by(GROUPS as usize);
        let servers = group.map(|at| ServerId(at as u32));
        servers
            .filter(|&server| matches!(plant.fleet.state(server), State::Ready | State::Draining))
            .map(|server| (server, self.report(now, plant, server)))
            .collect()
    }

    fn report(&mut self, now: Instant, plant: &Plant, server: ServerId) -> Report {
        let spec = plant.fleet.spec(server);
        let station = &plant.stations[usize::from(spec.pool)];
        let serving = station.serving(plant.places[server.index()] as usize);
        self.busy_until(now, server, serving.min(spec.slots));
        let tally = self.tally(server);
        let seconds = (now - tally.since).as_secs_f64().max(1e-9);
        let in_flight = plant.fleet.in_flight(server);
        let report = Report {
            at: now,
            utilization: tally.busy_ns as f64 / 1e9 / seconds / f64::from(spec.slots.max(1)),
            in_flight,
            rate: tally.completed as f64 / seconds,
            errors: tally.errors as f64 / seconds,
            memory: tally.held as f64 / spec.memory,
            bandwidth: tally.moved as f64 / seconds / spec.bandwidth,
        };
        *tally = Tally { since: now, busy_until: now, held: tally.held, ..Tally::default() };
        report
    }
}
