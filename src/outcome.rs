//! What a run leaves behind: plain data, as JSON and CSV show it, without behaviour.
//!
//! Durations are seconds (`_s`), rates are per second, shares lie in 0 … 1. A number that the
//! sample cannot support is `None` (null in JSON), never a guess.

use serde::{Deserialize, Serialize};

pub use crate::stats::Summary;

/// One run: the schema `plimsoll.outcome/1`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Outcome {
    /// `plimsoll.outcome/1`.
    pub schema: String,
    /// The version of the program.
    pub version: String,
    /// The scenario's name.
    pub name: String,
    /// The user's seed.
    pub seed: u64,
    /// A print of every request's arrival, demand, key and class; equal workloads have equal
    /// prints.
    pub workload_fingerprint: String,
    /// What the run is: `terminating` or `steady-state`.
    pub kind: Kind,
    /// Whether it was stopped before its end.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub partial: bool,
    /// The scenario with every default.
    pub scenario: serde_json::Value,
    /// The stretch that time averages cover.
    pub duration_s: f64,
    /// The warm-up that was left out before it.
    pub warm_up_s: f64,
    /// How requests ended.
    pub requests: Requests,
    /// Completed requests a second.
    pub throughput: f64,
    /// From arrival to end, of completed requests.
    pub latency_s: Summary,
    /// From arrival to the start of service.
    pub wait_s: Summary,
    /// From the start of service to the end.
    pub service_s: Summary,
    /// The share of completed requests that waited at all.
    pub wait_probability: Option<f64>,
    /// Busy slot time over slot time.
    pub utilization: f64,
    /// Mean number in system.
    pub in_system_mean: f64,
    /// Mean number waiting.
    pub queue_mean: f64,
    /// How many servers there were.
    pub servers: Servers,
    /// What they cost.
    pub cost: Cost,
    /// Each pool with its servers.
    pub pools: Vec<Pool>,
    /// The objectives with their values.
    pub slo: Vec<Objective>,
    /// What the reader should know.
    pub advice: Vec<String>,
}

/// What a run is an estimate of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A finite stretch of traffic, from an empty system to the last end.
    Terminating,
    /// A state that lasts, with the warm-up removed.
    SteadyState,
}

/// Requests by their end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Requests {
    /// All that arrived.
    pub arrived: u64,
    /// Served to the end.
    pub completed: u64,
    /// Refused for want of room.
    pub rejected: u64,
    /// Left a queue because they had waited too long.
    pub timed_out: u64,
    /// Lost with their server.
    pub failed: u64,
    /// Sent again after a failure.
    pub retried: u64,
}

/// The size of the fleet over the run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Servers {
    /// Time average.
    pub mean: f64,
    /// Fewest at one time.
    pub min: u32,
    /// Most at one time.
    pub max: u32,
    /// Server-hours paid.
    pub hours: f64,
}

/// Money.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Cost {
    /// For the stretch of the run.
    pub total: f64,
    /// In which currency.
    pub currency: String,
    /// An hour, on average.
    pub per_hour: f64,
    /// For a million completed requests; null when none completed.
    pub per_million_requests: Option<f64>,
    /// For a million tokens in and out; null when there were none.
    pub per_million_tokens: Option<f64>,
}

/// One pool.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Pool {
    /// Its name.
    pub name: String,
    /// Requests its servers completed.
    pub completed: u64,
    /// Busy slot time over slot time.
    pub utilization: f64,
    /// What it cost.
    pub cost: f64,
    /// Each of its servers.
    pub servers: Vec<Server>,
}

/// One server.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Server {
    /// Its number in the fleet.
    pub id: u32,
    /// Requests it completed.
    pub completed: u64,
    /// Busy slot time over slot time.
    pub utilization: f64,
}

/// One objective with what became of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Objective {
    /// As it was written.
    pub objective: String,
    /// The measured value in seconds or as a share; null when there is no data.
    pub value: Option<f64>,
    /// Whether it was met; no data means no.
    pub met: bool,
}
