//! What a folder written with `--out` holds: a run, a comparison, a sweep, a plan, a study, or runs
//! beside each other.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use super::files::Folder;
use super::foresight::{self, Foresight};
use super::ledger;
use super::reading::{Kept, Provenance, Reader};
use super::results::{self, Results};
use super::several;
use crate::diagnose::Problem;
use crate::outcome::{Comparison, Plan, Sweep};

/// The results in a folder, each with where they come from.
#[derive(Clone, Debug)]
pub enum Stored {
    /// One run.
    Run(Box<Results>),
    /// Several variants on the same requests.
    Comparison(Box<Comparison>, Provenance),
    /// A grid.
    Sweep(Box<Sweep>, Provenance),
    /// The cheapest fleet.
    Plan(Box<Plan>, Provenance),
    /// Forecasters back-tested on a traffic file.
    Study(Box<Foresight>),
    /// Runs beside each other, each under its name.
    Runs(Vec<(String, Results)>, Provenance),
}

const fn kept(file: &'static str, schema: &'static str, writes: &'static str) -> Kept {
    Kept { file, schema, writes }
}

const SWEEP: Kept = kept("sweep.json", "plimsoll.sweep/1", "sweep …");
const PLAN: Kept = kept("plan.json", "plimsoll.plan/1", "plan …");
const COMPARISON: Kept = kept("comparison.json", "plimsoll.comparison/1", "compare …");

/// What else may lie beside them: all that `copy` takes along, and tables for other programs.
const PARTS: [&str; 6] = [
    "command.txt",
    "timeline.csv",
    "heatmap.csv",
    "histograms.json",
    "trails.csv",
    "inspection.txt",
];
const TABLES: [&str; 10] = [
    "servers.csv",
    "decisions.csv",
    "fleet.csv",
    "incidents.csv",
    "resilience.csv",
    "differences.csv",
    "candidates.csv",
    "forecast.csv",
    "requests.csv",
    "requests.parquet",
];

/// The names of all of them, charts aside.
pub(super) fn known() -> Vec<&'static str> {
    let whole = FILES.iter().map(|(kept, _)| kept.file);
    whole.chain(PARTS).chain(TABLES).collect()
}

/// What commands leave behind, and the commands that write it.
const FILES: [(Kept, &[&str]); 6] = [
    (several::RUNS, &["report"]),
    (SWEEP, &["sweep", "merge"]),
    (PLAN, &["plan"]),
    (COMPARISON, &["compare"]),
    (foresight::FORECAST, &["inspect"]),
    (results::OUTCOME, &["replay", "run"]),
];

impl Stored {
    /// Reads what is in a folder. Where it holds the results of several commands, `command.txt`
    /// says whose were written last.
    pub fn read(path: &Path) -> Result<Self, Problem> {
        let mut reader = Reader::of(path);
        let last = reader.from.command.split_whitespace().nth(1);
        let there = || FILES.iter().filter(|(kept, _)| path.join(kept.file).exists());
        let named = there().find(|(_, by)| last.is_some_and(|word| by.contains(&word)));
        let Some((found, _)) = named.or_else(|| there().next()) else {
            return Err(nothing(path, &reader.from.command));
        };
        Ok(match found.file {
            "runs.json" => Self::Runs(several::read(&mut reader)?, reader.from),
            "sweep.json" => Self::Sweep(Box::new(reader.whole(SWEEP)?), reader.from),
            "plan.json" => Self::Plan(Box::new(reader.whole(PLAN)?), reader.from),
            "comparison.json" => {
                let comparison: Comparison = reader.whole(COMPARISON)?;
                if comparison.variants.is_empty() {
                    return Err(reader.wrong(COMPARISON, "holds no variants"));
                }
                Self::Comparison(Box::new(comparison), reader.from)
            }
            "forecast.json" => Self::Study(Box::new(Foresight::read(reader)?)),
            _ => Self::Run(Box::new(Results::from(reader)?)),
        })
    }

    /// Whether a folder holds the results of a command that simulated, and not copies of them.
    pub fn is_result(path: &Path) -> bool {
        let simulated = FILES.iter().filter(|(_, by)| !by.contains(&"report"));
        let mut there = simulated.filter(|(kept, _)| path.join(kept.file).exists());
        // A sweep that was stopped is known by its points alone.
        let begun = path.join("points.jsonl").exists();
        begun || there.next().is_some() && !ledger::of_copies(path)
    }

    /// Puts what this can be read from again into another folder: the files it was read from, or
    /// the runs that were put side by side.
    pub fn copy(&self, from: Option<&Path>, folder: &Folder) -> Result<(), Problem> {
        let Some(from) = from else {
            if let Self::Runs(runs, from) = self {
                several::write(runs, folder)?;
                folder.write("command.txt", format!("{}\n", from.command))?;
            }
            return Ok(());
        };
        let own = FILES.iter().map(|(kept, _)| kept.file).filter(|file| *file == self.file());
        own.chain(PARTS).try_for_each(|name| match fs::read(from.join(name)) {
            Ok(bytes) => folder.write(name, bytes),
            // What is missing was told when it was read.
            Err(_) => Ok(()),
        })
    }

    /// Draws the charts and the page.
    pub fn draw(&self, folder: &Folder) -> Result<(), Problem> {
        match self {
            Self::Run(run) => folder.write_drawn(run),
            Self::Comparison(found, from) => folder.write_drawn_comparison(found, from),
            Self::Sweep(found, from) => folder.write_drawn_sweep(found, from),
            Self::Plan(found, from) => folder.write_plan_drawn(found, from),
            Self::Study(found) => found.write_drawn(folder),
            Self::Runs(runs, _) => folder.write_side_by_side(runs),
        }
    }

    /// What could not be read, each as a sentence.
    pub fn troubles(&self) -> &[String] {
        match self {
            Self::Run(run) => &run.troubles,
            Self::Study(found) => &found.troubles,
            Self::Comparison(_, from)
            | Self::Sweep(_, from)
            | Self::Plan(_, from)
            | Self::Runs(_, from) => &from.troubles,
        }
    }

    /// The file that holds it.
    fn file(&self) -> &'static str {
        match self {
            Self::Run(_) => results::OUTCOME.file,
            Self::Comparison(..) => COMPARISON.file,
            Self::Sweep(..) => SWEEP.file,
            Self::Plan(..) => PLAN.file,
            Self::Study(_) => foresight::FORECAST.file,
            Self::Runs(..) => several::RUNS.file,
        }
    }

    /// What kind of results these are, with an article.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Run(_) => "a run",
            Self::Comparison(..) => "a comparison",
            Self::Sweep(..) => "a sweep",
            Self::Plan(..) => "a plan",
            Self::Study(_) => "a study of forecasters",
            Self::Runs(..) => "runs beside each other",
        }
    }
}

/// Why a folder holds nothing to report, and what to do.
fn nothing(path: &Path, command: &str) -> Problem {
    let shown = path.display();
    let problem = match fs::read_dir(path) {
        Ok(_) => {
            let names: Vec<String> =
                FILES.iter().rev().map(|(kept, _)| format!("`{}`", kept.file)).collect();
            let names = names.join(", ");
            Problem::new(format!("`{shown}` holds no results: there is none of {names} in it"))
        }
        Err(error) if error.kind() == ErrorKind::NotFound => {
            Problem::new(format!("there is no folder `{shown}`"))
        }
        Err(error) => Problem::new(format!("`{shown}` cannot be read: {error}")),
    };
    match command.split_whitespace().nth(1) {
        Some("report") => problem.help(format!("it was drawn by `{command}`: run that again")),
        _ => problem.help("name a folder that was written with `--out`"),
    }
}
