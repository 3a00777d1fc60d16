//! A scenario document as a tree in which every value knows where it was written.
//!
//! A file and the flags of the command line become one tree before anything is typed, so that a
//! flag, `--set` and the file say the same thing and a mistake in any of them is shown where it is.

mod typed;

use std::sync::Arc;

use indexmap::IndexMap;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::diagnose::{Origin, Problem, Source};

/// A value with the place it was written.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// The value.
    pub value: Value,
    /// Where it stands.
    pub origin: Origin,
}

/// What a document can hold.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Integer(i64),
    /// A real number.
    Float(f64),
    /// A text; dates are texts too.
    Text(String),
    /// A list.
    List(Vec<Node>),
    /// A table: keys in the order they were written, each with its place.
    Table(Table),
}

/// The entries of a table in the order they were written.
pub type Table = IndexMap<String, Entry>;

/// A key's place and its value.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// Where the key stands.
    pub key: Origin,
    /// What it is set to.
    pub node: Node,
}

impl Node {
    /// Reads a TOML document.
    pub fn from_toml(name: &str, text: &str) -> Result<Self, Problem> {
        let source =
            Arc::new(Source { name: name.to_owned(), text: text.to_owned(), first_line: 1 });
        let table = DeTable::parse(text).map_err(|error| {
            let problem = Problem::new(error.message().to_owned());
            match error.span() {
                Some(span) => problem.at(&Origin::new(&source, span)),
                None => problem,
            }
        })?;
        let origin = Origin::new(&source, 0..0);
        Ok(Self { value: Value::Table(from_table(table.get_ref(), &source)?), origin })
    }

    /// A text that came from elsewhere than a file.
    pub fn text(text: impl Into<String>, origin: Origin) -> Self {
        Self { value: Value::Text(text.into()), origin }
    }

    /// An empty table.
    pub fn table(origin: Origin) -> Self {
        Self { value: Value::Table(Table::new()), origin }
    }

    /// The value of a flag, `--set` or `key=value`: TOML where it is TOML, else a text.
    pub fn from_word(word: &str, origin: Origin) -> Self {
        let value = DeValue::parse(word).ok().and_then(|value| {
            // Everything inside a flag has the flag as its place.
            let source = Arc::new(Source {
                name: origin.source_name().to_owned(),
                text: word.to_owned(),
                first_line: 1,
            });
            from_value(&value, &source).ok()
        });
        match value {
            Some(Self { value: value @ (Value::List(_) | Value::Table(_)), .. }) => {
                Self { value, origin }
            }
            Some(Self { value, .. }) => Self { value, origin },
            None => Self { value: Value::Text(word.to_owned()), origin },
        }
    }

    /// Reads `name:key=value,key=value` as the table `{ head = name, key = value, … }`.
    pub fn from_spec(head: &str, text: &str, origin: &Origin) -> Result<Self, Problem> {
        let mut table = Table::new();
        let name_len = text.find(':').unwrap_or(text.len());
        let name = Self::text(text[..name_len].trim(), origin.part(0..name_len));
        table.insert(head.to_owned(), Entry { key: name.origin.clone(), node: name });
        let mut from = name_len + 1;
        for option in split_options(text.get(from..).unwrap_or("")) {
            let place = origin.part(from..from + option.len());
            let Some((key, word)) = option.split_once('=') else {
                return Err(Problem::new(format!("`{option}` is not of the form key=value"))
                    .help(format!(
                        "write `{name}:KEY={option}`; `plimsoll explain {name}` shows its keys",
                        name = text[..name_len].trim()
                    ))
                    .at(&place));
            };
            let value = Self::from_word(word.trim(), place.part(key.len() + 1..option.len()));
            let key_place = place.part(0..key.len());
            let entry = Entry { key: key_place.clone(), node: value };
            if table.insert(key.trim().to_owned(), entry).is_some() {
                return Err(Problem::new(format!("`{}` is given twice", key.trim())).at(&key_place));
            }
            from += option.len() + 1;
        }
        Ok(Self { value: Value::Table(table), origin: origin.clone() })
    }

    /// The table this node is, or a problem that says what it is instead.
    pub fn as_table(&self) -> Result<&Table, Problem> {
        match &self.value {
            Value::Table(table) => Ok(table),
            other => Err(Problem::new(format!("a table is wanted here, not {}", other.kind()))
                .at(&self.origin)),
        }
    }

    /// The value under `key`, if this is a table that has it.
    pub fn get(&self, key: &str) -> Option<&Self> {
        match &self.value {
            Value::Table(table) => table.get(key).map(|entry| &entry.node),
            _ => None,
        }
    }

    /// Takes `key` out of this table.
    pub fn take(&mut self, key: &str) -> Option<Self> {
        match &mut self.value {
            Value::Table(table) => table.shift_remove(key).map(|entry| entry.node),
            _ => None,
        }
    }

    /// The value at a dotted path.
    pub fn find(&self, path: &str) -> Option<&Self> {
        path.split('.').try_fold(self, |node, key| node.get(key))
    }

    /// Sets the value at a dotted path; tables on the way are made when they are missing.
    pub fn set(&mut self, path: &str, node: Self) -> Result<(), Problem> {
        let origin = node.origin.clone();
        self.set_keyed(path, &origin, node)
    }

    /// The same where the path was written at `origin`.
    pub fn set_keyed(&mut self, path: &str, origin: &Origin, node: Self) -> Result<(), Problem> {
        let (parents, last) = path.rsplit_once('.').unwrap_or(("", path));
        let mut here = self;
        for key in parents.split('.').filter(|key| !key.is_empty()) {
            here = here.table_at(key, origin)?;
        }
        let Value::Table(table) = &mut here.value else {
            let parent = parents.rsplit('.').next().unwrap_or(parents);
            return Err(Problem::new(format!(
                "`{parent}` is not a table, so `{path}` cannot be set"
            ))
            .at(origin));
        };
        table.insert(last.to_owned(), Entry { key: origin.clone(), node });
        Ok(())
    }

    fn table_at(&mut self, key: &str, origin: &Origin) -> Result<&mut Self, Problem> {
        let Value::Table(table) = &mut self.value else {
            return Err(Problem::new(format!("nothing can be set below `{key}`")).at(origin));
        };
        let fresh = || Entry { key: origin.clone(), node: Self::table(origin.clone()) };
        Ok(&mut table.entry(key.to_owned()).or_insert_with(fresh).node)
    }

    /// Lays `over` on top of this document: tables are merged, everything else is replaced.
    pub fn overlay(&mut self, over: Self) {
        match (&mut self.value, over) {
            (Value::Table(below), Self { value: Value::Table(above), .. }) => {
                for (key, entry) in above {
                    match below.get_mut(&key) {
                        Some(old) => old.node.overlay(entry.node),
                        None => {
                            below.insert(key, entry);
                        }
                    }
                }
            }
            (_, over) => *self = over,
        }
    }
}

impl From<&Node> for serde_json::Value {
    fn from(node: &Node) -> Self {
        match &node.value {
            Value::Bool(truth) => (*truth).into(),
            Value::Integer(number) => (*number).into(),
            Value::Float(number) => (*number).into(),
            Value::Text(text) => text.as_str().into(),
            Value::List(list) => list.iter().map(Self::from).collect(),
            Value::Table(table) => {
                table.iter().map(|(key, entry)| (key.clone(), Self::from(&entry.node))).collect()
            }
        }
    }
}

impl Value {
    /// What this is, with its article.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Bool(_) => "a boolean",
            Self::Integer(_) => "a whole number",
            Self::Float(_) => "a number",
            Self::Text(_) => "a text",
            Self::List(_) => "a list",
            Self::Table(_) => "a table",
        }
    }
}

/// Splits at commas that stand outside brackets, braces and quotes.
pub(crate) fn split_options(text: &str) -> Vec<&str> {
    let (mut parts, mut depth, mut quoted, mut from) = (Vec::new(), 0_i32, false, 0);
    for (at, letter) in text.char_indices() {
        match letter {
            '"' => quoted = !quoted,
            '[' | '{' if !quoted => depth += 1,
            ']' | '}' if !quoted => depth -= 1,
            ',' if !quoted && depth == 0 => {
                parts.push(&text[from..at]);
                from = at + 1;
            }
            _ => {}
        }
    }
    if from < text.len() {
        parts.push(&text[from..]);
    }
    parts
}

fn from_table(table: &DeTable<'_>, source: &Arc<Source>) -> Result<Table, Problem> {
    let entry = |(key, value): (&Spanned<std::borrow::Cow<'_, str>>, &Spanned<DeValue<'_>>)| {
        let place = Origin::new(source, key.span());
        Ok((key.get_ref().to_string(), Entry { key: place, node: from_value(value, source)? }))
    };
    table.iter().map(entry).collect()
}

fn from_value(value: &Spanned<DeValue<'_>>, source: &Arc<Source>) -> Result<Node, Problem> {
    let origin = Origin::new(source, value.span());
    let too_large = |digits: &str| {
        Problem::new(format!("`{digits}` is not a number that fits 64 bits")).at(&origin)
    };
    let value = match value.get_ref() {
        DeValue::String(text) => Value::Text(text.to_string()),
        DeValue::Integer(number) => Value::Integer(
            i64::from_str_radix(number.as_str(), number.radix())
                .map_err(|_| too_large(number.as_str()))?,
        ),
        DeValue::Float(number) => {
            Value::Float(number.as_str().parse().map_err(|_| too_large(number.as_str()))?)
        }
        DeValue::Boolean(truth) => Value::Bool(*truth),
        DeValue::Datetime(stamp) => Value::Text(stamp.to_string()),
        DeValue::Array(list) => {
            Value::List(list.iter().map(|item| from_value(item, source)).collect::<Result<_, _>>()?)
        }
        DeValue::Table(table) => Value::Table(from_table(table, source)?),
    };
    Ok(Node { value, origin })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flag(word: &str) -> Node {
        Node::from_word(word, Origin::whole("--set", word))
    }

    #[test]
    fn a_flag_laid_over_a_file_says_the_same_as_the_file() {
        let mut document =
            Node::from_toml("a.toml", "[pool.small]\nservers = 8\nslots = 4").unwrap();
        document.set("pool.small.servers", flag("12")).unwrap();
        let written = Node::from_toml("b.toml", "[pool.small]\nservers = 12\nslots = 4").unwrap();
        let servers = |node: &Node| node.find("pool.small.servers").unwrap().value.clone();
        assert_eq!(servers(&document), servers(&written));
    }

    #[test]
    fn a_spec_is_a_table() {
        let text = "mixture:shares=[1,2],of=\"a,b\",mean=180ms";
        let node = Node::from_spec("law", text, &Origin::whole("--service", text)).unwrap();
        assert_eq!(node.get("law").unwrap().value, Value::Text("mixture".into()));
        assert_eq!(node.get("of").unwrap().value, Value::Text("a,b".into()));
        assert_eq!(node.get("mean").unwrap().value, Value::Text("180ms".into()));
        assert!(matches!(&node.get("shares").unwrap().value, Value::List(list) if list.len() == 2));
    }

    #[test]
    fn a_spec_without_a_value_is_refused_at_its_place() {
        let text = "p2c:choices";
        let problem = Node::from_spec("policy", text, &Origin::whole("--balancer", text));
        assert!(problem.is_err_and(|p| p.render(false).contains("--balancer:1:5")));
    }
}
