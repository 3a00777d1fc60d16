//! A rate that jumps once and stays: traffic moved over, a region lost, a feature switched on.
//!
//! **What it does.** Poisson arrivals at `from` until `at`, then at `to`.
//! **When it shines.** How fast an autoscaler answers, and what the requests of the gap suffer.
//! **When it fails.** As everyday traffic: most of it grows over minutes.
//! **Source.** The step response of control theory; the process is a piecewise Poisson one, drawn
//! by exact inversion of its cumulative rate.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::curve::Curve;
use super::{Arrivals, Setup, check_rate_or_zero};
use crate::diagnose::Problem;
use crate::registry::Variant;
use crate::time::Duration;
use crate::units::Rate;

/// Options.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Config {
    /// Mean arrivals a second before the jump; not 0 if `to` is.
    from: Rate,
    /// Mean arrivals a second after it.
    to: Rate,
    /// When it jumps; not 0s if `to` is 0.
    at: Duration,
}

/// The process.
#[derive(Debug)]
pub struct Step;

impl Variant<dyn Arrivals> for Step {
    const NAME: &'static str = "step";
    type Config = Config;

    fn check(config: &Config) -> Result<(), Problem> {
        check_rate_or_zero("from", config.from)?;
        check_rate_or_zero("to", config.to)?;
        if config.to.0 == 0.0 && (config.from.0 == 0.0 || config.at == Duration::ZERO) {
            let message = "`to` must be above 0 if nothing arrives before, or nothing ever arrives";
            return Err(Problem::about("to", message));
        }
        Ok(())
    }

    fn build(config: &Config, setup: &Setup<'_>) -> Result<Box<dyn Arrivals>, Problem> {
        let (from, to) = (setup.per_ns(config.from), setup.per_ns(config.to));
        Ok(Box::new(Curve::default().then(config.at, from, from).for_ever(to)))
    }
}
