//! The server that is best in a draw of what is believed: Thompson sampling.
//!
//! **What it does.** Draws for each candidate a reward from the normal law with the mean it has
//! shown and variance `spread`² / (answers + 1), and takes the highest. **It scans all servers**,
//! with a draw each.
//! **What it learns, and from what.** A mean reward a server, from each of this balancer's
//! requests: 1 / (1 + L/r) for a response time L and the `reference` r, 0 for a request that was
//! not served. `memory` requests back, what was learnt has faded to 1/e.
//! **When it shines.** Servers of different and unknown speed; rewards that come late disturb it
//! less than `ucb1`, for its choices are spread.
//! **When it fails.** Its own load, as every bandit: the best server is the best until it is full.
//! **Source.** Thompson 1933; Gaussian priors as in Agrawal and Goyal 2013.

use rand_distr::{Distribution, StandardNormal};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::response_time_share::check_reference;
use super::tools::{Lowest, Rewards};
use super::ucb1::check_memory;
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
    /// The standard deviation of the belief in a server that is not known.
    spread: f64,
    /// The response time r that is worth half of one that answers at once.
    reference: Duration,
    /// Requests in which what was learnt fades to 1/e; absent: nothing fades.
    memory: Option<u32>,
}

impl Default for Config {
    fn default() -> Self {
        Self { spread: 1.0, reference: Duration::from_millis(100), memory: None }
    }
}

/// The policy.
#[derive(Debug)]
pub struct ThompsonSampling {
    spread: f64,
    rewards: Rewards,
}

impl Variant<dyn Balancer> for ThompsonSampling {
    const NAME: &'static str = "thompson-sampling";
    type Config = Config;

    fn check(config: &Config) -> Result<(), Problem> {
        if !(config.spread > 0.0 && config.spread <= 100.0) {
            let message = format!("`spread` = {} is not above 0 and up to 100", config.spread);
            return Err(Problem::about("spread", message).help("1 suits rewards between 0 and 1"));
        }
        check_reference(config.reference)?;
        check_memory(config.memory)
    }

    fn build(config: &Config, setup: &Setup<'_>) -> Result<Box<dyn Balancer>, Problem> {
        let rewards = Rewards::new(config.reference, config.memory, setup.fleet);
        Ok(Box::new(Self { spread: config.spread, rewards }))
    }
}

impl Balancer for ThompsonSampling {
    fn pick(&mut self, _: &Request, view: &View<'_>, stream: &mut Stream) -> Pick {
        let mut lowest = Lowest::default();
        for &server in view.candidates.as_slice() {
            let arm = self.rewards.arm(server);
            let normal: f64 = StandardNormal.sample(stream);
            let drawn = arm.mean() + normal * self.spread / (arm.answers + 1.0).sqrt();
            lowest.offer(server, -drawn, stream);
        }
        lowest.found().map_or(Pick::Refuse, Pick::Server)
    }

    fn on_send(&mut self, _: &Request, server: ServerId) {
        self.rewards.tried(server);
    }

    fn on_done(&mut self, done: &Completion) {
        self.rewards.learn(done);
    }

    fn on_fleet(&mut self, change: FleetChange, fleet: &Fleet) {
        self.rewards.change(change, fleet);
    }
}
