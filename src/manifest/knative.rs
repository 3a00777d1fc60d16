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

/// What Knative takes, by option, in the unit of the annotation: seconds for spans.
const BOUNDS: [(&str, f64, f64); 9] = [
    ("target", 0.01, f64::INFINITY),
    ("target-utilization", 1.0, 100.0),
    ("target-burst-capacity", -1.0, f64::INFINITY),
    ("activation-scale", 1.0, f64::INFINITY),
    ("scale-down-delay", 0.0, 3600.0),
    ("last-pod-retention", 0.0, 3600.0),
    ("stable-window", 6.0, 3600.0),
    ("panic-window-fraction", 1.0, 100.0),
    ("panic-threshold", 110.0, 1000.0),
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
        let limit = revision.within("containerConcurrency", (0, 1000))?.unwrap_or(0);
        let place = revision.get("containerConcurrency");
        if let (true, Some(place)) = (limit > 0, place) {
            settings.push(("slots", Node { value: Value::Integer(limit), ..place.clone() }));
        } else {
            unlimited(place.unwrap_or(document), &mut making, context)?;
        }
        revision.not_simulated(&["timeoutSeconds"], &mut context.remarks);
    }
    template.finish()?;
    settings.push(("autoscaler", making.0));
    Ok(settings)
}

/// A revision without a limit of its concurrency aims at the annotation, or at Knative's default.
fn unlimited(place: &Node, making: &mut Making, context: &mut Context<'_>) -> Result<(), Problem> {
    making.set("container-concurrency", Value::Float(0.0), place)?;
    context.remarks.push(format!(
        "{}: `containerConcurrency` is without limit: a pod is aimed at by its `target`, 100 in \
         flight where none is set, however many `slots` its server has",
        super::fields::place(&place.origin)
    ));
    Ok(())
}

fn annotation(name: &str, entry: &Entry, making: &mut Making) -> Result<(), Problem> {
    let node = &entry.node;
    let word = match &node.value {
        Value::Text(text) => text.clone(),
        other => {
            return Err(Problem::new(format!("an annotation is a text, not {}", other.kind()))
                .help("write the value in quotes, as in `\"10\"`")
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
    let known = ANNOTATIONS.iter().find(|(now, before, ..)| name == *now || name == *before);
    let Some(&(_, _, option, kind)) = known else {
        let mut names: Vec<String> =
            ANNOTATIONS.iter().map(|(now, ..)| format!("{PREFIX}{now}")).collect();
        names.push(format!("{PREFIX}class"));
        return Err(unknown("annotation", &format!("{PREFIX}{name}"), &names).at(&entry.key));
    };
    let path = format!("{PREFIX}{name}");
    if option == "metric" && !["concurrency", "rps"].contains(&word.as_str()) {
        return Err(unknown("metric of Knative's own autoscaler", &word, &["concurrency", "rps"])
            .at(&node.origin));
    }
    let number = amount(&path, &word, kind, node)?;
    let bounds = BOUNDS.iter().find(|(bounded, ..)| *bounded == option);
    if let Some(&(_, least, most)) = bounds
        && !(least..=most).contains(&number)
    {
        let unit = if matches!(kind, Kind::Span) { " seconds" } else { "" };
        let help = if most.is_finite() {
            format!("write {least} to {most}{unit}")
        } else {
            format!("it must be {least} or more")
        };
        let what = format!("`{path}` = {word} is not taken by Knative");
        return Err(Problem::new(what).help(help).at(&node.origin));
    }
    let value = match kind {
        Kind::Word | Kind::Span => Value::Text(word),
        Kind::Number => Value::Float(number),
        Kind::Percent => Value::Float(number / 100.0),
        Kind::Count => Value::Integer(number as i64),
    };
    making.set(option, value, node)
}

/// The value of an annotation as a number: seconds for a span, 0 for a word.
fn amount(path: &str, word: &str, kind: Kind, node: &Node) -> Result<f64, Problem> {
    let wrong = |what: &str| {
        Problem::new(format!("`{path}` must be {what}, not `{word}`")).at(&node.origin)
    };
    match kind {
        Kind::Word => Ok(0.0),
        Kind::Span => crate::time::Duration::parse(word)
            .map(|span| span.0 as f64 / 1e9)
            .map_err(|_| wrong("a span of time such as `90s`")),
        Kind::Count => word.parse().map(u32::into).map_err(|_| wrong("a whole number")),
        // −1: the activator stays in the path for ever.
        Kind::Number if word == "-1" => Ok(-1.0),
        Kind::Number | Kind::Percent => quantity::read(&Node {
            value: Value::Text(word.to_owned()),
            origin: node.origin.clone(),
        }),
    }
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
