//! `[pool.NAME]`: servers of one kind.

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::autoscaler::AutoscalerTable;
use super::billing::{Billing, PriceChange};
use crate::diagnose::Problem;
use crate::engine::ScaleIn;
use crate::law::Law;
use crate::registry::Recipe;
use crate::station::Discipline;
use crate::time::Duration;
use crate::units::{Price, Share};

/// Servers of one kind.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct Pool {
    /// How many servers there are at the start, at least 1.
    pub servers: u32,
    /// Requests that a server serves at once, at least 1: the c of M/M/c.
    pub slots: u32,
    /// Work a second: a server of speed 2 serves a demand in half its time.
    pub speed: f64,
    /// A server's share where the policy looks at weights.
    pub weight: u32,
    /// What a server costs.
    pub price: Price,
    /// How its time is billed: `exact`, `per-second` (60 s at least), `per-minute`, `per-hour`, or
    /// `{ granularity = "1s", minimum = "60s", startup = true }`; exact when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub billing: Option<Billing>,
    /// Prices from later instants of the run on, as spot servers have them:
    /// `[{ at = "6h", price = "0.31/h" }]`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub price_changes: Vec<PriceChange>,
    /// Requests that may wait at a server; unlimited when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub queue_limit: Option<u32>,
    /// The zone the servers stand in, for policies that prefer their own.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub zone: String,
    /// The level of the pool: 0 is used first, higher ones take what spills over.
    pub tier: u16,
    /// The round trip between balancer and server, added to every latency.
    pub network: Duration,
    /// Tokens of requests at a server that fill its memory; memory never counts when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory: Option<f64>,
    /// Cores of a server, which the metric `cpu` is relative to; cores never count when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu: Option<f64>,
    /// Tokens a second that fill a server's network; it never counts when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bandwidth: Option<f64>,
    /// In which order a server serves those who wait.
    pub discipline: Recipe<dyn Discipline>,
    /// How long a server takes from being ordered to serving.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub startup: Option<Recipe<dyn Law>>,
    /// The share of starts that fail and are begun again.
    pub startup_failure: Share,
    /// How long a new server is slow after it has started.
    pub warm_up: Duration,
    /// Its speed meanwhile, as a share of its full speed.
    pub warm_up_speed: f64,
    /// How long a server that leaves may finish what it has; the rest is lost. Unlimited when
    /// absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub drain: Option<Duration>,
    /// Which servers leave first: `idlest`, `newest` or `oldest`.
    pub scale_in: ScaleIn,
    /// The most servers that can be had at once, those that drain included.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub capacity: Option<u32>,
    /// How long a server lives before it is reclaimed (spot servers); for ever when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lifetime: Option<Recipe<dyn Law>>,
    /// How long before it is reclaimed a server is told.
    pub notice: Duration,
    /// How long a server may be idle before it leaves of itself, down to the autoscaler's `min`;
    /// for ever when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idle_timeout: Option<Recipe<dyn Law>>,
    /// Who decides how many servers there are; their number is fixed when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub autoscaler: Option<AutoscalerTable>,
}

impl Default for Pool {
    fn default() -> Self {
        Self {
            servers: 1,
            slots: 1,
            speed: 1.0,
            weight: 1,
            price: Price::default(),
            billing: None,
            price_changes: Vec::new(),
            queue_limit: None,
            zone: String::new(),
            tier: 0,
            network: Duration::ZERO,
            memory: None,
            cpu: None,
            bandwidth: None,
            discipline: Recipe::named("fifo").expect("fifo is registered"),
            startup: None,
            startup_failure: Share(0.0),
            warm_up: Duration::ZERO,
            warm_up_speed: 1.0,
            drain: None,
            scale_in: ScaleIn::default(),
            capacity: None,
            lifetime: None,
            notice: Duration::from_secs(120),
            idle_timeout: None,
            autoscaler: None,
        }
    }
}

/// The pool of a scenario that names none.
pub(super) fn one_pool() -> IndexMap<String, Pool> {
    IndexMap::from([("main".to_owned(), Pool::default())])
}

/// More servers than any fleet has: beyond it a slip of the finger is likelier than a wish.
const MOST: u32 = 10_000_000;
const MOST_SLOTS: u64 = 1_000_000_000;
/// The largest weight: tables of places on a ring grow with it.
const MOST_WEIGHT: u32 = 65_535;

impl Pool {
    /// What a server of this size costs an hour: the price is that of the size the pool was set to.
    pub fn per_hour(&self, slots: u32, speed: f64) -> f64 {
        self.price.0 * self.worth(slots, speed)
    }

    /// A server of this size as so many of those the pool was set to.
    pub(super) fn worth(&self, slots: u32, speed: f64) -> f64 {
        if (slots, speed) == (self.slots, self.speed) {
            return 1.0;
        }
        f64::from(slots) * speed / (f64::from(self.slots) * self.speed)
    }

    pub(super) fn check(&self, name: &str) -> Result<(), Problem> {
        let wrong = |key: &str, what: String| Err(Problem::about(key, what));
        if self.servers == 0 && self.autoscaler.is_none() {
            return wrong("servers", format!("pool `{name}` has no servers"))
                .map_err(|problem| problem.help("`servers` must be at least 1"));
        }
        if self.servers > MOST || self.slots > MOST {
            let key = if self.servers > MOST { "servers" } else { "slots" };
            return wrong(key, format!("pool `{name}`: `{key}` may be at most {MOST}"));
        }
        if u64::from(self.servers) * u64::from(self.slots) > MOST_SLOTS {
            let message = format!("pool `{name}` has more than {MOST_SLOTS} slots in all");
            return wrong("slots", message);
        }
        if self.capacity.is_some_and(|capacity| capacity < self.servers.max(1)) {
            let message = format!("pool `{name}` has more servers than its `capacity`");
            return wrong("capacity", message)
                .map_err(|problem| problem.help("raise the capacity, or lower `servers`"));
        }
        if self.weight > MOST_WEIGHT {
            let what = format!("pool `{name}`: `weight` may be at most {MOST_WEIGHT}");
            return wrong("weight", what).map_err(|problem| {
                problem.help("only proportions matter: IPVS stops there, and HAProxy at 256")
            });
        }
        if self.startup_failure.0 >= 1.0 {
            return wrong("startup-failure", "no server would ever start".to_owned());
        }
        if !(self.warm_up_speed > 0.0 && self.warm_up_speed.is_finite()) {
            return wrong("warm-up-speed", "`warm-up-speed` must be above 0".to_owned());
        }
        if self.slots == 0 {
            return wrong("slots", format!("the servers of pool `{name}` have no slots"))
                .map_err(|problem| problem.help("`slots` must be at least 1"));
        }
        let limits = [("memory", self.memory), ("cpu", self.cpu), ("bandwidth", self.bandwidth)];
        for (key, limit) in limits {
            if limit.is_some_and(|limit| limit.is_nan() || limit <= 0.0) {
                return wrong(key, format!("`{key}` must be above 0"));
            }
        }
        if !(1e-9..=1e9).contains(&self.speed) {
            let what = format!("`speed` must lie between 1e-9 and 1e9, not {}", self.speed);
            return wrong("speed", what);
        }
        Ok(())
    }
}
