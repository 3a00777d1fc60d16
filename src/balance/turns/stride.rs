//! gRPC's static stride scheduler: one counter decides both whose turn may be and whether it is.

use super::Turns;
use crate::fleet::ServerSet;
use crate::model::ServerId;

/// The largest weight after scaling.
const FULL: u64 = 65_535;

/// Servers with weights scaled so that the heaviest has 65,535: it has a turn in every generation.
/// A pick is O(1) on average (tries = heaviest / mean), O(n) at worst.
#[derive(Clone, Debug, Default)]
pub(in crate::balance) struct Stride {
    servers: Vec<(ServerId, f64)>,
    scaled: Vec<(ServerId, u64)>,
    sequence: u64,
    made: bool,
}

impl Stride {
    /// Takes other weights for the same or other servers; the counter goes on.
    pub(in crate::balance) fn set(&mut self, servers: Vec<(ServerId, f64)>) {
        self.servers = servers;
        self.made = false;
    }

    /// A weight of 0 is unknown and counts as the mean of those known; with fewer than two known
    /// all are equal.
    fn make(&mut self) {
        let known = self.servers.iter().map(|(_, weight)| *weight).filter(|weight| *weight > 0.0);
        let (count, sum) = known.clone().fold((0, 0.0), |(n, sum), weight| (n + 1, sum + weight));
        let most = known.fold(0.0, f64::max);
        let scale = |(server, weight): &(ServerId, f64)| {
            let weight = if *weight > 0.0 { *weight } else { sum / f64::from(count) };
            let equal = count < 2;
            (*server, if equal { FULL } else { (weight / most * FULL as f64).round() as u64 })
        };
        self.scaled = self.servers.iter().map(scale).collect();
        self.made = true;
    }

    /// The next candidate.
    pub(in crate::balance) fn take(&mut self, among: &ServerSet) -> Option<ServerId> {
        if !self.made {
            self.make();
        }
        let servers = self.scaled.len() as u64;
        // A weight scaled to nothing has a turn once in 65,535 generations; a fleet of them and of
        // full servers is not worth going through.
        for _ in 0..64 * servers {
            let (place, generation) = (self.sequence % servers, self.sequence / servers);
            self.sequence += 1;
            let (server, weight) = self.scaled[place as usize];
            let position = (weight * generation + place * (FULL / 2)) % FULL;
            if position >= FULL - weight && among.contains(server) {
                return Some(server);
            }
        }
        among.next_from(0)
    }
}

impl Turns for Stride {
    fn join(&mut self, server: ServerId, weight: u32) {
        self.leave(server);
        let place = self.servers.partition_point(|(other, _)| *other < server);
        self.servers.insert(place, (server, f64::from(weight)));
    }

    fn leave(&mut self, server: ServerId) {
        if let Ok(place) = self.servers.binary_search_by_key(&server, |(other, _)| *other) {
            self.servers.remove(place);
        }
        self.made = false;
    }

    fn next(&mut self, among: &ServerSet) -> Option<ServerId> {
        self.take(among)
    }
}
