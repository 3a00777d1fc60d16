//! HAProxy's `static-rr`: a map made once, served slot by slot.

use super::Turns;
use crate::balance::tools::gcd;
use crate::fleet::ServerSet;
use crate::model::ServerId;

/// The map and the place in it. Made again, in O(n × slots), when a server comes or goes.
#[derive(Clone, Debug, Default)]
pub(in crate::balance) struct HaproxyStatic {
    servers: Vec<(ServerId, u64)>,
    map: Vec<ServerId>,
    at: usize,
    made: bool,
}

impl HaproxyStatic {
    /// The servers in their slots: sum of weights / their greatest common divisor of them.
    pub(in crate::balance) fn map(servers: &[(ServerId, u64)]) -> Vec<ServerId> {
        let total: i64 = servers.iter().map(|(_, weight)| weight.cast_signed()).sum();
        let unit = servers.iter().fold(0, |unit, (_, weight)| gcd(unit, *weight));
        if servers.iter().all(|(_, weight)| *weight == unit) {
            return servers.iter().map(|(server, _)| *server).collect();
        }
        let mut scores = vec![0_i64; servers.len()];
        let slot = |_| {
            let mut best: Option<(i64, usize)> = None;
            for (place, (_, weight)) in servers.iter().enumerate() {
                scores[place] += weight.cast_signed();
                let value = (scores[place] + total) / total;
                if best.is_none_or(|(most, _)| value > most) {
                    best = Some((value, place));
                }
            }
            let (_, place) = best.expect("there are servers");
            scores[place] -= total;
            servers[place].0
        };
        (0..total / unit.max(1).cast_signed()).map(slot).collect()
    }
}

impl Turns for HaproxyStatic {
    fn join(&mut self, server: ServerId, weight: u32) {
        self.leave(server);
        if weight > 0 {
            let place = self.servers.partition_point(|(other, _)| *other < server);
            self.servers.insert(place, (server, u64::from(weight)));
        }
        self.made = false;
    }

    fn leave(&mut self, server: ServerId) {
        if let Ok(place) = self.servers.binary_search_by_key(&server, |(other, _)| *other) {
            self.servers.remove(place);
        }
        self.made = false;
    }

    fn next(&mut self, among: &ServerSet) -> Option<ServerId> {
        if !self.made {
            (self.map, self.at, self.made) = (Self::map(&self.servers), 0, true);
        }
        for _ in 0..self.map.len() {
            let server = self.map[self.at];
            self.at = (self.at + 1) % self.map.len();
            if among.contains(server) {
                return Some(server);
            }
        }
        None
    }
}
