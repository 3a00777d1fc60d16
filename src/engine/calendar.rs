//! When each server's next request leaves: a tournament of departures, one leaf a server.
//!
//! Replacing a server's departure plays its matches again up to the root; nothing is ever pushed or
//! popped, and no branch depends on who wins. On equal instants the lower number wins.

use crate::model::ServerId;
use crate::time::Instant;

/// A server's next departure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) at: Instant,
    pub(super) server: ServerId,
}

const NEVER: Entry = Entry { at: Instant::NEVER, server: ServerId(u32::MAX) };

/// The tournament: node 1 is the root, the leaves follow the inner nodes. Two nodes that meet stand
/// in one pair, so that a match is one look-up: pair p holds nodes 2p and 2p + 1, whose winner is
/// node p.
#[derive(Clone, Debug)]
pub(super) struct Calendar {
    pairs: Vec<[Entry; 2]>,
}

impl Calendar {
    /// No departures, with room for `servers`.
    pub(super) fn new(servers: usize) -> Self {
        Self { pairs: vec![[NEVER; 2]; servers.max(1).next_power_of_two()] }
    }

    /// The earliest departure of all.
    #[inline]
    pub(super) fn first(&self) -> Entry {
        self.pairs[0][1]
    }

    /// Sets a server's next departure.
    #[inline]
    pub(super) fn set(&mut self, server: ServerId, at: Instant) {
        let leaves = self.pairs.len();
        if server.index() >= leaves {
            self.grow(server.index() + 1);
            return self.set(server, at);
        }
        let pairs = self.pairs.as_mut_slice();
        let mut node = leaves + server.index();
        pairs[node / 2][node % 2] = Entry { at, server };
        while node > 1 {
            node /= 2;
            let [left, right] = pairs[node];
            pairs[node / 2][node % 2] = if right.at < left.at { right } else { left };
        }
    }

    fn grow(&mut self, servers: usize) {
        let old = std::mem::replace(self, Self::new(servers));
        for entry in old.pairs[old.pairs.len() / 2..].iter().flatten() {
            if entry.at != Instant::NEVER {
                self.set(entry.server, entry.at);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_earliest_departure_is_first_and_ties_go_to_the_lower_number() {
        let mut calendar = Calendar::new(3);
        for (server, at) in [(2, 7), (0, 9), (1, 7), (9, 8)] {
            calendar.set(ServerId(server), Instant(at));
        }
        assert_eq!(calendar.first(), Entry { at: Instant(7), server: ServerId(1) });
        calendar.set(ServerId(1), Instant::NEVER);
        assert_eq!(calendar.first().server, ServerId(2));
        calendar.set(ServerId(2), Instant(10));
        assert_eq!(calendar.first().server, ServerId(9));
    }
}
