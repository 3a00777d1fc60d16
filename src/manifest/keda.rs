//! KEDA's `ScaledObject`.

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
    hpa::reference(&mut fields)?;
    making.seconds("polling-interval", &mut fields, "pollingInterval")?;
    making.seconds("cooldown-period", &mut fields, "cooldownPeriod")?;
    making.seconds("initial-cooldown-period", &mut fields, "initialCooldownPeriod")?;
    making.count("idle-replica-count", &mut fields, "idleReplicaCount")?;
    making.count("min-replica-count", &mut fields, "minReplicaCount")?;
    making.count("max-replica-count", &mut fields, "maxReplicaCount")?;
    let bounds = ["min-replica-count", "max-replica-count"];
    making.bounds((bounds[0], "minReplicaCount"), (bounds[1], "maxReplicaCount"), MOST)?;
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
        [only] => trigger(only, &mut making, context)?,
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

fn trigger(node: &Node, making: &mut Making, context: &mut Context<'_>) -> Result<(), Problem> {
    let mut fields = Fields::of(node, "spec.triggers[]")?;
    let place = fields.need("type")?;
    let kind = fields.text("type")?.unwrap_or_default();
    let name = fields.text("name")?;
    fields.ignore(&["authenticationRef", "useCachedMetrics"]);
    if let (Some(metric_type), Some(place)) = (fields.text("metricType")?, fields.get("metricType"))
        && metric_type != "AverageValue"
    {
        return Err(Problem::new(format!("a trigger of metric type `{metric_type}` is not read"))
            .help("`AverageValue` is")
            .at(&place.origin));
    }
    let Some((_, threshold, activation, signal)) = TRIGGERS.iter().find(|it| it.0 == kind) else {
        let known = TRIGGERS.map(|(known, ..)| known);
        return Err(unknown("trigger", kind, &known).at(&place.origin));
    };
    // What a scaler asks of its source is its own affair: only these two numbers scale.
    let mut metadata = Fields::of(fields.need("metadata")?, "spec.triggers[].metadata")?;
    fields.finish()?;
    let aim = metadata.need(threshold)?;
    making.set("target-average-value", Value::Float(quantity::read(aim)?), aim)?;
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
