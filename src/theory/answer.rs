//! What a closed form answers, as `plimsoll theory` prints it.

use serde::Serialize;

use super::delay::Delay;

/// Why a formula has no answer: a sentence that names what is allowed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal(pub String);

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Refusal {}

/// The measures of one model in steady state; what the model does not have is absent.
///
/// Times are in the unit of the parameters (seconds on the command line), rates per that unit.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Answer {
    /// The model's name.
    pub model: &'static str,
    /// Mean share of the servers that is busy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub utilization: Option<f64>,
    /// Probability that an arriving (accepted) request waits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wait_probability: Option<f64>,
    /// Probability that an arriving request is refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub blocking_probability: Option<f64>,
    /// Probability that an arriving request gives up before its service.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub abandonment_probability: Option<f64>,
    /// Time before service.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wait_s: Option<Percentiles>,
    /// Time from arrival to completion.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latency_s: Option<Percentiles>,
    /// Mean number waiting.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub queue_mean: Option<f64>,
    /// Mean number in the system.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub in_system_mean: Option<f64>,
    /// Completions per unit of time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub throughput: Option<f64>,
    /// Mean number of requests served together.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub batch_mean: Option<f64>,
    /// Servers that are needed (staffing), or on average on (scaling).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub servers: Option<f64>,
    /// Mean number of servers starting.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub servers_starting: Option<f64>,
}

/// A mean and percentiles; those that are not known in closed form are absent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Percentiles {
    /// The expectation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mean: Option<f64>,
    /// The median.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub p50: Option<f64>,
    /// The 90th percentile.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub p90: Option<f64>,
    /// The 95th percentile.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub p95: Option<f64>,
    /// The 99th percentile.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub p99: Option<f64>,
    /// The 99.9th percentile.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub p999: Option<f64>,
}

impl Percentiles {
    /// The mean and every percentile of a law.
    pub fn of(delay: &dyn Delay) -> Self {
        let at = |p| Some(delay.quantile(p));
        Self {
            mean: Some(delay.mean()),
            p50: at(0.5),
            p90: at(0.9),
            p95: at(0.95),
            p99: at(0.99),
            p999: at(0.999),
        }
    }

    /// A mean whose law is not known.
    pub fn mean(mean: f64) -> Self {
        Self { mean: Some(mean), ..Self::default() }
    }
}
