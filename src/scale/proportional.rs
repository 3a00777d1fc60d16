//! Proportional to traffic: `S = S₀ + k · L`.
//!
//! *What it does*: a base of servers, and so many more for every unit of load.
//!
//! *When it shines*: the base carries what does not depend on traffic; two numbers fitted to last
//! month's data are often all a service needs.
//!
//! *When it fails*: as `capacity`: the line goes through the origin of the queue's trouble, since
//! waiting does not grow in proportion to load.
//!
//! *Source*: folklore.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Autoscaler, Manners, Setup, Signals, Target};
use crate::diagnose::Problem;
use crate::registry::Variant;

/// The line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct Config {
    /// `S₀`: servers without any load.
    pub base: f64,
    /// `k`: servers for one request a second.
    pub per_load: f64,
}

impl Default for Config {
    fn default() -> Self {
        Self { base: 1.0, per_load: 0.1 }
    }
}

/// The count wanted for a load of `L` requests a second, rounded up.
pub fn decide(config: &Config, load: f64) -> u32 {
    (config.base + config.per_load * load - 1e-9).ceil().max(0.0) as u32
}

/// The formula at work.
#[derive(Debug)]
pub struct Proportional(Config);

impl Variant<dyn Autoscaler> for Proportional {
    const NAME: &'static str = "proportional";
    type Config = Config;

    fn check(config: &Config) -> Result<(), Problem> {
        if config.per_load >= 0.0 && config.base.is_finite() && config.per_load.is_finite() {
            return Ok(());
        }
        let message = format!("`per-load` must be at least 0, not {}", config.per_load);
        Err(Problem::about("per-load", message).help("more load never needs fewer servers"))
    }

    fn build(config: &Config, _: &Setup<'_>) -> Result<Box<dyn Autoscaler>, Problem> {
        Ok(Box::new(Self(config.clone())))
    }
}

impl Autoscaler for Proportional {
    fn target(&mut self, signals: &Signals<'_>) -> Target {
        let Some(load) = signals.seen().rate() else { return Target::blind(signals) };
        let Config { base, per_load } = self.0;
        Target::new(decide(&self.0, load), format!("⌈{base} + {per_load} · {load:.2}⌉"))
    }

    fn manners(&self) -> Manners {
        Manners { wakes: true, ..Manners::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_base_stands_without_load() {
        let config = Config { base: 2.0, per_load: 0.05 };
        assert_eq!(decide(&config, 0.0), 2);
        assert_eq!(decide(&config, 100.0), 7);
        assert_eq!(decide(&config, 101.0), 8);
    }
}
