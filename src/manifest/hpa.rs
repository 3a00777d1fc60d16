//! A `HorizontalPodAutoscaler` of `autoscaling/v2`.

use super::fields::Fields;
use super::{Context, Making, quantity, signals, spec};
use crate::diagnose::{Problem, unknown};
use crate::document::{Node, Value};

/// The utilization aimed at where no metric is given, in percent.
const DEFAULT_PERCENT: i64 = 80;

/// The autoscaler of a pool.
pub(super) fn read(
    document: &Node,
    context: &mut Context<'_>,
) -> Result<Vec<(&'static str, Node)>, Problem> {
    let mut fields = spec(document)?;
    let mut making = Making::of_policy("hpa", document)?;
    reference(&mut fields)?;
    fields.need("maxReplicas")?;
    making.count("min-replicas", &mut fields, "minReplicas")?;
    making.count("max-replicas", &mut fields, "maxReplicas")?;
    making.bounds(("min-replicas", "minReplicas"), ("max-replicas", "maxReplicas"), i64::MAX)?;
    metrics(fields.list("metrics")?, document, &mut making, context)?;
    if let Some(place) = fields.get("behavior") {
        behavior(place, &mut making, "behavior", "spec.behavior")?;
    }
    fields.finish()?;
    Ok(vec![("autoscaler", making.0)])
}

/// The workload that is scaled.
pub(super) fn reference(fields: &mut Fields<'_>) -> Result<(), Problem> {
    fields.need("scaleTargetRef")?;
    let Some(mut target) = fields.table("scaleTargetRef")? else { return Ok(()) };
    target.need("name")?;
    target.ignore(&["apiVersion", "kind", "envSourceContainerName"]);
    target.finish()
}

/// Each metric as settings: the signal, the value of it that is aimed at, how they are compared.
fn metrics(
    list: &[Node],
    document: &Node,
    making: &mut Making,
    context: &mut Context<'_>,
) -> Result<(), Problem> {
    let mut also = Vec::new();
    for (number, node) in list.iter().enumerate() {
        let metric = metric(node, context)?;
        if number == 0 {
            metric.put(making)?;
        } else {
            let mut more = Making::at(node);
            metric.put(&mut more)?;
            also.push(more.0);
        }
    }
    if list.is_empty() {
        // The default of the interface: processor utilization of 80 %.
        let place = document.get("spec").unwrap_or(document);
        making.set("metric", Value::Text("utilization".to_owned()), place)?;
        let target = Node { value: Value::Integer(DEFAULT_PERCENT), origin: place.origin.clone() };
        making.0.set("target", share(&target, DEFAULT_PERCENT as f64, context))?;
    }
    if !also.is_empty() {
        making.set("also", Value::List(also), document)?;
    }
    Ok(())
}

/// A metric, understood.
struct Metric {
    signal: Node,
    target: Node,
    /// How the two are compared, as the policy calls it.
    target_type: Node,
}

impl Metric {
    fn put(self, making: &mut Making) -> Result<(), Problem> {
        let word = |node: &Node| match &node.value {
            Value::Text(text) => text.clone(),
            _ => String::new(),
        };
        let usual = signals::usual_type(&word(&self.signal));
        making.0.set("metric", self.signal)?;
        making.0.set("target", self.target)?;
        if word(&self.target_type) != usual {
            making.0.set("target-type", self.target_type)?;
        }
        Ok(())
    }
}

const TYPES: [(&str, &str); 5] = [
    ("Resource", "resource"),
    ("ContainerResource", "containerResource"),
    ("Pods", "pods"),
    ("Object", "object"),
    ("External", "external"),
];

fn metric(node: &Node, context: &mut Context<'_>) -> Result<Metric, Problem> {
    let mut fields = Fields::of(node, "spec.metrics[]")?;
    let place = fields.need("type")?;
    let name = fields.text("type")?.unwrap_or_default();
    let Some((_, key)) = TYPES.iter().find(|(known, _)| *known == name) else {
        let known = TYPES.map(|(known, _)| known);
        return Err(unknown("type of metric", name, &known).at(&place.origin));
    };
    let mut source = Fields::of(fields.need(key)?, &fields.path(key))?;
    fields.finish()?;
    let resource = key.ends_with("esource");
    let signal = if resource {
        source.ignore(&["container"]);
        let place = source.need("name")?;
        let word = match source.text("name")?.unwrap_or_default() {
            "cpu" => "utilization",
            "memory" => "memory",
            other => return Err(unknown("resource", other, &["cpu", "memory"]).at(&place.origin)),
        };
        Node { value: Value::Text(word.to_owned()), origin: place.origin.clone() }
    } else {
        source.ignore(&["describedObject"]);
        let mut metric = Fields::of(source.need("metric")?, &source.path("metric"))?;
        metric.not_simulated(&["selector"], &mut context.remarks);
        let place = metric.need("name")?;
        let name = metric.text("name")?.unwrap_or_default();
        metric.finish()?;
        signals::signal(name, place, context)?
    };
    let node = source.need("target")?;
    let mut target = Fields::of(node, &source.path("target"))?;
    let place = target.need("type")?;
    let target_type = match (target.text("type")?.unwrap_or_default(), *key) {
        ("Value", _) => "value",
        ("AverageValue", "object" | "external") => "average-value",
        ("AverageValue", "pods") => "pod-average",
        _ => "utilization",
    };
    let target_type =
        Node { value: Value::Text(target_type.to_owned()), origin: place.origin.clone() };
    source.finish()?;
    let target = aim(target, &signal, key, context)?;
    Ok(Metric { signal, target, target_type })
}

/// The value aimed at, as the policy takes it: a share of utilization, else so much a pod.
fn aim(
    mut target: Fields<'_>,
    signal: &Node,
    source: &str,
    context: &mut Context<'_>,
) -> Result<Node, Problem> {
    let resource = source.ends_with("esource");
    let kind = target.text("type")?.unwrap_or_default();
    let (percent, average, value) =
        (target.get("averageUtilization"), target.get("averageValue"), target.get("value"));
    let path = target.path("type");
    let origin = target.origin();
    target.finish()?;
    let wants =
        |key: &str| Problem::new(format!("`{path}` is {kind}, so `{key}` must be set")).at(origin);
    match (kind, resource) {
        ("Utilization", true) => {
            let place = percent.ok_or_else(|| wants("averageUtilization"))?;
            let percent = quantity::read(place)?;
            Ok(if signal.value == Value::Text("utilization".to_owned()) {
                share(place, percent, context)
            } else {
                Node { value: Value::Float(percent / 100.0), origin: place.origin.clone() }
            })
        }
        ("AverageValue", true) => {
            let place = average.ok_or_else(|| wants("averageValue"))?;
            let amount = quantity::read(place)?;
            let known = context.cpu.filter(|_| signal.value == Value::Text("utilization".into()));
            let cpu = known.ok_or_else(|| {
                Problem::new("this amount is a share of a pod that nothing is known of")
                    .help("give the Deployment with its cpu requests too, or `averageUtilization`")
                    .at(&place.origin)
            })?;
            Ok(Node { value: Value::Float(amount / cpu.limit), origin: place.origin.clone() })
        }
        ("AverageValue" | "Value", false) if source != "pods" || kind == "AverageValue" => {
            let key = if kind == "Value" { "value" } else { "averageValue" };
            let place = if kind == "Value" { value } else { average };
            let place = place.ok_or_else(|| wants(key))?;
            let amount = quantity::read(place)?;
            Ok(Node { value: Value::Float(amount), origin: place.origin.clone() })
        }
        _ => {
            let known: &[&str] = match source {
                "pods" => &["AverageValue"],
                _ if resource => &["Utilization", "AverageValue"],
                _ => &["AverageValue", "Value"],
            };
            Err(unknown("type of target", kind, known).at(origin))
        }
    }
}

/// A percentage of the requested processor as a share of a server's slots, which are its limit.
fn share(place: &Node, percent: f64, context: &Context<'_>) -> Node {
    let of_limit = context.cpu.map_or(1.0, |cpu| cpu.requests / cpu.limit);
    Node { value: Value::Float(percent / 100.0 * of_limit), origin: place.origin.clone() }
}

/// The rules of both directions; KEDA has them in another place.
pub(super) fn behavior(
    node: &Node,
    making: &mut Making,
    key: &str,
    path: &str,
) -> Result<(), Problem> {
    let mut fields = Fields::of(node, path)?;
    let mut both = Making::at(node);
    for (from, to) in [("scaleUp", "scale-up"), ("scaleDown", "scale-down")] {
        let Some(place) = fields.get(from) else { continue };
        let mut rules = Fields::of(place, &format!("{path}.{from}"))?;
        let mut direction = Making::at(place);
        direction.seconds("stabilization-window", &mut rules, "stabilizationWindowSeconds")?;
        if let Some(place) = rules.get("tolerance") {
            let share = quantity::read(place)?;
            direction.set("tolerance", Value::Float(share), place)?;
        }
        if let (Some(select), Some(place)) =
            (rules.text("selectPolicy")?, rules.get("selectPolicy"))
        {
            direction.set("select", Value::Text(select.to_lowercase()), place)?;
        }
        let policies = rules.list("policies")?.iter().map(policy);
        let policies = policies.collect::<Result<Vec<Node>, Problem>>()?;
        if let Some(place) = rules.get("policies") {
            direction.set("policies", Value::List(policies), place)?;
        }
        rules.finish()?;
        both.0.set(to, direction.0)?;
    }
    fields.finish()?;
    making.0.set(key, both.0)
}

fn policy(node: &Node) -> Result<Node, Problem> {
    let mut fields = Fields::of(node, "policies[]")?;
    let mut making = Making::at(node);
    let place = fields.need("type")?;
    let kind = fields.text("type")?.unwrap_or_default().to_lowercase();
    making.set("type", Value::Text(kind), place)?;
    for key in ["value", "periodSeconds"] {
        fields.need(key)?;
    }
    making.count("value", &mut fields, "value")?;
    making.seconds("period", &mut fields, "periodSeconds")?;
    fields.finish()?;
    Ok(making.0)
}
