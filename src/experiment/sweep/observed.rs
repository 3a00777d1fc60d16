//! One number a replication for each measure, and how small an error a verdict stands up to.

use indexmap::IndexMap;

use super::super::campaign::Part;
use super::super::evidence::{Evidence, quantile_of};
use super::super::judge::decided;
use crate::outcome::Settled;
use crate::scenario::{Goal, Measure, Scenario};

/// What can be selected by without running a point again.
const MEASURES: [Measure; 12] = [
    Measure::Mean,
    Measure::Percentile(0.5),
    Measure::Percentile(0.9),
    Measure::Percentile(0.95),
    Measure::Percentile(0.99),
    Measure::Percentile(0.999),
    Measure::Max,
    Measure::WaitMean,
    Measure::WaitPercentile(0.99),
    Measure::Errors,
    Measure::Utilization,
    Measure::CostPerHour,
];

/// Errors that verdicts are tried against, from the largest on.
const ERRORS: [f64; 8] = [0.05, 0.02, 0.01, 1e-3, 1e-4, 1e-5, 1e-6, 1e-7];

/// The value of a measure in one replication; `None` where the replication does not support it.
pub(super) fn value_of(measure: Measure, part: &Part) -> Option<f64> {
    let outcome = &part.outcome;
    match measure {
        Measure::Percentile(p) => quantile_of(&part.latency.all, p),
        Measure::WaitPercentile(p) => quantile_of(&part.wait.all, p),
        Measure::Mean => outcome.latency_s.mean,
        Measure::WaitMean => outcome.wait_s.mean,
        Measure::Max => outcome.latency_s.max,
        Measure::Errors => outcome.error_rate,
        Measure::Utilization => Some(outcome.utilization),
        Measure::CostPerHour => Some(outcome.cost.per_hour),
    }
}

/// The measures of every replication, those of the scenario's objectives among them.
pub(super) fn observed(scenario: &Scenario, parts: &[&Part]) -> IndexMap<String, Vec<Option<f64>>> {
    let asked = scenario.goals().map(|goal| goal.measure);
    let each = MEASURES.into_iter().chain(asked).map(|measure| {
        let values = parts.iter().map(|part| value_of(measure, part)).collect();
        (measure.to_string(), values)
    });
    each.collect()
}

/// What became of an objective, at the smallest error at which it is still decided.
pub(super) fn decided_of(goal: &Goal, evidence: &Evidence<'_>) -> Option<Settled> {
    let at = |error: f64| Some(Settled { met: decided(goal, &evidence.at(1.0 - error))?, error });
    ERRORS.into_iter().map_while(at).last()
}
