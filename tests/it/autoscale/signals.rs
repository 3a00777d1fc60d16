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

#[test]
fn what_is_refused_before_several_pools_counts_once() {
    // Four requests a second of which two servers of two pools serve two: half of them are refused
    // in front of both pools, and each pool is told so.
    let scaled = "policy = 'threshold'\nmetric = 'errors'\nabove = 0.1\nbelow = 0.01\nmax = 1";
    let other = format!("[pool.other]\nservers = 1\n[pool.other.autoscaler]\n{scaled}\n");
    let text = steady("servers = 1\nslots = 1", scaled)
        .replace("rate = '1/s'", "rate = '4/s'")
        .replace("mean = '1.5s'", "mean = '1s'")
        .replace("[run]", &format!("{other}[balancer]\nqueue = 'shared'\nqueue-limit = 0\n[run]"));
    let outcome = run(&text);
    let share = outcome.requests.rejected as f64 / outcome.requests.arrived as f64;
    assert!((0.45..0.55).contains(&share), "{share} of the requests are refused");
    for pool in &outcome.autoscaling {
        let errors = pool.decisions.last().and_then(|it| it.errors).unwrap();
        assert!((errors - share).abs() < 0.05, "{}: {errors} of {share}", pool.pool);
    }
}

#[test]
fn a_window_of_nothing_shows_what_happened_since_the_last_scrape() {
    let window = "policy = 'threshold'\nabove = 0.7\nbelow = 0.1\nwindow = '0s'\nmax = 4";
    let outcome = run(&steady("servers = 1\nslots = 2", window));
    let second = &outcome.autoscaling[0].decisions[1];
    // One and a half of two slots are busy.
    assert!(second.utilization.is_some_and(|share| (share - 0.75).abs() < 0.05), "{second:?}");
    assert_eq!((second.proposed, second.why.starts_with("0.7")), (2, true), "{}", second.why);
}

#[test]
fn the_objective_of_the_scenario_is_the_one_that_latency_is_held_against() {
    let slo = "[slo.fast]\nobjective = 'p95 < 250ms'\n[run]";
    let with = |options: &str| {
        run(&steady("servers = 1\nslots = 4", options).replace("[run]", slo)).autoscaling[0]
            .decisions
            .last()
            .map(|it| it.why.clone())
            .unwrap()
    };
    let own = with("policy = 'latency'\nmax = 2");
    assert!(own.ends_with("250ms is promised") && own.starts_with("p95 "), "{own}");
    let set = with("policy = 'latency'\nmax = 2\nobjective = '80ms'");
    assert!(set.ends_with("80ms is promised") && set.starts_with("p99 "), "{set}");
}

#[test]
fn the_log_of_a_kpa_shows_its_spare_burst() {
    let outcome = run(&steady("servers = 1\nslots = 2", "policy = 'kpa'\nmax = 3"));
    let log = &outcome.autoscaling[0].decisions;
    // A server of two slots, less 211 that Knative keeps free, less what is there at its busiest.
    let tells = |it: &plimsoll::outcome::Decided| {
        let spare = it.why.split("spare burst ").nth(1).and_then(|rest| rest.split(',').next());
        spare.and_then(|spare| spare.trim().split(' ').next()?.parse::<i64>().ok())
    };
    let spare: Vec<i64> = log.iter().filter_map(tells).collect();
    assert!(spare.len() >= 2, "{log:?}");
    let told = || log.iter().filter(|it| tells(it).is_some());
    let least = |ready: u32| i64::from(ready) * 2 - 215;
    let within = |it: &plimsoll::outcome::Decided, spare: &i64| {
        (least(it.ready)..=least(it.ready) + 4).contains(spare)
    };
    assert!(told().zip(&spare).all(|(it, spare)| within(it, spare)), "{spare:?}");
    assert!(told().all(|it| it.why.contains("activator in the path")), "{log:?}");
}
