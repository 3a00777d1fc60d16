//! The longer it has lasted, the sooner (or the later) it ends.
//!
//! **What it does.** P(X > x) = exp(−(x / scale)^shape). A shape above 1 wears out, 1 is the
//! exponential law, below 1 what has lasted is likely to last. By `mean` and `cv` the shape solves
//! 1 + cv² = Γ(1 + 2/shape) / Γ(1 + 1/shape)².
//! **When it shines.** Times to failure; stretched tails between exponential and lognormal.
//! **When it fails.** Tails that fall like a power (`pareto`); several kinds of work (`mixture`).
//! **Source.** Weibull (1951). Sampled by inversion, `rand_distr::Weibull`.

use rand_distr::{Distribution, Weibull as Draw};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use statrs::function::gamma::ln_gamma;

use super::params::{CV, cv_within, mixed, positive, solve, within};
use super::{Law, Quantity, Setup};
use crate::diagnose::Problem;
use crate::registry::Variant;
use crate::rng::Stream;

/// Options: `mean` and `cv`, or `shape` and `scale`.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Config {
    /// The mean; above 0.
    mean: Option<Quantity>,
    /// The coefficient of variation: 0.01 to 100.
    cv: Option<f64>,
    /// The shape: 0.1 to 200.
    shape: Option<f64>,
    /// The scale, which 63.2 % of all values stay below; above 0.
    scale: Option<Quantity>,
}

/// The Weibull law.
#[derive(Debug)]
pub struct Weibull {
    shape: f64,
    scale: f64,
    draw: Draw<f64>,
}

impl Variant<dyn Law> for Weibull {
    const NAME: &'static str = "weibull";
    type Config = Config;

    fn build(config: &Config, setup: &Setup<'_>) -> Result<Box<dyn Law>, Problem> {
        let (shape, scale) = match (config.mean, config.cv, config.shape, config.scale) {
            (Some(mean), Some(cv), None, None) => {
                let wanted = cv_within(cv, CV)?.powi(2);
                // From 1/200 to 10 the squared cv runs from 4e-5 to 2e5.
                let inverse = solve(scv_of_inverse_shape, wanted, 0.005..=10.0);
                let unit_mean = ln_gamma(1.0 + inverse).exp();
                (inverse.recip(), positive(mean, setup, "mean")? / unit_mean)
            }
            (None, None, Some(shape), Some(scale)) => {
                (within(shape, 0.1..=200.0, "shape")?, positive(scale, setup, "scale")?)
            }
            _ => return Err(mixed(config, &[&["mean", "cv"], &["shape", "scale"]])),
        };
        let draw = Draw::new(scale, shape).expect("a shape and a scale above 0");
        Ok(Box::new(Self { shape, scale, draw }))
    }
}

/// The squared coefficient of variation by 1/shape, with which it grows.
fn scv_of_inverse_shape(inverse: f64) -> f64 {
    (ln_gamma(1.0 + 2.0 * inverse) - 2.0 * ln_gamma(1.0 + inverse)).exp_m1()
}

impl Law for Weibull {
    fn sample(&self, stream: &mut Stream) -> f64 {
        self.draw.sample(stream)
    }
    fn mean(&self) -> f64 {
        self.scale * ln_gamma(1.0 + self.shape.recip()).exp()
    }
    fn variance(&self) -> f64 {
        self.mean().powi(2) * scv_of_inverse_shape(self.shape.recip())
    }
    fn cdf(&self, x: f64) -> f64 {
        // Not by `statrs`: its scale^−shape overflows for scales of milliseconds.
        if x <= 0.0 { 0.0 } else { -(-(x / self.scale).powf(self.shape)).exp_m1() }
    }
}
