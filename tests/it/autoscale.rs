//! Autoscaling inside the simulator: known answers, hours by hand, bounds, drains, determinism.

mod controllers;
mod corners;
mod known;
mod laws;
mod learning;
mod lives;
mod money;
mod predictive;
mod signals;
mod vertical;

use std::path::Path;

use plimsoll::document::Node;
use plimsoll::outcome::Outcome;
use plimsoll::scenario::{Measured, Scenario};
use plimsoll::time::Duration;

/// A scenario of one pool and Poisson or other traffic, written as a document.
fn read(text: &str) -> Scenario {
    let document = Node::from_toml("test.toml", text).unwrap();
    Scenario::from_document(&document, Path::new(env!("CARGO_MANIFEST_DIR")))
        .unwrap_or_else(|problem| panic!("{}", problem.render(false)))
}

/// What is wrong with a scenario.
fn refused(text: &str) -> String {
    let document = Node::from_toml("test.toml", text).unwrap();
    Scenario::from_document(&document, Path::new(""))
        .map(drop)
        .expect_err("a scenario that is refused")
        .render(false)
}

fn measure(scenario: &Scenario, replication: u64, warm_up: u64) -> Measured {
    scenario.simulate(replication, Duration::from_secs(warm_up), (), &()).unwrap().0
}

fn run(text: &str) -> Outcome {
    let scenario = read(text);
    scenario.outcome(&measure(&scenario, 0, 0))
}

/// Deterministic arrivals of deterministic work on servers that take a minute to start.
fn steady(pool: &str, autoscaler: &str) -> String {
    format!(
        "[traffic.main]\narrivals = {{ process = 'deterministic', rate = '1/s' }}\n\
         service = {{ law = 'constant', mean = '1.5s' }}\n\
         [pool.main]\nprice = '2/h'\nstartup = {{ law = 'constant', mean = '60s' }}\n{pool}\n\
         [pool.main.autoscaler]\n{autoscaler}\n[run]\nduration = '10m'\n"
    )
}
