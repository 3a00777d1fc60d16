//! The Kubernetes Horizontal Pod Autoscaler, `autoscaling/v2`.
//!
//! *What it does*: every 15 s each metric proposes `ceil(ratio × pods)`, where the ratio is the
//! metric over its target; a ratio within the tolerance proposes no change. The largest proposal
//! wins, then stabilization windows, rate limits and bounds decide how much of it is done. Pods
//! that are unready or lack a sample are counted so that they damp the change.
//!
//! *When it shines*: stateless services whose load per pod is even and whose pods start within a
//! minute; it is everywhere, and everybody can read it.
//!
//! *When it fails*: utilization saturates at 1, so that a flash crowd is climbed by doubling;
//! start-up that takes longer than the sync period is met with more pods than needed, or, where
//! unready pods are counted as idle, with fewer; a queue is invisible to it.
//!
//! *Source*: `pkg/controller/podautoscaler` of Kubernetes, and its documentation.

pub mod behavior;
pub mod calculator;
pub mod scaler;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use self::scaler::Scaler;
use super::{Autoscaler, Metric, Setup};
use crate::diagnose::Problem;
use crate::registry::Variant;
use crate::time::Duration;

/// How the value of a metric is held against its target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum TargetType {
    /// A share of what each pod requests (`Resource`, type `Utilization`).
    Utilization,
    /// The mean over the samples of pods (`Pods`, type `AverageValue`).
    PodAverage,
    /// The total over the pods there are, those that start included (`Object` and `External`,
    /// type `AverageValue`): `ceil(total / target)`.
    AverageValue,
    /// The value as it is (`Object` and `External`, type `Value`): its ratio to the target
    /// multiplies the pods that are ready.
    Value,
}

impl TargetType {
    /// Whether the metric exists where there is no pod.
    pub fn is_without_pods(self) -> bool {
        matches!(self, Self::AverageValue | Self::Value)
    }
}

/// A metric and the value of it that is aimed at.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct MetricTarget {
    /// What is looked at.
    pub metric: Metric,
    /// The value aimed at: a share of utilization, else so much per pod.
    pub target: f64,
    /// How the two are compared; absent, as is usual for the metric.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_type: Option<TargetType>,
}

impl MetricTarget {
    /// How the value is held against the target: as set, else a share for resources, the mean over
    /// pods for what each of them can tell, the total over the pods for a queue, which no pod
    /// knows, and the value itself for latency and errors.
    pub fn comparison(&self) -> TargetType {
        self.target_type.unwrap_or(match self.metric {
            Metric::Utilization | Metric::Cpu | Metric::Memory => TargetType::Utilization,
            Metric::Concurrency | Metric::Rate | Metric::Tokens => TargetType::PodAverage,
            Metric::Queue => TargetType::AverageValue,
            Metric::Latency | Metric::Errors => TargetType::Value,
        })
    }

    /// The cores that the value of a pod is told in: those of a pod where it is a resource of it,
    /// else 1, by which nothing changes.
    fn cores(&self, of_pod: Option<Cores>) -> Cores {
        let is_processor = matches!(self.metric, Metric::Utilization | Metric::Cpu);
        of_pod
            .filter(|_| is_processor && !self.comparison().is_without_pods())
            .unwrap_or(Cores::ONE)
    }

    /// The target as whole per cents of what a pod requests.
    fn percent(&self, cores: Cores) -> f64 {
        self.target * cores.limit / cores.requests * 100.0
    }

    fn check(&self, key: &'static str, cores: Option<Cores>) -> Result<(), Problem> {
        super::positive(key, self.target, "no fleet is large enough for a target of 0")?;
        super::reachable(key, self.metric, self.target)?;
        let cores = self.cores(cores);
        let is_of_pods = matches!(self.metric, Metric::Latency | Metric::Errors);
        let (wrong, help) = match self.comparison() {
            TargetType::Utilization if is_of_pods => {
                ("is no share of what a pod requests", "set `target-type` to `value`")
            }
            TargetType::Utilization if !self.metric.is_share() => (
                "is no share of what a pod requests",
                "set `target-type` to `average-value` or `value`",
            ),
            TargetType::PodAverage if is_of_pods => {
                ("is told by no single pod", "set `target-type` to `value`")
            }
            TargetType::AverageValue if self.metric.is_share() => (
                "is a share, and no total that could be divided among pods",
                "leave `target-type` out, or set it to `value`",
            ),
            comparison => return self.is_told_apart(key, comparison, cores),
        };
        let name = serde_json::to_value(self.metric).unwrap_or_default();
        let message = format!("the metric `{}` {wrong}", name.as_str().unwrap_or_default());
        Err(Problem::about(key, message).help(help))
    }

    /// Refuses a target that would be rounded up to the least there is.
    fn is_told_apart(
        &self,
        key: &'static str,
        comparison: TargetType,
        cores: Cores,
    ) -> Result<(), Problem> {
        let (steps, step) = if comparison == TargetType::Utilization {
            (self.percent(cores), "1 % of what a pod requests")
        } else {
            (self.target * cores.limit * 1000.0, "a thousandth")
        };
        if steps > 1.0 - 1e-9 {
            return Ok(());
        }
        let message = format!("`{key}` = {} is below {step}, the least it can be", self.target);
        Err(Problem::about(key, message).help(format!("write {} or more", self.target / steps)))
    }

    /// Says that by this target no server is ever added: where servers that are full are within the
    /// tolerance.
    fn is_never_exceeded(&self, cores: Option<Cores>, up: f64) -> Option<String> {
        if self.metric != Metric::Utilization {
            return None;
        }
        let cores = self.cores(cores);
        let (ratio, target) = if self.comparison() == TargetType::Utilization {
            let full = (100.0 * cores.limit / cores.requests).floor();
            let most = ((full / (1.0 + up)).ceil() - 1.0).max(1.0);
            (full / self.percent(cores).round(), most * cores.requests / cores.limit / 100.0)
        } else {
            (1.0 / self.target, (1000.0 / (1.0 + up)).floor() / 1000.0)
        };
        (ratio <= 1.0 + up).then(|| {
            format!(
                "`hpa` never adds a server by its target of {}: servers that are full are within \
                 the tolerance of {up} around it; a target of {:.4} is exceeded by them",
                self.target, target
            )
        })
    }
}

/// The processor of a pod, in cores.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Cores {
    /// What it requests: utilization is whole per cents of it.
    pub requests: f64,
    /// What it uses when all its slots are busy: targets are shares of it.
    pub limit: f64,
}

impl Cores {
    /// What is requested is what there is.
    const ONE: Self = Self { requests: 1.0, limit: 1.0 };

    fn check(self) -> Result<(), Problem> {
        if self.requests > 0.0 && self.requests <= self.limit && self.limit.is_finite() {
            return Ok(());
        }
        let Self { requests, limit } = self;
        let message = format!("a pod cannot request {requests} cores of {limit}");
        Err(Problem::about("cores", message).help("`requests` must be above 0 and within `limit`"))
    }
}

use self::behavior::{Behavior, Bounds, Events, Limit, Recommendation, Rules};
use self::calculator::Tolerances;

/// How the controller is set.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct Config {
    /// What is looked at.
    pub metric: Metric,
    /// The value aimed at: a share of utilization, else so much per pod.
    pub target: f64,
    /// How the two are compared: `utilization` (a share of the request), `pod-average` (the mean
    /// over pods), `average-value` (the total over the pods), `value` (the value itself). Absent,
    /// as is usual for the metric.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target_type: Option<TargetType>,
    /// What a pod requests and what it can use, e.g. `{ requests = 0.5, limit = 2 }`: utilization
    /// is whole per cents of the former. Absent, it requests all it can use.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cores: Option<Cores>,
    /// Further metrics, e.g. `[{ metric = "queue", target = 5 }]`; the largest proposal wins.
    pub also: Vec<MetricTarget>,
    /// Fewest pods. 0 needs `scale-to-zero` and a metric that exists without pods.
    pub min_replicas: u32,
    /// Most pods.
    pub max_replicas: u32,
    /// How often the controller looks (`--horizontal-pod-autoscaler-sync-period`).
    pub sync_period: Duration,
    /// The band around the target in which nothing happens.
    pub tolerance: Tolerances,
    /// Stabilization and rate limits. Absent: the older path, which remembers the largest
    /// recommendation of `downscale-stabilization` and at most doubles the count.
    pub behavior: Option<Behavior>,
    /// How long the largest recommendation is remembered where no window is set.
    pub downscale_stabilization: Duration,
    /// How long after its start a pod's processor samples are distrusted.
    pub cpu_initialization_period: Duration,
    /// A pod unready since so shortly after its start has never been ready.
    pub initial_readiness_delay: Duration,
    /// The feature gate `HPAScaleToZero`.
    pub scale_to_zero: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            metric: Metric::Utilization,
            target: 0.8,
            target_type: None,
            cores: None,
            also: Vec::new(),
            min_replicas: 1,
            max_replicas: 10,
            sync_period: Duration::from_secs(15),
            tolerance: Tolerances::default(),
            behavior: None,
            downscale_stabilization: Duration::from_secs(300),
            cpu_initialization_period: Duration::from_secs(300),
            initial_readiness_delay: Duration::from_secs(30),
            scale_to_zero: false,
        }
    }
}

impl Config {
    /// The tolerances with those of `behavior` in place of the controller's.
    pub fn tolerances(&self) -> Tolerances {
        let behavior = self.behavior.as_ref();
        let up = behavior.and_then(|rules| rules.scale_up.tolerance);
        let down = behavior.and_then(|rules| rules.scale_down.tolerance);
        Tolerances {
            up: up.unwrap_or(self.tolerance.up),
            down: down.unwrap_or(self.tolerance.down),
        }
    }

    /// All metrics, the first one first.
    pub fn metrics(&self) -> Vec<MetricTarget> {
        let &Self { metric, target, target_type, .. } = self;
        let first = MetricTarget { metric, target, target_type };
        std::iter::once(first).chain(self.also.iter().copied()).collect()
    }

    fn bounds(&self) -> Bounds {
        let count = |replicas| i32::try_from(replicas).unwrap_or(i32::MAX);
        Bounds { min: count(self.min_replicas), max: count(self.max_replicas) }
    }
}

/// The largest proposal. Nothing, where every metric failed, or where some failed and the others
/// would go down: a broken metric blocks a scale-down, never a scale-up.
pub fn largest<E>(proposals: &[Result<i32, E>], spec_replicas: i32) -> Option<i32> {
    let largest = proposals.iter().filter_map(|proposal| proposal.as_ref().ok()).max().copied()?;
    let failed = proposals.iter().any(Result::is_err);
    (!failed || largest >= spec_replicas).then_some(largest)
}

/// What one evaluation rested on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Path {
    /// The count was set to 0 by hand: nothing is done until it is raised by hand.
    Disabled,
    /// The count lay outside the bounds: it is brought back, whatever the metrics say.
    Bounds,
    /// The metrics.
    Metrics,
    /// No usable metric: the count stays.
    Error,
}

/// The outcome of one evaluation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decision {
    /// The new count of the spec.
    pub replicas: i32,
    /// What it rests on.
    pub path: Path,
    /// What held it back, on the path of the metrics.
    pub limit: Option<Limit>,
}

/// The controller of one target: its settings and what it remembers.
#[derive(Debug, Clone)]
pub struct Hpa {
    config: Config,
    rules: Option<(Rules, Rules)>,
    /// Set at the first evaluation; `Some` but empty only where a test says so.
    history: Option<Vec<Recommendation>>,
    events: Events,
    scaled_to_zero: bool,
}

impl Hpa {
    /// A controller that has seen nothing. Its first evaluation remembers the count it finds, so
    /// that it cannot scale down for one window.
    pub fn new(config: Config) -> Self {
        let rules = config.behavior.as_ref().map(|behavior| {
            (
                behavior.scale_up.resolve_up(),
                behavior.scale_down.resolve_down(config.downscale_stabilization.0),
            )
        });
        Self { config, rules, history: None, events: Events::default(), scaled_to_zero: false }
    }

    /// The same controller with a past: its recommendations, and whether it was it that scaled
    /// to zero.
    #[must_use]
    pub fn with_past(mut self, history: Option<Vec<Recommendation>>, scaled_to_zero: bool) -> Self {
        self.history = history;
        self.scaled_to_zero = scaled_to_zero;
        self
    }

    /// One evaluation: `proposals` holds one entry a metric, `without_pods` says whether any of
    /// them exists without pods (an object or external metric).
    pub fn reconcile<E>(
        &mut self,
        now_ns: u64,
        spec_replicas: i32,
        proposals: &[Result<i32, E>],
        without_pods: bool,
    ) -> Decision {
        let seed = Recommendation { replicas: spec_replicas, at_ns: now_ns };
        self.history.get_or_insert_with(|| vec![seed]);
        let bounds = self.config.bounds();
        let outside = |replicas| Decision { replicas, path: Path::Bounds, limit: None };
        let by_hpa = self.config.scale_to_zero && self.scaled_to_zero;
        let decision = if spec_replicas == 0 {
            if by_hpa && (without_pods || bounds.min > 0) {
                self.by_metrics(now_ns, spec_replicas, proposals)
            } else {
                Decision { replicas: 0, path: Path::Disabled, limit: None }
            }
        } else if spec_replicas > bounds.max {
            outside(bounds.max)
        } else if spec_replicas < bounds.min {
            outside(bounds.min)
        } else {
            self.by_metrics(now_ns, spec_replicas, proposals)
        };
        self.remember(now_ns, spec_replicas, decision.replicas, without_pods);
        decision
    }

    fn by_metrics<E>(
        &mut self,
        now_ns: u64,
        current: i32,
        proposals: &[Result<i32, E>],
    ) -> Decision {
        let Some(desired) = largest(proposals, current) else {
            return Decision { replicas: current, path: Path::Error, limit: None };
        };
        let desired = desired.max(0);
        let bounds = self.config.bounds();
        let history = self.history.get_or_insert_default();
        let (mut replicas, limit) = match &self.rules {
            None => {
                let window_ns = self.config.downscale_stabilization.0;
                let stable = behavior::stabilize_legacy(history, desired, window_ns, now_ns);
                behavior::clamp_legacy(current, stable, bounds)
            }
            Some((up, down)) => {
                let (up_ns, down_ns) = (up.window_ns, down.window_ns);
                let stable = behavior::stabilize(history, current, desired, up_ns, down_ns, now_ns);
                behavior::limit_rate(current, stable, bounds, &self.events, (up, down), now_ns)
            }
        };
        if current == 0 {
            // The least count was raised above 0 while the target slept.
            replicas = replicas.max(bounds.min);
        }
        Decision { replicas, path: Path::Metrics, limit: Some(limit) }
    }

    /// Records a change that is carried out.
    fn remember(&mut self, now_ns: u64, from: i32, to: i32, without_pods: bool) {
        if from == to {
            return;
        }
        if let Some((up, down)) = &self.rules {
            if to > from {
                behavior::store_event(&mut self.events.up, to - from, up, now_ns);
            } else {
                behavior::store_event(&mut self.events.down, from - to, down, now_ns);
            }
        }
        self.scaled_to_zero =
            self.config.scale_to_zero && to == 0 && self.config.min_replicas == 0 && without_pods;
    }
}

impl Variant<dyn Autoscaler> for Scaler {
    const NAME: &'static str = "hpa";
    type Config = Config;

    fn check(config: &Config) -> Result<(), Problem> {
        config.cores.map_or(Ok(()), Cores::check)?;
        for (number, metric) in config.metrics().iter().enumerate() {
            metric.check(if number == 0 { "target" } else { "also" }, config.cores)?;
        }
        for (key, tolerance) in [("up", config.tolerance.up), ("down", config.tolerance.down)] {
            if !(tolerance.is_finite() && tolerance >= 0.0) {
                let message = format!("`tolerance.{key}` must be 0 or more, not {tolerance}");
                return Err(Problem::about("tolerance", message).help("0.1 is the default"));
            }
        }
        super::bounds("min-replicas", config.min_replicas, "max-replicas", config.max_replicas)
    }

    fn build(config: &Config, setup: &Setup<'_>) -> Result<Box<dyn Autoscaler>, Problem> {
        let config = Config {
            min_replicas: setup.min.unwrap_or(config.min_replicas),
            max_replicas: setup.max.unwrap_or(config.max_replicas),
            ..config.clone()
        };
        super::bounds("min-replicas", config.min_replicas, "max-replicas", config.max_replicas)?;
        Ok(Box::new(Scaler::new(config).among(setup.kinds.len())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    fn ask(hpa: &mut Hpa, second: u64, from: i32, wanted: i32) -> i32 {
        hpa.reconcile::<()>(second * SECOND, from, &[Ok(wanted)], false).replicas
    }

    #[test]
    fn a_fresh_controller_cannot_scale_down_for_one_window() {
        let mut hpa = Hpa::new(Config::default());
        assert_eq!(ask(&mut hpa, 1000, 8, 2), 8);
        assert_eq!(ask(&mut hpa, 1300, 8, 2), 8, "an entry exactly as old still counts");
        assert_eq!(ask(&mut hpa, 1301, 8, 2), 2);
    }

    #[test]
    fn the_documented_ten_percent_a_minute_takes_eighty_pods_to_72_and_64() {
        let policy = behavior::Policy {
            r#type: behavior::PolicyType::Percent,
            value: 10,
            period: Duration(60 * SECOND),
        };
        let scale_down = behavior::ScalingRules {
            stabilization_window: Some(Duration::ZERO),
            policies: Some(vec![policy]),
            ..Default::default()
        };
        let behavior = Behavior { scale_down, ..Default::default() };
        let config = Config { max_replicas: 100, behavior: Some(behavior), ..Default::default() };
        let mut hpa = Hpa::new(config);
        assert_eq!(ask(&mut hpa, 1000, 80, 10), 72);
        assert_eq!(ask(&mut hpa, 1015, 72, 10), 72, "the period's share is used up");
        assert_eq!(ask(&mut hpa, 1060, 72, 10), 64);
    }

    #[test]
    fn a_broken_metric_blocks_the_way_down_and_not_the_way_up() {
        assert_eq!(largest(&[Ok(4), Err(())], 3), Some(4));
        assert_eq!(largest(&[Ok(2), Err(())], 3), None);
        assert_eq!(largest::<()>(&[], 3), None);
    }
}
