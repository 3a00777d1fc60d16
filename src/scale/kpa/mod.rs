//! The Knative Pod Autoscaler.
//!
//! *What it does*: every 2 s it asks for `ceil(concurrency / target)` pods, the concurrency being
//! averaged over a stable window of 60 s and over a panic window of 6 s. When the panic window
//! alone asks for twice the pods that are ready, it panics: the larger of the two counts, never
//! fewer than before, until a stable window has passed without. It scales to zero and holds
//! requests at an activator meanwhile.
//!
//! *When it shines*: request-driven services with bursts and idle hours; concurrency sees a queue
//! form where utilization is already at its ceiling.
//!
//! *When it fails*: pods that take longer to start than a panic window make it ask again and again
//! for pods that are on their way; work that is not requests is invisible.
//!
//! *Source*: `pkg/autoscaler` and `pkg/reconciler/autoscaling/kpa` of Knative Serving.

pub mod scaler;
pub mod window;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use self::scaler::Scaler;
use super::{Autoscaler, Setup};
use crate::diagnose::Problem;
use crate::registry::Variant;
use crate::time::Duration;

use self::window::MaxTimeWindow;

/// The interval of the real autoscaler, and the granularity of its scale-down delay.
pub const TICK_NS: u64 = 2_000_000_000;
/// The least target a pod may be given.
const LEAST_TARGET: f64 = 0.01;

/// What is scaled on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Metric {
    /// Requests in flight.
    #[default]
    Concurrency,
    /// Requests a second.
    Rps,
}

/// How the autoscaler is set: the cluster's config map and a revision's annotations.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct Config {
    /// What is scaled on.
    pub metric: Metric,
    /// Requests a pod may serve at once: `containerConcurrency`. 0 is without limit, so that the
    /// target is the default one; absent, the slots of the pool.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub container_concurrency: Option<f64>,
    /// The annotation `target`: load per pod, in place of the default, at most
    /// `container-concurrency`.
    pub target: Option<f64>,
    /// The annotation `target-utilization-percentage`, as a share: in place of the default.
    pub target_utilization: Option<f64>,
    /// Concurrency per pod where neither a limit nor a target is set.
    pub container_concurrency_target_default: f64,
    /// The share of its concurrency a pod is meant to be at.
    pub container_concurrency_target_fraction: f64,
    /// Requests a second per pod where no target is set.
    pub rps_target_default: f64,
    /// The share of its rate a pod is meant to be at.
    pub rps_target_fraction: f64,
    /// The window of the stable average, 6 s to 1 h.
    pub stable_window: Duration,
    /// The panic window, as a share of the stable one.
    pub panic_window_fraction: f64,
    /// Panic when the panic window asks for so many times the ready pods.
    pub panic_threshold: f64,
    /// At most so many times the ready pods at once.
    pub max_scale_up_rate: f64,
    /// At least the ready pods over this at once.
    pub max_scale_down_rate: f64,
    /// Spare requests below which the activator stays in the path: -1 always, 0 only at zero pods.
    pub target_burst_capacity: f64,
    /// How long a lower count must be asked for before it is done.
    pub scale_down_delay: Duration,
    /// Pods of a new revision.
    pub initial_scale: u32,
    /// Fewest pods.
    pub min_scale: u32,
    /// Most pods; 0 is without limit.
    pub max_scale: u32,
    /// Fewest pods when there are any.
    pub activation_scale: u32,
    /// Whether the last pod may go.
    pub scale_to_zero: bool,
    /// How long the activator must have been in the path before the last pod goes.
    pub scale_to_zero_grace: Duration,
    /// How long the last pod is kept at least.
    pub last_pod_retention: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            metric: Metric::Concurrency,
            container_concurrency: None,
            target: None,
            target_utilization: None,
            container_concurrency_target_default: 100.0,
            container_concurrency_target_fraction: 0.7,
            rps_target_default: 200.0,
            rps_target_fraction: 0.7,
            stable_window: Duration::from_secs(60),
            panic_window_fraction: 0.1,
            panic_threshold: 2.0,
            max_scale_up_rate: 1000.0,
            max_scale_down_rate: 2.0,
            target_burst_capacity: 211.0,
            scale_down_delay: Duration::ZERO,
            initial_scale: 1,
            min_scale: 0,
            max_scale: 0,
            activation_scale: 1,
            scale_to_zero: true,
            scale_to_zero_grace: Duration::from_secs(30),
            last_pod_retention: Duration::ZERO,
        }
    }
}

/// The load per pod that is aimed at, and the load a pod can bear.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Target {
    /// Aimed at.
    pub target: f64,
    /// Borne.
    pub total: f64,
}

impl Config {
    /// The target of a pod, from limit, default and annotations.
    pub fn resolve_target(&self) -> Target {
        let (total, fraction) = match self.metric {
            Metric::Rps => {
                (self.target.unwrap_or(self.rps_target_default), self.rps_target_fraction)
            }
            Metric::Concurrency => {
                let limit = self.container_concurrency.unwrap_or(0.0);
                let total = match self.target {
                    // More than a container serves at once must not be aimed at.
                    Some(target) if limit > 0.0 => target.min(limit),
                    Some(target) => target,
                    None if limit > 0.0 => limit,
                    None => self.container_concurrency_target_default,
                };
                (total, self.container_concurrency_target_fraction)
            }
        };
        let fraction = self.target_utilization.unwrap_or(fraction);
        Target { target: (total * fraction).max(LEAST_TARGET), total }
    }

    /// The decider's part of the settings.
    pub fn spec(&self) -> Spec {
        let Target { target, total } = self.resolve_target();
        Spec {
            target_value: target,
            total_value: total,
            target_burst_capacity: self.target_burst_capacity,
            panic_threshold: self.panic_threshold,
            max_scale_up_rate: self.max_scale_up_rate,
            max_scale_down_rate: self.max_scale_down_rate,
            stable_window_ns: self.stable_window.0,
            reachable: true,
            activation_scale: i32::try_from(self.activation_scale).unwrap_or(i32::MAX),
            scale_down_delay_ns: self.scale_down_delay.0,
        }
    }

    /// The count within `min-scale` and `max-scale`. Until `initial-scale` has been reached once,
    /// it is the least.
    pub fn bounded(&self, desired: u32, initial_reached: bool) -> u32 {
        let least =
            if initial_reached { self.min_scale } else { self.min_scale.max(self.initial_scale) };
        let most = if self.max_scale == 0 { u32::MAX } else { self.max_scale.max(least) };
        desired.clamp(least, most)
    }
}

/// What the decider works with.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spec {
    /// Load per pod aimed at.
    pub target_value: f64,
    /// Load a pod can bear.
    pub total_value: f64,
    /// Spare load below which the activator stays in the path.
    pub target_burst_capacity: f64,
    /// Panic from this multiple of the ready pods.
    pub panic_threshold: f64,
    /// Most growth at once, as a multiple.
    pub max_scale_up_rate: f64,
    /// Most shrinking at once, as a divisor.
    pub max_scale_down_rate: f64,
    /// How long panic lasts after the last cause for it.
    pub stable_window_ns: u64,
    /// Whether any route leads here; an unreachable revision shrinks at once.
    pub reachable: bool,
    /// Fewest pods when there are any.
    pub activation_scale: i32,
    /// How long a lower count must be asked for; read at construction only.
    pub scale_down_delay_ns: u64,
}

/// The two averages of the metric.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Observed {
    /// Over the stable window.
    pub stable: f64,
    /// Over the panic window.
    pub panic: f64,
}

/// What one tick decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decision {
    /// Pods wanted, before bounds.
    pub desired_pods: i32,
    /// Spare load beyond the target burst; negative puts the activator into the path.
    pub excess_burst_capacity: i32,
}

/// The decider of one revision: stable and panic mode.
#[derive(Debug, Clone)]
pub struct Decider {
    spec: Spec,
    panic_since_ns: Option<u64>,
    max_panic_pods: i32,
    delay: Option<MaxTimeWindow>,
}

impl Decider {
    /// A decider without history. Over more than one pod it starts in panic, so that it cannot
    /// scale down before the windows have filled.
    pub fn new(spec: Spec, ready_pods: i32, now_ns: u64) -> Self {
        let delay_ns = spec.scale_down_delay_ns;
        Self {
            spec,
            panic_since_ns: (ready_pods > 1).then_some(now_ns),
            max_panic_pods: ready_pods,
            delay: (delay_ns > 0).then(|| MaxTimeWindow::new(delay_ns, TICK_NS)),
        }
    }

    /// Changes the settings under a running decider; its state stays.
    pub fn update(&mut self, spec: Spec) {
        self.spec = spec;
    }

    /// Since when it panics.
    pub fn panic_since_ns(&self) -> Option<u64> {
        self.panic_since_ns
    }

    /// The count held while it panics.
    pub fn max_panic_pods(&self) -> i32 {
        self.max_panic_pods
    }

    /// One tick. Without a count of pods or without data nothing is decided: the scale stays.
    pub fn decide(
        &mut self,
        now_ns: u64,
        ready_pods: Option<i32>,
        observed: Option<Observed>,
    ) -> Option<Decision> {
        let (ready_pods, observed) = (ready_pods?, observed?);
        let spec = self.spec;
        let ready = f64::from(ready_pods).max(1.0);
        // Rounded outwards, so that a rate near 1 still permits a step of one pod.
        let most = (spec.max_scale_up_rate * ready).ceil();
        let least = if spec.reachable { (ready / spec.max_scale_down_rate).floor() } else { 0.0 };
        let by_stable = (observed.stable / spec.target_value).ceil();
        let by_panic = (observed.panic / spec.target_value).ceil();
        let within = |pods: f64| {
            let limited = pods.max(least).min(most) as i32;
            if pods > 0.0 && spec.activation_scale > 1 {
                limited.max(spec.activation_scale)
            } else {
                limited
            }
        };

        self.panic_or_calm(now_ns, by_panic / ready >= spec.panic_threshold);
        let mut desired_pods = within(by_stable);
        if self.panic_since_ns.is_some() {
            desired_pods = desired_pods.max(within(by_panic)).max(self.max_panic_pods);
            self.max_panic_pods = desired_pods;
        }
        if let Some(delay) = &mut self.delay {
            delay.record(now_ns, desired_pods);
            desired_pods = delay.largest();
        }
        let excess = if spec.target_burst_capacity == 0.0 {
            0.0
        } else if spec.target_burst_capacity < 0.0 {
            -1.0
        } else {
            let capacity = f64::from(ready_pods) * spec.total_value;
            (capacity - spec.target_burst_capacity - observed.panic).floor()
        };
        Some(Decision { desired_pods, excess_burst_capacity: excess as i32 })
    }

    fn panic_or_calm(&mut self, now_ns: u64, over_threshold: bool) {
        if over_threshold {
            self.panic_since_ns = Some(now_ns);
        } else if let Some(since_ns) = self.panic_since_ns
            && since_ns + self.spec.stable_window_ns < now_ns
        {
            self.panic_since_ns = None;
            self.max_panic_pods = 0;
        }
    }
}

/// The last pod's departure: active for a stable window, then inactive for the grace period.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ZeroGate {
    /// Serving since then.
    Active {
        /// Since when.
        since_ns: u64,
    },
    /// Idle since then, with the activator in the path.
    Inactive {
        /// Since when.
        since_ns: u64,
    },
}

impl ZeroGate {
    /// The count to apply when `desired` is asked for; nothing when the present one stays.
    pub fn apply(&mut self, config: &Config, now_ns: u64, desired: u32) -> Option<u32> {
        if desired > 0 {
            if matches!(self, Self::Inactive { .. }) {
                *self = Self::Active { since_ns: now_ns };
            }
            return Some(desired);
        }
        if !config.scale_to_zero {
            return Some(1);
        }
        match *self {
            Self::Active { since_ns } if now_ns - since_ns < config.stable_window.0 => Some(1),
            Self::Active { .. } => {
                *self = Self::Inactive { since_ns: now_ns };
                None
            }
            Self::Inactive { since_ns } => {
                let wait_ns = config.scale_to_zero_grace.0.max(config.last_pod_retention.0);
                (now_ns - since_ns >= wait_ns).then_some(0)
            }
        }
    }
}

impl Variant<dyn Autoscaler> for Scaler {
    const NAME: &'static str = "kpa";
    type Config = Config;

    fn check(config: &Config) -> Result<(), Problem> {
        if let Some(target) = config.target {
            super::positive("target", target, "a pod must be meant to bear something")?;
        }
        if let Some(limit) = config.container_concurrency
            && !(limit.is_finite() && limit >= 0.0)
        {
            let message = format!("`container-concurrency` must be 0 or more, not {limit}");
            return Err(Problem::about("container-concurrency", message)
                .help("0 is without limit; leave it out for the slots of the pool"));
        }
        let seconds = config.stable_window.as_secs_f64();
        if !(6.0..=3600.0).contains(&seconds) {
            let message =
                format!("`stable-window` = {} is outside 6 s to 1 h", config.stable_window);
            return Err(Problem::about("stable-window", message).help("60s is the default"));
        }
        let fraction = config.panic_window_fraction;
        if !(0.01..=1.0).contains(&fraction) {
            let message = format!("`panic-window-fraction` = {fraction} is outside 0.01 to 1");
            return Err(Problem::about("panic-window-fraction", message).help("0.1 is the default"));
        }
        for (key, rate) in [
            ("max-scale-up-rate", config.max_scale_up_rate),
            ("max-scale-down-rate", config.max_scale_down_rate),
        ] {
            if !(rate.is_finite() && rate > 1.0) {
                let message = format!("`{key}` = {rate} must be above 1: it multiplies or divides");
                return Err(Problem::about(key, message).help("the defaults are 1000 and 2"));
            }
        }
        let most = if config.max_scale == 0 { u32::MAX } else { config.max_scale };
        super::bounds("min-scale", config.min_scale, "max-scale", most)
    }

    fn build(config: &Config, setup: &Setup<'_>) -> Result<Box<dyn Autoscaler>, Problem> {
        let slots = f64::from(setup.slots);
        Ok(Box::new(Scaler::new(Config {
            min_scale: setup.min.unwrap_or(config.min_scale),
            max_scale: setup.max.unwrap_or(config.max_scale),
            container_concurrency: Some(config.container_concurrency.unwrap_or(slots)),
            ..config.clone()
        })))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    #[test]
    fn the_last_pod_leaves_after_a_stable_window_and_the_grace_period() {
        let config = Config::default();
        let mut gate = ZeroGate::Active { since_ns: 0 };
        assert_eq!(gate.apply(&config, 10 * SECOND, 3), Some(3));
        assert_eq!(gate.apply(&config, 59 * SECOND, 0), Some(1), "not yet a stable window");
        assert_eq!(gate.apply(&config, 60 * SECOND, 0), None, "marked inactive");
        assert_eq!(gate.apply(&config, 89 * SECOND, 0), None, "the grace period");
        assert_eq!(gate.apply(&config, 90 * SECOND, 0), Some(0));
        assert_eq!(gate.apply(&config, 91 * SECOND, 2), Some(2));
        assert_eq!(gate, ZeroGate::Active { since_ns: 91 * SECOND });
    }

    #[test]
    fn the_initial_scale_is_the_least_until_it_was_reached() {
        let config = Config { initial_scale: 3, max_scale: 5, ..Config::default() };
        assert_eq!(config.bounded(1, false), 3);
        assert_eq!(config.bounded(1, true), 1);
        assert_eq!(config.bounded(9, true), 5);
    }
}
