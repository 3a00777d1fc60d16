//! The first server that has room, so that the last ones can be switched off.
//!
//! **What it does.** Takes the candidate of the lowest number with fewer requests in flight from
//! this balancer than its slots; when all are full, the one with the fewest per slot. O(log n).
//! **When it shines.** Bin packing: the fleet's tail idles and an autoscaler can take it away.
//! **When it fails.** Latency: the first servers are always full, and several balancers fill them
//! twice, for each counts its own requests only.
//! **Source.** HAProxy `balance first`, where a full backend queues; hold the queue before the pool
//! (`queue = "shared"`) for just that.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::tools::{Among, Counted, Key};
use super::{Balancer, Pick, Setup};
use crate::diagnose::Problem;
use crate::fleet::{Fleet, FleetChange, ServerSpec, View};
use crate::model::{Completion, Request, ServerId};
use crate::registry::Variant;
use crate::rng::Stream;

/// No options.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Config {}

/// The policy.
#[derive(Debug)]
pub struct First {
    servers: Counted,
}

impl Variant<dyn Balancer> for First {
    const NAME: &'static str = "first";
    type Config = Config;

    fn build(_: &Config, setup: &Setup<'_>) -> Result<Box<dyn Balancer>, Problem> {
        let slots = |spec: &ServerSpec| f64::from(spec.slots.max(1));
        Ok(Box::new(Self { servers: Counted::new(setup.fleet, Key::Room, Among::Equals, slots) }))
    }
}

impl Balancer for First {
    fn pick(&mut self, _: &Request, view: &View<'_>, _: &mut Stream) -> Pick {
        self.servers.first(view.candidates).map_or(Pick::Refuse, Pick::Server)
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
