//! Envoy's least request: a few draws where servers are equal, a schedule where they are not.
//!
//! **What it does.** While all weights are equal, draws `choices` candidates **with replacement**
//! and takes the one with the fewest requests in flight, the earlier draw on a tie; O(choices).
//! With `full-scan` **it scans all servers** for the fewest (`least-connections` gives the same in
//! O(1)). Where weights differ it is no power of choices at all but earliest deadline first with
//! the weight w / (in flight + 1)^bias, looked at only when a server has had its turn; O(log n).
//! **When it shines.** Equal servers and stale or partial views.
//! **When it fails.** Unequal weights: the schedule reacts late and never quite spares a busy
//! server.
//! **Source.** Envoy `least_request`; gRPC `least_request_experimental` (equal weights only).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::tools::{Lowest, Roster, some_weight};
use super::turns::{Edf, Requeue, Turns};
use super::{Balancer, Pick, Setup, Sight};
use crate::diagnose::Problem;
use crate::fleet::{Fleet, FleetChange, View};
use crate::model::Request;
use crate::registry::Variant;
use crate::rng::Stream;

/// Options.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct Config {
    /// How many servers are drawn, at least 1.
    choices: u32,
    /// The exponent of the load in the weight: 0 leaves weighted round-robin.
    bias: f64,
    /// Whether every server is looked at instead of a few drawn.
    full_scan: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self { choices: 2, bias: 1.0, full_scan: false }
    }
}

/// The policy.
#[derive(Debug)]
pub struct LeastRequest {
    config: Config,
    roster: Roster,
    equal: bool,
    turns: Edf,
}

impl Variant<dyn Balancer> for LeastRequest {
    const NAME: &'static str = "least-request";
    type Config = Config;

    fn check(config: &Config) -> Result<(), Problem> {
        if config.choices == 0 {
            let problem = Problem::about("choices", "`choices` must be at least 1");
            return Err(problem.help("2 is the usual number"));
        }
        if !(config.bias >= 0.0 && config.bias.is_finite()) {
            let message = format!("`bias` = {} is not a number of 0 or more", config.bias);
            return Err(Problem::about("bias", message).help("1 is Envoy's default"));
        }
        Ok(())
    }

    fn build(config: &Config, setup: &Setup<'_>) -> Result<Box<dyn Balancer>, Problem> {
        some_weight(setup.fleet)?;
        let mut turns = Edf::new(Requeue::Behind);
        for server in setup.fleet.members().in_order() {
            turns.join(server, setup.fleet.spec(server).weight);
        }
        let roster = Roster::of(setup.fleet);
        Ok(Box::new(Self { config: config.clone(), roster, equal: true, turns }))
    }
}

impl LeastRequest {
    fn draw(&self, view: &View<'_>, stream: &mut Stream) -> Pick {
        let candidates = view.candidates.as_slice();
        if self.config.full_scan {
            let mut lowest = Lowest::default();
            for &server in candidates {
                lowest.offer(server, f64::from(view.in_flight(server)), stream);
            }
            return lowest.found().map_or(Pick::Refuse, Pick::Server);
        }
        let total = candidates.len() as u32;
        let mut best = candidates[stream.below(total) as usize];
        for _ in 1..self.config.choices {
            let server = candidates[stream.below(total) as usize];
            if view.in_flight(server) < view.in_flight(best) {
                best = server;
            }
        }
        Pick::Server(best)
    }
}

impl Balancer for LeastRequest {
    fn pick(&mut self, _: &Request, view: &View<'_>, stream: &mut Stream) -> Pick {
        if self.roster.take_changed() {
            let mut weights = self.roster.as_slice().iter().map(|&server| view.weight(server));
            let first = weights.next();
            self.equal = weights.all(|weight| Some(weight) == first);
        }
        if self.equal {
            return self.draw(view, stream);
        }
        let bias = self.config.bias;
        let server = self.turns.next_by(view.candidates, |server, weight| {
            let busy = f64::from(view.in_flight(server)) + 1.0;
            // Envoy spares the power where it changes nothing, and so do we.
            f64::from(weight) / if bias == 1.0 { busy } else { busy.powf(bias) }
        });
        server.or_else(|| view.candidates.next_from(0)).map_or(Pick::Refuse, Pick::Server)
    }

    fn on_fleet(&mut self, change: FleetChange, fleet: &Fleet) {
        self.roster.apply(change);
        match change {
            FleetChange::Joined(server) => self.turns.join(server, fleet.spec(server).weight),
            FleetChange::Left(server) => self.turns.leave(server),
        }
    }

    fn sight(&self) -> Sight {
        Sight::Counts
    }
}
