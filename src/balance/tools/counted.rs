//! Servers in a tree by a key made of their requests in flight and their weight.

use super::MinTree;
use crate::balance::{Balancer, Pick, Sight};
use crate::fleet::{Fleet, FleetChange, ServerSet, ServerSpec, View};
use crate::model::{Request, ServerId};
use crate::rng::Stream;

/// How requests in flight and weight make the key that is to be lowest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::balance) enum Key {
    /// a / w.
    PerWeight,
    /// HAProxy's integer: 0 when idle, else (a + 1) · 4096 / 16 w, the new request included.
    Haproxy,
    /// (a + 1) / w: the delay to expect if w is the rate of service.
    Expected,
    /// 0 when idle, else (a + 1) / w.
    IdleFirst,
    /// 0 while there is room, that is a < w, else a / w.
    Room,
}

impl Key {
    /// The key of a server with `count` requests in flight; `weight` is positive.
    #[inline]
    pub(in crate::balance) fn of(self, count: u32, weight: f64) -> f64 {
        let load = f64::from(count);
        match self {
            Self::Room if load < weight => 0.0,
            Self::PerWeight | Self::Room => load / weight,
            Self::Haproxy | Self::IdleFirst if count == 0 => 0.0,
            Self::Haproxy => ((load + 1.0) * 4096.0 / (16.0 * weight)).floor(),
            Self::Expected | Self::IdleFirst => (load + 1.0) / weight,
        }
    }
}

/// Who goes first among equal keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::balance) enum Among {
    /// Anyone, by `any`.
    Drawn,
    /// The lower number.
    InOrder,
    /// Who got its key first.
    FirstCome,
}

/// Counts, weights and the tree over them. Servers of weight 0 are left out.
#[derive(Debug)]
pub(in crate::balance) struct Counted {
    key: Key,
    among: Among,
    weight_of: fn(&ServerSpec) -> f64,
    counts: Vec<u32>,
    weights: Vec<f64>,
    tree: MinTree,
    turn: u64,
}

impl Counted {
    /// Every member of the fleet, idle.
    pub(in crate::balance) fn new(
        fleet: &Fleet,
        key: Key,
        among: Among,
        weight_of: fn(&ServerSpec) -> f64,
    ) -> Self {
        let drawn = among == Among::Drawn;
        let tree = if drawn { MinTree::to_draw() } else { MinTree::to_rank() };
        let (counts, weights) = (Vec::new(), Vec::new());
        let mut counted = Self { key, among, weight_of, counts, weights, tree, turn: 0 };
        for server in fleet.members().in_order() {
            counted.change(FleetChange::Joined(server), fleet);
        }
        counted
    }

    /// A server came or went; its count is kept for the requests it still has.
    pub(in crate::balance) fn change(&mut self, change: FleetChange, fleet: &Fleet) {
        match change {
            FleetChange::Joined(server) => {
                if server.index() >= self.counts.len() {
                    self.counts.resize(server.index() + 1, 0);
                    self.weights.resize(server.index() + 1, 0.0);
                }
                self.weights[server.index()] = (self.weight_of)(fleet.spec(server));
                self.set(server, self.counts[server.index()]);
            }
            FleetChange::Left(server) => {
                self.weights[server.index()] = 0.0;
                self.tree.remove(server);
            }
        }
    }

    /// A server has this many requests.
    #[inline]
    pub(in crate::balance) fn set(&mut self, server: ServerId, count: u32) {
        self.counts[server.index()] = count;
        let weight = self.weights[server.index()];
        if weight > 0.0 {
            self.turn += u64::from(self.among == Among::FirstCome);
            self.tree.set(server, self.key.of(count, weight), self.turn);
        }
    }

    /// One request more.
    #[inline]
    pub(in crate::balance) fn sent(&mut self, server: ServerId) {
        self.set(server, self.counts[server.index()] + 1);
    }

    /// One request fewer.
    #[inline]
    pub(in crate::balance) fn left(&mut self, server: ServerId) {
        self.set(server, self.counts[server.index()].saturating_sub(1));
    }

    /// The candidate with the lowest key, the lower number on a tie.
    #[inline]
    pub(in crate::balance) fn first(&self, among: &ServerSet) -> Option<ServerId> {
        self.tree.first(among)
    }

    /// One of the candidates with the lowest key.
    #[inline]
    pub(in crate::balance) fn any(
        &self,
        among: &ServerSet,
        stream: &mut Stream,
    ) -> Option<ServerId> {
        self.tree.any(among, stream)
    }

    /// All candidates that share the lowest key, in order of number.
    pub(in crate::balance) fn ties<'a>(
        &'a self,
        among: &'a ServerSet,
    ) -> impl Iterator<Item = ServerId> + 'a {
        let lowest = self.tree.first(among).map(|server| self.tree.key(server));
        among.in_order().filter(move |&server| {
            self.tree.contains(server) && Some(self.tree.key(server)) == lowest
        })
    }
}

/// The policy that takes the candidate with the lowest key, the lower number on a tie.
impl Balancer for Counted {
    fn pick(&mut self, _: &Request, view: &View<'_>, _: &mut Stream) -> Pick {
        let found = self.first(view.candidates);
        // Where only servers of weight 0 are left, they are all there is.
        found.or_else(|| view.candidates.next_from(0)).map_or(Pick::Refuse, Pick::Server)
    }

    fn on_send(&mut self, _: &Request, server: ServerId) {
        self.sent(server);
    }

    fn on_left(&mut self, server: ServerId) {
        self.left(server);
    }

    fn on_count(&mut self, server: ServerId, count: u32) {
        self.set(server, count);
    }

    fn on_fleet(&mut self, change: FleetChange, fleet: &Fleet) {
        self.change(change, fleet);
    }

    fn sight(&self) -> Sight {
        Sight::Counts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn haproxy_counts_the_new_request_in_whole_numbers() {
        let key = |load, weight| Key::Haproxy.of(load, weight);
        assert_eq!([key(0, 1.0), key(0, 7.0)], [0.0, 0.0]);
        assert_eq!([key(1, 1.0), key(3, 2.0), key(5, 3.0)], [512.0; 3]);
        assert_eq!(key(1, 2.0), 256.0);
    }
}
