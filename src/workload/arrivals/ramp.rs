//! A rate that grows, or shrinks, evenly: a launch, a rollout, the search for the breaking point.
//!
//! **What it does.** Poisson arrivals at `from` until `start`, then along a straight line to `to`
//! within `over`, then at `to`.
//! **When it shines.** Finding the load at which a fleet gives up; watching an autoscaler follow.
//! **When it fails.** As a steady state: no stretch of a ramp has one.
//! **Source.** The non-homogeneous Poisson process, by exact inversion of its cumulative rate.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::curve::Curve;
use super::{Arrivals, Setup, check_rate_or_zero, check_span};
use crate::diagnose::Problem;
use crate::registry::Variant;
use crate::time::Duration;
use crate::units::Rate;

/// Options.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Config {
    /// Mean arrivals a second before it; not 0 if `to` is.
    from: Rate,
    /// Mean arrivals a second after it.
    to: Rate,
    /// When it starts.
    #[serde(default)]
    start: Duration,
    /// How long it takes, longer than 0s; to the end of the run when absent.
    over: Option<Duration>,
}

/// The process.
#[derive(Debug)]
pub struct Ramp;

impl Variant<dyn Arrivals> for Ramp {
    const NAME: &'static str = "ramp";
    type Config = Config;

    fn check(config: &Config) -> Result<(), Problem> {
        check_rate_or_zero("from", config.from)?;
        check_rate_or_zero("to", config.to)?;
        if config.from.0 + config.to.0 == 0.0 {
            let message = "one of `from` and `to` must be above 0, or nothing ever arrives";
            return Err(Problem::about("to", message));
        }
        config.over.map_or(Ok(()), |over| check_span("over", over))
    }

    fn build(config: &Config, setup: &Setup<'_>) -> Result<Box<dyn Arrivals>, Problem> {
        let the_rest = setup.duration.map(|run| Duration(run.0.saturating_sub(config.start.0)));
        let Some(over) = config.over.or(the_rest) else {
            return Err(Problem::new("a ramp in a run of unknown length needs `over`")
                .help("add e.g. `over = \"30m\"`, or set the duration of the run"));
        };
        if over == Duration::ZERO {
            return Err(Problem::about("start", "`start` must be before the end of the run"));
        }
        let (from, to) = (setup.per_ns(config.from), setup.per_ns(config.to));
        let curve = Curve::default().then(config.start, from, from).then(over, from, to);
        Ok(Box::new(curve.for_ever(to)))
    }
}
