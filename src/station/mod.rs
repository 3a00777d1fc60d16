//! How one server serves what it is sent: the trait of a station and the registry of disciplines.
//!
//! One station serves all the servers of a pool, so that a server costs a few words, not an
//! allocation. Requests themselves live in a [`Slab`]; stations hold tickets.

mod line;
pub mod processor_sharing;
mod slab;
pub mod slots;

pub use line::{Fifo, Lifo, Line, Priority, Shortest};
pub use slab::{Live, Slab, Ticket};

use crate::registry::{Entry, Role};
use crate::time::{Duration, Instant};

/// What became of a request offered to a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Offer {
    /// Its service begins now.
    Started,
    /// It waits.
    Waiting,
    /// There is no room for it to wait.
    Full,
}

/// The service of a pool's servers, each known by its place in the pool.
pub trait Station {
    /// A server more, at the next place.
    fn add(&mut self, slots: u32, speed: f64, queue_limit: u32);

    /// Offers a request to the server at `at`; its service may begin at once.
    fn offer(&mut self, at: usize, ticket: Ticket, now: Instant, slab: &mut Slab) -> Offer;

    /// When the next request leaves this server if nothing else happens; `NEVER` when it is idle.
    fn next_departure(&self, at: usize) -> Instant;

    /// The request that leaves at `now`, which is `next_departure`; those waiting move up.
    fn depart(&mut self, at: usize, now: Instant, slab: &mut Slab) -> Ticket;

    /// Takes a waiting request out; false when its service has begun.
    fn withdraw(&mut self, at: usize, ticket: Ticket, slab: &mut Slab) -> bool;

    /// Takes one out whose service has begun; those waiting move up.
    fn cancel(&mut self, at: usize, ticket: Ticket, now: Instant, slab: &mut Slab);

    /// Takes everything out of a server, those in service first, each with the demand that is left
    /// of it at speed 1.
    fn evict(
        &mut self,
        at: usize,
        now: Instant,
        slab: &mut Slab,
        out: &mut Vec<(Ticket, Duration)>,
    );

    /// Changes the speed of a server from now on; what is in service keeps what it has got.
    fn set_speed(&mut self, at: usize, speed: f64, now: Instant, slab: &mut Slab);

    /// Changes how many requests a server serves at once; fewer takes effect as services end.
    fn set_slots(&mut self, at: usize, slots: u32, now: Instant, slab: &mut Slab);

    /// Requests waiting at a server.
    fn waiting(&self, at: usize) -> u32;

    /// Requests in service at a server.
    fn serving(&self, at: usize) -> u32;

    /// Whether more requests may be in service at a server than it has slots, and share them.
    fn shares(&self) -> bool {
        false
    }

    /// The service times still to be given at a server, summed over its requests, at speed 1.
    fn work_left(&self, at: usize, now: Instant, slab: &Slab) -> Duration;
}

/// A discipline: how the station of a pool and the line before a shared queue order requests.
pub trait Discipline {
    /// The station of a pool.
    fn station(&self) -> Box<dyn Station>;
    /// The line of a shared queue; `None` where the discipline has no line.
    fn line(&self) -> Option<Box<dyn Line>>;
    /// Whether each server is first come, first served, so that a recursion can replace events.
    fn is_fifo(&self) -> bool {
        false
    }
}

impl Role for dyn Discipline {
    const KIND: &'static str = "discipline";
    const KEY: &'static str = "order";
    type Setup<'a> = ();
    fn registry() -> &'static [Entry<Self>] {
        REGISTRY
    }
}

const REGISTRY: &[Entry<dyn Discipline>] = &[
    Entry::of::<slots::fifo::FirstComeFirstServed>(include_str!("slots/fifo.rs")),
    Entry::of::<slots::lifo::LastComeFirstServed>(include_str!("slots/lifo.rs")),
    Entry::of::<slots::priority::HighestPriorityFirst>(include_str!("slots/priority.rs")),
    Entry::of::<slots::shortest::ShortestFirst>(include_str!("slots/shortest.rs")),
    Entry::of::<processor_sharing::ProcessorSharing>(include_str!("processor_sharing.rs")),
];
