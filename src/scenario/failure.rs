//! `[failure.NAME]`: what goes wrong, when, and with whom.

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Pool, split};
use crate::diagnose::{Problem, unknown};
use crate::document::{Node, Value};
use crate::engine::Peril;
use crate::fault::{Fault, Timing};
use crate::law::{self, Law};
use crate::registry::{Recipe, Role};
use crate::time::{Duration, Instant};

/// The keys of a failure that are not options of its fault.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
struct Keys {
    /// The pool that is hit; every pool when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pool: Option<String>,
    /// The zone that is hit, in every pool that stands there.
    #[serde(skip_serializing_if = "Option::is_none")]
    zone: Option<String>,
    /// The servers that are hit, by their places in the pool from 0; all when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    servers: Option<Vec<u32>>,
    /// When it comes, from the start of the run. After the last arrival it still hits those who are
    /// there, unless it is one of those that come again and again, which then come no more.
    #[serde(skip_serializing_if = "Option::is_none")]
    at: Option<Duration>,
    /// How long it lasts; to the end of the run when neither this nor `until` is given.
    #[serde(skip_serializing_if = "Option::is_none")]
    lasts: Option<Duration>,
    /// When it goes, from the start of the run.
    #[serde(skip_serializing_if = "Option::is_none")]
    until: Option<Duration>,
    /// From one coming to the next, where it comes again and again.
    #[serde(skip_serializing_if = "Option::is_none")]
    every: Option<Duration>,
    /// Instead of `at`: the law of times from a repair to the next failure (their mean is the
    /// MTBF less the MTTR).
    #[serde(skip_serializing_if = "Option::is_none")]
    up: Option<Recipe<dyn Law>>,
    /// With `up`: the law of times to repair (their mean is the MTTR).
    #[serde(skip_serializing_if = "Option::is_none")]
    down: Option<Recipe<dyn Law>>,
    /// With `up`: whether all servers that are hit fail together rather than each for itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    together: Option<bool>,
}

/// What goes wrong, when, and with whom.
#[derive(Clone, Debug)]
pub struct Failure {
    keys: Keys,
    fault: Recipe<dyn Fault>,
}

impl Failure {
    /// The schema of the keys that are not options of its fault.
    pub(super) fn keys() -> serde_json::Value {
        schemars::schema_for!(Keys).to_value()
    }

    /// Whether it comes at stated times, which makes a stretch of the run unlike the others.
    pub(super) fn is_stated(&self) -> bool {
        self.keys.up.is_none()
    }

    /// Says what is wrong with it, given the pools there are.
    pub(super) fn check(&self, pools: &IndexMap<String, Pool>) -> Result<(), Problem> {
        self.check_times()?;
        self.check_targets(pools)
    }

    fn check_times(&self) -> Result<(), Problem> {
        let Keys { at, lasts, until, every, up, down, together, .. } = &self.keys;
        let wrong = |key: &str, what: &str, help: &str| Err(Problem::about(key, what).help(help));
        if up.is_some() != down.is_some() {
            let key = if up.is_some() { "up" } else { "down" };
            let help = "`up` draws the times between failures, `down` the times to repair";
            return wrong(key, "`up` and `down` go together", help);
        }
        if up.is_some() {
            for (key, set) in [("at", at), ("lasts", lasts), ("until", until), ("every", every)] {
                if set.is_some() {
                    let help = "write `at` and `lasts`, or `up` and `down`";
                    return wrong(key, "a failure comes at stated times or at random", help);
                }
            }
            return Ok(());
        }
        if together.is_some() {
            let help = "at a stated time all fail together in any case";
            return wrong("together", "`together` goes with `up` and `down`", help);
        }
        let Some(at) = at else {
            let help = "write `at = \"10m\"` and `lasts = \"30s\"`, or `up` and `down` for laws of \
                        the times between failures and to repair";
            return Err(Problem::new("nothing says when the failure comes").help(help));
        };
        match (lasts, until) {
            (Some(_), Some(_)) => wrong("until", "`lasts` says already when it ends", "drop one"),
            (Some(Duration::ZERO), _) => {
                wrong("lasts", "it would end as soon as it begins", "`lasts` must be above 0")
            }
            (_, Some(until)) if until <= at => {
                let what = format!("it would end at {until}, before it begins at {at}");
                wrong("until", &what, "`until` counts from the start of the run, as `at` does")
            }
            _ => match (every, self.lasts(*at)) {
                (Some(every), lasts) if *every <= lasts => {
                    let help = "`every` counts from one beginning to the next";
                    wrong("every", "it would come again before it has gone", help)
                }
                _ => Ok(()),
            },
        }
    }

    fn lasts(&self, at: Duration) -> Duration {
        let until = self.keys.until.map(|until| Instant(until.0).since(Instant(at.0)));
        self.keys.lasts.or(until).unwrap_or(Duration::FOREVER)
    }

    fn check_targets(&self, pools: &IndexMap<String, Pool>) -> Result<(), Problem> {
        let Keys { pool, zone, servers, .. } = &self.keys;
        if let Some(name) = pool
            && !pools.contains_key(name)
        {
            let names: Vec<&String> = pools.keys().collect();
            return Err(about("pool", &unknown("pool", name, &names)));
        }
        if let Some(name) = zone
            && !pools.values().any(|pool| pool.zone == *name)
        {
            let mut zones: Vec<&str> = pools.values().map(|pool| pool.zone.as_str()).collect();
            zones.retain(|zone| !zone.is_empty());
            zones.dedup();
            if zones.is_empty() {
                let what = format!("there is no zone `{name}`: no pool stands in one");
                return Err(Problem::about("zone", what)
                    .help(format!("set `zone = \"{name}\"` in the pools that do")));
            }
            return Err(about("zone", &unknown("zone", name, &zones)));
        }
        if servers.as_ref().is_some_and(Vec::is_empty) {
            return Err(Problem::about("servers", "`servers` names no server")
                .help("leave it out to hit all of them, or name some: `servers = [0]`"));
        }
        let hit = self.pools(pools);
        if hit.is_empty() {
            return Err(Problem::about("zone", "that pool does not stand in that zone")
                .help("name the pool or the zone, not both"));
        }
        let fixed = |number: &u16| {
            let pool = &pools[usize::from(*number)];
            pool.autoscaler.is_none() && pool.lifetime.is_none()
        };
        let most = hit.iter().map(|number| pools[usize::from(*number)].servers).max().unwrap_or(0);
        for server in servers.iter().flatten() {
            if *server >= most && hit.iter().all(fixed) {
                let what = format!("there is no server {server}: the pool has {most}");
                return Err(Problem::about("servers", what)
                    .help(format!("servers count from 0 to {}", most.saturating_sub(1))));
            }
        }
        Ok(())
    }

    /// The places of the pools that are hit.
    fn pools(&self, pools: &IndexMap<String, Pool>) -> Vec<u16> {
        let Keys { pool, zone, .. } = &self.keys;
        let is_hit = |(name, table): &(&String, &Pool)| {
            pool.as_ref().is_none_or(|pool| pool == *name)
                && zone.as_ref().is_none_or(|zone| *zone == table.zone)
        };
        let all = (0_u16..).zip(pools.iter().map(|entry| is_hit(&entry)));
        all.filter_map(|(number, hit)| hit.then_some(number)).collect()
    }

    /// Whether it hits any server at all.
    pub(crate) fn hits(&self, pools: &IndexMap<String, Pool>) -> bool {
        !self.pools(pools).is_empty()
    }

    /// The same with its servers among those there are, and whether that changed it: for places
    /// that no pool has that is hit, the last others there are stand in, one for one.
    ///
    /// Pools whose servers come and go are left alone.
    pub(crate) fn aimed(&self, pools: &IndexMap<String, Pool>) -> (Self, bool) {
        let hit: Vec<&Pool> = self.pools(pools).iter().map(|&at| &pools[usize::from(at)]).collect();
        let fixed = |pool: &&Pool| pool.autoscaler.is_none() && pool.lifetime.is_none();
        let sizes = || hit.iter().filter(|pool| fixed(pool)).map(|pool| pool.servers);
        let (Some(places), Some(most)) = (&self.keys.servers, sizes().max()) else {
            return (self.clone(), false);
        };
        let mut aimed: Vec<u32> = places.iter().copied().filter(|&place| place < most).collect();
        for _ in aimed.len()..places.len() {
            // Where all of them are hit already, there is no other.
            aimed.extend((0..most).rev().find(|place| !aimed.contains(place)));
        }
        aimed.sort_unstable();
        let changed = aimed.iter().any(|place| !places.contains(place))
            || places.iter().any(|place| !aimed.contains(place));
        let keys = Keys { servers: Some(aimed), ..self.keys.clone() };
        (Self { keys, fault: self.fault.clone() }, changed)
    }

    /// Whether it comes at all in a run of this length.
    pub(crate) fn comes_within(&self, run: Option<Duration>) -> bool {
        run.is_none_or(|run| self.keys.at.is_none_or(|at| at < run))
    }

    /// The share of the fleet's work that it takes from a server in the long run: all of it where
    /// the server is out for good, none where it goes and does not come again.
    pub(crate) fn takes(&self, setup: &law::Setup<'_>) -> Result<f64, Problem> {
        let lost = match self.fault.name {
            "outage" => 1.0,
            "slow" => 1.0 - self.fault.resolved()["speed"].as_f64().unwrap_or(1.0),
            _ => return Ok(0.0),
        };
        let Keys { up, down, at, every, .. } = &self.keys;
        let share = match (up, down, every) {
            (Some(up), Some(down), _) => {
                let (up, down) = (up.build(setup)?.mean(), down.build(setup)?.mean());
                if down.is_finite() { down / (up + down) } else { 1.0 }
            }
            (_, _, every) => match (self.lasts(at.unwrap_or(Duration::ZERO)), every) {
                (Duration::FOREVER, _) => 1.0,
                (lasts, Some(every)) => lasts.as_secs_f64() / every.as_secs_f64(),
                (_, None) => 0.0,
            },
        };
        Ok(lost * share)
    }

    /// Whether it hits a server by its place in a pool.
    pub(crate) fn is_at(&self, pools: &IndexMap<String, Pool>, pool: usize, place: u32) -> bool {
        self.pools(pools).iter().any(|&hit| usize::from(hit) == pool)
            && self.keys.servers.as_ref().is_none_or(|places| places.contains(&place))
    }

    /// What the engine is told of it.
    pub(super) fn peril(
        &self,
        name: &str,
        pools: &IndexMap<String, Pool>,
        setup: &law::Setup<'_>,
    ) -> Result<Peril, Problem> {
        let timing = match (&self.keys.up, &self.keys.down, self.keys.at) {
            (Some(up), Some(down), _) => Timing::Random {
                up: up.build(setup)?,
                down: down.build(setup)?,
                together: self.keys.together.unwrap_or(false),
            },
            (_, _, at) => {
                let at = at.unwrap_or(Duration::ZERO);
                let every = self.keys.every.unwrap_or(Duration::FOREVER);
                Timing::Stated { at: Instant(at.0), lasts: self.lasts(at), every }
            }
        };
        Ok(Peril {
            name: name.to_owned(),
            fault: self.fault.build(&())?,
            timing,
            pools: self.pools(pools),
            places: self.keys.servers.clone(),
        })
    }

    fn read(node: &Node) -> Result<Self, Problem> {
        let key = <dyn Fault as Role>::KEY;
        let (keys, rest) = split::take::<Keys>(node)?;
        if matches!(&rest.value, Value::Table(table) if !table.contains_key(key)) {
            let names: Vec<&str> =
                <dyn Fault as Role>::registry().iter().map(|it| it.name).collect();
            return Err(Problem::new("`fault` is missing: what goes wrong?")
                .help(format!("write `fault = \"outage\"`; there are {}", names.join(", ")))
                .at(&node.origin));
        }
        Ok(Self { keys, fault: split::recipe::<Keys, _>(&rest)? })
    }
}

/// The problem, shown at a key.
fn about(key: &str, problem: &Problem) -> Problem {
    let shown = Problem::about(key, problem.message());
    match problem.remedy() {
        Some(remedy) => shown.help(remedy),
        None => shown,
    }
}

impl<'de> Deserialize<'de> for Failure {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::read(&Node::deserialize(deserializer)?).map_err(Problem::carry)
    }
}

impl Serialize for Failure {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut table = self.fault.resolved().clone();
        let keys = serde_json::to_value(&self.keys).map_err(serde::ser::Error::custom)?;
        if let (Some(table), serde_json::Value::Object(keys)) = (table.as_object_mut(), keys) {
            table.extend(keys);
        }
        table.serialize(serializer)
    }
}

impl JsonSchema for Failure {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Failure".into()
    }
    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let keys = Keys::json_schema(generator).to_value();
        super::traffic::with_properties::<Recipe<dyn Fault>>(generator, &keys)
    }
}
