//! Kubernetes HPA: proposals, stabilization, rate limits, whole evaluations.

use plimsoll::scale::hpa::behavior::{
    Behavior, Bounds, Events, Policy, PolicyType, Recommendation, Rules, ScaleEvent, ScalingRules,
    Select, changed_within, clamp_legacy, down_limit, limit_rate, stabilize, stabilize_legacy,
    store_event, up_limit,
};
use plimsoll::scale::hpa::calculator::{
    Class, Phase, Pod, PodMetric, Proposal, Readiness, Request, Resource, Sample, Startup,
    Tolerances, Unavailable, classify, for_average_value, for_value, per_pod_milli, total_milli,
};
use plimsoll::scale::hpa::{Config, Decision, Hpa, Path};
use plimsoll::time::Duration;
use serde_json::Value;

use super::{Case, NOW_NS, Outcome, ago, collect, count, int, list, ns, real};

pub(super) fn check(kind: &str) -> Option<fn(&Case) -> Outcome> {
    Some(match kind {
        "resource_utilization" => resource_utilization,
        "pods_metric_average" | "resource_average" => pods_metric_average,
        "value_metric" => value_metric,
        "average_value_metric" => average_value_metric,
        "group_pods" => group_pods,
        "per_pod_usage" => per_pod_usage,
        "rate_limit" => rate_limit,
        "legacy_clamp" => legacy_clamp,
        "scale_up_limit" => scale_up_limit,
        "scale_down_limit" => scale_down_limit,
        "legacy_stabilize" => legacy_stabilize,
        "stabilize" => stabilizes,
        "store_scale_event" => stores_event,
        "reconcile" => reconcile,
        "reconcile_special" => reconcile_special,
        _ => return None,
    })
}

fn tolerances(inputs: &Value) -> Tolerances {
    let side = |key: &str| inputs[key].as_f64().unwrap_or(0.1);
    Tolerances { down: side("tolerance_down"), up: side("tolerance_up") }
}

fn startup(inputs: &Value) -> Startup {
    // The periods of the upstream tests, where a case does not name its own.
    let period = |key: &str, default: f64| ns(inputs[key].as_f64().unwrap_or(default));
    Startup {
        cpu_initialization_ns: period("cpu_initialization_period_s", 120.0),
        readiness_delay_ns: period("initial_readiness_delay_s", 10.0),
    }
}

fn resource(inputs: &Value) -> Resource {
    match inputs["resource"].as_str() {
        Some("cpu") => Resource::Cpu,
        Some("memory") => Resource::Memory,
        _ => Resource::Custom,
    }
}

/// What a pod asks for of the container named, or of all.
fn request_of(pod: &Value, container: Option<&str>) -> Request {
    let Some(requests) = pod["container_requests_milli"].as_object() else {
        return Request::Milli(0);
    };
    let mut sum = 0;
    for (name, milli) in requests {
        if container.is_none_or(|wanted| wanted == name) {
            let Some(milli) = milli.as_i64() else { return Request::Missing(name.clone()) };
            sum += milli;
        }
    }
    match container {
        Some(wanted) if !requests.contains_key(wanted) => Request::NoContainer(wanted.to_owned()),
        _ => Request::Milli(sum),
    }
}

/// What a pod uses of the container named, or of all; absent where any part is.
fn usage_of(pod: &Value, container: Option<&str>) -> Option<i64> {
    if let Some(milli) = pod["metric_milli"].as_i64() {
        return Some(milli);
    }
    if pod["has_metric"].as_bool() == Some(true) {
        return Some(0);
    }
    let usage = pod["container_usage_milli"].as_object()?;
    match container {
        Some(name) => usage.get(name)?.as_i64(),
        None => usage.values().map(Value::as_i64).sum(),
    }
}

fn pod(value: &Value, container: Option<&str>) -> Result<Pod, String> {
    let phase = match value["phase"].as_str() {
        Some("Pending") => Phase::Pending,
        Some("Running") => Phase::Running,
        Some("Succeeded") => Phase::Succeeded,
        Some("Failed") => Phase::Failed,
        other => return Err(format!("unknown phase {other:?}")),
    };
    let unstarted = value["no_start_time"].as_bool() == Some(true);
    Ok(Pod {
        phase,
        deleted: value["deleted"].as_bool() == Some(true),
        readiness: value["ready"]
            .as_bool()
            .map(|ready| Readiness { ready, since_ns: ago(&value["ready_transition_age_s"]) }),
        started_ns: (!unstarted).then(|| ago(&value["start_age_s"])),
        request: request_of(value, container),
        sample: usage_of(value, container).map(|value_milli| Sample {
            value_milli,
            at_ns: ago(&value["sample_age_s"]),
            window_ns: ns(value["sample_window_s"].as_f64().unwrap_or(0.0)),
        }),
    })
}

/// Puts a metric of pods to `ask`, and compares proposal or error.
fn propose(case: &Case, ask: impl Fn(&PodMetric<'_>) -> Result<Proposal, Unavailable>) -> Outcome {
    let inputs = case.inputs();
    let container = inputs["container"].as_str();
    let pods = collect(&inputs["pods"], |value| pod(value, container))?;
    let strangers: Vec<i64> = list(&inputs["metrics_for_unknown_pods"])
        .iter()
        .filter_map(|stranger| usage_of(stranger, container))
        .collect();
    let metric = PodMetric {
        resource: resource(inputs),
        pods: &pods,
        strangers_milli: &strangers,
        replicas: count(&inputs["current_replicas"])?,
        tolerances: tolerances(inputs),
        startup: startup(inputs),
        now_ns: NOW_NS,
    };
    match (ask(&metric), case.wanted("error_contains").as_str()) {
        (Err(error), Some(part)) if error.to_string().contains(part) => Ok(()),
        (Err(error), _) => Err(format!("got the error {error:?}")),
        (Ok(got), Some(part)) => Err(format!("expected the error {part:?}, got {got:?}")),
        (Ok(got), None) => {
            case.expects_int("replicas", got.replicas.into())?;
            let percent = got.utilization_pct.map_or(0, i64::from);
            case.expects_int("reported_utilization_pct", percent)?;
            case.expects_int("reported_raw_milli_per_pod", got.average_milli)?;
            case.expects_int("reported_average_milli", got.average_milli)
        }
    }
}

fn resource_utilization(case: &Case) -> Outcome {
    let target = count(&case.inputs()["target_utilization_pct"])?;
    propose(case, |metric| metric.for_utilization(target))
}

fn pods_metric_average(case: &Case) -> Outcome {
    let target = int(&case.inputs()["target_average_milli"])?;
    propose(case, |metric| metric.for_average(target))
}

/// The value of an object, or the sum of an external metric's series.
fn value_of(value: &Value) -> Result<i64, String> {
    if value.is_array() { Ok(total_milli(&collect(value, int)?)) } else { int(value) }
}

fn value_metric(case: &Case) -> Outcome {
    let inputs = case.inputs();
    let value = value_of(&inputs["value_milli"])?;
    let ready = inputs["ready_running_pods"].as_u64().unwrap_or(0) as u32;
    let target = int(&inputs["target_value_milli"])?;
    let current = count(&inputs["current_replicas"])?;
    let got = for_value(value, target, current, ready, tolerances(inputs));
    case.expects_int("replicas", got.into())?;
    case.expects_int("reported_usage_milli", value)
}

fn average_value_metric(case: &Case) -> Outcome {
    let inputs = case.inputs();
    let value = value_of(&inputs["value_milli"])?;
    let pods = count(&inputs["status_replicas"])?;
    let target = int(&inputs["target_average_value_milli"])?;
    let got = for_average_value(value, target, pods, tolerances(inputs));
    case.expects_int("replicas", got.into())?;
    case.expects_int("reported_usage_per_pod_milli", per_pod_milli(value, pods))
}

fn per_pod_usage(case: &Case) -> Outcome {
    let inputs = case.inputs();
    let pods = count(&inputs["status_replicas"])?;
    case.expects_int("usage_per_pod_milli", per_pod_milli(value_of(&inputs["value_milli"])?, pods))
}

fn group_pods(case: &Case) -> Outcome {
    let inputs = case.inputs();
    let mut ready = 0;
    let (mut unready, mut missing, mut ignored) = (vec![], vec![], vec![]);
    for value in list(&inputs["pods"]) {
        let name = value["name"].clone();
        let pod = pod(value, None)?;
        match classify(&pod, resource(inputs), startup(inputs), NOW_NS) {
            Class::Ready => ready += 1,
            Class::Unready => unready.push(name),
            Class::Missing => missing.push(name),
            Class::Ignored => ignored.push(name),
        }
    }
    case.expects_int("ready_count", ready)?;
    for (key, mut got) in [("unready", unready), ("missing", missing), ("ignored", ignored)] {
        let mut wanted = list(case.wanted(key)).to_vec();
        wanted.sort_by_key(ToString::to_string);
        got.sort_by_key(ToString::to_string);
        if wanted != got {
            return Err(format!("{key}: expected {wanted:?}, got {got:?}"));
        }
    }
    Ok(())
}

/// The rules of one direction: "default", or written out.
fn written(value: &Value) -> Result<ScalingRules, String> {
    if value.as_str() == Some("default") || value.is_null() {
        return Ok(ScalingRules::default());
    }
    let select = match value["select"].as_str() {
        Some("Max") | None => Select::Max,
        Some("Min") => Select::Min,
        Some("Disabled") => Select::Disabled,
        Some(other) => return Err(format!("unknown select {other}")),
    };
    let policy = |policy: &Value| {
        Ok(Policy {
            r#type: match policy["type"].as_str() {
                Some("Pods") => PolicyType::Pods,
                Some("Percent") => PolicyType::Percent,
                other => return Err(format!("unknown policy {other:?}")),
            },
            value: count(&policy["value"])?,
            period: Duration(ns(real(&policy["period_s"])?)),
        })
    };
    Ok(ScalingRules {
        stabilization_window: value["stabilization_window_s"].as_f64().map(ns).map(Duration),
        select: Some(select),
        policies: Some(collect(&value["policies"], policy)?),
        tolerance: value["tolerance"].as_f64(),
    })
}

const WINDOW_NS: u64 = 300_000_000_000;

pub(super) fn up_rules(value: &Value) -> Result<Rules, String> {
    Ok(written(value)?.resolve_up())
}

pub(super) fn down_rules(value: &Value) -> Result<Rules, String> {
    Ok(written(value)?.resolve_down(WINDOW_NS))
}

pub(super) fn event(value: &Value) -> Result<ScaleEvent, String> {
    Ok(ScaleEvent {
        change: count(&value["change"])?,
        at_ns: ago(&value["age_s"]),
        outdated: value["outdated"].as_bool() == Some(true),
    })
}

pub(super) fn events(inputs: &Value) -> Result<Events, String> {
    Ok(Events {
        up: collect(&inputs["scale_up_events"], event)?,
        down: collect(&inputs["scale_down_events"], event)?,
    })
}

pub(super) fn bounds(inputs: &Value) -> Result<Bounds, String> {
    Ok(Bounds { min: count(&inputs["min_replicas"])?, max: count(&inputs["max_replicas"])? })
}

fn rate_limit(case: &Case) -> Outcome {
    let inputs = case.inputs();
    let (up, down) = (up_rules(&inputs["scale_up"])?, down_rules(&inputs["scale_down"])?);
    let (got, why) = limit_rate(
        count(&inputs["current_replicas"])?,
        count(&inputs["stabilized_desired"])?,
        bounds(inputs)?,
        &events(inputs)?,
        (&up, &down),
        NOW_NS,
    );
    case.expects_int("replicas", got.into())?;
    case.expects_text("reason", &why.to_string())
}

fn legacy_clamp(case: &Case) -> Outcome {
    let inputs = case.inputs();
    let current = count(&inputs["current_replicas"])?;
    let (got, why) = clamp_legacy(current, count(&inputs["stabilized_desired"])?, bounds(inputs)?);
    case.expects_int("replicas", got.into())?;
    case.expects_text("reason", &why.to_string())
}

fn scale_up_limit(case: &Case) -> Outcome {
    let inputs = case.inputs();
    let rules = up_rules(&inputs["rules"])?;
    let got = up_limit(count(&inputs["current_replicas"])?, &events(inputs)?, &rules, NOW_NS);
    case.expects_int("limit", got.into())
}

fn scale_down_limit(case: &Case) -> Outcome {
    let inputs = case.inputs();
    let rules = down_rules(&inputs["rules"])?;
    let got = down_limit(count(&inputs["current_replicas"])?, &events(inputs)?, &rules, NOW_NS);
    case.expects_int("limit", got.into())
}

fn history(value: &Value) -> Result<Vec<Recommendation>, String> {
    collect(value, |entry| {
        Ok(Recommendation { replicas: count(&entry["replicas"])?, at_ns: ago(&entry["age_s"]) })
    })
}

fn expects_stored(case: &Case, history: &[Recommendation]) -> Outcome {
    case.expects_near("stored_count", history.len() as f64, 0.0)?;
    let got: Vec<i64> = history.iter().map(|entry| entry.replicas.into()).collect();
    match case.wanted("stored").as_array() {
        Some(wanted) if *wanted != got => Err(format!("stored: expected {wanted:?}, got {got:?}")),
        _ => Ok(()),
    }
}

fn legacy_stabilize(case: &Case) -> Outcome {
    let inputs = case.inputs();
    let mut history = history(&inputs["recommendations"])?;
    let window = ns(real(&inputs["downscale_stabilization_window_s"])?);
    let got = stabilize_legacy(&mut history, count(&inputs["desired"])?, window, NOW_NS);
    case.expects_int("stabilized", got.into())?;
    expects_stored(case, &history)
}

fn stabilizes(case: &Case) -> Outcome {
    let inputs = case.inputs();
    let mut history = history(&inputs["recommendations"])?;
    let got = stabilize(
        &mut history,
        count(&inputs["current_replicas"])?,
        count(&inputs["desired"])?,
        ns(real(&inputs["scale_up_window_s"])?),
        ns(real(&inputs["scale_down_window_s"])?),
        NOW_NS,
    );
    case.expects_int("stabilized", got.into())?;
    expects_stored(case, &history)
}

fn stores_event(case: &Case) -> Outcome {
    let inputs = case.inputs();
    let mut events = collect(&inputs["previous_events"], event)?;
    let minute = changed_within(&events, 60_000_000_000, NOW_NS);
    case.expects_int("change_in_last_60s_before_store", minute.into())?;
    // Without behavior no event is ever stored.
    if !inputs["rules"].is_null() {
        let rules = up_rules(&inputs["rules"])?;
        store_event(&mut events, count(&inputs["replica_change"])?, &rules, NOW_NS);
    }
    let wanted = collect(case.wanted("stored"), |entry| {
        Ok((count(&entry["change"])?, entry["outdated"].as_bool() == Some(true)))
    })?;
    let got: Vec<_> = events.iter().map(|event| (event.change, event.outdated)).collect();
    if got == wanted { Ok(()) } else { Err(format!("expected {wanted:?}, got {got:?}")) }
}

/// A controller with the settings and the past of the case.
fn controller(inputs: &Value) -> Result<Hpa, String> {
    let bounds = bounds(inputs)?;
    let absent =
        |key: &str| matches!(inputs[key].as_str(), Some("absent")) || inputs[key].is_null();
    let behavior = (!absent("scale_up") || !absent("scale_down"))
        .then(|| {
            Ok::<_, String>(Behavior {
                scale_up: written(&inputs["scale_up"])?,
                scale_down: written(&inputs["scale_down"])?,
            })
        })
        .transpose()?;
    let window = inputs["downscale_stabilization_window_s"].as_f64().unwrap_or(300.0);
    let config = Config {
        min_replicas: bounds.min as u32,
        max_replicas: bounds.max as u32,
        tolerance: tolerances(inputs),
        behavior,
        downscale_stabilization: Duration(ns(window)),
        scale_to_zero: inputs["feature_gate"].as_bool() == Some(true),
        ..Config::default()
    };
    let past = inputs["recommendation_history"]
        .is_array()
        .then(|| history(&inputs["recommendation_history"]))
        .transpose()?;
    let slept = inputs["scaled_to_zero_condition"].as_bool() == Some(true);
    Ok(Hpa::new(config).with_past(past, slept))
}

fn expects_decision(case: &Case, got: Decision) -> Outcome {
    case.expects_int("replicas", got.replicas.into())?;
    let path = match got.path {
        Path::Disabled => "disabled",
        Path::Bounds => "bounds",
        Path::Metrics => "metrics",
        Path::Error => "error",
    };
    case.expects_text("path", path)?;
    case.expects_text(
        "scaling_limited_reason",
        &got.limit.map_or_else(String::new, |limit| limit.to_string()),
    )
}

fn reconcile(case: &Case) -> Outcome {
    let inputs = case.inputs();
    let spec = count(&inputs["spec_replicas"])?;
    let requests = list(&inputs["pod_cpu_request_milli"]);
    let usage = list(&inputs["pod_cpu_usage_milli"]);
    // Pods of the upstream tests run, and have been ready since long ago.
    let pods: Vec<Pod> = (0..requests.len().max(usage.len()))
        .map(|index| Pod {
            phase: Phase::Running,
            deleted: false,
            readiness: Some(Readiness { ready: true, since_ns: 0 }),
            started_ns: Some(0),
            request: Request::Milli(requests.get(index).and_then(Value::as_i64).unwrap_or(0)),
            sample: usage.get(index).and_then(Value::as_i64).map(|value_milli| Sample {
                value_milli,
                at_ns: NOW_NS,
                window_ns: 0,
            }),
        })
        .collect();
    let mut proposals = Vec::new();
    if let Some(target) = inputs["cpu_target_utilization_pct"].as_i64() {
        let metric = PodMetric {
            resource: Resource::Cpu,
            pods: &pods,
            strangers_milli: &[],
            replicas: spec,
            tolerances: tolerances(inputs),
            startup: startup(inputs),
            now_ns: NOW_NS,
        };
        let proposal = metric.for_utilization(target as i32);
        proposals.push(proposal.map(|it| it.replicas).map_err(|error| error.to_string()));
    }
    for other in list(&inputs["other_metric_proposals"]) {
        proposals.push(other.as_i64().map(|it| it as i32).ok_or_else(|| other.to_string()));
    }
    let got = controller(inputs)?.reconcile(NOW_NS, spec, &proposals, false);
    expects_decision(case, got)
}

fn reconcile_special(case: &Case) -> Outcome {
    let inputs = case.inputs();
    let spec = count(&inputs["spec_replicas"])?;
    let status = inputs["status_replicas"].as_i64().map_or(spec, |it| it as i32);
    let value = ["object_metric_value_milli", "object_value_milli", "external_value_milli"]
        .iter()
        .find_map(|key| value_of(&inputs[*key]).ok());
    let mut proposals: Vec<Result<i32, String>> = Vec::new();
    if let Some(value) = value {
        let tolerances = tolerances(inputs);
        let ready = inputs["ready_running_pods"].as_u64().unwrap_or(spec as u64) as u32;
        let average = inputs["target_average_value_milli"].as_i64();
        proposals.push(Ok(if let Some(target) = average {
            for_average_value(value, target, status, tolerances)
        } else {
            for_value(value, int(&inputs["target_value_milli"])?, spec, ready, tolerances)
        }));
    }
    let got = controller(inputs)?.reconcile(NOW_NS, spec, &proposals, value.is_some());
    expects_decision(case, got)
}
