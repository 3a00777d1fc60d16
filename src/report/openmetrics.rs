//! The timeline as `OpenMetrics` text with simulated times, for a real Prometheus to load:
//! `promtool tsdb create-blocks-from openmetrics FILE DIR`.

use super::results::Results;
use super::timeline::Row;

/// A family of samples: name, type, unit, help, and what a row says.
struct Family {
    name: &'static str,
    kind: &'static str,
    unit: &'static str,
    help: &'static str,
    labels: &'static str,
    value: fn(&Row) -> Option<f64>,
}

/// Quantiles share a family, which must not be taken apart: they follow each other.
const GAUGES: &[Family] = &[
    gauge(
        "latency_seconds",
        "seconds",
        "Latency of requests ended in the interval.",
        "quantile=\"0.5\"",
        |row| row.p50,
    ),
    gauge(
        "latency_seconds",
        "seconds",
        "Latency of requests ended in the interval.",
        "quantile=\"0.99\"",
        |row| row.p99,
    ),
    gauge("in_system", "", "Mean requests in the system.", "", |row| Some(row.in_system)),
    gauge("queue", "", "Mean requests waiting.", "", |row| Some(row.queue)),
    gauge("servers", "", "Mean servers by state.", "state=\"ready\"", |row| Some(row.servers)),
    gauge("servers", "", "Mean servers by state.", "state=\"starting\"", |row| Some(row.starting)),
    gauge("servers", "", "Mean servers by state.", "state=\"draining\"", |row| Some(row.draining)),
    gauge("utilization", "", "Busy share of slot time.", "", |row| Some(row.utilization)),
];

const fn gauge(
    name: &'static str,
    unit: &'static str,
    help: &'static str,
    labels: &'static str,
    value: fn(&Row) -> Option<f64>,
) -> Family {
    Family { name, kind: "gauge", unit, help, labels, value }
}

const COUNTERS: &[Family] = &[
    counter("arrivals", "Requests that arrived.", |row| Some(row.arrivals as f64)),
    counter("completions", "Requests that ended well.", |row| Some(row.completions as f64)),
    counter("errors", "Requests that ended otherwise.", |row| Some(row.errors as f64)),
    counter("cost", "What the servers cost.", |row| Some(row.cost)),
];

const fn counter(name: &'static str, help: &'static str, value: fn(&Row) -> Option<f64>) -> Family {
    Family { name, kind: "counter", unit: "", help, labels: "", value }
}

/// The whole timeline; an interval is stamped with its end, when its numbers are known.
pub fn text(results: &Results) -> String {
    let run = format!("run=\"{}\"", escape(results.name()));
    let mut out = String::new();
    let mut last = "";
    for family in GAUGES.iter().chain(COUNTERS) {
        if family.name != last {
            head(&mut out, family);
            last = family.name;
        }
        let labels =
            if family.labels.is_empty() { run.clone() } else { format!("{run},{}", family.labels) };
        let total = if family.kind == "counter" { "_total" } else { "" };
        let mut sum = 0.0;
        for row in &results.timeline {
            let Some(value) = (family.value)(row) else { continue };
            sum += value;
            let shown = if family.kind == "counter" { sum } else { value };
            let (name, at) = (family.name, row.end_s);
            out.push_str(&format!("plimsoll_{name}{total}{{{labels}}} {shown} {at}\n"));
        }
    }
    out + "# EOF\n"
}

/// A Grafana dashboard of the timeline, set to the time of the run.
pub fn dashboard(results: &Results) -> String {
    let mut dashboard: serde_json::Value =
        serde_json::from_str(include_str!("grafana.json")).expect("the dashboard is a constant");
    let end = results.timeline.last().map_or(0.0, |row| row.end_s);
    let end = jiff::Timestamp::from_millisecond((end * 1e3).ceil() as i64).unwrap_or_default();
    dashboard["time"]["to"] = end.to_string().into();
    serde_json::to_string_pretty(&dashboard).expect("plain data") + "\n"
}

fn head(out: &mut String, family: &Family) {
    let Family { name, kind, unit, help, .. } = family;
    out.push_str(&format!("# TYPE plimsoll_{name} {kind}\n"));
    if !unit.is_empty() {
        out.push_str(&format!("# UNIT plimsoll_{name} {unit}\n"));
    }
    out.push_str(&format!("# HELP plimsoll_{name} {help}\n"));
}

fn escape(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}
