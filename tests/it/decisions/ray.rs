//! Ray Serve: sequences of control loops, factors, delays, gangs, means.

use plimsoll::scale::ray_serve::{
    Config, Load, Point, RayServe, Streak, merge, time_weighted_mean,
};
use plimsoll::time::Duration;
use serde_json::Value;

use super::{Case, NOW_NS, Outcome, ago, collect, int, list, near, ns, real};

pub(super) fn check(kind: &str) -> Option<fn(&Case) -> Outcome> {
    Some(match kind {
        "policy_sequence" => sequence,
        "scaling_factors" => factors,
        "delay_logic" => delays,
        "delay_state" => delay_state,
        "gang" => gang,
        "timeseries_mean" => mean,
        _ => return None,
    })
}

/// Writes the settings a value names over those given; upstream's short names included.
fn settings(mut config: Config, value: &Value) -> Config {
    let number = |keys: &[&str]| keys.iter().find_map(|key| value[*key].as_f64());
    let time = |key: &str| value[key].as_f64().map(ns).map(Duration);
    let set = |slot: &mut f64, new: Option<f64>| *slot = new.unwrap_or(*slot);
    set(&mut config.target_ongoing_requests, number(&["target_ongoing_requests"]));
    set(&mut config.upscaling_factor, number(&["upscaling_factor", "up_f"]));
    set(&mut config.downscaling_factor, number(&["downscaling_factor", "dn_f"]));
    config.upscale_delay = time("upscale_delay_s").unwrap_or(config.upscale_delay);
    config.downscale_delay = time("downscale_delay_s").unwrap_or(config.downscale_delay);
    if value.get("downscale_to_zero_delay_s").is_some() {
        config.downscale_to_zero_delay = time("downscale_to_zero_delay_s");
    }
    config
}

/// What a policy of the case's own wants, where it is not the default one.
fn custom(policy: &str, ongoing: f64) -> Result<Option<f64>, String> {
    match policy {
        "replica_queue_length" => Ok(None),
        "custom: desired 3 if total_ongoing_requests>0 else 0" => {
            Ok(Some(if ongoing > 0.0 { 3.0 } else { 0.0 }))
        }
        // "… every deployment wants N"
        other => other
            .rsplit_once("wants ")
            .and_then(|(_, count)| count.trim().parse().ok())
            .map(Some)
            .ok_or_else(|| format!("unknown policy {other:?}")),
    }
}

fn sequence(case: &Case) -> Outcome {
    let inputs = case.inputs();
    let name = inputs["policy"].as_str().unwrap_or("replica_queue_length");
    let mut policy = RayServe::new(settings(Config::default(), &inputs["config"]));
    for (index, step) in list(&inputs["steps"]).iter().enumerate() {
        let told = &step["inputs"];
        if told["config_update"].is_object() {
            let config = settings(policy.config().clone(), &told["config_update"]);
            policy.update(config);
        }
        let load = Load {
            running: int(&told["current_replicas"])? as u32,
            target: int(&told["target_replicas"])? as u32,
            ongoing: real(&told["total_ongoing_requests"])?,
        };
        let (start, tick) = (ns(real(&told["time_s"])?), told["tick_s"].as_f64().unwrap_or(0.0));
        for repetition in 0..told["repeat"].as_u64().unwrap_or(1) {
            let now = start + ns(tick) * repetition;
            let got = match custom(name, load.ongoing)? {
                None => policy.decide(now, load),
                Some(desired) => policy.decide_custom(now, load, desired),
            };
            let step = Case::new(step.clone());
            step.expects_int("decision", got)
                .and_then(|()| step.all_seen())
                .map_err(|why| format!("step {index}, repetition {repetition}: {why}"))?;
        }
    }
    Ok(())
}

fn factors(case: &Case) -> Outcome {
    let inputs = case.inputs();
    let config = settings(Config::default(), inputs);
    let got = config.apply_factor(real(&inputs["desired"])?, int(&inputs["current"])? as u32);
    case.expects_int("result", got)
}

fn delays(case: &Case) -> Outcome {
    let inputs = case.inputs();
    let config = settings(Config::default(), inputs);
    let mut streak = Streak::default();
    let mut got = Vec::new();
    for step in list(&inputs["steps"]) {
        let now = ns(real(&step["time_s"])?);
        got.push(streak.delay(&config, now, int(&step["desired"])?, int(&step["target"])?));
    }
    let wanted = collect(case.wanted("decisions"), int)?;
    if got == wanted { Ok(()) } else { Err(format!("expected {wanted:?}, got {got:?}")) }
}

fn delay_state(case: &Case) -> Outcome {
    let inputs = case.inputs();
    let config = settings(Config::default(), inputs);
    let since = &inputs["first_decision_age_s"];
    let mut streak =
        Streak { length: int(&inputs["counter"])?, since_ns: since.as_f64().map(|_| ago(since)) };
    let got = streak.delay(&config, NOW_NS, int(&inputs["desired"])?, int(&inputs["target"])?);
    case.expects_int("decision", got)?;
    case.expects_int("counter", streak.length)?;
    let age = streak.since_ns.map_or(-1.0, |since| (NOW_NS - since) as f64 / 1e9);
    case.expects_near("first_decision_age_s", age, 1e-9)
}

fn gang(case: &Case) -> Outcome {
    let inputs = case.inputs();
    let config = Config { gang_size: int(&inputs["gang_size"])? as u32, ..Config::default() };
    let got = config.in_gangs(int(&inputs["inner_decision"])? as u32);
    case.expects_int("decision", got.into())
}

fn points(value: &Value) -> Result<Vec<Point>, String> {
    collect(value, |point| Ok(Point { at_s: real(&point["t"])?, value: real(&point["v"])? }))
}

fn mean(case: &Case) -> Outcome {
    let inputs = case.inputs();
    let merged = merge(&collect(&inputs["series"], points)?);
    let wanted = points(case.wanted("merged_total"))?;
    if merged != wanted {
        return Err(format!("merged_total: expected {wanted:?}, got {merged:?}"));
    }
    let last = real(&inputs["last_window_s"])?;
    let starts = list(&inputs["window_start"]);
    for (start, wanted) in starts.iter().zip(list(case.wanted("derived_means"))) {
        let got = time_weighted_mean(&merged, start.as_f64(), last).unwrap_or(f64::NAN);
        if !near(got, real(wanted)?, 1e-9) {
            return Err(format!("mean from {start}: expected {wanted}, got {got}"));
        }
    }
    Ok(())
}
