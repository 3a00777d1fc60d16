//! Shares that grow exponentially with rewards: EXP3, for a world that may be against you.
//!
//! **What it does.** Draws a candidate with probability (1 - γ) × weight share + γ / n. O(log n).
//! **What it learns, and from what.** A weight a server, multiplied by exp(γ r̂ / n) with r̂ =
//! reward / probability for each of this balancer's requests; the reward is 1 / (1 + L/r) for a
//! response time L and the `reference` r, 0 for a request that was not served.
//! **When it shines.** Servers whose speed changes for reasons of their own: nothing about rewards
//! is assumed, not even that they have a mean.
//! **When it fails.** It learns slowly, the more so the more servers there are, and always wastes
//! γ.
//! **Source.** Auer, Cesa-Bianchi, Freund and Schapire 2002.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::response_time_share::check_reference;
use super::tools::{Rewards, Sent, SumTree};
use super::{Balancer, Pick, Setup};
use crate::diagnose::Problem;
use crate::fleet::{Fleet, FleetChange, View};
use crate::model::{Completion, Request, ServerId};
use crate::registry::Variant;
use crate::rng::Stream;
use crate::time::Duration;

/// Options.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct Config {
    /// The share γ of requests that go anywhere, above 0 and up to 1; also the pace of learning.
    exploration: f64,
    /// The response time r that is worth half of one that answers at once.
    reference: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self { exploration: 0.1, reference: Duration::from_millis(100) }
    }
}

/// The policy: weights, and with which probability each request in flight was sent.
#[derive(Debug)]
pub struct Exp3 {
    gamma: f64,
    rewards: Rewards,
    weights: SumTree,
    sent: Sent<f64>,
    members: usize,
}

/// Weights are divided by their sum when it leaves what a float holds well.
const LARGEST: f64 = 1e150;

impl Variant<dyn Balancer> for Exp3 {
    const NAME: &'static str = "exp3";
    type Config = Config;

    fn check(config: &Config) -> Result<(), Problem> {
        if !(config.exploration > 0.0 && config.exploration <= 1.0) {
            let message =
                format!("`exploration` = {} is not above 0 and up to 1", config.exploration);
            return Err(
                Problem::about("exploration", message).help("0.1 sends every tenth anywhere")
            );
        }
        check_reference(config.reference)
    }

    fn build(config: &Config, setup: &Setup<'_>) -> Result<Box<dyn Balancer>, Problem> {
        let mut weights = SumTree::default();
        setup.fleet.members().in_order().for_each(|server| weights.set(server, 1.0));
        Ok(Box::new(Self {
            gamma: config.exploration,
            rewards: Rewards::new(config.reference, None, setup.fleet),
            weights,
            sent: Sent::default(),
            members: setup.fleet.members().len(),
        }))
    }
}

impl Exp3 {
    fn probability(&self, server: ServerId) -> f64 {
        let share = self.weights.get(server) / self.weights.total();
        (1.0 - self.gamma) * share + self.gamma / self.members.max(1) as f64
    }
}

impl Balancer for Exp3 {
    fn pick(&mut self, _: &Request, view: &View<'_>, stream: &mut Stream) -> Pick {
        let candidates = view.candidates.as_slice();
        if stream.open01() < self.gamma {
            return Pick::Server(candidates[stream.below(candidates.len() as u32) as usize]);
        }
        self.weights.draw_among(view.candidates, stream).map_or(Pick::Refuse, Pick::Server)
    }

    fn on_send(&mut self, request: &Request, server: ServerId) {
        let probability = self.probability(server);
        self.sent.put(request, server, probability);
    }

    fn on_done(&mut self, done: &Completion) {
        let Some((server, probability)) = self.sent.take(done) else { return };
        let weight = self.weights.get(server);
        if weight == 0.0 {
            // It has left the fleet.
            return;
        }
        let reward = self.rewards.reward(done) / probability;
        let weight = weight * (self.gamma * reward / self.members as f64).exp();
        self.weights.set(server, weight);
        if self.weights.total() > LARGEST {
            self.weights.scale(1.0 / self.weights.total());
        }
    }

    fn on_fleet(&mut self, change: FleetChange, _: &Fleet) {
        match change {
            FleetChange::Joined(server) => {
                // It starts with the mean weight, not with that of a beginning long past.
                let mean = self.weights.total() / self.members.max(1) as f64;
                self.members += 1;
                self.weights.set(server, if mean > 0.0 { mean } else { 1.0 });
            }
            FleetChange::Left(server) => {
                self.members -= 1;
                self.weights.set(server, 0.0);
            }
        }
    }
}
