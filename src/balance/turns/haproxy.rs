//! HAProxy's `roundrobin`: places on a line as long as the sum of weights, in three sorted sets.

use std::collections::BTreeSet;

use super::Turns;
use crate::fleet::ServerSet;
use crate::model::ServerId;

/// Effective weights are sixteenths, so that slow start can take a part of a weight of 1.
const SCALE: u64 = 16;
/// The largest effective weight that HAProxy's keys are made for: 256 × 16.
const HEAVIEST: u64 = 4096;

/// A sorted set of servers by a key, first come first on equal keys.
type Line = BTreeSet<(u64, u64, ServerId)>;

/// The three sets: to be started, in this turn of the line, in the next.
#[derive(Clone, Debug, Default)]
pub(in crate::balance) struct Haproxy {
    places: Vec<Place>,
    init: Line,
    current: Line,
    next: Line,
    at: u64,
    total: u64,
    queued: u64,
}

#[derive(Clone, Copy, Debug, Default)]
struct Place {
    weight: u64,
    at: u64,
    rest: u64,
}

impl Haproxy {
    fn ticket(&mut self) -> u64 {
        self.queued += 1;
        self.queued
    }

    /// The first of a set that may be chosen. Those before it are full and stay where they are.
    fn head(line: &Line, among: &ServerSet) -> Option<(u64, u64, ServerId)> {
        line.iter().find(|(.., server)| among.contains(*server)).copied()
    }

    fn take(&mut self, among: &ServerSet) -> Option<ServerId> {
        for _ in 0..2 {
            let current = Self::head(&self.current, among);
            let due = |entry: &&(u64, u64, ServerId)| self.places[entry.2.index()].at <= self.at;
            if let Some(entry) = current.as_ref().filter(due) {
                self.current.remove(entry);
                return Some(entry.2);
            }
            if let Some(entry) = Self::head(&self.init, among) {
                self.init.remove(&entry);
                let place = &mut self.places[entry.2.index()];
                (place.at, place.rest) = (0, 0);
                return Some(entry.2);
            }
            if let Some(entry) = current {
                self.current.remove(&entry);
                return Some(entry.2);
            }
            std::mem::swap(&mut self.init, &mut self.next);
            self.at = self.total;
        }
        None
    }

    fn queue(&mut self, server: ServerId) {
        let order = self.ticket();
        let place = &mut self.places[server.index()];
        if place.at >= 2 * self.total {
            place.at -= self.total;
            self.next.insert((HEAVIEST - place.weight, order, server));
        } else {
            let key = 256 * place.at + (HEAVIEST + place.rest - place.weight) / SCALE;
            self.current.insert((key, order, server));
        }
    }
}

impl Turns for Haproxy {
    fn join(&mut self, server: ServerId, weight: u32) {
        if server.index() >= self.places.len() {
            self.places.resize(server.index() + 1, Place::default());
        }
        let weight = (u64::from(weight) * SCALE).min(HEAVIEST);
        self.places[server.index()] = Place { weight, ..Place::default() };
        if weight > 0 {
            let order = self.ticket();
            self.init.insert((HEAVIEST - weight, order, server));
            self.total += weight;
            // A line that has just been laid is at its start.
            if self.current.is_empty() && self.next.is_empty() {
                self.at = self.total;
            }
        }
    }

    fn leave(&mut self, server: ServerId) {
        for line in [&mut self.init, &mut self.current, &mut self.next] {
            line.retain(|(.., queued)| *queued != server);
        }
        self.total -= std::mem::take(&mut self.places[server.index()].weight);
    }

    fn next(&mut self, among: &ServerSet) -> Option<ServerId> {
        let server = self.take(among)?;
        let (at, total) = (self.at, self.total);
        let place = &mut self.places[server.index()];
        if place.at == 0 {
            place.at = at;
        }
        place.at += total / place.weight;
        place.rest += total % place.weight;
        if place.rest >= place.weight {
            place.rest -= place.weight;
            place.at += 1;
        }
        self.at += 1;
        self.queue(server);
        Some(server)
    }
}
