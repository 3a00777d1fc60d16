//! Earliest deadline first: a server's next turn is due 1/weight after its last.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use super::Turns;
use crate::fleet::ServerSet;
use crate::model::ServerId;

/// Where a server stands among equal deadlines after its turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::balance) enum Requeue {
    /// Behind all of them (Envoy).
    Behind,
    /// Where it stood at first (gRPC).
    InPlace,
}

/// The heap of deadlines. A pick is O(log n).
#[derive(Clone, Debug)]
pub(in crate::balance) struct Edf {
    requeue: Requeue,
    heap: BinaryHeap<Turn>,
    weights: Vec<u32>,
    time: f64,
    order: u64,
    aside: Vec<Turn>,
}

#[derive(Clone, Copy, Debug)]
struct Turn {
    deadline: f64,
    order: u64,
    server: ServerId,
}

impl Ord for Turn {
    // Reversed, for the heap gives its greatest first.
    fn cmp(&self, other: &Self) -> Ordering {
        other.deadline.total_cmp(&self.deadline).then(other.order.cmp(&self.order))
    }
}

impl PartialOrd for Turn {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Turn {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Turn {}

impl Edf {
    pub(in crate::balance) fn new(requeue: Requeue) -> Self {
        Self {
            requeue,
            heap: BinaryHeap::new(),
            weights: Vec::new(),
            time: 0.0,
            order: 0,
            aside: Vec::new(),
        }
    }

    /// The next candidate, queued again with the weight that `weight` makes of its configured one.
    pub(in crate::balance) fn next_by(
        &mut self,
        among: &ServerSet,
        weight: impl FnOnce(ServerId, u32) -> f64,
    ) -> Option<ServerId> {
        let found = loop {
            let Some(turn) = self.heap.pop() else { break None };
            if among.contains(turn.server) {
                break Some(turn);
            }
            // Those that have left the fleet are forgotten here, the others keep their deadline.
            if self.weights[turn.server.index()] > 0 {
                self.aside.push(turn);
            }
        };
        self.heap.extend(self.aside.drain(..));
        let turn = found?;
        self.time = self.time.max(turn.deadline);
        let deadline = self.time + 1.0 / weight(turn.server, self.weights[turn.server.index()]);
        let order = match self.requeue {
            Requeue::InPlace => turn.order,
            Requeue::Behind => self.new_order(),
        };
        self.heap.push(Turn { deadline, order, server: turn.server });
        Some(turn.server)
    }

    fn new_order(&mut self) -> u64 {
        self.order += 1;
        self.order
    }
}

impl Turns for Edf {
    fn join(&mut self, server: ServerId, weight: u32) {
        if server.index() < self.weights.len() {
            // It may come back after it has left.
            self.heap.retain(|turn| turn.server != server);
        } else {
            self.weights.resize(server.index() + 1, 0);
        }
        self.weights[server.index()] = weight;
        if weight > 0 {
            let order = self.new_order();
            let deadline = self.time + 1.0 / f64::from(weight);
            self.heap.push(Turn { deadline, order, server });
        }
    }

    fn leave(&mut self, server: ServerId) {
        self.weights[server.index()] = 0;
    }

    fn next(&mut self, among: &ServerSet) -> Option<ServerId> {
        self.next_by(among, |_, weight| f64::from(weight))
    }
}
