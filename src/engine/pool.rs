//! How the servers of a pool come and go: what the scenario sets, and the pool at this instant.

use crate::fleet::ServerSpec;
use crate::law::Law;
use crate::model::ServerId;
use crate::rng::Seed;
use crate::scale::guard::Guard;
use crate::scale::{Autoscaler, Counts, Metrics, Totals};
use crate::time::{Duration, Instant};

/// Which servers leave first when there are too many. Those that still start always go before.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    serde::Serialize,
    serde::Deserialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum ScaleIn {
    /// The one with the fewest requests, of equals the newest.
    #[default]
    Idlest,
    /// The one that has served for the shortest time.
    Newest,
    /// The one that has served for the longest time.
    Oldest,
}

/// How the servers of a pool come and go.
pub struct PoolLife {
    /// The pool's name, which keys its random streams.
    pub name: String,
    /// What each server is like.
    pub spec: ServerSpec,
    /// From order to service; at once when absent.
    pub startup: Option<Box<dyn Law>>,
    /// The share of starts that fail and are begun again.
    pub startup_failure: f64,
    /// How long a new server is slow.
    pub warm_up: Duration,
    /// Its speed meanwhile, as a share.
    pub warm_up_speed: f64,
    /// How long a server may take to finish what it has; what is left then is lost.
    pub drain: Duration,
    /// The highest speed that a server of the pool has had.
    pub fastest: f64,
    /// Cores of a server, infinite where they never count, and those that a request of each class
    /// keeps busy.
    pub cores: (f64, Vec<f64>),
    /// The most servers that can be had at once.
    pub capacity: u32,
    /// Which servers leave first.
    pub scale_in: ScaleIn,
    /// How long a server lives before it is reclaimed.
    pub lifetime: Option<Box<dyn Law>>,
    /// How long before that it is told.
    pub notice: Duration,
    /// The seed of the run.
    pub seed: Seed,
    /// How long a server may be idle before it leaves of itself; for ever when absent.
    pub idle_timeout: Option<Box<dyn Law>>,
    /// Who decides how many there are.
    pub scaler: Option<Scaler>,
    /// What the pool is like now.
    pub now: PoolState,
}

/// An autoscaler with its guard and what it sees.
pub struct Scaler {
    /// The policy.
    pub policy: Box<dyn Autoscaler>,
    /// Bounds, rate limits, stabilization.
    pub guard: Guard,
    /// What was scraped.
    pub metrics: Metrics,
    /// How often it looks; 0 is after every arrival and every end.
    pub interval: Duration,
    /// How often the metrics are scraped.
    pub scrape: Duration,
    /// The window of averages.
    pub window: Duration,
}

/// A pool at this instant, and its running sums.
#[derive(Debug, Default)]
pub struct PoolState {
    pub(super) starting: Vec<ServerId>,
    pub(super) ready: Vec<ServerId>,
    pub(super) ready_since: Vec<Instant>,
    /// Those of the ready that are not warm yet.
    pub(super) warming: Vec<ServerId>,
    pub(super) draining: u32,
    /// Slots of the ready and the draining.
    pub(super) slots: u64,
    /// For each server ever, by its place, which spell of idleness is its last.
    pub(super) idle: Vec<u64>,
    pub(super) ordered: u32,
    pub(super) in_flight: Level,
    pub(super) busy: Level,
    pub(super) sent: u64,
    pub(super) totals: Totals,
}

/// A number that goes up and down with every request, and the area under it.
///
/// The area from the start to `t` is level × t, less the instants at which it went up, plus those
/// at which it went down: an addition a change, where a sum over time would cost a multiplication.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Level {
    pub(super) now: u32,
    instants: u64,
}

impl Level {
    #[inline]
    pub(super) fn up(&mut self, at: Instant, by: u32) {
        self.now += by;
        self.instants = self.instants.wrapping_sub(at.0.wrapping_mul(u64::from(by)));
    }

    #[inline]
    pub(super) fn down(&mut self, at: Instant, by: u32) {
        self.now -= by;
        self.instants = self.instants.wrapping_add(at.0.wrapping_mul(u64::from(by)));
    }

    /// The area up to an instant; it wraps, as all sums of a pool do.
    pub(super) fn area_ns(self, at: Instant) -> u64 {
        self.instants.wrapping_add(at.0.wrapping_mul(u64::from(self.now)))
    }
}

impl PoolState {
    /// Brings the sums over servers up to now; called before their number or slots change.
    pub(super) fn settle(&mut self, now: Instant) {
        let span = (now - self.totals.at).0;
        let serving = self.ready.len() as u64 + u64::from(self.draining);
        let sum = |total: &mut u64, level: u64| {
            *total = total.wrapping_add(span.wrapping_mul(level));
        };
        sum(&mut self.totals.slot_ns, self.slots);
        sum(&mut self.totals.server_ns, serving);
        self.totals.at = now;
    }

    pub(super) fn counts(&self) -> Counts {
        Counts {
            starting: self.starting.len() as u32,
            ready: self.ready.len() as u32,
            draining: self.draining,
        }
    }

    pub(super) fn forget(&mut self, server: ServerId) -> bool {
        let Some(at) = self.ready.iter().position(|&ready| ready == server) else { return false };
        self.ready.remove(at);
        self.ready_since.remove(at);
        self.warming.retain(|&warming| warming != server);
        true
    }
}
