//! The first tier as long as it is healthy; what it cannot carry goes to the next.
//!
//! **What it does.** A tier's health is the share of its servers that can serve, times
//! `overprovisioning`, at most 100 %. Each tier in turn gets its health's part of what is left;
//! with all of them short, parts are scaled up to 100 %. Whole percents throughout. The policy
//! `inside` picks within the tier. O(tiers) beside it.
//! **When it shines.** A spare tier, region or cloud that takes over as servers fail.
//! **When it fails.** It reacts to health, not to load: see `spillover`.
//! **Source.** Envoy's priority levels, whose factor is 1.4: the first tier spills when it has less
//! than 71.4 % of its servers.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::levels::{Levels, forward_to_levels};
use super::{Balancer, Pick, Setup, Sight};
use crate::diagnose::Problem;
use crate::fleet::{Fleet, FleetChange, View};
use crate::model::{Completion, Request, ServerId};
use crate::registry::{Recipe, Variant};
use crate::rng::Stream;

/// Options.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct Config {
    /// How much more a tier is taken to carry than its healthy share, 1 or more.
    overprovisioning: f64,
    /// The policy within a tier.
    inside: Recipe<dyn Balancer>,
}

impl Default for Config {
    fn default() -> Self {
        Self { overprovisioning: 1.4, inside: inside() }
    }
}

/// The policy inside a level unless another is named.
pub(super) fn inside() -> Recipe<dyn Balancer> {
    Recipe::named("least-connections").expect("a policy of this registry")
}

/// Refuses factors that would take servers for less than they are.
pub(super) fn check_overprovisioning(factor: f64) -> Result<(), Problem> {
    if (1.0..=100.0).contains(&factor) {
        return Ok(());
    }
    let message = format!("`overprovisioning` = {factor} is not between 1 and 100");
    Err(Problem::about("overprovisioning", message).help("1.4 is Envoy's default"))
}

/// Each tier's load in percent, from its health in percent.
fn loads(health: &[u32]) -> Vec<u32> {
    let whole = health.iter().sum::<u32>().min(100);
    if whole == 0 {
        return vec![0; health.len()];
    }
    let mut left = 100;
    let take = |health: &u32| {
        let load = left.min(health * 100 / whole);
        left -= load;
        load
    };
    let mut loads: Vec<u32> = health.iter().map(take).collect();
    if let Some(first) = health.iter().position(|health| *health > 0) {
        loads[first] += left;
    }
    loads
}

/// The policy.
#[derive(Debug)]
pub struct Tiers {
    factor: f64,
    levels: Levels,
    loads: Vec<u32>,
}

impl Variant<dyn Balancer> for Tiers {
    const NAME: &'static str = "tiers";
    type Config = Config;

    fn check(config: &Config) -> Result<(), Problem> {
        check_overprovisioning(config.overprovisioning)
    }

    fn build(config: &Config, setup: &Setup<'_>) -> Result<Box<dyn Balancer>, Problem> {
        let levels = Levels::of_tiers(&config.inside, setup)?;
        let mut policy = Self { factor: config.overprovisioning, levels, loads: Vec::new() };
        policy.weigh();
        Ok(Box::new(policy))
    }
}

impl Tiers {
    fn weigh(&mut self) {
        let health = self.levels.groups().iter().map(|tier| tier.health(self.factor));
        self.loads = loads(&health.collect::<Vec<_>>());
    }
}

impl Balancer for Tiers {
    fn pick(&mut self, request: &Request, view: &View<'_>, stream: &mut Stream) -> Pick {
        let mut left = stream.below(100);
        let into = |load: &u32| {
            let hit = left < *load;
            left = left.saturating_sub(*load);
            hit
        };
        let tier = self.loads.iter().position(into).unwrap_or(0);
        self.levels.pick_from(tier, request, view, stream)
    }

    fn overprovisioning(&self) -> Option<f64> {
        Some(self.factor)
    }

    fn sight(&self) -> Sight {
        self.levels.sight()
    }

    forward_to_levels!(weigh);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiers_share_the_load_as_envoy_does() {
        let health = |percent: &[u32]| {
            percent.iter().map(|share| (140 * share / 100).min(100)).collect::<Vec<_>>()
        };
        let of = |percent: &[u32]| loads(&health(percent));
        for (first, expected) in [
            (100, [100, 0]),
            (72, [100, 0]),
            (71, [99, 1]),
            (50, [70, 30]),
            (25, [35, 65]),
            (0, [0, 100]),
        ] {
            assert_eq!(of(&[first, 100]), expected, "{first} % healthy");
        }
        assert_eq!(of(&[25, 25]), [50, 50]);
        assert_eq!(of(&[71, 71]), [99, 1]);
        assert_eq!(of(&[25, 25, 100]), [35, 35, 30]);
        // Envoy's page prints 36, 36, 28; its source computes this.
        assert_eq!(of(&[25, 25, 20]), [37, 35, 28]);
        assert_eq!(of(&[0, 0]), [0, 0]);
    }
}
