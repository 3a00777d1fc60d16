//! What holds for every autoscaler, whatever it decides.

use plimsoll::registry::Role;
use plimsoll::scale::Autoscaler;
use proptest::prelude::*;

use super::{measure, read, run};

/// A crowd for twenty minutes on a pool with this policy and these bounds.
fn crowd(policy: &str, min: u32, max: u32, startup: u64, seed: u64) -> String {
    format!(
        "seed = {seed}\n[traffic.main]\n\
         arrivals = {{ process = 'spike', base = '2/s', peak = '12/s', at = '5m', hold = '2m', \
         fall = '3m' }}\n\
         service = {{ law = 'exponential', mean = '700ms' }}\n\
         [pool.main]\nprice = '1/h'\nservers = {min}\n\
         startup = {{ law = 'uniform', min = '0s', max = '{}s' }}\n\
         [pool.main.autoscaler]\npolicy = '{policy}'\nmin = {min}\nmax = {max}\n{}\n\
         [run]\nduration = '20m'\n",
        2 * startup + 1,
        if policy == "max" { "of = ['hpa', 'kpa']" } else { "" },
    )
}

fn policies() -> Vec<&'static str> {
    <dyn Autoscaler as Role>::registry().iter().map(|entry| entry.name).collect()
}

#[test]
fn every_policy_keeps_its_bounds_and_loses_nothing() {
    for policy in policies() {
        let outcome = run(&crowd(policy, 2, 6, 30, 1));
        let scaled = &outcome.autoscaling[0];
        assert!(scaled.decisions.iter().all(|it| (2..=6).contains(&it.allowed)), "{policy}");
        assert!(outcome.servers.min >= 2, "{policy}: {:?}", outcome.servers);
        assert_eq!(outcome.requests.completed, outcome.requests.arrived, "{policy}");
        assert!(outcome.utilization <= 1.0, "{policy}: {}", outcome.utilization);
        let first = scaled.decisions.first().map(|it| it.ready);
        assert_eq!(first, Some(2), "{policy}: the first look is in the log");
    }
}

#[test]
fn the_same_seed_gives_the_same_decisions() {
    for policy in policies() {
        let text = crowd(policy, 1, 8, 20, 7);
        let twice =
            [run(&text), run(&text)].map(|outcome| serde_json::to_string(&outcome).unwrap());
        assert_eq!(twice[0], twice[1], "{policy}");
    }
}

#[test]
fn an_autoscaler_that_changes_nothing_changes_nothing() {
    let fixed = crowd("fixed", 4, 4, 0, 3);
    let plain = fixed.split("[pool.main.autoscaler]").next().unwrap().to_owned()
        + "[run]\nduration = '20m'\n";
    let (scaled, still) = (run(&fixed), run(&plain));
    assert_eq!(scaled.latency_s, still.latency_s);
    assert_eq!(scaled.workload_fingerprint, still.workload_fingerprint);
    assert!((scaled.utilization - still.utilization).abs() < 1e-12);
    assert_eq!(scaled.servers, still.servers);
}

#[test]
fn a_longer_start_up_meets_the_cliff() {
    // Replications pair by seed: the same crowd meets servers that take longer to come.
    let p99 = |startup: u64| -> f64 {
        let scenario = read(&crowd("square-root", 2, 40, startup, 11));
        let each = (0..5).map(|replication| {
            scenario.outcome(&measure(&scenario, replication, 0)).latency_s.p99.unwrap()
        });
        each.sum::<f64>() / 5.0
    };
    let delays = [0, 60, 180, 600].map(p99);
    assert!(delays.is_sorted(), "{delays:?}");
    assert!(delays[3] > 10.0 * delays[0], "{delays:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn no_bounds_and_no_delay_break_a_run(
        which in 0_usize..64,
        min in 1_u32..4,
        more in 0_u32..6,
        startup in 0_u64..300,
        seed in 0_u64..1000,
    ) {
        let policies = policies();
        let policy = policies[which % policies.len()];
        let outcome = run(&crowd(policy, min, min + more, startup, seed));
        prop_assert_eq!(outcome.requests.completed, outcome.requests.arrived);
        let scaled = &outcome.autoscaling[0];
        prop_assert!(scaled.decisions.iter().all(|it| (min..=min + more).contains(&it.allowed)));
        prop_assert!(outcome.servers.min >= min);
        prop_assert!(scaled.startup_hours <= scaled.server_hours);
    }
}
