//! Draws from a discrete law whose weights change, in O(log n): a tree of sums.

use crate::fleet::ServerSet;
use crate::model::ServerId;
use crate::rng::Stream;

/// Node 1 is the root, the leaves follow the inner nodes; every node is the sum of its children, so
/// that no error builds up however often a weight changes.
#[derive(Clone, Debug)]
pub(in crate::balance) struct SumTree {
    nodes: Vec<f64>,
}

impl Default for SumTree {
    fn default() -> Self {
        Self { nodes: vec![0.0; 2] }
    }
}

impl SumTree {
    /// Gives a server a weight, 0 to take it out.
    pub(in crate::balance) fn set(&mut self, server: ServerId, weight: f64) {
        if server.index() >= self.nodes.len() / 2 {
            self.grow(server.index() + 1);
        }
        let mut here = self.nodes.len() / 2 + server.index();
        self.nodes[here] = weight;
        while here > 1 {
            here /= 2;
            self.nodes[here] = self.nodes[2 * here] + self.nodes[2 * here + 1];
        }
    }

    /// A server's weight.
    pub(in crate::balance) fn get(&self, server: ServerId) -> f64 {
        self.nodes.get(self.nodes.len() / 2 + server.index()).copied().unwrap_or(0.0)
    }

    /// Multiplies every weight; one that would vanish keeps a trace, for it is still in.
    pub(in crate::balance) fn scale(&mut self, factor: f64) {
        let leaves = self.nodes.len() / 2;
        for weight in &mut self.nodes[leaves..] {
            *weight = if *weight > 0.0 { (*weight * factor).max(1e-150) } else { 0.0 };
        }
        self.add_up();
    }

    /// The sum of all weights.
    pub(in crate::balance) fn total(&self) -> f64 {
        self.nodes[1]
    }

    /// A server, with the probability of its weight's share; `None` when all weights are 0.
    pub(in crate::balance) fn draw(&self, stream: &mut Stream) -> Option<ServerId> {
        let mut left = self.total() * stream.open01();
        let leaves = self.nodes.len() / 2;
        let mut here = 1;
        while here < leaves {
            here *= 2;
            // Rounding may leave a rest beyond the last leaf: never turn to an empty side.
            if left >= self.nodes[here] && self.nodes[here + 1] > 0.0 {
                left -= self.nodes[here];
                here += 1;
            }
        }
        (self.nodes[here] > 0.0).then(|| ServerId((here - leaves) as u32))
    }

    /// The same among candidates only: by redrawing, and where that misses too often by looking at
    /// every candidate. Candidates that all have weight 0 are drawn alike.
    pub(in crate::balance) fn draw_among(
        &self,
        among: &ServerSet,
        stream: &mut Stream,
    ) -> Option<ServerId> {
        const TRIES: u32 = 20;
        for _ in 0..TRIES {
            match self.draw(stream) {
                Some(server) if among.contains(server) => return Some(server),
                Some(_) => {}
                None => break,
            }
        }
        let candidates = among.as_slice();
        let mut left =
            stream.open01() * candidates.iter().map(|&server| self.get(server)).sum::<f64>();
        let hit = |server: &&ServerId| {
            left -= self.get(**server);
            left < 0.0
        };
        let any = || candidates.get(stream.below(candidates.len() as u32) as usize);
        candidates.iter().find(hit).or_else(any).copied()
    }

    fn grow(&mut self, servers: usize) {
        let fresh = Self { nodes: vec![0.0; 2 * servers.next_power_of_two()] };
        let old = std::mem::replace(self, fresh);
        let (leaves, at) = (old.nodes.len() / 2, self.nodes.len() / 2);
        self.nodes[at..at + leaves].copy_from_slice(&old.nodes[leaves..]);
        self.add_up();
    }

    fn add_up(&mut self) {
        for here in (1..self.nodes.len() / 2).rev() {
            self.nodes[here] = self.nodes[2 * here] + self.nodes[2 * here + 1];
        }
    }
}
