//! A variant of a scenario: the document with a few values laid over it.

use super::input::Overlay;
use super::{BalancerTable, Scenario};
use crate::diagnose::{Origin, Problem, unknown};
use crate::document::{Node, Value, split_options};

/// What a variant lays over the document.
#[derive(Clone, Debug)]
enum Change {
    /// Nothing: the scenario as it stands.
    Nothing,
    /// Flags.
    Flags(Overlay),
    /// The table `set` of `[variant.NAME]`.
    Table(Node),
}

/// A variant before it is applied.
#[derive(Clone, Debug)]
pub struct Alternative {
    /// What to call it.
    pub name: String,
    change: Change,
}

impl Alternative {
    /// The scenario as it stands.
    pub fn as_it_stands() -> Self {
        Self { name: "base".to_owned(), change: Change::Nothing }
    }

    /// A flag's value under its own name, such as `--balancer power-of-choices:choices=3`.
    pub fn of_flags(name: &str, flags: Overlay) -> Self {
        Self { name: name.to_owned(), change: Change::Flags(flags) }
    }

    /// `name:path=value,path=value`, or the name of a `[variant.NAME]` of the document.
    pub fn parse(flag: &str, text: &str, document: &Node) -> Result<Self, Problem> {
        let origin = Origin::whole(flag, text);
        let Some((name, options)) = text.split_once(':') else {
            let known = Self::all_of(document)?;
            let names: Vec<&str> = known.iter().map(|variant| variant.name.as_str()).collect();
            let found = known.iter().find(|variant| variant.name == text);
            return found.cloned().ok_or_else(|| {
                let problem = unknown("variant", text, &names);
                if names.is_empty() {
                    problem
                        .help("write `name:path=value`, e.g. `big:pool.main.servers=12`")
                        .at(&origin)
                } else {
                    problem.at(&origin)
                }
            });
        };
        let mut overlay = Overlay::default();
        let options = split_options(options);
        if options.is_empty() {
            return Err(Problem::new(format!("variant `{name}` sets nothing"))
                .help("write `name:path=value`, e.g. `big:pool.main.servers=12`")
                .at(&origin));
        }
        for option in options {
            overlay.set_pair(flag, option)?;
        }
        Ok(Self::of_flags(name.trim(), overlay))
    }

    /// Every `[variant.NAME]` of a document, in the order they were written.
    pub fn all_of(document: &Node) -> Result<Vec<Self>, Problem> {
        let Some(variants) = document.get("variant") else { return Ok(Vec::new()) };
        let of = |(name, entry): (&String, &crate::document::Entry)| {
            let table = entry.node.as_table()?;
            if let Some((key, entry)) = table.iter().find(|(key, _)| key.as_str() != "set") {
                return Err(unknown("key", key, &["set"]).at(&entry.key));
            }
            let set = entry.node.get("set").ok_or_else(|| {
                Problem::new(format!("variant `{name}` sets nothing"))
                    .help("write e.g. `set = { pool.main.servers = 12 }`")
                    .at(&entry.node.origin)
            })?;
            set.as_table()?;
            Ok(Self { name: name.clone(), change: Change::Table(set.clone()) })
        };
        variants.as_table()?.iter().map(of).collect()
    }

    /// The scenario that the document becomes under this variant.
    pub fn scenario(&self, document: &Node, folder: &std::path::Path) -> Result<Scenario, Problem> {
        let mut document = document.clone();
        match &self.change {
            Change::Nothing => {}
            Change::Flags(overlay) => overlay.apply(&mut document)?,
            Change::Table(set) => lay_over(&mut document, set)?,
        }
        Scenario::from_document(&document, folder)
    }
}

/// Lays a table over a document. Keys with points are paths; another policy leaves the options of
/// the one before it behind.
fn lay_over(document: &mut Node, set: &Node) -> Result<(), Problem> {
    let mut above = Node::table(set.origin.clone());
    for (path, entry) in set.as_table()? {
        above.set(path, entry.node.clone())?;
    }
    let names_policy = |node: &Node| match &node.value {
        Value::Table(table) => table.contains_key("policy"),
        _ => true,
    };
    if above.get("balancer").is_some_and(names_policy) {
        BalancerTable::forget_policy(document, &set.origin)?;
    }
    if let Some(text @ Node { value: Value::Text(_), .. }) = above.get("balancer").cloned() {
        // A name alone says nothing of where queues stand.
        above.set("balancer", Node::table(text.origin.clone()))?;
        above.set("balancer.policy", text)?;
    }
    document.overlay(above);
    Ok(())
}
