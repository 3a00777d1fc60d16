//! Retries are at most a share of the attempts under way.
//!
//! **What it does.** A retry is let through while there are fewer retries under way (waiting for
//! their time, or sent) than `share` of all attempts under way, or fewer than `least`.
//! **When it shines.** It needs no clock and no rate; a share of 0 with `least = 3` is a fixed
//! limit.
//! **When it fails.** An overloaded fleet has many attempts under way, and so many retries: under
//! lasting overload it adds up to `share` to the load, no more.
//! **Source.** Envoy's circuit breaker: `retry_budget` (20 %, at least 3), and `max_retries` = 3
//! where there is none.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Budget;
use crate::diagnose::Problem;
use crate::registry::Variant;
use crate::time::Instant;
use crate::units::Share;

/// Options.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct Config {
    /// Retries as a share of the attempts under way, at most 1.
    share: Share,
    /// So many retries are let through in any case.
    least: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self { share: Share(0.2), least: 3 }
    }
}

/// The budget.
#[derive(Debug)]
pub struct ShareOfActive(Config);

impl Variant<dyn Budget> for ShareOfActive {
    const NAME: &'static str = "share-of-active";
    type Config = Config;
    fn build(config: &Config, (): &()) -> Result<Box<dyn Budget>, Problem> {
        Ok(Box::new(Self(config.clone())))
    }
}

impl Budget for ShareOfActive {
    fn allows(&mut self, _: Instant, active: u64, retries: u64) -> bool {
        let most = self.0.share.part_of(active);
        retries < most.max(self.0.least)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fifth_of_what_is_under_way_and_three_in_any_case() {
        let mut budget = ShareOfActive(Config::default());
        let mut allows = |active, retries| budget.allows(Instant::START, active, retries);
        assert!(allows(0, 0) && allows(5, 2) && !allows(5, 3));
        assert!(allows(100, 19) && !allows(100, 20));
    }
}
