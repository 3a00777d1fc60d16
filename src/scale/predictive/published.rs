//! What published predictive autoscalers compute: AWS predictive scaling, and the predictive
//! horizontal pod autoscaler. Checked case by case in `tests/it/decisions/`.

use std::cmp::Ordering;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::scale::hpa::behavior::{Bounds, Events, Rules, down_limit, up_limit};
use crate::time::Duration;

/// What a forecast above the largest count does to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum MaxBreach {
    /// Nothing: it holds.
    #[default]
    HonorMaxCapacity,
    /// It is raised to the forecast and a buffer.
    IncreaseMaxCapacity,
}

/// How AWS's predictive scaling is set.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct Config {
    /// Load one server is meant to carry, in the unit of the forecast.
    pub load_per_server: f64,
    /// How much before the hour its count is set, less than an hour.
    pub scheduling_buffer: Duration,
    /// What a forecast above the largest count does to it.
    pub max_breach: MaxBreach,
    /// The buffer above such a forecast, in percent of it.
    pub max_buffer_percent: f64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            load_per_server: 1.0,
            scheduling_buffer: Duration::from_secs(300),
            max_breach: MaxBreach::HonorMaxCapacity,
            max_buffer_percent: 0.0,
        }
    }
}

/// Rounds up a count that is meant to be whole, which a forecast in floating point may miss.
pub fn whole_up(count: f64) -> u32 {
    (count - 1e-9).ceil().max(0.0) as u32
}

/// The largest count while a forecast holds: raised only by a forecast at or above it.
pub fn effective_max(max: u32, forecast: f64, breach: MaxBreach, buffer_percent: f64) -> u32 {
    match breach {
        MaxBreach::IncreaseMaxCapacity if forecast >= f64::from(max) => {
            whole_up(forecast * (1.0 + buffer_percent / 100.0))
        }
        _ => max,
    }
}

/// The count at the start of an hour with this forecast of load: raised where it is lower, never
/// lowered.
pub fn raise_to(current: u32, load: f64, config: &Config, max: u32) -> u32 {
    let forecast = load / config.load_per_server;
    let max = effective_max(max, forecast, config.max_breach, config.max_buffer_percent);
    current.max(whole_up(forecast).min(max))
}

/// Which of several candidate counts is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum DecisionType {
    /// The largest: safe.
    #[default]
    Maximum,
    /// The smallest.
    Minimum,
    /// The mean, halves away from zero.
    Mean,
    /// The middle one; of two, their mean cut to a whole number.
    Median,
}

/// The candidate taken; 0 without any.
pub fn choose(candidates: &[i32], by: DecisionType) -> i32 {
    if candidates.is_empty() {
        return 0;
    }
    let mut sorted = candidates.to_vec();
    sorted.sort_unstable();
    let (count, middle) = (sorted.len(), sorted.len() / 2);
    match by {
        DecisionType::Maximum => sorted[count - 1],
        DecisionType::Minimum => sorted[0],
        DecisionType::Mean => {
            let sum: i64 = sorted.iter().copied().map(i64::from).sum();
            (sum as f64 / count as f64).round() as i32
        }
        DecisionType::Median if count % 2 == 1 => sorted[middle],
        DecisionType::Median => {
            let pair = i64::from(sorted[middle - 1]) + i64::from(sorted[middle]);
            (pair / 2) as i32
        }
    }
}

/// The count the predictive horizontal pod autoscaler allows on the way to `target`.
///
/// Its rules are the HPA's but for one thing: the bounds are enforced at the end, on both sides.
/// The recommendations of each direction's window are given pruned to it.
pub fn limit_predicted(
    current: i32,
    target: i32,
    bounds: Bounds,
    (up_history, down_history): (&[i32], &[i32]),
    events: &Events,
    (up, down): (&Rules, &Rules),
    now_ns: u64,
) -> i32 {
    let lowest = up_history.iter().copied().fold(target, i32::min);
    let highest = down_history.iter().copied().fold(target, i32::max);
    let stable = current.max(lowest).min(highest);
    let limited = match stable.cmp(&current) {
        Ordering::Greater => stable.min(up_limit(current, events, up, now_ns).max(current)),
        Ordering::Less => stable.max(down_limit(current, events, down, now_ns).min(current)),
        Ordering::Equal => stable,
    };
    limited.max(bounds.min).min(bounds.max)
}

/// The entries of a history younger than the window, strictly.
pub fn prune<T: Copy>(history: &[(u64, T)], window_ns: u64, now_ns: u64) -> Vec<(u64, T)> {
    history.iter().copied().filter(|(at_ns, _)| at_ns + window_ns > now_ns).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_forecast_only_ever_raises_the_count() {
        let config = Config { load_per_server: 10.0, ..Config::default() };
        assert_eq!(raise_to(4, 95.0, &config, 20), 10);
        assert_eq!(raise_to(12, 95.0, &config, 20), 12);
        assert_eq!(raise_to(4, 950.0, &config, 20), 20, "the largest count is honoured");
    }
}
