//! A setting of the autoscaled pools: the bounds of each, and one target for all; and in words.
//!
//! Several pools are searched together: at level n they always have, all in all, about the capacity
//! of n of the largest servers, dealt in the proportions in which the scenario begins. Pools
//! without an autoscaler stay as they are.

use indexmap::IndexMap;

use crate::diagnose::Problem;
use crate::outcome::settings_by_pool;
use crate::scenario::{AutoscalerTable, Pool, Scenario};

/// The fewest and the most servers of a pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Bounds {
    pub(super) min: u32,
    pub(super) max: u32,
}

/// What is set.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Setting {
    /// The bounds of each pool in the order of the scenario; none where it is not autoscaled.
    pub(super) bounds: Vec<Option<Bounds>>,
    /// How full servers should be, as a share, for the policies that have a target.
    pub(super) target: Option<f64>,
}

impl Setting {
    /// The same with other bounds of one pool.
    pub(super) fn with(&self, pool: usize, bounds: Bounds) -> Self {
        let mut other = self.clone();
        other.bounds[pool] = Some(bounds);
        other
    }

    /// A scenario with these bounds and this target; what it begins with lies within them.
    pub(super) fn applied(&self, base: &Scenario) -> Result<Scenario, Problem> {
        let mut scenario = base.clone();
        for (pool, bounds) in scenario.pool.values_mut().zip(&self.bounds) {
            let (Some(Bounds { min, max }), Some(table)) = (*bounds, &pool.autoscaler) else {
                continue;
            };
            let changed = table.set(min, max, self.target_of(table, pool.slots))?;
            pool.autoscaler = Some(changed);
            pool.servers = pool.servers.clamp(min, max);
        }
        Ok(scenario)
    }

    /// By the paths under which they are written into the scenario.
    pub(super) fn paths(&self, base: &Scenario) -> IndexMap<String, serde_json::Value> {
        let mut all = IndexMap::new();
        for ((name, pool), bounds) in base.pool.iter().zip(&self.bounds) {
            let (Some(Bounds { min, max }), Some(table)) = (*bounds, &pool.autoscaler) else {
                continue;
            };
            let mut set = |key: &str, value: serde_json::Value| {
                all.insert(format!("pool.{name}.autoscaler.{key}"), value);
            };
            set("min", min.into());
            set("max", max.into());
            if let Some(target) = self.target_of(table, pool.slots) {
                set("target", target.into());
            }
        }
        all
    }

    /// The target as a policy counts it.
    fn target_of(&self, table: &AutoscalerTable, slots: u32) -> Option<f64> {
        Some(self.target? * table.target_of_full(slots)?)
    }
}

/// Work a second of a server of a pool.
fn work(pool: &Pool) -> f64 {
    f64::from(pool.slots) * pool.speed
}

/// What a unit of that work costs.
pub(super) fn work_price(pool: &Pool) -> f64 {
    pool.price.0 / work(pool)
}

/// A pool that is searched.
#[derive(Clone, Copy, Debug)]
struct Kind {
    /// Work a second of a server.
    work: f64,
    /// Its part of what is searched together.
    part: f64,
    /// The most servers that settings are tried with.
    room: u32,
    /// The most servers there may be.
    allowed: u32,
}

/// How levels become bounds.
#[derive(Debug)]
pub(super) struct Deal {
    kinds: Vec<Option<Kind>>,
    /// Work a second of the largest server that is searched.
    largest: f64,
    /// Work a second of the pools that are not.
    fixed: f64,
}

impl Deal {
    /// For a scenario whose busiest minute brings so much work a second.
    pub(super) fn new(scenario: &Scenario, peak: f64) -> Self {
        let begins = |pool: &Pool| f64::from(pool.servers.max(1)) * work(pool);
        let pools = || scenario.pool.values();
        let scaled = || pools().filter(|pool| pool.autoscaler.is_some());
        let fixed = pools().filter(|pool| pool.autoscaler.is_none());
        let all: f64 = scaled().map(begins).sum();
        let kind = |pool: &Pool| {
            let allowed = pool.capacity.unwrap_or(u32::MAX);
            let room = ((2.0 * peak / work(pool)).ceil() as u32).saturating_add(2);
            let part = begins(pool) / all;
            Kind { work: work(pool), part, room: room.min(allowed).max(1), allowed }
        };
        Self {
            kinds: pools().map(|pool| pool.autoscaler.as_ref().map(|_| kind(pool))).collect(),
            largest: scaled().map(work).fold(0.0, f64::max),
            fixed: fixed.map(|pool| f64::from(pool.servers) * work(pool)).sum(),
        }
    }

    /// The level that has a share of some work a second, beside the pools that stay as they are.
    pub(super) fn level(&self, work: f64) -> u32 {
        let most = self.kinds.iter().flatten().map(|kind| f64::from(kind.room) * kind.work);
        let most = (most.sum::<f64>() / self.largest).ceil();
        ((work - self.fixed) / self.largest).ceil().clamp(1.0, most) as u32
    }

    /// The bounds at a level.
    pub(super) fn bounds(&self, level: u32) -> Vec<Option<Bounds>> {
        let of = |kind: Kind| {
            let min = f64::from(level) * self.largest * kind.part / kind.work;
            // What rounds up to a server more by a hair is none.
            Bounds { min: ((min - 1e-9).ceil() as u32).clamp(1, kind.room), max: kind.room }
        };
        self.kinds.iter().map(|kind| kind.map(of)).collect()
    }

    /// The most servers of a pool that there may be.
    pub(super) fn allowed(&self, pool: usize) -> u32 {
        self.kinds[pool].map_or(0, |kind| kind.allowed)
    }

    /// The pools that are searched.
    pub(super) fn searched(&self) -> Vec<usize> {
        (0..self.kinds.len()).filter(|&pool| self.kinds[pool].is_some()).collect()
    }

    /// Work a second that all can do together where every pool is as large as it is tried.
    pub(super) fn capacity(&self) -> f64 {
        let each = self.kinds.iter().flatten().map(|kind| f64::from(kind.room) * kind.work);
        self.fixed + each.sum::<f64>()
    }
}

/// What to set: `min = 9, max = 13, target = 0.8`, or that of each of several pools.
pub(super) fn to_set(settings: &IndexMap<String, serde_json::Value>) -> String {
    let pools = settings_by_pool(settings);
    let keys = |keys: &Vec<(&str, &serde_json::Value)>| {
        let each = keys.iter().map(|(key, value)| format!("{key} = {}", short(value)));
        each.collect::<Vec<_>>().join(", ")
    };
    match pools.len() {
        1 => pools.values().map(keys).collect(),
        _ => {
            let each = pools.iter().map(|(pool, own)| format!("{pool} to {}", keys(own)));
            each.collect::<Vec<_>>().join(" and ")
        }
    }
}

/// What sets a setting apart: `min 9, target 0.8`, or that of each of several pools.
pub(super) fn told(settings: &IndexMap<String, serde_json::Value>) -> String {
    let pools = settings_by_pool(settings);
    let several = pools.len() > 1;
    let own = |(pool, keys): (&&str, &Vec<(&str, &serde_json::Value)>)| {
        let keys = keys.iter().filter(|(key, _)| *key != "max");
        let keys = keys.map(|(key, value)| format!("{key} {}", short(value)));
        let keys = keys.collect::<Vec<_>>().join(", ");
        if several { format!("{pool} {keys}") } else { keys }
    };
    pools.iter().map(own).collect::<Vec<_>>().join(" and ")
}

/// A number of a setting without digits that nobody set.
fn short(value: &serde_json::Value) -> String {
    match value.as_f64() {
        Some(number) if number.fract() != 0.0 => {
            format!("{number:.3}").trim_end_matches('0').to_owned()
        }
        Some(number) => format!("{number:.0}"),
        None => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scenario(pools: &str) -> Scenario {
        let text = format!(
            "traffic.a = {{ arrivals = 'poisson:rate=8/s', service = 'exponential:mean=1s' }}\n\
             {pools}"
        );
        let document = crate::document::Node::from_toml("a.toml", &text).unwrap();
        Scenario::from_document(&document, std::path::Path::new("")).unwrap()
    }

    fn mins(deal: &Deal, level: u32) -> Vec<Option<u32>> {
        deal.bounds(level).iter().map(|bounds| bounds.map(|bounds| bounds.min)).collect()
    }

    #[test]
    fn a_level_of_one_pool_is_its_least_servers() {
        let one = scenario("pool.a = { servers = 3, slots = 2, autoscaler = { policy = 'hpa' } }");
        let deal = Deal::new(&one, 12.0);
        assert_eq!((mins(&deal, 1), mins(&deal, 5)), (vec![Some(1)], vec![Some(5)]));
        assert_eq!((deal.level(12.0), deal.level(0.0)), (6, 1));
        assert_eq!(deal.bounds(1)[0].unwrap().max, 14);
    }

    #[test]
    fn several_pools_are_dealt_to_as_the_scenario_begins_and_fixed_ones_stay() {
        let several = scenario(
            "pool.base = { servers = 4 }\n\
             pool.small = { servers = 4, autoscaler = { policy = 'hpa', target = 0.6 } }\n\
             pool.large = { servers = 1, slots = 4, capacity = 2, \
                            autoscaler = { policy = 'kpa' } }",
        );
        let deal = Deal::new(&several, 12.0);
        // Half each of the level, in servers of four slots; eight Erlangs beside the fixed four.
        assert_eq!(deal.level(12.0), 2);
        assert_eq!(mins(&deal, 2), [None, Some(4), Some(1)]);
        assert_eq!(deal.bounds(2)[2].unwrap().max, 2, "its capacity");
        let setting = Setting { bounds: deal.bounds(2), target: Some(0.5) };
        let paths = setting.paths(&several);
        assert_eq!(paths["pool.small.autoscaler.min"], 4);
        assert_eq!(paths["pool.small.autoscaler.target"], 0.5);
        assert!(!paths.keys().any(|path| path.contains("base")), "{paths:?}");
        let applied = setting.applied(&several).unwrap();
        assert_eq!(applied.pool["base"].servers, 4);
    }
}
