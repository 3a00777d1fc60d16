//! Zones in turn by weight, less what has failed in them.
//!
//! **What it does.** Gives each zone turns in proportion to its weight × min(1, `overprovisioning`
//! × healthy share), by the schedule of earliest deadlines; the policy `inside` picks within the
//! zone. O(log zones) beside it.
//! **When it shines.** Shares of zones or regions that are set by contract or by hand.
//! **When it fails.** It looks at health, not at load: see `load-aware-zones`.
//! **Source.** Envoy's locality-weighted load balancing.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::levels::{Levels, forward_to_levels};
use super::tiers::{check_overprovisioning, inside};
use super::turns::{Edf, Requeue, Turns};
use super::{Balancer, Pick, Setup, Sight};
use crate::diagnose::Problem;
use crate::fleet::{Fleet, FleetChange, ServerSet, View};
use crate::model::{Completion, Request, ServerId};
use crate::registry::{Recipe, Variant};
use crate::rng::Stream;

/// Options.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct Config {
    /// The weight of each zone, in order of zone; absent: its number of servers.
    weights: Option<Vec<u32>>,
    /// How much more a zone is taken to carry than its healthy share, 1 or more.
    overprovisioning: f64,
    /// The policy within a zone.
    inside: Recipe<dyn Balancer>,
}

impl Default for Config {
    fn default() -> Self {
        Self { weights: None, overprovisioning: 1.4, inside: inside() }
    }
}

/// The policy: zones that have servers, by place, and their turns.
#[derive(Debug)]
pub struct LocalityWeighted {
    config: Config,
    levels: Levels,
    effective: Vec<f64>,
    open: ServerSet,
    turns: Edf,
}

impl Variant<dyn Balancer> for LocalityWeighted {
    const NAME: &'static str = "locality-weighted";
    type Config = Config;

    fn check(config: &Config) -> Result<(), Problem> {
        check_overprovisioning(config.overprovisioning)?;
        if config.weights.as_ref().is_none_or(|weights| weights.iter().any(|weight| *weight > 0)) {
            return Ok(());
        }
        Err(Problem::about("weights", "every zone has weight 0, so that none may be chosen")
            .help("give at least one zone a positive weight, or leave `weights` out"))
    }

    fn build(config: &Config, setup: &Setup<'_>) -> Result<Box<dyn Balancer>, Problem> {
        let levels = Levels::of_zones(&config.inside, setup)?;
        let zones = levels.groups().len();
        if let Some(weights) = config.weights.as_ref().filter(|weights| weights.len() != zones) {
            let message = format!("`weights` has {} numbers for {zones} zones", weights.len());
            return Err(Problem::about("weights", message).help("give one number a zone, in order"));
        }
        let mut policy = Self {
            config: config.clone(),
            levels,
            effective: Vec::new(),
            open: ServerSet::default(),
            turns: Edf::new(Requeue::Behind),
        };
        policy.weigh();
        Ok(Box::new(policy))
    }
}

impl LocalityWeighted {
    /// Zones stand in the schedule as servers would, by their place.
    fn weigh(&mut self) {
        let weights = self.config.weights.as_deref();
        let of = |(at, zone): (usize, &super::levels::Group)| {
            let weight = weights.and_then(|weights| weights.get(at).copied());
            let weight = weight.map_or(zone.total as f64, f64::from);
            weight * f64::from(zone.health(self.config.overprovisioning)) / 100.0
        };
        let zones = self.levels.groups();
        let effective: Vec<f64> = zones.iter().enumerate().map(of).collect();
        for (at, &weight) in effective.iter().enumerate() {
            let zone = ServerId(at as u32);
            if self.open.contains(zone) != (weight > 0.0) {
                self.open.insert_or_remove(zone, weight > 0.0);
                // The schedule wants to know that it is in; its weight is asked for at each turn.
                if weight > 0.0 { self.turns.join(zone, 1) } else { self.turns.leave(zone) }
            }
        }
        self.effective = effective;
    }
}

impl Balancer for LocalityWeighted {
    fn pick(&mut self, request: &Request, view: &View<'_>, stream: &mut Stream) -> Pick {
        let effective = &self.effective;
        let zone = self.turns.next_by(&self.open, |zone, _| effective[zone.index()]);
        let zone = zone.map_or(0, ServerId::index);
        self.levels.pick_from(zone, request, view, stream)
    }

    fn sight(&self) -> Sight {
        self.levels.sight()
    }

    fn overprovisioning(&self) -> Option<f64> {
        self.levels.overprovisioning()
    }

    forward_to_levels!(weigh);
}
