//! What a request costs with each registered policy, beside `random` in the same run.
//!
//! `cargo bench --bench balance [requests] [policy …]` prints nanoseconds a request, simulated by
//! events, at 10 to 10,000 equal servers of one slot at load 0.8, and the ratio to `random`. A
//! policy above 3 × says in its manual, in bold, what makes it so dear. `balance.md` beside this
//! file is what it printed last, and part of the documentation of `plimsoll::balance`.

#![allow(clippy::disallowed_methods)] // A bench reads the wall clock: that is its job.

use std::path::Path;
use std::time::Instant as Clock;

use plimsoll::balance::{Balancer, Setup};
use plimsoll::engine::{self, Dealt, Plant, QueueTimeout, Reporting};
use plimsoll::fleet::{Fleet, ServerSpec, State};
use plimsoll::law::{self, Law};
use plimsoll::model::Request;
use plimsoll::probe::Meter;
use plimsoll::registry::{Recipe, Role};
use plimsoll::rng::{Purpose, Seed, Stream};
use plimsoll::station::Discipline;
use plimsoll::time::{Duration, Instant};
use plimsoll::workload::Source;
use plimsoll::workload::arrivals::{self, Arrivals};
use plimsoll::workload::attributes::Attributes;
use plimsoll::workload::demand::Drawer;
use plimsoll::workload::drawn::Drawn;

const SEED: Seed = Seed::new(1, 0);
const SIZES: [u32; 4] = [10, 100, 1_000, 10_000];

fn recipe<D: Role + ?Sized>(spec: &str) -> Recipe<D> {
    Recipe::named(spec).expect("a valid spec")
}

/// Requests of a class, each with one of 10,000 keys.
struct Keyed {
    drawn: Drawn,
    keys: Stream,
}

impl Source for Keyed {
    fn fill(&mut self, out: &mut Vec<Request>) -> Result<(), plimsoll::diagnose::Problem> {
        let from = out.len();
        self.drawn.fill(out)?;
        for request in &mut out[from..] {
            request.key = u64::from(self.keys.below(10_000)) << 8;
        }
        Ok(())
    }
}

fn source(rate: f64, requests: u64) -> Keyed {
    let setup = arrivals::Setup { duration: None, folder: Path::new(""), rate_scale: 1.0 };
    let process = recipe::<dyn Arrivals>(&format!("poisson:rate={rate}/s")).build(&setup);
    let unit = law::Setup { unit: law::Unit::Time, folder: Path::new("") };
    let mut attributes = Attributes::new(0, "main", SEED);
    attributes.demand =
        Some(Drawer::Law(recipe::<dyn Law>("exponential:mean=1s").build(&unit).expect("a law")));
    let process = process.expect("poisson");
    let drawn = Drawn::new("main", process, attributes, SEED, Instant::NEVER, requests);
    Keyed { drawn, keys: SEED.stream(Purpose::Key, "main") }
}

fn plant(servers: u32, policy: &str) -> Plant {
    let discipline = recipe::<dyn Discipline>("fifo").build(&()).expect("fifo");
    let mut fleet = Fleet::default();
    let mut station = discipline.station();
    for _ in 0..servers {
        fleet.add(ServerSpec::default(), State::Ready);
        station.add(1, 1.0, u32::MAX);
    }
    let recipe = recipe::<dyn Balancer>(policy);
    let balancer = recipe.build(&Setup::new(&fleet)).expect("a policy");
    let silent = recipe.build(&Setup { reports: false, ..Setup::new(&fleet) });
    let interval = Duration::from_secs(10);
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
        // Only those who go by reports pay for them.
        reporting: silent.is_err().then_some(Reporting { interval, delay: Duration::ZERO }),
        queue_timeout: QueueTimeout::NONE,
        resilience: None,
    }
}

fn run(servers: u32, policy: &str, requests: u64) -> f64 {
    let mut source = source(0.8 * f64::from(servers), requests);
    let mut meter = Meter::new(Instant::START, servers as usize);
    let plant = plant(servers, policy);
    let (clock, before) = (Clock::now(), processor_ns());
    engine::run_by_events(plant, &mut source, None, &mut meter).expect("nothing to read");
    let spent = processor_ns().zip(before).map(|(after, before)| (after - before) as f64);
    spent.unwrap_or_else(|| clock.elapsed().as_nanos() as f64) / requests as f64
}

/// The processor time this thread has had, where Linux tells: other work on the machine makes a run
/// last longer, but hardly takes more of it.
fn processor_ns() -> Option<u64> {
    // What is told is up to date only after the thread has been to the scheduler.
    std::thread::yield_now();
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    told.split(' ').next()?.parse().ok()
}

/// Nanoseconds a request of a policy and of `random`: the best of many short runs that take turns,
/// which a busy machine disturbs least, in processor time where that is known.
fn cost(servers: u32, policy: &str, requests: u64) -> (f64, f64) {
    const RUNS: u32 = 15;
    let (mut best, mut random) = (f64::INFINITY, f64::INFINITY);
    let clock = Clock::now();
    for _ in 0..RUNS {
        random = random.min(run(servers, "random", requests));
        best = best.min(run(servers, policy, requests));
        if clock.elapsed().as_secs() > 2 {
            break;
        }
    }
    (best, random)
}

/// The sentences of a manual that say in bold what makes a policy slow.
fn reasons(manual: &str) -> String {
    let flowing = manual.replace('\n', " ");
    let sentences = flowing.split_inclusive(". ").filter(|sentence| {
        // A section begins with its title in bold.
        let text = sentence.rsplit_once(".** ").map_or(*sentence, |(_, text)| text);
        text.contains("**")
    });
    let plain = |sentence: &str| sentence.replace("**", "").trim().to_owned();
    sentences.map(plain).collect::<Vec<_>>().join(" ")
}

/// Above this ratio to `random` a policy has to say why.
const DEAR: f64 = 3.0;

fn main() {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    let requests = words.iter().find_map(|word| word.parse().ok()).unwrap_or(20_000);
    let named: Vec<&String> = words.iter().filter(|word| word.parse::<u64>().is_err()).collect();
    println!(
        "# What a request costs with each policy\n\n\
         Nanoseconds a request, and × `random` in the same run: {requests} requests a case, \
         simulated by events, at\nload 0.8 of equal servers with one slot. The best of several \
         runs that take turns with `random`, in\nprocessor time where the system tells it. \
         `cargo bench --bench balance > benches/balance.md` makes this\ntable again.\n"
    );
    let sizes = SIZES.map(|servers| format!(" {servers:>6} servers |"));
    println!("| {:<23} |{}", "policy", sizes.concat());
    println!("| {:-<23} |{}", "", " -------------: |".repeat(SIZES.len()));
    let mut dear = Vec::new();
    for entry in <dyn Balancer as Role>::registry() {
        if !named.is_empty() && named.iter().all(|name| *name != entry.name) {
            continue;
        }
        print!("| {:<23} |", entry.name);
        let mut most: f64 = 0.0;
        for servers in SIZES {
            let (ns, random) = cost(servers, entry.name, requests);
            print!(" {ns:>6.0} {:>6.1}× |", ns / random);
            most = most.max(ns / random);
        }
        println!();
        if most > DEAR {
            dear.push((entry.name, reasons(&entry.manual())));
        }
    }
    println!("\nThose above {DEAR} × say why in their manuals:\n");
    for (name, why) in dear {
        println!("- `{name}`: {}", if why.is_empty() { "**no reason given**" } else { &why });
    }
}
