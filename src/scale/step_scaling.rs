//! AWS step and simple scaling.
//!
//! *What it does*: an alarm on a metric starts an adjustment: so many servers, so many percent, or
//! an exact count. Step scaling picks the adjustment by how far the metric is past the alarm's
//! threshold and keeps answering while servers start; those count towards the next step, so that
//! the same breach adds nothing twice. Simple scaling knows one adjustment and then waits for a
//! cooldown.
//!
//! *When it shines*: where the operator knows what each level of trouble is worth, and wants to
//! read the answer in a table.
//!
//! *When it fails*: the table is tuned to one fleet size and one traffic; a metric that saturates
//! hides how large the trouble is.
//!
//! *Source*: Amazon EC2 Auto Scaling user guide, "Step and simple scaling policies".

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Autoscaler, Manners, Metric, Setup, Signals, Target, ordered};
use crate::diagnose::Problem;
use crate::registry::Variant;
use crate::time::{Duration, Instant};

/// What an adjustment is counted in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum AdjustmentType {
    /// Servers added or removed.
    #[default]
    ChangeInCapacity,
    /// The count itself.
    ExactCapacity,
    /// Percent of the present count.
    PercentChangeInCapacity,
}

/// One row of the table: where the metric may lie, relative to the threshold, and what is done.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Step {
    /// From here; absent in the row that reaches down without end.
    #[serde(default)]
    pub lower: Option<f64>,
    /// To here; absent in the row that reaches up without end.
    #[serde(default)]
    pub upper: Option<f64>,
    /// The adjustment.
    pub adjustment: f64,
}

impl Step {
    /// Whether the row is meant: above the threshold the lower edge belongs to it, below the
    /// threshold the upper one.
    fn holds(&self, breach: f64, direction: Direction) -> bool {
        let (lower, upper) =
            (self.lower.unwrap_or(f64::NEG_INFINITY), self.upper.unwrap_or(f64::INFINITY));
        match direction {
            Direction::Out => lower <= breach && breach < upper,
            Direction::In => lower < breach && breach <= upper,
        }
    }
}

/// Which way an alarm leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// More servers: the metric is at or above the threshold.
    Out,
    /// Fewer servers: the metric is at or below the threshold.
    In,
}

/// One alarm and its table.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct Policy {
    /// The alarm's threshold, in the metric's unit.
    pub threshold: f64,
    /// What the adjustments are counted in.
    pub adjustment_type: AdjustmentType,
    /// The least change of a percentage, in servers.
    pub min_adjustment_magnitude: u32,
    /// The table; rows must not overlap.
    pub steps: Vec<Step>,
}

/// How step scaling is set.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct Config {
    /// What is looked at.
    pub metric: Metric,
    /// The alarm above.
    pub out: Policy,
    /// The alarm below.
    pub r#in: Policy,
    /// How long a server is new: while any is, nothing is removed. Those that serve are part of
    /// the metric from their first request on.
    pub warm_up: Duration,
    /// Simple scaling: how long after an adjustment nothing is done. 0 is step scaling.
    pub cooldown: Duration,
    /// How many periods in a row the metric must breach before an alarm rings.
    pub evaluation_periods: u32,
}

impl Default for Config {
    fn default() -> Self {
        let policy = |threshold, adjustment, lower, upper| Policy {
            threshold,
            steps: vec![Step { lower, upper, adjustment }],
            ..Policy::default()
        };
        Self {
            metric: Metric::Utilization,
            out: policy(0.7, 1.0, Some(0.0), None),
            r#in: policy(0.3, -1.0, None, Some(0.0)),
            warm_up: Duration::from_secs(300),
            cooldown: Duration::ZERO,
            evaluation_periods: 1,
        }
    }
}

/// A percentage of servers as whole servers: towards zero, but at least one for any change.
pub fn round_percent_change(raw: f64) -> i64 {
    if raw == 0.0 {
        0
    } else if raw.abs() < 1.0 {
        raw.signum() as i64
    } else {
        raw.trunc() as i64
    }
}

/// The count after an adjustment, never negative.
pub fn adjust(capacity: u32, kind: AdjustmentType, adjustment: f64, magnitude: u32) -> u32 {
    let capacity = i64::from(capacity);
    let adjusted = match kind {
        AdjustmentType::ExactCapacity => adjustment as i64,
        AdjustmentType::ChangeInCapacity => capacity + adjustment as i64,
        AdjustmentType::PercentChangeInCapacity => {
            let change = round_percent_change(capacity as f64 * adjustment / 100.0);
            capacity + change.signum() * change.abs().max(i64::from(magnitude))
        }
    };
    adjusted.clamp(0, u32::MAX.into()) as u32
}

impl Policy {
    /// The count this alarm asks for at a value of the metric; nothing where it does not ring.
    ///
    /// `capacity` includes servers that still warm up. For a step *in* an exact count or a
    /// percentage that would raise the count is not meant, and the other way round.
    pub fn decide(&self, capacity: u32, metric: f64, direction: Direction) -> Option<u32> {
        let breach = metric - self.threshold;
        let rings = match direction {
            Direction::Out => breach >= 0.0,
            Direction::In => breach <= 0.0,
        };
        let step = self.steps.iter().find(|step| rings && step.holds(breach, direction))?;
        let magnitude = self.min_adjustment_magnitude;
        let wanted = adjust(capacity, self.adjustment_type, step.adjustment, magnitude);
        Some(match direction {
            Direction::Out => wanted.max(capacity),
            Direction::In => wanted.min(capacity),
        })
    }
}

/// The count of several policies that ask at once: the largest, out or in.
pub fn combine(wanted: &[u32]) -> Option<u32> {
    wanted.iter().max().copied()
}

/// Step or simple scaling: its settings, and what it remembers.
#[derive(Debug, Clone)]
pub struct StepScaling {
    config: Config,
    breaches: (u32, u32),
    acted_ns: Option<u64>,
}

/// What step scaling looks at.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Observed {
    /// The metric over the servers that are warm; absent without data.
    pub metric: Option<f64>,
    /// Servers wanted, those that start or warm up included.
    pub wanted: u32,
    /// Whether any server is younger than the warm-up.
    pub warming: bool,
}

impl StepScaling {
    /// Step scaling that has seen nothing.
    pub fn new(config: Config) -> Self {
        Self { config, breaches: (0, 0), acted_ns: None }
    }

    /// The count wanted now. Without data nothing is done.
    pub fn decide(&mut self, now_ns: u64, observed: Observed) -> u32 {
        let Observed { metric, wanted: capacity, warming } = observed;
        let Some(metric) = metric else { return capacity };
        let out = self.config.out.decide(capacity, metric, Direction::Out);
        let r#in = self.config.r#in.decide(capacity, metric, Direction::In);
        let count = |run: u32, rings: bool| if rings { run + 1 } else { 0 };
        self.breaches =
            (count(self.breaches.0, out.is_some()), count(self.breaches.1, r#in.is_some()));
        if self.acted_ns.is_some_and(|at_ns| now_ns - at_ns < self.config.cooldown.0) {
            return capacity;
        }
        let periods = self.config.evaluation_periods.max(1);
        let decided = match (out, r#in) {
            (Some(more), _) if self.breaches.0 >= periods => more,
            (None, Some(fewer)) if self.breaches.1 >= periods && !warming => fewer,
            _ => capacity,
        };
        if decided != capacity {
            self.acted_ns = Some(now_ns);
        }
        decided
    }
}

impl Variant<dyn Autoscaler> for StepScaling {
    const NAME: &'static str = "step-scaling";
    type Config = Config;

    fn check(config: &Config) -> Result<(), Problem> {
        for (key, policy) in [("out", &config.out), ("in", &config.r#in)] {
            if policy.steps.is_empty() {
                return Err(Problem::about(key, format!("`{key}` has no steps"))
                    .help("add e.g. `steps = [{ lower = 0, adjustment = 1 }]`"));
            }
        }
        super::reachable("out", config.metric, config.out.threshold)?;
        ordered(("in", config.r#in.threshold), ("out", config.out.threshold))
    }

    fn build(config: &Config, _: &Setup<'_>) -> Result<Box<dyn Autoscaler>, Problem> {
        Ok(Box::new(Self::new(config.clone())))
    }
}

impl Autoscaler for StepScaling {
    fn target(&mut self, signals: &Signals<'_>) -> Target {
        let metric = signals.seen().value(self.config.metric);
        let warming = signals.younger_than(self.config.warm_up) > 0;
        let wanted = signals.counts.wanted();
        let servers = self.decide(signals.now.0, Observed { metric, wanted, warming });
        let Some(value) = metric else { return Target::blind(signals) };
        let (low, high) = (self.config.r#in.threshold, self.config.out.threshold);
        Target::new(servers, format!("{value:.3}, alarms at {low} and {high}"))
    }

    fn refused(&mut self, now: Instant) {
        // What was not done needs no cooldown.
        self.acted_ns = self.acted_ns.filter(|at_ns| *at_ns != now.0);
    }

    fn manners(&self) -> Manners {
        let latency = self.config.metric == Metric::Latency;
        Manners { interval: super::WINDOW, latency, ..Manners::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(metric: f64, wanted: u32, warming: bool) -> Observed {
        Observed { metric: Some(metric), wanted, warming }
    }

    #[test]
    fn nothing_is_removed_while_a_server_warms_up() {
        let mut scaling = StepScaling::new(Config::default());
        assert_eq!(scaling.decide(0, seen(0.1, 5, true)), 5);
        assert_eq!(scaling.decide(1, seen(0.1, 5, false)), 4);
    }

    #[test]
    fn simple_scaling_waits_for_its_cooldown() {
        let mut scaling = StepScaling::new(Config { cooldown: Duration(10), ..Config::default() });
        assert_eq!(scaling.decide(0, seen(0.9, 5, false)), 6);
        assert_eq!(scaling.decide(9, seen(0.9, 6, false)), 6);
        assert_eq!(scaling.decide(10, seen(0.9, 6, false)), 7);
    }

    #[test]
    fn an_alarm_that_must_breach_twice_rings_the_second_time() {
        let mut scaling = StepScaling::new(Config { evaluation_periods: 2, ..Config::default() });
        assert_eq!(scaling.decide(0, seen(0.9, 5, false)), 5);
        assert_eq!(scaling.decide(1, seen(0.5, 5, false)), 5);
        assert_eq!(scaling.decide(2, seen(0.9, 5, false)), 5);
        assert_eq!(scaling.decide(3, seen(0.9, 5, false)), 6);
    }

    #[test]
    fn the_documented_rounding_of_percentages() {
        let rounded = [12.7, 0.67, -0.58, -6.67].map(round_percent_change);
        assert_eq!(rounded, [12, 1, -1, -6]);
    }
}
