//! Gaps of any law, each independent of the others.
//!
//! **What it does.** Draws every gap from `gap`; the first arrival comes after one gap.
//! **When it shines.** Gaps steadier than Poisson (`erlang`) or more uneven (`hyper-exponential`,
//! `lognormal`, `empirical`); the G of G/M/c.
//! **When it fails.** Bursts that last: drawing gaps one by one destroys every correlation between
//! them, and with it most of the burstiness at longer scales (use `mmpp` or `hawkes`).
//! **Source.** Cox, *Renewal Theory* (1962).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Arrivals, Setup};
use crate::diagnose::Problem;
use crate::law::{self, Law, Unit};
use crate::registry::{Recipe, Variant};
use crate::rng::Stream;
use crate::time::{Duration, Instant, SECOND_NS};

/// Options.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Config {
    /// The law of a gap, e.g. `{ law = "lognormal", mean = "10ms", cv = 2 }`; its mean is at least
    /// a nanosecond.
    gap: Recipe<dyn Law>,
}

/// The process.
#[derive(Debug)]
pub struct Renewal {
    gap: Box<dyn Law>,
    scale: f64,
}

impl Variant<dyn Arrivals> for Renewal {
    const NAME: &'static str = "renewal";
    type Config = Config;

    fn build(config: &Config, setup: &Setup<'_>) -> Result<Box<dyn Arrivals>, Problem> {
        let law = law::Setup { unit: Unit::Time, folder: setup.folder };
        let gap = config.gap.build(&law)?;
        if gap.mean() * SECOND_NS as f64 >= 1.0 {
            return Ok(Box::new(Self { gap, scale: setup.rate_scale.recip() }));
        }
        Err(Problem::about("gap", "`gap` must have a mean of at least 1ns")
            .help("without gaps everything would arrive in one instant"))
    }
}

impl Arrivals for Renewal {
    #[inline]
    fn next(&mut self, last: Instant, stream: &mut Stream) -> Instant {
        last + Duration::from_secs_f64(self.gap.sample(stream) * self.scale)
    }
}
