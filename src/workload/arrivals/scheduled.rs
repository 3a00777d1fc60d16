//! Arrivals by the clock: at listed times, once or in every period.
//!
//! **What it does.** An arrival at each time of `at` after the start, and with `repeat` again that
//! much later, and so on. Several at one time are several arrivals.
//! **When it shines.** Cron jobs, backups, market openings; inside `batch`, a whole herd of them.
//! **When it fails.** Anything that people do.
//! **Source.** crontab(5).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Arrivals, Setup, check_span};
use crate::diagnose::Problem;
use crate::registry::Variant;
use crate::rng::Stream;
use crate::time::{Duration, Instant};

/// Options.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Config {
    /// Times after the start, at least one, in any order: `["0s", "9h"]`.
    at: Vec<Duration>,
    /// After how long they come again, longer than the last of them; once when absent.
    repeat: Option<Duration>,
}

/// The process.
#[derive(Debug)]
pub struct Scheduled {
    times: Vec<Duration>,
    next: usize,
    round: Instant,
    repeat: Duration,
}

impl Variant<dyn Arrivals> for Scheduled {
    const NAME: &'static str = "scheduled";
    type Config = Config;

    fn check(config: &Config) -> Result<(), Problem> {
        let Some(last) = config.at.iter().max() else {
            let problem = Problem::about("at", "`at` must name a time, or nothing ever arrives");
            return Err(problem.help("write e.g. `at = [\"0s\", \"9h\"]`"));
        };
        let Some(repeat) = config.repeat else { return Ok(()) };
        check_span("repeat", repeat)?;
        if repeat > *last {
            return Ok(());
        }
        let message = format!("`repeat` must be longer than the last of the times, {last}");
        Err(Problem::about("repeat", message))
    }

    fn build(config: &Config, setup: &Setup<'_>) -> Result<Box<dyn Arrivals>, Problem> {
        if setup.rate_scale != 1.0 {
            return Err(Problem::new("a schedule has no rate that `rate-scale` could multiply")
                .help("write more times, or make each a `batch`"));
        }
        let mut times = config.at.clone();
        times.sort_unstable();
        let repeat = config.repeat.unwrap_or(Duration::FOREVER);
        Ok(Box::new(Self { times, next: 0, round: Instant::START, repeat }))
    }
}

impl Arrivals for Scheduled {
    fn next(&mut self, _: Instant, _: &mut Stream) -> Instant {
        if self.next == self.times.len() {
            self.next = 0;
            self.round = self.round + self.repeat;
        }
        self.next += 1;
        self.round + self.times[self.next - 1]
    }

    fn is_stationary(&self) -> bool {
        false
    }
}
