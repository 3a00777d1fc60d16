//! Which signal of a simulation a metric of a cluster is.

use super::Context;
use crate::diagnose::{Origin, Problem};
use crate::document::{Node, Value};

/// The signals by their own names.
const SIGNALS: [&str; 9] =
    ["utilization", "cpu", "memory", "concurrency", "queue", "rate", "latency", "errors", "tokens"];

/// Words in the names of metrics, and the signals they speak of; the first that fits counts.
const WORDS: [(&str, &[&str]); 6] = [
    ("tokens", &["token"]),
    ("latency", &["latency", "duration", "response_time", "ttft"]),
    ("errors", &["error", "5xx", "failed", "failure"]),
    ("queue", &["queue", "waiting", "backlog", "pending", "lag", "depth"]),
    ("concurrency", &["in_flight", "inflight", "concurren", "ongoing", "running", "active"]),
    ("rate", &["request", "rps", "qps", "rate", "per_second"]),
];

/// How an HPA compares this signal with its target where it is not told: the `target-type` of its
/// options that need not be written.
pub(super) fn usual_type(signal: &str) -> &'static str {
    match signal {
        "utilization" | "cpu" | "memory" => "utilization",
        "queue" => "average-value",
        "latency" | "errors" => "value",
        _ => "pod-average",
    }
}

/// Names of custom metrics and the signals they are, as the user says.
#[derive(Clone, Debug, Default)]
pub struct Names(Vec<(String, Node)>);

impl Names {
    /// Reads `NAME=SIGNAL` as it stands behind a flag.
    pub fn add(&mut self, flag: &str, pair: &str) -> Result<(), Problem> {
        let origin = Origin::whole(flag, pair);
        let Some((name, signal)) = pair.split_once('=') else {
            return Err(Problem::new(format!("`{pair}` is not of the form NAME=SIGNAL"))
                .help("write e.g. `http_requests_per_second=rate`")
                .at(&origin));
        };
        self.0.push((name.trim().to_owned(), Node::text(signal.trim(), origin)));
        Ok(())
    }

    /// Whether the user says what this metric is.
    pub(super) fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(known, _)| known == name)
    }
}

/// The signal that a metric is: as the user says, else by the words in its name, which is told.
pub(super) fn signal(name: &str, place: &Node, context: &mut Context<'_>) -> Result<Node, Problem> {
    if let Some((_, signal)) = context.names.0.iter().find(|(known, _)| known == name) {
        return Ok(signal.clone());
    }
    let of = |signal: &str| Node { value: Value::Text(signal.to_owned()), ..place.clone() };
    if SIGNALS.contains(&name) {
        return Ok(of(name));
    }
    let plain = name.to_lowercase().replace(['-', '.', ':', '/', ' '], "_");
    let fits = |words: &[&str]| words.iter().any(|word| plain.contains(word));
    let Some((signal, _)) = WORDS.iter().find(|(_, words)| fits(words)) else {
        return Err(Problem::new(format!("nothing in a simulation is the metric `{name}`"))
            .help(format!(
                "say what it is with `--metric '{name}=SIGNAL'`, one of {}",
                SIGNALS.join(", ")
            ))
            .at(&place.origin));
    };
    let at = super::fields::place(&place.origin);
    context.remarks.push(format!(
        "{at}: the metric `{name}` is taken to be the signal `{signal}`; `--metric` says otherwise"
    ));
    Ok(of(signal))
}
