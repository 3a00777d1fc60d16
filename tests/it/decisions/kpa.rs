//! Knative KPA: sequences of ticks, windows, targets.

use plimsoll::scale::kpa::window::{Buckets, MaxTimeWindow, MaxWindow, smoothing};
use plimsoll::scale::kpa::{Config, Decider, Metric, Observed, Spec};
use serde_json::Value;

use super::{Case, Outcome, count, int, list, near, ns, real};

pub(super) fn check(kind: &str) -> Option<fn(&Case) -> Outcome> {
    Some(match kind {
        "kpa_sequence" => sequence,
        "kpa_error" => error,
        "kpa_construct" => construct,
        "max_window" => max_window,
        "max_time_window" => max_time_window,
        "bucket_average" => |case| averages(case, Buckets::average),
        "weighted_average" => |case| averages(case, Buckets::weighted_average),
        "weighted_coeff" => weighted_coefficient,
        "resolve_target" => resolve_target,
        _ => return None,
    })
}

/// The settings of a case; what it leaves open has the neutral value.
fn spec(value: &Value) -> Spec {
    let number = |key: &str| value[key].as_f64().unwrap_or(0.0);
    Spec {
        target_value: number("target_value"),
        total_value: number("total_value"),
        target_burst_capacity: number("target_burst_capacity"),
        panic_threshold: number("panic_threshold"),
        max_scale_up_rate: number("max_scale_up_rate"),
        max_scale_down_rate: number("max_scale_down_rate"),
        stable_window_ns: ns(number("stable_window_s")),
        reachable: value["reachable"].as_bool() == Some(true),
        activation_scale: number("activation_scale") as i32,
        scale_down_delay_ns: ns(number("scale_down_delay_s")),
    }
}

/// Simulated time of a case's second 0, so that nothing reaches before the start. A multiple of
/// every granularity.
const START_NS: u64 = 1_000_000 * 1_000_000_000;

fn at(value: &Value) -> Result<u64, String> {
    Ok(START_NS + ns(real(value)?))
}

fn sequence(case: &Case) -> Outcome {
    let initial = &case.value["initial"];
    let ready = initial["ready_pods_at_construction"].as_i64().unwrap_or(1) as i32;
    let mut decider = Decider::new(spec(&case.value["spec"]), ready, START_NS);
    for (index, step) in list(&case.value["steps"]).iter().enumerate() {
        let inputs = &step["inputs"];
        if inputs["spec_update"].is_object() {
            decider.update(spec(&inputs["spec_update"]));
        }
        let number = |key: &str| inputs[key].as_f64();
        let observed = number("observed_stable")
            .zip(number("observed_panic"))
            .map(|(stable, panic)| Observed { stable, panic });
        let ready = inputs["ready_pods"].as_i64().map(|pods| pods as i32);
        let got = decider.decide(at(&inputs["time_s"])?, ready, observed);
        let step = Case::new(step.clone());
        let pods = got.map_or(0, |got| got.desired_pods);
        let excess = got.map_or(0, |got| got.excess_burst_capacity);
        let since = decider.panic_since_ns().map_or(-1.0, |since| (since - START_NS) as f64 / 1e9);
        step.expects_int("desired_pods", pods.into())
            // Upstream compares to within 1, because the total is rounded there.
            .and_then(|()| step.expects_near("excess_burst_capacity", excess.into(), 1.0))
            .and_then(|()| step.expects_near("panic_since_s", since, 1e-3))
            .and_then(|()| step.expects_int("max_panic_pods", decider.max_panic_pods().into()))
            .and_then(|()| step.expects_bool("valid", got.is_some()))
            .and_then(|()| step.all_seen())
            .map_err(|why| format!("step {index}: {why}"))?;
    }
    Ok(())
}

fn error(case: &Case) -> Outcome {
    let inputs = case.inputs();
    let settings = Config::default().spec();
    let number = |key: &str| inputs[key].as_f64();
    let observed = number("observed_stable")
        .zip(number("observed_panic"))
        .map(|(stable, panic)| Observed { stable, panic });
    let pods = match inputs["pod_count"].as_str() {
        Some("error") => None,
        Some("not_found") => Some(0),
        _ => Some(inputs["ready_pods"].as_i64().unwrap_or(1) as i32),
    };
    let got = Decider::new(settings, 1, START_NS).decide(START_NS, pods, observed);
    case.expects_bool("valid", got.is_some())?;
    case.expects_int("desired_pods", got.map_or(0, |got| got.desired_pods).into())?;
    case.expects_int("excess_burst_capacity", got.map_or(0, |it| it.excess_burst_capacity).into())
}

fn construct(case: &Case) -> Outcome {
    let decider =
        Decider::new(Config::default().spec(), count(&case.inputs()["ready_pods"])?, START_NS);
    case.expects_bool("panic_on_start", decider.panic_since_ns().is_some())?;
    case.expects_int("max_panic_pods", decider.max_panic_pods().into())
}

fn max_window(case: &Case) -> Outcome {
    let inputs = case.inputs();
    let mut window = MaxWindow::new(int(&inputs["buckets"])? as u64);
    let (indexes, values) = (list(&inputs["indexes"]), list(&inputs["values"]));
    let wanted = list(case.wanted("current_after_each"));
    for ((index, value), wanted) in indexes.iter().zip(values).zip(wanted) {
        window.record(int(index)? as u64, count(value)?);
        if i64::from(window.largest()) != int(wanted)? {
            return Err(format!("at {index}: expected {wanted}, got {}", window.largest()));
        }
    }
    Ok(())
}

fn max_time_window(case: &Case) -> Outcome {
    let inputs = case.inputs();
    let (duration, granularity) = (real(&inputs["duration_s"])?, real(&inputs["granularity_s"])?);
    let mut window = MaxTimeWindow::new(ns(duration), ns(granularity));
    for entry in list(&inputs["values"]) {
        window.record(at(&entry["time_s"])?, count(&entry["value"])?);
    }
    case.expects_int("current", window.largest().into())
}

fn averages(case: &Case, average: fn(&Buckets, u64) -> f64) -> Outcome {
    let inputs = case.inputs();
    let (window, granularity) = (real(&inputs["window_s"])?, real(&inputs["granularity_s"])?);
    let mut buckets = Buckets::new(ns(window), ns(granularity));
    let tolerance = case.wanted("abs_tolerance").as_f64().unwrap_or(1e-9);
    let mut wanted = list(case.wanted("averages_in_order")).iter();
    for (index, op) in list(&inputs["ops"]).iter().enumerate() {
        let time = at(&op["time_s"])?;
        if op["op"].as_str() == Some("record") {
            buckets.record(time, real(&op["value"])?);
            continue;
        }
        let got = average(&buckets, time);
        let wanted = wanted
            .next()
            .ok_or("more averages than outcomes")
            .and_then(|wanted| wanted.as_f64().ok_or("an outcome that is no number"))?;
        if !near(got, wanted, tolerance) {
            return Err(format!("operation {index}: expected {wanted}, got {got}"));
        }
    }
    case.expects_near("coeff", smoothing(buckets.buckets()), tolerance)
}

fn weighted_coefficient(case: &Case) -> Outcome {
    let got = smoothing(int(&case.inputs()["buckets"])? as usize);
    case.expects_near("coeff", got, case.wanted("abs_tolerance").as_f64().unwrap_or(1e-9))
}

fn resolve_target(case: &Case) -> Outcome {
    let inputs = case.inputs();
    let settings = &inputs["config"];
    let config = Config {
        metric: match inputs["metric"].as_str() {
            Some("rps") => Metric::Rps,
            _ => Metric::Concurrency,
        },
        container_concurrency: Some(real(&inputs["container_concurrency"])?),
        target: inputs["target_annotation"].as_f64(),
        target_utilization: inputs["target_utilization_annotation"].as_f64(),
        container_concurrency_target_default: real(
            &settings["container_concurrency_target_default"],
        )?,
        container_concurrency_target_fraction: real(
            &settings["container_concurrency_target_fraction"],
        )?,
        rps_target_default: real(&settings["rps_target_default"])?,
        rps_target_fraction: real(&settings["target_utilization"])?,
        ..Config::default()
    };
    let got = config.resolve_target();
    case.expects_near("target", got.target, 1e-9)?;
    case.expects_near("total", got.total, 1e-9)
}
