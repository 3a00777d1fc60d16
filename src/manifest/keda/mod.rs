//! KEDA's `ScaledObject`.

mod cron;

use super::fields::Fields;
use super::{Context, Making, hpa, quantity, signals, spec};
use crate::diagnose::{Problem, unknown};
use crate::document::{Node, Value};

/// A type of trigger: the fields of its threshold and of its activation, and the signal it is
/// where its name tells; where not, the name of its metric does.
type Trigger = (&'static str, &'static str, &'static str, Option<&'static str>);

/// The scalers of KEDA that read requests or work in some queue. A message that is being processed
/// still counts in most brokers, so their length is what is in the system.
const TRIGGERS: [Trigger; 9] = [
    ("prometheus", "threshold", "activationThreshold", None),
    ("metrics-api", "targetValue", "activationTargetValue", None),
    ("rabbitmq", "value", "activationValue", Some("concurrency")),
    ("aws-sqs-queue", "queueLength", "activationQueueLength", Some("concurrency")),
    ("kafka", "lagThreshold", "activationLagThreshold", Some("concurrency")),
    ("redis", "listLength", "activationListLength", Some("queue")),
    ("azure-servicebus", "messageCount", "activationMessageCount", Some("concurrency")),
    ("azure-queue", "queueLength", "activationQueueLength", Some("concurrency")),
    ("gcp-pubsub", "value", "activationValue", Some("concurrency")),
];

/// `maxReplicaCount` where it is not set.
const MOST: i64 = 100;

/// The autoscaler of a pool.
pub(super) fn read(
    document: &Node,
    context: &mut Context<'_>,
) -> Result<Vec<(&'static str, Node)>, Problem> {
    let mut fields = spec(document)?;
    let mut making = Making::of_policy("keda", document)?;
    hpa::reference(&mut fields, context)?;
    making.seconds("polling-interval", &mut fields, "pollingInterval")?;
    making.seconds("cooldown-period", &mut fields, "cooldownPeriod")?;
    making.seconds("initial-cooldown-period", &mut fields, "initialCooldownPeriod")?;
    making.count("idle-replica-count", &mut fields, "idleReplicaCount")?;
    making.count("min-replica-count", &mut fields, "minReplicaCount")?;
    making.count("max-replica-count", &mut fields, "maxReplicaCount")?;
    let bounds = ["min-replica-count", "max-replica-count"];
    making.bounds((bounds[0], "minReplicaCount"), (bounds[1], "maxReplicaCount"), MOST)?;
    let least = fields.count("minReplicaCount")?.unwrap_or(0);
    if let Some((idle, place)) =
        fields.count("idleReplicaCount")?.zip(fields.get("idleReplicaCount"))
        && idle >= least
    {
        let what = format!("`idleReplicaCount` = {idle} is not below `minReplicaCount` = {least}");
        return Err(Problem::new(what)
            .help("write 0, and 1 or more for `minReplicaCount`")
            .at(&place.origin));
    }
    // Metrics never fail in a simulation, so that nothing falls back.
    fields.ignore(&["fallback"]);
    if let Some(mut advanced) = fields.table("advanced")? {
        advanced.ignore(&["restoreToOriginalReplicaCount"]);
        advanced.not_simulated(&["scalingModifiers"], &mut context.remarks);
        if let Some(mut of_hpa) = advanced.table("horizontalPodAutoscalerConfig")? {
            of_hpa.ignore(&["name"]);
            if let Some(place) = of_hpa.get("behavior") {
                let path = of_hpa.path("behavior");
                hpa::behavior(place, &mut making, "behavior", &path)?;
            }
            of_hpa.finish()?;
        }
        advanced.finish()?;
    }
    let place = fields.need("triggers")?;
    match fields.list("triggers")? {
        [only] => match kind_of(only) {
            Some("cpu" | "memory") => making = resource(only, &making, context)?,
            Some("cron") => making = cron::read(only, &making, context)?,
            _ => trigger(only, &mut making, context)?,
        },
        [] => return Err(Problem::new("`spec.triggers` names no trigger").at(&place.origin)),
        [_, second, ..] => {
            return Err(Problem::new("one trigger is simulated, and this is a second")
                .help("leave the triggers out that matter less")
                .at(&second.origin));
        }
    }
    fields.finish()?;
    Ok(vec![("autoscaler", making.0)])
}

/// The type of a trigger, where it is a word.
fn kind_of(trigger: &Node) -> Option<&str> {
    match trigger.get("type").map(|node| &node.value) {
        Some(Value::Text(kind)) => Some(kind),
        _ => None,
    }
}

/// A trigger on what pods use. KEDA leaves it to the HPA altogether and cannot go to 0 by it, so
/// that what scales is an HPA with the bounds of the object.
fn resource(node: &Node, object: &Making, context: &mut Context<'_>) -> Result<Making, Problem> {
    let mut fields = Fields::of(node, "spec.triggers[]")?;
    let place = fields.need("type")?;
    let name = fields.text("type")?.unwrap_or_default();
    fields.ignore(&["name", "useCachedMetrics"]);
    let own_type = fields.text("metricType")?;
    let mut metadata = Fields::of(fields.need("metadata")?, "spec.triggers[].metadata")?;
    fields.finish()?;
    let older_type = metadata.text("type")?;
    metadata.ignore(&["containerName"]);
    let value = metadata.need("value")?;
    metadata.finish()?;
    let mut making = Making::of_policy("hpa", node)?;
    let kind = own_type.or(older_type).unwrap_or("Utilization");
    hpa::resource(name, place, kind, value, &mut making, context)?;
    if let Value::Table(table) = &object.0.value {
        let kept = [("min-replica-count", "min-replicas"), ("max-replica-count", "max-replicas")];
        for (from, to) in kept.into_iter().chain([("behavior", "behavior")]) {
            if let Some(entry) = table.get(from) {
                making.0.set(to, entry.node.clone())?;
            }
        }
    }
    if making.0.get("max-replicas").is_none() {
        making.set("max-replicas", Value::Integer(MOST), node)?;
    }
    if !making.0.get("min-replicas").is_some_and(is_some) {
        making.set("min-replicas", Value::Integer(1), node)?;
        let at = super::fields::place(&place.origin);
        context.remarks.push(format!(
            "{at}: a `{name}` trigger alone cannot scale to 0, so there is 1 server at least"
        ));
    }
    Ok(making)
}

fn is_some(count: &Node) -> bool {
    matches!(count.value, Value::Integer(1..))
}

fn trigger(node: &Node, making: &mut Making, context: &mut Context<'_>) -> Result<(), Problem> {
    let mut fields = Fields::of(node, "spec.triggers[]")?;
    let place = fields.need("type")?;
    let kind = fields.text("type")?.unwrap_or_default();
    let name = fields.text("name")?;
    fields.ignore(&["authenticationRef"]);
    if let Some(place) = fields.get("useCachedMetrics") {
        making.set("use-cached-metrics", place.value.clone(), place)?;
    }
    if let (Some(metric_type), Some(place)) = (fields.text("metricType")?, fields.get("metricType"))
        && metric_type != "AverageValue"
    {
        return Err(Problem::new(format!("a trigger of metric type `{metric_type}` is not read"))
            .help("`AverageValue` is")
            .at(&place.origin));
    }
    let Some((_, threshold, activation, signal)) = TRIGGERS.iter().find(|it| it.0 == kind) else {
        let known = TRIGGERS.iter().map(|(known, ..)| *known).chain(["cpu", "memory", "cron"]);
        return Err(unknown("trigger", kind, &known.collect::<Vec<_>>())
            .help("write what it measures as a trigger of type `prometheus` with a `name`")
            .at(&place.origin));
    };
    // What a scaler asks of its source is its own affair: only these two numbers scale.
    let mut metadata = Fields::of(fields.need("metadata")?, "spec.triggers[].metadata")?;
    fields.finish()?;
    let aim = metadata.need(threshold)?;
    making.set("target-average-value", Value::Float(hpa::positive(aim)?), aim)?;
    if let Some(place) = metadata.get(activation) {
        making.set("activation-threshold", Value::Float(quantity::read(place)?), place)?;
    }
    let own = name.or(metadata.text("metricName")?);
    let signal = match (own, signal) {
        (Some(own), _) if context.names.has(own) => signals::signal(own, place, context)?,
        (_, Some(signal)) => {
            Node { value: Value::Text((*signal).to_owned()), origin: place.origin.clone() }
        }
        (own, None) => {
            let words = own.or(metadata.text("query")?).unwrap_or(kind);
            signals::signal(words, place, context)?
        }
    };
    making.0.set("metric", signal)
}
