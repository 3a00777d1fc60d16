//! The server with the fewest requests, of all balancers together.
//!
//! **What it does.** Takes a candidate with the fewest requests at it, waiting and in service, any
//! of them with the same probability on a tie. The only balancer counts its own, in O(1). **Several
//! balancers see each other's requests here** (`view.truth()`), which no real balancer does, and
//! **then scan all servers** at each pick: a bound for what better signals could give.
//! **When it shines.** Equal servers: near the best that can be done without knowing service times.
//! **When it fails.** Nothing better is to be had of counts; servers of different speed want
//! `shortest-expected-delay`.
//! **Source.** Haight 1958; Winston 1977 shows it optimal for equal exponential servers.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::tools::{LoadIndex, Lowest};
use super::{Balancer, Pick, Setup, Sight};
use crate::diagnose::Problem;
use crate::fleet::{Fleet, FleetChange, View};
use crate::model::{Request, ServerId};
use crate::registry::Variant;
use crate::rng::Stream;

/// No options.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Config {}

/// The policy: an index of its own requests where these are all there are.
#[derive(Debug)]
pub struct JoinShortestQueue {
    alone: bool,
    index: LoadIndex,
}

impl Variant<dyn Balancer> for JoinShortestQueue {
    const NAME: &'static str = "join-shortest-queue";
    type Config = Config;

    fn build(_: &Config, setup: &Setup<'_>) -> Result<Box<dyn Balancer>, Problem> {
        let mut index = LoadIndex::default();
        setup.fleet.members().in_order().for_each(|server| index.join(server));
        Ok(Box::new(Self { alone: setup.balancers <= 1, index }))
    }
}

impl Balancer for JoinShortestQueue {
    fn pick(&mut self, _: &Request, view: &View<'_>, stream: &mut Stream) -> Pick {
        if self.alone {
            return self.index.least(view.candidates, stream).map_or(Pick::Refuse, Pick::Server);
        }
        let mut lowest = Lowest::default();
        for &server in view.candidates.as_slice() {
            lowest.offer(server, f64::from(view.truth().in_flight(server)), stream);
        }
        lowest.found().map_or(Pick::Refuse, Pick::Server)
    }

    fn on_send(&mut self, _: &Request, server: ServerId) {
        self.index.raise(server);
    }

    fn on_left(&mut self, server: ServerId) {
        self.index.lower(server);
    }

    fn on_count(&mut self, server: ServerId, count: u32) {
        self.index.set(server, count);
    }

    fn on_fleet(&mut self, change: FleetChange, _: &Fleet) {
        match change {
            FleetChange::Joined(server) => self.index.join(server),
            FleetChange::Left(server) => self.index.leave(server),
        }
    }

    fn sight(&self) -> Sight {
        Sight::Counts
    }
}
