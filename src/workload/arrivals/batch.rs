//! Several requests at once: the arrivals of another process, each with company.
//!
//! **What it does.** At each arrival of `epochs` come `size` requests in one instant; sizes are
//! rounded to whole numbers of at least 1.
//! **When it shines.** Pages that fetch twenty things, bulk jobs, queues drained in batches.
//! **When it fails.** Company that comes a little later: use `hawkes`.
//! **Source.** The `M[X]` of `M[X]/M/c` (Chaudhry and Templeton 1983).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Arrivals, Setup};
use crate::diagnose::Problem;
use crate::law::{self, Law, Unit};
use crate::registry::{Recipe, Variant};
use crate::rng::Stream;
use crate::time::Instant;

/// Options.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Config {
    /// When batches arrive, e.g. `"poisson:rate=10/s"`.
    epochs: Recipe<dyn Arrivals>,
    /// How many requests a batch has, e.g. `"constant:value=8"`.
    size: Recipe<dyn Law>,
}

/// The process.
pub struct Batch {
    epochs: Box<dyn Arrivals>,
    size: Box<dyn Law>,
    left: u64,
}

impl Variant<dyn Arrivals> for Batch {
    const NAME: &'static str = "batch";
    type Config = Config;

    fn build(config: &Config, setup: &Setup<'_>) -> Result<Box<dyn Arrivals>, Problem> {
        let law = law::Setup { unit: Unit::Count, folder: setup.folder };
        let (epochs, size) = (config.epochs.build(setup)?, config.size.build(&law)?);
        Ok(Box::new(Self { epochs, size, left: 0 }))
    }
}

impl Arrivals for Batch {
    #[inline]
    fn next(&mut self, last: Instant, stream: &mut Stream) -> Instant {
        if self.left > 0 {
            self.left -= 1;
            return last;
        }
        let epoch = self.epochs.next(last, stream);
        let size = self.size.sample(stream).round() as u64;
        self.left = size.max(1) - 1;
        epoch
    }

    fn is_stationary(&self) -> bool {
        self.epochs.is_stationary()
    }
}
