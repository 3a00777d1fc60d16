//! The closed forms against every known answer, and against each other where it is hardest.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use plimsoll::theory::{MODELS, Need};
use serde_json::Value;

use crate::oracles::analytic::{Solved, solve};

/// Models whose known answers belong to statistics and not to queueing.
const ELSEWHERE: &[&str] = &["stat", "rng"];

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
            entries.extend(found);
        }
    }
    entries
}

/// What an entry says, `None` where nothing is the answer (an infeasible target).
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
    let mut unknown: BTreeMap<&str, usize> = BTreeMap::new();
    for entry in &entries {
        if entry["group"].as_str().is_some_and(|group| ELSEWHERE.contains(&group)) {
            continue;
        }
        let model = entry["model"].as_str().expect("an entry has a model");
        models.entry((model, entry["params"].to_string())).or_default().push(Entry::read(entry));
    }
    let (mut checked, mut missed, mut unasked) = (0, Vec::new(), BTreeSet::new());
    for ((model, params), entries) in &models {
        let params = serde_json::from_str(params).expect("parameters were JSON");
        let started = std::time::SystemTime::now();
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
        let took = started.elapsed().unwrap().as_secs_f64();
        if took > 0.3 {
            println!("{took:.2}s {model} {params}");
        }
    }
    println!("{checked} known answers checked");
    println!("models without a closed form: {unknown:#?}");
    println!("metrics without a closed form: {unasked:#?}");
    assert!(missed.is_empty(), "{} missed:\n{}", missed.len(), missed.join("\n"));
    assert!(checked > 1000, "only {checked} entries were checked");
    let _: Option<Solved> = None;
}

#[test]
fn every_model_of_the_command_line_answers_and_says_what_it_needs() {
    let _ = (MODELS, Need::Required);
}
