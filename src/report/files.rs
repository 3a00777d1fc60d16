//! `--out DIR`: the files of a run, opened before it starts so that a long run never ends in vain.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use serde::Serialize;

use super::chart::{self, Chart};
use super::json::json;
use super::ledger::{self, Leftovers};
use super::reading::Provenance;
use super::results::Results;
use super::{flat, page, several, stored};
use crate::diagnose::{Origin, Problem};
use crate::outcome::{Comparison, Outcome, Plan, Sweep};

/// One line of `servers.csv`.
#[derive(Serialize)]
struct Row<'a, N> {
    pool: &'a str,
    server: u32,
    completed: u64,
    utilization: &'a N,
}

/// A folder that results are written to.
#[derive(Clone, Debug)]
pub struct Folder {
    path: PathBuf,
    /// What was written to it; a folder in it ends in `/`.
    written: Arc<Mutex<BTreeSet<String>>>,
}

impl Folder {
    /// Makes the folder and makes sure that it can be written to.
    pub fn create(path: &Path) -> Result<Self, Problem> {
        let folder = Self { path: path.to_path_buf(), written: Arc::default() };
        fs::create_dir_all(path).map_err(|error| folder.failed("", &error))?;
        let probe = path.join(".plimsoll-can-write");
        fs::write(&probe, "").map_err(|error| folder.failed("", &error))?;
        fs::remove_file(&probe).map_err(|error| folder.failed("", &error))?;
        Ok(folder)
    }

    /// Writes one file, whole.
    pub fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> Result<(), Problem> {
        let write = || -> std::io::Result<()> {
            let mut file = fs::File::create(self.path.join(name))?;
            file.write_all(bytes.as_ref())
        };
        write().map_err(|error| self.failed(name, &error))?;
        self.wrote(name);
        Ok(())
    }

    /// Remembers a file of the folder that was written by other means.
    pub(super) fn wrote(&self, name: &str) {
        self.written().insert(name.to_owned());
    }

    fn written(&self) -> std::sync::MutexGuard<'_, BTreeSet<String>> {
        self.written.lock().expect("nobody fails while a name is put in")
    }

    /// A folder in this one, which a later run removes when it no longer writes it.
    pub fn inner(&self, name: &str) -> Result<Self, Problem> {
        let inner = Self::create(&self.path.join(name))?;
        self.wrote(&format!("{name}/"));
        Ok(inner)
    }

    /// Leaves a folder in this one, which nothing was written to, as it was before.
    pub fn give_up(&self, inner: &Self) {
        if let Some(name) = inner.path.file_name() {
            self.written().remove(&format!("{}/", name.to_string_lossy()));
        }
        // One with files in it, of whomever, stays.
        let _ = fs::remove_dir(&inner.path);
    }

    /// Writes down which files were written, beside those that were before.
    pub fn note(&self) -> Result<(), Problem> {
        ledger::add(&self.path, &self.written()).map_err(|error| self.failed("", &error))
    }

    /// Removes what an earlier run wrote and this one did not, and writes down what it did.
    pub fn settle(&self) -> Result<Leftovers, Problem> {
        let known = stored::known();
        ledger::settle(&self.path, &self.written(), &known, false)
            .map_err(|error| self.failed("", &error))
    }

    /// The same for results that are copies of others, and may be written over by other copies.
    pub fn settle_copies(&self) -> Result<Leftovers, Problem> {
        let known = stored::known();
        ledger::settle(&self.path, &self.written(), &known, true)
            .map_err(|error| self.failed("", &error))
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The path of a file in the folder.
    pub fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// `outcome.json`, `summary.csv` and `servers.csv` of a run.
    pub fn write_outcome<N: Serialize, M: Serialize>(
        &self,
        outcome: &Outcome<N, M>,
    ) -> Result<(), Problem> {
        self.write("outcome.json", json(outcome))?;
        self.write("summary.csv", flat::csv(std::slice::from_ref(outcome)))?;
        let mut rows = Vec::new();
        for pool in &outcome.pools {
            rows.extend(pool.servers.iter().map(|server| Row {
                pool: &pool.name,
                server: server.id,
                completed: server.completed,
                utilization: &server.utilization,
            }));
        }
        self.write("servers.csv", flat::csv(&rows))?;
        super::scaling::write(self, outcome)?;
        super::resilience::write(self, outcome)
    }

    /// What a report is drawn from, each chart as SVG and as PNG, and the page.
    pub fn write_report(&self, results: &Results) -> Result<(), Problem> {
        results.write(self)?;
        self.write_drawn(results)
    }

    /// The charts and the page of a run whose results are there.
    pub fn write_drawn(&self, results: &Results) -> Result<(), Problem> {
        self.write_charts(&chart::of_run(results))?;
        self.write("report.html", page::page(results))
    }

    /// The charts and the page of several runs.
    pub fn write_side_by_side(&self, runs: &[(String, Results)]) -> Result<(), Problem> {
        self.write_charts(&chart::of_several(runs))?;
        self.write("report.html", several::page(runs))
    }

    /// Each chart as SVG and as PNG.
    pub fn write_charts(&self, charts: &[Chart]) -> Result<(), Problem> {
        charts.iter().try_for_each(|chart| {
            self.write(&format!("{}.svg", chart.name), chart.svg())?;
            self.write(&format!("{}.png", chart.name), chart.png())
        })
    }

    /// `comparison.json`, `summary.csv` and `differences.csv` of a comparison, its charts, its
    /// page.
    pub fn write_comparison(&self, comparison: &Comparison, command: &str) -> Result<(), Problem> {
        self.write("comparison.json", json(comparison))?;
        self.write("summary.csv", super::comparison_csv(comparison))?;
        self.write("differences.csv", flat::csv(&comparison.differences))?;
        self.write("command.txt", format!("{command}\n"))?;
        self.write_drawn_comparison(comparison, &Provenance::of(command))
    }

    /// The charts and the page of a comparison that is there.
    pub fn write_drawn_comparison(
        &self,
        comparison: &Comparison,
        from: &Provenance,
    ) -> Result<(), Problem> {
        let mut charts: Vec<Chart> = chart::of_comparison(comparison).into_iter().collect();
        charts.extend(chart::of_several(&several::of_comparison(comparison)));
        self.write_charts(&charts)?;
        self.write("report.html", several::comparison_page(comparison, from))
    }

    /// `sweep.json` and `summary.csv` of a sweep, its charts, its page.
    pub fn write_sweep(&self, sweep: &Sweep, command: &str) -> Result<(), Problem> {
        self.write("sweep.json", json(sweep))?;
        self.write("summary.csv", super::sweep::csv(sweep))?;
        self.write("command.txt", format!("{command}\n"))?;
        self.write_drawn_sweep(sweep, &Provenance::of(command))
    }

    /// The charts and the page of a sweep that is there.
    pub fn write_drawn_sweep(&self, sweep: &Sweep, from: &Provenance) -> Result<(), Problem> {
        self.write_charts(&chart::of_sweep(sweep))?;
        self.write("report.html", super::sweep::page(sweep, from))
    }

    /// `plan.json`, `candidates.csv`, the charts and the page of a plan.
    pub fn write_plan(&self, plan: &Plan, command: &str) -> Result<(), Problem> {
        self.write("plan.json", json(plan))?;
        self.write("candidates.csv", super::plan_csv(plan))?;
        self.write("command.txt", format!("{command}\n"))?;
        self.write_plan_drawn(plan, &Provenance::of(command))
    }

    /// The charts and the page of a plan.
    pub fn write_plan_drawn(&self, plan: &Plan, from: &Provenance) -> Result<(), Problem> {
        self.write_charts(&chart::of_plan(plan))?;
        self.write("report.html", super::plan_page(plan, from))
    }

    pub(super) fn failed(&self, name: &str, error: &std::io::Error) -> Problem {
        let path = self.path.join(name).display().to_string();
        Problem::new(format!("cannot write `{path}`: {error}"))
            .help("name a folder that can be made and written to with `--out`")
            .at(&Origin::whole("--out", self.path.display().to_string()))
    }
}

/// No longer than people read, and than systems take (255 bytes) with what stands beside it.
const LETTERS: usize = 100;
const BYTES: usize = 200;

/// A name for a file or folder of each thing that has a name: plain, short, its own, and none that
/// results have.
pub fn file_names(things: &[&str]) -> Vec<String> {
    let safe = |letter: char| letter.is_alphanumeric() || letter == '.' || letter == '_';
    let plain = |letter: char| if safe(letter) { letter } else { '-' };
    let mut names: Vec<String> = Vec::new();
    for thing in things {
        let mut own = String::new();
        for letter in thing.chars().map(plain).take(LETTERS) {
            if own.len() + letter.len_utf8() > BYTES {
                break;
            }
            own.push(letter);
        }
        // Results end in one of these; a name that begins or ends in a dot is hidden, or a way up.
        let ends = ["json", "jsonl", "csv", "parquet", "txt", "html", "svg", "png", "part", ""];
        if let Some((stem, end)) = own.rsplit_once('.')
            && (ends.contains(&end.to_lowercase().as_str()) || own.starts_with('.'))
        {
            own = format!("{}-{end}", stem.replace('.', "-"));
        }
        // Some systems do not tell capitals from small letters.
        let taken =
            |name: &String| names.iter().any(|other| other.to_lowercase() == name.to_lowercase());
        let mut name = own.clone();
        let mut number = 1;
        while name.is_empty() || taken(&name) {
            number += 1;
            name = format!("{own}-{number}");
        }
        names.push(name);
    }
    names
}

#[cfg(test)]
mod tests {
    use super::file_names;

    #[test]
    fn whatever_has_a_name_has_a_file_of_its_own() {
        let names = ["p2c", "P2C", "comparison.json", "../up", "..", "a/b", "cv=1.5", ".x", ""];
        let files = ["p2c", "P2C-2", "comparison-json", "---up", "--", "a-b", "cv-1.5", "-x", "-2"];
        assert_eq!(file_names(&names), files);
        assert_eq!(file_names(&[&"x".repeat(400)])[0].len(), 100);
        assert_eq!(file_names(&[&"名".repeat(400)])[0].len(), 198);
        assert_eq!(file_names(&["ÄRGER", "ärger"]), ["ÄRGER", "ärger-2"]);
    }
}
