//! A `Deployment`: replicas, the processor of a pod, how long it may take to leave.

use super::fields::Fields;
use super::{Context, Cpu, quantity, spec};
use crate::diagnose::Problem;
use crate::document::{Node, Value};

/// The grace period of a pod that does not set one, in seconds.
const GRACE_S: i64 = 30;

/// The settings of a pool. A pod of 2 cores is a server of two slots, one of half a core a server
/// of one slot at half the speed: a request in service keeps one core busy.
pub(super) fn read(
    document: &Node,
    context: &mut Context<'_>,
) -> Result<Vec<(&'static str, Node)>, Problem> {
    let mut fields = spec(document)?;
    let mut settings = Vec::new();
    if let (Some(count), Some(place)) = (fields.count("replicas")?, fields.get("replicas")) {
        let origin = place.origin.clone();
        settings.push(("servers", Node { value: Value::Integer(count), origin }));
    }
    fields.ignore(&["selector", "revisionHistoryLimit", "paused", "progressDeadlineSeconds"]);
    fields.ignore(&["strategy"]);
    fields.not_simulated(&["minReadySeconds"], &mut context.remarks);
    let mut template = Fields::of(fields.need("template")?, "spec.template")?;
    template.ignore(&["metadata"]);
    let pod = template.need("spec")?;
    template.finish()?;
    fields.finish()?;
    settings.extend(of_pod(pod, context)?);
    Ok(settings)
}

fn of_pod(pod: &Node, context: &mut Context<'_>) -> Result<Vec<(&'static str, Node)>, Problem> {
    let mut fields = Fields::of(pod, "spec.template.spec")?;
    let grace = fields.count("terminationGracePeriodSeconds")?.unwrap_or(GRACE_S);
    let place = fields.get("terminationGracePeriodSeconds").unwrap_or(pod);
    let text = |text: String| Node { value: Value::Text(text), origin: place.origin.clone() };
    let mut settings = vec![("drain", text(format!("{grace}s")))];
    let (mut requests, mut limit, mut at) = (0.0, 0.0, None);
    for container in fields.list("containers")? {
        let mut container = Fields::of(container, "spec.template.spec.containers[]")?;
        let (asked, most) = cores(&mut container, &mut at, context)?;
        (requests, limit) = (requests + asked, limit + most);
    }
    // Everything else a pod may say is about images, volumes, places and rights.
    drop(fields);
    if let Some(place) = at {
        context.cpu = Some(Cpu { requests, limit });
        let slots = limit.floor().max(1.0);
        let number = |value: Value| Node { value, origin: place.clone() };
        settings.push(("slots", number(Value::Integer(slots as i64))));
        settings.push(("speed", number(Value::Float(limit / slots))));
    }
    Ok(settings)
}

/// The cores that a container requests, and those it may use.
fn cores(
    container: &mut Fields<'_>,
    at: &mut Option<crate::diagnose::Origin>,
    context: &mut Context<'_>,
) -> Result<(f64, f64), Problem> {
    let Some(mut resources) = container.table("resources")? else { return Ok((0.0, 0.0)) };
    let mut of = |key: &'static str| -> Result<Option<f64>, Problem> {
        let Some(mut amounts) = resources.table(key)? else { return Ok(None) };
        amounts.not_simulated(&["memory"], &mut context.remarks);
        let Some(cpu) = amounts.get("cpu") else { return Ok(None) };
        at.get_or_insert_with(|| cpu.origin.clone());
        let cores = quantity::read(cpu)?;
        if cores == 0.0 {
            let path = amounts.path("cpu");
            return Err(
                Problem::new(format!("`{path}` is 0: the pod could do nothing")).at(&cpu.origin)
            );
        }
        Ok(Some(cores))
    };
    let (requests, limit) = (of("requests")?, of("limits")?);
    resources.ignore(&["claims"]);
    resources.finish()?;
    // What is not requested is requested as its limit; what is not limited is what is requested.
    let requested = requests.or(limit).unwrap_or(0.0);
    Ok((requested, limit.unwrap_or(requested)))
}
