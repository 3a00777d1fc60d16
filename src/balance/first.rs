//! The first server that has room, so that the last ones can be switched off.
//!
//! **What it does.** Takes the candidate of the lowest number with fewer requests in flight from
//! this balancer than its slots; when all are full, the one with the fewest per slot. O(n / 64).
//! **When it shines.** Bin packing: the fleet's tail idles and an autoscaler can take it away.
//! **When it fails.** Latency: the first servers are always full, and several balancers fill them
//! twice, for each counts its own requests only.
//! **Source.** HAProxy `balance first`, where a full backend queues; hold the queue before the pool
//! (`queue = "shared"`) for just that.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::tools::MinTree;
use super::{Balancer, Pick, Setup};
use crate::diagnose::Problem;
use crate::fleet::{Fleet, FleetChange, ServerSet, View};
use crate::model::{Completion, Request, ServerId};
use crate::registry::Variant;
use crate::rng::Stream;

/// No options.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Config {}

/// The policy: servers with room, and all of them by requests per slot.
#[derive(Debug, Default)]
pub struct First {
    room: ServerSet,
    counts: Vec<u32>,
    slots: Vec<u32>,
    full: MinTree,
}

impl Variant<dyn Balancer> for First {
    const NAME: &'static str = "first";
    type Config = Config;

    fn build(_: &Config, setup: &Setup<'_>) -> Result<Box<dyn Balancer>, Problem> {
        let mut policy = Self::default();
        for server in setup.fleet.members().in_order() {
            policy.on_fleet(FleetChange::Joined(server), setup.fleet);
        }
        Ok(Box::new(policy))
    }
}

impl First {
    fn set(&mut self, server: ServerId, count: u32) {
        self.counts[server.index()] = count;
        if self.slots[server.index()] > 0 {
            let slots = self.slots[server.index()];
            self.room.insert_or_remove(server, count < slots);
            self.full.set(server, f64::from(count) / f64::from(slots), 0);
        }
    }
}

impl Balancer for First {
    fn pick(&mut self, _: &Request, view: &View<'_>, _: &mut Stream) -> Pick {
        if view.candidates.is_empty() {
            return Pick::Refuse;
        }
        let mut from = 0;
        while let Some(server) = self.room.next_from(from).filter(|server| server.0 >= from) {
            if view.candidates.contains(server) {
                return Pick::Server(server);
            }
            from = server.0 + 1;
        }
        self.full.first(view.candidates).map_or(Pick::Refuse, Pick::Server)
    }

    fn on_send(&mut self, _: &Request, server: ServerId) {
        self.set(server, self.counts[server.index()] + 1);
    }

    fn on_done(&mut self, done: &Completion) {
        if let Some(server) = done.server {
            self.set(server, self.counts[server.index()].saturating_sub(1));
        }
    }

    fn on_count(&mut self, server: ServerId, count: u32) {
        self.set(server, count);
    }

    fn on_fleet(&mut self, change: FleetChange, fleet: &Fleet) {
        match change {
            FleetChange::Joined(server) => {
                if server.index() >= self.counts.len() {
                    self.counts.resize(server.index() + 1, 0);
                    self.slots.resize(server.index() + 1, 0);
                }
                self.slots[server.index()] = fleet.spec(server).slots.max(1);
                self.set(server, self.counts[server.index()]);
            }
            FleetChange::Left(server) => {
                self.slots[server.index()] = 0;
                self.room.insert_or_remove(server, false);
                self.full.remove(server);
            }
        }
    }
}
