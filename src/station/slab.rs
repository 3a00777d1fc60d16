//! The requests that are in the system now, each under a ticket that is used again when it leaves.

use crate::model::{Request, ServerId};
use crate::time::Instant;

/// The number of a request in the slab.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(pub u32);

impl Ticket {
    /// No request.
    pub const NONE: Self = Self(u32::MAX);
}

/// A request in the system.
#[derive(Clone, Copy, Debug)]
pub struct Live {
    /// The request.
    pub request: Request,
    /// Its number in order of arrival.
    pub index: u64,
    /// When it was sent to its server.
    pub sent: Instant,
    /// When its service began.
    pub started: Instant,
    /// Its server; meaningless while it is held at the balancer.
    pub server: ServerId,
    /// The balancer that dealt with it.
    pub balancer: u32,
    /// The call that it is an attempt of, where requests may be sent more than once.
    pub call: u32,
    /// Whether its service has begun.
    pub serving: bool,
    /// Its neighbours in an intrusive line.
    pub(super) next: Ticket,
    pub(super) previous: Ticket,
}

impl Live {
    /// No call, or one that is over.
    pub const NO_CALL: u32 = u32::MAX;
}

/// Every request in the system.
#[derive(Clone, Debug, Default)]
pub struct Slab {
    live: Vec<Live>,
    free: Vec<Ticket>,
}

impl Slab {
    /// Takes a request in.
    #[inline]
    pub fn insert(&mut self, request: Request, index: u64, balancer: u32) -> Ticket {
        let live = Live {
            sent: request.arrival,
            started: request.arrival,
            request,
            index,
            server: ServerId::NONE,
            balancer,
            call: Live::NO_CALL,
            serving: false,
            next: Ticket::NONE,
            previous: Ticket::NONE,
        };
        if let Some(ticket) = self.free.pop() {
            self.live[ticket.0 as usize] = live;
            return ticket;
        }
        let ticket = Ticket(u32::try_from(self.live.len()).expect("fewer than 2³² in the system"));
        self.live.push(live);
        ticket
    }

    /// Lets a request go.
    #[inline]
    pub fn remove(&mut self, ticket: Ticket) {
        self.free.push(ticket);
        // A timer that still holds this ticket must not take it for the request it was set for.
        self.live[ticket.0 as usize].index = u64::MAX;
    }

    /// How many are in the system.
    pub fn len(&self) -> usize {
        self.live.len() - self.free.len()
    }

    /// Whether the system is empty.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl std::ops::Index<Ticket> for Slab {
    type Output = Live;
    #[inline]
    fn index(&self, ticket: Ticket) -> &Live {
        &self.live[ticket.0 as usize]
    }
}

impl std::ops::IndexMut<Ticket> for Slab {
    #[inline]
    fn index_mut(&mut self, ticket: Ticket) -> &mut Live {
        &mut self.live[ticket.0 as usize]
    }
}
