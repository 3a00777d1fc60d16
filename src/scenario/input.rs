//! From the words of the command line to a document: a scenario or a traffic file, and the flags.

use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use super::{AutoscalerTable, BalancerTable, Scenario};
use crate::balance::Balancer;
use crate::diagnose::{Origin, Problem, no_such_file, unknown};
use crate::document::{Node, Value};
use crate::law::Law;
use crate::manifest::Manifests;
use crate::registry::Role;
use crate::station::Discipline;
use crate::workload::arrivals::Arrivals;
use crate::workload::trace::Options;

/// What a command works on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// A scenario file.
    Scenario(PathBuf),
    /// A traffic file; `-` is standard input.
    Traffic(PathBuf),
}

impl Input {
    /// Files that end in `.toml` are scenarios, everything else is traffic.
    pub fn of(word: &str) -> Self {
        let path = PathBuf::from(word);
        if path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("toml")) {
            Self::Scenario(path)
        } else {
            Self::Traffic(path)
        }
    }

    /// The document, and the folder that its relative paths start from.
    pub fn document(&self) -> Result<(Node, PathBuf), Problem> {
        match self {
            Self::Scenario(path) => {
                let folder = path.parent().unwrap_or(Path::new("")).to_path_buf();
                Ok((Node::from_toml(&path.display().to_string(), &read_text(path)?)?, folder))
            }
            Self::Traffic(path) => {
                let word = path.display().to_string();
                let origin = Origin::whole("INPUT", word.clone());
                let mut document = Node::table(origin.clone());
                let name = path.file_stem().map_or("traffic".into(), |stem| stem.to_string_lossy());
                document.set("name", Node::text(name.trim_end_matches(".csv"), origin.clone()))?;
                document.set("traffic.main.trace", Node::text(word, origin.clone()))?;
                document.set("pool.main", Node::table(origin))?;
                Ok((document, PathBuf::new()))
            }
        }
    }
}

fn read_text(path: &Path) -> Result<String, Problem> {
    let name = path.display().to_string();
    let place = Origin::whole("INPUT", name.clone());
    let failed = |why: String| Problem::new(format!("cannot read `{name}`: {why}")).at(&place);
    if path.is_dir() {
        return Err(failed("it is a folder".into()).help("name a scenario file inside it"));
    }
    let mut bytes = Vec::new();
    std::fs::File::open(path).and_then(|mut file| file.read_to_end(&mut bytes)).map_err(
        |error| match error.kind() {
            ErrorKind::NotFound => no_such_file(path).at(&place),
            _ => failed(error.to_string()),
        },
    )?;
    String::from_utf8(bytes).map_err(|error| {
        failed(format!("it is not UTF-8 (byte {})", error.utf8_error().valid_up_to()))
            .help("save the scenario as UTF-8")
    })
}

/// Flags to lay over a document, in the order they were given.
#[derive(Clone, Debug, Default)]
pub struct Overlay {
    manifests: Option<Manifests>,
    settings: Vec<Setting>,
}

#[derive(Clone, Debug)]
struct Setting {
    path: String,
    word: String,
    /// Where the path was written, if it was, and the word.
    key: Origin,
    origin: Origin,
}

impl Overlay {
    /// Sets the value at a dotted path; `traffic.*` and `pool.*` stand for every name there.
    pub fn set(&mut self, flag: &str, path: impl Into<String>, word: &impl ToString) {
        let word = word.to_string();
        let origin = Origin::whole(flag, &word);
        self.settings.push(Setting { path: path.into(), word, key: origin.clone(), origin });
    }

    /// Takes `PATH=VALUE` apart, as `--set` and variants are written.
    pub fn set_pair(&mut self, flag: &str, pair: &str) -> Result<(), Problem> {
        self.set_part("", pair, &Origin::whole(flag, pair))
    }

    /// Takes `KEY=VALUE,KEY=VALUE` apart; `prefix` comes before each key.
    pub fn set_pairs(&mut self, flag: &str, prefix: &str, pairs: &str) -> Result<(), Problem> {
        let whole = Origin::whole(flag, pairs);
        let mut from = 0;
        for pair in pairs.split(',') {
            self.set_part(prefix, pair, &whole.part(from..from + pair.len()))?;
            from += pair.len() + 1;
        }
        Ok(())
    }

    fn set_part(&mut self, prefix: &str, pair: &str, place: &Origin) -> Result<(), Problem> {
        let Some((path, word)) = pair.split_once('=') else {
            let key = if prefix.is_empty() { "PATH" } else { "KEY" };
            return Err(Problem::new(format!("`{pair}` is not of the form {key}=VALUE"))
                .help(if prefix.is_empty() {
                    "write e.g. `--set run.duration=10m`"
                } else {
                    "write e.g. `--columns arrival=ts,service=svc_ms`"
                })
                .at(place));
        };
        self.settings.push(Setting {
            path: format!("{prefix}{}", path.trim()),
            word: word.trim().to_owned(),
            key: place.part(0..path.len()),
            origin: place.part(path.len() + 1..pair.len()),
        });
        Ok(())
    }

    /// Takes what Kubernetes' own files say of a pool, under all other flags.
    pub fn set_manifests(&mut self, reading: Manifests) {
        self.manifests = Some(reading);
    }

    /// Whether they say how the pool is scaled.
    pub fn has_autoscaler(&self) -> bool {
        let scales = |reading: &Manifests| reading.settings.iter().any(|it| it.0 == "autoscaler");
        self.manifests.as_ref().is_some_and(scales)
    }

    /// What the reader of the results should know of them.
    pub fn remarks(&self) -> &[String] {
        self.manifests.as_ref().map_or(&[], |reading| &reading.remarks)
    }

    /// Lays the flags over a document.
    pub fn apply(&self, document: &mut Node) -> Result<(), Problem> {
        if let Some(reading) = &self.manifests {
            lay_manifests(reading, document)?;
        }
        self.settings.iter().try_for_each(|setting| setting.apply(document))
    }
}

/// The names in a table of the document: those that it has, or `main`.
fn names_in(document: &Node, table: &str) -> Vec<String> {
    match document.get(table).map(|node| &node.value) {
        Some(Value::Table(entries)) if !entries.is_empty() => entries.keys().cloned().collect(),
        _ => vec!["main".to_owned()],
    }
}

/// The options of autoscalers in which manifests say how many servers there are at the least.
const LEAST: [&str; 4] = ["min-replicas", "min-replica-count", "initial-scale", "min-scale"];

fn is_some(count: &Node) -> bool {
    matches!(count.value, Value::Integer(1..))
}

/// The pool is the one with the workload's name, or the only one.
fn lay_manifests(reading: &Manifests, document: &mut Node) -> Result<(), Problem> {
    let workload = reading.workload.as_deref().unwrap_or_default();
    let pools = names_in(document, "pool");
    let pool = match pools.as_slice() {
        [only] => only,
        several => several.iter().find(|pool| *pool == workload).ok_or_else(|| {
            Problem::new(format!("no pool is called `{workload}` as the workload is"))
                .help(format!("the pools are {}", several.join(", ")))
        })?,
    };
    for (key, node) in &reading.settings {
        let path = format!("pool.{pool}.{key}");
        let mut node = node.clone();
        if *key == "autoscaler" {
            // A workload of which nothing says how many servers it has begins with the fewest.
            let servers = format!("pool.{pool}.servers");
            let fewest = LEAST.iter().find_map(|least| node.get(least)).filter(|it| is_some(it));
            let said = reading.settings.iter().any(|(key, _)| *key == "servers")
                || document.find(&servers).is_some();
            if let (false, Some(fewest)) = (said, fewest) {
                document.set(&servers, fewest.clone())?;
            }
            // How late metrics are belongs to the surroundings.
            for kept in ["delay", "scrape"] {
                if let Some(value) = document.find(&format!("{path}.{kept}")) {
                    node.set(kept, value.clone())?;
                }
            }
        }
        document.set(&path, node)?;
    }
    Ok(())
}

impl Setting {
    fn apply(&self, document: &mut Node) -> Result<(), Problem> {
        let Self { key, origin, .. } = self;
        if let Some(pools) = self.path.strip_suffix(".autoscaler") {
            return self.choose_autoscaler(document, pools, origin);
        }
        if self.path == "balancer.policy" {
            return self.choose_policy(document, origin);
        }
        unfold(document, &self.path)?;
        let value = Node::from_word(&self.word, origin.clone());
        // Behind a shared queue nobody waits at a server.
        let shared = Value::Text("shared".to_owned());
        if self.path == "pool.*.queue-limit"
            && document.find("balancer.queue").is_some_and(|queue| queue.value == shared)
        {
            return document.set_keyed("balancer.queue-limit", key, value);
        }
        let Some((table, rest)) = self.path.split_once(".*.") else {
            self.refuse_new_names(document)?;
            return document.set_keyed(&self.path, key, value);
        };
        let names = names_in(document, table);
        let one_each = matches!(rest, "servers" | "slots" | "trace");
        if one_each && names.len() > 1 {
            return Err(Problem::new(format!(
                "`{}` is not clear: the scenario has several {table}s ({})",
                origin.source_name(),
                names.join(", ")
            ))
            .help(format!("write `--set {table}.{}.{rest}={}`", names[0], self.word))
            .at(origin));
        }
        for name in Self::concerned(document, table, rest, names) {
            let path = format!("{table}.{name}.{rest}");
            unfold(document, &path)?;
            document.set_keyed(&path, key, value.clone())?;
        }
        Ok(())
    }

    /// Flags on how a trace is read concern the classes that are replayed, if there are any.
    fn concerned(document: &Node, table: &str, rest: &str, names: Vec<String>) -> Vec<String> {
        let key = rest.split('.').next().unwrap_or(rest);
        let of_traces = table == "traffic" && (Options::KEYS.contains(&key) || key == "window");
        let replayed = |name: &&String| document.find(&format!("traffic.{name}.trace")).is_some();
        if of_traces && names.iter().any(|name| replayed(&name)) {
            return names.iter().filter(replayed).cloned().collect();
        }
        names
    }

    /// A field of a pool or class that does not exist is a slip; a whole new one is set as a table.
    fn refuse_new_names(&self, document: &Node) -> Result<(), Problem> {
        let mut parts = self.path.split('.');
        let (Some(table @ ("pool" | "traffic")), Some(name), Some(_)) =
            (parts.next(), parts.next(), parts.next())
        else {
            return Ok(());
        };
        let known: Vec<&String> = match document.get(table).map(|node| &node.value) {
            Some(Value::Table(entries)) if !entries.is_empty() => entries.keys().collect(),
            _ => return Ok(()),
        };
        if known.iter().any(|known| *known == name) {
            return Ok(());
        }
        let what = if table == "pool" { "pool" } else { "class of traffic" };
        Err(unknown(what, name, &known).at(&self.key))
    }

    /// An autoscaler on the command line replaces the policy with its options; what belongs to the
    /// pool and its surroundings (bounds, how late metrics are) stays.
    fn choose_autoscaler(
        &self,
        document: &mut Node,
        pools: &str,
        origin: &Origin,
    ) -> Result<(), Problem> {
        let names: Vec<String> = match pools {
            "pool.*" => {
                names_in(document, "pool").iter().map(|name| format!("pool.{name}")).collect()
            }
            pool => vec![pool.to_owned()],
        };
        // A name with options, in quotes or not, or a whole table.
        let policy = match Node::from_word(&self.word, origin.clone()) {
            table @ Node { value: Value::Table(_), .. } => table,
            Node { value: Value::Text(text), .. } => Node::from_spec("policy", &text, origin)?,
            _ => Node::from_spec("policy", &self.word, origin)?,
        };
        for pool in names {
            let mut table = policy.clone();
            for key in AutoscalerTable::KEPT {
                let path = format!("{pool}.autoscaler.{key}");
                if let Some(kept) = document.find(&path)
                    && table.get(key).is_none()
                {
                    table.set(key, kept.clone())?;
                }
            }
            document.set(&format!("{pool}.autoscaler"), table)?;
        }
        Ok(())
    }

    /// A balancer on the command line replaces the policy and its options, not where queues stand.
    fn choose_policy(&self, document: &mut Node, origin: &Origin) -> Result<(), Problem> {
        let policy = Node::from_spec("policy", &self.word, origin)?;
        BalancerTable::forget_policy(document, origin)?;
        match document.get("balancer") {
            Some(_) => {
                let mut above = Node::table(origin.clone());
                above.set("balancer", policy)?;
                document.overlay(above);
                Ok(())
            }
            None => document.set("balancer", policy),
        }
    }
}

/// Writes a part that a path leads into, and that stands as `name:key=value`, as the table it is:
/// `traffic.web.arrivals.rate` is a key of `arrivals = "poisson:rate=10/s"` too.
fn unfold(document: &mut Node, path: &str) -> Result<(), Problem> {
    for (at, _) in path.match_indices('.') {
        let above = &path[..at];
        let head = match above.rsplit('.').next().unwrap_or(above) {
            "arrivals" => <dyn Arrivals as Role>::KEY,
            "balancer" | "autoscaler" => <dyn Balancer as Role>::KEY,
            "discipline" => <dyn Discipline as Role>::KEY,
            "service" | "startup" | "patience" | "lifetime" | "idle-timeout" | "input-tokens"
            | "output-tokens" => <dyn Law as Role>::KEY,
            _ => continue,
        };
        if let Some(Node { value: Value::Text(spec), origin }) = document.find(above) {
            let table = Node::from_spec(head, spec, origin)?;
            document.set(above, table)?;
        }
    }
    Ok(())
}

impl Scenario {
    /// Reads an input with flags laid over it.
    pub fn read(input: &Input, overlay: &Overlay) -> Result<Self, Problem> {
        let (mut document, folder) = input.document()?;
        overlay.apply(&mut document)?;
        let mut scenario = Self::from_document(&document, &folder)?;
        scenario.remarks.extend_from_slice(overlay.remarks());
        Ok(scenario)
    }
}
