//! Any server, each with the same probability.
//!
//! **What it does.** Draws one of the candidates uniformly. O(1).
//! **When it shines.** Many independent balancers: nothing to keep in step, nothing to go stale.
//! **When it fails.** At high load: some servers queue while others idle.
//! **Source.** Envoy `random`; N parallel M/M/1 queues in theory.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Balancer, Pick, Setup, Sight};
use crate::diagnose::Problem;
use crate::fleet::View;
use crate::model::Request;
use crate::registry::Variant;
use crate::rng::Stream;

/// No options.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Config {}

/// The policy.
#[derive(Debug)]
pub struct Random;

impl Variant<dyn Balancer> for Random {
    const NAME: &'static str = "random";
    type Config = Config;

    fn build(_: &Config, _: &Setup<'_>) -> Result<Box<dyn Balancer>, Problem> {
        Ok(Box::new(Self))
    }
}

impl Balancer for Random {
    fn pick(&mut self, _: &Request, view: &View<'_>, stream: &mut Stream) -> Pick {
        let candidates = view.candidates.as_slice();
        Pick::Server(candidates[stream.below(candidates.len() as u32) as usize])
    }

    fn sight(&self) -> Sight {
        Sight::Nothing
    }
}
