//! Predictive horizontal pod autoscaler: the decisions around its forecasts.

use plimsoll::scale::hpa::behavior::{Policy, PolicyType, Rules, Select};
use plimsoll::scale::predictive::published::{DecisionType, choose, limit_predicted, prune};
use plimsoll::time::Duration;

use super::{Case, NOW_NS, Outcome, collect, count, hpa, list, ns, real};

pub(super) fn check(kind: &str) -> Option<fn(&Case) -> Outcome> {
    Some(match kind {
        "behavior" => behavior,
        "decision_type" => decision_type,
        "longest_period" => longest_period,
        "prune" => prunes,
        _ => return None,
    })
}

fn behavior(case: &Case) -> Outcome {
    let inputs = case.inputs();
    let up_history = collect(&inputs["scale_up_replica_history"], count)?;
    let down_history = collect(&inputs["scale_down_replica_history"], count)?;
    let up = hpa::up_rules(&inputs["scale_up"])?;
    let down = hpa::down_rules(&inputs["scale_down"])?;
    let got = limit_predicted(
        count(&inputs["current_replicas"])?,
        count(&inputs["target_replicas"])?,
        hpa::bounds(inputs)?,
        (&up_history, &down_history),
        &hpa::events(inputs)?,
        (&up, &down),
        NOW_NS,
    );
    case.expects_int("replicas", got.into())
}

fn decision_type(case: &Case) -> Outcome {
    let by = match case.inputs()["decision_type"].as_str() {
        Some("maximum") => DecisionType::Maximum,
        Some("minimum") => DecisionType::Minimum,
        Some("mean") => DecisionType::Mean,
        Some("median") => DecisionType::Median,
        other => return Err(format!("unknown decision {other:?}")),
    };
    let predicted = collect(&case.inputs()["predicted"], count)?;
    case.expects_int("replicas", choose(&predicted, by).into())
}

fn longest_period(case: &Case) -> Outcome {
    let policies = collect(&case.inputs()["policy_periods_s"], |period| {
        Ok(Policy { r#type: PolicyType::Pods, value: 1, period: Duration(ns(real(period)?)) })
    })?;
    let rules = Rules { window_ns: 0, select: Select::Max, policies };
    case.expects_near("longest_s", rules.longest_period_ns() as f64 / 1e9, 0.0)
}

fn prunes(case: &Case) -> Outcome {
    let inputs = case.inputs();
    let entries = collect(&inputs["entries"], |entry| {
        Ok((ns(real(&entry["time_s"])?), count(&entry["replicas"])?))
    })?;
    let kept = prune(&entries, ns(real(&inputs["window_s"])?), ns(real(&inputs["now_s"])?));
    let got: Vec<i64> = kept.into_iter().map(|(_, replicas)| replicas.into()).collect();
    let wanted = list(case.wanted("kept_replicas"));
    if *wanted == *got { Ok(()) } else { Err(format!("expected {wanted:?}, got {got:?}")) }
}
