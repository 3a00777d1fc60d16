//! What failed in a run, and what was done about it.

use serde::{Deserialize, Serialize};

use crate::stats::Summary;

/// Failures and the protection against them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Resilience {
    /// Attempts of all kinds: what the fleet was sent.
    pub attempts: u64,
    /// Attempts for each request that was let in: retries and hedges are load.
    pub attempts_per_request: Option<f64>,
    /// Retries and hedges that the budget or an open circuit did not allow.
    pub denied: u64,
    /// Those of them that an open circuit stopped.
    #[serde(default)]
    pub denied_by_circuit: u64,
    /// Times that a circuit opened: until it closed again, what came was shed.
    #[serde(default)]
    pub circuits_opened: u64,
    /// Hedges that answered before the request they were copies of.
    pub hedges_won: u64,
    /// Services that were finished after everybody had stopped waiting for them.
    pub late: u64,
    /// The share of busy slot time whose work nobody took.
    pub wasted_share: Option<f64>,
    /// Times that a failure of any kind came over a server.
    #[serde(default)]
    pub faults: u64,
    /// Times that a server went out.
    pub outages: u64,
    /// Times that active checks took a server for down.
    pub marked_down: u64,
    /// Times that a server was ejected.
    pub ejected: u64,
    /// Times that a server that had been taken for down, or ejected, was used again.
    pub readmitted: u64,
    /// From a server's going out to its being used no more, where it was found out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detection_s: Option<Detection>,
    /// How the service came back, where the last fault went before the end and requests had failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recovery: Option<Recovery>,
    /// The same by the median latency of what was answered, where that was more than twice what it
    /// had been before the first fault.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latency_recovery: Option<Recovery>,
    /// The overload that outlived its cause, if there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metastable: Option<Metastable>,
    /// When the first fault came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_fault_s: Option<f64>,
    /// When the last fault had gone, where none lasted to the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_fault_s: Option<f64>,
    /// By class of traffic, where there are several.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub classes: Vec<Class>,
    /// What happened to servers, circuits and trust: how many lines there are in all. Of several
    /// runs they are those of the first one, as its timeline is.
    #[serde(default)]
    pub happened: u64,
    /// The first thousand of those lines, in order of time.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub incidents: Vec<Incident>,
    /// Requests, attempts and servers over time.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub timeline: Vec<Moment>,
}

/// What became of the requests of one class of traffic.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Class {
    /// The name of its table.
    pub name: String,
    /// Requests that arrived.
    pub arrived: u64,
    /// Requests that were answered.
    pub completed: u64,
    /// Requests that were not let in.
    pub shed: u64,
    /// Requests that ended without an answer, the shed ones among them.
    pub errors: u64,
    /// Latencies of those that were answered; of several runs, means of what each has.
    pub latency_s: Summary,
}

/// How long it took to find out.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Detection {
    /// Outages that were found out.
    pub count: u64,
    /// On average.
    pub mean: f64,
    /// At least.
    pub min: f64,
    /// At most.
    pub max: f64,
}

/// When the service was back in the state before the first fault, and stayed there: when the share
/// of requests that are not answered was less than a tenth above what it had been.
///
/// Of several runs those are told in which it had left that state at all.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Recovery {
    /// When the last fault had gone; of several runs, the mean.
    pub since_s: f64,
    /// How long it took from there, to an interval of the timeline; `None` is longer than the run.
    /// Of several runs the median: `None` where half of them or more did not recover.
    pub after_s: Option<f64>,
    /// Of several runs the longest; `None` where one of them did not recover.
    #[serde(default)]
    pub worst_s: Option<f64>,
    /// Runs that left that state.
    #[serde(default = "one")]
    pub runs: u32,
    /// Those of them that came back to it.
    #[serde(default)]
    pub recovered: u32,
}

fn one() -> u32 {
    1
}

/// What set an overload off that lasted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cause {
    /// Servers failed.
    #[default]
    Failure,
    /// More requests came for a while than the fleet could serve.
    Peak,
}

/// An overload that keeps itself alive: the cause has gone, requests alone would fit, and yet few
/// are answered, because what is served is mostly retries and work that nobody waits for.
///
/// Of several runs the figures are the means of those that were in that state.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Metastable {
    /// What set it off.
    #[serde(default)]
    pub cause: Cause,
    /// When the last cause had gone.
    pub since_s: f64,
    /// Requests a second after that.
    pub arrivals: f64,
    /// Requests answered a second.
    pub goodput: f64,
    /// Requests that the fleet could answer a second.
    pub capacity: f64,
    /// Attempts a second: the load that keeps the state up.
    pub attempts: f64,
    /// Busy slot time over slot time.
    pub utilization: f64,
    /// Runs in that state.
    #[serde(default = "one")]
    pub found_in: u32,
    /// Of so many.
    #[serde(default = "one")]
    pub runs: u32,
}

/// One line of the log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Incident {
    /// When.
    pub at_s: f64,
    /// `fault`, `fault-over`, `out`, `back`, `marked-down`, `marked-up`, `ejected`, `readmitted`,
    /// `panic`, `panic-over`, `circuit-open` or `circuit-closed`.
    pub what: String,
    /// The server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server: Option<u32>,
    /// The balancer of a circuit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub balancer: Option<u32>,
    /// The failure, by its name in the scenario.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
}

/// One interval of the timeline.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Moment {
    /// Its start.
    pub at_s: f64,
    /// Requests that arrived.
    pub arrivals: u64,
    /// Attempts that began.
    pub attempts: u64,
    /// Those of them that were retries or hedges.
    pub again: u64,
    /// Requests that were answered well: the goodput.
    pub answered: u64,
    /// Requests that ended in any other way.
    pub errors: u64,
    /// Of those, refused: by a full queue, by admission, or by a circuit breaker.
    #[serde(default)]
    pub refused: u64,
    /// Of those, that left a queue because they had waited too long; the rest had failed.
    #[serde(default)]
    pub timed_out: u64,
    /// Servers that were out, on average.
    pub out: f64,
    /// Servers that balancers did not use, on average.
    pub shunned: f64,
}
