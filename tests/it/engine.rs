//! The short cut against the events: where servers are recursions, both loops agree to the
//! nanosecond.

use std::path::Path;

use plimsoll::balance::{Balancer, Sight};
use plimsoll::document::Node;
use plimsoll::engine::{self, Ending};
use plimsoll::model::Completion;
use plimsoll::probe::{Bin, Meter, Probe, Timeline};
use plimsoll::registry::Role;
use plimsoll::scenario::{Built, Scenario};
use plimsoll::time::{Duration, Instant};
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

/// Remembers in which order completions were told.
#[derive(Default)]
struct Order(Vec<u64>);

impl Probe for Order {
    fn completion(&mut self, _: &Completion, index: u64) {
        self.0.push(index);
    }
}

/// All that a run leaves behind.
struct Left {
    meter: Meter,
    timeline: Timeline,
    ending: Ending,
    order: Vec<u64>,
}

fn run(scenario: &Scenario, warm_up: Duration, by_events: bool) -> Left {
    let Built { plant, mut source, until } = scenario.build(0).unwrap();
    let meter = Meter::new(Instant::START + warm_up, plant.fleet.len());
    let mut probe = (meter, Timeline::growing(), Order::default());
    let ending = if by_events {
        engine::run_by_events(plant, source.as_mut(), until, &mut probe)
    } else {
        engine::run(plant, source.as_mut(), until, &mut probe, &())
    };
    let (mut meter, timeline, Order(order)) = probe;
    meter.settle();
    Left { meter, timeline, ending: ending.unwrap(), order }
}

/// Everything that a meter holds; a field that is added is asked for by the compiler.
fn sums(meter: Meter) -> impl PartialEq + std::fmt::Debug {
    let Meter {
        from,
        arrived,
        ended,
        waited,
        at_once,
        demand,
        latency,
        wait,
        service,
        in_system_area,
        queue_area,
        servers,
        tokens,
        carried,
        last,
    } = meter;
    let counts = (from, arrived, ended, waited, demand, tokens, carried, last);
    (counts, latency, wait, service, at_once, in_system_area, queue_area, servers)
}

fn bins(timeline: &Timeline) -> impl PartialEq + std::fmt::Debug {
    let bins = timeline.bins().iter().cloned().map(|bin| {
        let Bin { arrivals, completions, errors, latency, in_system_ns, queue_ns, busy_ns } = bin;
        (arrivals, completions, errors, latency, in_system_ns, queue_ns, busy_ns)
    });
    (timeline.width(), bins.collect::<Vec<_>>())
}

/// Options beside the defaults that look at no more than counts either.
const FORMS: [&str; 4] = [
    "'least-connections'\nties = 'rotate'",
    "'power-of-choices'\nreplacement = true",
    "'shortest-expected-delay'\nrate = 'capacity'",
    "'weighted-round-robin'\nform = 'haproxy'",
];

/// Every policy of the registry that looks at nothing, before up to three balancers, or that
/// counts, before one.
fn policies() -> Vec<(String, u32)> {
    let names = <dyn Balancer as Role>::registry().iter().map(|entry| format!("'{}'", entry.name));
    let sights = names.chain(FORMS.map(str::to_owned)).filter_map(|policy| {
        let text = format!(
            "[traffic.main]\narrivals = 'poisson:rate=1/s'\nservice = 'constant:value=1s'\n\
             key = 'uniform:n=9'\n[pool.p]\nservers = 4\n[balancer]\npolicy = {policy}\n"
        );
        let document = Node::from_toml("scenario", &text).unwrap();
        let built = Scenario::from_document(&document, Path::new("")).and_then(|it| it.build(0));
        // What needs localities or reports looks at more than the scenarios below have.
        let sight = built.ok()?.plant.balancers[0].sight();
        Some((policy, sight))
    });
    sights
        .filter_map(|(policy, sight)| match sight {
            Sight::Nothing => Some((policy, 3)),
            Sight::Counts => Some((policy, 1)),
            Sight::Everything => None,
        })
        .collect()
}

fn policy() -> impl Strategy<Value = (String, u32)> {
    prop::sample::select(policies())
        .prop_flat_map(|(policy, most)| (Just(format!("policy = {policy}")), 1..=most))
}

/// A scenario in which nobody looks at more than counts.
fn simple() -> impl Strategy<Value = (String, Duration)> {
    let law = prop_oneof![
        Just("exponential:mean=1s"),
        Just("constant:value=1s"),
        Just("lognormal:mean=1s,cv=3"),
        Just("hyper-exponential:mean=1s,cv=2"),
        Just("uniform:min=0s,max=2s"),
        Just("constant:value=0s"),
    ];
    let process = prop_oneof![
        Just("poisson:rate=RATE"),
        // With constant services many ends fall on an arrival.
        Just("deterministic:rate=RATE"),
        Just("renewal:gap=lognormal"),
    ];
    let speed = prop_oneof![Just(1.0), Just(2.0), Just(0.7)];
    let pool = (1_u32..=20, 1_u32..=60, speed, 1_u32..=3);
    let pools = prop_oneof![
        3 => proptest::collection::vec(pool.clone(), 1..=1),
        1 => proptest::collection::vec(pool, 2..=3),
    ];
    let dealt = prop_oneof![Just("random"), Just("round-robin")];
    let length = (0.3_f64..1.3, prop::bool::ANY, prop_oneof![Just(0.0), 0.0..0.9_f64]);
    (law, process, pools, (policy(), dealt), length, any::<u32>()).prop_map(
        |(law, process, pools, ((policy, balancers), dealt), (load, fixed, warm_up), seed)| {
            let capacity: f64 = pools
                .iter()
                .map(|&(servers, slots, speed, _)| f64::from(servers * slots) * speed)
                .sum();
            let rate = load * capacity;
            let process = match process {
                "renewal:gap=lognormal" => format!(
                    "{{ process = \"renewal\", gap = \"lognormal:mean={}ns,cv=2\" }}",
                    (1e9 / rate) as u64
                ),
                other => format!("\"{}\"", other.replace("RATE", &format!("{rate}/s"))),
            };
            let span = (2000.0 / rate * 1e9) as u64;
            let length = if fixed {
                format!("duration = \"{span}ns\"")
            } else {
                "requests = 2000".to_owned()
            };
            let mut text = format!(
                "seed = {seed}\n[traffic.main]\narrivals = {process}\nservice = \"{law}\"\n\
                 key = \"zipf:n=50,exponent=1\"\n"
            );
            for (number, (servers, slots, speed, weight)) in pools.into_iter().enumerate() {
                text += &format!("[pool.p{number}]\nservers={servers}\nslots={slots}\n");
                text += &format!("speed={speed}\nweight={weight}\n");
            }
            text += &format!("[balancer]\n{policy}\nbalancers = {balancers}\n");
            text += &format!("dealt = \"{dealt}\"\n[run]\n{length}\n");
            (text, Duration((span as f64 * warm_up) as u64))
        },
    )
}

#[test]
fn those_who_count_or_look_at_nothing_are_known() {
    let found: Vec<String> = policies().into_iter().map(|(policy, _)| policy).collect();
    for name in [
        "random",
        "weighted-random",
        "round-robin",
        "weighted-round-robin",
        "first",
        "least-connections",
        "least-request",
        "power-of-choices",
        "join-shortest-queue",
        "shortest-expected-delay",
        "never-queue",
        "key-hash",
        "ring",
        "maglev",
    ] {
        assert!(found.contains(&format!("'{name}'")), "{name} is not among {found:?}");
    }
}

#[test]
fn the_recursion_measures_what_the_events_do_to_the_nanosecond() {
    let config = Config { failure_persistence: None, cases: 400, ..Config::default() };
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let short_cuts = std::cell::Cell::new(0);
    TestRunner::new_with_rng(config, rng)
        .run(&simple(), |(text, warm_up)| {
            let document = Node::from_toml("scenario", &text).unwrap();
            // There may be fewer servers than the policy is to choose from.
            let Ok(scenario) = Scenario::from_document(&document, Path::new("")) else {
                return Ok(());
            };
            let (short, long) = (run(&scenario, warm_up, false), run(&scenario, warm_up, true));
            prop_assert_eq!(short.ending, long.ending);
            prop_assert_eq!(bins(&short.timeline), bins(&long.timeline));
            prop_assert_eq!(sums(short.meter), sums(long.meter));
            // The recursion knows each end at the arrival, so it tells them in that order.
            prop_assert!(short.order.is_sorted());
            short_cuts.set(short_cuts.get() + usize::from(!long.order.is_sorted()));
            Ok(())
        })
        .unwrap_or_else(|error| panic!("{error}"));
    assert!(short_cuts.get() > 200, "only {} runs took another way", short_cuts.get());
}
