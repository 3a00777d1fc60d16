//! Linear trend: the last while lies on a straight line, and the line goes on.
//!
//! **What it does.** Ordinary least squares of the last `window` values on time, continued. This is
//! the *Linear* model of the predictive horizontal pod autoscaler ([`regress_to`]).
//!
//! **When it shines.** Ramps: the minutes of a morning rise, a launch, a slow leak of traffic.
//!
//! **When it fails.** At every turn: it overshoots the peak by the slope times the horizon. Short
//! windows turn noise into slopes; long ones see no turn at all.
//!
//! **Source.** J. Thomperoo, *predictive-horizontal-pod-autoscaler*, Linear Regression model.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::history::History;
use super::{Method, Setup, unless};
use crate::diagnose::Problem;
use crate::registry::Variant;

/// Options of the linear trend.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct Config {
    /// Number of values the line is drawn through, in ticks.
    pub window: usize,
}

impl Default for Config {
    fn default() -> Self {
        Config { window: 8 }
    }
}

/// Continues the least-squares line through the last values.
#[derive(Clone, Debug)]
pub struct LinearTrend {
    history: History,
}

impl Variant<dyn Method> for LinearTrend {
    const NAME: &'static str = "linear-trend";
    type Config = Config;

    fn check(config: &Config) -> Result<(), Problem> {
        unless(config.window >= 2, || {
            format!("a line through {} values has no slope; use two or more", config.window)
        })
    }

    fn build(config: &Config, _: &Setup) -> Result<Box<dyn Method>, Problem> {
        Ok(Box::new(LinearTrend { history: History::new(config.window) }))
    }
}

impl Method for LinearTrend {
    fn push(&mut self, _: u64, value: f64) {
        self.history.push(value);
    }

    fn path(&self, path: &mut [f64]) {
        let ages = (0..self.history.len()).rev().map(|age| -(age as f64));
        let (mean_x, mean_y, slope) =
            line(ages.zip(self.history.iter())).expect("a path is asked for only after a value");
        for (k, out) in path.iter_mut().enumerate() {
            *out = mean_y + slope * ((k + 1) as f64 - mean_x);
        }
    }

    fn is_seasonal(&self) -> bool {
        false
    }
}

/// The value at time `to` of the least-squares line through points (time, value).
///
/// Points of a single instant have no slope: their mean is returned. `None` without points.
pub fn regress_to(to: f64, points: impl Iterator<Item = (f64, f64)>) -> Option<f64> {
    // Times count from the instant asked for, as upstream does, so that large clocks lose no
    // digits.
    let (mean_x, mean_y, slope) = line(points.map(|(time, value)| (time - to, value)))?;
    Some(mean_y - slope * mean_x)
}

/// The centre and the slope of the least-squares line.
fn line(points: impl Iterator<Item = (f64, f64)>) -> Option<(f64, f64, f64)> {
    let (mut n, mut mean_x, mut mean_y, mut s_xx, mut s_xy) = (0.0, 0.0, 0.0, 0.0, 0.0);
    for (x, y) in points {
        n += 1.0;
        let from_mean = x - mean_x;
        mean_x += from_mean / n;
        mean_y += (y - mean_y) / n;
        s_xx += from_mean * (x - mean_x);
        s_xy += from_mean * (y - mean_y);
    }
    let slope = if s_xx > 0.0 { s_xy / s_xx } else { 0.0 };
    (n > 0.0).then_some((mean_x, mean_y, slope))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_continues_the_line_through_its_window() {
        let config = Config { window: 3 };
        let mut method = LinearTrend::build(&config, &Setup::default()).unwrap();
        for value in [50.0, 1.0, 3.0, 5.0] {
            method.push(0, value);
        }
        let mut path = [0.0; 3];
        method.path(&mut path);
        assert_eq!(path, [7.0, 9.0, 11.0]);
    }

    #[test]
    fn points_of_one_instant_give_their_mean() {
        assert_eq!(regress_to(9.0, [(5.0, 2.0), (5.0, 4.0)].into_iter()), Some(3.0));
        assert_eq!(regress_to(9.0, std::iter::empty()), None);
    }
}
