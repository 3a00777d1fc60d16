//! The server where the request would be done soonest if all requests were alike.
//!
//! **What it does.** Takes the candidate with the lowest (in flight + 1) / rate, the lowest number
//! on a tie. O(log n).
//! **When it shines.** Servers of different speed whose rates are known.
//! **When it fails.** It may queue at a fast server while a slow one idles (`never-queue` does
//! not), and like every count it knows only what this balancer sent.
//! **Source.** Linux Virtual Server `sed`, where the rate is the weight.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::tools::{Among, Counted, Key, some_weight};
use super::{Balancer, Pick, Setup};
use crate::diagnose::Problem;
use crate::fleet::{Fleet, FleetChange, ServerSpec, View};
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

/// What a server's rate is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Rate {
    /// The configured weight.
    #[default]
    Weight,
    /// Slots × speed.
    Capacity,
}

impl Rate {
    /// The servers by `key`, each with this rate.
    pub(super) fn count(self, key: Key, fleet: &Fleet) -> Result<Counted, Problem> {
        let of: fn(&ServerSpec) -> f64 = match self {
            Self::Weight => |spec| f64::from(spec.weight),
            Self::Capacity => |spec| f64::from(spec.slots) * spec.speed,
        };
        if self == Self::Weight {
            some_weight(fleet)?;
        }
        Ok(Counted::new(fleet, key, Among::Equals, of))
    }
}

/// The policy.
#[derive(Debug)]
pub struct ShortestExpectedDelay {
    servers: Counted,
}

impl Variant<dyn Balancer> for ShortestExpectedDelay {
    const NAME: &'static str = "shortest-expected-delay";
    type Config = Config;

    fn build(config: &Config, setup: &Setup<'_>) -> Result<Box<dyn Balancer>, Problem> {
        Ok(Box::new(Self { servers: config.rate.count(Key::Expected, setup.fleet)? }))
    }
}

impl Balancer for ShortestExpectedDelay {
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
