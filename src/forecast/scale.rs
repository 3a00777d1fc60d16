//! The scale a method works on: rates as they are, or their square roots.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The scale a method works on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Scale {
    /// Rates as they are: effects add.
    Rate,
    /// Square roots of rates: busy hours may vary more than quiet ones. The noise of counts is of
    /// one size on this scale (Anscombe, *Biometrika* 35 (1948) 246), and whatever the unit of the
    /// rate, the forecast is the same.
    #[default]
    SquareRoot,
}

impl Scale {
    /// From a rate to this scale.
    pub(super) fn bend(self, rate: f64) -> f64 {
        match self {
            Scale::Rate => rate,
            Scale::SquareRoot => rate.max(0.0).sqrt(),
        }
    }

    /// From this scale to rates.
    pub(super) fn unbend(self, path: &mut [f64]) {
        if self == Scale::SquareRoot {
            for value in path {
                *value = value.max(0.0).powi(2);
            }
        }
    }
}
