//! llm-d workload-variant autoscaler: saturation and the targets of variants.

use plimsoll::scale::wva::{Config, Replica, Variant, analyze, targets};

use super::{Case, Outcome, collect, int, real};

pub(super) fn check(kind: &str) -> Option<fn(&Case) -> Outcome> {
    Some(match kind {
        "saturation_analysis" => saturation_analysis,
        "saturation_targets" => saturation_targets,
        _ => return None,
    })
}

fn saturation_analysis(case: &Case) -> Outcome {
    let inputs = case.inputs();
    let settings = &inputs["config"];
    let config = Config {
        kv_cache_threshold: real(&settings["kv_cache_threshold"])?,
        queue_length_threshold: real(&settings["queue_length_threshold"])?,
        kv_spare_trigger: real(&settings["kv_spare_trigger"])?,
        queue_spare_trigger: real(&settings["queue_spare_trigger"])?,
    };
    let replicas: Vec<Replica<'_>> = super::list(&inputs["replicas"])
        .iter()
        .map(|replica| {
            Ok(Replica {
                variant: replica["variant"].as_str().ok_or("a replica without variant")?,
                kv_cache_usage: real(&replica["kv_cache_usage"])?,
                queue_length: real(&replica["queue_length"])?,
            })
        })
        .collect::<Result<_, String>>()?;
    let got = analyze(&config, &replicas);
    case.expects_int("total_replicas", got.replicas.into())?;
    case.expects_int("non_saturated", got.with_room.into())?;
    case.expects_near("avg_spare_kv", got.spare_kv, 1e-9)?;
    case.expects_near("avg_spare_queue", got.spare_queue, 1e-9)?;
    case.expects_bool("should_scale_up", got.should_scale_up)?;
    case.expects_bool("scale_down_safe", got.scale_down_safe)
}

fn saturation_targets(case: &Case) -> Outcome {
    let inputs = case.inputs();
    let flag = |key: &str| inputs[key].as_bool() == Some(true);
    let names = collect(&inputs["variants"], |it| {
        it["variant"].as_str().map(str::to_owned).ok_or_else(|| "a variant without name".to_owned())
    })?;
    let variants: Vec<Variant<'_>> = super::list(&inputs["variants"])
        .iter()
        .zip(&names)
        .map(|(it, name)| {
            let desired = it["desired_replicas"].as_u64().unwrap_or(0) as u32;
            Ok(Variant {
                name,
                cost: real(&it["cost"])?,
                reporting: int(&it["replicas_with_metrics"])? as u32,
                current: int(&it["current_replicas"])? as u32,
                desired: (desired != 0).then_some(desired),
                pending: it["pending_replicas"].as_u64().unwrap_or(0) as u32,
            })
        })
        .collect::<Result<_, String>>()?;
    let got = targets(flag("should_scale_up"), flag("scale_down_safe"), &variants);
    let got = serde_json::to_value(got).expect("a map of counts");
    let wanted = case.wanted("targets");
    if got == *wanted { Ok(()) } else { Err(format!("expected {wanted}, got {got}")) }
}
