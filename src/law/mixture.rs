//! One of several laws, each for its share of the draws.
//!
//! **What it does.** Takes a law of `of` with its share in `shares` and draws from it; mixtures of
//! mixtures work too.
//! **When it shines.** Hits and misses of a cache, short and long questions, two modes in one log.
//! **When it fails.** Kinds of requests that differ in priority or key as well: make them classes
//! of traffic of their own.
//! **Source.** The law of total probability.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::shares::Shares;
use super::{Law, Setup};
use crate::diagnose::Problem;
use crate::registry::{Recipe, Variant};
use crate::rng::Stream;
use crate::units::Share;

/// Options.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Config {
    /// The laws, e.g. `["exponential:mean=2ms", { law = "lognormal", mean = "90ms", cv = 2 }]`.
    of: Vec<Recipe<dyn Law>>,
    /// How much of the draws each law gets; they add up to 1.
    shares: Vec<Share>,
}

/// The mixture.
#[derive(Debug)]
pub struct Mixture {
    laws: Box<[Box<dyn Law>]>,
    shares: Shares,
}

impl Variant<dyn Law> for Mixture {
    const NAME: &'static str = "mixture";
    type Config = Config;

    fn build(config: &Config, setup: &Setup<'_>) -> Result<Box<dyn Law>, Problem> {
        let shares = Shares::new(&config.shares, config.of.len(), "of")?;
        let laws = config.of.iter().map(|recipe| recipe.build(setup)).collect::<Result<_, _>>()?;
        Ok(Box::new(Self { laws, shares }))
    }
}

impl Law for Mixture {
    fn sample(&self, stream: &mut Stream) -> f64 {
        self.laws[self.shares.pick(stream)].sample(stream)
    }
    fn mean(&self) -> f64 {
        self.shares.mean(|branch| self.laws[branch].mean())
    }
    fn variance(&self) -> f64 {
        let mean = self.mean();
        if mean.is_infinite() {
            return f64::INFINITY;
        }
        let about_mean = |law: &dyn Law| law.variance() + (law.mean() - mean).powi(2);
        self.shares.mean(|branch| about_mean(&*self.laws[branch]))
    }
    fn cdf(&self, x: f64) -> f64 {
        self.shares.mean(|branch| self.laws[branch].cdf(x)).clamp(0.0, 1.0)
    }
}
