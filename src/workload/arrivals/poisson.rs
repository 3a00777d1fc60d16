//! Independent users: gaps are exponential, and the past says nothing about the next arrival.
//!
//! **What it does.** Gaps of mean 1 / rate, exponential and independent.
//! **When it shines.** Many independent users over a stretch in which the rate hardly changes.
//! **When it fails.** Bursts, retries, cron jobs and daily rhythms: real traffic is often burstier.
//! **Source.** The M of M/M/c.

use rand_distr::{Distribution, Exp1};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Arrivals, Setup, check_rate, whole};
use crate::diagnose::Problem;
use crate::registry::Variant;
use crate::rng::Stream;
use crate::time::Instant;
use crate::units::Rate;

/// Options.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Config {
    /// Mean arrivals a second, above 0.
    rate: Rate,
}

/// The process.
#[derive(Debug)]
pub struct Poisson {
    gap_ns: f64,
}

impl Variant<dyn Arrivals> for Poisson {
    const NAME: &'static str = "poisson";
    type Config = Config;

    fn check(config: &Config) -> Result<(), Problem> {
        check_rate("rate", config.rate)
    }

    fn build(config: &Config, setup: &Setup<'_>) -> Result<Box<dyn Arrivals>, Problem> {
        Ok(Box::new(Self { gap_ns: 1.0 / setup.per_ns(config.rate) }))
    }
}

impl Arrivals for Poisson {
    #[inline]
    fn next(&mut self, last: Instant, stream: &mut Stream) -> Instant {
        let gap: f64 = Exp1.sample(stream);
        last + whole(gap * self.gap_ns)
    }
}
