//! Each server in its turn.
//!
//! **What it does.** Goes through the candidates in order of number, round and round. O(1). Several
//! balancers start evenly apart, so that they do not all begin at the first server.
//! **When it shines.** Equal servers and requests of similar size.
//! **When it fails.** Uneven servers, or a few very long requests: it never looks who is busy.
//! **Source.** nginx and HAProxy with equal weights; N parallel `E_N/M/1` queues in theory.

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

/// The policy: the number from which the next search starts.
#[derive(Debug)]
pub struct RoundRobin {
    next: u32,
}

impl Variant<dyn Balancer> for RoundRobin {
    const NAME: &'static str = "round-robin";
    type Config = Config;

    fn build(_: &Config, setup: &Setup<'_>) -> Result<Box<dyn Balancer>, Problem> {
        let servers = setup.fleet.len() as u64;
        let phase = servers * u64::from(setup.balancer) / u64::from(setup.balancers.max(1));
        Ok(Box::new(Self { next: phase as u32 }))
    }
}

impl Balancer for RoundRobin {
    fn pick(&mut self, _: &Request, view: &View<'_>, _: &mut Stream) -> Pick {
        let from = if (self.next as usize) < view.servers() { self.next } else { 0 };
        match view.candidates.next_from(from) {
            Some(server) => {
                self.next = server.0 + 1;
                Pick::Server(server)
            }
            None => Pick::Refuse,
        }
    }

    fn sight(&self) -> Sight {
        Sight::Nothing
    }
}
