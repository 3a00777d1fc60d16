//! Every part that can be named in a scenario, of every kind: what `list` and `explain` show.

use serde_json::Value;

use crate::balance::Balancer;
use crate::fault::Fault;
use crate::forecast::Method;
use crate::health::Ejector;
use crate::law::Law;
use crate::protect::{Admission, Backoff, Budget};
use crate::registry::{Entry, Role};
use crate::scale::Autoscaler;
use crate::scenario::{autoscaler, manual};
use crate::station::Discipline;
use crate::workload::arrivals::Arrivals;
use crate::workload::demand::{TOKENS, Tokens};
use crate::workload::trace::FORMATS;

/// The parts of one kind.
#[derive(Debug)]
pub struct Kind {
    /// What they are called.
    pub name: &'static str,
    /// The parts in the order people should read them.
    pub parts: Vec<Part>,
}

/// One part.
#[derive(Debug)]
pub struct Part {
    /// Its name in scenarios.
    pub name: &'static str,
    manual: String,
    options: Value,
    /// What every part of its kind takes as well: the keys beside its options, where there are any.
    beside: Value,
    /// The table of a scenario in which it may stand with all of its defaults, as TOML.
    pub example: Option<String>,
}

/// All kinds.
pub fn kinds() -> Vec<Kind> {
    vec![
        kind::<dyn Balancer>(Some("balancer")),
        autoscalers(),
        kind::<dyn Method>(None),
        kind::<dyn Discipline>(Some("pool.main.discipline")),
        kind::<dyn Arrivals>(None),
        kind::<dyn Law>(None),
        services(),
        kind::<dyn Fault>(None),
        kind::<dyn Ejector>(Some("health.ejection")),
        kind::<dyn Backoff>(Some("retry.backoff")),
        kind::<dyn Budget>(Some("retry.budget")),
        kind::<dyn Admission>(Some("admission")),
        tables(),
        trace_formats(),
    ]
}

/// Autoscalers take keys beside the options of their policies.
fn autoscalers() -> Kind {
    let mut kind = kind::<dyn Autoscaler>(Some("pool.main.autoscaler"));
    for part in &mut kind.parts {
        part.beside = autoscaler::keys_beside(part.name);
    }
    kind
}

/// What a service may be besides a distribution.
fn services() -> Kind {
    let options = schemars::schema_for!(Tokens).to_value();
    let manual = Tokens::MANUAL.to_owned();
    let part = Part { name: TOKENS, manual, options, beside: Value::Null, example: None };
    Kind { name: "service", parts: vec![part] }
}

/// Tables of a scenario that hold more than one part.
fn tables() -> Kind {
    let part = |table: manual::Table| Part {
        name: table.name,
        manual: table.manual.to_owned(),
        options: table.options,
        beside: Value::Null,
        example: None,
    };
    Kind { name: "table", parts: manual::tables().into_iter().map(part).collect() }
}

fn trace_formats() -> Kind {
    let part = |format: &crate::workload::trace::Format| Part {
        name: format.name,
        manual: format.manual.to_owned(),
        options: Value::Null,
        beside: Value::Null,
        example: None,
    };
    Kind { name: "trace format", parts: FORMATS.iter().map(part).collect() }
}

/// The parts of a role, which stand in the table `place` of a scenario if in one place at all.
fn kind<D: Role + ?Sized>(place: Option<&str>) -> Kind {
    let part = |entry| Part::of::<D>(entry, place);
    Kind { name: D::KIND, parts: D::registry().iter().map(part).collect() }
}

/// A value as a scenario has it: what is absent is left out.
fn written(value: &Value) -> String {
    fn known(value: &Value) -> Value {
        match value {
            Value::Array(items) => items.iter().map(known).collect(),
            Value::Object(fields) => {
                let set = fields.iter().filter(|(_, field)| !field.is_null());
                set.map(|(key, field)| (key.clone(), known(field))).collect()
            }
            other => other.clone(),
        }
    }
    let known = known(value);
    toml::Value::try_from(&known).map_or_else(|_| known.to_string(), |value| value.to_string())
}

impl Kind {
    /// Whether people mean this kind by `word`: singular or plural.
    pub fn is_called(&self, word: &str) -> bool {
        word == self.name
            || word.strip_suffix('s') == Some(self.name)
            || word == self.name.split(' ').next_back().unwrap_or("")
            || word == format!("{}es", self.name)
    }
}

impl Part {
    fn of<D: Role + ?Sized>(entry: &Entry<D>, place: Option<&str>) -> Self {
        let mut generator = schemars::SchemaGenerator::default();
        let options = entry.schema(&mut generator).to_value();
        let (name, manual) = (entry.name, entry.manual());
        let mut part = Self { name, manual, options, beside: Value::Null, example: None };
        // What cannot do without an option has no defaults to stand with.
        part.example = place.filter(|_| required(&part.options).is_empty()).map(|place| {
            let set =
                fields(&part.options).filter_map(|(key, field)| Some((key, field.get("default")?)));
            let set = set.filter(|(_, value)| !value.is_null());
            let lines = set.map(|(key, value)| format!("{key} = {}\n", written(value)));
            format!("[{place}]\n{} = \"{}\"\n{}", D::KEY, part.name, lines.collect::<String>())
        });
        part
    }

    /// Whether people mean this part by `word`: a table below another one by its own name as well.
    pub fn is_called(&self, word: &str) -> bool {
        word == self.name || self.name.split_once('.').is_some_and(|(_, own)| word == own)
    }

    /// The first sentences of its manual.
    pub fn summary(&self) -> String {
        self.manual.split("\n\n").next().unwrap_or("").replace('\n', " ")
    }

    /// The manual page: what it does, its options with their defaults, and the keys that every part
    /// of its kind takes.
    pub fn page(&self) -> String {
        let mut page = laid_out(&self.manual);
        if self.options.is_null() {
            return page;
        }
        let options = listed(&self.options);
        page.push_str(if options.is_empty() { "\nIt has no options.\n" } else { "\nOptions\n" });
        page.push_str(&options);
        if let Some(about) = self.beside.get("description").and_then(Value::as_str) {
            let (about, keys) = (about.replace('\n', "\n  "), listed(&self.beside));
            page.push_str(&format!("\nKeys beside its options\n  {about}\n{keys}"));
        }
        if let Some(example) = &self.example {
            let shown = example.trim_end().replace('\n', "\n  ");
            page.push_str(&format!("\nIn a scenario, with its defaults\n  {shown}\n"));
        }
        page
    }
}

/// The fields of a schema.
fn fields(options: &Value) -> impl Iterator<Item = (&String, &Value)> {
    options.get("properties").and_then(Value::as_object).into_iter().flatten()
}

/// Those of them that must be set.
fn required(options: &Value) -> Vec<&str> {
    let names = options.get("required").and_then(Value::as_array);
    names.into_iter().flatten().filter_map(Value::as_str).collect()
}

/// The fields with their defaults and meanings, a line and more each.
fn listed(options: &Value) -> String {
    let required = required(options);
    let line = |(name, field): (&String, &Value)| {
        let text = field.get("description").and_then(Value::as_str).unwrap_or("");
        let default = match field.get("default") {
            Some(Value::Null) | None if required.contains(&name.as_str()) => " (required)".into(),
            Some(Value::Null) | None => String::new(),
            Some(value) => format!(" (default {})", written(value)),
        };
        format!("  {name}{default}\n      {}\n", text.replace('\n', "\n      "))
    };
    fields(options).map(line).collect()
}

/// A manual for the eye: its sections, which the source marks as `**Title.**`, below their titles.
fn laid_out(manual: &str) -> String {
    const WIDTH: usize = 98;
    let mut sections = vec![(String::new(), String::new())];
    for line in manual.trim_end().lines() {
        match line.strip_prefix("**").and_then(|line| line.split_once(".** ")) {
            Some((title, first)) => sections.push((title.to_owned(), first.to_owned())),
            None if line.is_empty() => sections.push((String::new(), String::new())),
            None => {
                let (_, text) = sections.last_mut().expect("there is a first section");
                text.push_str(if text.is_empty() { "" } else { " " });
                text.push_str(line);
            }
        }
    }
    let mut page = String::new();
    for (title, text) in sections.iter().filter(|(_, text)| !text.is_empty()) {
        let indent = if title.is_empty() { "" } else { "  " };
        page.push_str(if page.is_empty() { "" } else { "\n" });
        if !title.is_empty() {
            page.push_str(&format!("{title}\n"));
        }
        let mut column = 0;
        for word in text.replace("**", "").split_whitespace() {
            let long = word.chars().count() + 1;
            if column == 0 || column + long > WIDTH {
                page.push_str(if column == 0 { "" } else { "\n" });
                page.push_str(indent);
                column = indent.len();
            } else {
                page.push(' ');
            }
            page.push_str(word);
            column += long;
        }
        page.push('\n');
    }
    page
}
