//! KEDA's `cron` trigger: so many pods between two times of the clock.

use super::super::fields::{Fields, place};
use super::super::{Context, Making, quantity};
use super::MOST;
use crate::diagnose::Problem;
use crate::document::{Node, Value};

/// How long the HPA that KEDA makes remembers larger counts where no window is set.
const STABILIZATION: &str = "5m";

/// `cooldownPeriod` where it is not set.
const COOLDOWN: &str = "5m";

/// The schedule that the trigger is, in the guard that its HPA is: outside its hours the object has
/// its idle count, else its least, after what KEDA's cooldown takes at 0, else the HPA's
/// stabilization.
pub(super) fn read(
    node: &Node,
    object: &Making,
    context: &mut Context<'_>,
) -> Result<Making, Problem> {
    let mut fields = Fields::of(node, "spec.triggers[]")?;
    let kind = fields.need("type")?;
    fields.ignore(&["name", "metricType", "useCachedMetrics"]);
    let mut metadata = Fields::of(fields.need("metadata")?, "spec.triggers[].metadata")?;
    fields.finish()?;
    let (zone, start, end) =
        (metadata.need("timezone")?, metadata.need("start")?, metadata.need("end")?);
    let wanted = metadata.need("desiredReplicas")?;
    metadata.finish()?;
    if start.value == end.value {
        return Err(Problem::new("`start` and `end` are the same time")
            .help("KEDA asks for an end that is not the start")
            .at(&end.origin));
    }
    let count = |key: &str| match object.0.get(key).map(|node| &node.value) {
        Some(Value::Integer(count)) => Some(*count),
        _ => None,
    };
    let (least, most) =
        (count("min-replica-count").unwrap_or(0), count("max-replica-count").unwrap_or(MOST));
    let desired = quantity::read(wanted)?;
    if desired < 1.0 || desired.fract() != 0.0 {
        return Err(Problem::new(format!("`desiredReplicas` = {desired} is no count of pods"))
            .help("write a whole number above 0")
            .at(&wanted.origin));
    }
    // An idle count is below the least, and 0 in practice: KEDA itself goes there.
    let idle = count("idle-replica-count").unwrap_or(least);
    let mut making = Making::of_policy("schedule", node)?;
    making.set("interval", Value::Text("15s".to_owned()), kind)?;
    making.set("min", Value::Integer(idle), node)?;
    making.set("max", Value::Integer(most), node)?;
    making.set("servers", Value::Integer(idle), node)?;
    let row = |time: &Node, servers: i64, from: &Node| -> Result<Node, Problem> {
        let mut row = Making::at(time);
        row.0.set("cron", time.clone())?;
        row.set("servers", Value::Integer(servers), from)?;
        Ok(row.0)
    };
    let hours = row(start, (desired as i64).clamp(least, most), wanted)?;
    let rest = row(end, idle, end)?;
    making.set("rows", Value::List(vec![hours, rest]), node)?;
    making.0.set("up", guard(object, "up", "scale-up", kind)?)?;
    let down = if idle < least || idle == 0 {
        cooldown(object, kind)?
    } else {
        guard(object, "down", "scale-down", kind)?
    };
    making.0.set("down", down)?;
    if let Value::Text(zone) = &zone.value {
        context.remarks.push(format!(
            "{}: the clock begins at the schedule's `starts-at`, taken to be in {zone}; \
             `--set pool.*.autoscaler.starts-at=…` sets it",
            place(&kind.origin)
        ));
    }
    Ok(making)
}

/// KEDA's own way to rest: all at once when its cooldown is over, whatever the HPA's behavior.
fn cooldown(object: &Making, place: &Node) -> Result<Node, Problem> {
    let mut guard = Making::at(place);
    match object.0.get("cooldown-period") {
        Some(cooldown) => guard.0.set("stabilization", cooldown.clone())?,
        None => guard.set("stabilization", Value::Text(COOLDOWN.to_owned()), place)?,
    }
    Ok(guard.0)
}

/// The behavior of the HPA, or its defaults, as the guard of a direction.
fn guard(object: &Making, direction: &str, key: &str, place: &Node) -> Result<Node, Problem> {
    let mut guard = Making::at(place);
    let own = object.0.find(&format!("behavior.{key}"));
    let text = |text: &str| Value::Text(text.to_owned());
    match own.and_then(|rules| rules.get("stabilization-window")) {
        Some(window) => guard.0.set("stabilization", window.clone())?,
        None if direction == "down" => guard.set("stabilization", text(STABILIZATION), place)?,
        None => {}
    }
    if let Some(select) = own.and_then(|rules| rules.get("select")) {
        guard.0.set("select", select.clone())?;
    }
    match own.and_then(|rules| rules.get("policies")) {
        Some(policies) => guard.0.set("rates", policies.clone())?,
        None if direction == "up" => {
            let rate = |kind: &str, value: i64| -> Result<Node, Problem> {
                let mut rate = Making::at(place);
                rate.set("type", text(kind), place)?;
                rate.set("value", Value::Integer(value), place)?;
                rate.set("period", text("15s"), place)?;
                Ok(rate.0)
            };
            guard.set(
                "rates",
                Value::List(vec![rate("pods", 4)?, rate("percent", 100)?]),
                place,
            )?;
        }
        None => {}
    }
    Ok(guard.0)
}
