//! The planner against theory at full length: random M/M/c queues over 1 … 500 servers, the planner
//! entries of the reference, and the recommended fleets again under twenty fresh seeds.
//!
//! `cargo run --release --example plan_against_theory -- random`, or `random 1%`, `entries 1%`,
//! `seeds`, or `random 1% 9,12` for some of them. The tests hold a shorter version.

#![allow(clippy::unwrap_used)] // A check says what went wrong by panicking.

use std::path::Path;

use plimsoll::document::Node;
use plimsoll::experiment::{Ask, Crew, plan};
use plimsoll::scenario::{Goal, Measure, Scenario};
use plimsoll::time::Duration;
use plimsoll::units::Share;

#[path = "../tests/it/plan/cases.rs"]
mod cases;

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let precision = words.get(1).map(|word| Share::parse(word).unwrap());
    let reference = include_str!("../tests/oracles/analytic.json");
    let all = match words.first().map(String::as_str) {
        Some("entries") => cases::entries(reference),
        _ => (0..20).map(cases::random).collect(),
    };
    let only: Option<Vec<usize>> =
        words.get(2).map(|list| list.split(',').map(|word| word.parse().unwrap()).collect());
    let wanted = |number: usize| only.as_ref().is_none_or(|only| only.contains(&number));
    let all: Vec<cases::Case> =
        all.into_iter().enumerate().filter(|(at, _)| wanted(*at)).map(|(_, case)| case).collect();
    let again = words.first().is_some_and(|word| word == "seeds");
    let crew = Crew::new(None).unwrap();
    let mut right = 0;
    for case in &all {
        let mut scenario = read(&case.text);
        scenario.run.precision = precision;
        let found = plan(&scenario, &Ask::default(), &crew, &()).unwrap();
        let servers = found.recommendation.as_ref().map(|found| found.servers as u32);
        let exact = servers == Some(case.servers);
        right += u32::from(exact);
        let requests: u64 = found.candidates.iter().map(|one| one.requests).sum();
        let said = if exact { "exact" } else { "OFF" };
        println!(
            "{said:5} theory {:>4}, plan {servers:?}, {requests} requests · {}",
            case.servers, case.name
        );
        if let (true, Some(servers)) = (again, servers) {
            println!("      {} of 20 fresh seeds meet it", meets(&scenario, servers));
        }
    }
    println!("{right} of {} exactly as theory says", all.len());
}

fn read(text: &str) -> Scenario {
    Scenario::from_document(&Node::from_toml("case", text).unwrap(), Path::new("")).unwrap()
}

/// How many of twenty seeds meet the objective, each in one run of a million requests.
fn meets(scenario: &Scenario, servers: u32) -> usize {
    let mut fleet = scenario.clone();
    fleet.pool["main"].servers = servers;
    fleet.run.requests = Some(1_000_000);
    let goal: Goal = fleet.goals().next().unwrap().clone();
    let met = |seed: &u64| {
        fleet.seed = 1000 + seed;
        let (measured, ()) = fleet.simulate(0, Duration::ZERO, (), &()).unwrap();
        let latency = &measured.meter.latency;
        let value = match goal.measure {
            Measure::Percentile(p) => latency.histogram.quantile(p).unwrap() as f64 / 1e9,
            _ => latency.moments.mean().unwrap(),
        };
        goal.is_met_by(value)
    };
    (0..20).filter(met).count()
}
