//! Any server, each with the probability of its weight.
//!
//! **What it does.** Draws one of the candidates with probability w/Σw. O(1) by an alias table,
//! made again in O(n) when a server joins or leaves.
//! **When it shines.** Many independent balancers before servers of different size.
//! **When it fails.** At high load: some servers queue while others idle; see `random`.
//! **Source.** nginx `random`, HAProxy `random(1)`, gRPC's weighted random; the alias method is
//! Walker's (1977).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::tools::{Alias, Roster, some_weight};
use super::{Balancer, Pick, Setup, Sight};
use crate::diagnose::Problem;
use crate::fleet::{Fleet, FleetChange, View};
use crate::model::Request;
use crate::registry::Variant;
use crate::rng::Stream;

/// No options.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Config {}

/// The policy.
#[derive(Debug)]
pub struct WeightedRandom {
    roster: Roster,
    table: Option<Alias>,
}

/// Draws that miss the candidates before all of these are weighed one by one.
const TRIES: u32 = 20;

impl Variant<dyn Balancer> for WeightedRandom {
    const NAME: &'static str = "weighted-random";
    type Config = Config;

    fn build(_: &Config, setup: &Setup<'_>) -> Result<Box<dyn Balancer>, Problem> {
        some_weight(setup.fleet)?;
        Ok(Box::new(Self { roster: Roster::of(setup.fleet), table: None }))
    }
}

impl WeightedRandom {
    fn make_table(&mut self, view: &View<'_>) {
        let servers = self.roster.as_slice();
        let weights: Vec<f64> = servers.iter().map(|&id| f64::from(view.weight(id))).collect();
        self.table = weights.iter().any(|weight| *weight > 0.0).then(|| Alias::new(&weights));
    }
}

impl Balancer for WeightedRandom {
    fn pick(&mut self, _: &Request, view: &View<'_>, stream: &mut Stream) -> Pick {
        if self.roster.take_changed() {
            self.make_table(view);
        }
        if let Some(table) = &self.table {
            for _ in 0..TRIES {
                let server = self.roster.as_slice()[table.draw(stream)];
                if view.candidates.contains(server) {
                    return Pick::Server(server);
                }
            }
        }
        let candidates = view.candidates.as_slice();
        let total = candidates.iter().map(|&server| u64::from(view.weight(server))).sum::<u64>();
        let mut left = (stream.open01() * total as f64) as u64;
        for &server in candidates {
            let weight = u64::from(view.weight(server));
            if left < weight {
                return Pick::Server(server);
            }
            left -= weight;
        }
        // Only servers of weight 0 are left.
        Pick::Server(candidates[stream.below(candidates.len() as u32) as usize])
    }

    fn on_fleet(&mut self, change: FleetChange, _: &Fleet) {
        self.roster.apply(change);
    }

    fn sight(&self) -> Sight {
        Sight::Nothing
    }
}
