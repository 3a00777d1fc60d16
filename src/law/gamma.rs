//! From steadier than constant steps to burstier than exponential, by one shape.
//!
//! **What it does.** The density is proportional to x^(shape − 1) · exp(−x / scale); its mean is
//! shape · scale and its cv 1/√shape. By `mean` and `cv`: shape = 1/cv², scale = mean · cv².
//! **When it shines.** Any cv with a moderate tail; sizes between Erlang's steps.
//! **When it fails.** Heavy tails: beyond its mean it falls as fast as an exponential does.
//! **Source.** Sampled by Marsaglia and Tsang (2000), `rand_distr::Gamma`.

use rand_distr::{Distribution, Gamma as Draw};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use statrs::distribution::{ContinuousCDF, Gamma as Known};

use super::params::{CV, cv_within, mixed, positive, within};
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
    /// The shape: 0.0001 to 10000; 1 is the exponential law.
    shape: Option<f64>,
    /// The scale; above 0.
    scale: Option<Quantity>,
}

/// The gamma law.
#[derive(Debug)]
pub struct Gamma {
    shape: f64,
    scale: f64,
    draw: Draw<f64>,
    known: Known,
}

impl Variant<dyn Law> for Gamma {
    const NAME: &'static str = "gamma";
    type Config = Config;

    fn build(config: &Config, setup: &Setup<'_>) -> Result<Box<dyn Law>, Problem> {
        let (shape, scale) = match (config.mean, config.cv, config.shape, config.scale) {
            (Some(mean), Some(cv), None, None) => {
                let scv = cv_within(cv, CV)?.powi(2);
                (scv.recip(), positive(mean, setup, "mean")? * scv)
            }
            (None, None, Some(shape), Some(scale)) => {
                (within(shape, 1e-4..=1e4, "shape")?, positive(scale, setup, "scale")?)
            }
            _ => return Err(mixed(config, &[&["mean", "cv"], &["shape", "scale"]])),
        };
        let draw = Draw::new(shape, scale).expect("a shape and a scale above 0");
        let known = Known::new(shape, scale.recip()).expect("a shape and a rate above 0");
        Ok(Box::new(Self { shape, scale, draw, known }))
    }
}

impl Law for Gamma {
    fn sample(&self, stream: &mut Stream) -> f64 {
        self.draw.sample(stream)
    }
    fn mean(&self) -> f64 {
        self.shape * self.scale
    }
    fn variance(&self) -> f64 {
        self.shape * self.scale * self.scale
    }
    fn cdf(&self, x: f64) -> f64 {
        self.known.cdf(x)
    }
}
