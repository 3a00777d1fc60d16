//! Any server, the likelier the sooner it has been answering.
//!
//! **What it does.** Draws a candidate with probability proportional to 1 / (1 + L/r), L being its
//! smoothed response time and r the `reference`; a server not yet measured counts as L = 0. O(log
//! n).
//! **When it shines.** Servers of different and unknown speed: everyone keeps some traffic, so that
//! everyone is measured and nobody is flooded.
//! **When it fails.** It never quite leaves a bad server, and it looks at the past only.
//! **Source.** The share rule of response-time weighting; Netflix Ribbon's
//! `WeightedResponseTimeRule` is of the kind.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::lowest_response_time::check_smoothing;
use super::tools::{Latencies, SumTree};
use super::{Balancer, Pick, Setup};
use crate::diagnose::Problem;
use crate::fleet::{Fleet, FleetChange, View};
use crate::model::{Completion, Request};
use crate::registry::Variant;
use crate::rng::Stream;
use crate::time::Duration;

/// Options.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct Config {
    /// The response time r at which a server's share is half that of one that answers at once.
    reference: Duration,
    /// The weight of a new response time in the mean, above 0 and up to 1.
    smoothing: f64,
}

impl Default for Config {
    fn default() -> Self {
        Self { reference: Duration::from_millis(100), smoothing: 0.2 }
    }
}

/// Refuses a reference of nothing.
pub(super) fn check_reference(reference: Duration) -> Result<(), Problem> {
    if reference > Duration::ZERO {
        return Ok(());
    }
    Err(Problem::about("reference", "`reference` = 0 leaves every server no share at all")
        .help("take about the response time you expect, e.g. \"100ms\""))
}

/// The policy.
#[derive(Debug)]
pub struct ResponseTimeShare {
    reference: f64,
    latencies: Latencies,
    shares: SumTree,
}

impl Variant<dyn Balancer> for ResponseTimeShare {
    const NAME: &'static str = "response-time-share";
    type Config = Config;

    fn check(config: &Config) -> Result<(), Problem> {
        check_smoothing(config.smoothing)?;
        check_reference(config.reference)
    }

    fn build(config: &Config, setup: &Setup<'_>) -> Result<Box<dyn Balancer>, Problem> {
        let mut shares = SumTree::default();
        setup.fleet.members().in_order().for_each(|server| shares.set(server, 1.0));
        Ok(Box::new(Self {
            reference: config.reference.as_secs_f64(),
            latencies: Latencies::new(config.smoothing),
            shares,
        }))
    }
}

impl Balancer for ResponseTimeShare {
    fn pick(&mut self, _: &Request, view: &View<'_>, stream: &mut Stream) -> Pick {
        self.shares.draw_among(view.candidates, stream).map_or(Pick::Refuse, Pick::Server)
    }

    fn on_done(&mut self, done: &Completion) {
        if let Some(server) = self.latencies.learn(done)
            && self.shares.get(server) > 0.0
        {
            let share = 1.0 / (1.0 + self.latencies.get(server) / self.reference);
            self.shares.set(server, share);
        }
    }

    fn on_fleet(&mut self, change: FleetChange, fleet: &Fleet) {
        self.latencies.change(change, fleet);
        match change {
            FleetChange::Joined(server) => self.shares.set(server, 1.0),
            FleetChange::Left(server) => self.shares.set(server, 0.0),
        }
    }
}
