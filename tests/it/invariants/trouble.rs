//! The invariants under failures of every kind and protection of every kind, in random mixtures.

use std::path::Path;

use plimsoll::balance::Balancer;
use plimsoll::document::Node;
use plimsoll::fault::Fault;
use plimsoll::health::Ejector;
use plimsoll::protect::{Admission, Backoff, Budget};
use plimsoll::registry::Role;
use plimsoll::scenario::Scenario;
use plimsoll::station::Discipline;
use plimsoll::time::Duration;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use super::{PLACES, Setting, maybe, setting, simulated};

fn names<D: Role + ?Sized>() -> Vec<&'static str> {
    D::registry().iter().map(|entry| entry.name).collect()
}

fn one_of(words: &[&'static str]) -> impl Strategy<Value = &'static str> + use<> {
    proptest::sample::select(words.to_vec())
}

/// A failure: what, with whom, when.
fn failure() -> impl Strategy<Value = String> {
    let loss = || one_of(&["lost", "returned", "resumed", "held", "silent"]);
    let fault = prop_oneof![
        3 => (loss(), maybe(loss())).prop_map(|(one, other)| {
            let queued = other.map_or(String::new(), |loss| format!("queued = '{loss}'\n"));
            format!("fault = 'outage'\nin-service = '{one}'\n{queued}")
        }),
        1 => (0.05_f64..1.0).prop_map(|speed| format!("fault = 'slow'\nspeed = {speed}\n")),
        1 => (0.1_f64..=1.0, any::<bool>())
            .prop_map(|(share, at_once)| {
                format!("fault = 'errors'\nshare = {share}\nat-once = {at_once}\n")
            }),
    ];
    let when = prop_oneof![
        (0_u32..15, 1_u32..10)
            .prop_map(|(at, lasts)| format!("at = '{at}s'\nlasts = '{lasts}s'\n")),
        (0_u32..15).prop_map(|at| format!("at = '{at}s'\n")),
        (1_u32..3).prop_map(|lasts| format!("at = '2s'\nlasts = '{lasts}s'\nevery = '4s'\n")),
        any::<bool>().prop_map(|together| {
            format!(
                "up = 'exponential:mean=5s'\ndown = 'exponential:mean=2s'\ntogether = {together}\n"
            )
        }),
    ];
    let whom = one_of(&["", "servers = [0]\n", "pool = 'p0'\n"]);
    (fault, when, whom).prop_map(|(fault, when, whom)| fault + &when + whom)
}

fn health() -> impl Strategy<Value = String> {
    let ejection = (one_of(&names::<dyn Ejector>()), 0.0_f64..=1.0).prop_map(|(name, panic)| {
        let more =
            if name == "outlier-detection" { "always-one = true\ninterval = '1s'\n" } else { "" };
        format!(
            "[health]\npanic = {panic}\n[health.ejection]\npolicy = '{name}'\n{more}\
             [health.slow-start]\nwindow = '3s'\n"
        )
    });
    let checks = (1_u32..4, 1_u32..4, 0.0_f64..=1.0).prop_map(|(rise, fall, panic)| {
        format!(
            "[health]\npanic = {panic}\n[health.checks]\ninterval = '300ms'\ntimeout = '200ms'\n\
             rise = {rise}\nfall = {fall}\n[health.ejection]\npolicy = 'outlier-detection'\n\
             interval = '2s'\nmax-ejected = 0.5\n"
        )
    });
    prop_oneof![
        Just(String::new()),
        Just("[health]\nknown-at-once = true\n".to_owned()),
        ejection,
        checks
    ]
}

fn protection() -> impl Strategy<Value = String> {
    let timeouts = maybe((maybe(1_u32..40), maybe(1_u32..20), any::<bool>())).prop_map(|it| {
        it.map_or(String::new(), |(request, attempt, served)| {
            let key = |key: &str, tenths: Option<u32>| {
                tenths.map_or(String::new(), |tenths| format!("{key} = '{}ms'\n", 100 * tenths))
            };
            let abandoned = if served { "served" } else { "cancelled" };
            key("request", request)
                + &key("attempt", attempt)
                + &format!("abandoned = '{abandoned}'\n")
        })
    });
    let retry = maybe((
        1_u32..5,
        one_of(&names::<dyn Backoff>()),
        maybe(one_of(&names::<dyn Budget>())),
        any::<bool>(),
    ))
    .prop_map(|it| {
        it.map_or(String::new(), |(attempts, backoff, budget, elsewhere)| {
            let budget = budget.map_or(String::new(), |name| format!("budget = '{name}'\n"));
            format!(
                "[retry]\nattempts = {attempts}\nbackoff = '{backoff}'\n{budget}\
                 elsewhere = {elsewhere}\n"
            )
        })
    });
    let hedge = maybe((0_u32..8, 2_u32..4, any::<bool>(), any::<bool>())).prop_map(|it| {
        it.map_or(String::new(), |(delay, copies, cancel, own)| {
            let (delay, demand) = (100 * delay, if own { "own" } else { "same" });
            format!(
                "[hedge]\ndelay = '{delay}ms'\ncopies = {copies}\ncancel = {cancel}\n\
                 demand = '{demand}'\n"
            )
        })
    });
    let door = one_of(&["", "", "[breaker]\nopen-for = '1s'\n"]);
    let admission = maybe(one_of(&names::<dyn Admission>()));
    (timeouts, retry, hedge, door, admission).prop_map(
        |(timeouts, retry, hedge, door, admission)| {
            let limit = |name| match name {
                "concurrency-limit" => "limit = 12\n",
                _ => "rate = '2/s'\nburst = 3\n",
            };
            let admission = admission.map_or(String::new(), |name| {
                format!("[admission]\npolicy = '{name}'\n{}", limit(name))
            });
            format!("[timeouts]\n{timeouts}{retry}{hedge}{door}{admission}")
        },
    )
}

#[derive(Clone, Debug)]
struct Trouble {
    setting: Setting,
    failures: Vec<String>,
    rest: String,
    queue_timeout: Option<u32>,
}

impl Trouble {
    fn document(&self, policy: &str, discipline: &str, queue: &str) -> String {
        let limit = self.queue_timeout.map_or(String::new(), |tenths| {
            format!("queue-timeout = '{}ms'\ntimer-tick = '1ms'\n", 100 * tenths)
        });
        let plain = self.setting.document(policy, discipline, queue);
        let mut text = plain.replace("[run]\n", &format!("{limit}[run]\n"));
        for (number, failure) in self.failures.iter().enumerate() {
            text += &format!("[failure.f{number}]\n{failure}");
        }
        text + &self.rest
    }

    fn check(&self, policy: &str, discipline: &str, queue: &str) -> Option<String> {
        let text = self.document(policy, discipline, queue);
        let document = Node::from_toml("scenario", &text).unwrap();
        // Some parts do not go together, and say so.
        let scenario = Scenario::from_document(&document, Path::new("")).ok()?;
        let (outcome, witness) = simulated(&scenario, self.setting.warm_up);
        assert!(witness.ended.iter().all(|ended| *ended), "Conservation\n{text}");
        let requests = outcome.requests;
        assert_eq!(requests.arrived, requests.completed + requests.errors(), "{text}");
        let servers = outcome.pools.iter().flat_map(|pool| &pool.servers);
        let most = servers.map(|server| server.utilization).fold(outcome.utilization, f64::max);
        assert!(most <= 1.0 + 1e-9, "a server was busy {most} of the time\n{text}");
        let found = outcome.resilience.as_ref().expect("something may fail");
        if self.setting.warm_up == Duration::ZERO {
            let let_in = requests.arrived - requests.shed;
            assert_eq!(found.attempts, let_in + requests.retried + requests.hedged, "{text}");
        }
        let again = simulated(&scenario, self.setting.warm_up).0;
        let bytes = |outcome| serde_json::to_string(outcome).unwrap();
        assert_eq!(bytes(&outcome), bytes(&again), "the same seed, other bytes\n{text}");
        Some(outcome.workload_fingerprint)
    }
}

fn trouble() -> impl Strategy<Value = Trouble> {
    let failures = proptest::collection::vec(failure(), 1..=2);
    let rest = (health(), protection()).prop_map(|(health, protection)| health + &protection);
    (setting(), failures, rest, maybe(1_u32..20)).prop_map(
        |(setting, failures, rest, queue_timeout)| Trouble {
            setting,
            failures,
            rest,
            queue_timeout,
        },
    )
}

#[test]
fn every_mixture_of_failures_and_protection_keeps_the_invariants_and_repeats_to_the_byte() {
    let policies = names::<dyn Balancer>();
    let disciplines = names::<dyn Discipline>();
    assert_eq!(names::<dyn Fault>(), ["outage", "slow", "errors"], "each of them is drawn");
    let cases = std::env::var("PLIMSOLL_CASES").map_or(150, |it| it.parse().unwrap());
    let config = Config { failure_persistence: None, cases, ..Config::default() };
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let ran = std::cell::Cell::new(0);
    TestRunner::new_with_rng(config, rng)
        .run(&(trouble(), any::<u32>()), |(trouble, from)| {
            // Each case goes on through the policies and disciplines from another place.
            let mut prints = Vec::new();
            for step in 0..3 {
                let at = from as usize % 1000 + step;
                let policy = policies[(7 * at) % policies.len()];
                let discipline = disciplines[at % disciplines.len()];
                let queue = PLACES[at % 2];
                prints.extend(trouble.check(policy, discipline, queue));
            }
            ran.set(ran.get() + prints.len());
            prop_assert!(prints.windows(2).all(|pair| pair[0] == pair[1]), "prints differ");
            Ok(())
        })
        .unwrap_or_else(|error| panic!("{error}"));
    assert!(ran.get() > 300 * cases as usize / 150, "{} hardly ran", ran.get());
}
