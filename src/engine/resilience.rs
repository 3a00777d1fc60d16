//! What may fail in a run and what is done about it, as a scenario sets it.

use crate::fault::{Fault, Timing};
use crate::health::{Checks, Ejector};
use crate::model::Fate;
use crate::protect::{Admission, Backoff, BreakerRule, Budget};
use crate::rng::Seed;
use crate::time::Duration;
use crate::workload::demand::Drawer;

/// A fault, when it comes, and whom it hits.
#[derive(Debug)]
pub struct Peril {
    /// Its name, which keys its random streams.
    pub name: String,
    /// What it does.
    pub fault: Box<dyn Fault>,
    /// When it comes and goes.
    pub timing: Timing,
    /// The pools it hits, by their places in the scenario.
    pub pools: Vec<u16>,
    /// The servers of these pools that it hits, by their places in the pool; all when `None`.
    pub places: Option<Vec<u32>>,
}

/// How servers are found to be healthy.
#[derive(Debug, Default)]
pub struct Health {
    /// Whether balancers know at once: a bound that no check attains.
    pub at_once: bool,
    /// Active checks.
    pub checks: Option<Checks>,
    /// Passive ejection.
    pub ejection: Option<Box<dyn Ejector>>,
    /// The share of trusted servers below which all servers are used; 0 is never.
    pub panic: f64,
    /// How a server that is back begins.
    pub slow_start: Option<SlowStart>,
}

/// A server that is back is chosen less often at first.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SlowStart {
    /// For how long.
    pub window: Duration,
    /// The share of its turns at the beginning, above 0.
    pub from: f64,
    /// The share after a part x of the window is x to the power of 1 / this, above 0.
    pub aggression: f64,
}

/// When a request is sent again.
#[derive(Debug)]
pub struct Retry {
    /// Attempts in all, the first included; `u32::MAX` is without limit.
    pub attempts: u32,
    /// The ends of attempts after which there is another one.
    pub on: Vec<Fate>,
    /// How long it waits.
    pub backoff: Box<dyn Backoff>,
    /// How many there may be.
    pub budget: Option<Box<dyn Budget>>,
    /// Whether servers that were tried are left out as long as there are others.
    pub elsewhere: bool,
}

/// When a request is sent once more beside itself.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Hedge {
    /// How long after the last copy the next one is sent; zero sends all at once.
    pub delay: Duration,
    /// Copies in all, the first included.
    pub copies: u32,
    /// Whether copies that were not first are taken back from their servers.
    pub cancel: bool,
    /// Whether each copy draws a demand of its own rather than bringing that of its request.
    pub own_demand: bool,
}

/// What becomes of an attempt that nobody waits for any more.
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
pub enum Abandoned {
    /// Its server serves it all the same: it knows nothing of the client.
    #[default]
    Served,
    /// Its server drops it.
    Cancelled,
}

/// Everything beyond servers that work and requests that are sent once.
#[derive(Debug)]
pub struct Resilience {
    /// What goes wrong.
    pub perils: Vec<Peril>,
    /// Who is taken for healthy.
    pub health: Health,
    /// When requests are sent again.
    pub retry: Option<Retry>,
    /// When they are sent twice.
    pub hedge: Option<Hedge>,
    /// How long a client waits for the answer to a request.
    pub deadline: Duration,
    /// How long a balancer waits for the answer to an attempt.
    pub attempt_timeout: Duration,
    /// What becomes of attempts that nobody waits for.
    pub abandoned: Abandoned,
    /// Who is let in.
    pub admission: Option<Box<dyn Admission>>,
    /// When a balancer's circuit opens.
    pub breaker: Option<BreakerRule>,
    /// What draws the demands of each class, where they are drawn.
    pub demands: Vec<Option<Drawer>>,
    /// The seed of the run.
    pub seed: Seed,
}
