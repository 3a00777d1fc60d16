//! Servers with slots: a request holds a slot from its start to its end, the others wait in a line.

pub mod fifo;
pub mod lifo;
pub mod priority;
pub mod shortest;

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::{Line, Offer, Slab, Station, Ticket};
use crate::time::{Duration, Instant};

/// Options of a discipline that has none.
#[derive(Clone, Debug, Default, serde::Deserialize, serde::Serialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct NoOptions {}

/// The servers of a pool, each with its slots and a line of type `L`.
#[derive(Debug, Default)]
pub struct Slots<L> {
    servers: Vec<Server<L>>,
}

#[derive(Debug)]
struct Server<L> {
    /// The earliest departure stands apart, so that a server of one slot needs no heap.
    next: (Instant, Ticket),
    rest: BinaryHeap<Reverse<(Instant, Ticket)>>,
    busy: u32,
    slots: u32,
    queue_limit: u32,
    speed: f64,
    line: L,
}

const IDLE: (Instant, Ticket) = (Instant::NEVER, Ticket::NONE);

impl<L: Line> Server<L> {
    #[inline]
    fn start(&mut self, ticket: Ticket, now: Instant, slab: &mut Slab) {
        let live = &mut slab[ticket];
        live.started = now;
        live.serving = true;
        self.serve_until(now + live.request.demand.at_speed(self.speed), ticket);
        self.busy += 1;
    }

    #[inline]
    fn serve_until(&mut self, end: Instant, ticket: Ticket) {
        if self.next == IDLE {
            self.next = (end, ticket);
        } else if end < self.next.0 {
            let later = std::mem::replace(&mut self.next, (end, ticket));
            self.rest.push(Reverse(later));
        } else {
            self.rest.push(Reverse((end, ticket)));
        }
    }

    #[inline]
    fn move_up(&mut self, now: Instant, slab: &mut Slab) {
        while self.busy < self.slots {
            let Some(ticket) = self.line.pop(slab) else { break };
            self.start(ticket, now, slab);
        }
    }

    fn in_service(&self) -> impl Iterator<Item = (Instant, Ticket)> + '_ {
        let next = (self.next != IDLE).then_some(self.next);
        next.into_iter().chain(self.rest.iter().map(|Reverse(entry)| *entry))
    }
}

impl<L: Line + Default> Station for Slots<L> {
    fn add(&mut self, slots: u32, speed: f64, queue_limit: u32) {
        self.servers.push(Server {
            next: IDLE,
            rest: BinaryHeap::new(),
            busy: 0,
            slots,
            queue_limit,
            speed,
            line: L::default(),
        });
    }

    #[inline]
    fn offer(&mut self, at: usize, ticket: Ticket, now: Instant, slab: &mut Slab) -> Offer {
        let server = &mut self.servers[at];
        if server.busy < server.slots {
            server.start(ticket, now, slab);
            return Offer::Started;
        }
        if server.line.len() >= server.queue_limit {
            return Offer::Full;
        }
        server.line.push(ticket, slab);
        Offer::Waiting
    }

    #[inline]
    fn next_departure(&self, at: usize) -> Instant {
        self.servers[at].next.0
    }

    #[inline]
    fn depart(&mut self, at: usize, now: Instant, slab: &mut Slab) -> Ticket {
        let server = &mut self.servers[at];
        let (end, ticket) = server.next;
        assert!(end == now, "a departure happens at its instant");
        server.next = server.rest.pop().map_or(IDLE, |Reverse(entry)| entry);
        server.busy -= 1;
        server.move_up(now, slab);
        ticket
    }

    fn withdraw(&mut self, at: usize, ticket: Ticket, slab: &mut Slab) -> bool {
        if slab[ticket].serving {
            return false;
        }
        self.servers[at].line.remove(ticket, slab);
        true
    }

    fn cancel(&mut self, at: usize, ticket: Ticket, now: Instant, slab: &mut Slab) {
        let server = &mut self.servers[at];
        let serving: Vec<_> = server.in_service().collect();
        (server.next, server.busy) = (IDLE, 0);
        server.rest.clear();
        for (end, other) in serving.into_iter().filter(|(_, other)| *other != ticket) {
            server.serve_until(end, other);
            server.busy += 1;
        }
        server.move_up(now, slab);
    }

    fn evict(
        &mut self,
        at: usize,
        now: Instant,
        slab: &mut Slab,
        out: &mut Vec<(Ticket, Duration)>,
    ) {
        let server = &mut self.servers[at];
        let mut serving: Vec<_> = server.in_service().collect();
        serving.sort_unstable();
        let left = |end: Instant| Duration(((end - now).0 as f64 * server.speed).round() as u64);
        out.extend(serving.into_iter().map(|(end, ticket)| (ticket, left(end))));
        (server.next, server.busy) = (IDLE, 0);
        server.rest.clear();
        while let Some(ticket) = server.line.pop(slab) {
            out.push((ticket, slab[ticket].request.demand));
        }
    }

    fn set_speed(&mut self, at: usize, speed: f64, now: Instant, _: &mut Slab) {
        let server = &mut self.servers[at];
        let factor = speed / server.speed;
        let serving: Vec<_> = server.in_service().collect();
        server.speed = speed;
        server.next = IDLE;
        server.rest.clear();
        for (end, ticket) in serving {
            server.serve_until(now + (end - now).at_speed(factor), ticket);
        }
    }

    fn set_slots(&mut self, at: usize, slots: u32, now: Instant, slab: &mut Slab) {
        self.servers[at].slots = slots;
        self.servers[at].move_up(now, slab);
    }

    fn waiting(&self, at: usize) -> u32 {
        self.servers[at].line.len()
    }

    fn serving(&self, at: usize) -> u32 {
        self.servers[at].busy
    }

    fn work_left(&self, at: usize, now: Instant, slab: &Slab) -> Duration {
        let server = &self.servers[at];
        let serving = server
            .in_service()
            .map(|(end, _)| Duration(((end - now).0 as f64 * server.speed).round() as u64));
        let waiting = server.line.demand(slab);
        serving.fold(waiting, |sum, left| sum + left)
    }
}

/// A discipline whose only trait is the order of its line.
macro_rules! ordered_by {
    ($discipline:ident, $name:literal, $line:ty, fifo = $fifo:literal) => {
        impl $crate::registry::Variant<dyn $crate::station::Discipline> for $discipline {
            const NAME: &'static str = $name;
            type Config = super::NoOptions;
            fn build(
                _: &Self::Config,
                (): &(),
            ) -> Result<Box<dyn $crate::station::Discipline>, $crate::diagnose::Problem> {
                Ok(Box::new(Self))
            }
        }
        impl $crate::station::Discipline for $discipline {
            fn station(&self) -> Box<dyn $crate::station::Station> {
                Box::new(super::Slots::<$line>::default())
            }
            fn line(&self) -> Option<Box<dyn $crate::station::Line>> {
                Some(Box::new(<$line>::default()))
            }
            fn is_fifo(&self) -> bool {
                $fifo
            }
        }
    };
}
use ordered_by;
