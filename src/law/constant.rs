//! Always the same value.
//!
//! **What it does.** Every draw is `value`.
//! **When it shines.** Fixed-size work, and models of D type such as M/D/c.
//! **When it fails.** Real service times vary; without variance queues look far too short.
//! **Source.** The degenerate distribution.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::params::not_negative;
use super::{Law, Quantity, Setup};
use crate::diagnose::Problem;
use crate::registry::Variant;
use crate::rng::Stream;

/// Options.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Config {
    /// The value of every draw.
    #[serde(alias = "mean")]
    value: Quantity,
}

/// The constant law.
#[derive(Debug)]
pub struct Constant(f64);

impl Variant<dyn Law> for Constant {
    const NAME: &'static str = "constant";
    type Config = Config;

    fn build(config: &Config, setup: &Setup<'_>) -> Result<Box<dyn Law>, Problem> {
        Ok(Box::new(Self(not_negative(config.value, setup, "value")?)))
    }
}

impl Law for Constant {
    fn sample(&self, _: &mut Stream) -> f64 {
        self.0
    }
    fn mean(&self) -> f64 {
        self.0
    }
    fn variance(&self) -> f64 {
        0.0
    }
    fn cdf(&self, x: f64) -> f64 {
        f64::from(u8::from(x >= self.0))
    }
}
