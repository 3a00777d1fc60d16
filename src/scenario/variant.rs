//! A variant of a scenario: the document with a few values laid over it.

use super::input::Overlay;
use super::{AutoscalerTable, BalancerTable, Scenario};
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
/// the one before it behind, and another autoscaler also how it was held back.
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
    let pools = above.get("pool").and_then(|pools| pools.as_table().ok());
    let scaled = pools.into_iter().flatten().filter_map(|(name, entry)| {
        let table = entry.node.get("autoscaler").filter(|table| names_policy(table))?;
        Some((name.clone(), table.clone()))
    });
    for (name, table) in scaled.collect::<Vec<_>>() {
        AutoscalerTable::forget_policy(document, &name, &set.origin)?;
        if let Value::Text(text) = &table.value {
            let table = Node::from_spec("policy", text, &table.origin)?;
            above.set(&format!("pool.{name}.autoscaler"), table)?;
        }
    }
    if let Some(text @ Node { value: Value::Text(_), .. }) = above.get("balancer").cloned() {
        // A name alone says nothing of where queues stand.
        above.set("balancer", Node::table(text.origin.clone()))?;
        above.set("balancer.policy", text)?;
    }
    document.overlay(above);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_autoscaler_keeps_bounds_and_not_how_the_one_before_was_held_back() {
        let text = "[traffic.a]\narrivals = 'poisson:rate=8/s'\nservice = 'exponential:mean=1s'\n\
             [pool.a]\nservers = 10\n[pool.a.autoscaler]\npolicy = 'hpa'\ntarget = 0.6\n\
             max = 30\ncooldown = '2m'\ndown = { stabilization = '10m' }\n\
             [variant.other]\nset.pool.a.autoscaler = { policy = 'square-root' }\n\
             [variant.word]\nset.pool.a.autoscaler = 'square-root'\n\
             [variant.tuned]\nset.pool.a.autoscaler.target = 0.5\n";
        let document = Node::from_toml("a.toml", text).unwrap();
        let table = |name: &str| {
            let all = Alternative::all_of(&document).unwrap();
            let variant = all.iter().find(|variant| variant.name == name).unwrap();
            let scenario = variant.scenario(&document, std::path::Path::new("")).unwrap();
            serde_json::to_value(scenario.pool["a"].autoscaler.as_ref().unwrap()).unwrap()
        };
        // One line that holds bounds as well keeps them too.
        let line = Node::from_toml(
            "b.toml",
            &text
                .replace(
                    "[pool.a.autoscaler]\npolicy = 'hpa'\ntarget = 0.6\nmax = 30\ncooldown = '2m'\n\
             down = { stabilization = '10m' }\n",
                    "autoscaler = 'hpa:target=0.6,max=30,cooldown=2m'\n",
                )
                .replace("[variant.tuned]\nset.pool.a.autoscaler.target = 0.5\n", ""),
        )
        .unwrap();
        for variant in Alternative::all_of(&line).unwrap() {
            let scenario = variant.scenario(&line, std::path::Path::new("")).unwrap();
            let kept =
                serde_json::to_value(scenario.pool["a"].autoscaler.as_ref().unwrap()).unwrap();
            assert_eq!(kept["max"], 30, "{}: {kept}", variant.name);
            assert!(!kept.to_string().contains("2m"), "{kept}");
        }
        for name in ["other", "word"] {
            let other = table(name);
            assert_eq!((&other["policy"], &other["max"]), (&"square-root".into(), &30.into()));
            let text = other.to_string();
            assert!(!text.contains("10m") && !text.contains("2m"), "{text}");
        }
        let tuned = table("tuned").to_string();
        assert!(tuned.contains("10m") && tuned.contains("2m"), "{tuned}");
    }
}
