//! Moving average: the level of the last while goes on.
//!
//! **What it does.** Every later value is expected to equal the mean of the last `window` values.
//!
//! **When it shines.** A steady level under much noise: the error of the mean falls as 1/√window.
//!
//! **When it fails.** On a ramp it is late by half the window and the horizon; it levels any
//! season.
//!
//! **Source.** Hyndman & Athanasopoulos, *Forecasting: principles and practice*, 3rd ed., §3.3 and
//! §5.2 (the mean method over a window).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::history::History;
use super::{Method, Setup, unless};
use crate::diagnose::Problem;
use crate::registry::Variant;

/// Options of the moving average.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct Config {
    /// Number of values averaged, in ticks.
    pub window: usize,
}

impl Default for Config {
    fn default() -> Self {
        Config { window: 5 }
    }
}

/// Repeats the mean of the last values.
#[derive(Clone, Debug)]
pub struct MovingAverage {
    history: History,
}

impl Variant<dyn Method> for MovingAverage {
    const NAME: &'static str = "moving-average";
    type Config = Config;

    fn check(config: &Config) -> Result<(), Problem> {
        unless(config.window > 0, || "a window of no values has no mean".into())
    }

    fn build(config: &Config, _: &Setup) -> Result<Box<dyn Method>, Problem> {
        Ok(Box::new(MovingAverage { history: History::new(config.window) }))
    }
}

impl Method for MovingAverage {
    fn push(&mut self, _: u64, value: f64) {
        self.history.push(value);
    }

    fn path(&self, path: &mut [f64]) {
        // Summed afresh, so that rounding does not pile up over a long run.
        path.fill(self.history.iter().sum::<f64>() / self.history.len() as f64);
    }

    fn is_seasonal(&self) -> bool {
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_averages_the_last_values_only() {
        let config = Config { window: 2 };
        let mut method = MovingAverage::build(&config, &Setup::default()).unwrap();
        for value in [100.0, 4.0, 6.0] {
            method.push(0, value);
        }
        let mut path = [0.0; 2];
        method.path(&mut path);
        assert_eq!(path, [5.0, 5.0]);
        assert!(MovingAverage::check(&Config { window: 0 }).is_err());
    }
}
