//! KEDA: event-driven activation around a Kubernetes HPA.
//!
//! *What it does*: every 30 s it asks its triggers whether they are active. It alone moves the
//! target between zero (or the idle count) and one; from one upwards an HPA follows the triggers'
//! metrics as external averages, every 15 s however often KEDA itself polls. When a trigger keeps
//! failing, a stand-in metric leads the HPA to the fallback count. For jobs see [`jobs`].
//!
//! *When it shines*: consumers of queues, which may sleep for hours and whose demand is known
//! from the length of the queue before any pod runs.
//!
//! *When it fails*: the first request of a quiet hour waits for a poll and a cold start; the
//! cooldown only guards the last step, so that between one and many the HPA's own windows matter.
//!
//! *Source*: `pkg/scaling` and `pkg/fallback` of kedacore/keda, and the KEDA documentation.

pub mod jobs;
pub mod scaler;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use self::scaler::Scaler;
use super::hpa::behavior::Behavior;
use super::{Autoscaler, Metric, Setup};
use crate::diagnose::Problem;
use crate::registry::Variant;
use crate::time::Duration;

/// What is done when a trigger fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum FallbackBehavior {
    /// The fallback count.
    #[default]
    Static,
    /// The present count.
    CurrentReplicas,
    /// The present count where it is higher, else the fallback count.
    CurrentReplicasIfHigher,
    /// The present count where it is lower, else the fallback count.
    CurrentReplicasIfLower,
}

/// The count a failing trigger leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct Fallback {
    /// So many failures in a row are borne; one more acts.
    pub failure_threshold: u32,
    /// The fallback count.
    pub replicas: u32,
    /// Whether the present count may stand in for it.
    pub behavior: FallbackBehavior,
}

/// How a scaled object is set.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct Config {
    /// What the trigger reads: a total over the pool.
    pub metric: Metric,
    /// How often the triggers are asked whether they are active. The HPA asks for their values at
    /// its own sync period, 15 s.
    pub polling_interval: Duration,
    /// Whether the HPA is given what the last poll found (`useCachedMetrics`).
    pub use_cached_metrics: bool,
    /// How long after its last activity the target may go to zero, or to its idle count.
    pub cooldown_period: Duration,
    /// The same for a target that has never been active, from its creation.
    pub initial_cooldown_period: Duration,
    /// The count without activity, in place of the least; less than `min-replica-count`.
    pub idle_replica_count: Option<u32>,
    /// Fewest pods; at 0 the target may sleep.
    pub min_replica_count: u32,
    /// Most pods.
    pub max_replica_count: u32,
    /// A trigger is active while its value is above this.
    pub activation_threshold: f64,
    /// Value per pod the HPA aims at.
    pub target_average_value: f64,
    /// What to do when a trigger fails; absent, the count is left alone.
    pub fallback: Option<Fallback>,
    /// Stabilization and rate limits of the HPA between one and many.
    pub behavior: Option<Behavior>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            metric: Metric::Concurrency,
            polling_interval: Duration::from_secs(30),
            use_cached_metrics: false,
            cooldown_period: Duration::from_secs(300),
            initial_cooldown_period: Duration::ZERO,
            idle_replica_count: None,
            min_replica_count: 0,
            max_replica_count: 100,
            activation_threshold: 0.0,
            target_average_value: 5.0,
            fallback: None,
            behavior: None,
        }
    }
}

/// Whether a trigger is active: strictly above its activation threshold.
pub fn is_active(value: f64, activation_threshold: f64) -> bool {
    value > activation_threshold
}

/// The annotations an operator may set.
#[expect(clippy::struct_excessive_bools, reason = "four independent annotations")]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Annotations {
    /// Hold at this count.
    pub paused_replicas: Option<u32>,
    /// Hold at the count found.
    pub paused: bool,
    /// Do not go to zero or idle.
    pub pause_scale_in: bool,
    /// Do not wake.
    pub pause_scale_out: bool,
    /// Count as active whatever the triggers say.
    pub force_activation: bool,
}

/// What a poll finds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Poll {
    /// Pods in the target's spec.
    pub current: u32,
    /// Whether any trigger is active.
    pub active: bool,
    /// Whether any trigger failed.
    pub error: bool,
}

/// One scaled object: its settings, and when it was last active.
#[derive(Debug, Clone)]
pub struct ScaledObject {
    config: Config,
    annotations: Annotations,
    created_ns: u64,
    last_active_ns: Option<u64>,
}

impl ScaledObject {
    /// A scaled object created at `created_ns` that has never been active.
    pub fn new(config: Config, created_ns: u64) -> Self {
        Self { config, annotations: Annotations::default(), created_ns, last_active_ns: None }
    }

    /// The same with annotations, and last active at the time given.
    #[must_use]
    pub fn with(mut self, annotations: Annotations, last_active_ns: Option<u64>) -> Self {
        self.annotations = annotations;
        self.last_active_ns = last_active_ns;
        self
    }

    /// When it was last seen active.
    pub fn last_active_ns(&self) -> Option<u64> {
        self.last_active_ns
    }

    /// The count KEDA itself sets at a poll. Where it equals `current`, the HPA has the word.
    pub fn poll(&mut self, now_ns: u64, poll: Poll) -> u32 {
        if let Some(count) = self.annotations.paused_replicas {
            return count;
        }
        if self.annotations.paused {
            return poll.current;
        }
        if poll.active || self.annotations.force_activation {
            self.wake(now_ns, poll)
        } else {
            self.sleep(now_ns, poll)
        }
    }

    fn wake(&mut self, now_ns: u64, poll: Poll) -> u32 {
        let least = self.config.min_replica_count;
        let idling = self.config.idle_replica_count.is_some() && poll.current < least;
        if idling || poll.current == 0 {
            if self.annotations.pause_scale_out {
                return poll.current;
            }
            self.last_active_ns = Some(now_ns);
            return least.max(1);
        }
        if !poll.error {
            self.last_active_ns = Some(now_ns);
        }
        poll.current
    }

    fn sleep(&self, now_ns: u64, poll: Poll) -> u32 {
        let Config { min_replica_count: least, idle_replica_count: idle, .. } = self.config;
        let current = poll.current;
        // With a fallback the HPA needs a pod to act on; without one nothing is known.
        if poll.error && self.config.fallback.is_none_or(|fallback| fallback.replicas != 0) {
            return current;
        }
        if idle.is_some_and(|idle| current > idle) || (current > 0 && least == 0) {
            if self.annotations.pause_scale_in || !self.is_cool(now_ns) {
                return current;
            }
            return idle.unwrap_or(least);
        }
        if idle.is_none() { current.max(least) } else { current }
    }

    /// Whether the cooldown is over; both periods must have been exceeded, not just reached.
    fn is_cool(&self, now_ns: u64) -> bool {
        match self.last_active_ns {
            Some(last_ns) => last_ns + self.config.cooldown_period.0 < now_ns,
            None => self.created_ns + self.config.initial_cooldown_period.0 < now_ns,
        }
    }
}

/// A trigger's failures in a row, and the metric the HPA gets to see.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Health {
    failures: u32,
}

impl Health {
    /// A trigger that has failed so many times in a row.
    pub fn after(failures: u32) -> Self {
        Self { failures }
    }

    /// Failures in a row.
    pub fn failures(&self) -> u32 {
        self.failures
    }

    /// What the HPA sees of a reading: the value; after more failures than are borne, the value
    /// that leads it to the fallback count; or nothing.
    ///
    /// `target` is the trigger's average value per pod; `ready` is given for a target of type
    /// Value, which the HPA multiplies by the ready pods. Metrics are whole thousandths.
    pub fn observe(
        &mut self,
        reading: Option<f64>,
        fallback: Option<Fallback>,
        target: f64,
        current: u32,
        ready: Option<u32>,
    ) -> Option<f64> {
        if let Some(value) = reading {
            self.failures = 0;
            return Some(value);
        }
        self.failures += 1;
        let fallback = fallback.filter(|fallback| self.failures > fallback.failure_threshold)?;
        let replicas = match fallback.behavior {
            FallbackBehavior::Static => fallback.replicas,
            FallbackBehavior::CurrentReplicas => current,
            FallbackBehavior::CurrentReplicasIfHigher => current.max(fallback.replicas),
            FallbackBehavior::CurrentReplicasIfLower => current.min(fallback.replicas),
        };
        let value = target * f64::from(replicas);
        let value = match ready {
            None => value,
            Some(0) => return None,
            Some(ready) => value / f64::from(ready),
        };
        Some((value * 1000.0).trunc() / 1000.0)
    }
}

impl Variant<dyn Autoscaler> for Scaler {
    const NAME: &'static str = "keda";
    type Config = Config;

    fn check(config: &Config) -> Result<(), Problem> {
        let target = config.target_average_value;
        super::positive("target-average-value", target, "a pod must be meant to bear something")?;
        if target < 0.001 {
            let message = format!("`target-average-value` = {target} is below a thousandth");
            return Err(Problem::about("target-average-value", message)
                .help("write 0.001 or more: KEDA tells thousandths apart"));
        }
        if config.metric.is_share() {
            let message = "a share of what servers have is no total to divide among pods";
            return Err(Problem::about("metric", message)
                .help("look at `concurrency`, `queue` or `rate`, or use `hpa`"));
        }
        if let Some(idle) = config.idle_replica_count
            && idle >= config.min_replica_count
        {
            let message = format!("`idle-replica-count` = {idle} must be below the least count");
            return Err(Problem::about("idle-replica-count", message)
                .help("set it to 0, or raise `min-replica-count`"));
        }
        let (min, max) = (config.min_replica_count, config.max_replica_count);
        super::bounds("min-replica-count", min, "max-replica-count", max)
    }

    fn build(config: &Config, setup: &Setup<'_>) -> Result<Box<dyn Autoscaler>, Problem> {
        let scaler = Scaler::new(Config {
            min_replica_count: setup.min.unwrap_or(config.min_replica_count),
            max_replica_count: setup.max.unwrap_or(config.max_replica_count),
            ..config.clone()
        });
        Ok(Box::new(scaler.among(setup.kinds.len())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    #[test]
    fn the_cooldown_must_be_exceeded_and_not_just_reached() {
        let mut object = ScaledObject::new(Config::default(), 0)
            .with(Annotations::default(), Some(1000 * SECOND));
        let quiet = Poll { current: 3, active: false, error: false };
        assert_eq!(object.poll(1300 * SECOND, quiet), 3);
        assert_eq!(object.poll(1300 * SECOND + 1, quiet), 0);
    }

    #[test]
    fn activity_wakes_to_the_least_count_and_is_remembered() {
        let config = Config { min_replica_count: 2, ..Config::default() };
        let mut object = ScaledObject::new(config, 0);
        assert_eq!(object.poll(7, Poll { current: 0, active: true, error: false }), 2);
        assert_eq!(object.last_active_ns(), Some(7));
    }

    #[test]
    fn a_value_at_the_threshold_is_not_active() {
        assert!(!is_active(5.0, 5.0));
        assert!(is_active(5.1, 5.0));
    }
}
