//! Simulated mean latencies against exact values, mean-field limits and independent simulations.

use plimsoll::balance::Balancer;
use plimsoll::registry::Role;
use plimsoll::time::Duration;

use super::{Cluster, interval};

/// Asserts that the interval from the simulator holds a value known to `give` more or less.
fn holds(cluster: &Cluster, value: f64, give: f64) {
    let (low, high) = cluster.mean();
    assert!(
        low - give <= value && value <= high + give,
        "{} before {} servers at {}: {value} ± {give} is not in {low:.5}..{high:.5}",
        cluster.policy,
        cluster.servers.len(),
        cluster.load
    );
    // An interval that holds everything would show nothing.
    assert!(high - low < 0.12 * value, "{}: {low}..{high} is too wide", cluster.policy);
}

fn all_hold(policy: &str, servers: usize, cells: &[(f64, f64)]) {
    for &(load, value) in cells {
        holds(&Cluster::new(servers, load, policy), value, 0.0);
    }
}

#[test]
fn two_servers_meet_their_markov_chains() {
    let with = "power-of-choices:replacement=true";
    all_hold(
        "join-shortest-queue",
        2,
        &[(0.5, 1.426_320_75), (0.7, 2.108_197_27), (0.9, 5.474_912_82)],
    );
    all_hold("least-connections", 2, &[(0.8, 2.955_736_62)]);
    all_hold("power-of-choices", 2, &[(0.7, 2.108_197_27)]);
    all_hold(with, 2, &[(0.5, 1.596_560_79), (0.7, 2.362_314_03), (0.9, 5.864_684_87)]);
    all_hold("least-request", 2, &[(0.8, 3.267_945_58)]);
    all_hold("join-idle-queue", 2, &[(0.5, 1.5), (0.7, 85.0 / 36.0), (0.9, 95.0 / 14.0)]);
}

#[test]
fn three_servers_meet_their_markov_chains() {
    all_hold("join-shortest-queue", 3, &[(0.5, 1.244_835_86), (0.8, 2.285_547_60)]);
    all_hold("power-of-choices", 3, &[(0.5, 1.352_003_47), (0.8, 2.509_999_78)]);
    all_hold("power-of-choices:choices=3", 3, &[(0.7, 1.708_876_09)]);
    all_hold("join-idle-queue", 3, &[(0.5, 1.295_308_41), (0.7, 1.923_293), (0.8, 2.746_9)]);
}

#[test]
fn least_work_left_is_one_central_queue() {
    all_hold("least-work-left", 2, &[(0.5, 1.333_333), (0.9, 5.263_158)]);
    all_hold("least-work-left", 5, &[(0.8, 1.554_113)]);
    all_hold("least-work-left", 10, &[(0.9, 1.668_732)]);
    let constant = Cluster { law: "constant:value=1s", ..Cluster::new(10, 0.7, "least-work-left") };
    holds(&constant, 1.0419, 0.0002);
}

#[test]
fn round_robin_makes_erlang_arrivals_and_a_random_split_poisson_ones() {
    all_hold("round-robin", 2, &[(0.5, 1.618_03), (0.9, 7.588_28)]);
    all_hold("round-robin", 10, &[(0.7, 2.019_80)]);
    all_hold("round-robin", 100, &[(0.8, 2.715_66)]);
    all_hold("weighted-round-robin", 4, &[(0.8, 3.267_38)]);
    all_hold("weighted-round-robin:form=envoy", 4, &[(0.7, 2.236_69)]);
    all_hold("random", 4, &[(0.8, 5.0)]);
    all_hold("weighted-random", 4, &[(0.5, 2.0)]);
    for policy in ["random", "weighted-random"] {
        let constant = Cluster { law: "constant:value=1s", ..Cluster::new(4, 0.8, policy) };
        holds(&constant, 3.0, 0.0);
    }
}

#[test]
fn many_servers_come_near_the_mean_field() {
    let s = |cells: &[(u32, f64, f64)]| {
        for &(choices, load, value) in cells {
            let policy = format!("power-of-choices:choices={choices}");
            holds(&Cluster::new(2000, load, &policy), value, 0.0);
        }
    };
    // At 2,000 servers the limit is some 0.0003 off, a fraction of the interval.
    s(&[(1, 0.5, 2.0), (2, 0.5, 1.265_686), (2, 0.7, 1.614_454), (3, 0.8, 1.580_886)]);
    s(&[(5, 0.7, 1.168_093), (10, 0.5, 1.000_977)]);
}

#[test]
fn sampling_with_and_without_replacement_differ_as_published() {
    let mut cluster = Cluster::new(100, 0.7, "power-of-choices");
    cluster.requests = 400_000;
    holds(&cluster, 1.619_83, 0.0005);
    cluster.policy = "power-of-choices:replacement=true".into();
    holds(&cluster, 1.626_48, 0.0006);
    cluster.policy = "power-of-choices:choices=5".into();
    holds(&cluster, 1.176_38, 0.0004);
    // The same arrivals and demands in both: the difference of pairs shows it without doubt.
    let (low, _) = interval(|replication| {
        let of = |policy: &str| {
            let cluster = Cluster { policy: policy.into(), ..cluster.clone() };
            cluster.run(replication).latency.moments.mean().unwrap()
        };
        of("power-of-choices:replacement=true") - of("power-of-choices")
    });
    assert!(low > 0.0);
}

#[test]
fn ten_and_a_hundred_servers_agree_with_an_independent_simulation() {
    let cells = [
        (10, 0.7, "join-shortest-queue", 1.1607, 0.0012),
        (10, 0.7, "join-idle-queue", 1.1990, 0.0015),
        (10, 0.7, "power-of-choices", 1.675, 0.0024),
        (10, 0.9, "join-shortest-queue", 1.915, 0.006),
        (10, 0.9, "join-idle-queue", 2.408, 0.010),
        (100, 0.9, "join-shortest-queue", 1.067, 0.001),
        (100, 0.9, "join-idle-queue", 1.074, 0.0015),
        (16, 0.95, "power-of-choices", 3.930, 0.016),
    ];
    for (servers, load, policy, value, give) in cells {
        holds(&Cluster::new(servers, load, policy), value, give);
    }
}

#[test]
fn processor_sharing_hardly_minds_the_law_of_service() {
    let mut cluster = Cluster::new(10, 0.7, "join-shortest-queue");
    cluster.order = "processor-sharing";
    holds(&cluster, 1.1608, 0.0011);
    cluster.law = "constant:value=1s";
    holds(&cluster, 1.1516, 0.0004);
    cluster.policy = "power-of-choices".into();
    holds(&cluster, 1.6732, 0.0009);
}

#[test]
fn variable_service_times_hurt_queues_that_serve_in_order() {
    let law = |cluster: Cluster, law, value, give| {
        holds(&Cluster { law, requests: 200_000, ..cluster }, value, give);
    };
    // Squared, these are 4 and 10.
    let (two, root) = ("hyper-exponential:mean=1s,cv=2", "hyper-exponential:mean=1s,cv=3.16228");
    law(Cluster::new(4, 0.5, "random"), two, 3.5, 0.0);
    law(Cluster::new(10, 0.7, "join-shortest-queue"), root, 1.627, 0.009);
    law(Cluster::new(10, 0.7, "least-work-left"), root, 1.265, 0.007);
}

#[test]
fn one_server_makes_all_policies_the_same() {
    let run = |policy: &str| {
        let mut cluster = Cluster::new(1, 0.7, policy);
        cluster.requests = 2000;
        cluster.reporting = Some(plimsoll::engine::Reporting {
            interval: Duration::from_secs(1),
            delay: Duration::ZERO,
        });
        cluster.run(5).latency.moments
    };
    let random = run("random");
    for entry in <dyn Balancer as Role>::registry() {
        let spec = match entry.name {
            "power-of-choices" => "power-of-choices:replacement=true",
            name => name,
        };
        assert_eq!(run(spec), random, "{spec}");
    }
}

#[test]
fn every_further_choice_shortens_the_queues() {
    let mean = |choices: u32, replication| {
        let mut cluster = Cluster::new(20, 0.8, &format!("power-of-choices:choices={choices}"));
        cluster.requests = 100_000;
        cluster.run(replication).latency.moments.mean().unwrap()
    };
    for (fewer, more) in [(1, 2), (2, 3), (3, 5), (5, 20)] {
        // The same arrivals and demands in both.
        let (low, _) = interval(|replication| mean(fewer, replication) - mean(more, replication));
        assert!(low > 0.0, "{fewer} and {more} choices: {low}");
    }
}

#[test]
fn two_choices_beat_idle_lists_where_few_servers_are_busy_and_lose_where_many_are() {
    let below = |a: &str, b: &str, servers, load| {
        let of = |policy, at| {
            Cluster::new(servers, load, policy).run(at).latency.moments.mean().unwrap()
        };
        // The same arrivals and demands in both.
        let (low, high) = interval(|replication| of(b, replication) - of(a, replication));
        assert!(low > 0.0, "{b} - {a} at {servers}, {load}: {low}..{high}");
    };
    below("power-of-choices", "join-idle-queue", 4, 0.9);
    below("join-idle-queue", "power-of-choices", 4, 0.7);
    below("join-idle-queue", "power-of-choices", 16, 0.95);
}

/// Several balancers, each of which has servers of its own.
fn divided(servers: usize, own: usize, load: f64, inside: &str) -> Cluster {
    let mut cluster = Cluster::new(servers, load, &format!("subset:size={own},inside={inside}"));
    cluster.balancers = (servers / own) as u32;
    cluster
}

#[test]
fn dealing_at_random_splits_poisson_arrivals_and_dealing_in_turn_smooths_them() {
    for (load, one, pair) in [(0.7, 1.0 / 0.3, 2.108_197_27), (0.9, 10.0, 5.474_912_82)] {
        // M/M/1 each, and the shortest of two queues each.
        let alone = Cluster { at_random: true, ..divided(4, 1, load, "random") };
        holds(&alone, one, 0.0);
        holds(
            &Cluster { at_random: true, ..divided(6, 2, load, "join-shortest-queue") },
            pair,
            0.0,
        );
        // E4/M/1 each: one server in turn is what round-robin before four servers is.
        let (in_turn, whole) = (divided(4, 1, load, "random").mean(), {
            let cluster = Cluster::new(4, load, "round-robin");
            cluster.mean()
        });
        assert!(in_turn.1 < one && in_turn.0 < whole.1 && whole.0 < in_turn.1, "{in_turn:?}");
    }
}

#[test]
fn idle_lists_of_several_balancers_help_and_shorter_lists_help_more() {
    let cluster = |policy: &str| {
        let mut cluster = Cluster::new(200, 0.9, policy);
        cluster.balancers = 20;
        cluster
    };
    let mean = |policy: &str| cluster(policy).mean();
    let (random, two) = (mean("join-idle-queue"), mean("join-idle-queue:lists=2"));
    // The mean-field model takes requests for dealt at random: 1.818 and 1.443. Dealing them in
    // turn leaves fewer lists empty.
    assert!(random.1 < 1.818 && two.1 < 1.443, "{random:?} {two:?}");
    for (policy, in_turn) in [("join-idle-queue", random), ("join-idle-queue:lists=2", two)] {
        let dealt = Cluster { at_random: true, ..cluster(policy) }.mean();
        println!("{policy}: {dealt:?}");
        assert!(in_turn.1 < dealt.0, "{policy}: {in_turn:?} {dealt:?}");
    }
    let shortest = mean("join-shortest-queue");
    let blind = mean("least-connections");
    assert!(two.1 < random.0 && shortest.1 < two.0, "{two:?} {random:?} {shortest:?}");
    assert!(random.1 < blind.0, "{random:?} {blind:?}");
}
