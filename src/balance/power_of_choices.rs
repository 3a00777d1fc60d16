//! The least loaded of a few servers drawn at random.
//!
//! **What it does.** Draws `choices` candidates and takes the one with the fewest requests in
//! flight from this balancer, the earlier draw on a tie. O(choices).
//! **When it shines.** Nearly as short queues as looking at every server, without the herd when
//! views are stale or partial.
//! **When it fails.** Few servers and low load, where a full look costs nothing and misses no idle
//! one.
//! **Source.** Vvedenskaya, Dobrushin and Karpelevich 1996; Mitzenmacher 2001. Envoy
//! `least_request` and gRPC draw with replacement, nginx `random two` without.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Balancer, Pick, Setup};
use crate::diagnose::Problem;
use crate::fleet::View;
use crate::model::{Request, ServerId};
use crate::registry::Variant;
use crate::rng::Stream;

/// Options.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct Config {
    /// How many servers are drawn, at least 1.
    choices: u32,
    /// Whether one server may be drawn twice for the same request.
    replacement: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self { choices: 2, replacement: false }
    }
}

/// The policy.
#[derive(Debug)]
pub struct PowerOfChoices {
    config: Config,
    drawn: Vec<ServerId>,
}

impl Variant<dyn Balancer> for PowerOfChoices {
    const NAME: &'static str = "power-of-choices";
    type Config = Config;

    fn check(config: &Config) -> Result<(), Problem> {
        if config.choices > 0 {
            return Ok(());
        }
        Err(Problem::about("choices", "`choices` must be at least 1").help("2 is the usual number"))
    }

    fn build(config: &Config, setup: &Setup<'_>) -> Result<Box<dyn Balancer>, Problem> {
        if !config.replacement && config.choices as usize > setup.fleet.len() {
            let (choices, servers) = (config.choices, setup.fleet.len());
            let message = format!("`choices` = {choices} of {servers} servers cannot be different");
            return Err(Problem::about("choices", message)
                .help("lower `choices`, or set `replacement = true`"));
        }
        Ok(Box::new(Self { config: config.clone(), drawn: Vec::new() }))
    }
}

impl Balancer for PowerOfChoices {
    fn pick(&mut self, _: &Request, view: &View<'_>, stream: &mut Stream) -> Pick {
        let candidates = view.candidates.as_slice();
        let total = candidates.len() as u32;
        let draw = |stream: &mut Stream| candidates[stream.below(total) as usize];
        if self.config.choices == 2 && !self.config.replacement && total > 1 {
            // The common case without a list: the second draw skips the first one's place.
            let first = stream.below(total);
            let other = stream.below(total - 1);
            let other = if other >= first { other + 1 } else { other };
            let (a, b) = (candidates[first as usize], candidates[other as usize]);
            return Pick::Server(if view.in_flight(b) < view.in_flight(a) { b } else { a });
        }
        let mut best = draw(stream);
        self.drawn.clear();
        self.drawn.push(best);
        let wanted = if self.config.replacement {
            self.config.choices
        } else {
            self.config.choices.min(total)
        };
        for _ in 1..wanted {
            let mut server = draw(stream);
            while !self.config.replacement && self.drawn.contains(&server) {
                server = draw(stream);
            }
            self.drawn.push(server);
            if view.in_flight(server) < view.in_flight(best) {
                best = server;
            }
        }
        Pick::Server(best)
    }
}
