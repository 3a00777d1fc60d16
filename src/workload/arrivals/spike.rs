//! A rate that shoots up for a while and comes back: a sale, a push notification, a failover.
//!
//! **What it does.** Poisson arrivals at `base`; from `at` on the rate climbs to `peak` within
//! `rise`, stays there for `hold`, and falls back within `fall`; with `every` again and again.
//! **When it shines.** What a burst costs, how long its queue lasts, whether retries keep it alive.
//! **When it fails.** Bursts at random times: use `mmpp` or `hawkes`, which nothing can foretell.
//! **Source.** The non-homogeneous Poisson process, by exact inversion of its cumulative rate.

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
    /// Mean arrivals a second outside of the spike.
    base: Rate,
    /// Mean arrivals a second at its top; not 0 if `base` is. Below `base` it is a dip.
    peak: Rate,
    /// When it starts.
    at: Duration,
    /// How long it stays at the top.
    #[serde(default)]
    hold: Duration,
    /// How long the way up takes.
    #[serde(default)]
    rise: Duration,
    /// How long the way down takes; with `hold` and `rise` longer than 0s.
    #[serde(default)]
    fall: Duration,
    /// From the start of one spike to that of the next, at least its length; once when absent.
    every: Option<Duration>,
}

/// The process.
#[derive(Debug)]
pub struct Spike;

impl Variant<dyn Arrivals> for Spike {
    const NAME: &'static str = "spike";
    type Config = Config;

    fn check(config: &Config) -> Result<(), Problem> {
        check_rate_or_zero("base", config.base)?;
        check_rate_or_zero("peak", config.peak)?;
        if config.base.0 + config.peak.0 == 0.0 {
            let message = "one of `base` and `peak` must be above 0, or nothing ever arrives";
            return Err(Problem::about("peak", message));
        }
        let length = config.length();
        if length == Duration::ZERO {
            return Err(Problem::about("hold", "the spike must be longer than 0s")
                .help("write e.g. `hold = \"5m\"`, or give `rise` and `fall`"));
        }
        match config.every {
            Some(every) if every < length => {
                let message = format!("`every` must be at least the length of a spike, {length}");
                Err(Problem::about("every", message))
            }
            _ => Ok(()),
        }
    }

    fn build(config: &Config, setup: &Setup<'_>) -> Result<Box<dyn Arrivals>, Problem> {
        let (base, peak) = (setup.per_ns(config.base), setup.per_ns(config.peak));
        let curve = Curve::default()
            .then(config.at, base, base)
            .then(config.rise, base, peak)
            .then(config.hold, peak, peak)
            .then(config.fall, peak, base);
        Ok(Box::new(match config.every {
            Some(every) => {
                let rest = Duration(every.0 - config.length().0);
                curve.then(rest, base, base).repeated_after(config.at)
            }
            None => curve.for_ever(base),
        }))
    }
}

impl Config {
    fn length(&self) -> Duration {
        self.rise + self.hold + self.fall
    }
}
