//! A metronome: every gap is the same.
//!
//! **What it does.** An arrival every 1 / `rate`, or `every` so long, without drift: the k-th one
//! is at k gaps to the nanosecond.
//! **When it shines.** Sensors, health checks, load generators at a constant pace; the D of D/M/c.
//! **When it fails.** Users: without variance queues look far too short.
//! **Source.** The degenerate renewal process.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Arrivals, Setup, check_rate, check_span};
use crate::diagnose::Problem;
use crate::registry::Variant;
use crate::rng::Stream;
use crate::time::{Duration, Instant};
use crate::units::Rate;

/// Options: `rate` or `every`.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Config {
    /// Arrivals a second, above 0.
    rate: Option<Rate>,
    /// The gap between two arrivals, longer than 0s.
    every: Option<Duration>,
    /// When the first one arrives; after one gap when absent.
    first: Option<Duration>,
}

/// The process.
#[derive(Debug)]
pub struct Deterministic {
    first: Option<Duration>,
    gap: Duration,
    /// What the gap has beyond its whole nanoseconds, and how much of that is owed by now.
    fraction: f64,
    owed: f64,
}

impl Variant<dyn Arrivals> for Deterministic {
    const NAME: &'static str = "deterministic";
    type Config = Config;

    fn check(config: &Config) -> Result<(), Problem> {
        match (config.rate, config.every) {
            (Some(rate), None) => check_rate("rate", rate),
            (None, Some(every)) => check_span("every", every),
            (given, _) => {
                let what = if given.is_some() { "not both" } else { "or it has no pace" };
                Err(Problem::about("every", format!("give `rate` or `every`, {what}"))
                    .help("write e.g. `rate = \"120/s\"` or `every = \"30s\"`"))
            }
        }
    }

    fn build(config: &Config, setup: &Setup<'_>) -> Result<Box<dyn Arrivals>, Problem> {
        let gap_ns = match (config.every, config.rate) {
            (Some(every), _) => every.0 as f64 / setup.rate_scale,
            (None, rate) => {
                1.0 / setup.per_ns(rate.expect("checked: a rate where there is no gap"))
            }
        };
        let (gap, fraction) = (Duration(gap_ns as u64), gap_ns.fract());
        Ok(Box::new(Self { first: config.first, gap, fraction, owed: 0.0 }))
    }
}

impl Arrivals for Deterministic {
    #[inline]
    fn next(&mut self, last: Instant, _: &mut Stream) -> Instant {
        if let Some(first) = self.first.take() {
            return Instant::START + first;
        }
        self.owed += self.fraction;
        let whole = self.owed as u64;
        self.owed -= whole as f64;
        last + Duration(self.gap.0 + whole)
    }
}
