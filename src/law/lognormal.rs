//! The product of many small causes: most values are ordinary, a few are very long.
//!
//! **What it does.** The logarithm is normal: median · exp(sigma · Z). By `mean` and `cv`:
//! sigma² = ln(1 + cv²), median = mean / √(1 + cv²). By `median` and `p99`, the two numbers that
//! dashboards show: sigma = ln(p99 / median) / 2.326.
//! **When it shines.** Measured service times, response sizes, token counts: the usual first guess.
//! **When it fails.** Two kinds of requests in one (`mixture`); still heavier tails (`pareto`).
//! **Source.** Sampled by `rand_distr::LogNormal` over a ziggurat normal.

use rand_distr::{Distribution, LogNormal as Draw};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use statrs::distribution::{ContinuousCDF, LogNormal as Known};

use super::params::{CV, cv_within, mixed, positive, within};
use super::{Law, Quantity, Setup};
use crate::diagnose::Problem;
use crate::registry::Variant;
use crate::rng::Stream;

/// Options: `mean` and `cv`, or `median` and `sigma`, or `median` and `p99`.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Config {
    /// The mean; above 0.
    mean: Option<Quantity>,
    /// The coefficient of variation: 0.01 to 100.
    cv: Option<f64>,
    /// The median, e to the power of the mean of the logarithm; above 0.
    #[serde(alias = "p50")]
    median: Option<Quantity>,
    /// The standard deviation of the logarithm: 0.001 to 10.
    sigma: Option<f64>,
    /// The value that 99 % stay below; above `median`.
    p99: Option<Quantity>,
}

/// The 99th percentile of the standard normal law.
const NORMAL_P99: f64 = 2.326_347_874_040_841;

/// The lognormal law.
#[derive(Debug)]
pub struct Lognormal {
    median: f64,
    sigma: f64,
    draw: Draw<f64>,
    known: Known,
}

impl Variant<dyn Law> for Lognormal {
    const NAME: &'static str = "lognormal";
    type Config = Config;

    fn build(config: &Config, setup: &Setup<'_>) -> Result<Box<dyn Law>, Problem> {
        let Config { mean, cv, median, sigma, p99 } = *config;
        let (median, sigma) = match (mean, cv, median, sigma, p99) {
            (Some(mean), Some(cv), None, None, None) => {
                let scv = cv_within(cv, CV)?.powi(2);
                let mean = positive(mean, setup, "mean")?;
                (mean / (1.0 + scv).sqrt(), scv.ln_1p().sqrt())
            }
            (None, None, Some(median), Some(sigma), None) => {
                (positive(median, setup, "median")?, within(sigma, 0.001..=10.0, "sigma")?)
            }
            (None, None, Some(median), None, Some(p99)) => {
                let median = positive(median, setup, "median")?;
                (median, sigma_of(positive(p99, setup, "p99")? / median)?)
            }
            _ => {
                let forms: [&[_]; 3] = [&["mean", "cv"], &["median", "sigma"], &["median", "p99"]];
                return Err(mixed(config, &forms));
            }
        };
        let draw = Draw::new(median.ln(), sigma).expect("a finite median and sigma");
        let known = Known::new(median.ln(), sigma).expect("a median and a sigma above 0");
        Ok(Box::new(Self { median, sigma, draw, known }))
    }
}

/// The standard deviation of the logarithm when p99 is `ratio` times the median.
fn sigma_of(ratio: f64) -> Result<f64, Problem> {
    let sigma = ratio.ln() / NORMAL_P99;
    if (0.001..=10.0).contains(&sigma) {
        return Ok(sigma);
    }
    let message = format!("`p99` must be 1.0024 to 1e10 times `median`, not {ratio} times");
    Err(Problem::about("p99", message))
}

impl Law for Lognormal {
    fn sample(&self, stream: &mut Stream) -> f64 {
        self.draw.sample(stream)
    }
    fn mean(&self) -> f64 {
        self.median * (self.sigma * self.sigma / 2.0).exp()
    }
    fn variance(&self) -> f64 {
        self.mean().powi(2) * (self.sigma * self.sigma).exp_m1()
    }
    fn cdf(&self, x: f64) -> f64 {
        self.known.cdf(x)
    }
}
