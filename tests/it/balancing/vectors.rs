//! Whole policies driven by hand: published sequences, shares and scenarios of real systems.

use plimsoll::balance::{Pick, Setup};
use plimsoll::fleet::{ServerSpec, State};

use super::{Desk, agrees, refusal, weighted};

fn letters(desk: &mut Desk, picks: usize) -> String {
    (0..picks).map(|_| char::from(b'a' + desk.choose(0) as u8)).collect()
}

#[test]
fn weighted_round_robin_plays_the_schedule_asked_for() {
    let play = |spec: &str| letters(&mut Desk::new(spec, &weighted(&[5, 1, 1])), 7);
    assert_eq!(play("weighted-round-robin"), "aabacaa");
    assert_eq!(play("weighted-round-robin:form=envoy"), "aaaabca");
    assert_eq!(play("weighted-round-robin:form=grpc"), "aaaaabc");
    assert_eq!(play("weighted-round-robin:form=haproxy"), "aaabaac");
    assert_eq!(play("weighted-round-robin:form=haproxy-static"), "aaabaac");
    assert_eq!(play("weighted-round-robin:form=ipvs"), "aaaaabc");
    assert_eq!(letters(&mut Desk::of("round-robin", 3), 6), "abcabc");
}

#[test]
fn a_random_start_gives_first_picks_by_weight() {
    for weights in [[0, 25, 75], [0, 1, 99], [0, 50, 50], [1, 20, 79]] {
        for form in ["envoy", "nginx", "haproxy", "ipvs"] {
            let spec = format!("weighted-round-robin:random-start=true,form={form}");
            let recipe = super::recipe::<dyn plimsoll::balance::Balancer>(&spec);
            let mut desk = Desk::new(&spec, &weighted(&weights));
            let mut first = [0_u64; 3];
            for _ in 0..4000 {
                desk.policy = recipe.build(&Setup::new(&desk.fleet)).unwrap();
                first[desk.choose(0)] += 1;
            }
            assert!(agrees(&first, &weights.map(f64::from)), "{form}: {first:?}");
        }
    }
}

#[test]
fn every_schedule_keeps_the_ratios_of_its_weights() {
    let forms = ["nginx", "envoy", "grpc", "haproxy", "haproxy-static", "ipvs", "stride"];
    for weights in [[1, 1, 1], [1, 2, 3], [5, 3, 2], [17, 23, 37]] {
        for form in forms {
            let spec = format!("weighted-round-robin:form={form}");
            let times = Desk::new(&spec, &weighted(&weights)).shares(10_000);
            let whole = f64::from(weights.iter().sum::<u32>());
            for (&times, &weight) in times.iter().zip(&weights) {
                let share = 10_000.0 * f64::from(weight) / whole;
                // grpc-go's own test allows 5 %.
                assert!((times as f64 / share - 1.0).abs() < 0.05, "{form}, {weights:?}: {times}");
            }
        }
    }
}

#[test]
fn random_draws_are_by_weight() {
    for weights in [[0, 25, 75], [1, 20, 79]] {
        let mut desk = Desk::new("weighted-random", &weighted(&weights));
        assert!(agrees(&desk.shares(40_000), &weights.map(f64::from)));
    }
    assert!(agrees(&Desk::of("random", 3).shares(30_000), &[1.0; 3]));
}

#[test]
fn ipvs_rules_are_told_apart_by_three_servers() {
    let pick = |spec: &str, active: [u32; 3], weights: [u32; 3]| {
        let mut desk = Desk::new(spec, &weighted(&weights));
        for (server, &count) in active.iter().enumerate() {
            (0..count).for_each(|_| desk.occupy(server));
        }
        desk.choose(0)
    };
    let (sed, nq) = ("shortest-expected-delay", "never-queue");
    let wlc = "least-connections:ties=first";
    assert_eq!(pick(sed, [1, 1, 0], [3, 2, 1]), 0);
    assert_eq!(pick(nq, [1, 1, 0], [3, 2, 1]), 2);
    assert_eq!(pick(sed, [2, 1, 0], [3, 2, 1]), 0);
    assert_eq!(pick(sed, [0, 0, 0], [1, 2, 3]), 2);
    assert_eq!(pick(wlc, [0, 0, 0], [1, 2, 3]), 0);
}

#[test]
fn haproxy_least_connections_goes_round_among_equals() {
    let spec = "least-connections:ties=rotate,load=haproxy";
    let mut desk = Desk::of(spec, 4);
    let served: Vec<usize> = (0..8).map(|_| desk.serve(0, 1)).collect();
    assert_eq!(served, [0, 1, 2, 3, 0, 1, 2, 3]);
    // (1, 1), (3, 2) and (5, 3) tie at 512, and the last to come there is the last to be served.
    let mut desk = Desk::new(spec, &weighted(&[1, 2, 3]));
    for (server, load) in [(2, 5), (1, 3), (0, 1)] {
        (0..load).for_each(|_| desk.occupy(server));
    }
    assert_eq!(desk.choose(0), 2);
}

#[test]
fn envoy_least_request_has_its_published_shares() {
    let shares = |weights: &[u32], busy: &[(usize, u32)]| {
        let mut desk = Desk::new("least-request", &weighted(weights));
        for &(server, count) in busy {
            (0..count).for_each(|_| desk.occupy(server));
        }
        desk.shares(100_000)
    };
    assert!(agrees(&shares(&[1, 1, 1], &[]), &[1.0, 1.0, 1.0]));
    assert!(agrees(&shares(&[1, 1, 1], &[(2, 10)]), &[4.0, 4.0, 1.0]));
    assert!(agrees(&shares(&[1, 1], &[(0, 1)]), &[1.0, 3.0]));
    assert!(agrees(&shares(&[2, 1], &[]), &[2.0, 1.0]));
    assert!(agrees(&shares(&[2, 1], &[(0, 1)]), &[1.0, 1.0]));
    for n in [4_usize, 5, 10] {
        let counts = shares(&vec![1; n], &[(0, 1)]);
        let square = (n * n) as f64;
        let mut law = vec![(square - 1.0) / square / (n - 1) as f64; n];
        law[0] = 1.0 / square;
        assert!(agrees(&counts, &law), "{n}: {counts:?}");
    }
}

#[test]
fn without_replacement_the_busiest_server_is_never_taken() {
    let mut desk = Desk::of("power-of-choices", 3);
    desk.occupy(1);
    assert!(agrees(&desk.shares(30_000), &[1.0, 0.0, 1.0]));
    let mut desk = Desk::of("power-of-choices:replacement=true", 3);
    desk.occupy(1);
    assert!(agrees(&desk.shares(90_000), &[4.0, 1.0, 4.0]));
}

#[test]
fn degenerate_options_make_one_policy_of_another() {
    let mut desk = Desk::of("power-of-choices:choices=1", 3);
    (0..9).for_each(|_| desk.occupy(0));
    assert!(agrees(&desk.shares(30_000), &[1.0, 1.0, 1.0]), "one choice is random");
    let mut desk = Desk::of("power-of-choices:choices=3", 3);
    (0..2).for_each(|server| desk.occupy(server));
    assert_eq!(desk.shares(100), [0, 0, 100], "all choices are the shortest queue");
    let mut desk = Desk::new("least-request:bias=0", &weighted(&[2, 1]));
    (0..9).for_each(|_| desk.occupy(0));
    assert_eq!(letters(&mut desk, 6), "abaaba", "no bias is weighted round-robin");
    let mut desk = Desk::of("least-request:full-scan=true", 3);
    desk.occupy(0);
    assert!(agrees(&desk.shares(30_000), &[0.0, 1.0, 1.0]));
}

#[test]
fn weighted_choices_draw_by_weight_and_compare_by_weight() {
    let spec = "power-of-choices:weighted=true,replacement=true";
    let mut desk = Desk::new(spec, &weighted(&[3, 1]));
    desk.occupy(0);
    // The pair is (0, 0) in 9 of 16 draws; otherwise the idle server is among them.
    assert!(agrees(&desk.shares(30_000), &[9.0, 7.0]));
    // nginx keeps the second of equals, and of two different draws the second is either.
    let nginx = "power-of-choices:weighted=true,ties=second";
    let mut desk = Desk::new(nginx, &weighted(&[3, 1]));
    assert!(agrees(&desk.shares(30_000), &[1.0, 3.0]));
    let mut desk = Desk::new(nginx, &weighted(&[1, 1]));
    desk.occupy(0);
    assert_eq!(desk.shares(100), [0, 100]);
}

#[test]
fn nginx_least_connections_is_smooth_round_robin_among_equals() {
    let spec = "least-connections:ties=smooth-weighted";
    assert_eq!(letters(&mut Desk::new(spec, &weighted(&[5, 1, 1])), 7), "aabacaa");
    let mut desk = Desk::of(spec, 2);
    let served: Vec<usize> = (0..10).map(|_| desk.serve(0, 1)).collect();
    assert_eq!(served.iter().filter(|server| **server == 0).count(), 5);
    // One of the next two hangs; the ten that follow go past it.
    let hung = desk.send(0);
    let other = desk.serve(0, 1);
    assert_ne!(hung, other);
    assert!((0..10).all(|_| desk.serve(0, 1) == other));
}

fn capped(caps: &[u32], weights: &[u32]) -> Vec<ServerSpec> {
    let server = |(&slots, &weight)| ServerSpec { slots, weight, ..ServerSpec::default() };
    caps.iter().zip(weights).map(server).collect()
}

#[test]
fn connection_limits_are_kept_as_in_the_tests_of_nginx() {
    let scenario = |spec: &str, servers: &[ServerSpec], requests: usize| {
        let mut desk = Desk::new(spec, servers);
        desk.limited = true;
        let mut times = vec![0; servers.len()];
        let mut failed = 0;
        for key in 0..requests as u64 {
            match desk.pick(&desk.request(key)) {
                Pick::Server(server) => {
                    desk.occupy(server.index());
                    times[server.index()] += 1;
                }
                _ => failed += 1,
            }
        }
        (times, failed)
    };
    for spec in ["weighted-round-robin", "least-connections:ties=smooth-weighted"] {
        assert_eq!(scenario(spec, &capped(&[99, 99], &[1, 1]), 4), (vec![2, 2], 0));
        assert_eq!(scenario(spec, &capped(&[1, 99], &[1, 1]), 4), (vec![1, 3], 0));
        assert_eq!(scenario(spec, &capped(&[1, 1], &[1, 1]), 4), (vec![1, 1], 2));
        assert_eq!(scenario(spec, &capped(&[1, 99], &[2, 1]), 4), (vec![1, 3], 0));
        assert_eq!(scenario(spec, &capped(&[1, 1, 99], &[1, 1, 1]), 6), (vec![1, 1, 4], 0));
        assert_eq!(scenario(spec, &capped(&[3], &[1]), 4), (vec![3], 1));
    }
    for spec in ["weighted-random", "power-of-choices"] {
        assert_eq!(scenario(spec, &capped(&[2, 1], &[1, 1]), 4), (vec![2, 1], 1));
    }
}

#[test]
fn a_backup_takes_what_the_primary_has_no_room_for_as_in_the_tests_of_nginx() {
    let scenario = |caps: [u32; 2], spec: &str| {
        let mut servers = capped(&caps, &[1, 1]);
        servers[1].tier = 1;
        let mut desk = Desk::new(spec, &servers);
        desk.limited = true;
        let picks = (0..6).map(|_| match desk.pick(&desk.request(0)) {
            Pick::Server(server) => {
                desk.occupy(server.index());
                char::from(b'a' + server.0 as u8)
            }
            _ => '-',
        });
        picks.collect::<String>()
    };
    for spec in ["tiers:inside=weighted-round-robin", "spillover:inside=weighted-round-robin"] {
        assert_eq!(scenario([2, 99], spec), "aabbbb", "{spec}");
        assert_eq!(scenario([2, 3], spec), "aabbb-", "{spec}");
    }
}

#[test]
fn first_fills_the_lowest_number_before_it_turns_to_the_next() {
    let mut desk = Desk::new("first", &capped(&[2, 1, 3], &[1, 1, 1]));
    let sent: Vec<usize> = (0..7).map(|_| desk.send(0)).collect();
    assert_eq!(sent, [0, 0, 1, 2, 2, 2, 0]);
    desk.finish(1, 1);
    assert_eq!(desk.choose(0), 1);
    desk.set_state(1, State::Draining);
    assert_ne!(desk.choose(0), 1);
}

#[test]
fn never_behind_a_busy_server_while_another_is_idle() {
    for spec in [
        "join-shortest-queue",
        "join-idle-queue",
        "least-work-left",
        "never-queue",
        "least-connections",
    ] {
        let mut desk = Desk::of(spec, 6);
        let mut sent: Vec<usize> = (0..6).map(|_| desk.send(0)).collect();
        sent.sort_unstable();
        assert_eq!(sent, [0, 1, 2, 3, 4, 5], "{spec}");
        desk.wait(200);
        desk.finish(4, 200);
        assert_eq!(desk.send(0), if spec == "least-work-left" { 0 } else { 4 }, "{spec}");
    }
}

#[test]
fn a_server_that_joins_is_used_and_one_that_left_is_not() {
    for entry in <dyn plimsoll::balance::Balancer as plimsoll::registry::Role>::registry() {
        let mut desk = Desk::of(entry.name, 4);
        (0..20).for_each(|key| _ = desk.send(key << 8));
        desk.set_state(2, State::Failed);
        (0..50).for_each(|key| assert_ne!(desk.send(key << 8), 2, "{}", entry.name));
        desk.set_state(2, State::Ready);
        (0..50).for_each(|key| _ = desk.send(key << 8));
        let late =
            desk.fleet.add(ServerSpec { weight: 3, ..ServerSpec::default() }, State::Starting);
        desk.set_state(late.index(), State::Ready);
        let times = (0..200).filter(|&key| desk.send((100 + key) << 8) == late.index()).count();
        assert!(times > 0 || entry.name == "first", "{} never uses a new server", entry.name);
    }
}

#[test]
fn options_that_make_no_sense_are_refused_with_a_remedy() {
    let two = weighted(&[1, 1]);
    for spec in [
        "power-of-choices:choices=0",
        "power-of-choices:choices=3",
        "least-request:choices=0",
        "least-request:bias=-1",
        "join-idle-queue:lists=0",
        "join-idle-queue:lists=2",
        "least-connections:ties=coin",
    ] {
        refusal(spec, &two);
    }
    for spec in [
        "weighted-random",
        "weighted-round-robin",
        "least-connections",
        "least-request",
        "power-of-choices:weighted=true",
        "shortest-expected-delay",
        "never-queue",
    ] {
        assert!(refusal(spec, &weighted(&[0, 0])).message().contains("weight"));
    }
}
