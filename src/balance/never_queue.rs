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
use super::tools::Key;
use super::{Balancer, Setup};
use crate::diagnose::Problem;
use crate::registry::Variant;

/// Options.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct Config {
    /// A server's rate: its configured `weight`, or its `capacity`, which is slots × speed.
    rate: Rate,
}

/// The policy; what it keeps is a tree of counts.
#[derive(Debug)]
pub struct NeverQueue;

impl Variant<dyn Balancer> for NeverQueue {
    const NAME: &'static str = "never-queue";
    type Config = Config;

    fn build(config: &Config, setup: &Setup<'_>) -> Result<Box<dyn Balancer>, Problem> {
        Ok(Box::new(config.rate.count(Key::IdleFirst, setup.fleet)?))
    }
}
