//! Several classes of traffic as one stream in order of time.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::collections::binary_heap::PeekMut;

use super::{CHUNK, Source};
use crate::diagnose::Problem;
use crate::model::{Completion, Request};
use crate::time::Instant;

/// One stream of many; a single one passes through as it is, and costs nothing.
///
/// The source of class c stands at place c. Requests of one instant come in the order of their
/// classes, those of one class in the order of their source. No source is read further ahead than
/// one chunk.
pub fn in_order_of_time(mut sources: Vec<Box<dyn Source>>) -> Box<dyn Source> {
    match sources.pop() {
        Some(only) if sources.is_empty() => only,
        last => {
            let lanes = sources.into_iter().chain(last).map(Lane::new).collect();
            Box::new(Merged { lanes, heads: None })
        }
    }
}

/// Several sources and what is known of each one's next request.
struct Merged {
    lanes: Vec<Lane>,
    /// The arrival of each lane's next request and the lane; none until the first are asked for.
    heads: Option<BinaryHeap<Reverse<(Instant, usize)>>>,
}

/// One source with the chunk that has been read of it.
struct Lane {
    source: Box<dyn Source>,
    chunk: Vec<Request>,
    next: usize,
}

impl Lane {
    fn new(source: Box<dyn Source>) -> Self {
        Self { source, chunk: Vec::new(), next: 0 }
    }

    /// When the next request arrives, which stays the next one.
    #[inline]
    fn peek(&mut self) -> Result<Option<Instant>, Problem> {
        if self.next == self.chunk.len() {
            self.next = 0;
            self.chunk.clear();
            self.source.fill(&mut self.chunk)?;
        }
        Ok(self.chunk.get(self.next).map(|request| request.arrival))
    }
}

impl Merged {
    fn heads(&mut self) -> Result<BinaryHeap<Reverse<(Instant, usize)>>, Problem> {
        if let Some(heads) = self.heads.take() {
            return Ok(heads);
        }
        let mut heads = BinaryHeap::with_capacity(self.lanes.len());
        for (place, lane) in self.lanes.iter_mut().enumerate() {
            heads.extend(lane.peek()?.map(|arrival| Reverse((arrival, place))));
        }
        Ok(heads)
    }
}

impl Source for Merged {
    fn fill(&mut self, out: &mut Vec<Request>) -> Result<(), Problem> {
        let mut heads = self.heads()?;
        let full = out.len() + CHUNK;
        while out.len() < full
            && let Some(mut head) = heads.peek_mut()
        {
            let Reverse((_, place)) = *head;
            let lane = &mut self.lanes[place];
            out.push(lane.chunk[lane.next]);
            lane.next += 1;
            match lane.peek()? {
                Some(arrival) => *head = Reverse((arrival, place)),
                None => drop(PeekMut::pop(head)),
            }
        }
        self.heads = Some(heads);
        Ok(())
    }

    fn follow(&mut self, done: &Completion) -> Option<Request> {
        self.lanes.get_mut(usize::from(done.request.class))?.source.follow(done)
    }

    fn is_closed_loop(&self) -> bool {
        self.lanes.iter().any(|lane| lane.source.is_closed_loop())
    }

    fn is_impatient(&self) -> bool {
        self.lanes.iter().any(|lane| lane.source.is_impatient())
    }

    fn share(&self) -> Option<f64> {
        self.lanes.iter().filter_map(|lane| lane.source.share()).reduce(f64::min)
    }

    fn end(&mut self) -> Option<Instant> {
        self.lanes.iter_mut().filter_map(|lane| lane.source.end()).max()
    }

    fn advice(&mut self) -> Vec<String> {
        self.lanes.iter_mut().flat_map(|lane| lane.source.advice()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Fate;
    use proptest::collection::vec;
    use proptest::prelude::*;

    /// Requests at given instants, in chunks of a given size; one closed loop follows every end.
    struct Listed {
        class: u16,
        instants: std::vec::IntoIter<u64>,
        at_once: usize,
        follows: bool,
    }

    impl Source for Listed {
        fn fill(&mut self, out: &mut Vec<Request>) -> Result<(), Problem> {
            let class = self.class;
            let request = |at| Request { arrival: Instant(at), class, ..Request::default() };
            out.extend(self.instants.by_ref().take(self.at_once).map(request));
            Ok(())
        }
        fn follow(&mut self, done: &Completion) -> Option<Request> {
            self.follows.then_some(done.request)
        }
        fn is_closed_loop(&self) -> bool {
            self.follows
        }
        fn advice(&mut self) -> Vec<String> {
            vec![format!("class {}", self.class)]
        }
    }

    fn listed(class: usize, instants: Vec<u64>, at_once: usize) -> Box<dyn Source> {
        let (class, instants) = (class as u16, instants.into_iter());
        Box::new(Listed { class, instants, at_once, follows: class == 1 })
    }

    fn drain(source: &mut dyn Source) -> Vec<(u64, u16)> {
        let mut all = Vec::new();
        loop {
            let before = all.len();
            source.fill(&mut all).unwrap();
            if all.len() == before {
                return all.iter().map(|request| (request.arrival.0, request.class)).collect();
            }
            assert!(all.len() - before <= CHUNK);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig {
            failure_persistence: None, ..ProptestConfig::default()
        })]

        #[test]
        fn merging_is_a_stable_sort_by_time(
            lanes in vec((vec(0..2000_u64, 0..900), 1..1200_usize), 0..6),
        ) {
            let (mut sources, mut all) = (Vec::new(), Vec::new());
            for (class, (mut instants, at_once)) in lanes.into_iter().enumerate() {
                instants.sort_unstable();
                all.extend(instants.iter().map(|&at| (at, class as u16)));
                sources.push(listed(class, instants, at_once));
            }
            all.sort_by_key(|&(at, _)| at);
            prop_assert_eq!(drain(&mut *in_order_of_time(sources)), all);
        }
    }

    #[test]
    fn a_single_source_passes_through() {
        let source = listed(0, vec![1], 1);
        let before: *const dyn Source = &raw const *source;
        let after: *const dyn Source = &raw const *in_order_of_time(vec![source]);
        assert!(std::ptr::addr_eq(before, after));
    }

    #[test]
    fn an_end_is_told_to_the_source_of_its_class() {
        let mut merged =
            in_order_of_time((0..3).map(|class| listed(class, Vec::new(), 1)).collect());
        assert!(merged.is_closed_loop() && !merged.is_impatient());
        assert_eq!(merged.advice(), ["class 0", "class 1", "class 2"]);
        let mut follow = |class| {
            let request = Request { class, ..Request::default() };
            let (fate, now) = (Fate::Completed, Instant::START);
            merged.follow(&Completion {
                request,
                fate,
                server: None,
                sent: now,
                started: now,
                ended: now,
            })
        };
        assert!(follow(0).is_none() && follow(1).is_some() && follow(2).is_none());
    }
}
