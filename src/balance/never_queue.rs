//! An idle server if there is one, else where the request would be done soonest.
//!
//! **What it does.** Takes the first candidate without a request of this balancer; when all have
//! some, the one with the lowest (in flight + 1) / rate, the lowest number on a tie. O(log n).
//! **When it shines.** One balancer and servers of different speed, none of them hopelessly slow.
//! **When it fails.** A very slow server that is idle takes what a fast one would do sooner.
//! **Source.** Linux Virtual Server `nq`, where the rate is the weight.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::shortest_expected_delay::Rate;
use super::tools::{Counted, Key};
use super::{Balancer, Pick, Setup};
use crate::diagnose::Problem;
use crate::fleet::{Fleet, FleetChange, View};
use crate::model::{Completion, Request, ServerId};
use crate::registry::Variant;
use crate::rng::Stream;

/// Options.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct Config {
    /// A server's rate: its configured `weight`, or its `capacity`, which is slots × speed.
    rate: Rate,
}

/// The policy.
#[derive(Debug)]
pub struct NeverQueue {
    servers: Counted,
}

impl Variant<dyn Balancer> for NeverQueue {
    const NAME: &'static str = "never-queue";
    type Config = Config;

    fn build(config: &Config, setup: &Setup<'_>) -> Result<Box<dyn Balancer>, Problem> {
        Ok(Box::new(Self { servers: config.rate.count(Key::IdleFirst, setup.fleet)? }))
    }
}

impl Balancer for NeverQueue {
    fn pick(&mut self, _: &Request, view: &View<'_>, _: &mut Stream) -> Pick {
        let found = self.servers.first(view.candidates);
        found.or_else(|| view.candidates.next_from(0)).map_or(Pick::Refuse, Pick::Server)
    }

    fn on_send(&mut self, _: &Request, server: ServerId) {
        self.servers.sent(server);
    }

    fn on_done(&mut self, done: &Completion) {
        self.servers.done(done);
    }

    fn on_count(&mut self, server: ServerId, count: u32) {
        self.servers.set(server, count);
    }

    fn on_fleet(&mut self, change: FleetChange, fleet: &Fleet) {
        self.servers.change(change, fleet);
    }
}
