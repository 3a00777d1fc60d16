//! Azure Monitor autoscale.
//!
//! *What it does*: rules on a metric's average, each with an operator, a threshold and a change.
//! Servers are added when any outward rule fires, removed only when all inward rules agree; before
//! removing, the average is projected on the servers that would remain, and as few are removed as
//! keeps every outward rule quiet ("flapping").
//!
//! *When it shines*: several metrics of which each alone may be a reason to grow.
//!
//! *When it fails*: thresholds that lie close together leave servers in place for ever, and the
//! projection takes the metric to be inversely proportional to the count, which latencies are not.
//!
//! *Source*: Azure Monitor documentation, "Understand autoscale settings", "Autoscale flapping" and
//! "Best practices for autoscale".

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Autoscaler, Manners, Metric, Setup, Signals, Target, ordered};
use crate::diagnose::Problem;
use crate::registry::Variant;
use crate::time::{Duration, Instant};

/// How the rules are set.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct Config {
    /// What is looked at.
    pub metric: Metric,
    /// Servers are added while the average is at or above this.
    pub out_threshold: f64,
    /// Servers are removed while the average is below this.
    pub in_threshold: f64,
    /// Servers added at once.
    pub out_by: u32,
    /// Servers removed at once, at most.
    pub in_by: u32,
    /// How long after a change nothing is done.
    pub cooldown: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            metric: Metric::Utilization,
            out_threshold: 0.7,
            in_threshold: 0.3,
            out_by: 1,
            in_by: 1,
            cooldown: Duration::from_secs(300),
        }
    }
}

/// The average on the servers that remain when `removed` of `instances` go; infinite for all.
pub fn projected_average(instances: u32, removed: u32, average: f64) -> f64 {
    average * f64::from(instances) / f64::from(instances.saturating_sub(removed))
}

/// The count after removing at most `by` servers, as few as keeps the projected average below the
/// outward threshold, and never the last.
pub fn scale_in(instances: u32, average: f64, out_threshold: f64, by: u32) -> u32 {
    let safe = |removed: &u32| projected_average(instances, *removed, average) < out_threshold;
    let removed = (1..=by.min(instances.saturating_sub(1))).rev().find(safe).unwrap_or(0);
    instances - removed
}

/// The rules at work.
#[derive(Debug, Clone)]
pub struct Azure {
    config: Config,
    acted_ns: Option<u64>,
}

impl Azure {
    /// Rules that have never acted.
    pub fn new(config: Config) -> Self {
        Self { config, acted_ns: None }
    }

    /// The count wanted now.
    pub fn decide(&mut self, now_ns: u64, instances: u32, average: f64) -> u32 {
        if self.acted_ns.is_some_and(|at_ns| now_ns - at_ns < self.config.cooldown.0) {
            return instances;
        }
        let decided = if average >= self.config.out_threshold {
            instances.saturating_add(self.config.out_by)
        } else if average < self.config.in_threshold {
            scale_in(instances, average, self.config.out_threshold, self.config.in_by)
        } else {
            instances
        };
        if decided != instances {
            self.acted_ns = Some(now_ns);
        }
        decided
    }
}

impl Variant<dyn Autoscaler> for Azure {
    const NAME: &'static str = "azure";
    type Config = Config;

    fn check(config: &Config) -> Result<(), Problem> {
        super::reachable("out-threshold", config.metric, config.out_threshold)?;
        ordered(("in-threshold", config.in_threshold), ("out-threshold", config.out_threshold))
    }

    fn build(config: &Config, _: &Setup<'_>) -> Result<Box<dyn Autoscaler>, Problem> {
        Ok(Box::new(Self::new(config.clone())))
    }
}

impl Autoscaler for Azure {
    fn target(&mut self, signals: &Signals<'_>) -> Target {
        let Some(value) = signals.seen().value(self.config.metric) else {
            return Target::blind(signals);
        };
        let servers = self.decide(signals.now.0, signals.counts.wanted(), value);
        let Config { out_threshold, in_threshold, .. } = self.config;
        Target::new(servers, format!("{value:.3}, rules at {in_threshold} and {out_threshold}"))
    }

    fn refused(&mut self, now: Instant) {
        // What was not done needs no cooldown.
        self.acted_ns = self.acted_ns.filter(|at_ns| *at_ns != now.0);
    }

    fn manners(&self) -> Manners {
        let window = Duration::from_secs(600);
        Manners {
            interval: super::WINDOW,
            window,
            longest: window,
            latency: self.config.metric == Metric::Latency,
            ..Manners::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_ten_servers_to_go_as_many_go_as_stay_safe() {
        assert_eq!(scale_in(30, 53.0, 60.0, 10), 27);
        assert_eq!(scale_in(1, 0.0, 60.0, 1), 1, "the last one stays");
    }

    #[test]
    fn a_change_is_followed_by_a_cooldown() {
        let mut rules = Azure::new(Config { cooldown: Duration(10), ..Config::default() });
        assert_eq!(rules.decide(0, 4, 0.9), 5);
        assert_eq!(rules.decide(9, 5, 0.9), 5);
        assert_eq!(rules.decide(10, 5, 0.2), 4);
    }

    #[test]
    fn a_change_that_was_not_made_needs_no_cooldown() {
        let mut rules = Azure::new(Config { cooldown: Duration(10), ..Config::default() });
        assert_eq!(rules.decide(0, 4, 0.9), 5);
        rules.refused(Instant(0));
        assert_eq!(rules.decide(1, 4, 0.9), 5, "there was no room, and then there was");
        rules.refused(Instant(0));
        assert_eq!(rules.decide(2, 5, 0.9), 5, "only the change of that instant is taken back");
    }
}
