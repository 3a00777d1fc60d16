//! `[traffic.NAME]`: a class of requests, replayed from a trace or drawn from laws.

use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::diagnose::Problem;
use crate::law::{self, Law, Unit};
use crate::registry::Recipe;
use crate::rng::Seed;
use crate::time::{Duration, Instant};
use crate::workload::Source;
use crate::workload::arrivals::{self, Arrivals};
use crate::workload::attributes::Attributes;
use crate::workload::demand::Demand;
use crate::workload::drawn::Drawn;
use crate::workload::keys::Keys;

/// A class of requests.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct Traffic {
    /// A traffic file to replay; `-` is standard input.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trace: Option<PathBuf>,
    /// The process that arrivals are drawn from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub arrivals: Option<Recipe<dyn Arrivals>>,
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
    pub key: Option<Keys>,
    /// How long a request is willing to wait in a queue; for ever when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub patience: Option<Recipe<dyn Law>>,
    /// Larger is served earlier where the discipline looks at it.
    pub priority: i16,
}

/// The length of a run of drawn traffic that does not say.
pub(super) const DRAWN_FOR: Duration = Duration::from_secs(3600);

impl Traffic {
    /// Whether it is replayed from a trace.
    pub fn is_replayed(&self) -> bool {
        self.trace.is_some()
    }

    pub(super) fn check(&self, name: &str, folder: &Path) -> Result<(), Problem> {
        if self.trace.is_some() == self.arrivals.is_some() {
            return Err(Problem::new(format!("traffic `{name}` needs a trace or a process"))
                .help("write either `trace = \"file.csv\"` or `arrivals = { process = … }`"));
        }
        if self.trace.is_none() && self.service.is_none() {
            return Err(Problem::new(format!("traffic `{name}` has no service times")).help(
                "add `service = { law = \"exponential\", mean = \"50ms\" }`, or `--service …`",
            ));
        }
        self.source(0, name, Seed::new(0, 0), folder, None, 1).map(drop)
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
        let Some(process) = &self.arrivals else {
            return Err(Problem::new("traces are read by the trace reader"));
        };
        let setup = arrivals::Setup { duration, folder };
        let until = Instant::START + duration.unwrap_or(DRAWN_FOR);
        Ok(Box::new(Drawn::new(name, process.build(&setup)?, attributes, seed, until, most)))
    }
}

impl Traffic {
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
        let mut attributes = Attributes::new(class, name, seed);
        attributes.priority = self.priority;
        attributes.demand = self.service.as_ref().map(|demand| demand.build(folder)).transpose()?;
        attributes.tokens =
            [build(&self.input_tokens, Unit::Count)?, build(&self.output_tokens, Unit::Count)?];
        attributes.keys = self.key;
        attributes.patience = build(&self.patience, Unit::Time)?;
        Ok(attributes)
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
