//! What failures did to a run, and what was done about them: counts, a log, and both over time.

use super::{Note, Probe, Try};
use crate::model::{Completion, Fate, Request, ServerId};
use crate::stats::Tally;
use crate::time::{Duration, Instant};

/// One line of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// When.
    pub at: Instant,
    /// What happened.
    pub note: Note,
}

/// Counts of one kind or another.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tries {
    /// Attempts of requests that had just come.
    pub first: u64,
    /// Attempts after a failed one.
    pub retries: u64,
    /// Attempts beside one that took long.
    pub hedges: u64,
    /// Retries and hedges that were not allowed.
    pub denied: u64,
    /// Those of them that an open circuit stopped; the others the budget did.
    pub denied_by_circuit: u64,
    /// Times that a circuit opened.
    pub circuits_opened: u64,
    /// Hedges that answered first.
    pub hedges_won: u64,
    /// Requests that servers lost.
    pub lost: u64,
    /// Requests that servers gave back.
    pub returned: u64,
    /// Times that a failure of any kind came over a server.
    pub faults: u64,
    /// Times that a server went out.
    pub outages: u64,
    /// Times that checks, or knowledge, took a server for down.
    pub marked_down: u64,
    /// Times that a server was ejected.
    pub ejected: u64,
    /// Times that a server was marked up or let in again.
    pub readmitted: u64,
    /// Service that was given in vain: to attempts whose answer nobody took, in nanoseconds.
    pub wasted_ns: u64,
    /// The part of it whose answer came after everybody had stopped waiting for it.
    pub late: u64,
}

impl Tries {
    /// Attempts of every kind.
    pub fn attempts(&self) -> u64 {
        self.first + self.retries + self.hedges
    }
}

/// What happened in one interval.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Beat {
    /// Requests that arrived.
    pub arrivals: u64,
    /// Attempts that began.
    pub attempts: u64,
    /// Attempts among them that were retries or hedges.
    pub again: u64,
    /// Requests that were answered well.
    pub answered: u64,
    /// Requests that ended in any other way.
    pub errors: u64,
    /// Of those, refused: by a full queue, by admission, or by a circuit breaker.
    pub refused: u64,
    /// Of those, that left a queue because they had waited too long.
    pub timed_out: u64,
    /// Server-nanoseconds out.
    pub out_ns: u64,
    /// Server-nanoseconds that balancers sent nothing to: marked down or ejected.
    pub shunned_ns: u64,
}

impl Beat {
    fn add(&mut self, other: &Self) {
        self.arrivals += other.arrivals;
        self.attempts += other.attempts;
        self.again += other.again;
        self.answered += other.answered;
        self.errors += other.errors;
        self.refused += other.refused;
        self.timed_out += other.timed_out;
        self.out_ns += other.out_ns;
        self.shunned_ns += other.shunned_ns;
    }
}

/// Intervals that are kept; they double in width when a run outgrows them.
const MOST: usize = 480;
/// Lines of the log that are kept; one that is longer is read by nobody.
const LOG: usize = 20_000;

/// How long outages lasted until their servers were doubted.
#[derive(Clone, Debug, Default)]
pub struct Spans {
    /// Servers that are out and not doubted, since when.
    out: Vec<(ServerId, Instant)>,
    /// Outages that were found out.
    pub count: u64,
    /// The sum of the times that took, in seconds.
    pub sum: f64,
    /// The shortest, in seconds.
    pub min: f64,
    /// The longest, in seconds.
    pub max: f64,
}

impl Spans {
    fn out(&mut self, server: ServerId, now: Instant, out: bool) {
        if out {
            self.out.push((server, now));
        } else {
            self.out.retain(|(other, _)| *other != server);
        }
    }

    fn doubted(&mut self, server: ServerId, now: Instant) {
        let Some(at) = self.out.iter().position(|(other, _)| *other == server) else { return };
        let span = now.since(self.out.swap_remove(at).1).as_secs_f64();
        self.min = if self.count == 0 { span } else { self.min.min(span) };
        self.max = self.max.max(span);
        self.sum += span;
        self.count += 1;
    }
}

/// What became of the requests of one class of traffic.
#[derive(Clone, Debug, Default)]
pub struct OfClass {
    /// Requests that arrived.
    pub arrived: u64,
    /// Latencies of those that were answered.
    pub latency: Tally,
    /// Those that admission, or an open circuit, did not let in.
    pub shed: u64,
    /// Those that ended without an answer, the shed ones among them.
    pub errors: u64,
}

/// The probe.
#[derive(Clone, Debug)]
pub struct Chronicle {
    /// Requests that arrive earlier are warm-up and not counted.
    pub from: Instant,
    /// What was counted.
    pub tries: Tries,
    /// The log in order of time; attempts, losses and returns are only counted.
    pub log: Vec<Entry>,
    /// Lines that there were, those that the log has no room for among them.
    pub happened: u64,
    /// The width of an interval.
    pub width: Duration,
    /// What happened in each interval.
    pub beats: Vec<Beat>,
    /// When the first fault came.
    pub first_fault: Option<Instant>,
    /// When the last fault went; `None` while one lasts, or where there was none.
    pub last_fault: Option<Instant>,
    /// From outages to the first doubt in their servers.
    pub spans: Spans,
    /// By class of traffic, where there are several.
    pub classes: Vec<OfClass>,
    lasting: u32,
    out: u32,
    shunned: u32,
    at: Instant,
}

impl Chronicle {
    /// A chronicle of a run with so many classes of traffic that is measured from `from` on.
    pub fn new(from: Instant, classes: usize) -> Self {
        Self {
            from,
            tries: Tries::default(),
            log: Vec::new(),
            happened: 0,
            width: Duration(Duration::from_secs(1).0 / 8),
            beats: Vec::new(),
            first_fault: None,
            last_fault: None,
            spans: Spans::default(),
            classes: vec![OfClass::default(); if classes > 1 { classes } else { 0 }],
            lasting: 0,
            out: 0,
            shunned: 0,
            at: Instant::START,
        }
    }

    /// The class of a request that is measured, where classes are told apart.
    fn class(&mut self, request: &Request) -> Option<&mut OfClass> {
        let measured = request.arrival >= self.from;
        self.classes.get_mut(usize::from(request.class)).filter(|_| measured)
    }

    fn beat(&mut self, at: Instant) -> &mut Beat {
        while at.0 / self.width.0 >= MOST as u64 {
            self.width = Duration(2 * self.width.0);
            let sum = |pair: &[Beat]| {
                let mut sum = pair[0];
                pair[1..].iter().for_each(|other| sum.add(other));
                sum
            };
            self.beats = self.beats.chunks(2).map(sum).collect();
        }
        let index = (at.0 / self.width.0) as usize;
        if index >= self.beats.len() {
            self.beats.resize(index + 1, Beat::default());
        }
        &mut self.beats[index]
    }

    /// Brings the areas under the levels up to `now`.
    pub fn settle(&mut self, now: Instant) {
        let (out, shunned) = (u64::from(self.out), u64::from(self.shunned));
        while self.at < now {
            self.beat(self.at);
            let end = Instant((self.at.0 / self.width.0 + 1) * self.width.0).min(now);
            let span = (end - self.at).0;
            let beat = self.beat(self.at);
            beat.out_ns += span * out;
            beat.shunned_ns += span * shunned;
            self.at = end;
        }
    }

    fn log(&mut self, at: Instant, note: Note) {
        self.happened += 1;
        if self.log.len() < LOG {
            self.log.push(Entry { at, note });
        }
    }

    fn fault(&mut self, now: Instant, comes: bool) {
        if comes {
            self.lasting += 1;
            self.first_fault.get_or_insert(now);
            self.last_fault = None;
        } else {
            self.lasting -= 1;
            self.last_fault = (self.lasting == 0).then_some(now);
        }
    }
}

fn step(level: &mut u32, up: bool) {
    *level = if up { *level + 1 } else { level.saturating_sub(1) };
}

impl Probe for Chronicle {
    fn arrival(&mut self, request: &Request, _: u64) {
        self.beat(request.arrival).arrivals += 1;
        if let Some(class) = self.class(request) {
            class.arrived += 1;
        }
    }

    fn completion(&mut self, done: &Completion, _: u64) {
        if let Some(class) = self.class(&done.request) {
            match done.fate {
                Fate::Completed => class.latency.record(done.latency().0),
                fate => {
                    class.errors += 1;
                    class.shed += u64::from(fate == Fate::Shed);
                }
            }
        }
        let beat = self.beat(done.ended);
        if done.fate == Fate::Completed {
            beat.answered += 1;
        } else {
            beat.errors += 1;
            beat.refused += u64::from(matches!(done.fate, Fate::Rejected | Fate::Shed));
            beat.timed_out += u64::from(done.fate == Fate::TimedOut);
            self.waste(done, None);
        }
    }

    fn attempt(&mut self, done: &Completion, horizon: Option<Instant>, in_vain: bool) {
        if !in_vain {
            return;
        }
        self.waste(done, horizon);
        // Served to the end, and yet it did not answer its request.
        self.tries.late +=
            u64::from(done.fate == Fate::Completed && done.request.arrival >= self.from);
    }

    fn note(&mut self, now: Instant, note: Note) {
        let tries = &mut self.tries;
        let measured = u64::from(now >= self.from);
        match note {
            Note::Attempt(why) => {
                match why {
                    Try::First => tries.first += measured,
                    Try::Retry => tries.retries += measured,
                    Try::Hedge => tries.hedges += measured,
                }
                let beat = self.beat(now);
                beat.attempts += 1;
                beat.again += u64::from(why != Try::First);
                return;
            }
            Note::Denied(circuit) => {
                tries.denied += measured;
                tries.denied_by_circuit += measured * u64::from(circuit);
                return;
            }
            Note::HedgeWon => return tries.hedges_won += measured,
            Note::Lost => return tries.lost += measured,
            Note::Returned => return tries.returned += measured,
            Note::Fault(_, _, comes) => {
                tries.faults += measured * u64::from(comes);
                self.fault(now, comes);
            }
            Note::Out(server, out) => {
                tries.outages += measured * u64::from(out);
                self.spans.out(server, now, out);
                self.settle(now);
                step(&mut self.out, out);
            }
            Note::Shunned(_, shunned) => {
                self.settle(now);
                return step(&mut self.shunned, shunned);
            }
            Note::Marked(server, doubted) | Note::Ejected(server, doubted) => {
                let count = match note {
                    Note::Marked(_, true) => &mut tries.marked_down,
                    Note::Ejected(_, true) => &mut tries.ejected,
                    _ => &mut tries.readmitted,
                };
                *count += measured;
                if doubted {
                    self.spans.doubted(server, now);
                }
            }
            Note::Circuit(_, open) => tries.circuits_opened += measured * u64::from(open),
            Note::Panic(_) => {}
        }
        self.log(now, note);
    }
}

impl Chronicle {
    /// Busy time ends at the horizon, and so does what is wasted of it.
    fn waste(&mut self, done: &Completion, horizon: Option<Instant>) {
        if done.server.is_some() {
            let ended = done.ended.min(horizon.unwrap_or(Instant::NEVER));
            self.tries.wasted_ns += ended.since(done.started.max(self.from)).0;
        }
    }
}
