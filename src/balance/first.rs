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
use super::{Balancer, Setup};
use crate::diagnose::Problem;
use crate::fleet::ServerSpec;
use crate::registry::Variant;

/// No options.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Config {}

/// The policy; what it keeps is a tree of counts.
#[derive(Debug)]
pub struct First;

impl Variant<dyn Balancer> for First {
    const NAME: &'static str = "first";
    type Config = Config;

    fn build(_: &Config, setup: &Setup<'_>) -> Result<Box<dyn Balancer>, Problem> {
        let slots = |spec: &ServerSpec| f64::from(spec.slots.max(1));
        Ok(Box::new(Counted::new(setup.fleet, Key::Room, Among::InOrder, slots)))
    }
}
