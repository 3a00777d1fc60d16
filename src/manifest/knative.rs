//! A Knative `Service`: the annotations of its revisions and their concurrency.

use super::fields::Fields;
use super::{Context, Making, quantity, spec};
use crate::diagnose::{Problem, unknown};
use crate::document::{Entry, Node, Value};

/// Where Knative's annotations begin.
const PREFIX: &str = "autoscaling.knative.dev/";

/// What the value of an annotation is.
#[derive(Clone, Copy)]
enum Kind {
    /// A number.
    Number,
    /// A percentage that the policy takes as a share, or as so many times.
    Percent,
    /// A whole number.
    Count,
    /// A span of time.
    Span,
    /// A word.
    Word,
}

/// Annotations, by the spelling of today and that of before, and the options they are.
const ANNOTATIONS: [(&str, &str, &str, Kind); 13] = [
    ("metric", "metric", "metric", Kind::Word),
    ("target", "target", "target", Kind::Number),
    (
        "target-utilization-percentage",
        "targetUtilizationPercentage",
        "target-utilization",
        Kind::Percent,
    ),
    ("target-burst-capacity", "targetBurstCapacity", "target-burst-capacity", Kind::Number),
    ("min-scale", "minScale", "min-scale", Kind::Count),
    ("max-scale", "maxScale", "max-scale", Kind::Count),
    ("initial-scale", "initialScale", "initial-scale", Kind::Count),
    ("activation-scale", "activationScale", "activation-scale", Kind::Count),
    ("scale-down-delay", "scaleDownDelay", "scale-down-delay", Kind::Span),
    (
        "scale-to-zero-pod-retention-period",
        "scaleToZeroPodRetentionPeriod",
        "last-pod-retention",
        Kind::Span,
    ),
    ("window", "window", "stable-window", Kind::Span),
    ("panic-window-percentage", "panicWindowPercentage", "panic-window-fraction", Kind::Percent),
    ("panic-threshold-percentage", "panicThresholdPercentage", "panic-threshold", Kind::Percent),
];
/// The autoscaler of a pool, and its slots where a revision bounds its concurrency.
pub(super) fn read(
    document: &Node,
    context: &mut Context<'_>,
) -> Result<Vec<(&'static str, Node)>, Problem> {
    let mut fields = spec(document)?;
    fields.ignore(&["traffic"]);
    let mut template = Fields::of(fields.need("template")?, "spec.template")?;
    fields.finish()?;
    let mut making = Making::of_policy("kpa", document)?;
    if let Some(mut metadata) = template.table("metadata")?
        && let Some(annotations) = metadata.get("annotations")
    {
        for (key, entry) in annotations.as_table()? {
            if let Some(name) = key.strip_prefix(PREFIX) {
                annotation(name, entry, &mut making)?;
            }
        }
    }
    let mut settings = Vec::new();
    if let Some(mut revision) = template.table("spec")? {
        let limit = revision.count("containerConcurrency")?.unwrap_or(0);
        if let (true, Some(place)) = (limit > 0, revision.get("containerConcurrency")) {
            settings.push(("slots", Node { value: Value::Integer(limit), ..place.clone() }));
        }
        revision.not_simulated(&["timeoutSeconds"], &mut context.remarks);
    }
    template.finish()?;
    settings.push(("autoscaler", making.0));
    Ok(settings)
}

fn annotation(name: &str, entry: &Entry, making: &mut Making) -> Result<(), Problem> {
    let node = &entry.node;
    let word = match &node.value {
        Value::Text(text) => text.clone(),
        Value::Integer(whole) => whole.to_string(),
        Value::Float(real) => real.to_string(),
        other => {
            return Err(Problem::new(format!("an annotation is a text, not {}", other.kind()))
                .at(&node.origin));
        }
    };
    if name == "class" {
        return match word.as_str() {
            "kpa.autoscaling.knative.dev" => Ok(()),
            _ => Err(Problem::new(format!("the class `{word}` is not Knative's own autoscaler"))
                .help("give the HorizontalPodAutoscaler itself for the class `hpa`")
                .at(&node.origin)),
        };
    }
    let of = |text: String| Node { value: Value::Text(text), origin: node.origin.clone() };
    let known = ANNOTATIONS.iter().find(|(now, before, ..)| name == *now || name == *before);
    let Some(&(_, _, option, kind)) = known else {
        let mut names: Vec<String> =
            ANNOTATIONS.iter().map(|(now, ..)| format!("{PREFIX}{now}")).collect();
        names.push(format!("{PREFIX}class"));
        return Err(unknown("annotation", &format!("{PREFIX}{name}"), &names).at(&entry.key));
    };
    let value = match kind {
        Kind::Word | Kind::Span => Value::Text(word),
        // −1: the activator stays in the path for ever.
        Kind::Number if word == "-1" && option == "target-burst-capacity" => Value::Float(-1.0),
        Kind::Number => Value::Float(quantity::read(&of(word))?),
        Kind::Percent => Value::Float(quantity::read(&of(word))? / 100.0),
        Kind::Count => match word.parse() {
            Ok(count) => Value::Integer(count),
            Err(_) => {
                let what = format!("`{PREFIX}{name}` must be a whole number, not `{word}`");
                return Err(Problem::new(what).at(&node.origin));
            }
        },
    };
    making.set(option, value, node)
}

/// The annotations that say what the options of the policy say.
pub(super) fn annotations(options: &serde_json::Value) -> Vec<(String, String)> {
    let number = |value: &serde_json::Value| value.as_f64().unwrap_or(0.0);
    let plain = |value: f64| format!("{}", (value * 1e6).round() / 1e6);
    let set = ANNOTATIONS.iter().filter(|(.., option, _)| !options[*option].is_null());
    let annotation = |&(name, _, option, kind): &(&str, &str, &str, Kind)| {
        let value = &options[option];
        let text = match kind {
            Kind::Word => value.as_str().unwrap_or_default().to_owned(),
            // Go reads `1m30s`, not `1m 30s`.
            Kind::Span => value.as_str().unwrap_or_default().replace(' ', ""),
            Kind::Percent => plain(100.0 * number(value)),
            Kind::Number | Kind::Count => plain(number(value)),
        };
        (format!("{PREFIX}{name}"), text)
    };
    set.map(annotation).collect()
}
