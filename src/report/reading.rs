//! Reads what a folder holds with care: which file is wrong, where in it, and what writes it again.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::diagnose::Problem;

const COMMAND: &str = "command.txt";

/// Where results come from: the command that made them, and what of them could not be read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Provenance {
    /// The command; empty where it is not known.
    pub command: String,
    /// What could not be read, each as a sentence.
    pub troubles: Vec<String>,
}

impl Provenance {
    /// Results that were just made by a command.
    pub fn of(command: impl Into<String>) -> Self {
        Self { command: command.into(), troubles: Vec::new() }
    }
}

/// A file that holds results: its name, its schema, and the command that writes it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Kept {
    pub(super) file: &'static str,
    pub(super) schema: &'static str,
    pub(super) writes: &'static str,
}

/// Reads the files of a folder; what is wrong with any but the first is no more than a trouble.
pub(super) struct Reader<'a> {
    path: &'a Path,
    pub(super) from: Provenance,
}

impl<'a> Reader<'a> {
    /// A reader of a folder, which knows its command where that is told.
    pub(super) fn of(path: &'a Path) -> Self {
        let mut reader = Self { path, from: Provenance::default() };
        let command = reader.part(COMMAND, |text| Ok(text.trim_end().to_owned()));
        reader.from.command = command.unwrap_or_default();
        reader
    }

    /// The file without which there are no results, as data. Another schema is a trouble as long as
    /// the data can be understood all the same.
    pub(super) fn whole<T: DeserializeOwned>(&mut self, kept: Kept) -> Result<T, Problem> {
        let Kept { file, schema, .. } = kept;
        let text = fs::read_to_string(self.path.join(file))
            .map_err(|error| self.wrong(kept, &format!("cannot be read: {error}")))?;
        let value: Value = serde_json::from_str(&text)
            .map_err(|error| self.wrong(kept, &format!("is damaged: {error}")))?;
        let Some(fields) = value.as_object() else {
            return Err(self.wrong(kept, "is damaged: it holds no object"));
        };
        let word = |key: &str| fields.get(key).and_then(Value::as_str);
        let written = word("schema").unwrap_or("none");
        if written == schema {
            // From the text once more, for the line of a field that is missing or wrong.
            return serde_json::from_str(&text)
                .map_err(|error| self.wrong(kept, &format!("is damaged: {error}")));
        }
        let by = word("version").map_or(String::new(), |by| format!(", written by version {by},"));
        let other = format!("has the schema `{written}`{by}");
        let data = serde_json::from_value(value).map_err(|error| {
            let ours = env!("CARGO_PKG_VERSION");
            self.wrong(kept, &format!("{other} and this version ({ours}) cannot read it: {error}"))
        })?;
        self.from.troubles.push(format!(
            "`{file}` {other} but this version reads `{schema}`: shown is what both know"
        ));
        Ok(data)
    }

    /// A file that something is missing without, but not everything.
    pub(super) fn part<T>(
        &mut self,
        name: &str,
        read: impl Fn(&str) -> Result<T, String>,
    ) -> Option<T> {
        let text = fs::read_to_string(self.path.join(name)).map_err(|error| match error.kind() {
            ErrorKind::NotFound => "is missing".to_owned(),
            _ => format!("cannot be read: {error}"),
        });
        let part = text.and_then(|text| read(&text).map_err(|why| format!("is damaged: {why}")));
        part.map_err(|what| self.from.troubles.push(format!("`{name}` {what}"))).ok()
    }

    /// What is wrong with the file that holds the results, and the command that writes it again.
    pub(super) fn wrong(&self, kept: Kept, what: &str) -> Problem {
        let file = self.path.join(kept.file);
        let again = match self.from.command.as_str() {
            "" => format!("write it again with `plimsoll {} --out DIR`", kept.writes),
            command if command.contains("--out") => format!("run it again: `{command}`"),
            // A sweep is told without its folder, and goes on from the points it kept there.
            command => format!("run it again: `{command} --out {}`", self.path.display()),
        };
        Problem::new(format!("`{}` {what}", file.display())).help(again)
    }
}
