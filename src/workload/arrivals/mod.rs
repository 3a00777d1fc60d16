//! When requests arrive: the trait of an arrival process and the registry of processes.

pub mod poisson;

use std::path::Path;

use crate::registry::{Entry, Role};
use crate::rng::Stream;
use crate::time::{Duration, Instant};

/// A process that says when the next request arrives.
pub trait Arrivals: Send {
    /// The arrival after the one at `last`; `NEVER` when there are no more.
    fn next(&mut self, last: Instant, stream: &mut Stream) -> Instant;
}

/// What a process is told when it is built.
#[derive(Clone, Copy, Debug)]
pub struct Setup<'a> {
    /// The length of the run, where it is set: profiles that stretch over a run need it.
    pub duration: Option<Duration>,
    /// The folder that relative paths start from.
    pub folder: &'a Path,
}

impl Role for dyn Arrivals {
    const KIND: &'static str = "arrival process";
    const KEY: &'static str = "process";
    type Setup<'a> = Setup<'a>;
    fn registry() -> &'static [Entry<Self>] {
        REGISTRY
    }
}

const REGISTRY: &[Entry<dyn Arrivals>] =
    &[Entry::of::<poisson::Poisson>(include_str!("poisson.rs"))];
