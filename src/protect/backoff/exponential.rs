//! Each retry waits longer than the one before: `base`, times `factor` from retry to retry.
//!
//! **What it does.** The n-th retry waits base · factorⁿ⁻¹, at most `most`, changed by `jitter`:
//! `full` draws evenly between 0 and that, `equal` between its half and all of it, `fifth` between
//! 80 % and 120 % of it, `none` leaves it.
//! **When it shines.** Always; with `full` jitter retries of many clients do not come together.
//! **When it fails.** It spreads retries and does not lessen them: under lasting overload only a
//! budget does.
//! **Source.** Envoy waits with full jitter from 25 ms to ten times that; gRPC with a fifth either
//! way (A6); the comparison of jitters is Brooker's, "Exponential Backoff And Jitter", 2015.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Backoff, Setup};
use crate::diagnose::Problem;
use crate::registry::Variant;
use crate::rng::Stream;
use crate::time::Duration;

/// How a wait is varied.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum Jitter {
    /// Not at all.
    None,
    /// Evenly between nothing and the wait.
    #[default]
    Full,
    /// Evenly between half of the wait and the wait.
    Equal,
    /// Evenly between 80 % and 120 % of the wait.
    Fifth,
}

/// Options.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct Config {
    /// The wait before the first retry.
    base: Duration,
    /// How many times longer the next one is, at least 1.
    factor: f64,
    /// The longest wait.
    most: Duration,
    /// How it is varied: `none`, `full`, `equal` or `fifth`.
    jitter: Jitter,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            base: Duration::from_millis(25),
            factor: 2.0,
            most: Duration::from_millis(250),
            jitter: Jitter::Full,
        }
    }
}

/// The back-off.
#[derive(Debug)]
pub struct Exponential(Config);

impl Variant<dyn Backoff> for Exponential {
    const NAME: &'static str = "exponential";
    type Config = Config;

    fn check(config: &Config) -> Result<(), Problem> {
        if !(config.factor >= 1.0 && config.factor.is_finite()) {
            let message = format!("`factor` = {} is below 1", config.factor);
            return Err(Problem::about("factor", message).help("2 doubles the wait each time"));
        }
        if config.most < config.base {
            return Err(Problem::about("most", "`most` is shorter than `base`")
                .help("it is the longest wait; Envoy takes ten times `base`"));
        }
        Ok(())
    }

    fn build(config: &Config, _: &Setup<'_>) -> Result<Box<dyn Backoff>, Problem> {
        Ok(Box::new(Self(config.clone())))
    }
}

impl Backoff for Exponential {
    fn wait(&self, retry: u32, stream: &mut Stream) -> Duration {
        let Config { base, factor, most, jitter } = self.0;
        let grown = base.as_secs_f64() * factor.powf(f64::from(retry.saturating_sub(1)));
        let wait = grown.min(most.as_secs_f64());
        let share = match jitter {
            Jitter::None => 1.0,
            Jitter::Full => stream.open01(),
            Jitter::Equal => 0.5 + 0.5 * stream.open01(),
            Jitter::Fifth => 0.8 + 0.4 * stream.open01(),
        };
        Duration::from_secs_f64(wait * share)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::Recipe;
    use crate::rng::{Purpose, Seed};
    use std::path::Path;

    fn waits(spec: &str) -> Vec<Duration> {
        let recipe = Recipe::<dyn Backoff>::named(spec).unwrap();
        let backoff = recipe.build(&Setup { folder: Path::new("") }).unwrap();
        let mut stream = Seed::new(1, 0).stream(Purpose::Retry, "test");
        (1..=6).map(|retry| backoff.wait(retry, &mut stream)).collect()
    }

    #[test]
    fn waits_double_up_to_the_longest_and_jitter_stays_within() {
        let plain: Vec<Duration> =
            [25, 50, 100, 200, 250, 250].map(Duration::from_millis).into_iter().collect();
        assert_eq!(waits("exponential:jitter=none"), plain);
        for (jitter, low, high) in [("full", 0.0, 1.0), ("equal", 0.5, 1.0), ("fifth", 0.8, 1.2)] {
            for (wait, plain) in waits(&format!("exponential:jitter={jitter}")).iter().zip(&plain) {
                let share = wait.as_secs_f64() / plain.as_secs_f64();
                assert!((low..=high).contains(&share), "{jitter}: {share}");
            }
        }
    }
}
