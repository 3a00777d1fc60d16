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
use super::{Balancer, Setup};
use crate::diagnose::Problem;
use crate::fleet::{Fleet, ServerSpec};
use crate::registry::Variant;

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
        Ok(Counted::new(fleet, key, Among::InOrder, of))
    }
}

/// The policy; what it keeps is a tree of counts.
#[derive(Debug)]
pub struct ShortestExpectedDelay;

impl Variant<dyn Balancer> for ShortestExpectedDelay {
    const NAME: &'static str = "shortest-expected-delay";
    type Config = Config;

    fn build(config: &Config, setup: &Setup<'_>) -> Result<Box<dyn Balancer>, Problem> {
        Ok(Box::new(config.rate.count(Key::Expected, setup.fleet)?))
    }
}
