//! When each server's next request leaves: a tournament of departures, one leaf a server.
//!
//! Replacing a server's departure plays its matches again up to the root; nothing is ever pushed or
//! popped, and no branch depends on who wins. On equal instants the lower number wins.

use std::hint::select_unpredictable;

use crate::model::ServerId;
use crate::time::Instant;

/// A server's next departure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) at: Instant,
    pub(super) server: ServerId,
}

const NEVER: Entry = Entry { at: Instant::NEVER, server: ServerId(u32::MAX) };

/// The tournament: node 1 is the root, the leaves follow the inner nodes, and the winner of nodes
/// 2n and 2n + 1 stands at n.
#[derive(Clone, Debug)]
pub(super) struct Calendar {
    nodes: Vec<Entry>,
}

impl Calendar {
    /// No departures, with room for `servers`.
    pub(super) fn new(servers: usize) -> Self {
        Self { nodes: vec![NEVER; 2 * servers.max(1).next_power_of_two()] }
    }

    /// The earliest departure of all.
    #[inline]
    pub(super) fn first(&self) -> Entry {
        self.nodes[1]
    }

    /// Sets a server's next departure.
    #[inline]
    #[allow(clippy::needless_bitwise_bool)] // `||` would be a branch.
    pub(super) fn set(&mut self, server: ServerId, at: Instant) {
        let nodes = self.nodes.as_mut_slice();
        let mut node = nodes.len() / 2 + server.index();
        if node >= nodes.len() {
            self.grow(server.index() + 1);
            return self.set(server, at);
        }
        // The winner so far is carried, so that no match waits for the one below to be written; who
        // wins cannot be predicted, so it is selected and not branched upon.
        let mut winner = Entry { at, server };
        nodes[node] = winner;
        while node > 1 {
            let rival = nodes[node ^ 1];
            let on_the_left = node & 1 == 1;
            let loses = (rival.at < winner.at) | ((rival.at == winner.at) & on_the_left);
            winner.at = select_unpredictable(loses, rival.at, winner.at);
            winner.server = select_unpredictable(loses, rival.server, winner.server);
            node /= 2;
            nodes[node] = winner;
        }
    }

    fn grow(&mut self, servers: usize) {
        let old = std::mem::replace(self, Self::new(servers));
        for leaf in &old.nodes[old.nodes.len() / 2..] {
            if leaf.at != Instant::NEVER {
                self.set(leaf.server, leaf.at);
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
