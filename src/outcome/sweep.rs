//! What a sweep leaves behind: a row a point, their ranks, the front, the choice.

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use super::{Cost, Intervals, Kind, Objective, Outcome, Requests, Servers};
use crate::stats::{Estimate, Summary};

/// What a sweep is about, before any of its points is run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Outline {
    /// The scenario's name.
    pub name: String,
    /// The user's seed.
    pub seed: u64,
    /// How many points the grid has.
    pub size: u64,
    /// What is varied.
    pub axes: Vec<Axis>,
    /// How sure the intervals are, one by one.
    pub confidence: f64,
    /// By which measure the best is to be found, where that was said.
    pub best: Option<String>,
    /// The scenario that the points are laid over, as it was written with its flags.
    pub scenario: serde_json::Value,
}

/// A point in a folder: where it lies, and what is kept of it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Placed {
    /// Its number in the grid, from 1.
    pub point: u64,
    /// What each field is set to.
    pub values: IndexMap<String, serde_json::Value>,
    /// What is kept of it.
    #[serde(flatten)]
    pub kept: Kept,
}

/// Many points of a scenario: the schema `plimsoll.sweep/1`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Sweep {
    /// `plimsoll.sweep/1`.
    pub schema: String,
    /// The version of the program.
    pub version: String,
    /// The scenario's name.
    pub name: String,
    /// The user's seed.
    pub seed: u64,
    /// Whether points are missing: it was stopped, or is one part of several.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub partial: bool,
    /// Which part of the grid this is, where it was cut: `2/4`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shard: Option<String>,
    /// How many points the grid has.
    pub size: u64,
    /// What is varied.
    pub axes: Vec<Axis>,
    /// How sure the intervals are, one by one.
    pub confidence: f64,
    /// Which latency stands for all: that of the first objective about one, else p99 or mean.
    pub latency: String,
    /// By which measure points of one verdict are ranked, smallest first.
    pub best_by: String,
    /// The number of the best point; where the traffic is varied, of the best for each.
    pub best: Vec<u64>,
    /// How the best was chosen for sure, where that was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub selection: Option<Selection>,
    /// Each point in the order of the grid.
    pub points: Vec<Point>,
    /// The results in words.
    pub findings: Vec<String>,
    /// What the reader should know.
    pub advice: Vec<String>,
    /// The scenario that the points are laid over, as it was written with its flags.
    pub scenario: serde_json::Value,
}

/// An axis: its fields change together.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Axis {
    /// The dotted paths of its fields.
    pub paths: Vec<String>,
    /// How many places it has; none where points are drawn.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u64>,
    /// Whether it changes the requests: a condition that fleets meet, not a choice between them.
    pub traffic: bool,
}

/// One point: where it lies, what became of it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Point {
    /// Its number in the grid, from 1.
    pub point: u64,
    /// Its place among all points with the same traffic when they are ordered from the best, from
    /// 1; among all where no two points have the same.
    pub rank: u64,
    /// Whether another point with the same traffic beats it in cost and latency.
    pub front: Front,
    /// What each field is set to.
    pub values: IndexMap<String, serde_json::Value>,
    /// What was measured.
    #[serde(flatten)]
    pub measures: Measures,
}

/// Where a point lies to the front of cost against latency.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Front {
    /// No point is estimated to be as cheap and faster, or as fast and cheaper.
    On,
    /// One is, but the intervals do not tell them apart.
    Open,
    /// One is, for sure.
    Beaten,
    /// It has no cost or no latency, or it misses what makes a latency worth having.
    Out,
}

/// The measures of a point, with the names of an outcome.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Measures {
    /// Whether the objectives are met.
    pub verdict: PointVerdict,
    /// A print of the requests of the first replication.
    pub workload_fingerprint: String,
    /// What the runs are estimates of.
    pub kind: Kind,
    /// Where the intervals come from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub intervals: Option<Intervals>,
    /// The stretch that time averages cover, of all replications together.
    pub duration_s: f64,
    /// The warm-up that was left out before it.
    pub warm_up_s: f64,
    /// How requests ended, of all replications together.
    pub requests: Requests,
    /// The share of requests that arrived and did not complete.
    pub error_rate: Estimate,
    /// Completed requests a second.
    pub throughput: Estimate,
    /// From arrival to end, of completed requests.
    pub latency_s: Summary<Estimate>,
    /// From arrival to the start of service.
    pub wait_s: Summary<Estimate>,
    /// From the start of service to the end.
    pub service_s: Summary<Estimate>,
    /// The share of completed requests that waited at all.
    pub wait_probability: Estimate,
    /// Busy slot time over slot time.
    pub utilization: Estimate,
    /// Mean number in system.
    pub in_system_mean: Estimate,
    /// Mean number waiting.
    pub queue_mean: Estimate,
    /// How many servers there were.
    pub servers: Servers<Estimate>,
    /// What they cost.
    pub cost: Cost<Estimate, Estimate>,
    /// The objectives with their values.
    pub slo: Vec<Objective<Estimate>>,
    /// What theory says of the point, where it knows the model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub theory: Option<Known>,
    /// What the reader should know.
    pub advice: Vec<String>,
}

/// The known answer for a point.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Known {
    /// The model, as `plimsoll theory` calls it.
    pub model: String,
    /// From arrival to end; quantiles are null where only the mean is known.
    pub latency_s: Summary,
}

/// Whether a point meets its objectives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PointVerdict {
    /// All of them, or there are none.
    Met,
    /// None is missed, but some cannot be decided.
    Inconclusive,
    /// One at least is missed.
    Missed,
}

/// What is kept of a point in a folder, so that it never has to be run again.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Kept {
    /// A print of everything that the point is a function of.
    pub key: String,
    /// What was measured.
    pub measures: Measures,
    /// What became of each objective, and how sure that is; null where it is open.
    pub decided: Vec<Option<Settled>>,
    /// One number a replication for each measure, to select by.
    pub observed: IndexMap<String, Vec<Option<f64>>>,
}

/// An objective that was decided by the share of requests beyond its limit.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Settled {
    /// Whether it is met.
    pub met: bool,
    /// The smallest error at which it is still decided: 0.001 is 99.9 % sure.
    pub error: f64,
}

/// How the best point was chosen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Selection {
    /// `kn` or `ocba`.
    pub method: String,
    /// By which measure.
    pub measure: String,
    /// By which measure among points that are exactly equal in the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub then_by: Option<String>,
    /// The chosen point; null when none could be chosen.
    pub point: Option<u64>,
    /// How probable it is that no other point that meets the objectives is better by more than the
    /// indifference; null where nothing is known.
    pub probability: Option<f64>,
    /// Whether the probability is guaranteed, else it is an estimate.
    pub guaranteed: bool,
    /// A difference that does not matter, in the unit of `then_by` where there is one, else of the
    /// measure.
    pub indifference: f64,
    /// How many points meet their objectives for sure.
    pub candidates: u64,
    /// Points that might meet them and might be better, but could not be decided.
    pub undecided: Vec<u64>,
    /// Points that could not be told from the chosen one when the budget was spent.
    pub rivals: Vec<u64>,
    /// Replications spent beyond those of the grid.
    pub replications: u64,
}

/// The traffic of each point in words; one for all where no two points have the same.
pub fn traffics<'a>(
    axes: &[Axis],
    points: impl Iterator<Item = &'a IndexMap<String, serde_json::Value>>,
) -> Vec<String> {
    let paths: Vec<&String> =
        axes.iter().filter(|axis| axis.traffic).flat_map(|axis| &axis.paths).collect();
    let of = |values: &IndexMap<String, serde_json::Value>| {
        let value = |path: &&String| match &values[path.as_str()] {
            serde_json::Value::String(text) => format!("{path} = {text}"),
            other => format!("{path} = {other}"),
        };
        paths.iter().map(value).collect::<Vec<_>>().join(", ")
    };
    let groups: Vec<String> = points.map(of).collect();
    let different: std::collections::BTreeSet<&String> = groups.iter().collect();
    if different.len() == groups.len() { vec![String::new(); groups.len()] } else { groups }
}

impl Measures {
    /// Whether all objectives of an outcome are met.
    pub fn verdict_of(objectives: &[Objective<Estimate>]) -> PointVerdict {
        let missed = |objective: &Objective<Estimate>| !objective.met && !objective.inconclusive;
        match () {
            () if objectives.iter().any(missed) => PointVerdict::Missed,
            () if objectives.iter().any(|objective| objective.inconclusive) => {
                PointVerdict::Inconclusive
            }
            () => PointVerdict::Met,
        }
    }
}

impl From<Outcome<Estimate, Estimate>> for Measures {
    fn from(outcome: Outcome<Estimate, Estimate>) -> Self {
        Self {
            verdict: Self::verdict_of(&outcome.slo),
            workload_fingerprint: outcome.workload_fingerprint,
            kind: outcome.kind,
            intervals: outcome.intervals,
            duration_s: outcome.duration_s,
            warm_up_s: outcome.warm_up_s,
            requests: outcome.requests,
            error_rate: outcome.error_rate,
            throughput: outcome.throughput,
            latency_s: outcome.latency_s,
            wait_s: outcome.wait_s,
            service_s: outcome.service_s,
            wait_probability: outcome.wait_probability,
            utilization: outcome.utilization,
            in_system_mean: outcome.in_system_mean,
            queue_mean: outcome.queue_mean,
            servers: outcome.servers,
            cost: outcome.cost,
            slo: outcome.slo,
            theory: None,
            advice: outcome.advice,
        }
    }
}
