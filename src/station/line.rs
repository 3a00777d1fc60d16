//! Waiting lines: who is next, for a server's own queue and for the queue before a pool.

use std::collections::{BTreeMap, BTreeSet};

use super::{Slab, Ticket};
use crate::time::Duration;

/// Requests that wait, in the order of a discipline.
pub trait Line {
    /// Takes a request in.
    fn push(&mut self, ticket: Ticket, slab: &mut Slab);
    /// Takes in one that was next before, ahead of those that came after it.
    fn push_front(&mut self, ticket: Ticket, slab: &mut Slab);
    /// The next to be served leaves the line.
    fn pop(&mut self, slab: &mut Slab) -> Option<Ticket>;
    /// Takes one that waits out of the line.
    fn remove(&mut self, ticket: Ticket, slab: &mut Slab);
    /// How many wait.
    fn len(&self) -> u32;
    /// The demands of those waiting, summed.
    fn demand(&self, slab: &Slab) -> Duration;
    /// Whether nobody waits.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// First come, first served: a list through the slab.
#[derive(Clone, Debug)]
pub struct Fifo {
    head: Ticket,
    tail: Ticket,
    len: u32,
}

impl Default for Fifo {
    fn default() -> Self {
        Self { head: Ticket::NONE, tail: Ticket::NONE, len: 0 }
    }
}

impl Fifo {
    #[inline]
    fn unlink(&mut self, ticket: Ticket, slab: &mut Slab) {
        let (previous, next) = (slab[ticket].previous, slab[ticket].next);
        if previous == Ticket::NONE {
            self.head = next;
        } else {
            slab[previous].next = next;
        }
        if next == Ticket::NONE {
            self.tail = previous;
        } else {
            slab[next].previous = previous;
        }
        self.len -= 1;
    }
}

impl Line for Fifo {
    #[inline]
    fn push(&mut self, ticket: Ticket, slab: &mut Slab) {
        slab[ticket].previous = self.tail;
        slab[ticket].next = Ticket::NONE;
        if self.tail == Ticket::NONE {
            self.head = ticket;
        } else {
            slab[self.tail].next = ticket;
        }
        self.tail = ticket;
        self.len += 1;
    }

    fn push_front(&mut self, ticket: Ticket, slab: &mut Slab) {
        slab[ticket].previous = Ticket::NONE;
        slab[ticket].next = self.head;
        if self.head == Ticket::NONE || self.len == 0 {
            self.tail = ticket;
        } else {
            slab[self.head].previous = ticket;
        }
        self.head = ticket;
        self.len += 1;
    }

    #[inline]
    fn pop(&mut self, slab: &mut Slab) -> Option<Ticket> {
        if self.len == 0 {
            return None;
        }
        let ticket = self.head;
        self.head = slab[ticket].next;
        self.len -= 1;
        if self.len == 0 {
            self.tail = Ticket::NONE;
        } else {
            slab[self.head].previous = Ticket::NONE;
        }
        Some(ticket)
    }

    fn remove(&mut self, ticket: Ticket, slab: &mut Slab) {
        self.unlink(ticket, slab);
    }

    #[inline]
    fn len(&self) -> u32 {
        self.len
    }

    fn demand(&self, slab: &Slab) -> Duration {
        let (mut sum, mut ticket) = (Duration::ZERO, self.head);
        while ticket != Ticket::NONE {
            sum += slab[ticket].request.demand;
            ticket = slab[ticket].next;
        }
        sum
    }
}

/// Last come, first served.
#[derive(Clone, Debug, Default)]
pub struct Lifo(Fifo);

impl Line for Lifo {
    fn push(&mut self, ticket: Ticket, slab: &mut Slab) {
        self.0.push(ticket, slab);
    }
    fn push_front(&mut self, ticket: Ticket, slab: &mut Slab) {
        // The last one is the next one.
        self.0.push(ticket, slab);
    }
    fn pop(&mut self, slab: &mut Slab) -> Option<Ticket> {
        let last = (self.0.len > 0).then_some(self.0.tail)?;
        self.0.unlink(last, slab);
        Some(last)
    }
    fn remove(&mut self, ticket: Ticket, slab: &mut Slab) {
        self.0.unlink(ticket, slab);
    }
    fn len(&self) -> u32 {
        self.0.len
    }
    fn demand(&self, slab: &Slab) -> Duration {
        self.0.demand(slab)
    }
}

/// The highest priority first, first come first served among equals.
#[derive(Clone, Debug, Default)]
pub struct Priority {
    levels: BTreeMap<i16, Fifo>,
    len: u32,
}

impl Line for Priority {
    fn push(&mut self, ticket: Ticket, slab: &mut Slab) {
        let level = slab[ticket].request.priority;
        self.levels.entry(level).or_default().push(ticket, slab);
        self.len += 1;
    }
    fn push_front(&mut self, ticket: Ticket, slab: &mut Slab) {
        let level = slab[ticket].request.priority;
        self.levels.entry(level).or_default().push_front(ticket, slab);
        self.len += 1;
    }
    fn pop(&mut self, slab: &mut Slab) -> Option<Ticket> {
        let ticket = self.levels.values_mut().rev().find_map(|level| level.pop(slab))?;
        self.len -= 1;
        Some(ticket)
    }
    fn remove(&mut self, ticket: Ticket, slab: &mut Slab) {
        if let Some(level) = self.levels.get_mut(&slab[ticket].request.priority) {
            level.unlink(ticket, slab);
            self.len -= 1;
        }
    }
    fn len(&self) -> u32 {
        self.len
    }
    fn demand(&self, slab: &Slab) -> Duration {
        self.levels.values().fold(Duration::ZERO, |sum, level| sum + level.demand(slab))
    }
}

/// The shortest demand first, first come first served among equals.
#[derive(Clone, Debug, Default)]
pub struct Shortest(BTreeSet<(Duration, u64, Ticket)>);

impl Shortest {
    fn key(ticket: Ticket, slab: &Slab) -> (Duration, u64, Ticket) {
        (slab[ticket].request.demand, slab[ticket].index, ticket)
    }
}

impl Line for Shortest {
    fn push(&mut self, ticket: Ticket, slab: &mut Slab) {
        self.0.insert(Self::key(ticket, slab));
    }
    fn push_front(&mut self, ticket: Ticket, slab: &mut Slab) {
        self.push(ticket, slab);
    }
    fn pop(&mut self, _: &mut Slab) -> Option<Ticket> {
        self.0.pop_first().map(|(_, _, ticket)| ticket)
    }
    fn remove(&mut self, ticket: Ticket, slab: &mut Slab) {
        self.0.remove(&Self::key(ticket, slab));
    }
    fn len(&self) -> u32 {
        self.0.len() as u32
    }
    fn demand(&self, _: &Slab) -> Duration {
        self.0.iter().fold(Duration::ZERO, |sum, &(demand, ..)| sum + demand)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Request;

    fn order<L: Line + Default>(requests: &[(u64, i16)], gone: Option<usize>) -> Vec<u64> {
        let (mut slab, mut line) = (Slab::default(), L::default());
        let tickets: Vec<Ticket> = (0..)
            .zip(requests)
            .map(|(index, &(demand, priority))| {
                let request = Request { demand: Duration(demand), priority, ..Request::default() };
                slab.insert(request, index, 0)
            })
            .collect();
        for &ticket in &tickets {
            line.push(ticket, &mut slab);
        }
        if let Some(gone) = gone {
            line.remove(tickets[gone], &mut slab);
        }
        assert_eq!(line.len() as usize, requests.len() - usize::from(gone.is_some()));
        let served: Vec<Ticket> = std::iter::from_fn(|| line.pop(&mut slab)).collect();
        served.into_iter().map(|ticket| slab[ticket].index).collect()
    }

    #[test]
    fn each_line_serves_in_its_order_and_forgets_whoever_left() {
        let requests = [(5, 0), (3, 2), (4, 0), (3, 2)];
        assert_eq!(order::<Fifo>(&requests, None), [0, 1, 2, 3]);
        assert_eq!(order::<Lifo>(&requests, None), [3, 2, 1, 0]);
        assert_eq!(order::<Priority>(&requests, None), [1, 3, 0, 2]);
        assert_eq!(order::<Shortest>(&requests, None), [1, 3, 2, 0]);
        for (gone, left) in [(0, [1, 2, 3]), (1, [0, 2, 3]), (3, [0, 1, 2])] {
            assert_eq!(order::<Fifo>(&requests, Some(gone)), left);
        }
        assert_eq!(order::<Lifo>(&requests, Some(3)), [2, 1, 0]);
        assert_eq!(order::<Priority>(&requests, Some(1)), [3, 0, 2]);
        assert_eq!(order::<Shortest>(&requests, Some(3)), [1, 2, 0]);
    }

    #[test]
    fn whoever_is_put_back_is_next_again() {
        let (mut slab, mut line) = (Slab::default(), Fifo::default());
        let tickets = [0, 1, 2].map(|index| slab.insert(Request::default(), index, 0));
        line.push_front(tickets[0], &mut slab);
        line.push(tickets[1], &mut slab);
        line.push(tickets[2], &mut slab);
        let first = line.pop(&mut slab).unwrap();
        line.push_front(first, &mut slab);
        line.remove(tickets[1], &mut slab);
        let served: Vec<Ticket> = std::iter::from_fn(|| line.pop(&mut slab)).collect();
        assert_eq!(served, [tickets[0], tickets[2]]);
    }
}
