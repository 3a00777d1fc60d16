//! Servers ordered by how many requests they have, so that the least loaded is found in O(1).

use crate::fleet::ServerSet;
use crate::model::ServerId;
use crate::rng::Stream;

/// Buckets of servers by count, each an array to draw from, and the lowest that is not empty.
#[derive(Clone, Debug, Default)]
pub(in crate::balance) struct LoadIndex {
    buckets: Vec<Vec<ServerId>>,
    count: Vec<u32>,
    place: Vec<u32>,
    lowest: usize,
}

const OUT: u32 = u32::MAX;

impl LoadIndex {
    /// Takes a server in, with no request.
    pub(in crate::balance) fn join(&mut self, server: ServerId) {
        let at = server.index();
        if at >= self.count.len() {
            self.count.resize(at + 1, 0);
            self.place.resize(at + 1, OUT);
        }
        if self.place[at] == OUT {
            self.put(server);
        }
    }

    /// Takes a server out; its count is kept for the requests it still has.
    pub(in crate::balance) fn leave(&mut self, server: ServerId) {
        if self.place.get(server.index()).is_some_and(|&place| place != OUT) {
            self.pull(server);
            self.find_lowest();
        }
    }

    /// The servers that are in, each with its count.
    pub(in crate::balance) fn counts(&self) -> impl Iterator<Item = (ServerId, u32)> + '_ {
        let places = self.place.iter().enumerate().filter(|(_, place)| **place != OUT);
        places.map(|(at, _)| (ServerId(at as u32), self.count[at]))
    }

    /// One request more at a server.
    #[inline]
    pub(in crate::balance) fn raise(&mut self, server: ServerId) {
        self.shift(server, self.count[server.index()] + 1);
    }

    /// One request fewer at a server.
    #[inline]
    pub(in crate::balance) fn lower(&mut self, server: ServerId) {
        self.shift(server, self.count[server.index()].saturating_sub(1));
    }

    /// Another count for a server.
    pub(in crate::balance) fn set(&mut self, server: ServerId, count: u32) {
        if self.count[server.index()] != count {
            self.shift(server, count);
        }
    }

    /// One of the candidates with the fewest requests, any of them with the same probability.
    pub(in crate::balance) fn least(
        &self,
        among: &ServerSet,
        stream: &mut Stream,
    ) -> Option<ServerId> {
        self.buckets.get(self.lowest..)?.iter().find_map(|bucket| {
            let len = bucket.len() as u32;
            if len == 0 {
                return None;
            }
            let first = bucket[stream.below(len) as usize];
            if among.contains(first) {
                return Some(first);
            }
            // Only where servers have different slots can a bucket mix open and full ones.
            let fit = bucket.iter().filter(|server| among.contains(**server)).count();
            let nth = (fit > 0).then(|| stream.below(fit as u32) as usize)?;
            bucket.iter().filter(|server| among.contains(**server)).nth(nth).copied()
        })
    }

    #[inline]
    fn shift(&mut self, server: ServerId, count: u32) {
        let listed = self.place[server.index()] != OUT;
        if listed {
            self.pull(server);
        }
        self.count[server.index()] = count;
        if listed {
            self.put(server);
            // Not before the server is back: the only one would leave nothing to find.
            self.find_lowest();
        }
    }

    #[inline]
    fn put(&mut self, server: ServerId) {
        let count = self.count[server.index()] as usize;
        if count >= self.buckets.len() {
            self.buckets.resize_with(count + 1, Vec::new);
        }
        self.place[server.index()] = self.buckets[count].len() as u32;
        self.buckets[count].push(server);
        self.lowest = self.lowest.min(count);
    }

    #[inline]
    fn pull(&mut self, server: ServerId) {
        let (count, place) =
            (self.count[server.index()] as usize, self.place[server.index()] as usize);
        let bucket = &mut self.buckets[count];
        bucket.swap_remove(place);
        if let Some(moved) = bucket.get(place) {
            self.place[moved.index()] = place as u32;
        }
        self.place[server.index()] = OUT;
    }

    #[inline]
    fn find_lowest(&mut self) {
        while self.buckets.get(self.lowest).is_some_and(Vec::is_empty) {
            self.lowest += 1;
        }
    }
}
