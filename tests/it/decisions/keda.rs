//! KEDA: activation, fallback, jobs.

use plimsoll::scale::keda::jobs::{
    Calculation, Jobs, Strategy, Trigger, decide, demand, mean_target,
};
use plimsoll::scale::keda::{
    Annotations, Config, Fallback, FallbackBehavior, Health, Poll, ScaledObject,
};
use plimsoll::time::Duration;
use serde_json::Value;

use super::{Case, NOW_NS, Outcome, ago, collect, int, ns, real};

pub(super) fn check(kind: &str) -> Option<fn(&Case) -> Outcome> {
    Some(match kind {
        "scaledjob_strategy" => strategy,
        "scaledjob_decision" => decision,
        "scaledjob_multiple_scalers" => multiple,
        "target_average" => target_average,
        "scaledobject_activation" => activation,
        "fallback_metric" => fallback,
        _ => return None,
    })
}

fn strategy_of(inputs: &Value) -> Result<Strategy, String> {
    let share = inputs["running_job_percentage"].as_str().and_then(|text| text.parse().ok());
    Ok(match (inputs["strategy"].as_str(), share) {
        (Some("custom"), Some(running_job_percentage)) => Strategy::Custom {
            queue_length_deduction: inputs["queue_length_deduction"].as_i64().unwrap_or(0) as i32,
            running_job_percentage,
        },
        (Some("accurate"), _) => Strategy::Accurate,
        (Some("eager"), _) => Strategy::Eager,
        // A custom strategy whose share cannot be read is the default one.
        (Some("default" | "custom"), _) => Strategy::Default,
        (other, _) => return Err(format!("unknown strategy {other:?}")),
    })
}

fn jobs(inputs: &Value) -> Result<Jobs, String> {
    Ok(Jobs {
        wanted: int(&inputs["max_scale"])?,
        running: int(&inputs["running_jobs"])?,
        pending: int(&inputs["pending_jobs"])?,
        limit: inputs["max_replica_count"].as_i64().unwrap_or(100),
    })
}

fn strategy(case: &Case) -> Outcome {
    let inputs = case.inputs();
    let got = decide(strategy_of(inputs)?, 0, jobs(inputs)?, int(&inputs["scale_to"])?);
    case.expects_int("effective_max_scale", got.effective_max)?;
    case.expects_int("scale_to", got.scale_to)
}

fn decision(case: &Case) -> Outcome {
    let inputs = case.inputs();
    let least = int(&inputs["min_replica_count"])?;
    let got = decide(strategy_of(inputs)?, least, jobs(inputs)?, int(&inputs["scale_to"])?);
    case.expects_int("effective_max_scale", got.effective_max)?;
    case.expects_int("scale_to", got.scale_to)
}

fn multiple(case: &Case) -> Outcome {
    let inputs = case.inputs();
    let triggers = collect(&inputs["scalers"], |scaler| {
        Ok(Trigger {
            queue_length: real(&scaler["queue_length"])?,
            target: real(&scaler["target_average_value"])?,
            active: scaler["active"].as_bool() == Some(true),
        })
    })?;
    let calculation = match inputs["calculation"].as_str() {
        Some("max" | "") | None => Calculation::Max,
        Some("min") => Calculation::Min,
        Some("avg") => Calculation::Avg,
        Some("sum") => Calculation::Sum,
        Some(other) => return Err(format!("unknown calculation {other}")),
    };
    let least = inputs["min_replica_count"].as_i64().unwrap_or(0);
    let got = demand(&triggers, calculation, least, int(&inputs["max_replica_count"])?);
    case.expects_bool("is_active", got.active)?;
    case.expects_int("queue_length", got.queue_length)?;
    case.expects_int("max_value", got.wanted)
}

fn target_average(case: &Case) -> Outcome {
    let targets = collect(&case.inputs()["targets"], real)?;
    case.expects_near("average", mean_target(&targets), 1e-12)
}

fn fallback_of(inputs: &Value) -> Result<Option<Fallback>, String> {
    let Some(replicas) = inputs["fallback_replicas"].as_i64() else { return Ok(None) };
    let behavior = match inputs["behavior"].as_str() {
        None | Some("static" | "") => FallbackBehavior::Static,
        Some("currentReplicas") => FallbackBehavior::CurrentReplicas,
        Some("currentReplicasIfHigher") => FallbackBehavior::CurrentReplicasIfHigher,
        Some("currentReplicasIfLower") => FallbackBehavior::CurrentReplicasIfLower,
        Some(other) => return Err(format!("unknown behavior {other}")),
    };
    // KEDA refuses a fallback with a negative count or threshold.
    let threshold = inputs["failure_threshold"].as_i64().unwrap_or(0);
    Ok(u32::try_from(threshold)
        .ok()
        .zip(u32::try_from(replicas).ok())
        .map(|(failure_threshold, replicas)| Fallback { failure_threshold, replicas, behavior }))
}

fn activation(case: &Case) -> Outcome {
    let inputs = case.inputs();
    let seconds = |key: &str, default: f64| Duration(ns(inputs[key].as_f64().unwrap_or(default)));
    let flag = |key: &str| inputs[key].as_bool() == Some(true);
    let small = |key: &str| inputs[key].as_i64().map(|it| it as u32);
    let config = Config {
        cooldown_period: seconds("cooldown_period_s", 300.0),
        initial_cooldown_period: seconds("initial_cooldown_period_s", 0.0),
        idle_replica_count: small("idle_replica_count"),
        min_replica_count: small("min_replica_count").unwrap_or(0),
        fallback: fallback_of(inputs)?,
        ..Config::default()
    };
    let annotations = Annotations {
        paused_replicas: small("paused_replicas").or_else(|| small("paused_replica_count")),
        paused: flag("paused"),
        pause_scale_in: flag("pause_scale_in"),
        pause_scale_out: flag("pause_scale_out"),
        force_activation: flag("force_activation"),
    };
    let last_active = &inputs["last_active_age_s"];
    // Upstream takes an object without a time of creation to be created just before the poll.
    let created = if inputs["created_age_s"].is_null() {
        NOW_NS - 1000
    } else {
        ago(&inputs["created_age_s"])
    };
    let mut object = ScaledObject::new(config, created)
        .with(annotations, last_active.as_f64().map(|_| ago(last_active)));
    let poll = Poll {
        current: int(&inputs["current_replicas"])? as u32,
        active: flag("is_active"),
        error: flag("is_error"),
    };
    case.expects_int("replicas", object.poll(NOW_NS, poll).into())
}

fn fallback(case: &Case) -> Outcome {
    let inputs = case.inputs();
    let mut health = Health::after(inputs["failures_before"].as_i64().unwrap_or(0) as u32);
    let failing = inputs["scaler_call"].as_str() == Some("error");
    let value = inputs["metric_value"].as_f64().or_else(|| case.wanted("metric_value").as_f64());
    let reading = if failing { None } else { value };
    let by_value = inputs["metric_type"].as_str() == Some("Value");
    let ready = inputs["ready_replicas"].as_i64().filter(|_| by_value).map(|it| it as u32);
    let got = health.observe(
        reading,
        fallback_of(inputs)?,
        real(&inputs["target_average_value"])?,
        inputs["current_replicas"].as_i64().unwrap_or(0) as u32,
        ready,
    );
    case.expects_int("failures_after", health.failures().into())?;
    // Without a stand-in the trigger's own error is passed on.
    case.expects_bool("error", got.is_none())?;
    match (case.wanted("metric_value").as_f64(), got) {
        (Some(wanted), Some(got)) if wanted == got => Ok(()),
        (None, None) => Ok(()),
        (wanted, got) => Err(format!("metric_value: expected {wanted:?}, got {got:?}")),
    }
}
