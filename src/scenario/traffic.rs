//! `[traffic.NAME]`: a class of requests, replayed from a trace or drawn from laws.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::split;
use crate::diagnose::Problem;
use crate::document::Node;
use crate::law::{self, Law, Unit};
use crate::model::Request;
use crate::registry::Recipe;
use crate::rng::Seed;
use crate::time::{Duration, Instant};
use crate::workload::Source;
use crate::workload::arrivals::{self, Arrivals};
use crate::workload::attributes::{Attributes, Given};
use crate::workload::closed_loop::Clients;
use crate::workload::demand::Demand;
use crate::workload::drawn::Drawn;
use crate::workload::keys::Keys as KeyLaw;
use crate::workload::trace::{self, Role, Row, Trace, TraceSource};

/// What a class of requests is made of, apart from how its trace is read.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct Keys {
    /// A traffic file to replay; `-` is standard input.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trace: Option<PathBuf>,
    /// The process that arrivals are drawn from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub arrivals: Option<Recipe<dyn Arrivals>>,
    /// Clients that wait for an end before they send again, instead of arrivals.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub closed_loop: Option<Clients>,
    /// The service time on a server of speed 1; for a trace, where it has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service: Option<Demand>,
    /// Input tokens where the trace has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input_tokens: Option<Recipe<dyn Law>>,
    /// Output tokens where the trace has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output_tokens: Option<Recipe<dyn Law>>,
    /// What hash policies look at, where the trace has no key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<KeyLaw>,
    /// How long a request is willing to wait in a queue; for ever when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub patience: Option<Recipe<dyn Law>>,
    /// Larger is served earlier where the discipline looks at it.
    pub priority: i16,
    /// Cores that a request keeps busy while it is served, for the metric `cpu`; 1 when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu: Option<f64>,
}

/// `[traffic.NAME]`: its own keys, how the trace is read, and which part of it is replayed how
/// fast.
#[derive(Clone, Debug, Default)]
pub struct Traffic {
    /// What the requests are made of.
    pub keys: Keys,
    /// How the trace is read.
    pub options: trace::Options,
    /// Which part is replayed, how fast, how dense.
    pub shape: trace::Shape,
    /// Standard input, once it was kept to be read again.
    kept: Arc<OnceLock<trace::Input>>,
    /// Whether its requests carry keys, once that was looked up.
    keyed: Arc<OnceLock<bool>>,
}

/// The length of a run of drawn traffic that does not say.
pub(super) const DRAWN_FOR: Duration = Duration::from_secs(3600);

impl Traffic {
    /// Whether it is replayed from a trace.
    pub fn is_replayed(&self) -> bool {
        self.keys.trace.is_some()
    }

    /// Whether a steady state may exist: it is not a trace, and no stretch of time is special.
    pub(super) fn is_stationary(&self, duration: Option<Duration>, folder: &Path) -> bool {
        let setup = self.setup(duration, folder);
        let process = self.keys.arrivals.as_ref().map(|process| process.build(&setup));
        !self.is_replayed()
            && process.is_none_or(|built| built.is_ok_and(|process| process.is_stationary()))
    }

    pub(super) fn check(&self, name: &str, folder: &Path) -> Result<(), Problem> {
        let keys = &self.keys;
        let ways = [keys.trace.is_some(), keys.arrivals.is_some(), keys.closed_loop.is_some()];
        if ways.iter().filter(|way| **way).count() != 1 {
            return Err(Problem::new(format!("traffic `{name}` needs one source of requests"))
                .help(
                    "write `trace = \"file.csv\"`, `arrivals = { process = … }` or `closed-loop`",
                ));
        }
        if keys.trace.is_none() && keys.service.is_none() {
            return Err(Problem::new(format!("traffic `{name}` has no service times")).help(
                "add `service = { law = \"exponential\", mean = \"50ms\" }`, or `--service …`",
            ));
        }
        if keys.cpu.is_some_and(|cores| !(cores.is_finite() && cores >= 0.0)) {
            return Err(Problem::about("cpu", "`cpu` must be a number of cores, 0 or more"));
        }
        self.options.check()?;
        self.shape.check()?;
        if !self.is_replayed() {
            self.refuse_what_only_traces_have(name)?;
        }
        self.attributes(0, name, Seed::new(0, 0), folder)?;
        if let Some(input) = self.input(folder) {
            // A trace is opened when it is replayed: standard input can be read only once.
            return no_such_file(&input, folder);
        }
        self.source(0, name, Seed::new(0, 0), folder, None, 1).map(drop)
    }

    /// Cores that a request keeps busy while it is served.
    pub(super) fn cores(&self) -> f64 {
        self.keys.cpu.unwrap_or(1.0)
    }

    fn refuse_what_only_traces_have(&self, name: &str) -> Result<(), Problem> {
        let about =
            |key: &str, message: String, help: &str| Err(Problem::about(key, message).help(help));
        let given = changes(&self.options).into_iter().chain(changes(&self.shape));
        for (key, _) in given {
            match key.as_str() {
                "rate-scale" | "speed-up" if self.keys.closed_loop.is_none() => {}
                "rate-scale" | "speed-up" => {
                    let message =
                        format!("the clients of traffic `{name}` send when they are answered");
                    return about(&key, message, "change `clients` or `think` in `closed-loop`");
                }
                "window" => {
                    let message = format!("`window` cuts a trace, and traffic `{name}` is drawn");
                    return about(&key, message, "set `--duration` and `--warm-up` instead");
                }
                _ => {
                    let message =
                        format!("`{key}` says how a trace is read, and traffic `{name}` is drawn");
                    return about(&key, message, "leave it out, or replay a file: `trace = …`");
                }
            }
        }
        Ok(())
    }

    /// What the process of its arrivals is built from: the run in the time of the process.
    fn setup<'a>(&self, duration: Option<Duration>, folder: &'a Path) -> arrivals::Setup<'a> {
        let trace::Shape { speed_up, rate_scale, .. } = self.shape;
        let longer = |run: Duration| match speed_up {
            1.0 => run,
            faster => Duration((run.0 as f64 * faster) as u64),
        };
        arrivals::Setup { duration: duration.map(longer), folder, rate_scale }
    }

    /// Makes standard input readable again and again, for commands that run more than once.
    pub fn keep(&self) -> Result<(), Problem> {
        // The folder of a stream's path does not matter: it is absolute, or standard input.
        if let Some(input) = self.input(Path::new("")).filter(trace::Input::is_stream) {
            let kept = input.kept()?;
            self.kept.get_or_init(|| kept);
        }
        Ok(())
    }

    /// Whether its requests carry keys: drawn ones, or a column of the trace.
    pub(super) fn has_keys(&self, folder: &Path) -> Result<bool, Problem> {
        let known = self.keys.key.is_some() || self.options.columns.key.is_some();
        match self.input(folder) {
            // What can be read only once is believed to have what is asked of it.
            Some(input) if input.is_stream() => Ok(true),
            Some(input) if !known => {
                if let Some(keyed) = self.keyed.get() {
                    return Ok(*keyed);
                }
                let columns = Trace::open(&input, &self.options)?.understanding().columns;
                let found = columns.iter().any(|bound| bound.role == Role::Key);
                Ok(*self.keyed.get_or_init(|| found))
            }
            _ => Ok(known),
        }
    }

    /// Reads standard input from where another class has kept it.
    pub fn keep_like(&self, other: &Self) {
        if let Some(kept) = other.kept.get() {
            self.kept.get_or_init(|| kept.clone());
        }
    }

    /// Where the trace is, if this is a replay.
    pub fn input(&self, folder: &Path) -> Option<trace::Input> {
        let path = self.keys.trace.as_ref()?;
        Some(match (self.kept.get(), path.to_str()) {
            (Some(kept), _) => kept.clone(),
            (None, Some("-")) => trace::Input::Stdin,
            _ => trace::Input::Path(folder.join(path)),
        })
    }

    /// The requests of this class in one replication.
    pub(super) fn source(
        &self,
        class: u16,
        name: &str,
        seed: Seed,
        folder: &Path,
        duration: Option<Duration>,
        most: u64,
    ) -> Result<Box<dyn Source>, Problem> {
        let attributes = self.attributes(class, name, seed, folder)?;
        if let Some(input) = self.input(folder) {
            let until = duration.map_or(Instant::NEVER, |span| Instant::START + span);
            return self.replay(&input, name, seed, attributes, until, most);
        }
        // A run whose number of requests is set lasts as long as they take.
        let length = if most == u64::MAX { DRAWN_FOR } else { Duration::FOREVER };
        let until = Instant::START + duration.unwrap_or(length);
        if let Some(clients) = &self.keys.closed_loop {
            let source = clients.source(name, attributes, seed, until, most, folder)?;
            return Ok(Box::new(source));
        }
        let Some(process) = &self.keys.arrivals else {
            return Err(Problem::new(format!("traffic `{name}` needs a source of requests")));
        };
        let process = process.build(&self.setup(duration, folder))?;
        let drawn = Drawn::new(name, process, attributes, seed, until, most);
        Ok(Box::new(drawn.sped_up(self.shape.speed_up)))
    }

    fn replay(
        &self,
        input: &trace::Input,
        name: &str,
        seed: Seed,
        mut attributes: Attributes,
        until: Instant,
        most: u64,
    ) -> Result<Box<dyn Source>, Problem> {
        let needs_service = self.keys.service.is_none();
        let options = trace::Options { needs_service, ..self.options.clone() };
        let trace = Trace::open(input, &options)?;
        let columns = trace.understanding().columns;
        let gives = |role: Role| columns.iter().any(|bound| bound.role == role);
        if !gives(Role::Service) && self.keys.service.is_none() {
            return Err(no_service(&input.name(), gives(Role::Input) || gives(Role::Output)));
        }
        let impatient = self.keys.patience.is_some();
        let advice = self.keys.service.as_ref().filter(|_| gives(Role::Service)).map(|_| {
            format!(
                "`{}` brings service times: the `service` given for traffic `{name}` fills in only \
                 where a row has none",
                input.name()
            )
        });
        let complete = move |row: &Row| {
            let &Row { at, service, input, output, key, priority, .. } = row;
            attributes.request(at, &Given { service, input, output, key, priority })
        };
        let source = TraceSource::new(trace, self.shape, seed, name, complete)?;
        Ok(Box::new(Bounded { source, until, left: most, impatient, advice }))
    }

    fn attributes(
        &self,
        class: u16,
        name: &str,
        seed: Seed,
        folder: &Path,
    ) -> Result<Attributes, Problem> {
        let build = |recipe: &Option<Recipe<dyn Law>>, unit| {
            let setup = law::Setup { unit, folder };
            recipe.as_ref().map(|law| law.build(&setup)).transpose()
        };
        let keys = &self.keys;
        let mut attributes = Attributes::new(class, name, seed);
        attributes.priority = keys.priority;
        attributes.demand = keys.service.as_ref().map(|demand| demand.build(folder)).transpose()?;
        attributes.tokens =
            [build(&keys.input_tokens, Unit::Count)?, build(&keys.output_tokens, Unit::Count)?];
        attributes.keys = keys.key;
        attributes.patience = build(&keys.patience, Unit::Time)?;
        Ok(attributes)
    }
}

fn no_such_file(input: &trace::Input, folder: &Path) -> Result<(), Problem> {
    match input {
        trace::Input::Path(path) if !path.exists() && folder != Path::new("") => {
            Err(Problem::about("trace", format!("there is no file `{}`", path.display())).help(
                format!(
                    "check the path; it is taken from the scenario's folder, `{}`",
                    folder.display()
                ),
            ))
        }
        _ => Ok(()),
    }
}

fn no_service(file: &str, has_tokens: bool) -> Problem {
    let example = if has_tokens {
        "give them by tokens: `--service 'tokens:base=30ms,input=0.2ms,output=12ms'`, or by a law: \
         `--service lognormal:mean=180ms,cv=1.3`"
    } else {
        "map the column (`--columns service=NAME`), or give a law: \
         `--service lognormal:mean=180ms,cv=1.3`"
    };
    Problem::new(format!("`{file}` has no service times")).help(example)
}

/// A replay cut at an instant or a number of requests.
struct Bounded<S> {
    source: S,
    until: Instant,
    left: u64,
    impatient: bool,
    advice: Option<String>,
}

impl<S: Source> Source for Bounded<S> {
    fn fill(&mut self, out: &mut Vec<Request>) -> Result<(), Problem> {
        if self.left == 0 {
            return Ok(());
        }
        let before = out.len();
        self.source.fill(out)?;
        let new = &out[before..];
        let early = new.partition_point(|request| request.arrival < self.until) as u64;
        let kept = early.min(self.left);
        self.left = if kept < new.len() as u64 { 0 } else { self.left - kept };
        out.truncate(before + kept as usize);
        Ok(())
    }

    fn is_impatient(&self) -> bool {
        self.impatient
    }

    fn share(&self) -> Option<f64> {
        self.source.share()
    }

    fn end(&mut self) -> Option<Instant> {
        // A number of requests that was asked for ends the run with the last of them.
        let whole = self.source.end().filter(|_| self.left > 0);
        whole.map(|end| end.min(self.until))
    }

    fn advice(&mut self) -> Vec<String> {
        self.source.advice().into_iter().chain(self.advice.clone()).collect()
    }
}

impl<'de> Deserialize<'de> for Traffic {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let node = Node::deserialize(deserializer)?;
        let read = || -> Result<Self, Problem> {
            split::refuse_strangers(
                &node,
                &[
                    split::fields::<Keys>(),
                    split::fields::<trace::Options>(),
                    split::fields::<trace::Shape>(),
                ],
            )?;
            let (keys, rest) = split::take::<Keys>(&node)?;
            let (options, rest) = split::take::<trace::Options>(&rest)?;
            Ok(Self { keys, options, shape: rest.typed()?, ..Self::default() })
        };
        read().map_err(Problem::carry)
    }
}

impl Serialize for Traffic {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let value = |part: Result<serde_json::Value, serde_json::Error>| {
            part.map_err(serde::ser::Error::custom)
        };
        let mut table = value(serde_json::to_value(&self.keys))?;
        let parts = if self.is_replayed() {
            [fields(&self.options), fields(&self.shape)]
        } else {
            [changes(&self.options), changes(&self.shape)]
        };
        if let Some(table) = table.as_object_mut() {
            table.extend(parts.into_iter().flatten());
        }
        table.serialize(serializer)
    }
}

type Fields = serde_json::Map<String, serde_json::Value>;

/// The fields of plain data by name.
pub(super) fn fields(of: &impl Serialize) -> Fields {
    match serde_json::to_value(of) {
        Ok(serde_json::Value::Object(fields)) => fields,
        _ => Fields::new(),
    }
}

/// The fields that are not as they are by default.
fn changes<T: Serialize + Default>(of: &T) -> Fields {
    let plain = fields(&T::default());
    let mut all = fields(of);
    all.retain(|key, value| plain.get(key) != Some(value));
    all
}

impl JsonSchema for Traffic {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Traffic".into()
    }
    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let mut schema = Keys::json_schema(generator);
        let more = [trace::Options::json_schema(generator), trace::Shape::json_schema(generator)];
        let own = schema.get_mut("properties").and_then(serde_json::Value::as_object_mut);
        if let Some(own) = own {
            for part in &more {
                let fields = part.get("properties").and_then(serde_json::Value::as_object);
                own.extend(fields.into_iter().flatten().map(|(k, v)| (k.clone(), v.clone())));
            }
        }
        schema
    }
}

/// The schema of a part with the properties of `keys` beside the options of each variant.
pub(super) fn with_properties<T: JsonSchema>(
    generator: &mut schemars::SchemaGenerator,
    keys: &serde_json::Value,
) -> schemars::Schema {
    let mut schema = T::json_schema(generator);
    let own = keys.get("properties").and_then(serde_json::Value::as_object).cloned();
    let variants = schema.get_mut("anyOf").and_then(serde_json::Value::as_array_mut);
    for variant in variants.into_iter().flatten() {
        let properties = variant.get_mut("properties").and_then(|all| all.as_object_mut());
        if let (Some(properties), Some(own)) = (properties, &own) {
            properties.extend(own.clone());
        }
    }
    schema
}
