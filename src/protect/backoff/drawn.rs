//! Every retry waits for a time drawn from one law.
//!
//! **What it does.** Draws the wait of each retry from `law`, however many went before.
//! **When it shines.** People who try again later; the retrial queues of telephony, whose customers
//! come back after exponential times.
//! **When it fails.** Under lasting overload waits do not grow.
//! **Source.** Falin and Templeton, "Retrial Queues", 1997.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Backoff, Setup};
use crate::diagnose::Problem;
use crate::law::{self, Law, Unit};
use crate::registry::{Recipe, Variant};
use crate::rng::Stream;
use crate::time::Duration;

/// Options.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct Config {
    /// The law of waits.
    law: Recipe<dyn Law>,
}

impl Default for Config {
    fn default() -> Self {
        Self { law: Recipe::named("exponential:mean=1s").expect("a law with its options") }
    }
}

/// The back-off.
#[derive(Debug)]
pub struct Drawn(Box<dyn Law>);

impl Variant<dyn Backoff> for Drawn {
    const NAME: &'static str = "drawn";
    type Config = Config;
    fn build(config: &Config, setup: &Setup<'_>) -> Result<Box<dyn Backoff>, Problem> {
        let setup = law::Setup { unit: Unit::Time, folder: setup.folder };
        Ok(Box::new(Self(config.law.build(&setup)?)))
    }
}

impl Backoff for Drawn {
    fn wait(&self, _: u32, stream: &mut Stream) -> Duration {
        Duration::from_secs_f64(self.0.sample(stream))
    }
}
