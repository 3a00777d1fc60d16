//! What is measured: probes are told what happens and keep what they need; they compose as tuples.

mod census;
mod meter;
mod timeline;

pub use census::{Census, Change, Decision, Offered, Step};
pub use meter::{Meter, PerServer};
pub use timeline::{Bin, Timeline};

use crate::fleet::{Fleet, FleetChange};
use crate::model::{Completion, Request, ServerId};
use crate::time::Instant;

/// An observer of a run; every method defaults to nothing, and `()` measures nothing.
///
/// Completions may be told in another order than that of their ends (a recursion knows an end at
/// the arrival), so a probe that sums must do so in whole numbers, whose order does not matter.
pub trait Probe {
    /// Whether completions must come in the order of their ends.
    const ORDERED: bool = false;

    /// A request arrives; `index` counts arrivals from 0.
    fn arrival(&mut self, _request: &Request, _index: u64) {}

    /// A request has ended, however it ended.
    fn completion(&mut self, _done: &Completion, _index: u64) {}

    /// The end lies beyond the horizon, so time averages must not count what lies beyond it.
    fn beyond(&mut self, _done: &Completion, _horizon: Instant) {}

    /// Requests have shared the slots of a server: their services, which completions tell, add up
    /// to more than the slots were busy, by this much.
    fn crowd(&mut self, _crowd: &Crowd) {}

    /// The fleet has changed.
    fn fleet(&mut self, _now: Instant, _change: FleetChange, _fleet: &Fleet) {}

    /// A server has moved on in its life, or has another size.
    fn server(&mut self, _change: &Change) {}

    /// A server of a pool failed to start so many times before it did.
    fn failed_starts(&mut self, _pool: u16, _starts: u32) {}

    /// An autoscaler has looked.
    fn decision(&mut self, _decision: Decision) {}

    /// What a pool's autoscaler has learnt, at the end of the run.
    fn memory(&mut self, _pool: u16, _memory: String) {}
}

impl Probe for () {}

/// More requests in service at a server than it has slots, for a while.
#[derive(Clone, Copy, Debug)]
pub struct Crowd {
    /// The server.
    pub server: ServerId,
    /// From when on there were so many.
    pub from: Instant,
    /// Until when.
    pub to: Instant,
    /// How many more than slots.
    pub beyond: u32,
    /// The horizon, where it is known; where it is not, it is later than `to`.
    pub horizon: Option<Instant>,
}

macro_rules! together {
    ($($probe:ident . $field:tt),+) => {
        impl<$($probe: Probe),+> Probe for ($($probe,)+) {
            const ORDERED: bool = $($probe::ORDERED)||+;
            #[inline]
            fn arrival(&mut self, request: &Request, index: u64) {
                $(self.$field.arrival(request, index);)+
            }
            #[inline]
            fn completion(&mut self, done: &Completion, index: u64) {
                $(self.$field.completion(done, index);)+
            }
            #[inline]
            fn beyond(&mut self, done: &Completion, horizon: Instant) {
                $(self.$field.beyond(done, horizon);)+
            }
            #[inline]
            fn crowd(&mut self, crowd: &Crowd) {
                $(self.$field.crowd(crowd);)+
            }
            fn fleet(&mut self, now: Instant, change: FleetChange, fleet: &Fleet) {
                $(self.$field.fleet(now, change, fleet);)+
            }
            fn server(&mut self, change: &Change) {
                $(self.$field.server(change);)+
            }
            fn failed_starts(&mut self, pool: u16, starts: u32) {
                $(self.$field.failed_starts(pool, starts);)+
            }
            fn decision(&mut self, decision: Decision) {
                $(self.$field.decision(decision.clone());)+
            }
            fn memory(&mut self, pool: u16, memory: String) {
                $(self.$field.memory(pool, memory.clone());)+
            }
        }
    };
}
together!(A.0, B.1);
together!(A.0, B.1, C.2);
together!(A.0, B.1, C.2, D.3);

/// A probe that may be absent.
impl<P: Probe> Probe for Option<P> {
    const ORDERED: bool = P::ORDERED;
    #[inline]
    fn arrival(&mut self, request: &Request, index: u64) {
        if let Some(probe) = self {
            probe.arrival(request, index);
        }
    }
    #[inline]
    fn completion(&mut self, done: &Completion, index: u64) {
        if let Some(probe) = self {
            probe.completion(done, index);
        }
    }
    #[inline]
    fn beyond(&mut self, done: &Completion, horizon: Instant) {
        if let Some(probe) = self {
            probe.beyond(done, horizon);
        }
    }
    fn crowd(&mut self, crowd: &Crowd) {
        if let Some(probe) = self {
            probe.crowd(crowd);
        }
    }
    fn fleet(&mut self, now: Instant, change: FleetChange, fleet: &Fleet) {
        if let Some(probe) = self {
            probe.fleet(now, change, fleet);
        }
    }
    fn server(&mut self, change: &Change) {
        if let Some(probe) = self {
            probe.server(change);
        }
    }
    fn failed_starts(&mut self, pool: u16, starts: u32) {
        if let Some(probe) = self {
            probe.failed_starts(pool, starts);
        }
    }
    fn decision(&mut self, decision: Decision) {
        if let Some(probe) = self {
            probe.decision(decision);
        }
    }
    fn memory(&mut self, pool: u16, memory: String) {
        if let Some(probe) = self {
            probe.memory(pool, memory);
        }
    }
}
