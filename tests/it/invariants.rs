//! What holds whatever the parts: every balancer, discipline and queue place in random scenarios.
//!
//! The engine itself asserts Order, Causality, Conservation, Little and Work in every run; here it
//! is made to run, and what it hands out is checked once more from outside.

mod trouble;

use std::collections::BTreeMap;
use std::path::Path;

use plimsoll::balance::Balancer;
use plimsoll::document::Node;
use plimsoll::model::{Completion, Fate, Request};
use plimsoll::outcome::Outcome;
use plimsoll::probe::Probe;
use plimsoll::registry::Role;
use plimsoll::scenario::Scenario;
use plimsoll::station::Discipline;
use plimsoll::time::{Duration, Instant};
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

/// Watches every request from its arrival to its end.
#[derive(Default)]
struct Witness {
    arrivals: Vec<Request>,
    ended: Vec<bool>,
    last: Instant,
    sojourns: u128,
    /// Whether balancers have timers of their own, and requests may be sent more than once.
    guarded: bool,
}

impl Probe for Witness {
    const ORDERED: bool = true;

    fn arrival(&mut self, request: &Request, index: u64) {
        assert_eq!(index as usize, self.arrivals.len(), "arrivals are counted from 0");
        assert!(self.arrivals.last().is_none_or(|last| last.arrival <= request.arrival));
        self.arrivals.push(*request);
        self.ended.push(false);
    }

    fn completion(&mut self, done: &Completion, index: u64) {
        let index = index as usize;
        assert_eq!(done.request, self.arrivals[index], "Pairing: the end of another request");
        assert!(!std::mem::replace(&mut self.ended[index], true), "Conservation: {index} twice");
        assert!(done.ended >= self.last, "Order: ends are told in their order");
        assert!(done.request.arrival <= done.started && done.started <= done.ended, "Causality");
        match done.fate {
            Fate::Completed => assert!(done.server.is_some(), "nobody served {index}"),
            Fate::TimedOut if self.guarded => {}
            Fate::TimedOut => assert!(done.wait() >= done.request.patience, "{index} left early"),
            Fate::Rejected | Fate::Failed => {}
            Fate::Shed => assert!(done.server.is_none() && done.latency() == Duration::ZERO),
            Fate::Cancelled => panic!("Conservation: only attempts are taken back, not {index}"),
        }
        self.last = done.ended;
        self.sojourns += u128::from(done.latency().0);
    }

    fn attempt(&mut self, done: &Completion, _: Option<Instant>, _: bool) {
        assert!(done.request.arrival <= done.sent && done.sent <= done.started, "Causality");
        assert!(done.started <= done.ended && done.server.is_some(), "Causality");
        assert!(done.ended >= self.last, "Order: ends are told in their order");
        self.last = done.ended;
    }
}

fn simulated(scenario: &Scenario, warm_up: Duration) -> (Outcome, Witness) {
    let witness = Witness { guarded: scenario.is_guarded(), ..Witness::default() };
    let (measured, witness) =
        scenario.simulate(0, warm_up, witness, &()).expect("a valid scenario");
    if warm_up == Duration::ZERO && measured.ending.last <= measured.ending.horizon {
        assert_eq!(measured.meter.in_system_area, witness.sojourns, "Little, from outside");
    }
    let slots: u64 =
        scenario.pool.values().map(|pool| u64::from(pool.servers) * u64::from(pool.slots)).sum();
    let most = slots * measured.timeline.width().0;
    for bin in measured.timeline.bins() {
        assert!(bin.busy_ns <= i128::from(most), "{} of {slots} slots were busy", bin.busy_ns);
    }
    (scenario.outcome(&measured), witness)
}

/// Traffic, pools and how many balancers there are; policy, discipline and queue come on top.
#[derive(Clone, Debug)]
struct Setting {
    traffic: String,
    pools: Vec<String>,
    balancers: u32,
    shared_limit: Option<u32>,
    warm_up: Duration,
}

impl Setting {
    fn document(&self, policy: &str, discipline: &str, queue: &str) -> String {
        let Self { traffic, pools, balancers, shared_limit, .. } = self;
        // Behind a shared queue the order of the line is the balancer's, that of the servers idle.
        let (at_pool, before) = match queue {
            "shared" => ("fifo", format!("queue = \"shared\"\ndiscipline = \"{discipline}\"\n")),
            _ => (discipline, String::new()),
        };
        let limit = match (queue, shared_limit) {
            ("shared", Some(limit)) => format!("queue-limit = {limit}\n"),
            _ => String::new(),
        };
        let mut text = traffic.clone();
        for pool in pools {
            text += &format!("{pool}discipline = \"{at_pool}\"\n");
        }
        text += &format!("[balancer]\npolicy = \"{policy}\"\nbalancers = {balancers}\n");
        text += "report-interval = \"500ms\"\nreport-delay = \"100ms\"\n";
        text + &before + &limit + "[run]\nduration = \"20s\"\n"
    }
}

fn maybe<T: Clone + std::fmt::Debug + 'static>(
    some: impl Strategy<Value = T> + 'static,
) -> impl Strategy<Value = Option<T>> {
    prop_oneof![Just(None), some.prop_map(Some)]
}

fn setting() -> impl Strategy<Value = Setting> {
    let speed = prop_oneof![Just(1.0), Just(0.5), Just(3.0)];
    let pool = (1_u32..=4, 1_u32..=3, speed, 1_u32..=5, maybe(0_u32..=5), 0_u32..=1);
    let pools = proptest::collection::vec(pool, 1..=3);
    let law = prop_oneof![
        Just("exponential:mean=1s"),
        Just("constant:value=1s"),
        Just("lognormal:mean=1s,cv=3"),
    ];
    let class = (law, maybe(0.0_f64..4.0), -1_i16..=1, 0.3_f64..1.5);
    let classes = proptest::collection::vec(class, 1..=2);
    let rest = (1_u32..=3, maybe(0_u32..=10), prop_oneof![Just(0_u64), Just(5)], any::<u32>());
    (pools, classes, rest).prop_map(|(pools, classes, (balancers, shared_limit, warm_up, seed))| {
        let capacity: f64 = pools
            .iter()
            .map(|(servers, slots, speed, ..)| f64::from(servers * slots) * speed)
            .sum();
        let share = capacity / classes.len() as f64;
        let mut traffic = format!("seed = {seed}\n");
        for (number, (law, patience, priority, load)) in classes.into_iter().enumerate() {
            let rate = load * share;
            traffic += &format!(
                "[traffic.c{number}]\narrivals = \"poisson:rate={rate}/s\"\nservice = \"{law}\"\n\
                 priority = {priority}\nkey = \"zipf:n=50\"\n"
            );
            if let Some(patience) = patience {
                let mean = (patience * 1e9) as u64 + 1;
                traffic += &format!("patience = \"exponential:mean={mean}ns\"\n");
            }
        }
        let pools =
            (0..).zip(pools).map(|(number, (servers, slots, speed, weight, limit, far))| {
                let limit = limit.map_or(String::new(), |limit| format!("queue-limit = {limit}\n"));
                format!(
                    "[pool.p{number}]\nservers = {servers}\nslots = {slots}\nspeed = {speed}\n\
                 weight = {weight}\n{limit}zone = \"{far}\"\ntier = {far}\nnetwork = \"{far}ms\"\n"
                )
            });
        let warm_up = Duration::from_secs(warm_up);
        Setting { traffic, pools: pools.collect(), balancers, shared_limit, warm_up }
    })
}

/// A shared queue and a queue at each server.
const PLACES: [&str; 2] = ["per-server", "shared"];

fn check(setting: &Setting, policy: &str, discipline: &str, queue: &str) -> Option<String> {
    let text = setting.document(policy, discipline, queue);
    let document = Node::from_toml("scenario", &text).unwrap();
    // Some parts do not go together, and say so.
    let scenario = Scenario::from_document(&document, Path::new("")).ok()?;
    let (outcome, witness) = simulated(&scenario, setting.warm_up);
    assert!(witness.ended.iter().all(|ended| *ended), "Conservation\n{text}");
    let requests = outcome.requests;
    let ended = requests.completed + requests.errors();
    assert_eq!(requests.arrived, ended, "Conservation\n{text}");
    let servers = outcome.pools.iter().flat_map(|pool| &pool.servers);
    let most = servers.map(|server| server.utilization).fold(outcome.utilization, f64::max);
    assert!(most <= 1.0 + 1e-9, "a server was busy {most} of the time\n{text}");
    let bytes = |outcome: &Outcome| serde_json::to_string(outcome).unwrap();
    let again = simulated(&scenario, setting.warm_up).0;
    assert_eq!(bytes(&outcome), bytes(&again), "the same seed, other bytes\n{text}");
    Some(outcome.workload_fingerprint)
}

#[test]
fn every_combination_of_parts_keeps_the_invariants_and_repeats_to_the_byte() {
    let policies = <dyn Balancer as Role>::registry();
    let disciplines = <dyn Discipline as Role>::registry();
    let config = Config { failure_persistence: None, cases: 6, ..Config::default() };
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let runs = std::cell::RefCell::new(BTreeMap::<String, u32>::new());
    TestRunner::new_with_rng(config, rng)
        .run(&setting(), |setting| {
            let mut prints = Vec::new();
            for policy in policies {
                for discipline in disciplines {
                    for queue in PLACES {
                        let print = check(&setting, policy.name, discipline.name, queue);
                        let mut runs = runs.borrow_mut();
                        for part in [policy.name, discipline.name, queue] {
                            *runs.entry(part.to_owned()).or_default() += u32::from(print.is_some());
                        }
                        prints.extend(print);
                    }
                }
            }
            prop_assert!(prints.windows(2).all(|pair| pair[0] == pair[1]), "prints differ");
            Ok(())
        })
        .unwrap_or_else(|error| panic!("{error}"));
    let mut few = runs.into_inner();
    few.retain(|_, runs| *runs < 20);
    assert!(few.is_empty(), "parts that hardly ran: {few:?}");
}
