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
//! `PLIMSOLL_ORACLES_ONLY=lb/` beside it keeps to the entries whose names begin so. A folder in the
//! variable `PLIMSOLL_ORACLES` holds further tables of the same shape. Every model
//! and parameter set is one scenario, built from a document as a user would write it, and run in
//! independent replications with the warm-up removed; a pilot says how long. An entry is met when
//! it lies in the interval and the interval is narrow enough to fail (a half-width of 5 % of the
//! value); it is missed when it lies outside. The error of 1 % is split over all entries of a run.
//! Models and metrics that no scenario can express are printed with the reason.

pub(crate) mod analytic;
mod forecasts;
mod judge;
mod laws;
mod measure;
mod observe;
pub(crate) mod systems;
mod tables;
mod translate;

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};

use rayon::prelude::*;

use judge::{Trial, Verdict};
use tables::{Case, Entry, Tables};
use translate::{Experiment, Shape};

/// The chance that a right simulator misses any entry of a run.
const ERROR: f64 = 0.01;

fn own_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/oracles")
}

fn all_of_them() -> bool {
    std::env::var_os("PLIMSOLL_ORACLES_ALL").is_some()
}

/// The entries of the tables whose names begin as is asked for; all, where nothing is.
fn asked_for(mut tables: Tables) -> Tables {
    let Ok(beginning) = std::env::var("PLIMSOLL_ORACLES_ONLY") else { return tables };
    for case in &mut tables.cases {
        case.entries.retain(|entry| entry.id.starts_with(&beginning));
    }
    tables.cases.retain(|case| !case.entries.is_empty());
    tables
}

/// What a comparison came to.
#[derive(Default)]
struct Report {
    met: usize,
    missed: Vec<String>,
    undecided: Vec<String>,
    /// Entries that are not compared, by model and reason.
    passed_over: BTreeMap<String, usize>,
    /// Entries of each model that the sample cannot afford.
    costly: BTreeMap<String, usize>,
    /// Parameter sets of each model, compared and affordable.
    cases: Vec<(String, [usize; 2])>,
    /// Requests that were simulated for each model, and the most for one of its parameter sets.
    spent: BTreeMap<String, [u64; 2]>,
}

impl Report {
    fn pass_over(&mut self, what: String, entries: usize) {
        *self.passed_over.entry(what).or_default() += entries;
    }

    fn missed_nothing(&self) {
        assert!(
            self.missed.is_empty(),
            "{} missed:\n{}",
            self.missed.len(),
            self.missed.join("\n")
        );
    }

    fn print(&self, of: &str) {
        let (missed, undecided) = (self.missed.len(), self.undecided.len());
        let mut text = format!("{of}: {} met, {missed} missed, {undecided} undecided\n", self.met);
        for (model, [sets, all]) in &self.cases {
            text += &format!("  {sets:4} of {all} parameter sets of {model}\n");
        }
        for (what, lines) in [("missed", &self.missed), ("undecided", &self.undecided)] {
            lines.iter().for_each(|line| text += &format!("  {what}: {line}\n"));
        }
        for (what, entries) in &self.passed_over {
            text += &format!("  {entries:4} entries not compared: {what}\n");
        }
        for (model, entries) in &self.costly {
            text += &format!("  {entries:4} entries are too costly for a sample: {model}\n");
        }
        for (model, [all, most]) in &self.spent {
            let millions = |count: u64| count as f64 / 1e6;
            let (all, most) = (millions(*all), millions(*most));
            text += &format!("  {all:7.1} million requests, {most:.1} at most a set: {model}\n");
        }
        // Not `print!`, which a test that passes swallows: nothing is passed over in silence.
        std::io::stderr().write_all(text.as_bytes()).unwrap();
    }
}

/// How much is compared.
struct Size {
    /// Parameter sets of each model, evenly spread over the table.
    each: usize,
    /// The most requests a case may simulate at once.
    budget: f64,
    /// The most requests that an entry may be guessed to need.
    affordable: f64,
}

impl Size {
    /// A sample, or all there is where that is asked for.
    fn at_least(each: usize, affordable: f64) -> Self {
        if all_of_them() {
            return Self { each: usize::MAX, budget: 1e10, affordable: f64::INFINITY };
        }
        Self { each, budget: 3e7, affordable }
    }
}

/// Simulates a spread of the cases and holds them against their entries.
fn compare(tables: Tables, size: &Size) -> Report {
    let mut report = Report::default();
    if tables.not_truths > 0 {
        let what = "approximations and limits, which no finite system attains".to_owned();
        report.passed_over.insert(what, tables.not_truths);
    }
    // Policies of one model are as far apart as models are.
    let mut kinds: BTreeMap<(String, String), Vec<(Case, Experiment)>> = BTreeMap::new();
    for case in tables.cases {
        match translate::translate(&case) {
            Ok(experiment) => {
                let kind = (case.model.clone(), case.word("policy").to_owned());
                kinds.entry(kind).or_default().push((case, experiment));
            }
            Err(why) => report.pass_over(format!("{}: {why}", case.model), case.entries.len()),
        }
    }
    for (kind, cases) in &mut kinds {
        let left_out = keep_affordable(cases, size.affordable);
        if left_out > 0 {
            report.costly.insert(format!("{} {}", kind.0, kind.1), left_out);
        }
    }
    let mut chosen = Vec::new();
    for ((model, policy), cases) in kinds {
        let each = if policy.is_empty() { size.each } else { size.each.div_ceil(4) };
        let (all, count) = (cases.len(), cases.len().min(each));
        report.cases.push((format!("{model} {policy}"), [count, all]));
        chosen.extend((0..count).map(|place| cases[place * all / count].clone()));
    }
    let entries: usize = chosen.iter().map(|(case, _)| case.entries.len()).sum();
    let alpha = ERROR / entries.max(1) as f64;
    // The cheap ones first: a run that is cut short has told of most.
    let cost = |(case, run): &(Case, Experiment)| -> f64 {
        case.entries.iter().map(|entry| guess(entry, case, run)).fold(0.0, f64::max)
    };
    chosen.sort_by(|one, other| cost(one).total_cmp(&cost(other)));
    let each = chosen.iter().enumerate().par_bridge();
    let mut judged: Vec<_> = each
        .map(|(place, (case, experiment))| {
            let trial = Trial { case, experiment, alpha, budget: size.budget };
            let (verdicts, requests) = trial.verdicts();
            progress(case, &verdicts, requests);
            (place, verdicts, requests)
        })
        .collect();
    judged.sort_by_key(|(place, ..)| *place);
    for ((case, _), (_, verdicts, requests)) in chosen.iter().zip(&judged) {
        report.count(case, verdicts);
        let model = format!("{} {}", case.model, case.word("policy"));
        let [all, most] = report.spent.entry(model).or_default();
        (*all, *most) = (*all + requests, *requests.max(most));
    }
    report
}

/// Tells of a set that is done, where all of them are run and that takes long.
fn progress(case: &Case, verdicts: &[(&Entry, Verdict)], requests: u64) {
    if !all_of_them() {
        return;
    }
    let met = verdicts.iter().filter(|(_, verdict)| *verdict == Verdict::Met).count();
    let (all, millions) = (verdicts.len(), requests as f64 / 1e6);
    let mut line = format!("{case}: {met} of {all} met, {millions:.1} million requests\n");
    for (entry, verdict) in verdicts.iter().filter(|(_, verdict)| *verdict != Verdict::Met) {
        line += &format!("  {} {}: {verdict:?}\n", entry.id, entry.metric);
    }
    std::io::stderr().write_all(line.as_bytes()).unwrap();
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
                self.pass_over(format!("{}, {}: {why}", case.model, entry.metric), 1);
            }
        }
    }
}

/// Drops entries that need more requests than that, but not the cheapest one; says how many.
fn keep_affordable(cases: &mut Vec<(Case, Experiment)>, affordable: f64) -> usize {
    let count = |cases: &[(Case, Experiment)]| -> usize {
        cases.iter().map(|(case, _)| case.entries.len()).sum()
    };
    let all = count(cases);
    let cheapest = cases
        .iter()
        .flat_map(|(case, run)| case.entries.iter().map(|entry| guess(entry, case, run)))
        .fold(f64::INFINITY, f64::min);
    for (case, run) in cases.iter_mut() {
        let whole = case.clone();
        case.entries.retain(|entry| guess(entry, &whole, run) <= affordable.max(cheapest));
    }
    cases.retain(|(case, _)| !case.entries.is_empty());
    all - count(cases)
}

/// A guess of the requests that make the interval of an entry narrow: what a disturbance lasts,
/// times what a rare event or a far quantile asks for.
fn guess(entry: &Entry, case: &Case, experiment: &Experiment) -> f64 {
    let (metric, value) = (entry.metric.as_str(), entry.value);
    let memory = match experiment.shape {
        Shape::Steady { relaxation } => (experiment.rate * relaxation).max(4.0) * experiment.toil,
        Shape::After { seconds } => {
            let once = (experiment.rate * seconds).max(200.0);
            return once * 8e3 * (0.3 + 1.0 / value);
        }
    };
    let waits = case.entries.iter().find(|entry| entry.metric == "p_wait");
    let waits = waits.map_or(1.0, |entry| entry.value);
    let ends_in = |tails: &[&str]| tails.iter().any(|tail| metric.ends_with(tail));
    let asked = if ends_in(&["_p999"]) {
        2.5e5
    } else if ends_in(&["_p99"]) {
        6e4
    } else if metric == "var_wq" {
        6e4 * case.number("service_scv").unwrap_or(1.0).max(1.0).powi(2)
    } else if metric.starts_with("p_") && value > 0.0 {
        1e4 / value
    } else if matches!(metric, "wq" | "lq" | "wq_all") {
        5e3 + 5e3 / waits
    } else {
        1e4
    };
    memory * asked
}

#[test]
fn the_simulator_meets_a_spread_of_every_model_it_can_express() {
    let tables = asked_for(tables::read(&own_folder()));
    let report = compare(tables, &Size::at_least(4, 2.5e6));
    report.print("tests/oracles");
    report.missed_nothing();
    if !all_of_them() {
        assert!(report.undecided.is_empty(), "a sample decides: {:#?}", report.undecided);
    }
}

#[test]
fn the_simulator_meets_the_tables_of_the_folder_named_outside() {
    let Some(outside) = std::env::var_os("PLIMSOLL_ORACLES") else { return };
    let tables = asked_for(tables::read(Path::new(&outside)));
    let report = compare(tables, &Size::at_least(6, 8e6));
    report.print(&outside.display().to_string());
    report.missed_nothing();
}

#[test]
fn a_value_that_is_wrong_is_noticed() {
    let wrong = 1.0 + 2.5 * judge::MEANINGFUL;
    let size = Size { each: 1, budget: 3e7, affordable: 5e5 };
    let models =
        ["M/M/c/K", "M/M/c+M (Erlang A)", "M/G/1-PS", "heterogeneous parallel FCFS queues"];
    let mut tables = tables::read(&own_folder());
    tables.cases.retain(|case| models.contains(&case.model.as_str()));
    for case in &mut tables.cases {
        case.entries.retain(|entry| entry.value != 0.0);
        case.entries.iter_mut().for_each(|entry| entry.value *= wrong);
    }
    let report = compare(tables, &size);
    let blind = (report.met, &report.undecided);
    assert!(report.missed.len() > 20 && blind == (0, &Vec::new()), "not noticed: {blind:?}");
}
