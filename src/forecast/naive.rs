//! Naive: tomorrow is as now.
//!
//! **What it does.** Every later value is expected to equal the last one.
//!
//! **When it shines.** Random walks; horizons much shorter than anything that changes. It has
//! nothing to learn and nothing to break, so every other method must beat it to be worth its cost.
//!
//! **When it fails.** On a ramp it is late by the horizon; on noise it chases each value.
//!
//! **Source.** Hyndman & Athanasopoulos, *Forecasting: principles and practice*, 3rd ed., §5.2.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Method, Setup};
use crate::diagnose::Problem;
use crate::registry::Variant;

/// Options of the naive forecaster: none.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct Config {}

/// Repeats the last value.
#[derive(Clone, Debug)]
pub struct Naive {
    last: f64,
}

impl Variant<dyn Method> for Naive {
    const NAME: &'static str = "naive";
    type Config = Config;

    fn build(_: &Config, _: &Setup) -> Result<Box<dyn Method>, Problem> {
        Ok(Box::new(Naive { last: 0.0 }))
    }
}

impl Method for Naive {
    fn push(&mut self, _: u64, value: f64) {
        self.last = value;
    }

    fn path(&self, path: &mut [f64]) {
        path.fill(self.last);
    }

    fn is_seasonal(&self) -> bool {
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_repeats_the_last_value() {
        let mut naive = Naive::build(&Config {}, &Setup::default()).unwrap();
        for value in [3.0, 7.0] {
            naive.push(0, value);
        }
        let mut path = [0.0; 3];
        naive.path(&mut path);
        assert_eq!(path, [7.0; 3]);
    }
}
