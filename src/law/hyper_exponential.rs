//! Exponential, but of one of several means: burstier than exponential.
//!
//! **What it does.** Takes branch i with share i and draws an exponential time of mean i. By `mean`
//! and `cv` there are two branches with balanced means: each brings half of the work, and the share
//! of the first is (1 + √((cv² − 1) / (cv² + 1))) / 2.
//! **When it shines.** Any cv of at least 1 in models that stay Markovian: the H of M/H₂/c.
//! **When it fails.** A cv below 1 (`erlang`, `gamma`); tails that fall like a power (`pareto`).
//! **Source.** Balanced means: Allen (1990), Whitt (1982). Sampled by `rand_distr::Exp1`.

use rand_distr::{Distribution, Exp1};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::params::{cv_within, mixed, positive};
use super::shares::Shares;
use super::{Law, Quantity, Setup};
use crate::diagnose::Problem;
use crate::registry::Variant;
use crate::rng::Stream;
use crate::units::Share;

/// Options: `mean` and `cv`, or `means` and `shares`.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Config {
    /// The mean of the whole; above 0.
    mean: Option<Quantity>,
    /// The coefficient of variation: 1 to 100.
    cv: Option<f64>,
    /// The mean of each branch; above 0.
    means: Option<Vec<Quantity>>,
    /// How much of the requests each branch takes; they add up to 1.
    shares: Option<Vec<Share>>,
}

/// The hyper-exponential law.
#[derive(Debug)]
pub struct HyperExponential {
    means: Box<[f64]>,
    shares: Shares,
}

impl Variant<dyn Law> for HyperExponential {
    const NAME: &'static str = "hyper-exponential";
    type Config = Config;

    fn build(config: &Config, setup: &Setup<'_>) -> Result<Box<dyn Law>, Problem> {
        let law = match (config.mean, config.cv, &config.means, &config.shares) {
            (Some(mean), Some(cv), None, None) => {
                Self::balanced(positive(mean, setup, "mean")?, cv_within(cv, 1.0..=100.0)?)
            }
            (None, None, Some(means), Some(shares)) => Self {
                means: means
                    .iter()
                    .map(|mean| positive(*mean, setup, "means"))
                    .collect::<Result<_, _>>()?,
                shares: Shares::new(shares, means.len(), "means")?,
            },
            _ => return Err(mixed(config, &[&["mean", "cv"], &["means", "shares"]])),
        };
        Ok(Box::new(law))
    }
}

impl HyperExponential {
    fn balanced(mean: f64, cv: f64) -> Self {
        let scv = cv * cv;
        let root = ((scv - 1.0) / (scv + 1.0)).sqrt();
        // 1 − (1 + root) / 2, without the cancellation for a large cv.
        let rare = 1.0 / ((scv + 1.0) * (1.0 + root));
        let often = 1.0 - rare;
        Self {
            means: Box::new([mean / (2.0 * often), mean / (2.0 * rare)]),
            shares: Shares::exact(Box::new([often, rare])),
        }
    }
}

impl Law for HyperExponential {
    fn sample(&self, stream: &mut Stream) -> f64 {
        let mean = self.means[self.shares.pick(stream)];
        let unit: f64 = Exp1.sample(stream);
        unit * mean
    }
    fn mean(&self) -> f64 {
        self.shares.mean(|branch| self.means[branch])
    }
    fn variance(&self) -> f64 {
        let mean = self.mean();
        self.shares.mean(|branch| self.means[branch].powi(2) + (self.means[branch] - mean).powi(2))
    }
    fn cdf(&self, x: f64) -> f64 {
        if x <= 0.0 {
            return 0.0;
        }
        // Rounded shares may add up to a last bit above 1.
        self.shares.mean(|branch| -(-x / self.means[branch]).exp_m1()).min(1.0)
    }
}
