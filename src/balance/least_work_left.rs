//! The server that will have done all its work first.
//!
//! **What it does.** Keeps for each server the instant at which it will have served what this
//! balancer sent it, at its full speed on all its slots, and takes the earliest; of idle servers
//! the one idle longest. O(log n). **It knows each request's service time**, which no real balancer
//! does unless it has a good predictor: a bound, not a proposal. With one slot a server the
//! instants are exact; with several they take work as a fluid.
//! **When it shines.** Service times of very different length: nobody waits behind a long one while
//! another is nearly done. With one slot each and first come, first served it is one central queue,
//! M/G/n.
//! **When it fails.** Service times that are mispredicted; several balancers, for each knows only
//! the work it sent itself.
//! **Source.** Harchol-Balter, Performance Modeling and Design of Computer Systems (2013), ch. 24.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::tools::MinTree;
use super::{Balancer, Pick, Setup};
use crate::diagnose::Problem;
use crate::fleet::{Fleet, FleetChange, ServerSpec, View};
use crate::model::{Completion, Fate, Request, ServerId};
use crate::registry::Variant;
use crate::rng::Stream;
use crate::time::{Duration, Instant};

/// No options.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Config {}

/// The policy: when each server is empty, and how fast it works.
#[derive(Debug, Default)]
pub struct LeastWorkLeft {
    empty: MinTree,
    rates: Vec<(f64, Duration)>,
    now: Instant,
}

impl Variant<dyn Balancer> for LeastWorkLeft {
    const NAME: &'static str = "least-work-left";
    type Config = Config;

    fn build(_: &Config, setup: &Setup<'_>) -> Result<Box<dyn Balancer>, Problem> {
        let mut policy = Self::default();
        for server in setup.fleet.members().in_order() {
            policy.on_fleet(FleetChange::Joined(server), setup.fleet);
        }
        Ok(Box::new(policy))
    }
}

impl LeastWorkLeft {
    /// The time a request keeps a server from being empty.
    fn stretch(&self, request: &Request, server: ServerId) -> f64 {
        request.demand.0 as f64 / self.rates[server.index()].0
    }
}

impl Balancer for LeastWorkLeft {
    fn pick(&mut self, _: &Request, view: &View<'_>, _: &mut Stream) -> Pick {
        self.now = view.now;
        self.empty.first(view.candidates).map_or(Pick::Refuse, Pick::Server)
    }

    fn on_send(&mut self, request: &Request, server: ServerId) {
        if !self.empty.contains(server) {
            return;
        }
        let arrives = self.now.max(request.arrival) + self.rates[server.index()].1;
        let start = self.empty.key(server).max(arrives.0 as f64);
        self.empty.set(server, start + self.stretch(request, server), 0);
    }

    fn on_done(&mut self, done: &Completion) {
        self.now = done.ended;
        let Some(server) = done.server.filter(|&server| self.empty.contains(server)) else {
            return;
        };
        if done.fate != Fate::Completed && done.started == done.ended {
            // It left before it was served, and takes its work with it.
            let left = self.empty.key(server) - self.stretch(&done.request, server);
            self.empty.set(server, left, 0);
        }
    }

    fn on_fleet(&mut self, change: FleetChange, fleet: &Fleet) {
        match change {
            FleetChange::Joined(server) => {
                if server.index() >= self.rates.len() {
                    self.rates.resize(server.index() + 1, (1.0, Duration::ZERO));
                }
                let ServerSpec { slots, speed, network, .. } = *fleet.spec(server);
                self.rates[server.index()] = (f64::from(slots.max(1)) * speed, network);
                self.empty.set(server, self.now.0 as f64, 0);
            }
            FleetChange::Left(server) => self.empty.remove(server),
        }
    }
}
