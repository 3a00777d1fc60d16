//! llm-d's workload-variant autoscaler, its saturation analyzer.
//!
//! *What it does*: a replica of a language model is saturated when its key-value cache is 80 % full
//! or five requests wait at it. Over the others the average spare room is taken; when it falls
//! below 10 % of cache or three waiting requests, one replica is added to the cheapest variant.
//! One is removed from the dearest when the room would still be there after its load is shared out.
//! Nothing is done while any variant is on its way. In a simulation a pool is the one variant and
//! its replicas are taken to be alike; the cache is the pool's `memory`, without which only the
//! queue counts.
//!
//! *When it shines*: serving of language models, where cache and queue fill long before the device
//! looks busy, and the same model runs on several kinds of device.
//!
//! *When it fails*: one replica a step and a pause while it loads climbs slowly; the freeze lasts
//! as long as the slowest replica takes to report.
//!
//! *Source*: `internal/saturation` of llm-d/llm-d-workload-variant-autoscaler (version 1, by
//! percentages).

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Autoscaler, Manners, Setup, Signals, Target, positive};
use crate::diagnose::Problem;
use crate::registry;
use crate::time::Duration;

/// Fewer replicas with room than this never give one up.
const LEAST_WITH_ROOM: u32 = 2;

/// How the analyzer is set.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct Config {
    /// A replica is saturated from this share of its cache on.
    pub kv_cache_threshold: f64,
    /// A replica is saturated from so many waiting requests on.
    pub queue_length_threshold: f64,
    /// A replica is added when the average spare share of cache is below this.
    pub kv_spare_trigger: f64,
    /// A replica is added when the average room for waiting requests is below this.
    pub queue_spare_trigger: f64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            kv_cache_threshold: 0.8,
            queue_length_threshold: 5.0,
            kv_spare_trigger: 0.1,
            queue_spare_trigger: 3.0,
        }
    }
}

/// One replica as it reports.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Replica<'a> {
    /// The variant it belongs to.
    pub variant: &'a str,
    /// Share of its cache in use.
    pub kv_cache_usage: f64,
    /// Requests waiting at it.
    pub queue_length: f64,
}

/// What the replicas of a model together show.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Analysis {
    /// Replicas that report.
    pub replicas: u32,
    /// Of those, replicas with room.
    pub with_room: u32,
    /// Their average spare share of cache.
    pub spare_kv: f64,
    /// Their average room for waiting requests.
    pub spare_queue: f64,
    /// Whether the room is too little.
    pub should_scale_up: bool,
    /// Whether there is room enough with one replica fewer.
    pub scale_down_safe: bool,
}

/// Sums over the replicas of one variant that have room.
#[derive(Default)]
struct Room {
    replicas: u32,
    kv: f64,
    queue: f64,
}

/// Analyses the replicas of one model. Without any, nothing is called for.
pub fn analyze(config: &Config, replicas: &[Replica<'_>]) -> Analysis {
    if replicas.is_empty() {
        return Analysis::default();
    }
    let mut variants: BTreeMap<&str, Room> = BTreeMap::new();
    for replica in replicas {
        let room = variants.entry(replica.variant).or_default();
        let saturated = replica.kv_cache_usage >= config.kv_cache_threshold
            || replica.queue_length >= config.queue_length_threshold;
        if !saturated {
            room.replicas += 1;
            room.kv += config.kv_cache_threshold - replica.kv_cache_usage;
            room.queue += config.queue_length_threshold - replica.queue_length;
        }
    }
    let mut all = Room::default();
    for room in variants.values().filter(|room| room.replicas > 0) {
        // Averages a variant, weighted again, as upstream: the rounding may decide at a trigger.
        let count = f64::from(room.replicas);
        all.replicas += room.replicas;
        all.kv += room.kv / count * count;
        all.queue += room.queue / count * count;
    }
    let mean = |sum: f64| if all.replicas == 0 { 0.0 } else { sum / f64::from(all.replicas) };
    let (spare_kv, spare_queue) = (mean(all.kv), mean(all.queue));
    Analysis {
        replicas: replicas.len() as u32,
        with_room: all.replicas,
        spare_kv,
        spare_queue,
        should_scale_up: spare_kv < config.kv_spare_trigger
            || spare_queue < config.queue_spare_trigger,
        scale_down_safe: is_safe_with_one_fewer(config, all.replicas, spare_kv, spare_queue),
    }
}

/// Whether the triggers stay quiet when the load of one replica is shared among the others.
fn is_safe_with_one_fewer(config: &Config, replicas: u32, spare_kv: f64, spare_queue: f64) -> bool {
    if replicas < LEAST_WITH_ROOM {
        return false;
    }
    let growth = f64::from(replicas) / f64::from(replicas - 1);
    let left = |threshold: f64, spare: f64| threshold - (threshold - spare) * growth;
    left(config.kv_cache_threshold, spare_kv) >= config.kv_spare_trigger
        && left(config.queue_length_threshold, spare_queue) >= config.queue_spare_trigger
}

/// One variant of a model: a kind of device with a price.
#[derive(Debug, Clone, PartialEq)]
pub struct Variant<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its price, in any unit.
    pub cost: f64,
    /// Replicas that report.
    pub reporting: u32,
    /// Replicas there are.
    pub current: u32,
    /// Replicas there ought to be; absent where none was decided yet.
    pub desired: Option<u32>,
    /// Replicas that do not serve yet.
    pub pending: u32,
}

/// The count of every variant, by name: one more of the cheapest, one fewer of the dearest, or
/// what there is. While any variant is on its way, all stay.
pub fn targets<'a>(
    should_scale_up: bool,
    scale_down_safe: bool,
    variants: &[Variant<'a>],
) -> BTreeMap<&'a str, u32> {
    let heading = |it: &Variant<'_>| it.desired.filter(|&desired| desired != it.current);
    let moving = variants.iter().any(|it| heading(it).is_some() || it.reporting != it.current);
    let mut targets: BTreeMap<&str, u32> = variants
        .iter()
        .map(|it| (it.name, if moving { heading(it).unwrap_or(it.current) } else { it.reporting }))
        .collect();
    if moving {
        return targets;
    }
    let dearer = |a: &&Variant<'_>, b: &&Variant<'_>| {
        a.cost.total_cmp(&b.cost).then_with(|| a.name.cmp(b.name))
    };
    if should_scale_up {
        if let Some(cheapest) = variants.iter().filter(|it| it.pending == 0).min_by(dearer) {
            targets.insert(cheapest.name, cheapest.reporting + 1);
        }
    } else if scale_down_safe
        && let Some(dearest) = variants.iter().filter(|it| it.reporting > 1).max_by(dearer)
    {
        targets.insert(dearest.name, dearest.reporting - 1);
    }
    targets
}

/// The analyzer at work on one pool.
#[derive(Debug)]
pub struct Wva(Config);

impl registry::Variant<dyn Autoscaler> for Wva {
    const NAME: &'static str = "wva";
    type Config = Config;

    fn check(config: &Config) -> Result<(), Problem> {
        let help = "a replica must have room at first";
        positive("kv-cache-threshold", config.kv_cache_threshold, help)?;
        positive("queue-length-threshold", config.queue_length_threshold, help)
    }

    fn build(config: &Config, _: &Setup<'_>) -> Result<Box<dyn Autoscaler>, Problem> {
        Ok(Box::new(Self(config.clone())))
    }
}

impl Autoscaler for Wva {
    fn target(&mut self, signals: &Signals<'_>) -> Target {
        let (seen, counts) = (signals.seen(), signals.counts);
        let served = seen.servers().filter(|servers| *servers > 0.0);
        let Some((waiting, servers)) = seen.queue().zip(served) else {
            return Target::blind(signals);
        };
        let replica = Replica {
            variant: "pool",
            kv_cache_usage: seen.memory().unwrap_or(0.0),
            queue_length: waiting / servers,
        };
        let found = analyze(&self.0, &vec![replica; counts.ready as usize]);
        let pool = Variant {
            name: "pool",
            cost: 1.0,
            reporting: counts.ready,
            current: counts.wanted(),
            desired: None,
            pending: counts.starting,
        };
        let all = targets(found.should_scale_up, found.scale_down_safe, &[pool]);
        let (kv, queue) = (found.spare_kv, found.spare_queue);
        let why = format!("room of {kv:.3} in the cache and {queue:.2} in the queue");
        Target::new(all.get("pool").copied().unwrap_or(counts.wanted()), why)
    }

    fn manners(&self) -> Manners {
        Manners { interval: Duration::from_secs(60), ..Manners::default() }
    }
}
