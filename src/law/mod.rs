//! Probability laws as scenario values: `rand_distr` samples them, `statrs` knows their moments.

pub mod bounded_pareto;
pub mod constant;
pub mod empirical;
pub mod erlang;
pub mod exponential;
pub mod gamma;
pub mod hyper_exponential;
pub mod lognormal;
pub mod mixture;
pub mod normal;
mod params;
pub mod pareto;
mod quantity;
mod shares;
pub mod uniform;
pub mod weibull;

use std::fmt;
use std::path::Path;

pub use quantity::{Quantity, Unit};

use crate::registry::{Entry, Role};
use crate::rng::Stream;

/// A law of a non-negative random quantity: seconds, or a count such as tokens.
pub trait Law: fmt::Debug + Send + Sync {
    /// One value, in the law's unit (seconds for times).
    fn sample(&self, stream: &mut Stream) -> f64;
    /// The mean; infinite where it does not exist.
    fn mean(&self) -> f64;
    /// The variance; infinite where it does not exist.
    fn variance(&self) -> f64;
    /// The probability of a value of at most `x`.
    fn cdf(&self, x: f64) -> f64;

    /// The squared coefficient of variation, 0 for a constant and 1 for an exponential.
    fn scv(&self) -> f64 {
        let mean = self.mean();
        if mean == 0.0 { 0.0 } else { self.variance() / (mean * mean) }
    }
}

/// What a law is told when it is built.
#[derive(Clone, Copy, Debug)]
pub struct Setup<'a> {
    /// What its values count: options in another unit are refused.
    pub unit: Unit,
    /// The folder that relative paths start from.
    pub folder: &'a Path,
}

impl Role for dyn Law {
    const KIND: &'static str = "distribution";
    const KEY: &'static str = "law";
    type Setup<'a> = Setup<'a>;
    fn registry() -> &'static [Entry<Self>] {
        REGISTRY
    }
    fn meant_by(name: &str) -> Option<String> {
        name.starts_with(|first: char| first.is_ascii_digit()).then(|| {
            format!("always as long: `constant:value={name}`; at random: `exponential:mean={name}`")
        })
    }
}

const REGISTRY: &[Entry<dyn Law>] = &[
    Entry::of::<constant::Constant>(include_str!("constant.rs")),
    Entry::of::<exponential::Exponential>(include_str!("exponential.rs")),
    Entry::of::<uniform::Uniform>(include_str!("uniform.rs")),
    Entry::of::<erlang::Erlang>(include_str!("erlang.rs")),
    Entry::of::<hyper_exponential::HyperExponential>(include_str!("hyper_exponential.rs")),
    Entry::of::<gamma::Gamma>(include_str!("gamma.rs")),
    Entry::of::<lognormal::Lognormal>(include_str!("lognormal.rs")),
    Entry::of::<weibull::Weibull>(include_str!("weibull.rs")),
    Entry::of::<pareto::Pareto>(include_str!("pareto.rs")),
    Entry::of::<bounded_pareto::BoundedPareto>(include_str!("bounded_pareto.rs")),
    Entry::of::<normal::Normal>(include_str!("normal.rs")),
    Entry::of::<mixture::Mixture>(include_str!("mixture.rs")),
    Entry::of::<empirical::Empirical>(include_str!("empirical.rs")),
];
