//! When requests arrive: the trait of an arrival process and the registry of processes.

pub mod batch;
mod curve;
pub mod deterministic;
pub mod diurnal;
pub mod hawkes;
pub mod mmpp;
pub mod poisson;
pub mod profile;
pub mod ramp;
pub mod renewal;
pub mod scheduled;
pub mod spike;
pub mod step;

use std::path::Path;

use crate::diagnose::Problem;
use crate::registry::{Entry, Role};
use crate::rng::Stream;
use crate::time::{Duration, Instant, SECOND_NS};
use crate::units::Rate;

/// A process that says when the next request arrives.
pub trait Arrivals: Send {
    /// The arrival after the one at `last`, at `last` or later; `NEVER` when there are no more.
    ///
    /// The first call has `last` at the start of the run, every other what the call before it gave.
    fn next(&mut self, last: Instant, stream: &mut Stream) -> Instant;

    /// Whether no stretch of time is different from another, so that a steady state may exist.
    fn is_stationary(&self) -> bool {
        true
    }
}

/// What a process is told when it is built.
#[derive(Clone, Copy, Debug)]
pub struct Setup<'a> {
    /// The length of the run, where it is set: profiles that stretch over a run need it.
    pub duration: Option<Duration>,
    /// The folder that relative paths start from.
    pub folder: &'a Path,
    /// What every rate of the process is multiplied by: more of the same users, whose days and
    /// bursts are as long as before.
    pub rate_scale: f64,
}

impl Setup<'_> {
    /// Arrivals a nanosecond.
    fn per_ns(&self, rate: Rate) -> f64 {
        per_ns(rate) * self.rate_scale
    }
}

impl Role for dyn Arrivals {
    const KIND: &'static str = "arrival process";
    const KEY: &'static str = "process";
    type Setup<'a> = Setup<'a>;
    fn registry() -> &'static [Entry<Self>] {
        REGISTRY
    }
}

const REGISTRY: &[Entry<dyn Arrivals>] = &[
    Entry::of::<poisson::Poisson>(include_str!("poisson.rs")),
    Entry::of::<deterministic::Deterministic>(include_str!("deterministic.rs")),
    Entry::of::<renewal::Renewal>(include_str!("renewal.rs")),
    Entry::of::<mmpp::Mmpp>(include_str!("mmpp.rs")),
    Entry::of::<hawkes::Hawkes>(include_str!("hawkes.rs")),
    Entry::of::<profile::Profile>(include_str!("profile.rs")),
    Entry::of::<ramp::Ramp>(include_str!("ramp.rs")),
    Entry::of::<step::Step>(include_str!("step.rs")),
    Entry::of::<spike::Spike>(include_str!("spike.rs")),
    Entry::of::<diurnal::Diurnal>(include_str!("diurnal.rs")),
    Entry::of::<scheduled::Scheduled>(include_str!("scheduled.rs")),
    Entry::of::<batch::Batch>(include_str!("batch.rs")),
];

/// The rates a process may have, in arrivals a second: time has no finer grain than a nanosecond,
/// and at 1e-9/s the next arrival is thirty years away.
const RATES: std::ops::RangeInclusive<f64> = 1e-9..=SECOND_NS as f64;

/// Refuses a rate at which nothing arrives, or that the clock cannot resolve.
fn check_rate(key: &str, rate: Rate) -> Result<(), Problem> {
    if rate.0 == 0.0 {
        let message = format!("`{key}` must be above 0, or nothing ever arrives");
        return Err(Problem::about(key, message).help("write e.g. `120/s`"));
    }
    check_rate_or_zero(key, rate)
}

/// Refuses a rate that the clock cannot resolve; nothing may arrive for a while.
fn check_rate_or_zero(key: &str, rate: Rate) -> Result<(), Problem> {
    if rate.0 == 0.0 || RATES.contains(&rate.0) {
        return Ok(());
    }
    let message = format!("`{key}` must be between 1e-9/s and 1e9/s, not {rate}");
    Err(Problem::about(key, message).help("write e.g. `120/s`"))
}

/// Refuses a span of no length.
fn check_span(key: &str, span: Duration) -> Result<(), Problem> {
    if span > Duration::ZERO {
        return Ok(());
    }
    Err(Problem::about(key, format!("`{key}` must be longer than 0s")).help("write e.g. `10m`"))
}

/// Arrivals a nanosecond.
fn per_ns(rate: Rate) -> f64 {
    rate.0 / SECOND_NS as f64
}

/// A span of so many nanoseconds, to the nearest whole one.
#[inline]
fn whole(ns: f64) -> Duration {
    // The cast saturates: a gap beyond 584 years is FOREVER, and leads to NEVER.
    Duration((ns + 0.5) as u64)
}
