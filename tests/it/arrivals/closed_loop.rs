//! The closed loop: the machine-repair model's exact answers, and clients that behave.

use std::path::Path;

use plimsoll::balance::{self, Balancer};
use plimsoll::engine::{self, Dealt, Ending, Plant, QueueTimeout};
use plimsoll::fleet::{Fleet, ServerSpec, State};
use plimsoll::law::{self, Law, Unit};
use plimsoll::model::{Completion, Fate, Request};
use plimsoll::probe::{Meter, Probe};
use plimsoll::registry::{Recipe, Role};
use plimsoll::rng::{Purpose, Seed};
use plimsoll::station::Discipline;
use plimsoll::stats::special::t_quantile;
use plimsoll::time::{Duration, Instant};
use plimsoll::workload::Source;
use plimsoll::workload::attributes::Attributes;
use plimsoll::workload::closed_loop::{Clients, ClosedLoop, First};
use plimsoll::workload::demand::Drawer;
use plimsoll::workload::drawn::Drawn;
use plimsoll::workload::merge::in_order_of_time;

use super::dispersion::oracle;
use super::{process, requests};

fn part<D: Role + ?Sized>(spec: &str) -> Recipe<D> {
    Recipe::named(spec).unwrap_or_else(|problem| panic!("{}", problem.render(false)))
}

/// One server, first come, first served.
fn plant(slots: u32, queue_limit: u32, seed: Seed) -> Plant {
    let mut fleet = Fleet::default();
    let spec = ServerSpec { slots, queue_limit, ..ServerSpec::default() };
    fleet.add(spec, State::Ready);
    let mut station = part::<dyn Discipline>("fifo").build(&()).unwrap().station();
    station.add(slots, 1.0, queue_limit);
    let setup = balance::Setup::new(&fleet);
    let balancer = part::<dyn Balancer>("random").build(&setup).unwrap();
    Plant {
        stations: vec![station],
        places: vec![0],
        balancers: vec![balancer],
        dealt: Dealt::RoundRobin,
        streams: vec![seed.stream(Purpose::Route, "0")],
        shared: None,
        life: Vec::new(),
        reporting: None,
        queue_timeout: QueueTimeout::NONE,
        resilience: None,
        plain_fifo: queue_limit == u32::MAX,
        fleet,
    }
}

fn clients(
    count: u32,
    think: &str,
    first: First,
    service: &str,
    until: Instant,
    seed: Seed,
) -> ClosedLoop {
    let mut attributes = Attributes::new(0, "main", seed);
    let unit = law::Setup { unit: Unit::Time, folder: Path::new("") };
    attributes.demand = Some(Drawer::Law(part::<dyn Law>(service).build(&unit).unwrap()));
    let clients = Clients { clients: count, think: part(think), first };
    clients.source("main", attributes, seed, until, u64::MAX, Path::new("")).unwrap()
}

/// Runs a loop of exponential services of mean 1 s to its end.
fn simulate<P: Probe>(
    plant: Plant,
    source: &mut dyn Source,
    until: Instant,
    probe: &mut P,
) -> Ending {
    engine::run(plant, source, Some(until), probe, &()).unwrap()
}

/// M/M/c//N: the mean latency and the throughput lie within the Student intervals of independent
/// replications, at a chance of 1e-4 each for a correct loop to miss with other seeds.
#[test]
fn a_closed_loop_gives_the_throughput_and_latency_of_the_machine_repair_model() {
    let entries = oracle("closed system M/M/c//N (think time)");
    assert!(entries.len() >= 6);
    let (warm_up, until, runs) =
        (Instant::from_secs_f64(1000.0), Instant::from_secs_f64(6000.0), 16_u32);
    let half = t_quantile(1.0 - 1e-4 / 2.0, f64::from(runs - 1)) / f64::from(runs).sqrt();
    for (metric, params, exact) in entries {
        let number = |key: &str| params[key].as_f64().unwrap();
        let think = format!("exponential:mean={}s", number("think_time_mean"));
        let one = |replication| {
            let seed = Seed::new(11, u64::from(replication));
            let count = number("clients") as u32;
            let service = "exponential:mean=1s";
            let mut source = clients(count, &think, First::AfterThinking, service, until, seed);
            let mut meter = Meter::new(warm_up, 1);
            let plant = plant(number("c") as u32, u32::MAX, seed);
            simulate(plant, &mut source, until, &mut meter);
            meter.settle();
            match metric.as_str() {
                "throughput" => meter.arrived as f64 / (until - warm_up).as_secs_f64(),
                "w" => meter.latency.moments.mean().unwrap(),
                other => panic!("no one measures {other}"),
            }
        };
        let found: Vec<f64> = (0..runs).map(one).collect();
        let mean = found.iter().sum::<f64>() / f64::from(runs);
        let squares = found.iter().map(|x| (x - mean).powi(2)).sum::<f64>();
        let limit = half * (squares / f64::from(runs - 1)).sqrt();
        assert!((mean - exact).abs() <= limit, "{params}: {metric} {mean} ± {limit}, not {exact}");
    }
}

/// Everything that arrives and ends, in order.
#[derive(Default)]
struct Diary(Vec<(Instant, u32, bool)>);

impl Probe for Diary {
    const ORDERED: bool = true;
    fn arrival(&mut self, request: &Request, _: u64) {
        self.0.push((request.arrival, request.client, true));
    }
    fn completion(&mut self, done: &Completion, _: u64) {
        self.0.push((done.ended, done.request.client, false));
    }
}

#[test]
fn a_client_never_has_two_requests_and_sends_none_after_the_end() {
    let until = Instant::from_secs_f64(50.0);
    let seed = Seed::new(1, 0);
    // More clients than one chunk brings.
    let mut source = clients(
        3000,
        "exponential:mean=9s",
        First::AfterThinking,
        "exponential:mean=1ms",
        until,
        seed,
    );
    let mut diary = Diary::default();
    simulate(plant(4, u32::MAX, seed), &mut source, until, &mut diary);
    let mut busy = vec![false; 3001];
    for &(at, client, arrives) in &diary.0 {
        assert!(client > 0 && busy[client as usize] != arrives, "client {client} at {at:?}");
        assert!(!arrives || at < until);
        busy[client as usize] = arrives;
    }
    assert!(busy.iter().all(|busy| !busy) && diary.0.is_sorted_by_key(|entry| entry.0));
}

#[test]
fn the_same_seed_gives_the_same_run() {
    let until = Instant::from_secs_f64(100.0);
    let run = |replication| {
        let seed = Seed::new(1, replication);
        let mut source =
            clients(50, "exponential:mean=2s", First::AtOnce, "exponential:mean=50ms", until, seed);
        simulate(plant(2, u32::MAX, seed), &mut source, until, &mut ())
    };
    assert_eq!(run(0), run(0));
    assert_ne!(run(0).fingerprint, run(1).fingerprint);
}

#[test]
fn clients_begin_at_once_or_after_having_thought() {
    let until = Instant::from_secs_f64(10.0);
    let begin = |first| {
        let (think, seed) = ("constant:value=2s", Seed::new(1, 0));
        let mut source = clients(3, think, first, "constant:value=1s", until, seed);
        let times = requests(&mut source);
        times.iter().map(|request| (request.arrival, request.client)).collect::<Vec<_>>()
    };
    let at = |seconds| [1, 2, 3].map(|client| (Instant::from_secs_f64(seconds), client));
    assert_eq!(begin(First::AtOnce), at(0.0));
    assert_eq!(begin(First::AfterThinking), at(2.0));
}

#[test]
fn without_thinking_as_many_are_in_flight_as_there_are_clients() {
    let (until, seed) = (Instant::from_secs_f64(100.0), Seed::new(1, 0));
    let mut source =
        clients(7, "constant:value=0s", First::AtOnce, "constant:value=1s", until, seed);
    let mut meter = Meter::new(Instant::START, 1);
    simulate(plant(2, u32::MAX, seed), &mut source, until, &mut meter);
    let second = u128::from(Duration::from_secs(1).0);
    assert_eq!(meter.in_system_area, 7 * 100 * second);
    assert!(source.advice().is_empty());
}

#[test]
fn clients_that_are_refused_at_once_and_do_not_think_pause_and_say_so() {
    let (until, seed) = (Instant::from_secs_f64(1.0), Seed::new(1, 0));
    let mut source =
        clients(3, "constant:value=0s", First::AtOnce, "constant:value=1s", until, seed);
    let mut meter = Meter::new(Instant::START, 1);
    simulate(plant(1, 0, seed), &mut source, until, &mut meter);
    assert_eq!(meter.count(Fate::Completed), 1);
    // Two clients are refused once a millisecond for a second.
    assert_eq!(meter.count(Fate::Rejected), 2 * 1000);
    assert!(source.advice()[0].starts_with("2000 requests"), "{:?}", source.advice());
}

#[test]
fn a_loop_without_an_end_or_without_clients_is_refused() {
    let attributes = || Attributes::new(0, "main", Seed::new(1, 0));
    let refused = |count, until, most| {
        let clients =
            Clients { clients: count, think: part("exponential:mean=1s"), first: First::default() };
        let source =
            clients.source("main", attributes(), Seed::new(1, 0), until, most, Path::new(""));
        source.err().map(|problem| problem.to_string())
    };
    assert!(refused(0, Instant(1), 1).unwrap().contains("at least 1"));
    assert!(refused(1, Instant::NEVER, u64::MAX).unwrap().contains("duration"));
    assert_eq!(refused(1, Instant::NEVER, 5), None);
}

#[test]
fn a_loop_and_an_open_class_share_a_fleet() {
    let (until, seed) = (Instant::from_secs_f64(200.0), Seed::new(1, 0));
    let mut attributes = Attributes::new(1, "open", seed);
    let unit = law::Setup { unit: Unit::Time, folder: Path::new("") };
    let law = part::<dyn Law>("constant:value=10ms").build(&unit).unwrap();
    attributes.demand = Some(Drawer::Law(law));
    let open = Drawn::new("open", process("poisson:rate=20/s"), attributes, seed, until, u64::MAX);
    let closed =
        clients(5, "exponential:mean=1s", First::AfterThinking, "constant:value=50ms", until, seed);
    let mut both = in_order_of_time(vec![Box::new(closed), Box::new(open)]);
    assert!(both.is_closed_loop());
    let mut diary = Diary::default();
    simulate(plant(2, u32::MAX, seed), &mut *both, until, &mut diary);
    let arrived = |of_loop: bool| {
        diary.0.iter().filter(|(_, client, arrives)| *arrives && (*client > 0) == of_loop).count()
    };
    let alone = requests(&mut Drawn::new(
        "open",
        process("poisson:rate=20/s"),
        Attributes::new(1, "open", seed),
        seed,
        until,
        u64::MAX,
    ));
    // The open class does not feel the loop; the loop goes on to the end.
    assert_eq!(arrived(false), alone.len());
    assert!(arrived(true) > 5 * 100, "{}", arrived(true));
}
