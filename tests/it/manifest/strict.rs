//! What a cluster would refuse is refused, what a simulation cannot show is told, and what a
//! manifest cannot say is written beside it.

use plimsoll::manifest::of_pool;
use serde_json::{Value, json};

use super::{POOLS, fixture, pool, pool_of, scenario};

/// A manifest with one thing replaced, and what is said of it.
fn said(name: &str, from: &str, to: &str) -> String {
    let text = fixture(name);
    assert!(text.contains(from), "{from} is not there");
    let problem = scenario(&text.replacen(from, to, 1), "").map(drop).unwrap_err();
    assert!(problem.contains("it.yaml:"), "{to} is shown nowhere: {problem}");
    problem
}

#[test]
fn bounds_of_kubernetes_are_kept_with_a_remedy() {
    let window = "stabilizationWindowSeconds: 120";
    let period = "periodSeconds: 60";
    let cases = [
        ("value: 100\n", "value: 0\n", "write 1 to 2147483647"),
        (period, "periodSeconds: 1801", "write 1 to 1800"),
        (period, "periodSeconds: 0", "write 1 to 1800"),
        (window, "stabilizationWindowSeconds: 3601", "write 0 to 3600"),
        ("selectPolicy: Max", "selectPolicy: max", "did you mean `Max`"),
        ("type: Percent", "type: percent", "did you mean `Percent`"),
        ("maxReplicas: 30", "maxReplicas: 0", "write 1 or more"),
        ("minReplicas: 3", "minReplicas: 3.5", "is a whole number"),
        ("averageUtilization: 60", "averageUtilization: 0.5", "must be above 0 and whole"),
        ("averageValue: \"35\"", "averageValue: \"0\"", "must be above 0"),
    ];
    for (from, to, remedy) in cases {
        let problem = said("hpa.yaml", from, to);
        assert!(problem.contains(remedy), "{to}: {problem}");
    }
    let none = said(
        "hpa.yaml",
        "policies:\n        - type: Pods\n          value: 1\n          periodSeconds: 60\n",
        "policies: []\n",
    );
    assert!(none.contains("names no policy"), "{none}");
}

#[test]
fn a_field_that_is_missing_is_named_with_the_one_that_is_like_it() {
    let problem = said("hpa.yaml", "maxReplicas: 30", "maxReplica: 30");
    let what = "`spec.maxReplicas` is missing, and `spec.maxReplica` is no field";
    assert!(problem.contains(what), "{problem}");
    assert!(problem.contains("did you mean `spec.maxReplicas`?"), "{problem}");
}

#[test]
fn a_utilization_above_what_slots_can_use_is_refused_with_what_would_follow() {
    // 170 % of the 2 cores requested are 3.4 of the 4 that the pod may use.
    let text = fixture("hpa.yaml").replacen("averageUtilization: 60", "averageUtilization: 170", 1);
    assert_eq!(pool(&text)["autoscaler"]["target"], 0.85);
    // Of a pod that requests all it may use it is not.
    let hpa = text.split("---\n").next().unwrap();
    let problem = scenario(hpa, "").map(drop).unwrap_err();
    assert!(problem.contains("would never add a server"), "{problem}");
    assert!(problem.contains("a limit of cpu above its request"), "{problem}");
}

#[test]
fn an_autoscaler_of_another_deployment_is_noticed() {
    let name = "kind: Deployment\n    name: web";
    let problem = said("hpa.yaml", name, "kind: Deployment\n    name: api");
    assert!(problem.contains("this scales the Deployment `api`, not `web`"), "{problem}");
    let problem = said("hpa.yaml", name, "kind: StatefulSet\n    name: web");
    assert!(problem.contains("the StatefulSet `web`"), "{problem}");
}

#[test]
fn what_a_busy_slot_uses_is_told_once() {
    let told = |text: &str| {
        let remarks = scenario(text, "").unwrap().remarks;
        let of: Vec<String> =
            remarks.into_iter().filter(|it| it.contains("is busy slots")).collect();
        assert_eq!(of.len(), 1, "{of:?}");
        of[0].clone()
    };
    let both = fixture("hpa.yaml");
    assert!(told(&both).contains("a busy slot uses 1 of the 2 cores a pod requests"), "{both}");
    let hpa = both.split("---\n").next().unwrap();
    assert!(told(hpa).contains("all slots busy are 100 %"));
}

#[test]
fn zero_is_for_metrics_that_exist_without_pods() {
    let zero = fixture("hpa.yaml").replacen("minReplicas: 3", "minReplicas: 0", 1);
    assert_eq!(pool(&zero)["autoscaler"]["scale-to-zero"], true, "a queue is such a one");
    let external = "    - type: External";
    let end = zero.find(external).unwrap();
    let behavior = zero.find("  behavior:").unwrap();
    let without = format!("{}{}", &zero[..end], &zero[behavior..]);
    let problem = scenario(&without, "").map(drop).unwrap_err();
    assert!(problem.contains("`External` metric") && problem.contains("write 1 or more"));
}

#[test]
fn what_keda_and_knative_refuse_is_refused() {
    let idle = said("scaled-object.yaml", "cooldownPeriod: 120", "idleReplicaCount: 0");
    assert!(idle.contains("is not below `minReplicaCount` = 0"), "{idle}");
    let prefix = "autoscaling.knative.dev/";
    for (annotation, remedy) in [
        ("target: \"0\"", "0.01 or more"),
        ("window: 5s", "6 to 3600 seconds"),
        ("target-utilization-percentage: \"101\"", "1 to 100"),
        ("panic-threshold-percentage: \"100\"", "110 to 1000"),
        ("metric: cpu", "concurrency"),
        ("target-burst-capacity: \"-2\"", "not a quantity"),
        ("min-scale: \"-1\"", "a whole number"),
        ("min-scale: 3", "in quotes"),
    ] {
        let owner = "example.com/owner: shop";
        // Without the one that is there already, which would be a second.
        let key = annotation.split(':').next().unwrap();
        let lines = fixture("knative.yaml");
        let other = |line: &&str| !line.contains(&format!("{prefix}{key}:"));
        let text = lines.lines().filter(other).collect::<Vec<_>>().join("\n");
        let text = text.replacen(owner, &format!("{prefix}{annotation}"), 1);
        let problem = scenario(&text, "").map(drop).unwrap_err();
        assert!(problem.contains(remedy) && problem.contains("it.yaml:"), "{problem}");
    }
}

#[test]
fn a_revision_without_a_limit_aims_at_knatives_default() {
    let text = fixture("knative.yaml").replacen("      containerConcurrency: 10\n", "", 1);
    let text = text.replacen("        autoscaling.knative.dev/target: \"8\"\n", "", 1);
    let scenario = scenario(&text, "[pool.main]\nslots = 4\n").unwrap();
    let pool = &serde_json::to_value(&scenario).unwrap()["pool"]["main"];
    assert_eq!(
        (&pool["slots"], &pool["autoscaler"]["container-concurrency"]),
        (&json!(4), &json!(0.0))
    );
    let remarks = &scenario.remarks;
    assert!(remarks.iter().any(|it| it.contains("100 in flight")), "{remarks:?}");
    let limits = |pool: &str| {
        let text = format!("[pool.main.autoscaler]\npolicy = 'kpa'\n{pool}");
        of_pool("main", &pool_of(&format!("slots = 4\n{text}"))).unwrap()
    };
    assert!(limits("").contains("containerConcurrency: 4\n"), "{}", limits(""));
    let unlimited = limits("container-concurrency = 0\n");
    assert!(unlimited.contains("containerConcurrency: 0\n"), "{unlimited}");
    assert!(unlimited.contains("# not in the manifest: slots = 4"), "{unlimited}");
}

#[test]
fn what_a_manifest_cannot_say_stands_in_its_comments() {
    let hpa = |further: &str| {
        let text = format!("[pool.main.autoscaler]\npolicy = 'hpa'\n{further}");
        of_pool("main", &pool_of(&text)).unwrap()
    };
    let plain = hpa("");
    assert!(plain.contains("# The metrics are looked at every 15s"), "{plain}");
    let slow = hpa("interval = '45s'\ncpu-initialization-period = '2m'\n");
    assert!(slow.contains("-sync-period=45s"), "the interval of the simulation: {slow}");
    assert!(slow.contains("-cpu-initialization-period=2m"), "{slow}");
    assert!(!slow.contains("not in the manifest: interval"), "{slow}");
    // Two tolerances: a controller has one, a behavior both.
    let two = "tolerance = { up = 0.2, down = 0.05 }\n";
    let lone = hpa(two);
    assert!(lone.contains("-tolerance=0.2") && !lone.contains("tolerance: "), "{lone}");
    assert!(lone.contains("not in the manifest: tolerance.down = 0.05"), "{lone}");
    let rules = "[pool.main.autoscaler.behavior.scale-up]\nselect = 'min'\n";
    let both = hpa(&format!("{two}{rules}"));
    assert!(
        both.contains(r#"tolerance: "200m""#) && both.contains(r#"tolerance: "50m""#),
        "{both}"
    );
    assert!(both.contains("needs Kubernetes 1.33"), "{both}");
    let custom = of_pool("main", &pool_of(POOLS[3])).unwrap();
    let told = "# The metric requests_per_second: requests that arrive a second, of each pod.";
    assert!(custom.contains(told), "{custom}");
    assert!(custom.contains("# The metric queue_length: requests that wait, of all pods."));
    let keda = of_pool("main", &pool_of(POOLS[7])).unwrap();
    assert!(keda.contains("sum(queue_length{app="), "{keda}");
    assert!(keda.contains("# The query asks for queue_length: requests that wait"), "{keda}");
    let value: &Value = &pool_of(POOLS[7])["autoscaler"];
    assert_eq!(value["policy"], "keda");
}
