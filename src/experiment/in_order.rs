//! Requests in the order of their arrival, whatever the order in which they end.
//!
//! Batches and warm-up look at a run as a series, and the series must not depend on which loop ran
//! it: a recursion tells of a request's end at its arrival, the event loop when it happens.

use std::collections::VecDeque;

use crate::model::{Completion, Fate, Request};
use crate::probe::Probe;
use crate::time::Instant;

/// What became of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stay {
    /// When it arrived.
    pub(super) arrival: Instant,
    /// Nanoseconds from arrival to end.
    pub(super) latency: u64,
    /// Nanoseconds from arrival to the start of service.
    pub(super) wait: u64,
    /// Nanoseconds of service; 0 where the client left its server before the end of it.
    pub(super) service: u64,
    /// Whether it was served to the end.
    pub(super) completed: bool,
}

/// Who is told of stays in the order of arrival.
pub(super) trait Series {
    fn stay(&mut self, stay: &Stay);
}

/// Holds back ends until those of all earlier arrivals are known.
#[derive(Debug)]
pub(super) struct InOrder<S> {
    pub(super) series: S,
    /// The number of the arrival that stands first in line.
    first: u64,
    line: VecDeque<Option<Stay>>,
}

impl<S: Series> InOrder<S> {
    pub(super) fn new(series: S) -> Self {
        Self { series, first: 0, line: VecDeque::new() }
    }
}

impl<S: Series> Probe for InOrder<S> {
    #[inline]
    fn arrival(&mut self, _: &Request, _: u64) {
        self.line.push_back(None);
    }

    #[inline]
    fn completion(&mut self, done: &Completion, index: u64) {
        self.line[(index - self.first) as usize] = Some(Stay {
            arrival: done.request.arrival,
            latency: done.latency().0,
            wait: done.wait().0,
            service: done.server.map_or(0, |_| done.service().0),
            completed: done.fate == Fate::Completed,
        });
        while let Some(Some(stay)) = self.line.front() {
            self.series.stay(stay);
            self.line.pop_front();
            self.first += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Duration;

    impl Series for Vec<u64> {
        fn stay(&mut self, stay: &Stay) {
            self.push(stay.latency);
        }
    }

    #[test]
    fn ends_out_of_order_are_told_in_order_of_arrival() {
        let mut probe = InOrder::new(Vec::new());
        let request = Request::default();
        let end = |nanos: u64| Completion {
            request,
            fate: Fate::Completed,
            server: None,
            sent: Instant::START,
            started: Instant::START,
            ended: Instant::START + Duration(nanos),
        };
        (0..3).for_each(|index| probe.arrival(&request, index));
        probe.completion(&end(30), 2);
        probe.completion(&end(10), 0);
        assert_eq!(probe.series, [10]);
        probe.arrival(&request, 3);
        probe.completion(&end(20), 1);
        probe.completion(&end(40), 3);
        assert_eq!(probe.series, [10, 20, 30, 40]);
    }
}
