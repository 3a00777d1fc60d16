//! The VPA at work in a simulation: a server is a pod, its busy slots are its cores.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Running, Vpa, evictable, ought_to_be_replaced};
use crate::scale::{Autoscaler, Manners, Rollout, Signals, Size, Target};
use crate::time::Duration;

/// What a server is made larger or smaller by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Dimension {
    /// Requests it serves at once.
    #[default]
    Slots,
    /// Work a second.
    Speed,
}

/// When a recommendation is carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// Never: it is only written to the decision log.
    Off,
    /// On servers that are ordered for another reason.
    Initial,
    /// Servers are replaced, which takes their time to start.
    #[default]
    Recreate,
    /// Servers change while they serve.
    InPlace,
}

/// How the sizes of servers are chosen. The count stays as the pool was set.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct Config {
    /// What servers are made larger or smaller by: `slots` or `speed`.
    pub dimension: Dimension,
    /// When a recommendation is carried out: `off`, `initial`, `recreate` or `in-place`.
    pub mode: Mode,
    /// Least slots or speed.
    pub min_size: f64,
    /// Most slots or speed.
    pub max_size: f64,
    /// The share of usage the target covers.
    pub target_percentile: f64,
    /// The share of usage below which a server is too small.
    pub lower_percentile: f64,
    /// The share of usage above which a server is too large.
    pub upper_percentile: f64,
    /// Added to every estimate, as a share.
    pub safety_margin: f64,
    /// The time in which a sample loses half its weight.
    pub half_life: Duration,
    /// History that makes the upper bound twice the estimate.
    pub confidence_interval: Duration,
    /// Relative distance from the target that is worth changing a server of full age.
    pub change_threshold: f64,
    /// The age from which a server within its bounds may be changed.
    pub pod_lifetime: Duration,
    /// The share of servers that may be missing while servers are replaced.
    pub eviction_tolerance: f64,
    /// Of fewer servers none is replaced.
    pub min_replicas: u32,
}

impl Default for Config {
    fn default() -> Self {
        let vpa = super::Config::default();
        Self {
            dimension: Dimension::default(),
            mode: Mode::default(),
            min_size: 1.0,
            max_size: 1000.0,
            target_percentile: vpa.target_percentile,
            lower_percentile: vpa.lower_percentile,
            upper_percentile: vpa.upper_percentile,
            safety_margin: vpa.safety_margin,
            half_life: vpa.half_life,
            confidence_interval: vpa.confidence_interval,
            change_threshold: vpa.change_threshold,
            pod_lifetime: vpa.pod_lifetime,
            eviction_tolerance: vpa.eviction_tolerance,
            min_replicas: 2,
        }
    }
}

impl Config {
    fn vpa(&self) -> super::Config {
        super::Config {
            target_percentile: self.target_percentile,
            lower_percentile: self.lower_percentile,
            upper_percentile: self.upper_percentile,
            safety_margin: self.safety_margin,
            half_life: self.half_life,
            confidence_interval: self.confidence_interval,
            change_threshold: self.change_threshold,
            pod_lifetime: self.pod_lifetime,
            eviction_tolerance: self.eviction_tolerance,
            ..super::Config::default()
        }
    }
}

/// A recommender and an updater.
#[derive(Debug)]
pub struct Scaler {
    config: Config,
    vpa: Vpa,
    servers: u32,
    /// The slots or the speed that was last decided on.
    decided: Option<f64>,
}

impl Scaler {
    /// A recommender without history, for a pool of so many servers.
    pub fn new(config: Config, servers: u32) -> Self {
        Self { vpa: Vpa::new(config.vpa()), servers, config, decided: None }
    }

    /// The size that a server needs for so much work a second, in slots or in speed.
    fn size_for(&self, work: f64, signals: &Signals<'_>) -> f64 {
        let size = match self.config.dimension {
            Dimension::Slots => (work / signals.speed - 1e-9).ceil(),
            Dimension::Speed => work / f64::from(signals.slots),
        };
        size.clamp(self.config.min_size, self.config.max_size)
    }

    fn rollout(&self, replicas: u32) -> Option<Rollout> {
        match self.config.mode {
            Mode::Off => None,
            Mode::Initial => Some(Rollout::NewOnly),
            Mode::InPlace => Some(Rollout::InPlace),
            Mode::Recreate if replicas < self.config.min_replicas => Some(Rollout::NewOnly),
            Mode::Recreate => {
                Some(Rollout::Replace { at_once: evictable(&self.config.vpa(), replicas) })
            }
        }
    }
}

impl Autoscaler for Scaler {
    fn target(&mut self, signals: &Signals<'_>) -> Target {
        let Some(work) = signals.seen().work_rate() else {
            return Target::new(self.servers, "no data");
        };
        self.vpa.record_cpu(work, signals.now.0);
        let recommended = self.vpa.cpu();
        let present = f64::from(signals.slots) * signals.speed;
        let oldest = signals.ready_since.first();
        let pod = Running {
            request: (present * 1000.0).round() as i64,
            age_ns: oldest.map_or(0, |since| (signals.now - *since).0),
            quick_oom: false,
        };
        let size = self.size_for(recommended.target as f64 / 1000.0, signals);
        let due = ought_to_be_replaced(&self.config.vpa(), pod, recommended);
        if due {
            self.decided = Some(size);
        }
        let (unit, now) = match self.config.dimension {
            Dimension::Slots => ("slots", f64::from(signals.slots)),
            Dimension::Speed => ("speed", signals.speed),
        };
        let verb = if due && size != now { "to" } else { "would take" };
        let why = format!("{work:.3} busy slots of {present:.2}: {unit} {now:.3} {verb} {size:.3}");
        let mut target = Target::new(self.servers, why);
        target.size =
            self.decided.zip(self.rollout(signals.counts.ready)).map(|(size, rollout)| match self
                .config
                .dimension
            {
                Dimension::Slots => Size { slots: size as u32, speed: signals.speed, rollout },
                Dimension::Speed => Size { slots: signals.slots, speed: size, rollout },
            });
        target
    }

    fn manners(&self) -> Manners {
        Manners { interval: Duration::from_secs(60), ..Manners::default() }
    }
}
