//! Probability laws as scenario values: `rand_distr` samples them, `statrs` knows their moments.

pub mod constant;
pub mod exponential;
mod quantity;

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
}

const REGISTRY: &[Entry<dyn Law>] = &[
    Entry::of::<constant::Constant>(include_str!("constant.rs")),
    Entry::of::<exponential::Exponential>(include_str!("exponential.rs")),
];
