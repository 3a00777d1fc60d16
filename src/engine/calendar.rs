//! When each server's next request leaves: a tournament of departures, one leaf a server.
//!
//! A server's later departure plays its matches again up to the root, and no branch depends on who
//! wins; an earlier one goes up as far as it wins. Nothing is ever pushed or popped. On equal
//! instants the lower number wins.

use std::cmp::Ordering;
use std::hint::select_unpredictable;

use crate::model::ServerId;
use crate::time::Instant;

/// A server's next departure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) at: Instant,
    pub(super) server: ServerId,
}

impl Entry {
    /// Whether this departure wins against another one, or against an earlier plan of its server.
    #[inline]
    fn comes_before(&self, other: &Self) -> bool {
        (self.at, self.server) < (other.at, other.server)
    }
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
    pub(super) fn set(&mut self, server: ServerId, at: Instant) {
        let leaf = self.nodes.len() / 2 + server.index();
        match self.nodes.get(leaf).map(|old| at.cmp(&old.at)) {
            Some(Ordering::Greater) => self.put_off(leaf, Entry { at, server }),
            Some(Ordering::Less) => self.bring_forward(leaf, Entry { at, server }),
            Some(Ordering::Equal) => {}
            None => {
                self.grow(server.index() + 1);
                self.set(server, at);
            }
        }
    }

    /// An earlier departure wins until it meets one that it loses to: what lies above stays.
    #[inline]
    fn bring_forward(&mut self, leaf: usize, earlier: Entry) {
        let mut node = leaf;
        while node > 0 && earlier.comes_before(&self.nodes[node]) {
            self.nodes[node] = earlier;
            node /= 2;
        }
    }

    /// A later departure: all matches up to the root are played again.
    #[inline]
    #[allow(clippy::needless_bitwise_bool)] // `||` would be a branch.
    fn put_off(&mut self, leaf: usize, later: Entry) {
        let nodes = self.nodes.as_mut_slice();
        // The winner so far is carried, so that no match waits for the one below to be written; who
        // wins cannot be predicted, so it is selected and not branched upon. (One wide word for
        // instant and server would need one comparison, but compilers make a branch of it.)
        let mut winner = later;
        let mut node = leaf;
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
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_first_is_what_a_look_at_all_finds(
            sets in vec((0_u32..40, prop_oneof![0_u64..30, Just(u64::MAX)]), 1..200)
        ) {
            let mut calendar = Calendar::new(3);
            let mut all = [u64::MAX; 40];
            for (server, at) in sets {
                all[server as usize] = at;
                calendar.set(ServerId(server), Instant(at));
                let first = all.iter().zip(0..).min().expect("forty servers");
                prop_assert_eq!(calendar.first().at, Instant(*first.0));
                if *first.0 < u64::MAX {
                    prop_assert_eq!(calendar.first().server, ServerId(first.1));
                }
            }
        }
    }

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
