//! A tail that falls like a power: the rare giant that carries much of the work.
//!
//! **What it does.** P(X > x) = (min / x)^shape from `min` on. The mean is infinite for a shape of
//! at most 1, the variance of at most 2. By `mean` and `cv`: shape = 1 + √(1 + 1/cv²), always above
//! 2, and min = mean · (shape − 1) / shape.
//! **When it shines.** Worst cases for balancers; sizes of files and flows.
//! **When it fails.** Its moments are learnt very slowly: below a shape of 2 no run is long enough
//! for a stable mean. What is truly bounded, by a time-out or a limit, is `bounded-pareto`.
//! **Source.** Crovella and Bestavros (1997). Sampled by inversion, `rand_distr::Pareto`.

use rand_distr::{Distribution, Pareto as Draw};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use statrs::distribution::{ContinuousCDF, Pareto as Known};
use statrs::statistics::Distribution as _;

use super::params::{CV, cv_within, mixed, positive, within};
use super::{Law, Quantity, Setup};
use crate::diagnose::Problem;
use crate::registry::Variant;
use crate::rng::Stream;

/// Options: `mean` and `cv`, or `min` and `shape`.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Config {
    /// The mean; above 0.
    mean: Option<Quantity>,
    /// The coefficient of variation: 0.01 to 100.
    cv: Option<f64>,
    /// The smallest value; above 0.
    #[serde(alias = "scale")]
    min: Option<Quantity>,
    /// The exponent of the tail: 0.2 to 1000.
    #[serde(alias = "alpha")]
    shape: Option<f64>,
}

/// The Pareto law.
#[derive(Debug)]
pub struct Pareto {
    draw: Draw<f64>,
    known: Known,
}

impl Variant<dyn Law> for Pareto {
    const NAME: &'static str = "pareto";
    type Config = Config;

    fn build(config: &Config, setup: &Setup<'_>) -> Result<Box<dyn Law>, Problem> {
        let (min, shape) = match (config.mean, config.cv, config.min, config.shape) {
            (Some(mean), Some(cv), None, None) => {
                let shape = 1.0 + (1.0 + cv_within(cv, CV)?.powi(-2)).sqrt();
                (positive(mean, setup, "mean")? * (shape - 1.0) / shape, shape)
            }
            (None, None, Some(min), Some(shape)) => {
                (positive(min, setup, "min")?, within(shape, 0.2..=1000.0, "shape")?)
            }
            _ => return Err(mixed(config, &[&["mean", "cv"], &["min", "shape"]])),
        };
        let draw = Draw::new(min, shape).expect("a shape and a scale above 0");
        let known = Known::new(min, shape).expect("a shape and a scale above 0");
        Ok(Box::new(Self { draw, known }))
    }
}

impl Law for Pareto {
    fn sample(&self, stream: &mut Stream) -> f64 {
        self.draw.sample(stream)
    }
    fn mean(&self) -> f64 {
        self.known.mean().unwrap_or(f64::INFINITY)
    }
    fn variance(&self) -> f64 {
        self.known.variance().unwrap_or(f64::INFINITY)
    }
    fn cdf(&self, x: f64) -> f64 {
        self.known.cdf(x)
    }
}
