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

/// The thresholds and steps.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct Config {
    /// Servers are added while the metric is above this.
    pub above: f64,
    /// Servers are removed while the metric is below this.
    pub below: f64,
    /// Servers added at once.
    pub add: u32,
    /// Servers removed at once.
    pub remove: u32,
    /// Fewest servers.
    pub min: u32,
    /// Most servers.
    pub max: u32,
}

impl Default for Config {
    fn default() -> Self {
        Self { above: 0.8, below: 0.3, add: 1, remove: 1, min: 1, max: 100 }
    }
}

/// The count wanted at a value of the metric; without data, the present one.
pub fn decide(config: &Config, current: u32, metric: Option<f64>) -> u32 {
    let wanted = match metric {
        Some(value) if value > config.above => current.saturating_add(config.add),
        Some(value) if value < config.below => current.saturating_sub(config.remove),
        _ => current,
    };
    wanted.min(config.max).max(config.min)
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

    #[test]
    fn the_bounds_hold_even_for_a_count_outside_them() {
        let config = Config { min: 2, max: 4, ..Config::default() };
        assert_eq!(decide(&config, 9, Some(0.5)), 4);
        assert_eq!(decide(&config, 2, Some(0.0)), 2);
    }
}
