//! The server whose hash together with the key is highest.
//!
//! **What it does.** Scores every server with a hash of key and server, by weight w as -w / ln(u),
//! and takes the highest candidate. **It scans all servers**: O(n), without any table.
//! **When it shines.** Small fleets: a server that leaves moves its own keys and no other, weights
//! are exact, and the next best choice is as even as the first.
//! **When it fails.** Large fleets, by the cost of a pick; a hot key has one server unless
//! `bounded-load` spreads it.
//! **Source.** Thaler and Ravishankar 1998; the weighted form is Schindelhauer and Schomaker's
//! (2005).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::keyed::{Host, Keyed, Table};
use super::tools::{Bound, BoundForm};
use super::{Balancer, Setup};
use crate::diagnose::Problem;
use crate::registry::Variant;
use crate::rng::split_mix;

/// Options.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct Config {
    /// How far above its share a server may go, as 1.25; absent: as far as it comes.
    bounded_load: Option<f64>,
    /// Whose rule of bounded load: `haproxy` (strict) or `envoy` (one looser).
    bound: BoundForm,
}

/// The policy: the servers' own hashes, and their weights where they differ.
#[derive(Debug, Default)]
pub struct Rendezvous {
    seeds: Vec<u64>,
    weights: Option<Vec<f64>>,
}

impl Variant<dyn Balancer> for Rendezvous {
    const NAME: &'static str = "rendezvous";
    type Config = Config;

    fn check(config: &Config) -> Result<(), Problem> {
        Bound::check(config.bounded_load)
    }

    fn build(config: &Config, setup: &Setup<'_>) -> Result<Box<dyn Balancer>, Problem> {
        Keyed::build(Self::default(), (config.bounded_load, config.bound), setup)
    }
}

/// The highest score, the first of equals.
fn highest<S: PartialOrd>(scores: impl Iterator<Item = (usize, S)>) -> Option<usize> {
    let best = scores.reduce(|best, next| if next.1 > best.1 { next } else { best });
    best.map(|(place, _)| place)
}

impl Table for Rendezvous {
    fn make(&mut self, hosts: &[Host]) {
        self.seeds = hosts.iter().map(|host| split_mix(!u64::from(host.server.0))).collect();
        let equal = hosts.iter().all(|host| host.weight == hosts[0].weight);
        let weights = || hosts.iter().map(|host| host.weight as f64).collect();
        self.weights = (!equal).then(weights);
    }

    fn find(&self, hash: u64, mut fits: impl FnMut(usize) -> bool) -> Option<usize> {
        let scores = self.seeds.iter().map(|seed| split_mix(hash ^ seed)).enumerate();
        let scores = scores.filter(|(place, _)| fits(*place));
        match &self.weights {
            None => highest(scores),
            Some(weights) => highest(scores.map(|(place, score)| {
                let unit = ((score >> 11) as f64 + 0.5) / (1_u64 << 53) as f64;
                (place, -weights[place] / unit.ln())
            })),
        }
    }
}
