//! The tables of known values: entries read from JSON and grouped into cases of one model each.

use std::path::Path;

use serde_json::Value;

/// One known value.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) id: String,
    pub(super) metric: String,
    pub(super) value: f64,
}

/// A model with its parameters and all that is known of it: one simulation answers for all.
#[derive(Clone, Debug)]
pub(super) struct Case {
    pub(super) model: String,
    pub(super) params: Value,
    pub(super) entries: Vec<Entry>,
}

impl Case {
    /// The number under `key`.
    pub(super) fn number(&self, key: &str) -> Result<f64, String> {
        self.params[key].as_f64().ok_or_else(|| format!("`{key}` is not a number in {self}"))
    }

    /// The whole number under `key`.
    pub(super) fn whole(&self, key: &str) -> Result<u32, String> {
        let number = self.number(key)?;
        if number.fract() == 0.0 && (0.0..1e9).contains(&number) {
            Ok(number as u32)
        } else {
            Err(format!("`{key}` is not a whole number in {self}"))
        }
    }

    /// The word under `key`, empty where there is none.
    pub(super) fn word(&self, key: &str) -> &str {
        self.params[key].as_str().unwrap_or("")
    }
}

impl std::fmt::Display for Case {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.model, self.params)
    }
}

/// What was read of a folder.
#[derive(Default, Debug)]
pub(super) struct Tables {
    pub(super) cases: Vec<Case>,
    /// Entries that are no value of a model: its kind says so.
    pub(super) not_truths: usize,
}

/// Every `*.json` of a folder that holds `entries`; tables of decisions hold `cases` instead.
pub(super) fn read(folder: &Path) -> Tables {
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .collect();
    files.sort();
    let mut tables = Tables::default();
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        let table: Value = serde_json::from_str(&text)
            .unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        for entry in table["entries"].as_array().into_iter().flatten() {
            tables.add(entry);
        }
    }
    tables
}

impl Tables {
    fn add(&mut self, entry: &Value) {
        // An approximation is the value of a formula and a limit that of no finite system.
        let kind = entry["kind"].as_str().unwrap_or("");
        let Some(value) = entry["value"].as_f64() else {
            self.not_truths += 1;
            return;
        };
        if matches!(kind, "approximation" | "limit") {
            self.not_truths += 1;
            return;
        }
        let text = |key: &str| entry[key].as_str().unwrap_or("(none)").to_owned();
        let (model, params) = (text("model"), &entry["params"]);
        let entry = Entry { id: text("id"), metric: text("metric"), value };
        let same = |case: &&mut Case| case.model == model && case.params == *params;
        // Entries of one case follow each other, nearly always at once.
        match self.cases.iter_mut().rev().find(same) {
            Some(case) => case.entries.push(entry),
            None => self.cases.push(Case { model, params: params.clone(), entries: vec![entry] }),
        }
    }
}
