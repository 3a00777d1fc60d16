//! What a folder written with `--out` holds: a run, a comparison, a sweep, a plan or a study.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use super::files::Folder;
use super::foresight::Foresight;
use super::results::Results;
use crate::diagnose::Problem;
use crate::outcome::{Comparison, Plan, Sweep};

/// The results in a folder, each with the command that made them where it is known.
#[derive(Clone, Debug)]
pub enum Stored {
    /// One run.
    Run(Box<Results>),
    /// Several variants on the same requests.
    Comparison(Box<Comparison>, String),
    /// A grid.
    Sweep(Box<Sweep>, String),
    /// The cheapest fleet.
    Plan(Box<Plan>, String),
    /// Forecasters back-tested on a traffic file.
    Study(Box<Foresight>),
}

/// What commands leave behind: the file that holds it, and the commands that write it.
const FILES: [(&str, &[&str]); 5] = [
    ("sweep.json", &["sweep", "merge"]),
    ("plan.json", &["plan"]),
    ("comparison.json", &["compare"]),
    ("forecast.json", &["inspect"]),
    ("outcome.json", &["replay", "run"]),
];

impl Stored {
    /// Reads what is in a folder. Where it holds the results of several commands, `command.txt`
    /// says whose were written last.
    pub fn read(path: &Path) -> Result<Self, Problem> {
        let command = fs::read_to_string(path.join("command.txt")).unwrap_or_default();
        let command = command.trim_end().to_owned();
        let last = command.split_whitespace().nth(1);
        let there = || FILES.iter().filter(|(file, _)| path.join(file).exists());
        let named = there().find(|(_, by)| last.is_some_and(|word| by.contains(&word)));
        let found = named.or_else(|| there().next()).map(|(file, _)| *file);
        let none = || nothing(path, &command);
        Ok(match found {
            Some("sweep.json") => {
                let (sweep, command) = super::sweep::read(path)?.ok_or_else(none)?;
                Self::Sweep(Box::new(sweep), command)
            }
            Some("plan.json") => {
                let (plan, command) = Folder::read_plan(path)?.ok_or_else(none)?;
                Self::Plan(Box::new(plan), command)
            }
            Some("comparison.json") => Self::Comparison(Box::new(comparison(path)?), command),
            Some("forecast.json") => {
                Self::Study(Box::new(Foresight::read(path)?.ok_or_else(none)?))
            }
            Some(_) => Self::Run(Box::new(Results::read(path)?)),
            None => return Err(none()),
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
        Ok(_) => Problem::new(format!(
            "`{shown}` holds no results: there is no `outcome.json`, `comparison.json`, \
             `sweep.json`, `plan.json` or `forecast.json` in it"
        )),
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

fn comparison(path: &Path) -> Result<Comparison, Problem> {
    let file = path.join("comparison.json");
    let unreadable = |why: String| {
        Problem::new(format!("`{}` {why}", file.display()))
            .help("write it again with `plimsoll compare … --out DIR`")
    };
    let text = fs::read_to_string(&file)
        .map_err(|error| unreadable(format!("cannot be read: {error}")))?;
    let mut comparison: Comparison = serde_json::from_str(&text)
        .map_err(|error| unreadable(format!("holds no comparison that can be read: {error}")))?;
    if comparison.schema != "plimsoll.comparison/1" {
        let schema = &comparison.schema;
        comparison.advice.insert(
            0,
            format!(
                "`comparison.json` has the schema `{schema}`, this version reads \
                 `plimsoll.comparison/1`: shown is what both know"
            ),
        );
    }
    if comparison.variants.is_empty() {
        return Err(unreadable("holds no variants".to_owned()));
    }
    Ok(comparison)
}
