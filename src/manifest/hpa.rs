//! A `HorizontalPodAutoscaler` of `autoscaling/v2`.

use super::fields::Fields;
use super::{Context, Cpu, Making, quantity, signals, spec};
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
    reference(&mut fields, context)?;
    // What is known is not what is missing, misspelt.
    fields.ignore(&["minReplicas", "metrics", "behavior"]);
    fields.need("maxReplicas")?;
    making.count("min-replicas", &mut fields, "minReplicas")?;
    fields.within("maxReplicas", (1, i64::MAX))?;
    making.count("max-replicas", &mut fields, "maxReplicas")?;
    making.bounds(("min-replicas", "minReplicas"), ("max-replicas", "maxReplicas"), i64::MAX)?;
    let list = fields.list("metrics")?;
    if let Some((0, place)) = fields.count("minReplicas")?.zip(fields.get("minReplicas")) {
        to_zero(place, list, &mut making, context)?;
    }
    metrics(list, document, &mut making, context)?;
    if let Some(place) = fields.get("behavior") {
        behavior(place, &mut making, "behavior", "spec.behavior")?;
    }
    fields.finish()?;
    Ok(vec![("autoscaler", making.0)])
}

/// The least count of 0 is behind a feature gate, and asks for a metric that exists without pods.
fn to_zero(
    place: &Node,
    metrics: &[Node],
    making: &mut Making,
    context: &mut Context<'_>,
) -> Result<(), Problem> {
    let is_without_pods = |metric: &Node| {
        let kind = metric.get("type").map(|node| &node.value);
        ["Object", "External"].iter().any(|it| kind == Some(&Value::Text((*it).to_owned())))
    };
    if !metrics.iter().any(is_without_pods) {
        let what = "`spec.minReplicas` = 0 is not taken by Kubernetes without an `Object` or \
                    `External` metric";
        return Err(Problem::new(what)
            .help("write 1 or more, or add a metric that exists without pods")
            .at(&place.origin));
    }
    let at = super::fields::place(&place.origin);
    context.remarks.push(format!(
        "{at}: `minReplicas: 0` is taken only where the feature gate `HPAScaleToZero` is on, as is \
         simulated"
    ));
    making.set("scale-to-zero", Value::Bool(true), place)
}

/// The workload that is scaled; where a `Deployment` is given as well, that one.
pub(super) fn reference(fields: &mut Fields<'_>, context: &mut Context<'_>) -> Result<(), Problem> {
    fields.need("scaleTargetRef")?;
    let Some(mut target) = fields.table("scaleTargetRef")? else { return Ok(()) };
    let place = target.need("name")?;
    let name = target.text("name")?.unwrap_or_default();
    let kind = target.text("kind")?.unwrap_or("Deployment");
    target.ignore(&["apiVersion", "envSourceContainerName"]);
    target.finish()?;
    match &context.deployment {
        Some(given) if given != name || kind != "Deployment" => {
            Err(Problem::new(format!("this scales the {kind} `{name}`, not `{given}`"))
                .help(format!(
                    "the Deployment that is given is `{given}`: give that of `{name}`, or leave \
                     it out"
                ))
                .at(&place.origin))
        }
        _ => Ok(()),
    }
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
        making.0.set("target", share(&target, DEFAULT_PERCENT as f64, context)?)?;
    }
    if !also.is_empty() {
        making.set("also", Value::List(also), document)?;
    }
    cores(making, document, context)
}

/// The cores of a pod, where a metric is held against what it requests or against an amount.
fn cores(making: &mut Making, place: &Node, context: &Context<'_>) -> Result<(), Problem> {
    let Some(Cpu { requests, limit }) = context.cpu else { return Ok(()) };
    let is = |metric: &Node, key: &str, word: &str| {
        metric.get(key).is_some_and(|node| node.value == Value::Text(word.to_owned()))
    };
    let further = match making.0.get("also").map(|node| &node.value) {
        Some(Value::List(further)) => further.as_slice(),
        _ => &[],
    };
    let mut all = std::iter::once(&making.0).chain(further);
    let is_told_in_cores = all.any(|metric| {
        let is_amount = is(metric, "target-type", "pod-average");
        is(metric, "metric", "utilization") && (is_amount || requests < limit)
    });
    if is_told_in_cores {
        let mut cores = Making::at(place);
        cores.set("requests", Value::Float(requests), place)?;
        cores.set("limit", Value::Float(limit), place)?;
        making.0.set("cores", cores.0)?;
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
        ("AverageValue", _) => "pod-average",
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
            used(signal, percent.ok_or_else(|| wants("averageUtilization"))?, context)
        }
        ("AverageValue", true) => {
            amount(signal, average.ok_or_else(|| wants("averageValue"))?, context)
        }
        ("AverageValue" | "Value", false) if source != "pods" || kind == "AverageValue" => {
            let key = if kind == "Value" { "value" } else { "averageValue" };
            let place = if kind == "Value" { value } else { average };
            let place = place.ok_or_else(|| wants(key))?;
            let amount = positive(place)?;
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

/// A resource as a trigger of KEDA names it: its name, the type of its target, and the value.
pub(super) fn resource(
    name: &str,
    place: &Node,
    kind: &str,
    value: &Node,
    making: &mut Making,
    context: &mut Context<'_>,
) -> Result<(), Problem> {
    let word = if name == "cpu" { "utilization" } else { "memory" };
    let signal = Node { value: Value::Text(word.to_owned()), origin: place.origin.clone() };
    let target = match kind {
        "Utilization" => used(&signal, value, context)?,
        "AverageValue" => amount(&signal, value, context)?,
        other => {
            let known = ["Utilization", "AverageValue"];
            return Err(unknown("type of target", other, &known).at(&place.origin));
        }
    };
    making.0.set("metric", signal)?;
    making.0.set("target", target)?;
    if kind == "AverageValue" {
        making.set("target-type", Value::Text("pod-average".to_owned()), place)?;
    }
    cores(making, place, context)
}

/// A percentage of what pods request as a share.
fn used(signal: &Node, place: &Node, context: &mut Context<'_>) -> Result<Node, Problem> {
    let percent = quantity::read(place)?;
    if percent < 1.0 || percent.fract() != 0.0 {
        return Err(Problem::new(format!(
            "a utilization of {percent} % is not taken by Kubernetes"
        ))
        .help("it must be above 0 and whole, e.g. 60")
        .at(&place.origin));
    }
    if signal.value == Value::Text("utilization".to_owned()) {
        return share(place, percent, context);
    }
    Ok(Node { value: Value::Float(percent / 100.0), origin: place.origin.clone() })
}

/// An amount of the processor for each pod as a share.
fn amount(signal: &Node, place: &Node, context: &Context<'_>) -> Result<Node, Problem> {
    let amount = positive(place)?;
    let known = context.cpu.filter(|_| signal.value == Value::Text("utilization".into()));
    let cpu = known.ok_or_else(|| {
        Problem::new("this amount is a share of a pod that nothing is known of")
            .help("give the Deployment with its cpu requests too, or a target for utilization")
            .at(&place.origin)
    })?;
    Ok(Node { value: Value::Float(amount / cpu.limit), origin: place.origin.clone() })
}

/// A quantity to aim at.
pub(super) fn positive(place: &Node) -> Result<f64, Problem> {
    let amount = quantity::read(place)?;
    if amount > 0.0 {
        return Ok(amount);
    }
    Err(Problem::new("a target of 0 is not taken by Kubernetes")
        .help("it must be above 0")
        .at(&place.origin))
}

/// A percentage of the requested processor as a share of a server's slots, which are its limit.
fn share(place: &Node, percent: f64, context: &mut Context<'_>) -> Result<Node, Problem> {
    let at = super::fields::place(&place.origin);
    let (of_limit, said) = match context.cpu {
        None => (1.0, "all slots busy are 100 % of what a pod requests".to_owned()),
        Some(Cpu { requests, limit }) => {
            let core = limit / limit.floor().max(1.0);
            let said = format!("a busy slot uses {core} of the {requests} cores a pod requests");
            (requests / limit, said)
        }
    };
    let share = percent / 100.0 * of_limit;
    if share > 1.0 {
        let most = (100.0 / of_limit).floor();
        let what = format!(
            "{percent} % of the requested cpu is more than a server's slots can use, {most} %: \
             the HPA would never add a server"
        );
        return Err(Problem::new(what)
            .help(format!(
                "write {most} or less, or give the Deployment with a limit of cpu above its request"
            ))
            .at(&place.origin));
    }
    if !context.remarks.iter().any(|remark| remark.contains("is busy slots")) {
        context.remarks.push(format!("{at}: utilization of cpu is busy slots: {said}"));
    }
    Ok(Node { value: Value::Float(share), origin: place.origin.clone() })
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
        rules.within("stabilizationWindowSeconds", (0, 3600))?;
        direction.seconds("stabilization-window", &mut rules, "stabilizationWindowSeconds")?;
        if let Some(place) = rules.get("tolerance") {
            let share = quantity::read(place)?;
            direction.set("tolerance", Value::Float(share), place)?;
        }
        if let Some((select, place)) = rules.one_of("selectPolicy", &["Max", "Min", "Disabled"])? {
            direction.set("select", Value::Text(select.to_lowercase()), place)?;
        }
        let policies = rules.list("policies")?.iter().map(policy);
        let policies = policies.collect::<Result<Vec<Node>, Problem>>()?;
        if let Some(place) = rules.get("policies") {
            if policies.is_empty() {
                return Err(Problem::new(format!("`{}` names no policy", rules.path("policies")))
                    .help("name one, or leave the field out for the defaults")
                    .at(&place.origin));
            }
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
    fields.need("type")?;
    if let Some((kind, place)) = fields.one_of("type", &["Pods", "Percent"])? {
        making.set("type", Value::Text(kind.to_lowercase()), place)?;
    }
    for (key, bounds) in [("value", (1, i64::from(i32::MAX))), ("periodSeconds", (1, 1800))] {
        fields.need(key)?;
        fields.within(key, bounds)?;
    }
    making.count("value", &mut fields, "value")?;
    making.seconds("period", &mut fields, "periodSeconds")?;
    fields.finish()?;
    Ok(making.0)
}
