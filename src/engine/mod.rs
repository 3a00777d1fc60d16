//! The event loop: one `match`, no policy; the order of events; the life of servers.
//!
//! Invariants, asserted in release builds too:
//! * **Order** — time never runs backward.
//! * **Causality** — arrival ≤ sent ≤ start ≤ end, for every request.
//! * **Conservation** — every request that arrived has ended, exactly once.
//! * **Little** — the area under the number in system equals the sum of all sojourns, to the
//!   nanosecond: the one is counted event by event, the other request by request.
//! * **Work** — nobody is done before its demand has been served at the speed of its server.
//!
//! Where requests may be sent more than once, what is said here of a request that is served holds
//! for each of its attempts, and every attempt that was begun has ended, exactly once.

mod abandon;
mod calendar;
mod calls;
mod drive;
mod ends;
mod faults;
mod guarded;
mod health;
mod life;
mod pool;
mod recursion;
mod reports;
mod reshape;
mod resilience;
mod timers;

pub use reports::Reporting;

pub use pool::{PoolLife, PoolState, ScaleIn, Scaler};
pub use resilience::{Abandoned, Health, Hedge, Peril, Resilience, Retry, SlowStart};

use self::recursion::{Blind, Counted};
use crate::balance::{Balancer, Sight};
use crate::diagnose::Problem;
use crate::fleet::Fleet;
use crate::probe::Probe;
use crate::rng::Stream;
use crate::station::{Line, Station};
use crate::time::{Duration, Instant};
use crate::workload::Source;

/// The order of events at one instant: a slot freed at an instant is seen by an arrival of that
/// instant, and by whoever would have timed out at it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rank {
    /// A request leaves its server.
    Departure,
    /// A server changes its state.
    Fleet,
    /// A request leaves a queue because it has waited too long.
    Timeout,
    /// A request arrives; one that returns (closed loop, retry) before one that is new.
    Arrival,
    /// Metrics are scraped.
    Scrape,
    /// An autoscaler looks.
    Tick,
    /// The run ends.
    End,
}

/// What is simulated: the fleet with its stations, and the balancers before it.
pub struct Plant {
    /// The servers.
    pub fleet: Fleet,
    /// A station for each pool.
    pub stations: Vec<Box<dyn Station>>,
    /// For each server its place in its pool's station.
    pub places: Vec<u32>,
    /// The balancers, of which each request comes to one.
    pub balancers: Vec<Box<dyn Balancer>>,
    /// To which one.
    pub dealt: Dealt,
    /// Each balancer's stream of random choices.
    pub streams: Vec<Stream>,
    /// The queue before the pool, if the queue stands there, and how many it holds.
    pub shared: Option<(Box<dyn Line>, u32)>,
    /// Whether every station is first come, first served without a limit.
    pub plain_fifo: bool,
    /// How the servers of each pool come and go; empty where all stay.
    pub life: Vec<PoolLife>,
    /// How servers report their load to the balancers, if they do.
    pub reporting: Option<Reporting>,
    /// How long a request may wait in a queue, whoever sent it.
    pub queue_timeout: QueueTimeout,
    /// What may fail and what is done about it; without it nothing fails and nothing is sent twice.
    pub resilience: Option<Resilience>,
}

/// How requests are dealt to several balancers: by what stands before them.
#[derive(Clone, Debug)]
pub enum Dealt {
    /// In turn.
    RoundRobin,
    /// Each to one drawn from this stream, independently of the others: Poisson arrivals are split
    /// into Poisson arrivals.
    Random(Stream),
}

impl Dealt {
    /// The balancer of the request with this number, of so many.
    #[inline]
    fn pick(&mut self, index: u64, balancers: usize) -> usize {
        match self {
            _ if balancers == 1 => 0,
            Self::RoundRobin => (index % balancers as u64) as usize,
            Self::Random(stream) => stream.below(balancers as u32) as usize,
        }
    }
}

/// How long a request may wait in a queue, whoever sent it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueueTimeout {
    /// From joining the queue on; `FOREVER` when it is not limited.
    pub limit: Duration,
    /// Timers count from the beginning of the tick of this length in which they were set; zero is
    /// exact. HAProxy rounds dates down to a millisecond (`include/haproxy/ticks.h`).
    pub tick: Duration,
}

impl QueueTimeout {
    /// Nobody leaves a queue but by its own will.
    pub const NONE: Self = Self { limit: Duration::FOREVER, tick: Duration::ZERO };

    /// When a request that joins a queue now has to leave it.
    #[inline]
    fn end(self, now: Instant) -> Instant {
        let begun = now.0.checked_rem(self.tick.0).map_or(now.0, |past| now.0 - past);
        Instant(begun) + self.limit
    }
}

impl std::fmt::Debug for Plant {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Plant").field("servers", &self.fleet.len()).finish_non_exhaustive()
    }
}

/// Who is told how far a run is, and may stop it.
pub trait Watch {
    /// Called every so often with the requests so far and the simulated time; false stops the run.
    fn go_on(&self, requests: u64, now: Instant) -> bool;

    /// How much of the traffic was read, 0 to 1, where that is known.
    fn read(&self, _share: Option<f64>) {}
}

impl Watch for () {
    fn go_on(&self, _: u64, _: Instant) -> bool {
        true
    }
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ending {
    /// Requests that arrived.
    pub arrived: u64,
    /// The end of the stretch that time averages cover: the last arrival, or the duration set.
    pub horizon: Instant,
    /// When the last request ended.
    pub last: Instant,
    /// A mix of every request's arrival, demand, key and class: equal workloads have equal prints.
    pub fingerprint: u64,
    /// Whether the watch stopped it early.
    pub stopped: bool,
}

/// Simulates until every request has ended.
///
/// `until` is the end of a run whose length is set; without it the last arrival is the horizon.
pub fn run<P: Probe>(
    plant: Plant,
    source: &mut dyn Source,
    until: Option<Instant>,
    probe: &mut P,
    watch: &dyn Watch,
) -> Result<Ending, Problem> {
    match recursion::sight::<P>(&plant, source) {
        Sight::Nothing => recursion::run::<P, Blind>(plant, source, until, probe, watch),
        Sight::Counts => recursion::run::<P, Counted>(plant, source, until, probe, watch),
        Sight::Everything => drive::run(plant, source, until, probe, watch),
    }
}

/// Simulates event by event even where a recursion would give the same: for tests of just that.
pub fn run_by_events<P: Probe>(
    plant: Plant,
    source: &mut dyn Source,
    until: Option<Instant>,
    probe: &mut P,
) -> Result<Ending, Problem> {
    drive::run(plant, source, until, probe, &())
}

/// Folds one request into a fingerprint.
#[inline]
fn mix(print: u64, request: &crate::model::Request) -> u64 {
    // Two multiplications hide behind the loads of the event loop; order matters by design.
    let word = request.arrival.0
        ^ request.demand.0.rotate_left(21)
        ^ request.key.rotate_left(42)
        ^ u64::from(request.class).rotate_left(56);
    (print ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29)
}

/// What to say of services that end later than the clock can count.
fn beyond_the_clock() -> Problem {
    Problem::new(
        "a service ends more than 584 years after the start, and the clock counts no further",
    )
    .help("bound the law of service times (`bounded-pareto`), or raise the servers' `speed`")
}
