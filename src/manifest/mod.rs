//! Kubernetes' own files: what they say of a pool and its autoscaler, and the way back.
//!
//! Read are `HorizontalPodAutoscaler` (`autoscaling/v2`), KEDA's `ScaledObject`, a Knative
//! `Service` with its annotations, and a `Deployment` (replicas, resources, grace period); one file
//! may hold several. They become settings of a scenario's pool, each with its place in the file. A
//! field that Kubernetes does not know is refused, one that is not simulated is named. Written is
//! the same object that says what a scenario's pool says.

mod deployment;
mod emit;
mod fields;
mod hpa;
mod keda;
mod knative;
mod quantity;
mod signals;
mod write;

pub use signals::Names;
pub use write::of_pool;

use crate::diagnose::Problem;
use crate::document::{Node, Table, Value};
use fields::Fields;

/// What the manifests of one pool say.
#[derive(Clone, Debug, Default)]
pub struct Manifests {
    /// The workload they are about.
    pub workload: Option<String>,
    /// Keys of `[pool.NAME]` with their values.
    pub settings: Vec<(&'static str, Node)>,
    /// What the reader of the results should know.
    pub remarks: Vec<String>,
}

/// What one manifest needs to know of the others and of the command line.
struct Context<'a> {
    names: &'a Names,
    /// The name of the `Deployment`, where one is given.
    deployment: Option<String>,
    /// The processor of a pod, where it says so.
    cpu: Option<Cpu>,
    remarks: Vec<String>,
}

/// The processor of a pod, in cores.
#[derive(Clone, Copy, Debug)]
struct Cpu {
    /// What utilization is measured by.
    requests: f64,
    /// What the pod can use.
    limit: f64,
}

/// The kinds that are read.
const KINDS: [&str; 4] = ["HorizontalPodAutoscaler", "ScaledObject", "Service", "Deployment"];

impl Manifests {
    /// Reads manifests; `names` says which signal of the simulation a custom metric is.
    pub fn of(documents: &[Node], names: &Names) -> Result<Self, Problem> {
        let mut context = Context { names, deployment: None, cpu: None, remarks: Vec::new() };
        let mut reading = Self::default();
        // A Deployment first: an autoscaler's targets are relative to its requests.
        let kinds = documents.iter().map(kind).collect::<Result<Vec<_>, _>>()?;
        let order = |deployment: bool| {
            let of = move |(kind, _): &(&&str, &Node)| (**kind == "Deployment") == deployment;
            kinds.iter().zip(documents).filter(of)
        };
        for (kind, document) in order(true).chain(order(false)) {
            let settings = match *kind {
                "Deployment" => deployment::read(document, &mut context)?,
                "HorizontalPodAutoscaler" => hpa::read(document, &mut context)?,
                "ScaledObject" => keda::read(document, &mut context)?,
                _ => knative::read(document, &mut context)?,
            };
            for (key, node) in settings {
                if reading.settings.iter().any(|(known, _)| *known == key) {
                    let what = format!("two manifests set the pool's `{key}`");
                    return Err(Problem::new(what)
                        .help("give the manifests of one workload only")
                        .at(&node.origin));
                }
                reading.settings.push((key, node));
            }
            let target = document.find("spec.scaleTargetRef.name");
            let name = target.or_else(|| document.find("metadata.name"));
            if let Some(Value::Text(name)) = name.map(|node| &node.value) {
                if *kind == "Deployment" {
                    context.deployment = Some(name.clone());
                }
                reading.workload.get_or_insert_with(|| name.clone());
            }
        }
        reading.remarks = context.remarks;
        Ok(reading)
    }
}

/// The kind of a manifest that is read.
fn kind(document: &Node) -> Result<&'static str, Problem> {
    let mut fields = Fields::of(document, "")?;
    let (version, kind) = (fields.need("apiVersion")?, fields.need("kind")?);
    let word = |node: &Node| match &node.value {
        Value::Text(text) => text.clone(),
        other => other.kind().to_owned(),
    };
    let (api, name) = (word(version), word(kind));
    let Some(known) = KINDS.iter().find(|known| **known == name) else {
        return Err(crate::diagnose::unknown("kind", &name, &KINDS).at(&kind.origin));
    };
    let wanted: &[&str] = match *known {
        "HorizontalPodAutoscaler" => &["autoscaling/v2"],
        "ScaledObject" => &["keda.sh/v1alpha1"],
        "Service" => &["serving.knative.dev/v1"],
        _ => &["apps/v1"],
    };
    if !wanted.contains(&api.as_str()) {
        return Err(Problem::new(format!("a `{known}` of `{api}` is not read"))
            .help(format!("`{}` is; `kubectl convert` translates", wanted.join("`, `")))
            .at(&version.origin));
    }
    Ok(known)
}

/// The `spec` of a manifest; its head (`apiVersion`, `kind`, `metadata`, `status`) is known.
fn spec(document: &Node) -> Result<Fields<'_>, Problem> {
    let mut fields = Fields::of(document, "")?;
    fields.ignore(&["apiVersion", "kind", "metadata", "status"]);
    let spec = Fields::of(fields.need("spec")?, "spec")?;
    fields.finish()?;
    Ok(spec)
}

/// A table of a scenario in the making; every value has the place it was read from.
struct Making(Node);

impl Making {
    fn at(place: &Node) -> Self {
        Self(Node { value: Value::Table(Table::new()), origin: place.origin.clone() })
    }

    fn set(&mut self, key: &str, value: Value, place: &Node) -> Result<(), Problem> {
        self.0.set(key, Node { value, origin: place.origin.clone() })
    }

    /// An autoscaler of this policy, as a manifest says.
    fn of_policy(name: &str, document: &Node) -> Result<Self, Problem> {
        let mut making = Self::at(document);
        let place = document.get("kind").unwrap_or(document);
        making.set("policy", Value::Text(name.to_owned()), place)?;
        Ok(making)
    }

    /// Copies a whole number, where it is set.
    fn count(
        &mut self,
        key: &str,
        fields: &mut Fields<'_>,
        from: &'static str,
    ) -> Result<(), Problem> {
        self.copy(key, fields, from, Value::Integer)
    }

    /// Refuses bounds of which the least is above the largest, in the words of the file; each is a
    /// key with its field, and `default` what Kubernetes takes where the largest is not set.
    fn bounds(
        &self,
        (least, low): (&str, &str),
        (most, high): (&str, &str),
        default: i64,
    ) -> Result<(), Problem> {
        let whole = |node: &Node| match node.value {
            Value::Integer(count) => Some(count),
            _ => None,
        };
        let Some(place) = self.0.get(least) else { return Ok(()) };
        let (min, max) = (whole(place), self.0.get(most).and_then(whole));
        let by_default = if max.is_some() { "" } else { ", the default" };
        match (min, max.unwrap_or(default)) {
            (Some(min), max) if min > max => {
                let what = format!("`{low}` = {min} is above `{high}` = {max}{by_default}");
                let help = format!("lower `{low}` or raise `{high}`");
                Err(Problem::new(what).help(help).at(&place.origin))
            }
            _ => Ok(()),
        }
    }

    /// Copies a number of seconds as a span, where it is set.
    fn seconds(
        &mut self,
        key: &str,
        fields: &mut Fields<'_>,
        from: &'static str,
    ) -> Result<(), Problem> {
        self.copy(key, fields, from, |seconds| Value::Text(format!("{seconds}s")))
    }

    fn copy(
        &mut self,
        key: &str,
        fields: &mut Fields<'_>,
        from: &'static str,
        as_value: impl Fn(i64) -> Value,
    ) -> Result<(), Problem> {
        match (fields.count(from)?, fields.get(from)) {
            (Some(count), Some(place)) => self.set(key, as_value(count), place),
            _ => Ok(()),
        }
    }
}
