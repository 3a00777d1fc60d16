//! `[pool.NAME]`: servers of one kind.

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::diagnose::Problem;
use crate::law::Law;
use crate::registry::Recipe;
use crate::station::Discipline;
use crate::time::Duration;
use crate::units::Price;

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
    /// Tokens a second that fill a server's network; it never counts when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bandwidth: Option<f64>,
    /// In which order a server serves those who wait.
    pub discipline: Recipe<dyn Discipline>,
    /// How long a server takes from being ordered to serving.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub startup: Option<Recipe<dyn Law>>,
}

impl Default for Pool {
    fn default() -> Self {
        Self {
            servers: 1,
            slots: 1,
            speed: 1.0,
            weight: 1,
            price: Price::default(),
            queue_limit: None,
            zone: String::new(),
            tier: 0,
            network: Duration::ZERO,
            memory: None,
            bandwidth: None,
            discipline: Recipe::named("fifo").expect("fifo is registered"),
            startup: None,
        }
    }
}

/// The pool of a scenario that names none.
pub(super) fn one_pool() -> IndexMap<String, Pool> {
    IndexMap::from([("main".to_owned(), Pool::default())])
}

/// More servers than any fleet has: beyond it a slip of the finger is likelier than a wish.
const MOST: u32 = 10_000_000;

impl Pool {
    pub(super) fn check(&self, name: &str) -> Result<(), Problem> {
        let wrong = |key: &str, what: String| Err(Problem::about(key, what));
        if self.servers == 0 {
            return wrong("servers", format!("pool `{name}` has no servers"))
                .map_err(|problem| problem.help("`servers` must be at least 1"));
        }
        if self.servers > MOST || self.slots > MOST {
            let key = if self.servers > MOST { "servers" } else { "slots" };
            return wrong(key, format!("pool `{name}`: `{key}` may be at most {MOST}"));
        }
        if self.slots == 0 {
            return wrong("slots", format!("the servers of pool `{name}` have no slots"))
                .map_err(|problem| problem.help("`slots` must be at least 1"));
        }
        for (key, limit) in [("memory", self.memory), ("bandwidth", self.bandwidth)] {
            if limit.is_some_and(|limit| limit.is_nan() || limit <= 0.0) {
                return wrong(key, format!("`{key}` must be above 0"));
            }
        }
        if !(self.speed.is_finite() && self.speed > 0.0) {
            let what = format!("`speed` must be a finite number above 0, not {}", self.speed);
            return wrong("speed", what);
        }
        Ok(())
    }
}
