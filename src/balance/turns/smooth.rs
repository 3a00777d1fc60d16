//! nginx's smooth weighted round-robin: accumulators that grow by weight and pay for a turn.

use super::Turns;
use crate::fleet::ServerSet;
use crate::model::ServerId;

/// An accumulator a server. Over every pick they sum to 0; after a period each of them is 0.
#[derive(Clone, Debug, Default)]
pub(in crate::balance) struct Smooth {
    weights: Vec<u32>,
    current: Vec<i64>,
}

impl Smooth {
    /// One step among some of the servers only: nginx settles ties of other policies with it.
    /// Earlier servers win equal accumulators. O(number of servers given).
    pub(in crate::balance) fn step(
        &mut self,
        among: impl Iterator<Item = ServerId>,
    ) -> Option<ServerId> {
        let mut total = 0;
        let mut best: Option<(i64, ServerId)> = None;
        for server in among {
            let weight = i64::from(self.weights[server.index()]);
            if weight == 0 {
                continue;
            }
            let current = &mut self.current[server.index()];
            *current += weight;
            total += weight;
            if best.is_none_or(|(most, _)| *current > most) {
                best = Some((*current, server));
            }
        }
        let (_, server) = best?;
        self.current[server.index()] -= total;
        Some(server)
    }
}

impl Turns for Smooth {
    fn join(&mut self, server: ServerId, weight: u32) {
        if server.index() >= self.weights.len() {
            self.weights.resize(server.index() + 1, 0);
            self.current.resize(server.index() + 1, 0);
        }
        self.weights[server.index()] = weight;
        self.current[server.index()] = 0;
    }

    fn leave(&mut self, server: ServerId) {
        self.weights[server.index()] = 0;
    }

    fn next(&mut self, among: &ServerSet) -> Option<ServerId> {
        self.step(among.in_order())
    }
}
