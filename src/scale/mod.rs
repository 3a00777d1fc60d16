//! How many servers: one file a policy.
//!
//! A policy is a pure decision: a clock, what was observed, and what it remembers go in, a count
//! comes out. Every comparison's strictness and every truncation is the real system's, checked
//! case by case in `tests/it/decisions.rs`. Times are whole nanoseconds since the start.
//!
//! | by what | policies |
//! | --- | --- |
//! | plan | [`fixed`], [`schedule`], [`predictive`] |
//! | formula on cost | [`cheapest_mix`] |
//! | formula on load | [`capacity`], [`proportional`], [`square_root`], [`queue_depth`],
//! [`on_demand`] |
//! | feedback | [`threshold`], [`step_scaling`], [`target_tracking`], [`azure`], [`latency`] |
//! | products | [`hpa`], [`kpa`], [`keda`], [`ray_serve`], [`wva`], [`vpa`] (size, not count) |
//! | learning | [`q_learning`] |
//! | around others | [`max`], [`guard`] |
//! | a bound | [`ideal`] |
//!
//! What a policy sees are [`Signals`]; [`elasticity`] measures afterwards how well supply followed
//! demand.

pub mod azure;
pub mod capacity;
pub mod cheapest_mix;
pub mod elasticity;
pub mod fixed;
pub mod guard;
pub mod hpa;
pub mod ideal;
pub mod keda;
pub mod kpa;
pub mod latency;
pub mod max;
pub mod on_demand;
pub mod predictive;
pub mod proportional;
pub mod q_learning;
pub mod queue_depth;
pub mod ray_serve;
pub mod schedule;
pub mod signals;
pub mod square_root;
pub mod step_scaling;
pub mod target_tracking;
pub mod threshold;
pub mod vpa;
pub mod wva;

use std::fmt;
use std::path::Path;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

pub use signals::{Counts, Metric, Metrics, Seen, Signals, Totals};

use crate::diagnose::Problem;
use crate::document::Node;
use crate::model::Foresight;
use crate::registry::{Entry, Role};
use crate::rng::Seed;
use crate::time::{Duration, Instant};

/// What a policy wants.
#[derive(Debug, Clone, PartialEq)]
pub struct Target {
    /// Servers, those that start included.
    pub servers: u32,
    /// What each of them is to be like; as they are where absent.
    pub size: Option<Size>,
    /// Why, in words for the decision log.
    pub why: String,
}

/// What each server of a pool is to be like, and how it becomes so.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Size {
    /// Requests it serves at once.
    pub slots: u32,
    /// Work a second.
    pub speed: f64,
    /// What is done with the servers there are.
    pub rollout: Rollout,
}

/// What is done with servers of another size than is wanted. New ones always have it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rollout {
    /// They stay as they are until they leave.
    NewOnly,
    /// They change while they serve.
    InPlace,
    /// Each is replaced by a new one, so many at once.
    Replace {
        /// Servers that may be missing because of it.
        at_once: u32,
    },
}

impl Target {
    /// So many servers for this reason.
    pub fn new(servers: u32, why: impl Into<String>) -> Self {
        Self { servers, size: None, why: why.into() }
    }

    /// As many as there are, because a rule that has seen nothing decides nothing.
    pub fn blind(signals: &Signals<'_>) -> Self {
        Self::new(signals.counts.wanted(), "no data")
    }
}

/// A policy that says how many servers there should be whenever it is asked.
pub trait Autoscaler {
    /// The count wanted now; bounds and rate limits are the guard's.
    fn target(&mut self, signals: &Signals<'_>) -> Target;

    /// The change it wanted just now is not made at all: bounds or a guard held it back.
    fn refused(&mut self, _now: Instant) {}

    /// How the policy is used where the scenario does not say.
    fn manners(&self) -> Manners {
        Manners::default()
    }

    /// What it has learnt, as text to be saved.
    fn memory(&self) -> Option<String> {
        None
    }

    /// What it foresaw at each of its looks.
    fn foresight(&self) -> Option<Foresight> {
        None
    }
}

/// How a policy is used where the scenario does not say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Manners {
    /// How often it looks; 0 is after every arrival and every end.
    pub interval: Duration,
    /// How often its metrics are scraped.
    pub scrape: Duration,
    /// The window its metrics are averaged over.
    pub window: Duration,
    /// The longest window it ever asks for.
    pub longest: Duration,
    /// Fewest servers.
    pub min: u32,
    /// Most servers.
    pub max: u32,
    /// Whether it can raise the count from zero.
    pub wakes: bool,
    /// Whether it looks at latencies.
    pub latency: bool,
}

/// A quarter of a minute: the sync period of Kubernetes and its metrics server.
const LOOK: Duration = Duration::from_secs(15);
/// The window of most cloud metrics.
const WINDOW: Duration = Duration::from_secs(60);

impl Default for Manners {
    fn default() -> Self {
        Self {
            interval: LOOK,
            scrape: LOOK,
            window: WINDOW,
            longest: WINDOW,
            min: 1,
            max: 1000,
            wakes: false,
            latency: false,
        }
    }
}

/// What a policy is told when it is built.
#[derive(Clone, Copy, Debug)]
pub struct Setup<'a> {
    /// The pool's name.
    pub pool: &'a str,
    /// Servers at the start.
    pub servers: u32,
    /// Requests a server serves at once.
    pub slots: u32,
    /// Fewest servers, where the scenario says.
    pub min: Option<u32>,
    /// Most servers, where the scenario says.
    pub max: Option<u32>,
    /// The seed of the run.
    pub seed: Seed,
    /// The folder that relative paths start from.
    pub folder: &'a Path,
    /// The mean time from order to service.
    pub startup: Duration,
    /// How often the policy looks, where the scenario says.
    pub interval: Option<Duration>,
    /// What reads traffic of the time before the run.
    pub history: History<'a>,
    /// What knows the run before it is run: for bounds, not for policies that could be.
    pub future: Future<'a>,
    /// The kinds of servers of all pools.
    pub kinds: &'a [Kind],
    /// What all pools together may cost an hour.
    pub budget: Option<f64>,
    /// The first objective of the scenario that is about a percentile of latency.
    pub promised: Option<Promise>,
}

/// A latency that is promised.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Promise {
    /// The percentile it is promised for, as a share.
    pub percentile: f64,
    /// The latency.
    pub latency: Duration,
}

impl Promise {
    /// The latency aimed at where neither the policy nor the scenario says one.
    const USUAL: Duration = Duration::from_millis(500);

    /// What a policy aims at: its own objective, else the scenario's, else half a second. A
    /// percentile of its own counts in any case; `usual` does where nobody says one.
    fn of(
        objective: Option<Duration>,
        percentile: Option<f64>,
        promised: Option<Self>,
        usual: f64,
    ) -> Self {
        let promised = promised.filter(|_| objective.is_none());
        let (latency, share) =
            promised.map_or((Self::USUAL, usual), |it| (it.latency, it.percentile));
        Self { percentile: percentile.unwrap_or(share), latency: objective.unwrap_or(latency) }
    }

    /// Refuses an objective or a percentile that cannot be kept.
    fn check(objective: Option<Duration>, percentile: Option<f64>) -> Result<(), Problem> {
        if let Some(objective) = objective {
            positive("objective", objective.0 as f64, "no fleet answers in no time")?;
        }
        let Some(percentile) = percentile else { return Ok(()) };
        positive("percentile", percentile, "write a share, e.g. 0.99")?;
        if percentile < 1.0 {
            return Ok(());
        }
        let message = format!("`percentile` must be below 1, not {percentile}");
        Err(Problem::about("percentile", message).help("write a share, e.g. 0.99"))
    }
}

/// One kind of servers: a pool as those see it who choose between pools.
#[derive(Clone, Debug, PartialEq)]
pub struct Kind {
    /// The pool.
    pub name: String,
    /// The price of a server an hour.
    pub price: f64,
    /// Requests it serves at once.
    pub slots: u32,
    /// Work a second of a slot.
    pub speed: f64,
    /// The mean time from order to service.
    pub startup: Duration,
    /// Whether it may be reclaimed.
    pub spot: bool,
    /// Servers at the start.
    pub servers: u32,
    /// Fewest servers.
    pub min: u32,
    /// Most servers.
    pub max: u32,
    /// Whether its number follows from the cheapest mix.
    pub mixed: bool,
}

/// Traffic of the time before a run as the scenario names it: a file, or a table of how it is
/// read.
#[derive(Clone, Debug)]
pub struct Past(pub Node);

impl<'de> Deserialize<'de> for Past {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Node::deserialize(deserializer).map(Self)
    }
}

impl Serialize for Past {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let plain: serde_json::Value = self.0.typed().map_err(serde::ser::Error::custom)?;
        plain.serialize(serializer)
    }
}

impl JsonSchema for Past {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Past".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": ["string", "object"] })
    }
}

/// Reads the rates (requests a second) of past traffic, bin by bin; none where it does not tell.
type ReadRates<'a> = dyn Fn(&Past, Duration) -> Result<Vec<Option<f64>>, Problem> + 'a;

/// What reads traffic of the time before a run: this room knows no files of traffic.
#[derive(Clone, Copy)]
pub struct History<'a>(pub &'a ReadRates<'a>);

impl History<'_> {
    /// The rates of past traffic in bins of this width.
    pub fn read(&self, past: &Past, bin: Duration) -> Result<Vec<Option<f64>>, Problem> {
        (self.0)(past, bin).map_err(|problem| problem.at(&past.0.origin))
    }
}

impl fmt::Debug for History<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("History")
    }
}

/// The servers demanded in a run, from each instant on.
type Foretell<'a> = dyn Fn() -> Result<Vec<(Instant, u32)>, Problem> + 'a;

/// What knows the run before it is run.
#[derive(Clone, Copy)]
pub struct Future<'a>(pub &'a Foretell<'a>);

impl Future<'_> {
    /// The servers that will be demanded, from each instant on.
    pub fn demand(&self) -> Result<Vec<(Instant, u32)>, Problem> {
        (self.0)()
    }
}

impl fmt::Debug for Future<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Future")
    }
}

impl Role for dyn Autoscaler {
    const KIND: &'static str = "autoscaler";
    const KEY: &'static str = "policy";
    type Setup<'a> = Setup<'a>;
    fn registry() -> &'static [Entry<Self>] {
        REGISTRY
    }
}

const REGISTRY: &[Entry<dyn Autoscaler>] = &[
    Entry::of::<fixed::Fixed>(include_str!("fixed.rs")),
    Entry::of::<schedule::Scheduler>(include_str!("schedule/mod.rs")),
    Entry::of::<threshold::Threshold>(include_str!("threshold.rs")),
    Entry::of::<step_scaling::StepScaling>(include_str!("step_scaling.rs")),
    Entry::of::<target_tracking::TargetTracking>(include_str!("target_tracking.rs")),
    Entry::of::<azure::Azure>(include_str!("azure.rs")),
    Entry::of::<capacity::Capacity>(include_str!("capacity.rs")),
    Entry::of::<proportional::Proportional>(include_str!("proportional.rs")),
    Entry::of::<square_root::SquareRoot>(include_str!("square_root.rs")),
    Entry::of::<queue_depth::QueueDepth>(include_str!("queue_depth.rs")),
    Entry::of::<on_demand::OnDemand>(include_str!("on_demand.rs")),
    Entry::of::<latency::Latency>(include_str!("latency.rs")),
    Entry::of::<hpa::scaler::Scaler>(include_str!("hpa/mod.rs")),
    Entry::of::<kpa::scaler::Scaler>(include_str!("kpa/mod.rs")),
    Entry::of::<keda::scaler::Scaler>(include_str!("keda/mod.rs")),
    Entry::of::<ray_serve::RayServe>(include_str!("ray_serve.rs")),
    Entry::of::<wva::Wva>(include_str!("wva.rs")),
    Entry::of::<vpa::scaler::Scaler>(include_str!("vpa/mod.rs")),
    Entry::of::<q_learning::scaler::Scaler>(include_str!("q_learning/mod.rs")),
    Entry::of::<predictive::scaler::Scaler>(include_str!("predictive/mod.rs")),
    Entry::of::<cheapest_mix::CheapestMix>(include_str!("cheapest_mix/mod.rs")),
    Entry::of::<max::Max>(include_str!("max.rs")),
    Entry::of::<ideal::Ideal>(include_str!("ideal.rs")),
];

/// Refuses an option that must be above 0.
fn positive(key: &str, value: f64, help: &str) -> Result<(), Problem> {
    if value.is_finite() && value > 0.0 {
        return Ok(());
    }
    Err(Problem::about(key, format!("`{key}` must be above 0, not {value}")).help(help))
}

/// Refuses a utilization that no server can have: a rule that waits for it never adds one.
fn reachable(key: &str, metric: Metric, value: f64) -> Result<(), Problem> {
    if metric != Metric::Utilization || value <= 1.0 {
        return Ok(());
    }
    let message = format!("`{key}` = {value}: no server is busy for more than 1, all of the time");
    Err(Problem::about(key, message).help("write 0.6 for 60 %"))
}

/// Refuses what is no share.
fn share(key: &str, value: f64) -> Result<(), Problem> {
    if (0.0..=1.0).contains(&value) {
        return Ok(());
    }
    let message = format!("`{key}` must lie between 0 and 1, not at {value}");
    Err(Problem::about(key, message).help("it is a share: write 0.1 for 10 %"))
}

/// Refuses two thresholds of which the lower is not below the upper.
fn ordered(lower: (&str, f64), upper: (&str, f64)) -> Result<(), Problem> {
    if lower.1 < upper.1 {
        return Ok(());
    }
    let message = format!(
        "`{}` = {} is not below `{}` = {}: servers would be added and removed at once",
        lower.0, lower.1, upper.0, upper.1
    );
    Err(Problem::about(lower.0, message)
        .help(format!("lower `{}` or raise `{}`", lower.0, upper.0)))
}

/// Refuses bounds of which the least is above the largest.
fn bounds<N: Copy + PartialOrd + std::fmt::Display>(
    least: &str,
    min: N,
    most: &str,
    max: N,
) -> Result<(), Problem> {
    if min <= max {
        return Ok(());
    }
    Err(Problem::about(least, format!("`{least}` = {min} is above `{most}` = {max}"))
        .help(format!("lower `{least}` or raise `{most}`")))
}
