//! `[balancer]`: where the queue stands, how many balancers there are, and their policy.

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::split;
use crate::balance::Balancer;
use crate::diagnose::{Origin, Problem};
use crate::document::{Node, Value};
use crate::engine::{Dealt, QueueTimeout, Reporting};
use crate::registry::{Recipe, Role};
use crate::rng::{Purpose, Seed};
use crate::station::Discipline;
use crate::time::Duration;

/// Where requests wait.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum QueuePlace {
    /// Before each server: the balancer commits a request when it arrives.
    #[default]
    PerServer,
    /// Before the pool: a request waits at the balancer until a slot is free.
    Shared,
}

/// How requests are dealt to several balancers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum Dealing {
    /// In turn, as name servers hand out addresses.
    RoundRobin,
    /// At random: each client has its own balancer, or picks one.
    Random,
}

/// The keys of `[balancer]` that are not options of the policy.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
struct Keys {
    /// Where requests wait: `per-server` or `shared`.
    queue: QueuePlace,
    /// Requests that may wait in a shared queue; unlimited when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    queue_limit: Option<u32>,
    /// How long a request may wait in a queue, the shared one or a server's; for ever when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    queue_timeout: Option<Duration>,
    /// The tick of the balancer's clock: `queue-timeout` counts from the beginning of the tick in
    /// which a request joins the queue (HAProxy's is `1ms`); exact when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    timer_tick: Option<Duration>,
    /// The order of a shared queue.
    discipline: Recipe<dyn Discipline>,
    /// How many balancers there are, each with its own view.
    balancers: u32,
    /// How requests are dealt to several balancers: `round-robin`, in turn, or `random`, each to
    /// one drawn anew.
    dealt: Dealing,
    /// The time between two load reports of a server, for policies that go by reports.
    #[serde(skip_serializing_if = "Option::is_none")]
    report_interval: Option<Duration>,
    /// The time from a report's measurement until balancers hear of it.
    report_delay: Duration,
}

impl Default for Keys {
    fn default() -> Self {
        Self {
            queue: QueuePlace::PerServer,
            queue_limit: None,
            queue_timeout: None,
            timer_tick: None,
            discipline: Recipe::named("fifo").expect("fifo is registered"),
            balancers: 1,
            dealt: Dealing::RoundRobin,
            report_interval: None,
            report_delay: Duration::ZERO,
        }
    }
}

/// How requests are dealt to servers.
#[derive(Clone, Debug)]
pub struct BalancerTable {
    keys: Keys,
    /// The policy with its options.
    pub policy: Recipe<dyn Balancer>,
}

impl Default for BalancerTable {
    fn default() -> Self {
        let policy = Recipe::named(DEFAULT).expect("the default policy is registered");
        Self { keys: Keys::default(), policy }
    }
}

/// What most people run when they have a choice.
const DEFAULT: &str = "least-connections";

/// More balancers than any fleet has.
const MOST: u32 = 10_000;

impl BalancerTable {
    /// Where requests wait.
    pub fn queue(&self) -> QueuePlace {
        self.keys.queue
    }

    /// Requests that may wait in a shared queue.
    pub fn queue_limit(&self) -> u32 {
        self.keys.queue_limit.unwrap_or(u32::MAX)
    }

    /// The order of a shared queue.
    pub fn discipline(&self) -> &Recipe<dyn Discipline> {
        &self.keys.discipline
    }

    /// How many balancers there are.
    pub fn balancers(&self) -> u32 {
        self.keys.balancers
    }

    /// How requests are dealt to them in a run with this seed.
    pub(super) fn dealt(&self, seed: Seed) -> Dealt {
        match self.keys.dealt {
            Dealing::RoundRobin => Dealt::RoundRobin,
            Dealing::Random => Dealt::Random(seed.stream(Purpose::Deal, "")),
        }
    }

    /// How servers report their load, if they do.
    pub fn reporting(&self) -> Option<Reporting> {
        let delay = self.keys.report_delay;
        self.keys.report_interval.map(|interval| Reporting { interval, delay })
    }

    /// How long a request may wait in a queue.
    pub fn queue_timeout(&self) -> QueueTimeout {
        QueueTimeout {
            limit: self.keys.queue_timeout.unwrap_or(Duration::FOREVER),
            tick: self.keys.timer_tick.unwrap_or(Duration::ZERO),
        }
    }

    /// Leaves of a document's balancer only what is not its policy's: where queues stand.
    pub(super) fn forget_policy(document: &mut Node, origin: &Origin) -> Result<(), Problem> {
        let own = split::fields::<Keys>();
        let Some(Node { value: Value::Table(table), .. }) = document.get("balancer") else {
            return Ok(());
        };
        let mut kept = Node::table(origin.clone());
        for (key, entry) in table.iter().filter(|(key, _)| own.contains(key)) {
            kept.set(key, entry.node.clone())?;
        }
        document.set("balancer", kept)
    }

    pub(super) fn check(&self) -> Result<(), Problem> {
        if self.keys.balancers == 0 {
            return Err(Problem::about("balancers", "`balancers` must be at least 1"));
        }
        if self.keys.balancers > MOST {
            let message = format!("`balancers` may be at most {MOST}");
            return Err(Problem::about("balancers", message));
        }
        if self.keys.report_interval == Some(Duration::ZERO) {
            return Err(Problem::about("report-interval", "`report-interval` must be above 0"));
        }
        if self.keys.timer_tick.is_some() && self.keys.queue_timeout.is_none() {
            return Err(Problem::about("timer-tick", "`timer-tick` has no timer to round")
                .help("it goes with `queue-timeout`"));
        }
        Ok(())
    }

    fn read(node: &Node) -> Result<Self, Problem> {
        let (keys, mut rest) = match &node.value {
            Value::Text(_) => (Keys::default(), node.clone()),
            _ => split::take::<Keys>(node)?,
        };
        let key = <dyn Balancer as Role>::KEY;
        if matches!(&rest.value, Value::Table(table) if !table.contains_key(key)) {
            rest.set(key, Node::text(DEFAULT, Origin::whole("the default policy", DEFAULT)))?;
        }
        Ok(Self { keys, policy: split::recipe::<Keys, _>(&rest)? })
    }
}

impl<'de> Deserialize<'de> for BalancerTable {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::read(&Node::deserialize(deserializer)?).map_err(Problem::carry)
    }
}

impl Serialize for BalancerTable {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut table = self.policy.resolved().clone();
        let keys = serde_json::to_value(&self.keys).map_err(serde::ser::Error::custom)?;
        if let (Some(table), serde_json::Value::Object(keys)) = (table.as_object_mut(), keys) {
            table.extend(keys);
        }
        table.serialize(serializer)
    }
}

impl JsonSchema for BalancerTable {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "BalancerTable".into()
    }
    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let keys = Keys::json_schema(generator).to_value();
        super::traffic::with_properties::<Recipe<dyn Balancer>>(generator, &keys)
    }
}
