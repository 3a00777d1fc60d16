//! Every decision of the real systems' own tests, put to our decision functions.
//!
//! The tables in `tests/oracles/` restate inputs and outcomes of the upstream test suites and of
//! worked examples in documentation. Each case has a `kind`, each kind a function here; a case
//! that answers otherwise is named with what was expected and what came. A folder in the variable
//! `PLIMSOLL_ORACLES` holds further tables of the same shape.

mod cloud;
mod elasticity;
mod hpa;
mod keda;
mod kpa;
mod phpa;
mod ray;
mod vpa;
mod wva;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde_json::Value;

/// What a check answers: nothing, or what differed.
type Outcome = Result<(), String>;

/// Kinds that are no decisions, and where they are tested instead.
const ELSEWHERE: &[(&str, &str)] = &[
    ("holt_winters", "a forecast: tested in `oracles/forecasts.rs`"),
    ("linear_regression", "a forecast: tested in `oracles/forecasts.rs`"),
];

/// Outcomes that are remarks, or say how exact the others are.
const COMMENTARY: &[&str] = &["see", "ordering", "abs_tolerance"];

/// The check of a kind.
fn check(kind: &str) -> Option<fn(&Case) -> Outcome> {
    hpa::check(kind)
        .or_else(|| kpa::check(kind))
        .or_else(|| keda::check(kind))
        .or_else(|| ray::check(kind))
        .or_else(|| cloud::check(kind))
        .or_else(|| vpa::check(kind))
        .or_else(|| wva::check(kind))
        .or_else(|| phpa::check(kind))
        .or_else(|| elasticity::check(kind))
}

/// One case, and the readers that the checks share.
struct Case {
    value: Value,
    /// The outcomes that have been looked at: an outcome nobody compares is a miss.
    seen: RefCell<BTreeSet<String>>,
}

impl Case {
    fn new(value: Value) -> Self {
        Self { value, seen: RefCell::default() }
    }

    /// The stated outcome under `key`, or null.
    fn wanted(&self, key: &str) -> &Value {
        self.seen.borrow_mut().insert(key.to_owned());
        &self.value["expected"][key]
    }

    /// An error if the case states an outcome that no check has compared.
    fn all_seen(&self) -> Outcome {
        let Some(stated) = self.value["expected"].as_object() else { return Ok(()) };
        let seen = self.seen.borrow();
        let unseen = |key: &&String| !seen.contains(*key) && !COMMENTARY.contains(&key.as_str());
        match stated.keys().find(unseen) {
            Some(key) => Err(format!("the outcome {key:?} is compared by no check")),
            None => Ok(()),
        }
    }

    fn inputs(&self) -> &Value {
        &self.value["inputs"]
    }

    fn id(&self) -> &str {
        self.value["id"].as_str().unwrap_or("(no id)")
    }

    fn kind(&self) -> &str {
        // The worked elasticity examples are all of one kind and do not name it.
        let unnamed = if self.inputs()["supply"].is_array() { "elasticity" } else { "" };
        self.value["kind"].as_str().unwrap_or(unnamed)
    }

    /// Compares an integer wherever the case states one under `key`.
    fn expects_int(&self, key: &str, got: i64) -> Outcome {
        match self.wanted(key) {
            Value::Null => Ok(()),
            wanted if wanted.as_i64() == Some(got) => Ok(()),
            wanted => Err(format!("{key}: expected {wanted}, got {got}")),
        }
    }

    /// Compares a real number wherever the case states one, to within `tolerance`.
    fn expects_near(&self, key: &str, got: f64, tolerance: f64) -> Outcome {
        match self.wanted(key).as_f64() {
            Some(wanted) if !near(got, wanted, tolerance) => {
                Err(format!("{key}: expected {wanted}, got {got}"))
            }
            _ => Ok(()),
        }
    }

    fn expects_bool(&self, key: &str, got: bool) -> Outcome {
        match self.wanted(key).as_bool() {
            Some(wanted) if wanted != got => Err(format!("{key}: expected {wanted}, got {got}")),
            _ => Ok(()),
        }
    }

    fn expects_text(&self, key: &str, got: &str) -> Outcome {
        match self.wanted(key).as_str() {
            Some(wanted) if wanted != got => Err(format!("{key}: expected {wanted}, got {got}")),
            _ => Ok(()),
        }
    }
}

/// "Now" in cases that speak of ages: late enough that an age never reaches before the start.
const NOW_NS: u64 = 1_000_000_000_000_000_000;

/// Whole nanoseconds of a number of seconds.
fn ns(seconds: f64) -> u64 {
    (seconds * 1e9).round() as u64
}

/// The instant so many seconds before now; null is the far past.
fn ago(age: &Value) -> u64 {
    age.as_f64().map_or(0, |seconds| (NOW_NS as i128 - (seconds * 1e9).round() as i128) as u64)
}

/// Whether two numbers differ by no more than the tolerance; NaN is near nothing.
fn near(got: f64, wanted: f64, tolerance: f64) -> bool {
    (got - wanted).abs() <= tolerance
}

fn int(value: &Value) -> Result<i64, String> {
    value.as_i64().ok_or_else(|| format!("not a whole number: {value}"))
}

fn count(value: &Value) -> Result<i32, String> {
    i32::try_from(int(value)?).map_err(|_| format!("not a count: {value}"))
}

fn real(value: &Value) -> Result<f64, String> {
    value.as_f64().ok_or_else(|| format!("not a number: {value}"))
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn collect<T>(value: &Value, each: impl Fn(&Value) -> Result<T, String>) -> Result<Vec<T>, String> {
    list(value).iter().map(each).collect()
}

/// Every table of a folder, in order of name; a file that holds no cases is none.
fn tables(folder: &Path) -> Vec<(PathBuf, Vec<Case>)> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.expect("a readable folder").path())
        .filter(|path| path.extension().is_some_and(|ext| ext == "json"))
        .collect();
    files.sort();
    let read = |path: PathBuf| {
        let text = std::fs::read_to_string(&path).expect("a readable table");
        let mut table: Value = serde_json::from_str(&text)
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let Value::Array(cases) = table.get_mut("cases")?.take() else { return None };
        Some((path, cases.into_iter().map(Case::new).collect()))
    };
    files.into_iter().filter_map(read).collect()
}

/// Puts every case of a folder to its check; the misses, and how many cases each kind had.
fn run(folder: &Path) -> (Vec<String>, BTreeMap<String, usize>) {
    let (mut missed, mut tried) = (Vec::new(), BTreeMap::new());
    for (path, cases) in tables(folder) {
        let file = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        for case in &cases {
            let kind = case.kind();
            if ELSEWHERE.iter().any(|(name, _)| *name == kind) {
                continue;
            }
            *tried.entry(kind.to_owned()).or_insert(0) += 1;
            let outcome = check(kind)
                .ok_or_else(|| format!("no check of the kind {kind:?}"))
                .and_then(|check| check(case))
                .and_then(|()| case.all_seen());
            if let Err(why) = outcome {
                missed.push(format!("{file} {} ({kind}): {why}", case.id()));
            }
        }
    }
    (missed, tried)
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/oracles")
}

#[test]
fn every_decision_of_the_oracle_tables_is_met() {
    let (missed, tried) = run(&folder());
    assert!(missed.is_empty(), "{} missed:\n{}", missed.len(), missed.join("\n"));
    assert!(tried.values().sum::<usize>() > 200, "the tables shrank: {tried:?}");
}

#[test]
fn every_decision_of_the_folder_named_outside_is_met() {
    let Some(outside) = std::env::var_os("PLIMSOLL_ORACLES") else { return };
    let (missed, tried) = run(Path::new(&outside));
    assert!(!tried.is_empty(), "no table of decisions in {}", outside.display());
    assert!(missed.is_empty(), "{} missed:\n{}", missed.len(), missed.join("\n"));
}

#[test]
fn a_wrong_answer_is_noticed() {
    // Each case with its stated outcome raised by one must be missed by its check, or the check
    // reads nothing.
    let mut blind = Vec::new();
    for (_, cases) in tables(&folder()) {
        for mut case in cases {
            let kind = case.kind().to_owned();
            let Some(check) = check(&kind) else { continue };
            let changed =
                spoil(&mut case.value["expected"]) | spoil_steps(&mut case.value["steps"]);
            let steps = spoil_steps(&mut case.value["inputs"]["steps"]);
            if (changed || steps) && check(&case).is_ok() {
                blind.push(format!("{} ({kind})", case.id()));
            }
        }
    }
    assert!(blind.is_empty(), "checks that see nothing:\n{}", blind.join("\n"));
}

/// Spoils the outcomes stated step by step.
fn spoil_steps(steps: &mut Value) -> bool {
    let Value::Array(steps) = steps else { return false };
    steps.iter_mut().fold(false, |any, step| step.get_mut("expected").is_some_and(spoil) | any)
}

/// Raises every number, flips every flag, and changes every word of a stated outcome.
fn spoil(value: &mut Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(flag) => {
            *flag = !*flag;
            true
        }
        Value::Number(number) => {
            *value = match number.as_i64() {
                Some(whole) => whole.wrapping_add(7).into(),
                None => (number.as_f64().unwrap_or(0.0) + 7.0).into(),
            };
            true
        }
        Value::String(text) => {
            text.push_str(" spoilt");
            true
        }
        Value::Array(items) => items.iter_mut().fold(false, |any, item| spoil(item) | any),
        Value::Object(fields) => fields
            .iter_mut()
            .filter(|(key, _)| !key.contains("tolerance"))
            .fold(false, |any, (_, field)| spoil(field) | any),
    }
}
