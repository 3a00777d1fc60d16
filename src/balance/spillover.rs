//! The nearest tier that has room: the edge first, the cloud for what spills over.
//!
//! **What it does.** Goes through the tiers in order and takes the first whose load is below
//! `threshold`: requests in flight per slot, this balancer's own times the number of balancers, for
//! all send alike. When all are above, the least loaded. The policy `inside` picks within the tier.
//! O(tiers) beside it.
//! **When it shines.** A small tier close by and a large one far off (the pool's `network`
//! latency): short ways at low load, no long queues at high load.
//! **When it fails.** A threshold too low pays the way to the cloud for nothing; too high, and
//! requests queue at the edge for longer than the way would take.
//! **Source.** Spillover of Google's application load balancers and of Envoy's aggregate clusters;
//! the threshold is the trunk reservation of telephony.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::levels::{Group, Levels, forward_to_levels};
use super::tiers::inside;
use super::{Balancer, Pick, Setup};
use crate::diagnose::Problem;
use crate::fleet::{Fleet, FleetChange, View};
use crate::model::{Completion, Request, ServerId};
use crate::registry::{Recipe, Variant};
use crate::rng::Stream;

/// Options.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct Config {
    /// Requests in flight per slot from which on a tier is full, above 0; 1 is every slot busy.
    threshold: f64,
    /// The policy within a tier.
    inside: Recipe<dyn Balancer>,
}

impl Default for Config {
    fn default() -> Self {
        Self { threshold: 1.0, inside: inside() }
    }
}

/// The policy.
#[derive(Debug)]
pub struct Spillover {
    threshold: f64,
    levels: Levels,
    balancers: f64,
}

impl Variant<dyn Balancer> for Spillover {
    const NAME: &'static str = "spillover";
    type Config = Config;

    fn check(config: &Config) -> Result<(), Problem> {
        if config.threshold > 0.0 && config.threshold <= 1000.0 {
            return Ok(());
        }
        let message = format!("`threshold` = {} is not above 0 and up to 1000", config.threshold);
        Err(Problem::about("threshold", message).help("1 spills over when every slot is busy"))
    }

    fn build(config: &Config, setup: &Setup<'_>) -> Result<Box<dyn Balancer>, Problem> {
        Ok(Box::new(Self {
            threshold: config.threshold,
            levels: Levels::of_tiers(&config.inside, setup)?,
            balancers: f64::from(setup.balancers.max(1)),
        }))
    }
}

impl Balancer for Spillover {
    fn pick(&mut self, request: &Request, view: &View<'_>, stream: &mut Stream) -> Pick {
        let load = |tier: &Group| tier.in_flight as f64 * self.balancers / tier.slots as f64;
        // A tier without a slot is full.
        let tiers = || self.levels.groups().iter().enumerate().filter(|(_, tier)| tier.slots > 0);
        let room = tiers().find(|(_, tier)| load(tier) < self.threshold);
        let least = || tiers().min_by(|(_, a), (_, b)| load(a).total_cmp(&load(b)));
        let place = room.or_else(least).map_or(0, |(place, _)| place);
        self.levels.pick_from(place, request, view, stream)
    }

    /// A tier takes what its trusted servers can: those beyond it help at once.
    fn overprovisioning(&self) -> Option<f64> {
        Some(1.0)
    }

    forward_to_levels!();
}
