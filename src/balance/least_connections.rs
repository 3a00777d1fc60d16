//! The server with the fewest requests in flight.
//!
//! **What it does.** Takes a candidate with the fewest requests in flight from this balancer, any
//! of them with the same probability on a tie. O(1): servers stand in buckets by their count.
//! **When it shines.** One balancer that sees everything: close to the shortest queue.
//! **When it fails.** Several balancers with partial or stale views herd onto the same server; a
//! server that fails fast looks idle and draws all traffic.
//! **Source.** nginx `least_conn`, HAProxy `leastconn`; join the shortest queue in theory.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::load_index::LoadIndex;
use super::{Balancer, Pick, Setup};
use crate::diagnose::Problem;
use crate::fleet::{Fleet, FleetChange, View};
use crate::model::{Completion, Request, ServerId};
use crate::registry::Variant;
use crate::rng::Stream;

/// No options.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Config {}

/// The policy.
#[derive(Debug)]
pub struct LeastConnections {
    index: LoadIndex,
}

impl Variant<dyn Balancer> for LeastConnections {
    const NAME: &'static str = "least-connections";
    type Config = Config;

    fn build(_: &Config, setup: &Setup<'_>) -> Result<Box<dyn Balancer>, Problem> {
        let mut index = LoadIndex::default();
        setup.fleet.members().in_order().for_each(|server| index.join(server));
        Ok(Box::new(Self { index }))
    }
}

impl Balancer for LeastConnections {
    fn pick(&mut self, _: &Request, view: &View<'_>, stream: &mut Stream) -> Pick {
        self.index.least(view.candidates, stream).map_or(Pick::Refuse, Pick::Server)
    }

    fn on_send(&mut self, _: &Request, server: ServerId) {
        self.index.raise(server);
    }

    fn on_done(&mut self, done: &Completion) {
        if let Some(server) = done.server {
            self.index.lower(server);
        }
    }

    fn on_fleet(&mut self, change: FleetChange, _: &Fleet) {
        match change {
            FleetChange::Joined(server) => self.index.join(server),
            FleetChange::Left(server) => self.index.leave(server),
        }
    }
}
