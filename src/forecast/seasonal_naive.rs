//! Seasonal naive: tomorrow at this hour is as today at this hour.
//!
//! **What it does.** Expects the value of one season before: ŷ(t+h) = y(t+h − m⌈h/m⌉) for a season
//! of m ticks. Before one whole season is known it repeats the last value.
//!
//! **When it shines.** Strong, steady daily or weekly rhythms, and horizons of hours to days. It is
//! the baseline of the back-test: MASE is its error, taken as one.
//!
//! **When it fails.** After a change of level it is wrong for a whole season; it repeats
//! yesterday's noise (twice the variance needed) and yesterday's incident.
//!
//! **Source.** Hyndman & Athanasopoulos, *Forecasting: principles and practice*, 3rd ed., §5.2.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::history::History;
use super::{Method, Setup};
use crate::diagnose::Problem;
use crate::registry::Variant;
use crate::time::Duration;

/// Options of the seasonal naive forecaster.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct Config {
    /// Length of the season; absent: that of the run (a day unless told otherwise).
    pub season: Option<Duration>,
}

/// Repeats the last season.
#[derive(Clone, Debug)]
pub struct SeasonalNaive {
    season: usize,
    history: History,
}

impl Variant<dyn Method> for SeasonalNaive {
    const NAME: &'static str = "seasonal-naive";
    type Config = Config;

    fn build(config: &Config, setup: &Setup) -> Result<Box<dyn Method>, Problem> {
        let season = setup.season_ticks(config.season);
        Ok(Box::new(SeasonalNaive { season, history: History::new(season) }))
    }
}

impl Method for SeasonalNaive {
    fn push(&mut self, _: u64, value: f64) {
        self.history.push(value);
    }

    fn path(&self, path: &mut [f64]) {
        self.history.repeat_season(self.season, path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_repeats_the_last_season_however_far_ahead() {
        let config = Config { season: Some(Duration(3)) };
        let setup = Setup { tick_ns: 1, ..Setup::default() };
        let mut method = SeasonalNaive::build(&config, &setup).unwrap();
        for value in [9.0, 9.0, 1.0, 2.0, 3.0] {
            method.push(0, value);
        }
        let mut path = [0.0; 7];
        method.path(&mut path);
        assert_eq!(path, [1.0, 2.0, 3.0, 1.0, 2.0, 3.0, 1.0]);
    }
}
