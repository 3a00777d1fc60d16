//! Every value between two bounds is as likely as any other.
//!
//! **What it does.** Draws from `min` to `max`; by `mean` and `cv` these are mean · (1 ± √3 cv).
//! **When it shines.** Jitter, start-up delays known only by their bounds, stress tests.
//! **When it fails.** Service times: real ones have no sharp upper bound and are rarely so even.
//! **Source.** Sampled by `rand_distr::Uniform`.

use rand_distr::{Distribution, Uniform as Even};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::params::{cv_within, mixed, not_negative, positive};
use super::{Law, Quantity, Setup};
use crate::diagnose::Problem;
use crate::registry::Variant;
use crate::rng::Stream;

/// Options: `min` and `max`, or `mean` and `cv`.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Config {
    /// The smallest value; at least 0.
    min: Option<Quantity>,
    /// The bound above every value; above `min`.
    max: Option<Quantity>,
    /// The mean; above 0.
    mean: Option<Quantity>,
    /// The coefficient of variation: 0.01 to 0.5773 (1/√3, where `min` is 0).
    cv: Option<f64>,
}

/// The uniform law.
#[derive(Debug)]
pub struct Uniform {
    min: f64,
    max: f64,
    draw: Even<f64>,
}

impl Variant<dyn Law> for Uniform {
    const NAME: &'static str = "uniform";
    type Config = Config;

    fn build(config: &Config, setup: &Setup<'_>) -> Result<Box<dyn Law>, Problem> {
        let (min, max) = match (config.min, config.max, config.mean, config.cv) {
            (Some(min), Some(max), None, None) => {
                (not_negative(min, setup, "min")?, positive(max, setup, "max")?)
            }
            (None, None, Some(mean), Some(cv)) => {
                let mean = positive(mean, setup, "mean")?;
                let half = 3_f64.sqrt() * cv_within(cv, 0.01..=0.5773)? * mean;
                (mean - half, mean + half)
            }
            _ => return Err(mixed(config, &[&["mean", "cv"], &["min", "max"]])),
        };
        if min >= max {
            let message = format!("`max` must be above `min`, but {max} is not above {min}");
            return Err(Problem::about("max", message).help("a single value is the law `constant`"));
        }
        let draw = Even::new(min, max).expect("two finite bounds in order");
        Ok(Box::new(Self { min, max, draw }))
    }
}

impl Law for Uniform {
    fn sample(&self, stream: &mut Stream) -> f64 {
        self.draw.sample(stream)
    }
    fn mean(&self) -> f64 {
        f64::midpoint(self.min, self.max)
    }
    fn variance(&self) -> f64 {
        (self.max - self.min).powi(2) / 12.0
    }
    fn cdf(&self, x: f64) -> f64 {
        ((x - self.min) / (self.max - self.min)).clamp(0.0, 1.0)
    }
}
