//! What an autoscaler sees of processor and memory.

use std::path::Path;

use plimsoll::document::Node;
use plimsoll::registry::Role;
use plimsoll::scale::Autoscaler;
use plimsoll::scenario::Scenario;

use super::{refused, run, steady};

/// One request a second, each a second on half a core, at a server of two cores and four slots.
fn watched(metric: &str, pool: &str, above: f64) -> String {
    let options = format!("policy = 'threshold'\nmetric = '{metric}'\nabove = {above}\nbelow = 0");
    steady(&format!("servers = 1\nslots = 4\n{pool}"), &options)
        .replace("mean = '1.5s' }", "mean = '1s' }\ncpu = 0.5\ninput-tokens = 'constant:mean=300'")
}

fn first_reason(text: &str) -> String {
    run(text).autoscaling[0].decisions[1].why.clone()
}

#[test]
fn the_processor_is_what_requests_declare_over_what_servers_have() {
    // Half a core of two; the service that runs at a scrape is counted at the next.
    let why = first_reason(&watched("cpu", "cpu = 2", 0.2));
    assert!(why.starts_with("0.25") || why.starts_with("0.24"), "{why}");
}

#[test]
fn memory_is_the_tokens_in_flight_over_what_fills_a_server() {
    let why = first_reason(&watched("memory", "memory = 1200", 0.2));
    assert_eq!(why, "0.250 > 0.2");
}

#[test]
fn a_resource_that_no_server_has_cannot_be_looked_at() {
    for metric in ["cpu", "memory"] {
        let problem = refused(&watched(metric, "", 0.2));
        assert!(problem.contains(&format!("has no `{metric}`")), "{problem}");
        let hpa = steady("servers = 1", &format!("policy = 'max'\nof = ['hpa:metric={metric}']"));
        assert!(refused(&hpa).contains(&format!("has no `{metric}`")), "inside another policy");
    }
}

#[test]
fn a_cooldown_is_written_as_it_was_read_whoever_keeps_it() {
    let mut kept = 0;
    for entry in <dyn Autoscaler as Role>::registry() {
        let text = steady("servers = 2", &format!("policy = '{}'\ncooldown = '7m'", entry.name));
        let document = Node::from_toml("test.toml", &text).unwrap();
        // Some cannot do without options of their own.
        let Ok(scenario) = Scenario::from_document(&document, Path::new("")) else { continue };
        let written = serde_json::to_value(&scenario.pool["main"].autoscaler).unwrap();
        assert_eq!(written["cooldown"], "7m", "{}", entry.name);
        kept += 1;
    }
    assert!(kept > 15, "{kept}");
}
