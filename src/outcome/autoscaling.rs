//! What became of a pool whose size was not fixed.

use serde::{Deserialize, Serialize};

use crate::scale::elasticity::Elasticity;

/// One pool whose servers came and went.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Autoscaling {
    /// The pool.
    pub pool: String,
    /// The policy.
    pub policy: String,
    /// Server-hours paid, from order to end.
    pub server_hours: f64,
    /// The part of them that was paid before the server served.
    pub startup_hours: f64,
    /// Servers ordered in the run.
    pub ordered: u32,
    /// Servers that went.
    pub released: u32,
    /// Looks that changed the count or the size of servers.
    pub actions: u32,
    /// Starts that failed and were begun again.
    pub failed_starts: u64,
    /// Server-hours above the ideal, as a share of it; null where there is none. A server of twice
    /// the size counts twice.
    pub above_ideal: Option<f64>,
    /// What the run cost above the ideal, penalties included, as a share of it; absent where there
    /// is no ideal or no price.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost_above_ideal: Option<f64>,
    /// What could have been; null where several pools share the load.
    pub bounds: Option<Bounds>,
    /// How well supply followed demand.
    pub elasticity: Option<Elasticity>,
    /// The share of intervals with traffic in which the first stated percentile of latency, or any
    /// request, was missed.
    pub violated_share: Option<f64>,
    /// Minutes in which fewer servers served than were demanded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub short_minutes: Option<f64>,
    /// How the forecasts turned out, where the policy makes some.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub forecasts: Option<Foreseen>,
    /// What the policy has to say after the run, in sentences.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub remarks: Vec<String>,
    /// Servers by state over time.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub timeline: Vec<Interval>,
    /// The decision log: looks that wanted a change, changed something, or were held back.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub decisions: Vec<Decided>,
    /// What the policy has learnt.
    #[serde(skip)]
    pub memory: Option<String>,
}

/// The bounds an autoscaler is measured against.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Bounds {
    /// The least server-hours with which the objectives could have been met, knowing the future.
    pub ideal_server_hours: f64,
    /// What they would have cost.
    #[serde(default)]
    pub ideal_cost: f64,
    /// The fixed count that would have met them at the peak.
    pub static_peak_servers: u32,
    /// Its server-hours.
    pub static_peak_hours: f64,
    /// How both were found.
    pub method: String,
}

/// How the forecasts that a policy went by turned out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Foreseen {
    /// The forecaster.
    pub forecaster: String,
    /// How often it was fitted.
    pub refits: u64,
    /// The share of the time in which more load came than had been prepared for one mean start-up
    /// time earlier; null where nothing was prepared for.
    pub low_share: Option<f64>,
    /// Minutes with too few servers of which that was so: what the errors of the forecast cost.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub short_minutes: Option<f64>,
}

/// Servers by state, averaged over an interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// Its start.
    pub at_s: f64,
    /// Ordered and not yet serving.
    pub starting: f64,
    /// Of those that serve, those that are not warm yet.
    #[serde(default)]
    pub warming: f64,
    /// Serving.
    pub ready: f64,
    /// Finishing what they have.
    pub draining: f64,
    /// Slots of those that serve or finish.
    #[serde(default)]
    pub slots: f64,
}

/// One look: what was seen, what was wanted, what the guard made of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Decided {
    /// When.
    pub at_s: f64,
    /// Servers ordered and not yet serving.
    pub starting: u32,
    /// Servers that served.
    pub ready: u32,
    /// Servers that finished what they had.
    pub draining: u32,
    /// Requests in the system.
    pub in_system: u32,
    /// Utilization over the window.
    pub utilization: Option<f64>,
    /// Requests in the system over the window.
    pub concurrency: Option<f64>,
    /// Requests waiting over the window.
    pub queue: Option<f64>,
    /// Arrivals a second over the window.
    pub rate: Option<f64>,
    /// The count the policy wanted.
    pub proposed: u32,
    /// Its reason.
    pub why: String,
    /// The count that was carried out.
    pub allowed: u32,
    /// What the guard made of it.
    pub verdict: String,
    /// Slots of a new server from then on.
    #[serde(default)]
    pub slots: u32,
    /// Work a second of a new server from then on.
    #[serde(default)]
    pub speed: f64,
    /// The 99th percentile of latency over the window, where the policy looks at it.
    #[serde(default)]
    pub latency_s: Option<f64>,
    /// The share of requests that did not complete, over the window.
    #[serde(default)]
    pub errors: Option<f64>,
}
