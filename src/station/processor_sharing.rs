//! Everyone at once: a server's capacity is shared evenly among its requests.
//!
//! **What it does.** With n requests at a server of c slots each is served at speed min(1, c / n).
//! Nobody waits; everybody slows down. `queue-limit` bounds the requests beyond the slots.
//! **When it shines.** Thread-per-request servers, CPUs under a time-slicing scheduler.
//! **When it fails.** Workers that take one request at a time.
//! **Source.** Kleinrock 1967; M/G/1-PS, whose mean depends on the sizes only through their mean.

use std::collections::BTreeSet;

use super::slots::NoOptions;
use super::{Discipline, Line, Offer, Slab, Station, Ticket};
use crate::diagnose::Problem;
use crate::registry::Variant;
use crate::time::{Duration, Instant};

/// The discipline.
#[derive(Debug)]
pub struct ProcessorSharing;

impl Variant<dyn Discipline> for ProcessorSharing {
    const NAME: &'static str = "processor-sharing";
    type Config = NoOptions;
    fn build(_: &NoOptions, (): &()) -> Result<Box<dyn Discipline>, Problem> {
        Ok(Box::new(Self))
    }
}

impl Discipline for ProcessorSharing {
    fn station(&self) -> Box<dyn Station> {
        Box::new(Sharing::default())
    }
    fn line(&self) -> Option<Box<dyn Line>> {
        None
    }
}

/// The servers of a pool.
#[derive(Debug, Default)]
struct Sharing {
    servers: Vec<Server>,
}

/// A server: every request is done when the attained service reaches its mark.
///
/// `attained` is the service that a request present since the last idle moment has got, in
/// nanoseconds at speed 1. Sub-nanosecond parts are kept, so rounding does not add up.
#[derive(Debug)]
struct Server {
    marks: BTreeSet<Mark>,
    attained: f64,
    since: Instant,
    slots: u32,
    queue_limit: u32,
    speed: f64,
}

/// Where a request ends, ordered by bits: marks are finite and not negative.
type Mark = (u64, u64, Ticket);

impl Server {
    /// Service a nanosecond that each request gets now.
    fn pace(&self) -> f64 {
        let present = self.marks.len() as f64;
        self.speed * (f64::from(self.slots) / present).min(1.0)
    }

    fn advance(&mut self, now: Instant) {
        if self.marks.is_empty() {
            // Starting again from zero keeps the sums short and their rounding small.
            self.attained = 0.0;
        } else {
            self.attained += (now - self.since).0 as f64 * self.pace();
        }
        self.since = now;
    }
}

impl Station for Sharing {
    fn add(&mut self, slots: u32, speed: f64, queue_limit: u32) {
        self.servers.push(Server {
            marks: BTreeSet::new(),
            attained: 0.0,
            since: Instant::START,
            slots,
            queue_limit,
            speed,
        });
    }

    fn offer(&mut self, at: usize, ticket: Ticket, now: Instant, slab: &mut Slab) -> Offer {
        let server = &mut self.servers[at];
        let room = server.slots.saturating_add(server.queue_limit);
        if server.marks.len() as u32 >= room {
            return Offer::Full;
        }
        server.advance(now);
        let live = &mut slab[ticket];
        live.started = now;
        live.serving = true;
        let mark = server.attained + live.request.demand.0 as f64;
        server.marks.insert((mark.to_bits(), live.index, ticket));
        Offer::Started
    }

    fn next_departure(&self, at: usize) -> Instant {
        let server = &self.servers[at];
        server.marks.first().map_or(Instant::NEVER, |&(mark, ..)| {
            let left = (f64::from_bits(mark) - server.attained).max(0.0);
            server.since + Duration((left / server.pace()).ceil() as u64)
        })
    }

    fn depart(&mut self, at: usize, now: Instant, _: &mut Slab) -> Ticket {
        let server = &mut self.servers[at];
        server.advance(now);
        let (_, _, ticket) = server.marks.pop_first().expect("someone is being served");
        ticket
    }

    fn withdraw(&mut self, _: usize, _: Ticket, _: &mut Slab) -> bool {
        false
    }

    fn cancel(&mut self, at: usize, ticket: Ticket, now: Instant, _: &mut Slab) {
        let server = &mut self.servers[at];
        server.advance(now);
        server.marks.retain(|(_, _, other)| *other != ticket);
    }

    fn evict(&mut self, at: usize, now: Instant, _: &mut Slab, out: &mut Vec<(Ticket, Duration)>) {
        let server = &mut self.servers[at];
        server.advance(now);
        let got = server.attained;
        let left = |mark: u64| Duration((f64::from_bits(mark) - got).max(0.0).ceil() as u64);
        let all = std::mem::take(&mut server.marks).into_iter();
        out.extend(all.map(|(mark, _, ticket)| (ticket, left(mark))));
    }

    fn set_speed(&mut self, at: usize, speed: f64, now: Instant, _: &mut Slab) {
        self.servers[at].advance(now);
        self.servers[at].speed = speed;
    }

    fn set_slots(&mut self, at: usize, slots: u32, now: Instant, _: &mut Slab) {
        self.servers[at].advance(now);
        self.servers[at].slots = slots;
    }

    fn waiting(&self, _: usize) -> u32 {
        0
    }

    fn serving(&self, at: usize) -> u32 {
        self.servers[at].marks.len() as u32
    }

    fn shares(&self) -> bool {
        true
    }

    fn work_left(&self, at: usize, now: Instant, _: &Slab) -> Duration {
        let server = &self.servers[at];
        let got = server.attained
            + if server.marks.is_empty() {
                0.0
            } else {
                (now - server.since).0 as f64 * server.pace()
            };
        let left = server.marks.iter().map(|&(mark, ..)| (f64::from_bits(mark) - got).max(0.0));
        Duration(left.sum::<f64>() as u64)
    }
}
