//! `[sweep]`: what `plimsoll sweep` varies, and how it chooses.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Goal, Measure};
use crate::outcome::{Estimate, Measures};
use crate::units::Share;

/// What `plimsoll sweep` varies where its flags do not say.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct SweepTable {
    /// The axes of the grid: `pool.web.servers=4..16:2`, `balancer.policy=random,round-robin`,
    /// `seed=1..1000*10`; fields that go together stand in one axis, between semicolons.
    pub vary: Vec<String>,
    /// Draw so many points between the ends instead of going through the whole grid.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sample: Option<u64>,
    /// How they are drawn: `latin-hypercube` or `random`.
    pub sampling: Sampling,
    /// The measure that should be small among the points that meet every objective: the cost an
    /// hour where there are objectives and prices, else the first objective's, else p99.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub best: Option<Measure>,
    /// How the best is chosen for sure: `kn` until it is certain, `ocba` within a budget. Without
    /// it the estimates of the grid decide.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub select: Option<Selecting>,
    /// Points this close to the best one, as a share of its value, are as good.
    pub within: Share,
    /// Replications that `ocba` may spend beyond those of the grid.
    pub budget: u64,
}

impl Default for SweepTable {
    fn default() -> Self {
        Self {
            vary: Vec::new(),
            sample: None,
            sampling: Sampling::default(),
            best: None,
            select: None,
            within: Share(0.05),
            budget: 200,
        }
    }
}

/// How points between the ends of axes are drawn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Sampling {
    /// One point in each of n equal parts of every axis (`McKay`, Beckman & Conover 1979).
    #[default]
    LatinHypercube,
    /// Each point by itself.
    Random,
}

/// How the best of several points is chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Selecting {
    /// Kim & Nelson 2001: replications until one is left, with a guarantee.
    Kn,
    /// Chen et al. 2000: a fixed budget where it tells most, with an estimate of how sure.
    Ocba,
}

impl Measure {
    /// Its estimate for a point of a sweep: one that is printed, or that an objective asks for.
    pub fn of(self, point: &Measures) -> Estimate {
        let asked = || {
            let of = |text: &str| Goal::parse(text).is_ok_and(|goal| goal.measure == self);
            let found = point.slo.iter().find(|objective| of(&objective.objective));
            found.map_or(Estimate::INSUFFICIENT, |objective| objective.value)
        };
        match self {
            Self::Percentile(0.5) => point.latency_s.p50,
            Self::Percentile(0.9) => point.latency_s.p90,
            Self::Percentile(0.95) => point.latency_s.p95,
            Self::Percentile(0.99) => point.latency_s.p99,
            Self::Percentile(0.999) => point.latency_s.p999,
            Self::Mean => point.latency_s.mean,
            Self::Max => point.latency_s.max,
            Self::WaitPercentile(0.99) => point.wait_s.p99,
            Self::WaitMean => point.wait_s.mean,
            Self::Errors => point.error_rate,
            Self::Utilization => point.utilization,
            Self::CostPerHour => point.cost.per_hour,
            Self::Percentile(_) | Self::WaitPercentile(_) => asked(),
        }
    }

    /// Whether it is about how long requests take.
    pub fn is_latency(self) -> bool {
        matches!(self, Self::Percentile(_) | Self::Mean | Self::Max)
    }
}
