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

use super::levels::{Levels, forward_to_levels};
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

/// The policy, and what each tier has in flight and can serve.
#[derive(Debug)]
pub struct Spillover {
    threshold: f64,
    levels: Levels,
    balancers: f64,
    in_flight: Vec<u64>,
    slots: Vec<u64>,
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
        let mut policy = Self {
            threshold: config.threshold,
            levels: Levels::new(&config.inside, |spec| spec.tier, setup)?,
            balancers: f64::from(setup.balancers.max(1)),
            in_flight: Vec::new(),
            slots: Vec::new(),
        };
        policy.count_slots(setup.fleet);
        Ok(Box::new(policy))
    }
}

impl Spillover {
    fn count_slots(&mut self, fleet: &Fleet) {
        let tiers = self.levels.groups();
        let slots = |server| u64::from(fleet.spec(server).slots);
        self.slots = tiers.iter().map(|tier| tier.members.in_order().map(slots).sum()).collect();
        self.in_flight.resize(tiers.len(), 0);
    }

    fn load(&self, tier: usize) -> f64 {
        // A tier without a slot is full.
        self.in_flight[tier] as f64 * self.balancers / self.slots[tier] as f64
    }
}

impl Balancer for Spillover {
    fn pick(&mut self, request: &Request, view: &View<'_>, stream: &mut Stream) -> Pick {
        let tiers = || (0..self.slots.len()).filter(|&tier| self.slots[tier] > 0);
        let room = tiers().find(|&tier| self.load(tier) < self.threshold);
        let least = || tiers().min_by(|&a, &b| self.load(a).total_cmp(&self.load(b)));
        let tier = room.or_else(least).unwrap_or(0);
        self.levels.pick_from(tier, request, view, stream)
    }

    fn on_send(&mut self, request: &Request, server: ServerId) {
        self.in_flight[self.levels.group_of(server)] += 1;
        self.levels.on_send(request, server);
    }

    fn on_done(&mut self, done: &Completion) {
        if let Some(server) = done.server {
            self.in_flight[self.levels.group_of(server)] -= 1;
        }
        self.levels.on_done(done);
    }

    fn on_fleet(&mut self, change: FleetChange, fleet: &Fleet) {
        let tiers: Vec<u16> = self.levels.groups().iter().map(|tier| tier.key).collect();
        self.levels.on_fleet(change, fleet);
        for (place, tier) in self.levels.groups().iter().enumerate() {
            if !tiers.contains(&tier.key) {
                self.in_flight.insert(place, 0);
            }
        }
        self.count_slots(fleet);
    }

    forward_to_levels!();
}
