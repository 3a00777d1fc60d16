//! The sum of equal exponential stages: steadier than exponential, never quite constant.
//!
//! **What it does.** Adds `stages` exponential times of mean / stages each; its cv is 1/√stages.
//! Given by `mean` and `cv` it takes the nearest number of stages if their cv is within 2 % of the
//! wanted one, so 0.71 and 0.58 are understood, and refuses a cv that no number of stages has.
//! **When it shines.** Work in steps; the E of M/Eₖ/1 and of Eₖ/M/c.
//! **When it fails.** Any cv above 1; a cv between those of two numbers of stages (use `gamma`).
//! **Source.** Erlang (1917). Sampled as a gamma law by Marsaglia and Tsang (2000).

use rand_distr::{Distribution, Gamma as Draw};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use statrs::distribution::{ContinuousCDF, Gamma as Known};

use super::params::{cv_within, mixed, positive, within};
use super::{Law, Quantity, Setup};
use crate::diagnose::Problem;
use crate::registry::Variant;
use crate::rng::Stream;

/// Options: `mean` and `stages`, or `mean` and `cv`.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Config {
    /// The mean of the whole; above 0.
    mean: Option<Quantity>,
    /// How many stages: 1 to 10000.
    #[serde(alias = "shape", alias = "k")]
    stages: Option<u32>,
    /// The coefficient of variation, 0.01 to 1: near 1, 0.71, 0.58, 0.5, 0.45, … (1/√stages).
    cv: Option<f64>,
}

/// The Erlang law.
#[derive(Debug)]
pub struct Erlang {
    mean: f64,
    stages: f64,
    draw: Draw<f64>,
    known: Known,
}

impl Variant<dyn Law> for Erlang {
    const NAME: &'static str = "erlang";
    type Config = Config;

    fn build(config: &Config, setup: &Setup<'_>) -> Result<Box<dyn Law>, Problem> {
        let (mean, stages) = match (config.mean, config.stages, config.cv) {
            (Some(mean), Some(stages), None) => {
                (mean, within(f64::from(stages), 1.0..=10_000.0, "stages")?)
            }
            (Some(mean), None, Some(cv)) => (mean, stages_of(cv)?),
            _ => return Err(mixed(config, &[&["mean", "cv"], &["mean", "stages"]])),
        };
        let mean = positive(mean, setup, "mean")?;
        let draw = Draw::new(stages, mean / stages).expect("a shape and a scale above 0");
        let known = Known::new(stages, stages / mean).expect("a shape and a rate above 0");
        Ok(Box::new(Self { mean, stages, draw, known }))
    }
}

/// The number of stages whose cv is near enough to the wanted one.
fn stages_of(cv: f64) -> Result<f64, Problem> {
    let exact = cv_within(cv, 0.01..=1.0)?.powi(-2);
    let stages = exact.round();
    if (stages.sqrt().recip() - cv).abs() <= 0.02 * cv {
        return Ok(stages);
    }
    let (few, many) = (exact.floor(), exact.ceil());
    let message = format!(
        "no Erlang law has a `cv` of {cv}: {many} stages have {:.3} and {few} {:.3}",
        many.sqrt().recip(),
        few.sqrt().recip()
    );
    Err(Problem::about("cv", message).help("`gamma` takes any cv"))
}

impl Law for Erlang {
    fn sample(&self, stream: &mut Stream) -> f64 {
        self.draw.sample(stream)
    }
    fn mean(&self) -> f64 {
        self.mean
    }
    fn variance(&self) -> f64 {
        self.mean * self.mean / self.stages
    }
    fn cdf(&self, x: f64) -> f64 {
        self.known.cdf(x)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cv_written_with_two_digits_finds_its_stages() {
        for (cv, stages) in [(1.0, 1.0), (0.71, 2.0), (0.58, 3.0), (0.5, 4.0), (0.45, 5.0)] {
            assert_eq!(stages_of(cv), Ok(stages));
        }
    }

    #[test]
    fn a_cv_between_two_numbers_of_stages_is_refused_with_its_neighbours() {
        let problem = stages_of(0.62).unwrap_err();
        assert!(problem.message().contains("3 stages have 0.577 and 2 0.707"), "{problem}");
    }
}
