//! The memoryless law: how much is left does not depend on how much has passed.
//!
//! **What it does.** P(X > x) = exp(−x / mean).
//! **When it shines.** Gaps between independent arrivals; the M of M/M/c.
//! **When it fails.** Service times with a heavy tail, or with hardly any spread.
//! **Source.** Sampled by the ziggurat of `rand_distr::Exp1`.

use rand_distr::{Distribution, Exp1};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::params::positive;
use super::{Law, Quantity, Setup};
use crate::diagnose::Problem;
use crate::registry::Variant;
use crate::rng::Stream;

/// Options.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Config {
    /// The mean; above 0.
    mean: Quantity,
}

/// The exponential law.
#[derive(Debug)]
pub struct Exponential {
    mean: f64,
}

impl Variant<dyn Law> for Exponential {
    const NAME: &'static str = "exponential";
    type Config = Config;

    fn build(config: &Config, setup: &Setup<'_>) -> Result<Box<dyn Law>, Problem> {
        Ok(Box::new(Self { mean: positive(config.mean, setup, "mean")? }))
    }
}

impl Law for Exponential {
    fn sample(&self, stream: &mut Stream) -> f64 {
        let unit: f64 = Exp1.sample(stream);
        unit * self.mean
    }
    fn mean(&self) -> f64 {
        self.mean
    }
    fn variance(&self) -> f64 {
        self.mean * self.mean
    }
    fn cdf(&self, x: f64) -> f64 {
        if x <= 0.0 { 0.0 } else { -(-x / self.mean).exp_m1() }
    }
}
