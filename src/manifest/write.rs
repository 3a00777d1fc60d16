//! A pool of a scenario as the manifests that say the same.

use serde_json::{Map, Value, json};

use super::{emit, knative, quantity, signals};
use crate::diagnose::Problem;
use crate::time::Duration;

/// The manifests of a pool, from its table in a scenario with every default.
///
/// Refused is a policy that no object of Kubernetes has. What an object cannot say, though the
/// simulation heeded it, stands in a comment at the top.
pub fn of_pool(name: &str, pool: &Value) -> Result<String, Problem> {
    let scaler = &pool["autoscaler"];
    let label = label(name);
    let mut notes = Vec::new();
    let documents = match scaler["policy"].as_str() {
        None => vec![deployment(&label, pool, pool["servers"].as_u64())],
        Some("fixed") => vec![deployment(&label, pool, fixed(pool))],
        Some("hpa") => {
            notes.extend(of_controller(scaler));
            notes.extend(of_metrics(scaler));
            vec![deployment(&label, pool, None), hpa(&label, pool)?]
        }
        Some("keda") => {
            notes.extend(of_query(scaler));
            vec![deployment(&label, pool, None), keda(&label, scaler)]
        }
        Some("kpa") => {
            notes.extend(of_slots(pool, scaler));
            vec![service(&label, pool, scaler)]
        }
        Some(other) => {
            return Err(Problem::new(format!("no object of Kubernetes scales as `{other}` does"))
                .help("a manifest says `hpa`, `keda`, `kpa` or a fixed number of servers"));
        }
    };
    for key in ["interval", "scrape", "cooldown", "delay", "window", "up", "down"] {
        // The interval of an HPA is the controller's.
        let told = key == "interval" && scaler["policy"] == "hpa";
        if !told && !says_nothing(&scaler[key]) {
            notes.push(format!("not in the manifest: {key} = {}", scaler[key]));
        }
    }
    let notes: String = notes.iter().map(|note| format!("# {note}\n")).collect();
    Ok(format!(
        "# Written by plimsoll {}. Containers lack their image: apply this to yours, e.g. with\n\
         # `kubectl apply --server-side`.\n{notes}{}",
        env!("CARGO_PKG_VERSION"),
        emit::documents(&documents)
    ))
}

/// A name as Kubernetes takes it: lower case, digits and hyphens, 63 letters at most.
fn label(name: &str) -> String {
    let plain = |letter: char| if letter.is_ascii_alphanumeric() { letter } else { '-' };
    let text: String = name.to_lowercase().chars().map(plain).take(63).collect();
    let trimmed = text.trim_matches('-');
    if trimmed.is_empty() { "main".to_owned() } else { trimmed.to_owned() }
}

fn fixed(pool: &Value) -> Option<u64> {
    let scaler = &pool["autoscaler"];
    let count = scaler["servers"].as_u64().or(pool["servers"].as_u64())?;
    let (min, max) = (scaler["min"].as_u64(), scaler["max"].as_u64());
    Some(count.max(min.unwrap_or(0)).min(max.unwrap_or(u64::MAX)))
}

/// The pods that the servers of a pool are. Their count is left to an autoscaler where one is.
fn deployment(name: &str, pool: &Value, replicas: Option<u64>) -> Value {
    json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": { "name": name },
        "spec": {
            "replicas": replicas,
            "selector": { "matchLabels": { "app": name } },
            "template": {
                "metadata": { "labels": { "app": name } },
                "spec": {
                    "terminationGracePeriodSeconds": seconds(&pool["drain"]),
                    "containers": [{ "name": name, "resources": resources(pool) }],
                },
            },
        },
    })
}

/// The cores that a pod requests, and those it can use: a slot at full speed is a core.
fn cores(pool: &Value) -> (f64, f64) {
    let number = |key: &str| pool[key].as_f64().unwrap_or(1.0);
    let limit = number("slots") * number("speed");
    let own = &pool["autoscaler"]["cores"];
    let share = own["requests"].as_f64().zip(own["limit"].as_f64());
    (share.map_or(limit, |(requests, whole)| limit * requests / whole), limit)
}

fn resources(pool: &Value) -> Value {
    let (requests, limit) = cores(pool);
    let (requests, limit) = (quantity::write(requests), quantity::write(limit));
    json!({ "requests": { "cpu": requests }, "limits": { "cpu": limit } })
}

/// Whole seconds of a span; nothing where it is absent or without end.
fn seconds(span: &Value) -> Option<u64> {
    let span = Duration::parse(span.as_str()?).ok()?;
    (span != Duration::FOREVER).then(|| span.0.div_ceil(1_000_000_000))
}

fn target_ref(name: &str) -> Value {
    json!({ "apiVersion": "apps/v1", "kind": "Deployment", "name": name })
}

/// A count under the key of the pool, else under that of the policy.
fn bound(scaler: &Value, key: &str, own: &str) -> Value {
    if scaler[key].is_null() { scaler[own].clone() } else { scaler[key].clone() }
}

fn hpa(name: &str, pool: &Value) -> Result<Value, Problem> {
    let (scaler, cores) = (&pool["autoscaler"], cores(pool));
    let mut metrics = vec![metric(scaler, cores)?];
    for more in scaler["also"].as_array().into_iter().flatten() {
        metrics.push(metric(more, cores)?);
    }
    Ok(json!({
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": { "name": name },
        "spec": {
            "scaleTargetRef": target_ref(name),
            "minReplicas": bound(scaler, "min", "min-replicas"),
            "maxReplicas": bound(scaler, "max", "max-replicas"),
            "metrics": metrics,
            "behavior": behavior(&scaler["behavior"], &scaler["tolerance"]),
        },
    }))
}

/// The signals of a simulation as metrics of a cluster: their names, and what they must measure.
const NAMES: [(&str, &str, &str); 9] = [
    ("utilization", "slots_busy_share", "busy slots as a share of all"),
    ("cpu", "cpu_share", "cores in use as a share of those there are"),
    ("memory", "memory_share", "memory in use as a share of what there is"),
    ("concurrency", "requests_in_flight", "requests waiting and in service"),
    ("rate", "requests_per_second", "requests that arrive a second"),
    ("tokens", "tokens_in_flight", "tokens of the requests in service"),
    ("queue", "queue_length", "requests that wait"),
    ("latency", "latency_p99_seconds", "the 99th percentile of latency in seconds"),
    ("errors", "error_share", "requests not served as a share of those that ended"),
];

/// The name of a signal as a metric, and what that must measure.
fn named(signal: &str) -> Option<(&'static str, &'static str)> {
    NAMES.iter().find(|(known, ..)| *known == signal).map(|&(_, name, meaning)| (name, meaning))
}

/// How a metric is compared with its target.
fn type_of(metric: &Value) -> &str {
    let signal = metric["metric"].as_str().unwrap_or_default();
    metric["target-type"].as_str().unwrap_or(signals::usual_type(signal))
}

/// Whether a metric is what pods use of a resource, which needs no name of its own.
fn is_resource(metric: &Value) -> bool {
    let type_of = type_of(metric);
    type_of == "utilization" || (type_of == "pod-average" && metric["metric"] == "utilization")
}

/// One metric of an HPA of pods with so many cores requested, and so many to use.
fn metric(of: &Value, (requests, limit): (f64, f64)) -> Result<Value, Problem> {
    let target = of["target"].as_f64().unwrap_or(0.0);
    let signal = of["metric"].as_str().unwrap_or_default();
    let Some((name, _)) = named(signal) else {
        return Err(
            Problem::new(format!("an HPA has no metric `{signal}`")).help("choose another metric")
        );
    };
    let amount = quantity::write(target);
    let average = json!({ "type": "AverageValue", "averageValue": amount });
    let of_source = |kind: &str, key: &str, target: Value| {
        let source = json!({ "metric": { "name": name }, "target": target });
        json!({ "type": kind, key: source })
    };
    Ok(match type_of(of) {
        "utilization" => {
            let resource = if signal == "memory" { "memory" } else { "cpu" };
            let of_request = if resource == "cpu" { limit / requests } else { 1.0 };
            let percent = (target * of_request * 100.0).round().max(1.0) as i64;
            let target = json!({ "type": "Utilization", "averageUtilization": percent });
            json!({ "type": "Resource", "resource": { "name": resource, "target": target } })
        }
        "pod-average" if is_resource(of) => {
            let amount = quantity::write(target * limit);
            let target = json!({ "type": "AverageValue", "averageValue": amount });
            json!({ "type": "Resource", "resource": { "name": "cpu", "target": target } })
        }
        "pod-average" => of_source("Pods", "pods", average),
        "average-value" => of_source("External", "external", average),
        _ => of_source("External", "external", json!({ "type": "Value", "value": amount })),
    })
}

/// The tolerance of a controller that nobody has set.
const TOLERANCE: f64 = 0.1;

/// The rules of both directions, with what of the controller's `tolerance` they can say.
fn behavior(rules: &Value, tolerance: &Value) -> Value {
    if rules.is_null() {
        return Value::Null;
    }
    let direction = |rules: &Value, tolerance: &Value| {
        let policy = |policy: &Value| {
            json!({
                "type": capital(policy["type"].as_str().unwrap_or_default()),
                "value": policy["value"],
                "periodSeconds": seconds(&policy["period"]),
            })
        };
        let policies = rules["policies"].as_array();
        let controllers = tolerance.as_f64().filter(|share| *share != TOLERANCE);
        json!({
            "stabilizationWindowSeconds": seconds(&rules["stabilization-window"]),
            "tolerance": rules["tolerance"].as_f64().or(controllers).map(quantity::write),
            "selectPolicy": rules["select"].as_str().map(capital),
            "policies": policies.map(|all| all.iter().map(policy).collect::<Vec<_>>()),
        })
    };
    let up = direction(&rules["scale-up"], &tolerance["up"]);
    let down = direction(&rules["scale-down"], &tolerance["down"]);
    json!({ "scaleUp": up, "scaleDown": down })
}

/// `max` as `Max`.
fn capital(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map_or(String::new(), |first| first.to_uppercase().collect()) + letters.as_str()
}

/// What is set on the controller and not on its objects: how often it looks, among others.
fn of_controller(scaler: &Value) -> Vec<String> {
    let text = |key: &str| scaler[key].as_str().unwrap_or_default().replace(' ', "");
    let looks = if scaler["interval"].is_null() { text("sync-period") } else { text("interval") };
    let (up, down) = (&scaler["tolerance"]["up"], &scaler["tolerance"]["down"]);
    let mut flags = vec![
        format!("sync-period={looks}"),
        format!("tolerance={up}"),
        format!("downscale-stabilization={}", text("downscale-stabilization")),
    ];
    for (key, usual) in [("cpu-initialization-period", "5m"), ("initial-readiness-delay", "30s")] {
        if text(key) != usual {
            flags.push(format!("{key}={}", text(key)));
        }
    }
    let flags: Vec<String> =
        flags.iter().map(|flag| format!("--horizontal-pod-autoscaler-{flag}")).collect();
    let mut notes = vec![
        format!(
            "The metrics are looked at every {looks}, which an HPA cannot say: the controller does."
        ),
        format!("The simulated controller: {}", flags.join(" ")),
    ];
    let rules = &scaler["behavior"];
    let said = |direction: &str| !rules[direction]["tolerance"].is_null();
    if up != down && rules.is_null() {
        notes.push(format!(
            "not in the manifest: tolerance.down = {down}. A controller has one tolerance; \
             `behavior.scaleDown.tolerance` would say it, but a behavior changes the rates as well."
        ));
    } else if up != down || said("scale-up") || said("scale-down") {
        notes.push(
            "`tolerance` below needs Kubernetes 1.33 and its gate HPAConfigurableTolerance."
                .to_owned(),
        );
    }
    notes
}

/// What the custom metrics of an HPA must measure.
fn of_metrics(scaler: &Value) -> Vec<String> {
    let more = scaler["also"].as_array().into_iter().flatten();
    let custom = std::iter::once(scaler).chain(more).filter(|it| !is_resource(it));
    let told = custom.filter_map(|metric| {
        let (name, meaning) = named(metric["metric"].as_str()?)?;
        let whose = if type_of(metric) == "pod-average" { "of each pod" } else { "of all pods" };
        Some(format!("The metric {name}: {meaning}, {whose}."))
    });
    told.collect()
}

/// What the query of a scaled object must answer.
fn of_query(scaler: &Value) -> Option<String> {
    let (name, meaning) = named(scaler["metric"].as_str()?)?;
    Some(format!("The query asks for {name}: {meaning}, of all pods. Put your own in its place."))
}

/// Where a revision is aimed at by another concurrency than its server has slots.
fn of_slots(pool: &Value, scaler: &Value) -> Option<String> {
    let limit = scaler["container-concurrency"].as_f64()?;
    let slots = &pool["slots"];
    (Some(limit) != slots.as_f64()).then(|| {
        format!("not in the manifest: slots = {slots}; it says the concurrency that is aimed at")
    })
}

fn keda(name: &str, scaler: &Value) -> Value {
    let number = |key: &str| quantity::write(scaler[key].as_f64().unwrap_or(0.0));
    let metric = scaler["metric"].as_str().unwrap_or_default();
    let query = named(metric).map_or(metric, |(name, _)| name);
    let advanced = match behavior(&scaler["behavior"], &Value::Null) {
        Value::Null => Value::Null,
        rules => json!({ "horizontalPodAutoscalerConfig": { "behavior": rules } }),
    };
    json!({
        "apiVersion": "keda.sh/v1alpha1",
        "kind": "ScaledObject",
        "metadata": { "name": name },
        "spec": {
            "scaleTargetRef": target_ref(name),
            "pollingInterval": seconds(&scaler["polling-interval"]),
            "cooldownPeriod": seconds(&scaler["cooldown-period"]),
            "initialCooldownPeriod": seconds(&scaler["initial-cooldown-period"]),
            "idleReplicaCount": scaler["idle-replica-count"],
            "minReplicaCount": bound(scaler, "min", "min-replica-count"),
            "maxReplicaCount": bound(scaler, "max", "max-replica-count"),
            "advanced": advanced,
            "triggers": [{
                "type": "prometheus",
                "name": metric,
                "useCachedMetrics": scaler["use-cached-metrics"].as_bool().filter(|on| *on),
                "metadata": {
                    "serverAddress": "http://prometheus.monitoring:9090",
                    "query": format!("sum({query}{{app=\"{name}\"}})"),
                    "threshold": number("target-average-value"),
                    "activationThreshold": number("activation-threshold"),
                },
            }],
        },
    })
}

fn service(name: &str, pool: &Value, scaler: &Value) -> Value {
    let mut options = scaler.clone();
    for (key, own) in [("min", "min-scale"), ("max", "max-scale")] {
        options[own] = bound(scaler, key, own);
    }
    let own = scaler["container-concurrency"].as_f64().map(|limit| json!(limit.round() as i64));
    let concurrency = own.unwrap_or_else(|| pool["slots"].clone());
    let annotations = knative::annotations(&options).into_iter();
    let annotations: Map<String, Value> =
        annotations.map(|(name, text)| (name, Value::String(text))).collect();
    json!({
        "apiVersion": "serving.knative.dev/v1",
        "kind": "Service",
        "metadata": { "name": name },
        "spec": {
            "template": {
                "metadata": { "annotations": annotations },
                "spec": {
                    "containerConcurrency": concurrency,
                    "containers": [{ "name": name, "resources": resources(pool) }],
                },
            },
        },
    })
}

/// Whether a setting of the guard is as if it were not there.
fn says_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => ["0s", "max"].contains(&text.as_str()),
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.values().all(says_nothing),
        Value::Bool(_) | Value::Number(_) => false,
    }
}
