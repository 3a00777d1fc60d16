//! What a comparison leaves behind: each variant's outcome, and the differences with their
//! verdicts.

use serde::{Deserialize, Serialize};

use super::Estimated;
use crate::stats::Estimate;
use crate::stats::paired::Method;
use crate::stats::paired::Verdict;

/// Several variants on the same requests: the schema `plimsoll.comparison/1`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Comparison {
    /// `plimsoll.comparison/1`.
    pub schema: String,
    /// The version of the program.
    pub version: String,
    /// The scenario's name.
    pub name: String,
    /// The user's seed.
    pub seed: u64,
    /// A print of the requests of the first replication, which every variant was given.
    pub workload_fingerprint: String,
    /// Whether it was stopped before its end.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub partial: bool,
    /// The variant that the others are held against.
    pub baseline: String,
    /// How sure the verdicts are, all of them together (Holm 1979).
    pub confidence: f64,
    /// Each variant with its name and its measures.
    pub variants: Vec<Estimated>,
    /// Each variant less the baseline, for each measure.
    pub differences: Vec<Difference>,
    /// The verdicts in words.
    pub findings: Vec<String>,
    /// What the reader should know.
    pub advice: Vec<String>,
}

/// The difference a − b of one measure between two variants on the same requests.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Difference {
    /// A variant.
    pub a: String,
    /// The baseline.
    pub b: String,
    /// Which measure, by its path in an outcome: `latency_s.p99`.
    pub measure: String,
    /// a − b in the measure's unit, with its own interval.
    #[serde(flatten)]
    pub difference: Estimate,
    /// (a − b) / b with its own interval.
    pub change: Estimate,
    /// p-value of no difference, raised for the number of comparisons by Holm's procedure.
    pub p_value: f64,
    /// Which of the two is better, or that nobody can tell.
    pub verdict: Verdict,
    /// How the interval was found.
    pub test: Method,
    /// The correlation of the pairs.
    pub correlation: f64,
    /// How many times larger the variance of the difference would be on separate requests.
    pub variance_reduction: Option<f64>,
    /// About how many times more requests would tell the two apart, if the difference is what it
    /// seems.
    pub more_requests: Option<f64>,
}
