//! The bell curve, without the part below 0.
//!
//! **What it does.** Draws a normal value of centre `mode` and width `sigma`, again if it is below
//! 0. The cut moves the moments; by `mean` and `cv` the bell is chosen so that what is left has
//! exactly these.
//! **When it shines.** Values that scatter evenly around a middle: start-up and repair times.
//! **When it fails.** Service times: they lean to the right (`lognormal`, `gamma`).
//! **Source.** Moments of the truncated normal law: Johnson, Kotz and Balakrishnan (1994), 10.1.

use rand_distr::{Distribution, Normal as Draw};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use statrs::function::erf::erfc;

use super::params::{cv_within, mixed, not_negative, positive, solve};
use super::{Law, Quantity, Setup};
use crate::diagnose::Problem;
use crate::registry::Variant;
use crate::rng::Stream;

/// Options: `mean` and `cv`, or `mode` and `sigma`.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Config {
    /// The mean after the cut; above 0.
    mean: Option<Quantity>,
    /// The coefficient of variation after the cut: 0.01 to 0.7555, where half of the bell is left.
    cv: Option<f64>,
    /// The centre of the bell, its mean before the cut; at least 0.
    mode: Option<Quantity>,
    /// The width of the bell, its standard deviation before the cut; above 0.
    sigma: Option<Quantity>,
}

/// The normal law cut at 0.
#[derive(Debug)]
pub struct Normal {
    mode: f64,
    sigma: f64,
    draw: Draw<f64>,
}

impl Variant<dyn Law> for Normal {
    const NAME: &'static str = "normal";
    type Config = Config;

    fn build(config: &Config, setup: &Setup<'_>) -> Result<Box<dyn Law>, Problem> {
        let (mode, sigma) = match (config.mean, config.cv, config.mode, config.sigma) {
            (Some(mean), Some(cv), None, None) => {
                let cv = cv_within(cv, 0.01..=0.7555)?;
                let ratio = solve(|ratio| -unit_moments(ratio).1.sqrt(), -cv, 0.0..=200.0);
                let sigma = positive(mean, setup, "mean")? / unit_moments(ratio).0;
                (ratio * sigma, sigma)
            }
            (None, None, Some(mode), Some(sigma)) => {
                (not_negative(mode, setup, "mode")?, positive(sigma, setup, "sigma")?)
            }
            _ => return Err(mixed(config, &[&["mean", "cv"], &["mode", "sigma"]])),
        };
        let draw = Draw::new(mode, sigma).expect("a finite mode and sigma");
        Ok(Box::new(Self { mode, sigma, draw }))
    }
}

/// P(Z ≤ z) of the standard normal law.
fn phi(z: f64) -> f64 {
    0.5 * erfc(-z * std::f64::consts::FRAC_1_SQRT_2)
}

/// The mean in units of sigma and the squared cv after the cut, for mode = ratio · sigma.
fn unit_moments(ratio: f64) -> (f64, f64) {
    let density = (-0.5 * ratio * ratio).exp() / (2.0 * std::f64::consts::PI).sqrt();
    let hazard = density / phi(ratio);
    let mean = ratio + hazard;
    (mean, (1.0 - hazard * mean) / (mean * mean))
}

impl Law for Normal {
    fn sample(&self, stream: &mut Stream) -> f64 {
        // At least half of the bell is above 0, so this ends after two draws on average at most.
        loop {
            let value = self.draw.sample(stream);
            if value >= 0.0 {
                return value;
            }
        }
    }
    fn mean(&self) -> f64 {
        self.sigma * unit_moments(self.mode / self.sigma).0
    }
    fn variance(&self) -> f64 {
        self.mean().powi(2) * unit_moments(self.mode / self.sigma).1
    }
    fn cdf(&self, x: f64) -> f64 {
        if x <= 0.0 {
            return 0.0;
        }
        // One minus what is left above x, as a part of what is left above 0.
        let ratio = self.mode / self.sigma;
        (1.0 - phi((self.mode - x) / self.sigma) / phi(ratio)).clamp(0.0, 1.0)
    }
}
