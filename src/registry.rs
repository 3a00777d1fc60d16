//! Parts found by name: a role's registry lists its variants, a recipe is one of them with options.
//!
//! A *role* is a trait the engine asks something of (`dyn Balancer`). A *variant* is one file that
//! plays it. From the variant's file follow its name, manual page (the module's doc comment),
//! options with defaults and their meaning (the doc comments of `Config`), JSON schema, and its
//! place in `list`, `explain` and the tables of the documentation.

use std::fmt;
use std::sync::Arc;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::DeserializeOwned};

use crate::diagnose::{Origin, Problem, unknown};
use crate::document::{Node, Value};

/// A trait whose implementations are found by name; implemented for the trait object.
pub trait Role: 'static {
    /// What the parts are called: `balancer`.
    const KIND: &'static str;
    /// The key that names the variant in a table: `policy`, `law`, `process`.
    const KEY: &'static str;
    /// What a part is told about its surroundings when it is built.
    type Setup<'a>;
    /// Every variant, in the order people should read them.
    fn registry() -> &'static [Entry<Self>];
    /// What may be meant by a name that no variant has, as a remedy.
    fn meant_by(_name: &str) -> Option<String> {
        None
    }
}

/// One implementation of a role, with its options.
pub trait Variant<D: Role + ?Sized> {
    /// The name in scenarios and on the command line, in kebab-case.
    const NAME: &'static str;
    /// The options; their doc comments are the manual. `Default` stands for those left out.
    type Config: DeserializeOwned + Serialize + JsonSchema + Send + Sync + 'static;

    /// Says what is wrong with options that can be judged without knowing the surroundings.
    fn check(_: &Self::Config) -> Result<(), Problem> {
        Ok(())
    }

    /// Builds the part; refuses surroundings in which the options make no sense.
    fn build(config: &Self::Config, setup: &D::Setup<'_>) -> Result<Box<D>, Problem>;
}

/// One line of a registry.
pub struct Entry<D: Role + ?Sized> {
    /// The variant's name.
    pub name: &'static str,
    source: &'static str,
    read: fn(&Node) -> Result<Recipe<D>, Problem>,
    schema: fn(&mut SchemaGenerator) -> Schema,
}

impl<D: Role + ?Sized> Entry<D> {
    /// The line of variant `V`, whose file's text is `source`.
    pub const fn of<V: Variant<D>>(source: &'static str) -> Self {
        Self { name: V::NAME, source, read: read::<D, V>, schema: V::Config::json_schema }
    }

    /// The manual page: the doc comment at the head of the variant's file, as Markdown.
    pub fn manual(&self) -> String {
        let lines = self.source.lines().map_while(|line| line.strip_prefix("//!"));
        lines.map(|line| line.strip_prefix(' ').unwrap_or(line)).collect::<Vec<_>>().join("\n")
    }

    /// The first sentence of the manual page.
    pub fn summary(&self) -> String {
        let manual = self.manual();
        manual.split("\n\n").next().unwrap_or("").replace('\n', " ")
    }

    /// The options, their defaults and meanings, as a JSON schema.
    pub fn schema(&self, generator: &mut SchemaGenerator) -> Schema {
        (self.schema)(generator)
    }
}

/// Finds a variant by its name.
pub fn find<D: Role + ?Sized>(name: &str) -> Result<&'static Entry<D>, Problem> {
    D::registry().iter().find(|entry| entry.name == name).ok_or_else(|| {
        let names: Vec<&str> = D::registry().iter().map(|entry| entry.name).collect();
        let problem = unknown(D::KIND, name, &names);
        match D::meant_by(name) {
            Some(remedy) => problem.help(remedy),
            None => problem,
        }
    })
}

/// A variant with its options, read and checked: builds the part as often as it is needed.
pub struct Recipe<D: Role + ?Sized> {
    /// The variant's name.
    pub name: &'static str,
    resolved: serde_json::Value,
    node: Node,
    make: Arc<Make<D>>,
}

type Make<D> = dyn for<'a> Fn(&<D as Role>::Setup<'a>) -> Result<Box<D>, Problem> + Send + Sync;

impl<D: Role + ?Sized> Recipe<D> {
    /// Reads `name:key=value`, `"name"` or `{ policy = "name", key = value }`.
    pub fn read(node: &Node) -> Result<Self, Problem> {
        let table = match &node.value {
            Value::Text(text) => &Node::from_spec(D::KEY, text, &node.origin)?,
            Value::Table(_) => node,
            other => {
                let (kind, found) = (D::KIND, other.kind());
                return Err(Problem::new(format!("which {kind} is meant? Here is only {found}"))
                    .help(format!(
                        "write its name, and its options after it: `\"NAME:key=value\"`; \
                         `plimsoll list {kind}` shows the names"
                    ))
                    .at(&node.origin));
            }
        };
        let head = table.as_table()?.get(D::KEY).ok_or_else(|| {
            Problem::new(format!("`{}` is missing: which {} is meant?", D::KEY, D::KIND))
                .help(format!("`plimsoll list {}` shows them", D::KIND))
                .at(&node.origin)
        })?;
        let name: String = head.node.typed()?;
        if let Some((part, options)) = name.split_once(':')
            && find::<D>(part).is_ok()
        {
            let keys: Vec<String> = options
                .split(',')
                .filter_map(|option| option.split_once('='))
                .map(|(key, value)| format!("`{} = {}`", key.trim(), value.trim()))
                .collect();
            let what = format!("`{name}` is a name with options, and here stands the name alone");
            let keys = if keys.is_empty() { "its options".to_owned() } else { keys.join(", ") };
            return Err(Problem::new(what)
                .help(format!("write `{} = \"{part}\"`, and {keys} as keys beside it", D::KEY))
                .at(&head.node.origin));
        }
        (find::<D>(&name).map_err(|problem| problem.at(&head.node.origin))?.read)(table)
    }

    /// The variant `name` with its default options.
    pub fn named(name: &str) -> Result<Self, Problem> {
        Self::read(&Node::text(name, Origin::whole(D::KIND, name)))
    }

    /// Builds the part; a problem is shown at the option it is about.
    pub fn build(&self, setup: &D::Setup<'_>) -> Result<Box<D>, Problem> {
        (self.make)(setup).map_err(|problem| blame(problem, &self.node))
    }

    /// Where the recipe was written.
    pub fn origin(&self) -> &Origin {
        &self.node.origin
    }

    /// Its options with every default filled in.
    pub fn resolved(&self) -> &serde_json::Value {
        &self.resolved
    }
}

fn read<D: Role + ?Sized, V: Variant<D>>(node: &Node) -> Result<Recipe<D>, Problem> {
    let mut options = node.clone();
    options.take(D::KEY);
    let config: V::Config = options.typed().map_err(|problem| {
        let more = format!("`plimsoll explain {}` tells its options", V::NAME);
        if problem.remedy().is_some() { problem } else { problem.help(more) }
    })?;
    V::check(&config).map_err(|problem| blame(problem, node))?;
    let mut resolved = serde_json::Map::new();
    resolved.insert(D::KEY.to_owned(), V::NAME.into());
    let written = serde_json::to_value(&config).expect("options are plain data");
    if let serde_json::Value::Object(fields) = written {
        resolved.extend(fields.into_iter().filter(|(_, value)| !value.is_null()));
    }
    Ok(Recipe {
        name: V::NAME,
        resolved: resolved.into(),
        node: node.clone(),
        make: Arc::new(move |setup| V::build(&config, setup)),
    })
}

/// Shows a problem at the option it is about, else at the whole table.
fn blame(problem: Problem, node: &Node) -> Problem {
    let place = problem.key().and_then(|key| node.get(key)).map(|node| node.origin.clone());
    problem.at(&place.unwrap_or_else(|| node.origin.clone()))
}

impl<D: Role + ?Sized> Clone for Recipe<D> {
    fn clone(&self) -> Self {
        Self {
            name: self.name,
            resolved: self.resolved.clone(),
            node: self.node.clone(),
            make: Arc::clone(&self.make),
        }
    }
}

impl<D: Role + ?Sized> fmt::Debug for Recipe<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", D::KIND, self.resolved)
    }
}

impl<D: Role + ?Sized> Serialize for Recipe<D> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.resolved.serialize(serializer)
    }
}

impl<'de, D: Role + ?Sized> Deserialize<'de> for Recipe<D> {
    fn deserialize<R: Deserializer<'de>>(deserializer: R) -> Result<Self, R::Error> {
        let node = Node::deserialize(deserializer)?;
        Self::read(&node).map_err(Problem::carry)
    }
}

impl<D: Role + ?Sized> JsonSchema for Recipe<D> {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        D::KIND.into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut variants = vec![serde_json::json!({
            "type": "string", "description": "a name, or name:key=value,key=value"
        })];
        for entry in D::registry() {
            let mut schema = entry.schema(generator).to_value();
            if let Some(object) = schema.as_object_mut() {
                let mut properties =
                    object.remove("properties").unwrap_or_else(|| serde_json::json!({}));
                properties[D::KEY] = serde_json::json!({ "const": entry.name });
                object.insert("properties".into(), properties);
                object.insert("description".into(), entry.summary().into());
                object.insert("required".into(), serde_json::json!([D::KEY]));
            }
            variants.push(schema);
        }
        schemars::json_schema!({ "anyOf": variants })
    }
}
