//! Everything that happens at a time of its own and is neither an arrival nor a departure.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::Rank;
use crate::time::Instant;

/// Timers in order of time, then rank, then the order in which they were set.
#[derive(Debug)]
pub(super) struct Timers<T> {
    heap: BinaryHeap<Reverse<(Instant, Rank, u64, u32)>>,
    what: Vec<Option<T>>,
    free: Vec<u32>,
    set: u64,
}

impl<T> Default for Timers<T> {
    fn default() -> Self {
        Self { heap: BinaryHeap::new(), what: Vec::new(), free: Vec::new(), set: 0 }
    }
}

impl<T> Timers<T> {
    /// Sets a timer.
    pub(super) fn set(&mut self, at: Instant, rank: Rank, what: T) {
        let place = self.free.pop().unwrap_or_else(|| {
            self.what.push(None);
            (self.what.len() - 1) as u32
        });
        self.what[place as usize] = Some(what);
        self.heap.push(Reverse((at, rank, self.set, place)));
        self.set += 1;
    }

    /// When the next one goes off, and its rank.
    #[inline]
    pub(super) fn first(&self) -> (Instant, Rank) {
        self.heap.peek().map_or((Instant::NEVER, Rank::End), |Reverse((at, rank, ..))| (*at, *rank))
    }

    /// The next one.
    pub(super) fn pop(&mut self) -> Option<(Instant, T)> {
        let Reverse((at, _, _, place)) = self.heap.pop()?;
        self.free.push(place);
        let what = self.what[place as usize].take().expect("a timer goes off once");
        Some((at, what))
    }
}
