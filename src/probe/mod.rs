//! What is measured: probes are told what happens and keep what they need; they compose as tuples.

mod census;
mod chronicle;
mod meter;
mod timeline;

pub use census::{Census, Change, Decision, Offered, Step};
pub use chronicle::{Beat, Chronicle, Entry, OfClass, Spans, Tries};
pub use meter::{Meter, PerServer};
pub use timeline::{Bin, Timeline};

use crate::fleet::{Fleet, FleetChange};
use crate::model::{Completion, Foresight, Request, ServerId};
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

    /// An attempt has ended that did not end its request: another one will be made, or another one
    /// answered, or nobody waited any more. Time averages end at the horizon, where it is known;
    /// whether its service was in vain, or goes on elsewhere.
    fn attempt(&mut self, _done: &Completion, _horizon: Option<Instant>, _in_vain: bool) {}

    /// Something has happened that only failures, or the protection against them, bring about.
    fn note(&mut self, _now: Instant, _note: Note) {}

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

    /// What a pool's autoscaler foresaw, at the end of the run.
    fn foresight(&mut self, _pool: u16, _foresight: Foresight) {}
}

impl Probe for () {}

/// What failures, and the protection against them, bring about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Note {
    /// An attempt of a request begins.
    Attempt(Try),
    /// A retry or a hedge was not allowed: by an open circuit (true), or by the budget.
    Denied(bool),
    /// A hedge answered first.
    HedgeWon,
    /// A server lost a request with it.
    Lost,
    /// A server gave a request back to the balancer.
    Returned,
    /// A fault, by its place in the scenario, comes (true) or goes.
    Fault(ServerId, u16, bool),
    /// A server has gone out (true), or come back.
    Out(ServerId, bool),
    /// Active checks take a server for down (true), or up.
    Marked(ServerId, bool),
    /// A server is ejected (true), or returns.
    Ejected(ServerId, bool),
    /// Balancers no longer use a server, for whichever reason (true), or use it again.
    Shunned(ServerId, bool),
    /// So few servers are trusted that all are used (true), or no more.
    Panic(bool),
    /// The circuit of a balancer opens (true), or closes.
    Circuit(u32, bool),
}

/// Why an attempt is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Try {
    /// The request has come.
    First,
    /// An attempt before it failed.
    Retry,
    /// The attempt before it takes long.
    Hedge,
}

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
            fn attempt(&mut self, done: &Completion, horizon: Option<Instant>, in_vain: bool) {
                $(self.$field.attempt(done, horizon, in_vain);)+
            }
            fn note(&mut self, now: Instant, note: Note) {
                $(self.$field.note(now, note);)+
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
            fn foresight(&mut self, pool: u16, foresight: Foresight) {
                $(self.$field.foresight(pool, foresight.clone());)+
            }
        }
    };
}
together!(A.0, B.1);
together!(A.0, B.1, C.2);
together!(A.0, B.1, C.2, D.3);
together!(A.0, B.1, C.2, D.3, E.4);

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
    fn attempt(&mut self, done: &Completion, horizon: Option<Instant>, in_vain: bool) {
        if let Some(probe) = self {
            probe.attempt(done, horizon, in_vain);
        }
    }
    fn note(&mut self, now: Instant, note: Note) {
        if let Some(probe) = self {
            probe.note(now, note);
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
    fn foresight(&mut self, pool: u16, foresight: Foresight) {
        if let Some(probe) = self {
            probe.foresight(pool, foresight);
        }
    }
}
