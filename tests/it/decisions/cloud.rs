//! Worked examples of the documentation of AWS and Azure.

use plimsoll::scale::azure::{projected_average, scale_in};
use plimsoll::scale::predictive::published::{MaxBreach, effective_max};
use plimsoll::scale::step_scaling::{
    AdjustmentType, Direction, Policy, Step, adjust, combine, round_percent_change,
};
use plimsoll::scale::target_tracking::round_change;
use serde_json::Value;

use super::{Case, Outcome, collect, int, real};

pub(super) fn check(kind: &str) -> Option<fn(&Case) -> Outcome> {
    Some(match kind {
        "percent_rounding" => percent_rounding,
        "step_scaling" => step_scaling,
        "target_tracking_rounding" => target_tracking_rounding,
        "predictive_max_breach" => predictive_max_breach,
        "policy_combination" => policy_combination,
        "azure_flapping" => azure_flapping,
        _ => return None,
    })
}

fn adjustment_type(value: &Value) -> Result<AdjustmentType, String> {
    match value.as_str() {
        Some("ChangeInCapacity") => Ok(AdjustmentType::ChangeInCapacity),
        Some("ExactCapacity") => Ok(AdjustmentType::ExactCapacity),
        Some("PercentChangeInCapacity") => Ok(AdjustmentType::PercentChangeInCapacity),
        other => Err(format!("unknown adjustment {other:?}")),
    }
}

fn percent_rounding(case: &Case) -> Outcome {
    case.expects_int("change", round_percent_change(real(&case.inputs()["raw_change"])?))
}

fn step_scaling(case: &Case) -> Outcome {
    let inputs = case.inputs();
    let policy = Policy {
        threshold: real(&inputs["threshold"])?,
        adjustment_type: adjustment_type(&inputs["adjustment_type"])?,
        min_adjustment_magnitude: inputs["min_adjustment_magnitude"].as_u64().unwrap_or(0) as u32,
        steps: collect(&inputs["steps"], |step| {
            Ok(Step {
                lower: step["lower"].as_f64(),
                upper: step["upper"].as_f64(),
                adjustment: real(&step["adjustment"])?,
            })
        })?,
    };
    let direction = match inputs["policy"].as_str() {
        Some("out") => Direction::Out,
        Some("in") => Direction::In,
        other => return Err(format!("unknown policy {other:?}")),
    };
    let capacity = int(&inputs["capacity"])? as u32;
    let got = policy.decide(capacity, real(&inputs["metric"])?, direction);
    case.expects_int("capacity", got.unwrap_or(capacity).into())
}

fn target_tracking_rounding(case: &Case) -> Outcome {
    let inputs = case.inputs();
    let adding = inputs["direction"].as_str() == Some("out");
    case.expects_int("change", round_change(real(&inputs["computed_change"])?.abs(), adding).into())
}

fn predictive_max_breach(case: &Case) -> Outcome {
    let inputs = case.inputs();
    let breach = match inputs["mode"].as_str() {
        Some("HonorMaxCapacity") => MaxBreach::HonorMaxCapacity,
        Some("IncreaseMaxCapacity") => MaxBreach::IncreaseMaxCapacity,
        other => return Err(format!("unknown mode {other:?}")),
    };
    let got = effective_max(
        int(&inputs["max_capacity"])? as u32,
        real(&inputs["forecast_capacity"])?,
        breach,
        inputs["buffer_percent"].as_f64().unwrap_or(0.0),
    );
    case.expects_int("max_capacity", got.into())
}

fn policy_combination(case: &Case) -> Outcome {
    let inputs = case.inputs();
    // A change in servers is the same from any count; leave room below.
    let capacity = inputs["capacity"].as_u64().unwrap_or(1000) as u32;
    let wanted = collect(&inputs["policies"], |policy| {
        let kind = adjustment_type(&policy["type"])?;
        Ok(adjust(capacity, kind, real(&policy["adjustment"])?, 0))
    })?;
    let got = combine(&wanted).ok_or("no policy")?;
    case.expects_int("capacity_change", i64::from(got) - i64::from(capacity))?;
    case.expects_int("capacity", got.into())
}

fn azure_flapping(case: &Case) -> Outcome {
    let inputs = case.inputs();
    let instances = int(&inputs["instances"])? as u32;
    let average = real(&inputs["metric_average"])?;
    let by = int(&inputs["scale_in_by"])? as u32;
    let got = if average < real(&inputs["scale_in_threshold"])? {
        scale_in(instances, average, real(&inputs["scale_out_threshold"])?, by)
    } else {
        instances
    };
    case.expects_int("instances", got.into())?;
    case.expects_near("projected_average", projected_average(instances, by, average), 1e-9)
}
