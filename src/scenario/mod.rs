//! A file becomes a checked value, then a run.
//!
//! Reading has two steps that do not know each other: the *document* (a tree that remembers where
//! everything was written, with the flags laid over the file) and the *scenario* (typed, with every
//! default). The scenario is printed with each result, so that a result can be repeated from
//! itself.

mod aftermath;
pub mod autoscaler;
mod balancer;
mod billing;
mod build;
mod demand;
mod failure;
mod history;
mod input;
pub mod manual;
mod metastable;
mod objective;
mod pool;
mod recovery;
mod resilience;
mod run;
mod split;
mod staffing;
mod summary;
mod sweep;
mod traffic;
mod variant;

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use autoscaler::AutoscalerTable;
pub use balancer::{BalancerTable, QueuePlace};
pub use billing::{Billing, CostTable, PriceChange, advice as money_advice};
pub use build::{Built, Measured};
pub use failure::Failure;
pub use input::{Input, Overlay};
pub use objective::{Goal, Measure};
pub use pool::Pool;
pub use resilience::{Breaker, Health, Hedge, Retry, Timeouts};
pub use run::{Resample, Run, WarmUp};
pub use summary::{BACKLOG, hot_server};
pub use sweep::{Sampling, Selecting, SweepTable};
pub use traffic::Traffic;
pub use variant::Alternative;

use crate::diagnose::Problem;
use crate::document::Node;
use crate::outcome::Kind;
use crate::protect::Admission;
use crate::registry::Recipe;
use crate::units::Price;

/// Everything that a run depends on.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Scenario {
    /// What to call it.
    #[serde(default)]
    pub name: String,
    /// The root of all randomness.
    #[serde(default = "one")]
    pub seed: u64,
    /// The currency of prices.
    #[serde(default = "dollars")]
    pub currency: String,
    /// Classes of requests by name.
    pub traffic: IndexMap<String, Traffic>,
    /// Servers of one kind by name.
    #[serde(default = "pool::one_pool")]
    pub pool: IndexMap<String, Pool>,
    /// How requests are dealt to servers.
    #[serde(default)]
    pub balancer: BalancerTable,
    /// What all pools together may cost.
    #[serde(default, skip_serializing_if = "is_default")]
    pub cost: CostTable,
    /// What goes wrong, by name.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub failure: IndexMap<String, Failure>,
    /// How servers are found to be healthy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub health: Option<Health>,
    /// How long anybody waits for an answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeouts: Option<Timeouts>,
    /// When a request is sent again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry: Option<Retry>,
    /// When a request is sent twice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hedge: Option<Hedge>,
    /// When nobody is let through for a while.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub breaker: Option<Breaker>,
    /// Who is let in at all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub admission: Option<Recipe<dyn Admission>>,
    /// Objectives by name.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub slo: IndexMap<String, Slo>,
    /// How long, how often, how sure.
    #[serde(default)]
    pub run: Run,
    /// What `compare` runs beside the scenario as it stands: `set` holds paths and values.
    #[serde(default, skip_serializing)]
    #[schemars(with = "IndexMap<String, serde_json::Value>")]
    pub variant: IndexMap<String, Node>,
    /// What `sweep` varies.
    #[serde(default, skip_serializing)]
    pub sweep: SweepTable,
    /// Where relative paths start from.
    #[serde(skip)]
    pub folder: std::path::PathBuf,
    /// What the reader of the results should know of how the scenario came about.
    #[serde(skip)]
    pub remarks: Vec<String>,
}

/// An objective in a scenario.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Slo {
    /// E.g. `p99 < 800ms`, `mean < 0.2s`, `errors < 0.1%`, `utilization < 80%`.
    pub objective: Goal,
    /// What each hour costs in which it is missed, e.g. `12/h`; for percentiles of latency.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub penalty: Option<Price>,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

impl Slo {
    fn check(&self) -> Result<(), Problem> {
        let timed = matches!(self.objective.measure, Measure::Percentile(_));
        if self.penalty.is_some() && !timed {
            let what =
                format!("it is not known in which hours `{}` is missed", self.objective.text);
            return Err(Problem::about("penalty", what)
                .help("a penalty needs a percentile of latency, e.g. `p99 < 800ms`"));
        }
        Ok(())
    }
}

fn one() -> u64 {
    1
}

fn dollars() -> String {
    "USD".to_owned()
}

impl Scenario {
    /// Types a document and checks what can be checked without running it.
    pub fn from_document(document: &Node, folder: &std::path::Path) -> Result<Self, Problem> {
        let mut scenario: Self = document.typed()?;
        folder.clone_into(&mut scenario.folder);
        scenario.settle_currency(document)?;
        scenario.check(document)?;
        Ok(scenario)
    }

    fn check(&self, document: &Node) -> Result<(), Problem> {
        let place = |path: &str| document.find(path).map_or(&document.origin, |node| &node.origin);
        if self.traffic.is_empty() {
            return Err(Problem::new("the scenario has no traffic")
                .help("add `[traffic.main]` with `trace = \"file.csv\"` or `arrivals = { … }`")
                .at(place("traffic")));
        }
        if self.pool.is_empty() {
            return Err(Problem::new("the scenario has no pool of servers")
                .help("add `[pool.main]` with `servers = 4`")
                .at(place("pool")));
        }
        for (name, pool) in &self.pool {
            pool.check(name).map_err(|problem| at_key(problem, document, &["pool", name]))?;
        }
        for (name, traffic) in &self.traffic {
            traffic
                .check(name, &self.folder)
                .map_err(|problem| at_key(problem, document, &["traffic", name]))?;
        }
        let replayed = self.traffic.values().filter(|traffic| traffic.is_replayed()).count();
        let endless = self.run.duration.is_none() && self.run.requests.is_none();
        if replayed > 0 && replayed < self.traffic.len() && endless {
            return Err(Problem::new("drawn traffic beside a trace has no end of its own")
                .help("say how long the run is: `--duration 1h` (`run.duration` in a scenario)")
                .at(place("traffic")));
        }
        let from_input =
            |traffic: &&Traffic| traffic.keys.trace.as_deref() == Some(std::path::Path::new("-"));
        if self.traffic.values().filter(from_input).count() > 1 {
            return Err(Problem::new("standard input can be the trace of one class only")
                .at(place("traffic")));
        }
        self.balancer.check().map_err(|problem| at_key(problem, document, &["balancer"]))?;
        self.check_cost().map_err(|problem| at_key(problem, document, &["cost"]))?;
        for (name, slo) in &self.slo {
            slo.check().map_err(|problem| at_key(problem, document, &["slo", name]))?;
        }
        self.run.check().map_err(|problem| at_key(problem, document, &["run"]))?;
        self.check_resilience(document)?;
        // Building the fleet once finds what only shows when the parts meet.
        self.plant_for(crate::rng::Seed::new(self.seed, 0), true).map(drop)
    }

    /// Whether every class is drawn.
    pub fn is_drawn(&self) -> bool {
        self.traffic.values().all(|traffic| !traffic.is_replayed())
    }

    /// Whether the load is the same all along, whatever goes wrong meanwhile.
    pub fn is_even(&self) -> bool {
        let duration = self.run.duration;
        self.traffic.values().all(|traffic| traffic.is_stationary(duration, &self.folder))
    }

    /// What a run is an estimate of: a state that lasts, if no stretch of its traffic is special.
    pub fn kind(&self) -> Kind {
        let stated = self.failure.values().any(Failure::is_stated);
        if self.is_even() && !stated { Kind::SteadyState } else { Kind::Terminating }
    }

    /// The objectives in the order they were written.
    pub fn goals(&self) -> impl Iterator<Item = &Goal> {
        self.slo.values().map(|slo| &slo.objective)
    }
}

/// Shows a problem at the option it is about, inside the table at `path`.
fn at_key(problem: Problem, document: &Node, path: &[&str]) -> Problem {
    let Some(table) = path.iter().try_fold(document, |node, key| node.get(key)) else {
        return problem;
    };
    let origin = problem.key().and_then(|key| table.find(key)).unwrap_or(table).origin.clone();
    problem.at(&origin)
}
