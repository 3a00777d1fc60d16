//! `[pool.NAME.autoscaler]`: the policy, what it sees and how late, and the guard around it.

use std::path::Path;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::objective::{Goal, Measure};
use super::{Pool, Scenario, split, staffing};
use crate::diagnose::{Origin, Problem};
use crate::document::{Node, Value};
use crate::engine::Scaler;
use crate::registry::{self, Recipe, Role, Variant as _};
use crate::rng::Seed;
use crate::scale::cheapest_mix::CheapestMix;
use crate::scale::guard::{self, Direction, Guard};
use crate::scale::{Autoscaler, Future, History, Kind, Manners, Metrics, Promise, Setup};
use crate::time::Duration;

/// The keys of an autoscaler that are not options of its policy. What is absent is the policy's
/// own default: an HPA looks every 15 s, a KPA every 2 s. How servers start and leave are keys of
/// their pool: `startup`, `warm-up`, `drain`, `capacity`, `lifetime`.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
struct Keys {
    /// Fewest servers; 0 lets the pool sleep where the policy can wake it.
    #[serde(skip_serializing_if = "Option::is_none")]
    min: Option<u32>,
    /// Most servers.
    #[serde(skip_serializing_if = "Option::is_none")]
    max: Option<u32>,
    /// How often the policy looks; 0 is after every arrival and every end.
    #[serde(skip_serializing_if = "Option::is_none")]
    interval: Option<Duration>,
    /// How often metrics are scraped.
    #[serde(skip_serializing_if = "Option::is_none")]
    scrape: Option<Duration>,
    /// The window metrics are averaged over; 0 is the present instant, or, for what is counted over
    /// time (utilization, rates, latency, errors), that from one scrape to the next.
    #[serde(skip_serializing_if = "Option::is_none")]
    window: Option<Duration>,
    /// How long after a scrape the policy sees it.
    delay: Duration,
    /// How long after any change no other is made, in either direction.
    cooldown: Duration,
    /// The guard on the way up: `stabilization`, `cooldown`, `rates`, `select`.
    up: Direction,
    /// The guard on the way down.
    down: Direction,
}

/// Who decides how many servers a pool has.
#[derive(Clone, Debug)]
pub struct AutoscalerTable {
    keys: Keys,
    /// The policy with its options.
    pub policy: Recipe<dyn Autoscaler>,
}

impl AutoscalerTable {
    /// The keys that stay when the policy is replaced from outside.
    pub(super) const KEPT: [&'static str; 4] = ["min", "max", "delay", "scrape"];

    /// Leaves of a pool's autoscaler what holds for any policy: its bounds, and what it sees.
    pub(super) fn forget_policy(
        document: &mut Node,
        pool: &str,
        origin: &Origin,
    ) -> Result<(), Problem> {
        let path = format!("pool.{pool}.autoscaler");
        let Some(node) = document.find(&path) else { return Ok(()) };
        let read;
        let table = match &node.value {
            Value::Table(table) => table,
            Value::Text(text) => {
                read = Node::from_spec(<dyn Autoscaler as Role>::KEY, text, &node.origin)?;
                read.as_table()?
            }
            _ => return Ok(()),
        };
        let mut kept = Node::table(origin.clone());
        for (key, entry) in table.iter().filter(|(key, _)| Self::KEPT.contains(&key.as_str())) {
            kept.set(key, entry.node.clone())?;
        }
        document.set(&path, kept)
    }

    fn read(node: &Node) -> Result<Self, Problem> {
        let table = match &node.value {
            Value::Text(text) => {
                &Node::from_spec(<dyn Autoscaler as Role>::KEY, text, &node.origin)?
            }
            _ => node,
        };
        let (mut keys, mut rest) = split::take::<Keys>(table)?;
        rest.origin = node.origin.clone();
        // A policy that knows a cooldown of its own gets it; the guard would be the second.
        if let Some(cooldown) = table.get("cooldown")
            && has_own_cooldown(&rest)
        {
            keys.cooldown = Duration::ZERO;
            rest.set("cooldown", cooldown.clone())?;
        }
        Ok(Self { keys, policy: split::recipe::<Keys, _>(&rest)? })
    }

    /// The same with other bounds, and another target where the policy has one.
    pub fn set(&self, min: u32, max: u32, target: Option<f64>) -> Result<Self, Problem> {
        let mut table = serde_json::to_value(self).expect("a table is plain data");
        if let Some(table) = table.as_object_mut() {
            // TOML knows no null: what is not set is left out.
            table.retain(|_, value| !value.is_null());
            table.insert("min".to_owned(), min.into());
            table.insert("max".to_owned(), max.into());
            target.map(|target| table.insert("target".to_owned(), target.into()));
        }
        let text = toml::to_string(&table).expect("a table of TOML values");
        Self::read(&Node::from_toml("autoscaler", &text)?)
    }

    /// What the target of the policy is at a server that is always full, where it has one: 1 for a
    /// share, the slots where it is not set, else by the usual seven tenths of what is set.
    pub fn target_of_full(&self, slots: u32) -> Option<f64> {
        let target = self.policy.resolved().get("target")?;
        Some(match target.as_f64() {
            None => f64::from(slots),
            Some(share) if share <= 1.0 => 1.0,
            Some(other) => other / 0.7,
        })
    }

    /// A pool as those see it who choose between pools.
    pub(super) fn kind(name: &str, pool: &Pool, folder: &Path) -> Kind {
        let table = pool.autoscaler.as_ref();
        let keys = table.map(|table| &table.keys);
        let capacity = pool.capacity.unwrap_or(u32::MAX);
        Kind {
            name: name.to_owned(),
            price: pool.price.0,
            slots: pool.slots,
            speed: pool.speed,
            startup: staffing::mean_startup(folder, pool),
            spot: pool.lifetime.is_some(),
            servers: pool.servers,
            min: keys.and_then(|keys| keys.min).unwrap_or(0),
            max: keys.and_then(|keys| keys.max).unwrap_or(Manners::default().max).min(capacity),
            mixed: table.is_some_and(|it| it.policy.name == CheapestMix::NAME),
        }
    }

    /// The autoscaler of a pool, ready to run; nothing for a pool that has none and needs none.
    ///
    /// One that is only checked, `dry`, is told nothing of the future.
    pub(super) fn scaler(
        name: &str,
        pool: &Pool,
        seed: Seed,
        scenario: &Scenario,
        kinds: &[Kind],
        dry: bool,
    ) -> Result<Option<Scaler>, Problem> {
        let replaced = Recipe::named("fixed")?;
        let (keys, recipe) = match &pool.autoscaler {
            Some(table) => (table.keys.clone(), &table.policy),
            // What is reclaimed is ordered again.
            None if pool.lifetime.is_some() => (Keys::default(), &replaced),
            None => return Ok(None),
        };
        let at = |problem: Problem| problem.at(recipe.origin());
        let folder = scenario.folder.as_path();
        let setup = Setup {
            pool: name,
            servers: pool.servers,
            slots: pool.slots,
            min: keys.min,
            max: keys.max,
            seed,
            folder,
            startup: staffing::mean_startup(folder, pool),
            interval: keys.interval,
            kinds,
            budget: scenario.cost.budget.map(|budget| budget.0),
            promised: scenario.goals().find_map(promise),
            history: History(&|past, bin| scenario.rates_before(past, bin)),
            future: Future(&|| scenario.demand_ahead(pool, seed, dry)),
        };
        // Before the policy looks at them, which has other words for the two.
        if let (Some(min), Some(max)) = (keys.min, keys.max)
            && min > max
        {
            return Err(at(bounds(min, max)));
        }
        let policy = recipe.build(&setup)?;
        let manners = policy.manners();
        let min = keys.min.unwrap_or(manners.min);
        let max = keys.max.unwrap_or(manners.max.max(min));
        let wrong = |key: &str, what: String, help: &str| {
            Err(at(Problem::about(key, what).help(help.to_owned())))
        };
        if min > max {
            return Err(at(bounds(min, max)));
        }
        if max == 0 {
            let what = "`max` = 0: there would never be a server".to_owned();
            return wrong("max", what, "`max` must be at least 1");
        }
        if min == 0 && !manners.wakes {
            let what = format!("`{}` cannot wake a pool that has gone to 0 servers", recipe.name);
            return wrong("min", what, waking(recipe.name));
        }
        for (metric, set, help) in [
            ("memory", pool.memory.is_some(), "set the pool's `memory` to the tokens that fill it"),
            ("cpu", pool.cpu.is_some(), "set the pool's `cpu` to the cores of a server"),
        ] {
            if !set && looks_at(metric, recipe.resolved()) {
                let what = format!("pool `{name}` has no `{metric}` whose use could be looked at");
                return wrong("metric", what, help);
            }
        }
        let scrape = keys.scrape.unwrap_or(manners.scrape);
        if scrape == Duration::ZERO {
            return wrong("scrape", "`scrape` must be above 0".to_owned(), "15s is usual");
        }
        let window = keys.window.unwrap_or(manners.window);
        let longest = manners.longest.max(window);
        let direction = |own: &Direction| Direction {
            cooldown: own.cooldown.max(keys.cooldown),
            ..own.clone()
        };
        let (up, down) = (direction(&keys.up), direction(&keys.down));
        Ok(Some(Scaler {
            guard: Guard::new(guard::Config { min, max, up, down }),
            metrics: Metrics::new(scrape, keys.delay, longest, manners.latency),
            interval: keys.interval.unwrap_or(manners.interval),
            scrape,
            window,
            policy,
        }))
    }
}

/// The schema of the keys that a policy takes beside its options, with its own defaults.
pub fn keys_beside(policy: &str) -> serde_json::Value {
    let mut schema = schemars::schema_for!(Keys).to_value();
    let Some(manners) = manners_of(policy) else { return schema };
    let own = registry::find::<dyn Autoscaler>(policy)
        .map(|entry| entry.schema(&mut schemars::SchemaGenerator::default()).to_value());
    let Some(keys) = schema.get_mut("properties").and_then(serde_json::Value::as_object_mut) else {
        return schema;
    };
    if let Ok(own) = &own {
        // A cooldown of its own stands among its options.
        keys.retain(|key, _| own["properties"].get(key).is_none());
    }
    let text = |span: Duration| serde_json::Value::from(span.to_string());
    let defaults = [
        ("min", manners.min.into()),
        ("max", manners.max.into()),
        ("interval", text(manners.interval)),
        ("scrape", text(manners.scrape)),
        ("window", text(manners.window)),
    ];
    for (key, default) in defaults {
        if let Some(key) = keys.get_mut(key).and_then(serde_json::Value::as_object_mut) {
            key.insert("default".to_owned(), default);
        }
    }
    schema
}

/// How a policy is used where nothing is said; nothing for one that cannot be without options.
fn manners_of(policy: &str) -> Option<Manners> {
    let setup = Setup {
        pool: "main",
        servers: 1,
        slots: 1,
        min: None,
        max: None,
        seed: Seed::new(1, 0),
        folder: Path::new(""),
        startup: Duration::ZERO,
        interval: None,
        kinds: &[],
        budget: None,
        promised: None,
        history: History(&|_, _| Ok(Vec::new())),
        future: Future(&|| Ok(Vec::new())),
    };
    Some(Recipe::<dyn Autoscaler>::named(policy).ok()?.build(&setup).ok()?.manners())
}

/// What an objective promises, where it is an upper limit for a percentile of latency.
fn promise(goal: &Goal) -> Option<Promise> {
    let Measure::Percentile(percentile) = goal.measure else { return None };
    let latency = Duration::from_secs_f64(goal.limit);
    goal.below.then_some(Promise { percentile, latency })
}

/// What can be done where a policy cannot wake a pool.
fn waking(policy: &str) -> &'static str {
    match policy {
        "keda" => {
            "set `min = 1`, or let it look at `queue` or `concurrency`, which tell of requests \
             while no server is there"
        }
        "hpa" => {
            "set `min = 1`, or `scale-to-zero = true` with a `target-type` of `average-value` for \
             `queue` or `concurrency`, which tell of requests while no server is there"
        }
        _ => "set `min = 1`, or use `kpa`, `keda`, `ray-serve` or `queue-depth`",
    }
}

/// What is wrong with bounds of which the least is above the largest.
fn bounds(min: u32, max: u32) -> Problem {
    Problem::about("min", format!("`min` = {min} is above `max` = {max}"))
        .help("lower `min` or raise `max`")
}

/// Whether a policy, or one of several in it, is set to look at a metric.
fn looks_at(metric: &str, options: &serde_json::Value) -> bool {
    match options {
        serde_json::Value::Object(table) => {
            table.get("metric").is_some_and(|set| set == metric)
                || table.values().any(|inner| looks_at(metric, inner))
        }
        serde_json::Value::Array(items) => items.iter().any(|item| looks_at(metric, item)),
        _ => false,
    }
}

/// Whether `cooldown` is an option of the policy that a table names.
fn has_own_cooldown(table: &Node) -> bool {
    let Some(Value::Text(name)) = table.get("policy").map(|node| &node.value) else {
        return false;
    };
    registry::find::<dyn Autoscaler>(name).is_ok_and(|entry| {
        let schema = entry.schema(&mut schemars::SchemaGenerator::default());
        schema.get("properties").is_some_and(|options| options.get("cooldown").is_some())
    })
}

impl<'de> Deserialize<'de> for AutoscalerTable {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::read(&Node::deserialize(deserializer)?).map_err(Problem::carry)
    }
}

impl Serialize for AutoscalerTable {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut table = self.policy.resolved().clone();
        let keys = serde_json::to_value(&self.keys).map_err(serde::ser::Error::custom)?;
        if let (Some(table), serde_json::Value::Object(mut keys)) = (table.as_object_mut(), keys) {
            if table.contains_key("cooldown") {
                // The policy has it, and the guard nothing.
                keys.remove("cooldown");
            }
            table.extend(keys);
        }
        table.serialize(serializer)
    }
}

impl JsonSchema for AutoscalerTable {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "AutoscalerTable".into()
    }
    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let keys = Keys::json_schema(generator).to_value();
        super::traffic::with_properties::<Recipe<dyn Autoscaler>>(generator, &keys)
    }
}
