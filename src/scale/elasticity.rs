//! How well supply followed demand: the elasticity metrics of the SPEC research group.
//!
//! Demand is the fewest servers that would have met the objective, supply the servers there were;
//! both are step functions of time over a horizon. Accuracy says *how much* was missing or idle,
//! timeshare *how long*, jitter how much more often supply changed than demand, instability how
//! often the two moved in different directions.
//!
//! *Source*: Herbst, Kounev, Reussner et al. ("Elasticity in cloud computing: what it is, and what
//! it is not", "BUNGEE", and the SPEC RG Cloud's "Ready for rain?").

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A step function: its value from each instant on. The instants ascend and the first is 0.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Steps {
    points: Vec<(u64, f64)>,
}

impl Steps {
    /// The step function through these points, each an instant and the value from then on; sorted
    /// here, and the last of several at one instant counts.
    pub fn new(mut points: Vec<(u64, f64)>) -> Self {
        points.sort_by_key(|&(at_ns, _)| at_ns);
        points.reverse();
        points.dedup_by_key(|&mut (at_ns, _)| at_ns);
        points.reverse();
        Self { points }
    }

    /// The value at an instant; 0 before the first point.
    pub fn at(&self, at_ns: u64) -> f64 {
        let next = self.points.partition_point(|&(from_ns, _)| from_ns <= at_ns);
        next.checked_sub(1).map_or(0.0, |index| self.points[index].1)
    }

    /// The same from an instant on, which becomes 0.
    #[must_use]
    pub fn since(&self, from_ns: u64) -> Self {
        let later = self.points.iter().filter(|(at_ns, _)| *at_ns > from_ns);
        let later = later.map(|&(at_ns, value)| (at_ns - from_ns, value));
        Self { points: [(0, self.at(from_ns))].into_iter().chain(later).collect() }
    }

    /// How often the value changes before the horizon.
    pub fn changes(&self, horizon_ns: u64) -> u32 {
        let within = self.points.iter().filter(|&&(at_ns, _)| at_ns < horizon_ns);
        let values: Vec<f64> = within.map(|&(_, value)| value).collect();
        values.windows(2).filter(|pair| pair[0] != pair[1]).count() as u32
    }
}

/// The metrics of one run. Percentages are of demand (accuracy) or of the horizon (timeshare).
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Elasticity {
    /// Servers missing, averaged over the horizon: under-provisioning accuracy in servers.
    pub under_servers: f64,
    /// Servers idle, averaged over the horizon: over-provisioning accuracy in servers.
    pub over_servers: f64,
    /// `θ_U`: share of demand missing, in percent, averaged over the horizon.
    pub under_percent: f64,
    /// `θ_O`: supply beyond demand as a share of demand, in percent, averaged over the horizon.
    pub over_percent: f64,
    /// `τ_U`: percent of the time with too few servers.
    pub under_time_percent: f64,
    /// `τ_O`: percent of the time with too many servers.
    pub over_time_percent: f64,
    /// Changes of supply.
    pub supply_changes: u32,
    /// Changes of demand.
    pub demand_changes: u32,
    /// Changes of supply less changes of demand, a second; negative where changes were skipped.
    pub jitter_per_s: f64,
    /// υ: percent of sampling steps in which supply and demand moved in different directions.
    pub instability_percent: f64,
}

/// The metrics over `[0, horizon_ns)`, instability on a grid of `sample_ns`.
///
/// Where demand is 0 the relative accuracies count nothing. An empty horizon measures nothing.
pub fn measure(demand: &Steps, supply: &Steps, horizon_ns: u64, sample_ns: u64) -> Elasticity {
    let mut result = Elasticity::default();
    if horizon_ns == 0 {
        return result;
    }
    let mut edges: Vec<u64> = [demand, supply]
        .iter()
        .flat_map(|steps| steps.points.iter().map(|&(at_ns, _)| at_ns))
        .chain([0, horizon_ns])
        .filter(|&at_ns| at_ns <= horizon_ns)
        .collect();
    edges.sort_unstable();
    edges.dedup();
    for span in edges.windows(2) {
        let share = (span[1] - span[0]) as f64 / horizon_ns as f64;
        let (wanted, given) = (demand.at(span[0]), supply.at(span[0]));
        let (missing, idle) = ((wanted - given).max(0.0), (given - wanted).max(0.0));
        result.under_servers += missing * share;
        result.over_servers += idle * share;
        if wanted > 0.0 {
            result.under_percent += 100.0 * missing / wanted * share;
            result.over_percent += 100.0 * idle / wanted * share;
        }
        result.under_time_percent += if missing > 0.0 { 100.0 * share } else { 0.0 };
        result.over_time_percent += if idle > 0.0 { 100.0 * share } else { 0.0 };
    }
    result.supply_changes = supply.changes(horizon_ns);
    result.demand_changes = demand.changes(horizon_ns);
    let surplus = f64::from(result.supply_changes) - f64::from(result.demand_changes);
    result.jitter_per_s = surplus / (horizon_ns as f64 / 1e9);
    result.instability_percent = instability(demand, supply, horizon_ns, sample_ns);
    result
}

/// The stretches of `[0, horizon_ns)` in which supply was below demand, in order of time.
pub fn shortages(demand: &Steps, supply: &Steps, horizon_ns: u64) -> Vec<(u64, u64)> {
    let points = demand.points.iter().chain(&supply.points).map(|point| point.0);
    let mut edges: Vec<u64> = points.filter(|at| *at < horizon_ns).chain([horizon_ns]).collect();
    edges.sort_unstable();
    edges.dedup();
    let spans = edges.windows(2).map(|pair| (pair[0], pair[1]));
    spans.filter(|span| demand.at(span.0) > supply.at(span.0)).collect()
}

/// The share of steps between consecutive samples, in percent, in which the signs of the two
/// changes differ.
fn instability(demand: &Steps, supply: &Steps, horizon_ns: u64, sample_ns: u64) -> f64 {
    let sample_ns = sample_ns.max(1);
    // Samples at 0, one step, two … before the horizon.
    let steps = (horizon_ns - 1) / sample_ns;
    if steps == 0 {
        return 0.0;
    }
    let direction = |steps: &Steps, index: u64| {
        let change = steps.at((index + 1) * sample_ns) - steps.at(index * sample_ns);
        if change == 0.0 { 0.0 } else { change.signum() }
    };
    let apart =
        (0..steps).filter(|&index| direction(demand, index) != direction(supply, index)).count();
    100.0 * apart as f64 / steps as f64
}

impl Elasticity {
    /// The auto-scaling deviation: the Minkowski distance of order `p` from the ideal scaler over
    /// `θ_U`, `θ_O`, `τ_U`, `τ_O` and `υ`. Smaller is better.
    pub fn deviation(&self, p: f64) -> f64 {
        let axes = [
            self.under_percent,
            self.over_percent,
            self.under_time_percent,
            self.over_time_percent,
            self.instability_percent,
        ];
        axes.iter().map(|axis| axis.powf(p)).sum::<f64>().powf(1.0 / p)
    }

    /// The elastic speed-up over another scaler: the geometric mean of its accuracies and
    /// timeshares over ours. Above 1 we are better. Metrics that are 0 for either are left out,
    /// and nothing is said where all are.
    pub fn speed_up(&self, other: &Self) -> Option<f64> {
        let axes = |it: &Self| {
            [it.under_percent, it.over_percent, it.under_time_percent, it.over_time_percent]
        };
        let logarithms: Vec<f64> = axes(self)
            .into_iter()
            .zip(axes(other))
            .filter(|&(ours, theirs)| ours > 0.0 && theirs > 0.0)
            .map(|(ours, theirs)| (theirs / ours).ln())
            .collect();
        let count = logarithms.len() as f64;
        (count > 0.0).then(|| (logarithms.iter().sum::<f64>() / count).exp())
    }
}
