//! What a request costs, each model beside the bare loop of the same arithmetic, in one run.
//!
//! `cargo bench --bench engine` prints nanoseconds a request and the ratio to the bare loop: a
//! hand-written loop for that one case with the same generator and the same histogram, no engine.
//! `cargo bench --bench engine -- 100000 least` runs the cases whose name holds a word, with so
//! many requests; `engine` or `bare` runs one side alone, for an instruction counter.

#![allow(clippy::disallowed_methods)] // A bench reads the wall clock: that is its job.

mod bare;

use std::path::Path;
use std::time::Instant as Clock;

use plimsoll::balance::{self, Balancer};
use plimsoll::diagnose::Origin;
use plimsoll::document::Node;
use plimsoll::engine::{self, Dealt, Plant, QueueTimeout};
use plimsoll::fleet::{Fleet, ServerSpec, State};
use plimsoll::probe::Meter;
use plimsoll::registry::Recipe;
use plimsoll::rng::{Purpose, Seed};
use plimsoll::station::Discipline;
use plimsoll::time::Instant;
use plimsoll::workload::arrivals::{self, Arrivals};
use plimsoll::workload::attributes::Attributes;
use plimsoll::workload::demand::Demand;
use plimsoll::workload::drawn::Drawn;

const SEED: Seed = Seed::new(1, 0);

fn recipe<D: plimsoll::registry::Role + ?Sized>(spec: &str) -> Recipe<D> {
    Recipe::named(spec).expect("a valid spec")
}

fn plant(servers: u32, slots: u32, policy: &str) -> Plant {
    let discipline = recipe::<dyn Discipline>("fifo").build(&()).expect("fifo");
    let mut fleet = Fleet::default();
    let mut station = discipline.station();
    for _ in 0..servers {
        fleet.add(ServerSpec { slots, ..ServerSpec::default() }, State::Ready);
        station.add(slots, 1.0, u32::MAX);
    }
    let setup = balance::Setup::new(&fleet);
    let balancer = recipe::<dyn Balancer>(policy).build(&setup).expect("a policy");
    Plant {
        fleet,
        stations: vec![station],
        places: (0..servers).collect(),
        balancers: vec![balancer],
        dealt: Dealt::RoundRobin,
        streams: vec![SEED.stream(Purpose::Route, "0")],
        shared: None,
        life: Vec::new(),
        plain_fifo: true,
        reporting: None,
        queue_timeout: QueueTimeout::NONE,
        resilience: None,
    }
}

fn source(rate: f64, requests: u64) -> Drawn {
    let setup = arrivals::Setup { duration: None, folder: Path::new(""), rate_scale: 1.0 };
    let process = recipe::<dyn Arrivals>(&format!("poisson:rate={rate}/s")).build(&setup);
    let mut attributes = Attributes::new(0, "main", SEED);
    let text = "exponential:mean=1s";
    let demand = Demand::read(&Node::text(text, Origin::whole("bench", text)));
    let drawer = demand.and_then(|demand| demand.build(Path::new("")));
    attributes.demand = Some(drawer.expect("exponential"));
    Drawn::new("main", process.expect("poisson"), attributes, SEED, Instant::NEVER, requests)
}

fn simulate(servers: u32, slots: u32, load: f64, policy: &str, requests: u64) -> (f64, f64) {
    let mut source = source(load * f64::from(servers * slots), requests);
    let mut meter = Meter::new(Instant::START, servers as usize);
    let plant = plant(servers, slots, policy);
    let clock = Clock::now();
    engine::run(plant, &mut source, None, &mut meter, &()).expect("no trace, no problem");
    meter.settle();
    let ns = clock.elapsed().as_nanos() as f64 / requests as f64;
    (ns, meter.latency.moments.mean().unwrap_or(f64::NAN))
}

fn main() {
    let requests: u64 = std::env::args().find_map(|word| word.parse().ok()).unwrap_or(2_000_000);
    let words: Vec<String> = std::env::args()
        .skip(1)
        .filter(|word| word.parse::<u64>().is_err() && !word.starts_with("--"))
        .collect();
    let side = |name: &str| words.iter().any(|word| word == name);
    let (bare_only, engine_only) = (side("bare"), side("engine"));
    println!("{requests} requests a case, the better of three; ns a request");
    println!("{:<44} {:>8} {:>8} {:>7}   mean latency", "case", "engine", "bare", "ratio");
    let row = |name: &str, engine: &dyn Fn() -> (f64, f64), bare: &dyn Fn() -> (f64, f64)| {
        let asked = words.iter().filter(|word| !["engine", "bare"].contains(&word.as_str()));
        if !asked.clone().all(|word| name.contains(word.as_str())) {
            return;
        }
        if engine_only || bare_only {
            let (ns, mean) = if bare_only { bare() } else { engine() };
            return println!("{name:<44} {ns:>8.1} alone, mean latency {mean:.4} s");
        }
        let best = |run: &dyn Fn() -> (f64, f64)| {
            (0..3).map(|_| run()).min_by(|a, b| a.0.total_cmp(&b.0)).expect("three runs")
        };
        let ((ns, mean), (limit, bare_mean)) = (best(engine), best(bare));
        println!(
            "{name:<44} {ns:>8.1} {limit:>8.1} {:>6.2}x   {mean:.4} s (bare {bare_mean:.4} s)",
            ns / limit
        );
    };
    row("M/M/16, one queue, load 0.8", &|| simulate(1, 16, 0.8, "random", requests), &|| {
        bare::kiefer_wolfowitz(16, 0.8, requests)
    });
    for servers in [100, 10_000] {
        for policy in ["random", "round-robin", "least-connections", "power-of-choices"] {
            row(
                &format!("{servers} servers, load 0.9, {policy}"),
                &|| simulate(servers, 1, 0.9, policy, requests),
                &|| bare::events(servers as usize, 0.9, policy, requests),
            );
        }
    }
}
