//! Independent users: gaps are exponential, and the past says nothing about the next arrival.
//!
//! **What it does.** Gaps of mean 1 / rate, exponential and independent.
//! **When it shines.** Many independent users over a stretch in which the rate hardly changes.
//! **When it fails.** Bursts, retries, cron jobs and daily rhythms: real traffic is often burstier.
//! **Source.** The M of M/M/c.

use rand_distr::{Distribution, Exp1};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Arrivals, Setup};
use crate::diagnose::Problem;
use crate::registry::Variant;
use crate::rng::Stream;
use crate::time::{Duration, Instant};
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
        if config.rate.0 > 0.0 {
            return Ok(());
        }
        Err(Problem::about("rate", "`rate` must be above 0").help("write e.g. `120/s`"))
    }

    fn build(config: &Config, _: &Setup<'_>) -> Result<Box<dyn Arrivals>, Problem> {
        Ok(Box::new(Self { gap_ns: 1e9 / config.rate.0 }))
    }
}

impl Arrivals for Poisson {
    #[inline]
    fn next(&mut self, last: Instant, stream: &mut Stream) -> Instant {
        let gap: f64 = Exp1.sample(stream);
        last + Duration((gap * self.gap_ns + 0.5) as u64)
    }
}
