//! What a folder written with `--out` holds: a run, a comparison, a sweep, a plan or a study.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use super::foresight::{self, Foresight};
use super::reading::{Kept, Provenance, Reader};
use super::results::{self, Results};
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
}

const fn kept(file: &'static str, schema: &'static str, writes: &'static str) -> Kept {
    Kept { file, schema, writes }
}

const SWEEP: Kept = kept("sweep.json", "plimsoll.sweep/1", "sweep …");
const PLAN: Kept = kept("plan.json", "plimsoll.plan/1", "plan …");
const COMPARISON: Kept = kept("comparison.json", "plimsoll.comparison/1", "compare …");

/// What commands leave behind, and the commands that write it.
const FILES: [(Kept, &[&str]); 5] = [
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

    /// What kind of results these are, with an article.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Run(_) => "a run",
            Self::Comparison(..) => "a comparison",
            Self::Sweep(..) => "a sweep",
            Self::Plan(..) => "a plan",
            Self::Study(_) => "a study of forecasters",
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
