//! A tail that falls like a power and ends at a bound.
//!
//! **What it does.** The Pareto law of exponent `shape` from `min`, cut off at `max`: every moment
//! is finite, yet a small `shape` leaves much of the work to a few requests near `max`.
//! **When it shines.** Comparing balancers and disciplines under heavy tails, with moments that
//! exist; work limited by a time-out or a longest answer.
//! **When it fails.** When `max` is a guess: the variance follows it.
//! **Source.** Harchol-Balter, Crovella and Murta (1999). Sampled by inversion.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::params::{positive, within};
use super::{Law, Quantity, Setup};
use crate::diagnose::Problem;
use crate::registry::Variant;
use crate::rng::Stream;

/// Options.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Config {
    /// The smallest value; above 0.
    min: Quantity,
    /// The largest value; above `min`.
    max: Quantity,
    /// The exponent of the tail: 0.05 to 100.
    #[serde(alias = "alpha")]
    shape: f64,
}

/// The bounded Pareto law.
#[derive(Debug)]
pub struct BoundedPareto {
    min: f64,
    max: f64,
    shape: f64,
    /// The mass of the unbounded law between the bounds.
    mass: f64,
}

impl Variant<dyn Law> for BoundedPareto {
    const NAME: &'static str = "bounded-pareto";
    type Config = Config;

    fn build(config: &Config, setup: &Setup<'_>) -> Result<Box<dyn Law>, Problem> {
        let min = positive(config.min, setup, "min")?;
        let max = positive(config.max, setup, "max")?;
        let shape = within(config.shape, 0.05..=100.0, "shape")?;
        if min >= max {
            let message = format!("`max` must be above `min`, but {max} is not above {min}");
            return Err(Problem::about("max", message).help("a single value is the law `constant`"));
        }
        let mass = -(-shape * (max / min).ln()).exp_m1();
        Ok(Box::new(Self { min, max, shape, mass }))
    }
}

impl BoundedPareto {
    /// The mean of the `power`th power of x/min.
    ///
    /// With t = ln(max/min) and g(p) = ∫₀ᵗ exp(p s) ds it is g(power − shape) / g(−shape), which
    /// has no special case but the removable one at p = 0.
    fn moment(&self, power: f64) -> f64 {
        let span = (self.max / self.min).ln();
        let g = |p: f64| if p == 0.0 { span } else { (p * span).exp_m1() / p };
        g(power - self.shape) / g(-self.shape)
    }
}

impl Law for BoundedPareto {
    fn sample(&self, stream: &mut Stream) -> f64 {
        let tail = (-stream.open01() * self.mass).ln_1p();
        (self.min * (-tail / self.shape).exp()).min(self.max)
    }
    fn mean(&self) -> f64 {
        self.min * self.moment(1.0)
    }
    fn variance(&self) -> f64 {
        // The difference of nearly equal moments can round to below 0 between close bounds.
        let scaled = self.moment(2.0) - self.moment(1.0).powi(2);
        self.min * self.min * scaled.max(0.0)
    }
    fn cdf(&self, x: f64) -> f64 {
        if x <= self.min {
            0.0
        } else if x >= self.max {
            1.0
        } else {
            -(-self.shape * (x / self.min).ln()).exp_m1() / self.mass
        }
    }
}
