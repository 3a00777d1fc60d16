//! The server whose response time may yet be best: upper confidence bounds.
//!
//! **What it does.** Takes the candidate with the highest mean reward + √(`exploration` · ln t /
//! n), any on a tie, n being its requests and t those of all; a server never tried comes first.
//! Every bound moves with t, so **it scans all servers** at each pick.
//! **What it learns, and from what.** A mean reward a server, from each of this balancer's
//! requests: 1 / (1 + L/r) for a response time L and the `reference` r, 0 for a request that was
//! not served. `memory` requests back, counts and sums have faded to 1/e.
//! **When it shines.** Servers of different and unknown speed that seldom change.
//! **When it fails.** Its own load: many requests go to the server that was best when it was idle,
//! and rewards come late. It is no policy for high load, but a measure for those that learn.
//! **Source.** Auer, Cesa-Bianchi and Fischer 2002; the fading is Garivier and Moulines' (2011).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::response_time_share::check_reference;
use super::tools::{Lowest, Rewards};
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
    /// The factor before ln t: 2 is the rule's own, less explores less.
    exploration: f64,
    /// The response time r that is worth half of one that answers at once.
    reference: Duration,
    /// Requests in which what was learnt fades to 1/e; absent: nothing fades.
    memory: Option<u32>,
}

impl Default for Config {
    fn default() -> Self {
        Self { exploration: 2.0, reference: Duration::from_millis(100), memory: None }
    }
}

/// Refuses a memory of nothing.
pub(super) fn check_memory(memory: Option<u32>) -> Result<(), Problem> {
    if memory != Some(0) {
        return Ok(());
    }
    Err(Problem::about("memory", "`memory` = 0 forgets everything at once")
        .help("leave it out to remember for good, or take some 1000 requests"))
}

/// The policy.
#[derive(Debug)]
pub struct Ucb1 {
    exploration: f64,
    rewards: Rewards,
}

impl Variant<dyn Balancer> for Ucb1 {
    const NAME: &'static str = "ucb1";
    type Config = Config;

    fn check(config: &Config) -> Result<(), Problem> {
        if !(config.exploration >= 0.0 && config.exploration <= 100.0) {
            let message = format!("`exploration` = {} is not 0 to 100", config.exploration);
            return Err(Problem::about("exploration", message).help("2 is the rule's own"));
        }
        check_reference(config.reference)?;
        check_memory(config.memory)
    }

    fn build(config: &Config, setup: &Setup<'_>) -> Result<Box<dyn Balancer>, Problem> {
        let rewards = Rewards::new(config.reference, config.memory, setup.fleet);
        Ok(Box::new(Self { exploration: config.exploration, rewards }))
    }
}

impl Balancer for Ucb1 {
    fn pick(&mut self, _: &Request, view: &View<'_>, stream: &mut Stream) -> Pick {
        let spread = self.exploration * self.rewards.total().max(1.0).ln();
        let mut lowest = Lowest::default();
        for &server in view.candidates.as_slice() {
            let arm = self.rewards.arm(server);
            let bound = match arm.tries {
                0.0 => f64::INFINITY,
                tries => arm.mean() + (spread / tries).sqrt(),
            };
            lowest.offer(server, -bound, stream);
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
