//! Servers ordered by a key that changes, so that the lowest is found in O(log n).

use crate::fleet::ServerSet;
use crate::model::ServerId;
use crate::rng::Stream;

/// A tournament: node 1 is the root, the leaves follow the inner nodes. A node holds the lowest
/// (key, order) of its leaves; `order` settles equal keys.
///
/// A tree that is to be drawn from counts how many leaves share the lowest; one that only ranks
/// keeps which of them has the lowest number, and then mostly plays its matches no further than
/// the first whose winner stays.
#[derive(Clone, Debug)]
pub(in crate::balance) struct MinTree {
    nodes: Vec<Node>,
    counting: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Node {
    key: f64,
    order: u64,
    /// How many leaves share this, or the server that has it.
    tag: u32,
}

const ABSENT: Node = Node { key: f64::INFINITY, order: u64::MAX, tag: 0 };

impl Node {
    #[inline]
    fn beats(&self, other: &Self) -> bool {
        self.key < other.key || (self.key == other.key && self.order < other.order)
    }

    #[inline]
    fn of(left: Self, right: Self, counting: bool) -> Self {
        if right.beats(&left) {
            right
        } else if !counting || left.beats(&right) {
            left
        } else {
            Self { tag: left.tag + right.tag, ..left }
        }
    }
}

impl MinTree {
    /// A tree from which equals are drawn.
    pub(in crate::balance) fn to_draw() -> Self {
        Self { nodes: vec![ABSENT; 2], counting: true }
    }

    /// A tree that gives the lower number of equals, in O(1).
    pub(in crate::balance) fn to_rank() -> Self {
        Self { nodes: vec![ABSENT; 2], counting: false }
    }

    /// Gives a server its key, which must not be NaN, and its order among equal keys.
    #[inline]
    pub(in crate::balance) fn set(&mut self, server: ServerId, key: f64, order: u64) {
        self.put(server, Node { key, order, tag: if self.counting { 1 } else { server.0 } });
    }

    /// Takes a server out.
    pub(in crate::balance) fn remove(&mut self, server: ServerId) {
        self.put(server, ABSENT);
    }

    /// Whether a server is in.
    pub(in crate::balance) fn contains(&self, server: ServerId) -> bool {
        self.leaf(server).order < u64::MAX
    }

    /// A server's key; infinite when it is not in.
    pub(in crate::balance) fn key(&self, server: ServerId) -> f64 {
        self.leaf(server).key
    }

    /// The lowest of `among`, the lower number on a tie. Unless the lowest of all is not among
    /// them; then all of them are looked at.
    pub(in crate::balance) fn first(&self, among: &ServerSet) -> Option<ServerId> {
        let found = self.lowest(0)?;
        if among.contains(found) {
            return Some(found);
        }
        let present = among.in_order().filter(|&server| self.contains(server));
        present.reduce(
            |best, next| {
                if self.leaf(next).beats(&self.leaf(best)) { next } else { best }
            },
        )
    }

    /// One of the lowest of `among`, each with the same probability; cost as `first`.
    pub(in crate::balance) fn any(
        &self,
        among: &ServerSet,
        stream: &mut Stream,
    ) -> Option<ServerId> {
        debug_assert!(self.counting, "made to draw from");
        let root = self.nodes[1];
        let nth = if root.tag > 1 { stream.below(root.tag) } else { 0 };
        let found = self.lowest(nth)?;
        if among.contains(found) {
            return Some(found);
        }
        let lowest = self.leaf(self.first(among)?);
        let level = |server: &ServerId| {
            let leaf = self.leaf(*server);
            leaf.key == lowest.key && leaf.order == lowest.order
        };
        let ties = among.in_order().filter(level).count() as u32;
        among.in_order().filter(level).nth(stream.below(ties) as usize)
    }

    /// The `nth` of the lowest, in order of number.
    fn lowest(&self, mut nth: u32) -> Option<ServerId> {
        let root = self.nodes[1];
        if root.order == u64::MAX {
            return None;
        }
        if !self.counting {
            return Some(ServerId(root.tag));
        }
        let leaves = self.nodes.len() / 2;
        let mut here = 1;
        while here < leaves {
            here *= 2;
            let left = self.nodes[here];
            let ties = left.key == root.key && left.order == root.order;
            let lower = if ties { left.tag } else { 0 };
            if nth >= lower {
                nth -= lower;
                here += 1;
            }
        }
        Some(ServerId((here - leaves) as u32))
    }

    #[inline]
    fn leaf(&self, server: ServerId) -> Node {
        self.nodes.get(self.nodes.len() / 2 + server.index()).copied().unwrap_or(ABSENT)
    }

    #[inline]
    fn put(&mut self, server: ServerId, leaf: Node) {
        debug_assert!(!leaf.key.is_nan(), "a key is a number");
        if server.index() >= self.nodes.len() / 2 {
            self.grow(server.index() + 1);
        }
        let counting = self.counting;
        let nodes = self.nodes.as_mut_slice();
        let mut here = nodes.len() / 2 + server.index();
        nodes[here] = leaf;
        while here > 1 {
            let node = Node::of(nodes[here & !1], nodes[here | 1], counting);
            here /= 2;
            if nodes[here] == node {
                // The rest of the way up has seen this already.
                return;
            }
            nodes[here] = node;
        }
    }

    fn grow(&mut self, servers: usize) {
        let fresh = vec![ABSENT; 2 * servers.next_power_of_two()];
        let old = std::mem::replace(&mut self.nodes, fresh);
        let (leaves, at) = (old.len() / 2, self.nodes.len() / 2);
        self.nodes[at..at + leaves].copy_from_slice(&old[leaves..]);
        for here in (1..at).rev() {
            self.nodes[here] =
                Node::of(self.nodes[2 * here], self.nodes[2 * here + 1], self.counting);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::{Purpose, Seed};

    fn set_of(numbers: &[u32]) -> ServerSet {
        let mut set = ServerSet::default();
        for &number in numbers {
            set.insert_or_remove(ServerId(number), true);
        }
        set
    }

    #[test]
    fn the_lowest_candidate_is_found_and_ties_are_shared_out() {
        let mut tree = MinTree::to_draw();
        let mut ranks = MinTree::to_rank();
        for (server, key) in [(0, 3.0), (1, 1.0), (2, 1.0), (6, 1.0), (5, 2.0)] {
            tree.set(ServerId(server), key, 0);
            ranks.set(ServerId(server), key, 0);
        }
        let all = set_of(&[0, 1, 2, 5, 6]);
        assert_eq!(tree.first(&all), Some(ServerId(1)));
        assert_eq!(ranks.first(&all), Some(ServerId(1)));
        assert_eq!(ranks.first(&set_of(&[0, 5])), Some(ServerId(5)));
        ranks.remove(ServerId(1));
        assert_eq!(ranks.first(&all), Some(ServerId(2)));
        let mut stream = Seed::new(1, 0).stream(Purpose::Route, "tree");
        let mut times = [0_u32; 7];
        for _ in 0..3000 {
            times[tree.any(&all, &mut stream).unwrap().index()] += 1;
        }
        // Three cells of probability 1/3: χ² with 2 degrees stays below 13.8 but once in 1,000.
        let chi: f64 =
            [1, 2, 6].iter().map(|&at| (f64::from(times[at]) - 1000.0).powi(2) / 1000.0).sum();
        assert!(chi < 13.8 && times[1] + times[2] + times[6] == 3000, "{times:?}");
        assert_eq!(tree.any(&set_of(&[0, 5]), &mut stream), Some(ServerId(5)));
        tree.set(ServerId(2), 1.0, 7);
        tree.remove(ServerId(1));
        assert_eq!(tree.any(&all, &mut stream), Some(ServerId(6)));
        assert_eq!(tree.first(&set_of(&[9])), None);
    }
}
