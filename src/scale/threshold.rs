//! Two thresholds.
//!
//! *What it does*: above 80 % utilization it adds servers, below 30 % it removes them, between the
//! two it rests.
//!
//! *When it shines*: it is understood at a glance and hard to get wrong.
//!
//! *When it fails*: it moves by the same step however far off it is; thresholds so close that a
//! step carries the metric from one past the other make it swing for ever (from `n` servers that
//! is so where `above × n < below × (n + 1)`).
//!
//! *Source*: folklore; the first rule of every cloud's console.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Autoscaler, Manners, Metric, Setup, Signals, Target, ordered};
use crate::diagnose::Problem;
use crate::registry::Variant;

/// The thresholds and steps.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct Config {
    /// What is looked at.
    pub metric: Metric,
    /// Servers are added while the metric is above this.
    pub above: f64,
    /// Servers are removed while the metric is below this.
    pub below: f64,
    /// Servers added at once.
    pub add: u32,
    /// Servers removed at once.
    pub remove: u32,
}

impl Default for Config {
    fn default() -> Self {
        Self { metric: Metric::Utilization, above: 0.8, below: 0.3, add: 1, remove: 1 }
    }
}

/// The count wanted at a value of the metric; without data, the present one.
pub fn decide(config: &Config, current: u32, metric: Option<f64>) -> u32 {
    match metric {
        Some(value) if value > config.above => current.saturating_add(config.add),
        Some(value) if value < config.below => current.saturating_sub(config.remove),
        _ => current,
    }
}

/// The rule at work.
#[derive(Debug)]
pub struct Threshold(Config);

impl Variant<dyn Autoscaler> for Threshold {
    const NAME: &'static str = "threshold";
    type Config = Config;

    fn check(config: &Config) -> Result<(), Problem> {
        super::reachable("above", config.metric, config.above)?;
        if config.add == 0 {
            return Err(Problem::about("add", "`add` = 0 adds no server, however long it waits")
                .help("1 is the default"));
        }
        ordered(("below", config.below), ("above", config.above))
    }

    fn build(config: &Config, _: &Setup<'_>) -> Result<Box<dyn Autoscaler>, Problem> {
        Ok(Box::new(Self(config.clone())))
    }
}

impl Autoscaler for Threshold {
    fn target(&mut self, signals: &Signals<'_>) -> Target {
        let Some(value) = signals.seen().value(self.0.metric) else {
            return Target::blind(signals);
        };
        let Config { above, below, .. } = self.0;
        let why = match value {
            value if value > above => format!("{value:.3} > {above}"),
            value if value < below => format!("{value:.3} < {below}"),
            value => format!("{below} ≤ {value:.3} ≤ {above}"),
        };
        Target::new(decide(&self.0, signals.counts.wanted(), Some(value)), why)
    }

    fn manners(&self) -> Manners {
        Manners { latency: self.0.metric == Metric::Latency, ..Manners::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_metric_at_a_threshold_moves_nothing() {
        let config = Config::default();
        assert_eq!(decide(&config, 5, Some(0.8)), 5);
        assert_eq!(decide(&config, 5, Some(0.81)), 6);
        assert_eq!(decide(&config, 5, Some(0.3)), 5);
        assert_eq!(decide(&config, 5, Some(0.29)), 4);
        assert_eq!(decide(&config, 5, None), 5);
    }
}
