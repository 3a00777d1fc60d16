//! Reading a table of a manifest field by field, so that nothing in it is passed over in silence.

use crate::diagnose::{Origin, Problem, nearest, unknown};
use crate::document::{Node, Table, Value};

/// A table of which each field is asked for; what nobody asked for is unknown.
pub(super) struct Fields<'a> {
    table: &'a Table,
    origin: &'a Origin,
    /// Where it stands, as `kubectl explain` writes it: `spec.behavior`.
    path: String,
    known: Vec<&'static str>,
}

impl<'a> Fields<'a> {
    pub(super) fn of(node: &'a Node, path: &str) -> Result<Self, Problem> {
        let table = node.as_table()?;
        Ok(Self { table, origin: &node.origin, path: path.to_owned(), known: Vec::new() })
    }

    /// The place of the table.
    pub(super) fn origin(&self) -> &'a Origin {
        self.origin
    }

    /// The path of a field.
    pub(super) fn path(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }

    /// A field may be asked for more than once, and is listed once.
    fn know(&mut self, key: &'static str) {
        if !self.known.contains(&key) {
            self.known.push(key);
        }
    }

    /// The value of a field, where it is set.
    pub(super) fn get(&mut self, key: &'static str) -> Option<&'a Node> {
        self.know(key);
        self.table.get(key).map(|entry| &entry.node)
    }

    /// The value of a field that must be set.
    pub(super) fn need(&mut self, key: &'static str) -> Result<&'a Node, Problem> {
        self.get(key).ok_or_else(|| {
            // Most fields that are missing are there, misspelt.
            let unknown = self.table.keys().filter(|word| !self.known.contains(&word.as_str()));
            let unknown: Vec<&String> = unknown.collect();
            let misspelt = nearest(key, &unknown).and_then(|word| self.table.get_key_value(word));
            match misspelt {
                Some((word, entry)) => Problem::new(format!(
                    "`{}` is missing, and `{}` is no field",
                    self.path(key),
                    self.path(word)
                ))
                .help(format!("did you mean `{}`?", self.path(key)))
                .at(&entry.key),
                None => Problem::new(format!("`{}` is missing", self.path(key)))
                    .help(format!("Kubernetes asks for `{key}` here"))
                    .at(self.origin),
            }
        })
    }

    /// The table under a field; nothing where it is not set.
    pub(super) fn table(&mut self, key: &'static str) -> Result<Option<Fields<'a>>, Problem> {
        let path = self.path(key);
        self.get(key).map(|node| Fields::of(node, &path)).transpose()
    }

    /// The items of a list; none where it is not set.
    pub(super) fn list(&mut self, key: &'static str) -> Result<&'a [Node], Problem> {
        match self.get(key).map(|node| (&node.value, node)) {
            None => Ok(&[]),
            Some((Value::List(items), _)) => Ok(items),
            Some((other, node)) => Err(self.not(key, "a list", other).at(&node.origin)),
        }
    }

    pub(super) fn text(&mut self, key: &'static str) -> Result<Option<&'a str>, Problem> {
        match self.get(key).map(|node| (&node.value, node)) {
            None => Ok(None),
            Some((Value::Text(text), _)) => Ok(Some(text)),
            Some((other, node)) => Err(self.not(key, "a text", other).at(&node.origin)),
        }
    }

    /// A count of things, 0 or more.
    pub(super) fn count(&mut self, key: &'static str) -> Result<Option<i64>, Problem> {
        match self.get(key).map(|node| (&node.value, node)) {
            None => Ok(None),
            Some((Value::Integer(count), node)) if *count < 0 => {
                Err(Problem::new(format!("`{}` cannot be below 0", self.path(key)))
                    .at(&node.origin))
            }
            Some((Value::Integer(count), _)) => Ok(Some(*count)),
            Some((other, node)) => Err(self.not(key, "a whole number", other).at(&node.origin)),
        }
    }

    /// A count that Kubernetes takes from `least` to `most` only.
    pub(super) fn within(
        &mut self,
        key: &'static str,
        (least, most): (i64, i64),
    ) -> Result<Option<i64>, Problem> {
        let (count, place) = (self.count(key)?, self.get(key));
        match (count, place) {
            (Some(count), Some(node)) if count < least || count > most => {
                let what = format!("`{}` = {count} is not taken by Kubernetes", self.path(key));
                let bounds = match (least, most) {
                    (least, i64::MAX) => format!("{least} or more"),
                    (least, most) => format!("{least} to {most}"),
                };
                Err(Problem::new(what).help(format!("write {bounds}")).at(&node.origin))
            }
            _ => Ok(count),
        }
    }

    /// A word that must be one of a few, in their spelling.
    pub(super) fn one_of(
        &mut self,
        key: &'static str,
        known: &[&str],
    ) -> Result<Option<(&'a str, &'a Node)>, Problem> {
        let Some((text, node)) = self.text(key)?.zip(self.get(key)) else { return Ok(None) };
        if known.contains(&text) {
            return Ok(Some((text, node)));
        }
        Err(unknown(&format!("value of `{}`:", self.path(key)), text, known).at(&node.origin))
    }

    fn not(&self, key: &str, wanted: &str, found: &Value) -> Problem {
        Problem::new(format!("`{}` is {wanted}, not {}", self.path(key), found.kind()))
    }

    /// These fields exist and say nothing that a simulation could heed.
    pub(super) fn ignore(&mut self, keys: &[&'static str]) {
        keys.iter().for_each(|key| self.know(key));
    }

    /// These fields exist and bear on scaling, but are not simulated: whoever reads the results
    /// is told so.
    pub(super) fn not_simulated(&mut self, keys: &[&'static str], remarks: &mut Vec<String>) {
        for &key in keys {
            self.know(key);
            if let Some(entry) = self.table.get(key) {
                let place = place(&entry.key);
                remarks.push(format!("{place}: `{}` is not simulated", self.path(key)));
            }
        }
    }

    /// Refuses a field that nobody asked for.
    pub(super) fn finish(self) -> Result<(), Problem> {
        let stranger = self.table.iter().find(|(key, _)| !self.known.contains(&key.as_str()));
        stranger.map_or(Ok(()), |(key, entry)| {
            Err(unknown("field", &self.path(key), &self.paths()).at(&entry.key))
        })
    }

    fn paths(&self) -> Vec<String> {
        self.known.iter().map(|key| self.path(key)).collect()
    }
}

/// `hpa.yaml:12`, for sentences.
pub(super) fn place(origin: &Origin) -> String {
    format!("{}:{}", origin.source_name(), origin.line_number())
}
