//! Kubernetes' own files: read as a pool and its autoscaler, and written back.

mod strict;

use std::path::Path;

use assert_cmd::Command;
use plimsoll::document::Node;
use plimsoll::manifest::{Manifests, Names, of_pool};
use plimsoll::scenario::{Overlay, Scenario};
use serde_json::{Value, json};

const TRAFFIC: &str = "[traffic.main]\narrivals = 'poisson:rate=10/s'\n\
                       service = 'exponential:mean=100ms'\n[run]\nduration = '1m'\n";

fn folder() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/manifests")
}

fn fixture(name: &str) -> String {
    std::fs::read_to_string(folder().join(name)).unwrap()
}

/// The scenario that a manifest makes of a plain one with these further lines.
fn scenario(manifest: &str, further: &str) -> Result<Scenario, String> {
    let shown = |problem: plimsoll::diagnose::Problem| problem.render(false);
    let documents = Node::from_yaml("it.yaml", manifest).map_err(shown)?;
    let reading = Manifests::of(&documents, &Names::default()).map_err(shown)?;
    let mut overlay = Overlay::default();
    overlay.set_manifests(reading);
    let text = format!("{TRAFFIC}{further}");
    let mut document = Node::from_toml("it.toml", &text).map_err(shown)?;
    overlay.apply(&mut document).map_err(shown)?;
    let mut scenario = Scenario::from_document(&document, Path::new("")).map_err(shown)?;
    scenario.remarks = overlay.remarks().to_vec();
    Ok(scenario)
}

fn pool(manifest: &str) -> Value {
    let scenario = scenario(manifest, "").unwrap_or_else(|problem| panic!("{problem}"));
    serde_json::to_value(&scenario).unwrap()["pool"]["main"].clone()
}

#[test]
fn an_hpa_with_its_deployment_becomes_the_pool_and_its_autoscaler() {
    let pool = pool(&fixture("hpa.yaml"));
    let picked = |keys: &[&str]| keys.iter().map(|key| pool[*key].clone()).collect::<Vec<_>>();
    assert_eq!(
        picked(&["servers", "slots", "speed", "drain"]),
        [json!(5), json!(4), json!(1.0), json!("45s")]
    );
    let scaler = &pool["autoscaler"];
    assert_eq!(scaler["policy"], "hpa");
    // 60 % of the 2 cores requested are 30 % of the 4 that the pod may use.
    assert_eq!(scaler["cores"], json!({ "requests": 2.0, "limit": 4.0 }));
    assert_eq!((&scaler["metric"], &scaler["target"]), (&json!("utilization"), &json!(0.3)));
    let also = json!([{ "metric": "rate", "target": 35.0 }, { "metric": "queue", "target": 1.5 }]);
    assert_eq!(scaler["also"], also);
    assert_eq!((&scaler["min-replicas"], &scaler["max-replicas"]), (&json!(3), &json!(30)));
    let down = &scaler["behavior"]["scale-down"];
    assert_eq!(down["stabilization-window"], "2m");
    assert_eq!(down["policies"], json!([{ "type": "pods", "value": 1, "period": "1m" }]));
}

#[test]
fn an_autoscaler_alone_begins_with_the_fewest_servers_unless_something_says_how_many() {
    let both = fixture("hpa.yaml");
    let hpa = both.split("---\n").next().unwrap();
    let servers = |manifest: &str, further: &str| {
        let scenario = scenario(manifest, further).unwrap_or_else(|problem| panic!("{problem}"));
        serde_json::to_value(&scenario).unwrap()["pool"]["main"]["servers"].clone()
    };
    assert_eq!(servers(hpa, ""), json!(3), "minReplicas");
    assert_eq!(servers(hpa, "[pool.main]\nservers = 7\n"), json!(7));
    assert_eq!(servers(&both, ""), json!(5), "the replicas of the Deployment");
    assert_eq!(servers(&hpa.replace("  minReplicas: 3\n", ""), ""), json!(1), "the default");
    assert_eq!(servers(&fixture("scaled-object.yaml"), ""), json!(1), "0 is no beginning");
}

#[test]
fn what_is_wrong_is_told_in_the_words_of_the_file_and_each_of_them_once() {
    let said = |name: &str, from: &str, to: &str| {
        let text = fixture(name);
        assert!(text.contains(from), "{from}");
        scenario(&text.replacen(from, to, 1), "").map(drop).unwrap_err()
    };
    let bounds = said("hpa.yaml", "minReplicas: 3", "minReplicas: 33");
    assert!(bounds.contains("`minReplicas` = 33 is above `maxReplicas` = 30"), "{bounds}");
    assert!(!bounds.contains("min-replicas"), "{bounds}");
    let bounds = said("scaled-object.yaml", "minReplicaCount: 0", "minReplicaCount: 21");
    assert!(bounds.contains("`minReplicaCount` = 21 is above `maxReplicaCount` = 20"), "{bounds}");
    let scaler = "[pool.main.autoscaler]\npolicy = 'hpa'\nmin = 9\nmax = 3\n";
    let document = Node::from_toml("it.toml", &format!("{TRAFFIC}{scaler}")).unwrap();
    let refused = Scenario::from_document(&document, Path::new("")).map(drop).unwrap_err();
    assert_eq!(refused.message(), "`min` = 9 is above `max` = 3");
    let misspelt = said("hpa.yaml", "minReplicas: 3", "minReplica: 3");
    assert!(misspelt.contains("did you mean `spec.minReplicas`?"), "{misspelt}");
    let known = misspelt.split("known here:").nth(1).unwrap();
    assert_eq!(known.matches("`spec.minReplicas`").count(), 1, "{misspelt}");
}

#[test]
fn a_value_and_an_average_are_two_targets() {
    let hpa = fixture("hpa.yaml");
    let queue = |text: &str| pool(text)["autoscaler"]["also"][1].clone();
    assert_eq!(queue(&hpa), json!({ "metric": "queue", "target": 1.5 }));
    let value = "type: Value\n          value: 1500m";
    let text = hpa.replacen("type: AverageValue\n          averageValue: 1500m", value, 1);
    let wanted = json!({ "metric": "queue", "target": 1.5, "target-type": "value" });
    assert_eq!(queue(&text), wanted);
    let rate = hpa.replacen("averageValue: \"35\"", "value: \"35\"", 1);
    let rate =
        rate.replacen("type: AverageValue\n          value", "type: Value\n          value", 1);
    let problem = scenario(&rate, "").map(drop).unwrap_err();
    assert!(problem.contains("unknown type of target `Value`"), "no pod has a total: {problem}");
}

#[test]
fn an_amount_of_a_resource_is_an_average_over_pods() {
    let utilization = "type: Utilization\n          averageUtilization: 60";
    let amount = "type: AverageValue\n          averageValue: 25m";
    let text = fixture("hpa.yaml").replacen(utilization, amount, 1);
    let scaler = &pool(&text)["autoscaler"];
    assert_eq!(scaler["target-type"], "pod-average");
    assert_eq!(scaler["target"], 0.025 / 4.0, "of the 4 cores that the pod may use");
    assert_eq!(scaler["cores"], json!({ "requests": 2.0, "limit": 4.0 }));
    let cpu = "    - type: cpu\n      metricType: AverageValue\n      metadata: { value: 25m }\n";
    let deployment = text.split("---\n").nth(1).unwrap().replace("name: web", "name: consumer");
    let keda = pool(&format!("{}---\n{deployment}", triggered(cpu)));
    let scaler = &keda["autoscaler"];
    assert_eq!((&scaler["policy"], &scaler["target-type"]), (&json!("hpa"), &json!("pod-average")));
    assert_eq!(scaler["cores"]["requests"], 2.0);
}

#[test]
fn what_is_guessed_or_not_simulated_is_named_with_its_place() {
    let remarks = scenario(&fixture("hpa.yaml"), "").unwrap().remarks;
    let has = |words: &str| remarks.iter().any(|remark| remark.contains(words));
    assert!(has("`http_requests_per_second` is taken to be the signal `rate`"), "{remarks:#?}");
    assert!(has("it.yaml:31: ") && has("selector` is not simulated"), "{remarks:#?}");
}

#[test]
fn a_scaled_object_and_a_knative_service_become_autoscalers() {
    let keda = &pool(&fixture("scaled-object.yaml"))["autoscaler"];
    assert_eq!((&keda["policy"], &keda["metric"]), (&json!("keda"), &json!("concurrency")));
    assert_eq!(
        (&keda["target-average-value"], &keda["cooldown-period"]),
        (&json!(5.0), &json!("2m"))
    );
    assert_eq!(keda["behavior"]["scale-down"]["stabilization-window"], "1m");
    let pool = pool(&fixture("knative.yaml"));
    let kpa = &pool["autoscaler"];
    assert_eq!((&pool["slots"], &kpa["target"]), (&json!(10), &json!(8.0)));
    assert_eq!((&kpa["target-utilization"], &kpa["stable-window"]), (&json!(0.8), &json!("40s")));
    assert_eq!((&kpa["min-scale"], &kpa["max-scale"]), (&json!(1), &json!(12)));
}

/// The scaled object of the tests with another trigger.
fn triggered(trigger: &str) -> String {
    let object = fixture("scaled-object.yaml");
    format!("{}  triggers:\n{trigger}", object.split("  triggers:\n").next().unwrap())
}

#[test]
fn a_trigger_on_the_processor_is_the_hpa_that_keda_makes_of_it() {
    let cpu = "    - type: cpu\n      metricType: Utilization\n      metadata: { value: \"60\" }\n";
    let text = triggered(cpu);
    let scaler = &pool(&text)["autoscaler"];
    assert_eq!((&scaler["policy"], &scaler["metric"]), (&json!("hpa"), &json!("utilization")));
    assert_eq!((&scaler["target"], &scaler["max-replicas"]), (&json!(0.6), &json!(20)));
    assert_eq!(scaler["behavior"]["scale-down"]["stabilization-window"], "1m");
    assert_eq!(scaler["min-replicas"], 1);
    let remarks = scenario(&text, "").unwrap().remarks;
    assert!(remarks.iter().any(|it| it.contains("cannot scale to 0")), "{remarks:?}");
}

#[test]
fn a_cron_trigger_is_a_schedule_in_the_guard_of_its_hpa() {
    let cron = "    - type: cron\n      metadata:\n        timezone: Europe/Paris\n        \
                start: 0 8 * * mon-fri\n        end: 0 20 * * *\n        desiredReplicas: \"12\"\n";
    let text = triggered(cron);
    let scaler = &pool(&text)["autoscaler"];
    assert_eq!((&scaler["policy"], &scaler["min"]), (&json!("schedule"), &json!(0)));
    let row = |row: usize| (&scaler["rows"][row]["cron"], &scaler["rows"][row]["servers"]);
    assert_eq!(row(0), (&json!("0 8 * * mon-fri"), &json!(12)));
    assert_eq!(row(1), (&json!("0 20 * * *"), &json!(0)));
    // The cooldown of 2 min is longer than the window of 1 min.
    assert_eq!(scaler["down"]["stabilization"], "2m");
    assert_eq!(scaler["up"]["rates"].as_array().map(Vec::len), Some(2));
    // Not written, it is 5 min; a longer window of the HPA does not hold KEDA itself.
    let text_of = |from: &str, to: &str| {
        assert!(text.contains(from), "{from}");
        text.replacen(from, to, 1)
    };
    let long = text_of("stabilizationWindowSeconds: 60", "stabilizationWindowSeconds: 900");
    let unset = long.replacen("  cooldownPeriod: 120\n", "", 1);
    assert_eq!(pool(&unset)["autoscaler"]["down"]["stabilization"], "5m");
    // At an idle count the object rests there, and not at its least.
    let idle = text_of("minReplicaCount: 0", "minReplicaCount: 2\n  idleReplicaCount: 0");
    let scaler = &pool(&idle)["autoscaler"];
    assert_eq!((&scaler["min"], &scaler["rows"][1]["servers"]), (&json!(0), &json!(0)));
    assert_eq!((&scaler["servers"], &scaler["down"]["stabilization"]), (&json!(0), &json!("2m")));
    let least = text_of("minReplicaCount: 0", "minReplicaCount: 2");
    let scaler = &pool(&least)["autoscaler"];
    assert_eq!((&scaler["min"], &scaler["rows"][1]["servers"]), (&json!(2), &json!(2)));
    assert_eq!(scaler["down"]["stabilization"], "1m", "KEDA leaves it to the HPA");
    let same = text.replacen("end: 0 20 * * *", "end: 0 8 * * mon-fri", 1);
    assert!(scenario(&same, "").map(drop).unwrap_err().contains("the same time"));
    let remarks = scenario(&text, "").unwrap().remarks;
    assert!(remarks.iter().any(|it| it.contains("Europe/Paris")), "{remarks:?}");
}

#[test]
fn what_no_cluster_would_take_is_refused_where_it_stands() {
    let hpa = fixture("hpa.yaml");
    let keda = fixture("scaled-object.yaml");
    let knative = fixture("knative.yaml");
    let cases = [
        (&hpa, "maxReplicas: 30", "maxReplica: 30", "maxReplica"),
        (&hpa, "minReplicas: 3", "minReplicas: 33", "is above"),
        (&hpa, "minReplicas: 3", "minReplicas: -3", "below 0"),
        (&hpa, "averageUtilization: 60", "averageUtilization: 0", "must be above 0"),
        (&hpa, "averageUtilization: 60", "averageUtilisation: 60", "did you mean"),
        (&hpa, "averageValue: \"35\"", "averageValue: many", "is not a quantity"),
        (&hpa, "http_requests_per_second", "moon_phase", "--metric 'moon_phase=SIGNAL'"),
        (&hpa, "type: Pods\n      pods", "type: Podz\n      pods", "did you mean `Pods`"),
        (&hpa, "autoscaling/v2", "autoscaling/v2beta2", "is not read"),
        (&hpa, "kind: HorizontalPodAutoscaler", "kind: CronTab", "unknown kind"),
        (&hpa, "cpu: 1500m", "cpu: 0", "is 0"),
        (&hpa, "name: cpu\n", "name: memory\n", "has no `memory`"),
        (&keda, "queueLength: \"5\"", "queueLength: \"0\"", "must be above 0"),
        (&keda, "aws-sqs-queue", "carrier-pigeon", "unknown trigger"),
        (&keda, "minReplicaCount: 0", "minReplicaCount: 21", "is above"),
        (&knative, "min-scale: \"1\"", "min-scale: \"13\"", "is above"),
        (&knative, "knative.dev/target:", "knative.dev/aim:", "unknown annotation"),
        (&knative, "kpa.autoscaling.knative.dev\n", "hpa.autoscaling.knative.dev\n", "class"),
    ];
    for (text, from, to, said) in cases {
        let wrong = text.replacen(from, to, 1);
        assert_ne!(text, &wrong, "{from} is not there");
        let problem = scenario(&wrong, "").map(drop).unwrap_err();
        assert!(problem.contains(said), "{to}: {problem}");
        assert!(problem.contains("it.yaml:"), "{to} is shown nowhere: {problem}");
    }
}

/// Pools whose manifests differ in every part.
const POOLS: [&str; 9] = [
    "servers = 7\nslots = 2\n",
    "servers = 3\nslots = 1\nspeed = 0.25\ndrain = '90s'\n",
    "servers = 2\n[pool.main.autoscaler]\npolicy = 'hpa'\ntarget = 0.6\nmin = 2\nmax = 9\n",
    "servers = 4\n[pool.main.autoscaler]\npolicy = 'hpa'\nmetric = 'rate'\ntarget = 12.5\n\
     also = [{ metric = 'queue', target = 3 }, { metric = 'latency', target = 0.25 },\n\
     { metric = 'errors', target = 0.01 }, { metric = 'concurrency', target = 2 },\n\
     { metric = 'tokens', target = 900 }]\n[pool.main.autoscaler.behavior.scale-up]\n\
     select = 'min'\ntolerance = 0.05\n\
     policies = [{ type = 'percent', value = 50, period = '1m' }]\n",
    "servers = 4\n[pool.main.autoscaler]\npolicy = 'hpa'\nmetric = 'rate'\ntarget = 40\n\
     target-type = 'value'\n\
     also = [{ metric = 'concurrency', target = 3, target-type = 'average-value' },\n\
     { metric = 'queue', target = 9, target-type = 'value' },\n\
     { metric = 'errors', target = 0.5, target-type = 'average-value' }]\n",
    "[pool.main.autoscaler]\npolicy = 'hpa'\ntarget = 0.05\n\
     cores = { requests = 0.1, limit = 1.0 }\n\
     also = [{ metric = 'utilization', target = 0.025, target-type = 'pod-average' }]\n",
    "memory = 4000\n[pool.main.autoscaler]\npolicy = 'hpa'\nmetric = 'memory'\ntarget = 0.7\n",
    "[pool.main.autoscaler]\npolicy = 'keda'\nmetric = 'queue'\ntarget-average-value = 4\n\
     activation-threshold = 1\npolling-interval = '5s'\nmax-replica-count = 6\n\
     [pool.main.autoscaler.behavior.scale-down]\nstabilization-window = '30s'\n",
    "slots = 5\n[pool.main.autoscaler]\npolicy = 'kpa'\ntarget = 4\nstable-window = '90s'\n\
     scale-down-delay = '1m 30s'\nmin = 1\nmax = 8\ninitial-scale = 2\n",
];

fn pool_of(text: &str) -> Value {
    let document = Node::from_toml("it.toml", &format!("{TRAFFIC}[pool.main]\n{text}")).unwrap();
    let scenario = Scenario::from_document(&document, Path::new(""))
        .unwrap_or_else(|problem| panic!("{}", problem.render(false)));
    serde_json::to_value(&scenario).unwrap()["pool"]["main"].clone()
}

#[test]
fn what_is_written_is_read_as_the_same_pool() {
    for text in POOLS {
        let before = pool_of(text);
        let manifest = of_pool("main", &before).unwrap();
        let further = if before["memory"].is_null() { "" } else { "[pool.main]\nmemory = 4000\n" };
        let scenario = scenario(&manifest, further);
        let scenario = scenario.unwrap_or_else(|problem| panic!("{problem}\n{manifest}"));
        let after = serde_json::to_value(&scenario).unwrap()["pool"]["main"].clone();
        // Bounds stand in the pool's table or in the policy's: which of them does not matter.
        let plain = |pool: &Value| {
            let mut pool = pool.clone();
            let scaler = &mut pool["autoscaler"];
            for (key, names) in [
                ("min", ["min-replicas", "min-replica-count", "min-scale"]),
                ("max", ["max-replicas", "max-replica-count", "max-scale"]),
            ] {
                for name in names {
                    if !scaler[key].is_null() && !scaler[name].is_null() {
                        scaler[name] = scaler[key].clone();
                    }
                }
                if let Some(table) = scaler.as_object_mut() {
                    table.remove(key);
                }
            }
            // A container without a limit of its own is as large as its server.
            if scaler["policy"] == "kpa" {
                scaler["container-concurrency"] = Value::Null;
            }
            pool
        };
        let (mut before, mut after) = (plain(&before), plain(&after));
        for pool in [&mut before, &mut after] {
            // An autoscaled Deployment leaves its count to the autoscaler; a grace period has a
            // default.
            if pool["autoscaler"]["policy"] != Value::Null {
                pool["servers"] = Value::Null;
            }
            if pool["drain"] == "30s" {
                pool.as_object_mut().unwrap().remove("drain");
            }
        }
        assert_eq!(before, after, "{manifest}");
    }
}

#[test]
fn what_is_written_meets_the_schema_of_kubernetes() {
    let schema: Value = serde_json::from_str(&fixture("kubernetes-1.37.json")).unwrap();
    let mut seen = 0;
    for text in POOLS {
        let manifest = of_pool("main", &pool_of(text)).unwrap();
        for document in Node::from_yaml("it.yaml", &manifest).unwrap() {
            let value = plain_value(&document);
            let name = match value["kind"].as_str().unwrap() {
                "Deployment" => "io.k8s.api.apps.v1.Deployment",
                "HorizontalPodAutoscaler" => "io.k8s.api.autoscaling.v2.HorizontalPodAutoscaler",
                // The objects of KEDA and Knative are not Kubernetes' own.
                _ => continue,
            };
            let wrong = meets(&value, &schema["$defs"][name], &schema, "");
            assert_eq!(wrong, None, "{manifest}");
            seen += 1;
        }
    }
    assert_eq!(seen, 13, "every Deployment and every HPA was looked at");
}

#[test]
fn the_schema_notices_what_is_wrong() {
    let schema: Value = serde_json::from_str(&fixture("kubernetes-1.37.json")).unwrap();
    let manifest = of_pool("main", &pool_of(POOLS[2])).unwrap();
    let root = &schema["$defs"]["io.k8s.api.autoscaling.v2.HorizontalPodAutoscaler"];
    for (from, to) in [
        ("maxReplicas: 9", "maxReplicas: nine"),
        ("maxReplicas: 9", "mostReplicas: 9"),
        ("  scaleTargetRef:", "  scaleTarget:"),
        ("averageUtilization: 60", "averageUtilization: [60]"),
    ] {
        let wrong = manifest.replacen(from, to, 1);
        assert_ne!(wrong, manifest, "{from}");
        let documents = Node::from_yaml("it.yaml", &wrong).unwrap();
        let hpa = documents.iter().map(plain_value).find(|it| it["kind"] != "Deployment");
        assert!(meets(&hpa.unwrap(), root, &schema, "").is_some(), "{to} went unnoticed");
    }
}

fn plain_value(node: &Node) -> Value {
    use plimsoll::document::Value as Written;
    match &node.value {
        Written::Bool(flag) => json!(flag),
        Written::Integer(whole) => json!(whole),
        Written::Float(real) => json!(real),
        Written::Text(text) => json!(text),
        Written::List(items) => items.iter().map(plain_value).collect(),
        Written::Table(table) => {
            table.iter().map(|(key, entry)| (key.clone(), plain_value(&entry.node))).collect()
        }
    }
}

/// The first thing in which a value does not meet a schema: the words that Kubernetes' own schemas
/// use, which are a few of JSON Schema's.
fn meets(value: &Value, schema: &Value, root: &Value, path: &str) -> Option<String> {
    if let Some(name) = schema["$ref"].as_str() {
        let name = name.rsplit('/').next().unwrap();
        return meets(value, &root["$defs"][name], root, path);
    }
    if let Some(choices) = schema["oneOf"].as_array() {
        let fitting = choices.iter().filter(|one| meets(value, one, root, path).is_none()).count();
        return (fitting != 1).then(|| format!("{path} meets {fitting} of its choices"));
    }
    let is = |kind: &Value| match kind.as_str() {
        Some("object") => value.is_object(),
        Some("array") => value.is_array(),
        Some("string") => value.is_string(),
        Some("integer") => value.is_i64() || value.is_u64(),
        Some("number") => value.is_number(),
        Some("boolean") => value.is_boolean(),
        _ => value.is_null(),
    };
    let fits = match &schema["type"] {
        Value::Null => true,
        Value::Array(kinds) => kinds.iter().any(is),
        kind => is(kind),
    };
    if !fits {
        return Some(format!("{path} = {value} is not of type {}", schema["type"]));
    }
    if let Some(allowed) = schema["enum"].as_array().filter(|allowed| !allowed.contains(value)) {
        return Some(format!("{path} = {value} is none of {allowed:?}"));
    }
    let lacking = schema["required"].as_array().into_iter().flatten();
    if let Some(key) = lacking.filter_map(Value::as_str).find(|key| value[*key].is_null()) {
        return Some(format!("{path} lacks {key}"));
    }
    if let Some(items) = value.as_array() {
        return items.iter().find_map(|item| meets(item, &schema["items"], root, path));
    }
    value.as_object().into_iter().flatten().find_map(|(key, inner)| {
        let path = format!("{path}.{key}");
        match (&schema["properties"][key], &schema["additionalProperties"]) {
            (Value::Null, Value::Bool(false)) => Some(format!("{path} is unknown")),
            (Value::Null, Value::Object(_)) => {
                meets(inner, &schema["additionalProperties"], root, &path)
            }
            (Value::Null, _) => None,
            (property, _) => meets(inner, property, root, &path),
        }
    })
}

#[test]
fn a_policy_that_no_object_says_is_refused() {
    let problem = of_pool("main", &pool_of("[pool.main.autoscaler]\npolicy = 'threshold'\n"));
    assert!(problem.unwrap_err().message().contains("`threshold`"));
}

#[test]
fn the_command_line_reads_an_hpa_and_writes_the_variant_that_is_best() {
    let place = tempfile("manifest-cli");
    let scenario = place.join("it.toml");
    std::fs::write(&scenario, format!("{TRAFFIC}[slo.fast]\nobjective = 'mean < 10s'\n")).unwrap();
    let plimsoll = || Command::new(env!("CARGO_BIN_EXE_plimsoll"));
    let hpa = folder().join("hpa.yaml");
    let run = plimsoll()
        .args(["replay", "--quiet", "--format", "json", "--hpa"])
        .arg(&hpa)
        .arg(&scenario)
        .output()
        .unwrap();
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    let outcome: Value = serde_json::from_slice(&run.stdout).unwrap();
    assert_eq!(outcome["scenario"]["pool"]["main"]["autoscaler"]["policy"], "hpa");
    assert!(outcome["advice"].to_string().contains("is not simulated"));
    // A second autoscaler is refused where there is one run, and stands beside it in a comparison.
    let both = |command: &str, further: &[&str]| {
        let mut plimsoll = plimsoll();
        plimsoll.args([command, "--quiet", "--autoscaler", "fixed:servers=9", "--hpa"]).arg(&hpa);
        let run = plimsoll.args(further).arg(&scenario).output().unwrap();
        (run.status.success(), run)
    };
    let (done, run) = both("replay", &[]);
    let told = String::from_utf8(run.stderr).unwrap();
    assert!(!done && told.contains("the manifest has an autoscaler"), "{told}");
    let (done, run) = both("compare", &["--replications", "2", "--format", "json"]);
    assert!(done, "{}", String::from_utf8_lossy(&run.stderr));
    let compared: Value = serde_json::from_slice(&run.stdout).unwrap();
    assert!(
        compared["advice"].to_string().contains("is not simulated"),
        "told of several runs too"
    );
    let names = compared["variants"].as_array().unwrap().iter().map(|it| it["name"].clone());
    assert_eq!(names.collect::<Vec<_>>(), ["manifest", "fixed:servers=9"]);
    let written = place.join("best.yaml");
    let run = plimsoll()
        .args(["compare", "--quiet", "--replications", "2", "--autoscaler", "fixed:servers=9"])
        .args(["--autoscaler", "hpa:target=0.5", "--write-manifest"])
        .arg(&written)
        .arg(&scenario)
        .output()
        .unwrap();
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    let text = std::fs::read_to_string(&written).unwrap();
    assert!(text.contains("kind: HorizontalPodAutoscaler"), "the cheaper one: {text}");
}

/// An empty folder of its own.
fn tempfile(name: &str) -> std::path::PathBuf {
    let place = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = std::fs::remove_dir_all(&place);
    std::fs::create_dir_all(&place).unwrap();
    place
}
