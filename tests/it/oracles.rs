//! The simulator against known answers: every model that a scenario can express, at its own
//! confidence interval.
//!
//! `cargo test --test it oracles` compares a spread of the tables in `tests/oracles/`, chosen so
//! that the intervals become narrow within a minute. All of them, within an hour:
//!
//! ```text
//! PLIMSOLL_ORACLES_ALL=1 cargo test --release --test it oracles -- --nocapture
//! ```
//!
//! A folder in the variable `PLIMSOLL_ORACLES` holds further tables of the same shape. Every model
//! and parameter set is one scenario, built from a document as a user would write it, and run in
//! independent replications with the warm-up removed; a pilot says how long. An entry is met when
//! it lies in the interval and the interval is narrow enough to fail (a half-width of 5 % of the
//! value); it is missed when it lies outside. The error of 1 % is split over all entries of a run.
//! Models and metrics that no scenario can express are printed with the reason.

pub(crate) mod analytic;
mod judge;
mod laws;
mod measure;
mod observe;
pub(crate) mod systems;
mod tables;
mod translate;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use rayon::prelude::*;

use judge::{Trial, Verdict};
use tables::{Case, Entry, Tables};
use translate::{Experiment, Shape};

/// The chance that a right simulator misses any entry of a run.
const ERROR: f64 = 0.01;

/// The most requests a case may simulate at once, in the sample and in a full comparison.
const BUDGET: [f64; 2] = [3e7, 4e8];

/// The most requests that a case of the sample may be guessed to need.
const AFFORDABLE: f64 = 4e6;

/// Parameter sets a model has in the sample: of our own tables, and of those named outside.
const EACH: [usize; 2] = [4, 12];

fn own_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/oracles")
}

fn all_of_them() -> bool {
    std::env::var_os("PLIMSOLL_ORACLES_ALL").is_some()
}

/// What a comparison came to.
#[derive(Default)]
struct Report {
    met: usize,
    missed: Vec<String>,
    undecided: Vec<String>,
    /// Entries that are not compared, by model and reason.
    passed_over: BTreeMap<String, usize>,
    cases: BTreeMap<String, usize>,
}

impl Report {
    fn pass_over(&mut self, what: String) {
        *self.passed_over.entry(what).or_default() += 1;
    }

    fn print(&self, of: &str) {
        println!(
            "{of}: {} met, {} missed, {} undecided",
            self.met,
            self.missed.len(),
            self.undecided.len()
        );
        self.cases
            .iter()
            .for_each(|(model, sets)| println!("  {sets:4} parameter sets of {model}"));
        self.missed.iter().for_each(|line| println!("  missed: {line}"));
        self.undecided.iter().for_each(|line| println!("  undecided: {line}"));
        for (what, entries) in &self.passed_over {
            println!("  {entries:4} entries not compared: {what}");
        }
    }
}

/// Compares at most `each` parameter sets of each model, evenly spread.
fn compare(tables: &Tables, each: usize, budget: f64, affordable: f64) -> Report {
    let mut report = Report::default();
    if tables.not_truths > 0 {
        let what = "approximations and limits, which no finite system attains".to_owned();
        report.passed_over.insert(what, tables.not_truths);
    }
    let mut models: BTreeMap<&str, Vec<(&Case, Experiment)>> = BTreeMap::new();
    for case in &tables.cases {
        match translate::translate(case) {
            Ok(experiment) => models.entry(&case.model).or_default().push((case, experiment)),
            Err(why) => {
                case.entries.iter().for_each(|_| report.pass_over(format!("{}: {why}", case.model)))
            }
        }
    }
    let mut chosen = Vec::new();
    for (model, cases) in models {
        let guess = |(case, experiment): &(&Case, Experiment)| requests(case, experiment);
        let least = cases.iter().map(guess).fold(f64::INFINITY, f64::min);
        let within = |one: &&(&Case, Experiment)| guess(one) <= affordable.max(least);
        let fit: Vec<_> = cases.iter().filter(within).cloned().collect();
        let count = fit.len().min(each);
        report.cases.insert(model.to_owned(), count);
        chosen.extend((0..count).map(|place| fit[place * fit.len() / count].clone()));
    }
    let entries: usize = chosen.iter().map(|(case, _)| case.entries.len()).sum();
    let alpha = ERROR / entries.max(1) as f64;
    let judged: Vec<_> = chosen
        .par_iter()
        .map(|(case, experiment)| {
            let trial = Trial { case, experiment, alpha, budget };
            let start = std::time::Instant::now();
            let v = trial.verdicts();
            eprintln!(
                "{:.2}s guess {:.1e} {case}",
                start.elapsed().as_secs_f64(),
                requests(case, experiment)
            );
            (*case, v)
        })
        .collect();
    for (case, verdicts) in judged {
        report.count(case, &verdicts);
    }
    report
}

impl Report {
    fn count(&mut self, case: &Case, verdicts: &[(&Entry, Verdict)]) {
        for (entry, verdict) in verdicts {
            let line = |why: &str| format!("{} {} of {case}: {why}", entry.id, entry.metric);
            match verdict {
                Verdict::Met => self.met += 1,
                Verdict::Missed(why) => self.missed.push(line(why)),
                Verdict::Undecided(why) => self.undecided.push(line(why)),
            }
        }
        for entry in &case.entries {
            if !verdicts.iter().any(|(judged, _)| judged.id == entry.id) {
                let why = measure::not_compared(case, &entry.metric).unwrap_or("not measured here");
                self.pass_over(format!("{}, {}: {why}", case.model, entry.metric));
            }
        }
    }
}

/// A guess of the requests that make every interval of a case narrow: what a disturbance lasts,
/// times what its rarest event and its farthest quantile ask for.
fn requests(case: &Case, experiment: &Experiment) -> f64 {
    let (memory, alone) = match experiment.shape {
        Shape::Steady { relaxation } => ((experiment.rate * relaxation).max(1.0), 1.0),
        Shape::After { seconds } => ((experiment.rate * seconds).max(200.0), 0.2),
    };
    let rare = case
        .entries
        .iter()
        .filter(|entry| entry.metric.starts_with("p_") && entry.value > 0.0)
        .map(|entry| entry.value)
        .fold(1.0, f64::min);
    let far = case.entries.iter().any(|entry| entry.metric.ends_with("p999"));
    let tail: f64 = if far { 5e4 } else { 1e4 };
    alone * memory * tail.max(1.5e4 / rare)
}

#[test]
fn the_simulator_meets_a_spread_of_every_model_it_can_express() {
    let tables = tables::read(&own_folder());
    let report = if all_of_them() {
        compare(&tables, usize::MAX, BUDGET[1], f64::INFINITY)
    } else {
        compare(&tables, EACH[0], BUDGET[0], AFFORDABLE)
    };
    report.print("tests/oracles");
    assert!(
        report.missed.is_empty(),
        "{} missed:\n{}",
        report.missed.len(),
        report.missed.join("\n")
    );
}

#[test]
fn the_simulator_meets_the_tables_of_the_folder_named_outside() {
    let Some(outside) = std::env::var_os("PLIMSOLL_ORACLES") else { return };
    let tables = tables::read(Path::new(&outside));
    let report = if all_of_them() {
        compare(&tables, usize::MAX, BUDGET[1], f64::INFINITY)
    } else {
        compare(&tables, EACH[1], BUDGET[0], f64::INFINITY)
    };
    report.print(&outside.display().to_string());
    assert!(
        report.missed.is_empty(),
        "{} missed:\n{}",
        report.missed.len(),
        report.missed.join("\n")
    );
}
