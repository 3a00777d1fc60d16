//! YAML files, as Kubernetes writes them, into documents that know where each value stands.

use std::collections::BTreeMap;
use std::sync::Arc;

use saphyr_parser::{Event, Parser, ScalarStyle, ScanError, Span};

use super::{Entry, Node, Table, Value};
use crate::diagnose::{Origin, Problem, Source};

/// More values than any manifest has: aliases of aliases could make a short file endless.
const MOST: usize = 100_000;
/// Lists and tables inside each other beyond this are a slip or an attack.
const DEEPEST: usize = 64;

impl Node {
    /// Reads every document of a YAML file, empty ones left out. What is null counts as absent.
    pub fn from_yaml(name: &str, text: &str) -> Result<Vec<Self>, Problem> {
        let source =
            Arc::new(Source { name: name.to_owned(), text: text.to_owned(), first_line: 1 });
        let offsets = text.char_indices().map(|(at, _)| at).chain([text.len()]).collect();
        let parser = Parser::new_from_str(text);
        let mut reader = Reader { parser, source, offsets, anchors: BTreeMap::new(), values: 0 };
        let mut documents = Vec::new();
        while let Some((event, span)) = reader.next()? {
            match event {
                Event::StreamStart | Event::StreamEnd | Event::DocumentEnd | Event::Nothing => {}
                Event::DocumentStart(_) => reader.anchors.clear(),
                event => documents.extend(reader.value(event, span, 0)?),
            }
        }
        Ok(documents)
    }
}

struct Reader<'a> {
    parser: Parser<'a, saphyr_parser::StrInput<'a>>,
    source: Arc<Source>,
    /// The byte at which each character begins.
    offsets: Vec<usize>,
    /// What each anchor stands for; nothing for a null.
    anchors: BTreeMap<usize, Option<Node>>,
    values: usize,
}

impl<'a> Reader<'a> {
    fn next(&mut self) -> Result<Option<(Event<'a>, Span)>, Problem> {
        self.parser.next_event().transpose().map_err(|error: ScanError| {
            let at = self.byte(error.marker().index());
            let place = Origin::new(&self.source, at..at + 1);
            Problem::new(format!("this is not YAML: {}", error.info())).at(&place)
        })
    }

    fn byte(&self, character: usize) -> usize {
        self.offsets.get(character).copied().unwrap_or(self.source.text.len())
    }

    fn place(&self, span: Span) -> Origin {
        let (from, to) = (self.byte(span.start.index()), self.byte(span.end.index()));
        Origin::new(&self.source, from..to.max(from))
    }

    /// Whether a key is indented with a tab, which YAML forbids and the parser takes for a blank.
    fn is_after_tab(&self, span: Span) -> bool {
        let before = &self.source.text[..self.byte(span.start.index())];
        let line = before.rsplit('\n').next().unwrap_or(before);
        line.contains('\t') && line.trim_start().is_empty()
    }

    /// The event that is wanted here; the text cannot end inside a value.
    fn inside(&mut self) -> Result<(Event<'a>, Span), Problem> {
        self.next()?.ok_or_else(|| Problem::new("the file ends inside a value"))
    }

    fn value(
        &mut self,
        event: Event<'a>,
        span: Span,
        depth: usize,
    ) -> Result<Option<Node>, Problem> {
        let origin = self.place(span);
        self.values += 1;
        if depth > DEEPEST || self.values > MOST {
            return Err(Problem::new("the file is too deep or too large").at(&origin));
        }
        let (anchor, value) = match event {
            Event::Scalar(text, style, anchor, _) => (anchor, scalar(&text, style)),
            Event::SequenceStart(anchor, _) => (anchor, Some(self.list(depth)?)),
            Event::MappingStart(anchor, _) => (anchor, Some(self.table(depth)?)),
            Event::Alias(anchor) => {
                let node = self.anchors.get(&anchor).cloned().flatten();
                self.values += node.as_ref().map_or(0, count);
                return Ok(node);
            }
            _ => return Err(Problem::new("a value is missing here").at(&origin)),
        };
        let node = value.map(|value| Node { value, origin });
        if anchor > 0 {
            self.anchors.insert(anchor, node.clone());
        }
        Ok(node)
    }

    fn list(&mut self, depth: usize) -> Result<Value, Problem> {
        let mut items = Vec::new();
        loop {
            match self.inside()? {
                (Event::SequenceEnd, _) => return Ok(Value::List(items)),
                (event, span) => items.extend(self.value(event, span, depth + 1)?),
            }
        }
    }

    fn table(&mut self, depth: usize) -> Result<Value, Problem> {
        let mut table = Table::new();
        loop {
            let (key, span) = self.inside()?;
            let origin = self.place(span);
            let name = match key {
                Event::MappingEnd => return Ok(Value::Table(table)),
                Event::Scalar(text, ..) if self.is_after_tab(span) => {
                    return Err(Problem::new(format!("a tab stands before `{text}`"))
                        .help("indent YAML with blanks")
                        .at(&origin));
                }
                Event::Scalar(text, ..) => text.into_owned(),
                _ => return Err(Problem::new("a key must be a word").at(&origin)),
            };
            let (event, span) = self.inside()?;
            let Some(node) = self.value(event, span, depth + 1)? else { continue };
            if table.contains_key(&name) {
                return Err(Problem::new(format!("`{name}` stands here twice")).at(&origin));
            }
            table.insert(name, Entry { key: origin, node });
        }
    }
}

/// Values in a tree.
fn count(node: &Node) -> usize {
    1 + match &node.value {
        Value::List(items) => items.iter().map(count).sum::<usize>(),
        Value::Table(table) => table.values().map(|entry| count(&entry.node)).sum(),
        _ => 0,
    }
}

/// What a word means by the core schema of YAML 1.2; nothing for a null.
fn scalar(text: &str, style: ScalarStyle) -> Option<Value> {
    if style != ScalarStyle::Plain {
        return Some(Value::Text(text.to_owned()));
    }
    let number = |text: &str| text.starts_with(|first: char| "+-.0123456789".contains(first));
    match text {
        "" | "~" | "null" | "Null" | "NULL" => None,
        "true" | "True" | "TRUE" => Some(Value::Bool(true)),
        "false" | "False" | "FALSE" => Some(Value::Bool(false)),
        _ if number(text) => Some(match (text.parse(), text.parse()) {
            (Ok(whole), _) => Value::Integer(whole),
            (_, Ok(real)) => Value::Float(real),
            _ => Value::Text(text.to_owned()),
        }),
        _ => Some(Value::Text(text.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(text: &str) -> Node {
        Node::from_yaml("a.yaml", text).unwrap().remove(0)
    }

    #[test]
    fn words_numbers_and_nulls_are_told_apart() {
        let node = one("a: 3\nb: 0.5\nc: '3'\nd: null\ne: 500m\nf: true\ng: [1, {h: 2}]\n");
        let value = |key: &str| node.get(key).map(|node| node.value.clone());
        assert_eq!(value("a"), Some(Value::Integer(3)));
        assert_eq!(value("b"), Some(Value::Float(0.5)));
        assert_eq!(value("c"), Some(Value::Text("3".into())));
        assert_eq!(value("d"), None);
        assert_eq!(value("e"), Some(Value::Text("500m".into())));
        assert_eq!(value("f"), Some(Value::Bool(true)));
        assert!(matches!(value("g"), Some(Value::List(items)) if items.len() == 2));
    }

    #[test]
    fn a_value_knows_its_place_even_behind_letters_of_several_bytes() {
        let node = one("name: café\nspec:\n  größe: klein\n");
        let place = &node.find("spec.größe").unwrap().origin;
        let shown = Problem::new("so").at(place).render(false);
        assert!(shown.contains("a.yaml:3:10"), "{shown}");
    }

    #[test]
    fn a_file_holds_several_documents_and_anchors() {
        let text = "a: &x {b: 1}\nc: *x\n---\n---\nd: 2\n";
        let documents = Node::from_yaml("a.yaml", text).unwrap();
        assert_eq!(documents.len(), 2);
        assert_eq!(documents[0].find("c.b").unwrap().value, Value::Integer(1));
    }

    #[test]
    fn what_is_no_yaml_is_refused_at_its_place() {
        for text in ["a: [1, 2\n", "a: 1\na: 2\n", "a: {b: 1", "\ta: 1", "a: *nobody"] {
            let problem = Node::from_yaml("a.yaml", text);
            assert!(problem.is_err(), "{text:?} was read as {problem:?}");
        }
        let deep = "[".repeat(100) + &"]".repeat(100);
        assert!(Node::from_yaml("a.yaml", &deep).is_err());
        let bomb = "a: &a [1,1,1,1,1,1,1,1,1,1]\n".to_owned()
            + &('b'..='i')
                .map(|key| {
                    let of = format!("*{},", char::from(key as u8 - 1)).repeat(10);
                    format!("{key}: &{key} [{of}]\n")
                })
                .collect::<String>();
        assert!(Node::from_yaml("a.yaml", &bomb).is_err());
    }
}
