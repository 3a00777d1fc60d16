//! Many runs that answer one question: how sure is a number, which variant is better.
//!
//! | question | where |
//! | --- | --- |
//! | when has a steady state begun? | [`warmup`]: pilots and MSER-5 |
//! | how sure is a number? | [`replicate()`]: replications until they suffice; `batches`: one long
//! run |
//! | do the runs suffice for it? | `course`: excursions and stretches within them |
//! | what would other traffic of this kind have done? | `resample`: blocks of a trace, joined anew
//! |
//! | what is the cheapest fleet that is good enough? | [`plan()`]: a monotone search with a gate
//! |
//! | which forecaster is better? | [`foresee`]: back-tests on one series |
//! | which variant is better? | [`compare()`]: the same requests for all, and paired differences |
//! | which of very many? | [`sweep`]: a grid of any fields, the front, the best for sure |
//!
//! This is the only user of threads. Runs are the unit of parallel work and are taken up in the
//! order of their numbers; everything is folded in that order, and a stop keeps the complete ones
//! before the first that is not (whoever happened to finish early would be a biased choice:
//! Heidelberger 1988). So the same input and seed give the same bytes, whatever the number of
//! threads.

mod batches;
mod campaign;

pub mod compare;
mod course;
mod crew;
mod difference;
mod estimated;
mod evidence;
mod foresight;
mod in_order;
mod judge;
pub mod plan;
mod precision;
pub mod replicate;
mod resample;
pub mod sweep;
mod twin;
pub mod warmup;
mod words;
mod workload;

use std::cell::Cell;

pub use compare::{Compared, Pairs, Variant, compare};
pub use crew::Crew;
pub use foresight::foresee;
pub use plan::{Ask, Survive, plan};
pub use replicate::{Replicated, replicate};
pub use warmup::WarmUp;

use crate::engine::Watch;
use crate::time::Instant;

/// Who is told how far an experiment is, from any of its threads, and may stop it.
pub trait Monitor: Sync {
    /// So many runs more are planned.
    fn plan(&self, _runs: u64) {}

    /// So many requests more have arrived in some run; `false` stops the experiment.
    fn go_on(&self, _requests: u64) -> bool {
        true
    }

    /// What the runs from now on are for, in a few words.
    fn stage(&self, _what: &str) {}

    /// A run is complete.
    fn done(&self) {}
}

impl Monitor for () {}

/// Tells a monitor of one run's requests.
struct Relay<'a> {
    monitor: &'a dyn Monitor,
    told: Cell<u64>,
    /// The run is stopped when it has had so many requests.
    most: u64,
}

impl<'a> Relay<'a> {
    fn new(monitor: &'a dyn Monitor) -> Self {
        Self { monitor, told: Cell::new(0), most: u64::MAX }
    }

    /// A run that is stopped after about `most` requests: the same ones each time.
    fn until(monitor: &'a dyn Monitor, most: u64) -> Self {
        Self { most, ..Self::new(monitor) }
    }
}

impl Watch for Relay<'_> {
    fn go_on(&self, requests: u64, _: Instant) -> bool {
        let more = requests - self.told.replace(requests);
        self.monitor.go_on(more) && requests < self.most
    }
}
