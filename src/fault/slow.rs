//! The server is slow: it serves at a part of its speed.
//!
//! **What it does.** Everything at the server takes 1 / `speed` times as long while it lasts; what
//! is in service keeps what it has got. Health checks still pass: they ask whether it answers.
//! **When it shines.** Grey failures: a throttled processor, a noisy neighbour, a degraded disk, a
//! long pause of the garbage collector.
//! **When it fails.** A server that answers nothing at all: see `outage`.
//! **Source.** Dean and Barroso, "The tail at scale", 2013; Huang et al., "Gray failure", 2017.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Effect, Fault};
use crate::diagnose::Problem;
use crate::registry::Variant;

/// Options.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct Config {
    /// Its speed meanwhile as a share of its full speed, above 0.
    speed: f64,
}

impl Default for Config {
    fn default() -> Self {
        Self { speed: 0.1 }
    }
}

/// The fault.
#[derive(Debug)]
pub struct Slow(f64);

impl Variant<dyn Fault> for Slow {
    const NAME: &'static str = "slow";
    type Config = Config;

    fn check(config: &Config) -> Result<(), Problem> {
        if config.speed > 0.0 && config.speed <= 1.0 {
            return Ok(());
        }
        let message = format!("`speed` = {} is not a share above 0 and at most 1", config.speed);
        Err(Problem::about("speed", message)
            .help("0.1 is ten times slower; a server that stands still has the fault `outage`"))
    }

    fn build(config: &Config, (): &()) -> Result<Box<dyn Fault>, Problem> {
        Ok(Box::new(Self(config.speed)))
    }
}

impl Fault for Slow {
    fn effect(&self) -> Effect {
        Effect::Slow(self.0)
    }
}
