//! Failures, health checks, retries and overload: what real systems do, and what must never happen.

mod corners;
mod ejection;
mod faults;
mod protection;
mod refusals;
mod storm;
mod streams;

use std::path::Path;

use plimsoll::document::Node;
use plimsoll::outcome::{Incident, Outcome};
use plimsoll::scenario::Scenario;
use plimsoll::time::Duration;

fn scenario(text: &str) -> Scenario {
    let document =
        Node::from_toml("test", text).unwrap_or_else(|it| panic!("{}", it.render(false)));
    Scenario::from_document(&document, Path::new(""))
        .unwrap_or_else(|problem| panic!("{}\n{text}", problem.render(false)))
}

/// One run of a scenario.
fn run(text: &str) -> Outcome {
    run_again(text, 0)
}

fn run_again(text: &str, replication: u64) -> Outcome {
    let scenario = scenario(text);
    let (measured, ()) = scenario.simulate(replication, Duration::ZERO, (), &()).unwrap();
    scenario.outcome(&measured)
}

/// When things of this kind happened, and to which server.
fn times(outcome: &Outcome, what: &str) -> Vec<(f64, u32)> {
    let found = outcome.resilience.as_ref().expect("something may fail");
    let of = |it: &&Incident| it.what == what;
    let lines = found.incidents.iter().filter(of);
    lines.map(|it| (it.at_s, it.server.unwrap_or(0))).collect()
}

/// A request each `gap_ms`, of `service_ms`.
fn steady(gap_ms: u64, service_ms: u64) -> String {
    format!(
        "[traffic.main]\narrivals = {{ process = 'deterministic', rate = '{}/s' }}\n\
         service = 'constant:value={service_ms}ms'\n",
        1000.0 / gap_ms as f64
    )
}
