//! The closed forms against every known answer, and the catalogue of models against its contract.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use plimsoll::theory::{Answer, MODELS, Model, Need, Percentiles, Unit, model};
use serde_json::Value;

use crate::oracles::analytic::solve;

/// Groups whose known answers belong to statistics and not to queueing.
const ELSEWHERE: &[&str] = &["stat", "rng"];

/// The oracle file of the repository, and those of the folder `PLIMSOLL_ORACLES` if it is set.
fn files() -> Vec<PathBuf> {
    let mut files = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/oracles/analytic.json")];
    if let Some(folder) = std::env::var_os("PLIMSOLL_ORACLES") {
        let listing = std::fs::read_dir(&folder).expect("PLIMSOLL_ORACLES is a readable folder");
        files.extend(listing.map(|entry| entry.expect("a readable entry").path()));
        files.retain(|path| path.extension().is_some_and(|kind| kind == "json"));
    }
    files.sort();
    files
}

/// Every entry of every file that has `entries`.
fn entries() -> Vec<Value> {
    let mut entries = Vec::new();
    for path in files() {
        let text = std::fs::read_to_string(&path).expect("a readable oracle file");
        let mut document: Value = serde_json::from_str(&text).expect("an oracle file is JSON");
        if let Some(Value::Array(found)) = document.get_mut("entries").map(Value::take) {
            entries.extend(found.into_iter().filter(|entry| entry["model"].is_string()));
        }
    }
    entries
}

/// What an entry says; `want` is `None` where no number is the answer (an infeasible target).
struct Entry<'a> {
    id: &'a str,
    metric: &'a str,
    want: Option<f64>,
    tolerance: f64,
}

impl<'a> Entry<'a> {
    fn read(entry: &'a Value) -> Self {
        Self {
            id: entry["id"].as_str().unwrap_or("?"),
            metric: entry["metric"].as_str().expect("an entry has a metric"),
            want: entry["value"].as_f64(),
            tolerance: entry["tol_rel"].as_f64().unwrap_or(0.0).max(1e-9),
        }
    }

    fn agrees(&self, got: Option<f64>) -> bool {
        match (self.want, got) {
            (Some(want), Some(got)) if want.abs() < 1e-12 => (got - want).abs() <= self.tolerance,
            (Some(want), Some(got)) => (got / want - 1.0).abs() <= self.tolerance,
            (None, None) => true,
            _ => false,
        }
    }
}

#[test]
fn every_known_answer_of_a_model_with_a_closed_form_is_met() {
    let entries = entries();
    let mut models: BTreeMap<(&str, String), Vec<Entry<'_>>> = BTreeMap::new();
    for entry in &entries {
        if entry["group"].as_str().is_some_and(|group| ELSEWHERE.contains(&group)) {
            continue;
        }
        let model = entry["model"].as_str().expect("an entry has a model");
        models.entry((model, entry["params"].to_string())).or_default().push(Entry::read(entry));
    }
    let (mut checked, mut missed) = (0, Vec::new());
    let (mut unknown, mut unasked) = (BTreeMap::<&str, usize>::new(), BTreeSet::new());
    for ((model, params), entries) in &models {
        let params = serde_json::from_str(params).expect("parameters were JSON");
        let Some(solved) = solve(model, &params) else {
            *unknown.entry(model).or_default() += entries.len();
            continue;
        };
        for entry in entries {
            let got = solved(entry.metric);
            if got.is_none() && entry.want.is_some() {
                unasked.insert((*model, entry.metric));
                continue;
            }
            checked += 1;
            if !entry.agrees(got) {
                let Entry { id, metric, want, .. } = entry;
                missed.push(format!("{id} {model} {metric}: want {want:?}, got {got:?}"));
            }
        }
    }
    println!("{checked} known answers checked");
    println!("entries of models (or parameters) that theory does not know: {unknown:#?}");
    println!("metrics that theory does not know: {unasked:#?}");
    assert!(missed.is_empty(), "{} missed:\n{}", missed.len(), missed.join("\n"));
    assert!(checked > 2_800, "only {checked} entries were checked");
}

/// A value at which every model has an answer.
fn plausible(name: &str) -> f64 {
    match name {
        "arrival-rate" | "arrival-rate-high" => 0.8,
        "arrival-rate-low" | "batch-each" => 0.1,
        "servers" | "servers-2" | "choices" | "copies" => 2.0,
        "servers-max" | "slots" | "batch-max" => 4.0,
        "capacity" | "clients" => 5.0,
        "wait-probability" => 0.2,
        "latency" => 9.0,
        "cv" => 1.5,
        "batch-base" => 0.5,
        _ => 1.0,
    }
}

fn question(model: &Model) -> BTreeMap<String, f64> {
    let asked = |name: &str| (name.to_owned(), plausible(name));
    let said = model.params.iter().filter(|known| known.need == Need::Required);
    let mut question: BTreeMap<String, f64> = said.map(|known| asked(known.name)).collect();
    if model.name == "min-servers" {
        question.extend([asked("latency"), asked("wait-probability")]);
    }
    question
}

fn ordered(delay: &Percentiles) -> bool {
    let Percentiles { p50, p90, p95, p99, p999, .. } = *delay;
    let known: Vec<f64> = [p50, p90, p95, p99, p999].into_iter().flatten().collect();
    known.is_sorted() && known.iter().all(|value| value.is_finite() && *value >= 0.0)
}

fn sound(answer: &Answer) -> bool {
    let shares = [
        answer.utilization,
        answer.wait_probability,
        answer.blocking_probability,
        answer.abandonment_probability,
    ];
    let counts = [answer.queue_mean, answer.in_system_mean, answer.throughput, answer.servers];
    let delays = [&answer.wait_s, &answer.latency_s];
    shares.into_iter().flatten().all(|share| (0.0..=1.0 + 1e-12).contains(&share))
        && counts.into_iter().flatten().all(|count| count.is_finite() && count >= -1e-12)
        && delays.into_iter().flatten().all(ordered)
}

#[test]
fn every_model_answers_a_plausible_question_soundly() {
    for model in MODELS {
        let answer = model.answer(&question(model)).unwrap_or_else(|refusal| {
            panic!("{}: {refusal}", model.name);
        });
        assert_eq!(answer.model, model.name);
        assert!(sound(&answer), "{answer:#?}");
    }
}

#[test]
fn every_model_names_the_parameter_that_is_missing_unknown_or_impossible() {
    for model in MODELS {
        for known in model.params.iter().filter(|known| known.need == Need::Required) {
            let mut question = question(model);
            question.remove(known.name);
            let refusal = model.answer(&question).expect_err(model.name).to_string();
            assert!(refusal.contains(known.name), "{}: {refusal}", model.name);
            for impossible in [-1.0, f64::NAN, f64::INFINITY] {
                question.insert(known.name.to_owned(), impossible);
                let refusal = model.answer(&question).expect_err(model.name).to_string();
                assert!(refusal.contains(known.name), "{}: {refusal}", model.name);
            }
        }
        let mut question = question(model);
        question.insert("colour".to_owned(), 1.0);
        let refusal = model.answer(&question).expect_err(model.name).to_string();
        assert!(refusal.contains("colour") && refusal.contains(model.params[0].name), "{refusal}");
    }
}

#[test]
fn a_load_above_the_capacity_is_refused_unless_the_model_bears_it() {
    let bears = [
        "batching",
        "mmck",
        "mmcc",
        "mminf",
        "erlang-a",
        "mmc-timeout",
        "mmc-transient",
        "sqrt-staffing",
        "min-servers",
    ];
    for model in MODELS {
        let mut question = question(model);
        for name in ["arrival-rate", "arrival-rate-high"] {
            question.entry(name.to_owned()).and_modify(|rate| *rate = 60.0);
        }
        match model.answer(&question) {
            Ok(answer) => {
                let closed = ["closed", "keep-alive"].contains(&model.name);
                assert!(closed || bears.contains(&model.name), "{} answered", model.name);
                assert!(sound(&answer), "{answer:#?}");
            }
            Err(refusal) => {
                let said = refusal.to_string();
                let large = model.name == "keep-alive";
                assert!(large || said.contains("no steady state"), "{}: {said}", model.name);
                assert!(!bears.contains(&model.name), "{}: {said}", model.name);
            }
        }
    }
}

#[test]
fn ten_thousand_servers_near_saturation_are_answered_soundly() {
    let names = ["mmc", "mmck", "mmcc", "mdc", "gmc", "ggc", "erlang-a", "mmc-timeout", "random"];
    for name in names {
        let model = model(name).expect("a known model");
        for load in [0.1, 0.9, 0.999, 0.999_99] {
            let mut question = question(model);
            question.insert("servers".to_owned(), 10_000.0);
            question.insert("arrival-rate".to_owned(), 10_000.0 * load);
            question.entry("capacity".to_owned()).and_modify(|capacity| *capacity = 12_000.0);
            let answer = model.answer(&question).expect(name);
            assert!(sound(&answer), "{name} at {load}: {answer:#?}");
            let utilization = answer.utilization.expect("a utilization");
            assert!(utilization <= load * (1.0 + 1e-9), "{name} at {load}: {utilization}");
        }
    }
}

#[test]
fn the_catalogue_reads_well() {
    let mut names = BTreeSet::new();
    for model in MODELS {
        assert!(names.insert(model.name), "{} twice", model.name);
        let kebab =
            |name: &str| name.chars().all(|c| c.is_ascii_lowercase() || "-0123456789".contains(c));
        assert!(kebab(model.name) && model.doc.ends_with('.'), "{}", model.name);
        for known in model.params {
            assert!(kebab(known.name) && !known.meaning.is_empty(), "{}", known.name);
            assert!(!known.name.ends_with("rate") || known.unit == Unit::Rate, "{}", known.name);
            assert!(!known.name.ends_with("mean") || known.unit == Unit::Time, "{}", known.name);
        }
    }
}

#[test]
fn an_answer_prints_only_what_the_model_has() {
    let model = model("mg1ps").expect("a known model");
    let printed = serde_json::to_value(model.answer(&question(model)).unwrap()).unwrap();
    let keys: Vec<&str> =
        printed.as_object().expect("an object").keys().map(String::as_str).collect();
    let want = ["model", "utilization", "wait_probability", "latency_s", "in_system_mean"];
    assert_eq!(keys[..5], want);
    assert_eq!(keys[5..], ["throughput"]);
    assert_eq!(printed["latency_s"].as_object().expect("an object").len(), 1);
}

#[test]
fn an_unknown_model_is_told_its_neighbours() {
    let refusal = model("mmk").expect_err("no such model").to_string();
    assert!(refusal.contains("mmk") && refusal.contains("mmc"), "{refusal}");
}
