//! What a run leaves behind: plain data, as JSON and CSV show it, without behaviour.
//!
//! Durations are seconds (`_s`), rates are per second, shares lie in 0 … 1. A number that the
//! sample cannot support is `None` (null in JSON), never a guess.
//!
//! One run gives plain numbers, an [`Outcome`]; several runs, or one in batches, give every number
//! an interval and a status: an [`Estimated`] outcome with the same names.

mod autoscaling;
mod bill;
mod comparison;
mod plan;
mod resilience;
mod sweep;

use serde::{Deserialize, Serialize};

pub use crate::stats::paired::Verdict;
pub use crate::stats::{Estimate, Status, Summary};
pub use autoscaling::{Autoscaling, Bounds, Decided, Foreseen, Interval};
pub use bill::{Breakdown, Budget, Penalty, PoolBill};
pub use comparison::{Comparison, Difference};
pub use plan::{
    Answer, Candidate, Neighbour, Offered, Peak, Plan, PlanBounds, Question, Recommendation,
    Ruling, settings_by_pool,
};
pub use resilience::{Cause, Class, Detection, Incident, Metastable, Moment, Recovery, Resilience};
pub use sweep::{
    Axis, Front, Kept, Known, Measures, Outline, Placed, Point, PointVerdict, Selection, Settled,
    Sweep, traffics,
};

/// An outcome whose numbers are estimates with intervals.
pub type Estimated = Outcome<Estimate, Estimate>;

/// One run, or several taken together: the schema `plimsoll.outcome/1`.
///
/// `N` is a number that one run always has, `M` one that its sample may not support.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Outcome<N = f64, M = Option<f64>> {
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
    /// Where the intervals come from; absent when there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub intervals: Option<Intervals>,
    /// The stretch that time averages cover, of all replications together.
    pub duration_s: f64,
    /// The warm-up that was left out before it.
    pub warm_up_s: f64,
    /// How requests ended, of all replications together.
    pub requests: Requests,
    /// The share of requests that arrived and did not complete.
    pub error_rate: M,
    /// Completed requests a second.
    pub throughput: N,
    /// From arrival to end, of completed requests.
    pub latency_s: Summary<M>,
    /// From arrival to the start of service.
    pub wait_s: Summary<M>,
    /// From the start of service to the end.
    pub service_s: Summary<M>,
    /// The share of completed requests that waited at all.
    pub wait_probability: M,
    /// Busy slot time over slot time.
    pub utilization: N,
    /// Mean number in system.
    pub in_system_mean: N,
    /// Mean number waiting.
    pub queue_mean: N,
    /// How many servers there were.
    pub servers: Servers<N>,
    /// What they cost.
    pub cost: Cost<N, M>,
    /// Each pool with its servers.
    pub pools: Vec<Pool<N>>,
    /// Each pool whose servers came and went.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub autoscaling: Vec<Autoscaling>,
    /// What failed, and what was done about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resilience: Option<Resilience>,
    /// The objectives with their values.
    pub slo: Vec<Objective<M>>,
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

/// Where intervals come from.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Intervals {
    /// What was taken to be independent.
    pub method: Method,
    /// How many of them there are.
    pub parts: u32,
    /// How sure every interval is, one by one.
    pub confidence: f64,
    /// How many requests are worth one independent one, for the mean latency.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variance_inflation: Option<f64>,
    /// The precision that was asked for and what was reached.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub precision: Option<Reached>,
}

/// What intervals are made from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Method {
    /// Independent replications, each with its own seed.
    Replications,
    /// Stretches of one long run.
    Batches,
    /// The trace as recorded, and traces resampled from its blocks.
    Resamples,
}

/// How precise a sequential run was to be, and how precise it is: half-widths as shares of the
/// estimates, the widest of those asked for.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reached {
    /// As it was asked for.
    pub asked: f64,
    /// As it is; null where an estimate has no interval.
    pub reached: Option<f64>,
    /// About how many replications it takes, where it was not reached.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replications_needed: Option<u64>,
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
    /// Lost with their server, or answered with an error.
    pub failed: u64,
    /// Attempts after a failed one.
    pub retried: u64,
    /// Turned away by admission or by an open circuit breaker.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub shed: u64,
    /// Copies that were sent beside a request that took long.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub hedged: u64,
    /// Taken back from a server that went out, and sent elsewhere.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub returned: u64,
    /// Attempts that were lost with a server, whatever became of their requests.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub lost: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands out references")]
fn is_zero(count: &u64) -> bool {
    *count == 0
}

impl Requests {
    /// Requests that ended in any other way than being served to the end.
    pub fn errors(&self) -> u64 {
        self.rejected + self.timed_out + self.failed + self.shed
    }
}

/// The size of the fleet over the run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Servers<N = f64> {
    /// Time average.
    pub mean: N,
    /// Fewest at one time.
    pub min: u32,
    /// Most at one time.
    pub max: u32,
    /// Server-hours paid in one run.
    pub hours: N,
}

/// Money.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Cost<N = f64, M = Option<f64>> {
    /// For the stretch of one run.
    pub total: N,
    /// In which currency.
    pub currency: String,
    /// An hour, on average.
    pub per_hour: N,
    /// For a million completed requests; null when none completed.
    pub per_million_requests: M,
    /// For a million tokens in and out; null when there were none.
    pub per_million_tokens: M,
    /// By what it was paid for; absent where no more than prices an hour are set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub breakdown: Option<Breakdown>,
}

/// One pool.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Pool<N = f64> {
    /// Its name.
    pub name: String,
    /// Requests its servers completed.
    pub completed: u64,
    /// Busy slot time over slot time.
    pub utilization: N,
    /// What it cost in one run.
    pub cost: N,
    /// Each of its servers.
    pub servers: Vec<Server<N>>,
}

/// One server.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Server<N = f64> {
    /// Its number in the fleet.
    pub id: u32,
    /// Requests it completed.
    pub completed: u64,
    /// Busy slot time over slot time.
    pub utilization: N,
}

/// One objective with what became of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Objective<M = Option<f64>> {
    /// As it was written.
    pub objective: String,
    /// The measured value in seconds or as a share; null when there is no data.
    pub value: M,
    /// Whether it was met; no requests at all means no. With intervals: whether it was met for
    /// sure.
    pub met: bool,
    /// Whether nobody can tell: the interval straddles the limit, or requests came and there is no
    /// value.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub inconclusive: bool,
    /// The share of requests beyond the limit of a percentile, where it decided: runs may support
    /// it though they do not support the percentile itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub beyond: Option<Estimate>,
}
