//! Any rate over time, given by points: Poisson arrivals at the rate that the points draw.
//!
//! **What it does.** `[["0s", "10/s"], ["1h", "50/s"]]` says what the rate is at which time after
//! the start. Between two points it is a straight `line`, or stays at the earlier point (`steps`).
//! Before the first point it is that point's, after the last one that one's; with `repeat` the
//! curve is a circle of that length. Two points of one time are a jump; a rate of 0 is silence.
//! **When it shines.** A load test as planned, or the measured rate of a day with its own shape.
//! **When it fails.** Measured rates in intervals so short that their points are noise: it would
//! be taken for demand that can be foretold.
//! **Source.** The non-homogeneous Poisson process, by exact inversion of its cumulative rate
//! (Çinlar 1975).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::curve::Curve;
use super::{Arrivals, Setup, check_rate_or_zero, check_span, per_ns};
use crate::diagnose::Problem;
use crate::registry::Variant;
use crate::time::Duration;
use crate::units::Rate;

/// Options.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Config {
    /// Times after the start with the rate at each, in order of time; not all rates are 0.
    points: Vec<(Duration, Rate)>,
    /// How the rate gets from point to point.
    #[serde(default)]
    between: Between,
    /// After how long the points come again; no earlier than the last of them.
    repeat: Option<Duration>,
}

/// What the rate is between two points.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Between {
    /// A straight line from the one to the other.
    #[default]
    Line,
    /// That of the earlier point.
    Steps,
}

/// The process.
#[derive(Debug)]
pub struct Profile;

impl Variant<dyn Arrivals> for Profile {
    const NAME: &'static str = "profile";
    type Config = Config;

    fn check(config: &Config) -> Result<(), Problem> {
        let about = |message: String| Err(Problem::about("points", message));
        let Some((last, _)) = config.points.last() else {
            return about("`points` must name a time and its rate".into());
        };
        for (_, rate) in &config.points {
            check_rate_or_zero("points", *rate)?;
        }
        if let Some(pair) = config.points.windows(2).find(|pair| pair[1].0 < pair[0].0) {
            let (early, late) = (pair[1].0, pair[0].0);
            return about(format!("`points` must be in order of time: {early} is after {late}"));
        }
        if let Some(repeat) = config.repeat {
            check_span("repeat", repeat)?;
            if repeat < *last {
                let message = format!("`repeat` must not be before the last of the points, {last}");
                return Err(Problem::about("repeat", message));
            }
        }
        if config.curve(per_ns).is_silent() {
            return about("the `points` leave no time in which anything arrives".into());
        }
        Ok(())
    }

    fn build(config: &Config, setup: &Setup<'_>) -> Result<Box<dyn Arrivals>, Problem> {
        Ok(Box::new(config.curve(|rate| setup.per_ns(rate))))
    }
}

impl Config {
    fn curve(&self, height: impl Fn(Rate) -> f64) -> Curve {
        let points: Vec<_> = self.points.iter().map(|&(at, rate)| (at, height(rate))).collect();
        let ((first, opening), (last, closing)) = (points[0], points[points.len() - 1]);
        let piece = |curve: Curve, length: Duration, from: f64, to: f64| {
            curve.then(length, from, if self.between == Between::Steps { from } else { to })
        };
        let through = |curve: Curve| {
            points.windows(2).fold(curve, |curve, pair| {
                let ((from, low), (to, high)) = (pair[0], pair[1]);
                piece(curve, Duration(to.0 - from.0), low, high)
            })
        };
        let Some(period) = self.repeat else {
            return through(Curve::default().then(first, opening, opening)).for_ever(closing);
        };
        // The way from the last point back to the first leads over the end of the circle.
        let (rest, start) = (Duration(period.0 - last.0), first);
        let way = (rest + start).0.max(1) as f64;
        let at_the_end = match self.between {
            Between::Line => closing + (opening - closing) * (rest.0 as f64 / way),
            Between::Steps => closing,
        };
        let curve = through(piece(Curve::default(), start, at_the_end, opening));
        piece(curve, rest, closing, at_the_end).repeated_after(Duration::ZERO)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Instant;

    fn curve(between: Between, repeat: Option<u64>, points: &[(u64, f64)]) -> Curve {
        let point = |&(at, rate): &(u64, f64)| (Duration::from_secs(at), Rate(rate));
        let points = points.iter().map(point).collect();
        Config { points, between, repeat: repeat.map(Duration::from_secs) }.curve(per_ns)
    }

    fn seconds(mut curve: Curve, masses: &[f64]) -> Vec<f64> {
        masses.iter().map(|&mass| curve.after(mass).as_secs_f64()).collect()
    }

    #[test]
    fn outside_the_points_the_rate_is_that_of_the_nearest() {
        let line = curve(Between::Line, None, &[(10, 1.0), (20, 3.0)]);
        assert_eq!(seconds(line, &[10.0, 20.0, 3.0, 30.0]), [10.0, 20.0, 21.0, 31.0]);
    }

    #[test]
    fn steps_hold_the_rate_of_the_earlier_point() {
        let steps = curve(Between::Steps, None, &[(0, 1.0), (10, 0.0), (20, 2.0)]);
        assert_eq!(seconds(steps, &[9.5, 1.5, 2.0]), [9.5, 20.5, 21.5]);
    }

    #[test]
    fn a_circle_leads_from_the_last_point_back_to_the_first() {
        // 0 at 5 s, 4 at 15 s, back to 0 at 25 s; at both ends of the 20 s it is 2.
        let line = curve(Between::Line, Some(20), &[(5, 0.0), (15, 4.0)]);
        assert_eq!(seconds(line, &[5.0, 20.0, 15.0]), [5.0, 15.0, 20.0]);
        let steps = curve(Between::Steps, Some(20), &[(5, 1.0), (15, 4.0)]);
        assert_eq!(seconds(steps, &[20.0, 10.0, 20.0, 20.0]), [5.0, 15.0, 20.0, 25.0]);
        assert_eq!(
            curve(Between::Line, Some(20), &[(5, 1.0)]).after(40.0),
            Instant(40_000_000_000)
        );
    }
}
