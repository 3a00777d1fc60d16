//! Retries are at most a share of the requests that came in lately.
//!
//! **What it does.** Each request puts `share` of a retry on an account for as long as `window`;
//! `least` retries a second are let through in any case. A retry takes one from the account.
//! **When it shines.** It bounds the load: with 20 % the fleet sees at most 1.2 times the requests,
//! however they fail.
//! **When it fails.** A quiet service saves up for the whole window and may spend it in one burst.
//! **Source.** Finagle's and Linkerd's retry budget: 20 %, 10 a second, over 10 s.

use std::collections::VecDeque;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Budget;
use crate::diagnose::Problem;
use crate::registry::Variant;
use crate::time::{Duration, Instant};
use crate::units::Share;

/// Options.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct Config {
    /// Retries for each request, at most 1.
    share: Share,
    /// Retries a second that are let through in any case.
    least: f64,
    /// How long what is put on the account stays there.
    window: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self { share: Share(0.2), least: 10.0, window: Duration::from_secs(10) }
    }
}

/// The account in slices of a tenth of the window: what came in less what was spent.
#[derive(Debug)]
pub struct ShareOfRequests {
    config: Config,
    slices: VecDeque<(u64, f64)>,
}

/// Slices of a window.
const SLICES: u64 = 10;

impl Variant<dyn Budget> for ShareOfRequests {
    const NAME: &'static str = "share-of-requests";
    type Config = Config;

    fn check(config: &Config) -> Result<(), Problem> {
        if config.window.0 < SLICES {
            return Err(Problem::about("window", "`window` must be above 0")
                .help("Finagle's default is `10s`"));
        }
        if !(config.least >= 0.0 && config.least.is_finite()) {
            return Err(Problem::about("least", "`least` must be at least 0")
                .help("it is a number of retries a second"));
        }
        Ok(())
    }

    fn build(config: &Config, (): &()) -> Result<Box<dyn Budget>, Problem> {
        Ok(Box::new(Self { config: config.clone(), slices: VecDeque::new() }))
    }
}

impl ShareOfRequests {
    fn slice(&mut self, now: Instant) -> &mut f64 {
        let number = now.0 / (self.config.window.0 / SLICES);
        while self.slices.front().is_some_and(|(old, _)| old + SLICES <= number) {
            self.slices.pop_front();
        }
        if self.slices.back().is_none_or(|(last, _)| *last < number) {
            self.slices.push_back((number, 0.0));
        }
        &mut self.slices.back_mut().expect("a slice was just made").1
    }
}

impl Budget for ShareOfRequests {
    fn request(&mut self, now: Instant) {
        let share = self.config.share.0;
        *self.slice(now) += share;
    }

    fn allows(&mut self, now: Instant, _: u64, _: u64) -> bool {
        self.slice(now);
        let reserve = self.config.least * self.config.window.as_secs_f64();
        let balance: f64 = reserve + self.slices.iter().map(|(_, sum)| sum).sum::<f64>();
        if balance < 1.0 - 1e-9 {
            return false;
        }
        *self.slice(now) -= 1.0;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fifth_of_the_requests_of_the_last_ten_seconds() {
        let config = Config { least: 0.0, ..Config::default() };
        let mut budget = ShareOfRequests { config, slices: VecDeque::new() };
        let at = |second| Instant::START + Duration::from_secs(second);
        (0..50).for_each(|_| budget.request(at(0)));
        let granted = |budget: &mut ShareOfRequests, second| {
            (0..20).filter(|_| budget.allows(at(second), 0, 0)).count()
        };
        assert_eq!(granted(&mut budget, 1), 10);
        (0..50).for_each(|_| budget.request(at(2)));
        assert_eq!(granted(&mut budget, 30), 0, "what was saved has lapsed");
    }
}
