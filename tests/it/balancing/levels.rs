//! Several levels and several balancers: tiers, zones, subsets, stale signals; and what holds of
//! all.

use plimsoll::balance::{Balancer, Setup};
use plimsoll::engine::Reporting;
use plimsoll::fleet::{Report, ServerSpec, State};
use plimsoll::registry::{Recipe, Role};
use plimsoll::time::Duration;

use super::{Cluster, Desk, agrees, fleet_of, interval, recipe, refusal, weighted};

fn in_tiers(tiers: &[u16]) -> Vec<ServerSpec> {
    tiers.iter().map(|&tier| ServerSpec { tier, ..ServerSpec::default() }).collect()
}

fn in_zones(zones: &[u16]) -> Vec<ServerSpec> {
    zones.iter().map(|&zone| ServerSpec { zone, ..ServerSpec::default() }).collect()
}

/// How many picks each group of ten servers has.
fn by_tens(times: &[u64]) -> Vec<u64> {
    times.chunks(10).map(|group| group.iter().sum()).collect()
}

#[test]
fn a_tier_spills_over_what_its_failed_servers_cannot_carry() {
    let tiers = [[0; 10], [1; 10]].concat();
    for (failed, expected) in [(0, [1.0, 0.0]), (2, [1.0, 0.0]), (3, [0.98, 0.02]), (5, [0.7, 0.3])]
    {
        let mut desk = Desk::new("tiers:inside=random", &in_tiers(&tiers));
        (0..failed).for_each(|server| desk.set_state(server, State::Failed));
        let times = by_tens(&desk.shares(20_000));
        assert!(agrees(&times, &expected), "{failed} failed: {times:?}");
    }
    let mut desk = Desk::new("tiers", &in_tiers(&tiers));
    (0..10).for_each(|server| desk.set_state(server, State::Failed));
    assert_eq!(by_tens(&desk.shares(100)), [0, 100]);
    (0..5).for_each(|server| desk.set_state(server, State::Ready));
    assert!(agrees(&by_tens(&desk.shares(20_000)), &[0.7, 0.3]));
}

#[test]
fn a_server_taken_away_on_purpose_is_not_a_sick_one() {
    let mut desk = Desk::new("tiers", &in_tiers(&[[0; 10], [1; 10]].concat()));
    (0..6).for_each(|server| {
        desk.set_state(server, State::Draining);
        desk.set_state(server, State::Gone);
    });
    // The last change that is heard counts a server that still drains.
    desk.set_state(6, State::Failed);
    desk.set_state(6, State::Ready);
    assert_eq!(by_tens(&desk.shares(1000)), [1000, 0]);
}

#[test]
fn the_edge_is_filled_before_the_cloud() {
    let servers = in_tiers(&[0, 0, 1, 1, 1]);
    let mut desk = Desk::new("spillover", &servers);
    let sent: Vec<usize> = (0..5).map(|_| desk.send(0)).collect();
    assert!(sent[..2].iter().all(|server| *server < 2), "{sent:?}");
    assert!(sent[2..].iter().all(|server| *server >= 2), "{sent:?}");
    desk.finish(1, 1);
    assert_eq!(desk.send(0), 1);
    // Both are full alike: the nearer one.
    assert!(desk.send(0) < 2);
}

#[test]
fn the_way_to_the_cloud_adds_its_latency_and_is_gone_only_under_load() {
    let cluster = |load: f64| {
        let mut cluster = Cluster::new(12, load, "spillover");
        for spec in cluster.servers.iter_mut().skip(2) {
            (spec.tier, spec.network) = (1, Duration::from_secs(5));
        }
        cluster.requests = 20_000;
        cluster
    };
    let share = |load| {
        interval(|replication| {
            let servers = cluster(load).run(replication).servers;
            let cloud: u64 = servers[2..].iter().map(|server| server.completed).sum();
            cloud as f64 / servers.iter().map(|server| server.completed).sum::<u64>() as f64
        })
    };
    // Two edge servers that take no one they have no slot for lose as Erlang says: offered 12 ×
    // load.
    let erlang = |offered: f64| offered * offered / 2.0 / (1.0 + offered + offered * offered / 2.0);
    for load in [0.02, 0.1] {
        let (low, high) = share(load);
        let lost = erlang(12.0 * load);
        assert!(low < lost && lost < high, "{load}: {lost} is not in {low}..{high}");
    }
}

#[test]
fn network_latency_is_added_to_every_request_and_to_nothing_else() {
    let mut cluster = Cluster::new(3, 0.7, "round-robin");
    cluster.requests = 2000;
    let near = cluster.run(0);
    cluster.servers.iter_mut().for_each(|spec| spec.network = Duration::from_millis(250));
    let far = cluster.run(0);
    let mean = |meter: &plimsoll::probe::Meter| meter.latency.moments.mean().unwrap();
    assert!((mean(&far) - mean(&near) - 0.25).abs() < 1e-9);
    assert_eq!(near.service.moments.sum(), far.service.moments.sum());
}

#[test]
fn zones_share_requests_as_envoy_does() {
    // Servers 25, 50 and 25 %, callers 40, 40 and 20 %.
    let zones = [[0; 5].as_slice(), &[1; 10], &[2; 5]].concat();
    let fleet = || fleet_of(&in_zones(&zones));
    let toml = "policy = 'zone-aware'\ncallers = [0.4, 0.4, 0.2]\nzone = 0\ninside = 'random'";
    let node = plimsoll::document::Node::from_toml("test", toml).unwrap();
    let recipe = Recipe::<dyn Balancer>::read(&node).unwrap();
    let mut desk = Desk::built(recipe.build(&Setup::new(&fleet())).unwrap(), fleet());
    let times = desk.shares(20_000);
    let by_zone: Vec<u64> =
        [0..5, 5..15, 15..20].into_iter().map(|zone| times[zone].iter().sum()).collect();
    assert!(agrees(&by_zone, &[0.625, 0.25, 0.125]), "{by_zone:?}");
    // Too few servers to look at zones: everyone alike.
    let mut desk = Desk::new("zone-aware:inside=random", &in_zones(&[0, 0, 1, 1]));
    assert!(agrees(&desk.shares(20_000), &[0.25; 4]));
}

#[test]
fn localities_have_turns_by_weight_less_what_has_failed() {
    let zones = [[0; 10], [1; 10]].concat();
    let mut desk = Desk::new("locality-weighted:inside=random", &in_zones(&zones));
    assert_eq!(by_tens(&desk.shares(1000)), [500, 500]);
    (0..5).for_each(|server| desk.set_state(server, State::Failed));
    // Half of its servers times 1.4 is 0.7 of its weight.
    let times = by_tens(&desk.shares(1700));
    assert!(times[0].abs_diff(700) <= 1, "{times:?}");
    (5..10).for_each(|server| desk.set_state(server, State::Failed));
    assert_eq!(by_tens(&desk.shares(100)), [0, 100]);
}

#[test]
fn a_zone_that_reports_to_be_busy_is_left() {
    let zones = [[0; 10], [1; 10], [2; 10]].concat();
    let mut desk = Desk::new("load-aware-zones:inside=random,zone=0", &in_zones(&zones));
    for (zone, utilization) in [0.7, 0.3, 0.4].into_iter().enumerate() {
        let report = Report { utilization, ..Report::default() };
        (0..10).for_each(|at| desk.report(10 * zone + at, report));
    }
    let times = by_tens(&desk.shares(20_000));
    assert!(agrees(&times, &[3.0, 7.0, 6.0]), "{times:?}");
    (0..10).for_each(|at| desk.report(at, Report { utilization: 0.3, ..Report::default() }));
    desk.wait(60_000);
    // It takes 5 s for the smoothed utilization to follow, and it is looked at every second.
    (0..40).for_each(|_| {
        desk.wait(1_000);
        desk.choose(0);
    });
    let times = by_tens(&desk.shares(20_000));
    assert!(agrees(&times, &[0.97, 0.015, 0.015]), "{times:?}");
}

#[test]
fn zones_are_known_by_the_names_of_the_scenario() {
    let names = ["paris".to_owned(), "oslo".to_owned()];
    let fleet = fleet_of(&in_zones(&[0, 0, 0, 1, 1, 1]));
    let setup = Setup { zones: &names, balancers: 2, ..Setup::new(&fleet) };
    let own = |policy: &str| recipe::<dyn Balancer>(policy).build(&setup);
    let with_callers = own("zone-aware:zone=oslo,callers=[1,1]").unwrap();
    let mut desk = Desk::built(with_callers, fleet.clone());
    assert_eq!(desk.shares(30)[..3], [0, 0, 0], "as many servers as callers: all stay");
    // Nobody said otherwise, so every caller stands there, and half of the servers are too few.
    let mut desk = Desk::built(own("zone-aware:zone=oslo").unwrap(), fleet.clone());
    assert!(desk.shares(30)[..3].iter().all(|count| *count > 0));
    for spec in ["zone-aware:zone=rome", "load-aware-zones:zone=rome"] {
        let problem = own(spec).unwrap_err();
        assert!(problem.message().contains("rome") && problem.remedy().is_some());
    }
}

#[test]
fn a_zone_has_its_place_before_its_first_server() {
    let names = ["paris", "oslo", "rome"].map(str::to_owned);
    // Nobody stands in Oslo yet; the shares are those of Paris, Oslo and Rome all the same.
    let fleet = fleet_of(&in_zones(&[0, 0, 2, 2, 2, 2]));
    let setup = Setup { zones: &names, grows: true, ..Setup::new(&fleet) };
    let spec = "zone-aware:zone=paris,callers=[3,1,2],min-servers=2,inside=random";
    let mut desk = Desk::built(recipe::<dyn Balancer>(spec).build(&setup).unwrap(), fleet.clone());
    let parts = |times: &[u64]| {
        [0..2, 6..8, 2..6].map(|zone: std::ops::Range<usize>| {
            zone.map(|server| times.get(server).copied().unwrap_or(0)).sum::<u64>()
        })
    };
    // Paris has 1/3 of the servers and 1/2 of the callers; only Rome has servers to spare.
    let times = parts(&desk.shares(20_000));
    assert!(agrees(&times, &[0.6666, 0.0, 0.3334]), "{times:?}");
    for _ in 0..2 {
        let spec = ServerSpec { zone: 1, ..ServerSpec::default() };
        let late = desk.fleet.add(spec, State::Starting);
        desk.set_state(late.index(), State::Ready);
    }
    // 2, 2 and 4 of 8 servers: half of the callers of Paris stay, and Oslo and Rome have 1/12 and
    // 1/6 more servers than callers.
    let times = parts(&desk.shares(20_000));
    assert!(agrees(&times, &[0.5, 0.5 / 3.0, 1.0 / 3.0]), "{times:?}");
}

#[test]
fn a_policy_that_needs_servers_waits_for_the_first_of_its_zone() {
    let names = ["paris", "oslo"].map(str::to_owned);
    let fleet = fleet_of(&in_zones(&[0]));
    let setup = Setup { zones: &names, grows: true, ..Setup::new(&fleet) };
    let spec = "zone-aware:zone=oslo,min-servers=99,inside=weighted-random";
    let mut desk = Desk::built(recipe::<dyn Balancer>(spec).build(&setup).unwrap(), fleet.clone());
    for weight in [9, 1] {
        let spec = ServerSpec { zone: 1, weight, ..ServerSpec::default() };
        let late = desk.fleet.add(spec, State::Starting);
        desk.set_state(late.index(), State::Ready);
    }
    // Zones by their number of servers, and in Oslo by weight.
    let times = desk.shares(20_000);
    assert!(agrees(&times, &[1.0 / 3.0, 0.6, 0.2 / 3.0]), "{times:?}");
}

#[test]
fn a_fleet_that_grows_may_have_fewer_servers_than_choices_at_first() {
    let fleet = fleet_of(&weighted(&[1]));
    let choosers = ["power-of-choices", "c3:replicas=3", "predicted-latency:choices=2"];
    for spec in choosers.into_iter().chain(["subset:size=4"]) {
        let recipe = recipe::<dyn Balancer>(spec);
        assert!(recipe.build(&Setup::new(&fleet)).is_err(), "{spec}");
        let policy = recipe.build(&Setup { grows: true, ..Setup::new(&fleet) }).unwrap();
        let mut desk = Desk::built(policy, fleet.clone());
        assert_eq!(desk.send(1), 0, "{spec}");
        for _ in 0..5 {
            let late = desk.fleet.add(ServerSpec::default(), State::Starting);
            desk.set_state(late.index(), State::Ready);
        }
        let times = desk.shares(600);
        assert!(times.iter().filter(|times| **times > 0).count() >= 3, "{spec}: {times:?}");
    }
}

#[test]
fn more_choices_than_a_level_has_servers_are_refused_there() {
    let servers = in_tiers(&[0, 0, 1, 1, 1]);
    let problem = refusal("tiers:inside=power-of-choices", &in_tiers(&[0, 1, 1]));
    assert!(problem.message().contains("only one server"), "{problem}");
    assert!(
        recipe::<dyn Balancer>("tiers:inside=power-of-choices")
            .build(&Setup::new(&fleet_of(&servers)))
            .is_ok()
    );
}

#[test]
fn any_policy_serves_inside_each_level() {
    for entry in <dyn Balancer as Role>::registry() {
        for outer in ["tiers", "zone-aware", "spillover", "subset", "stale", "sticky"] {
            let key = if outer == "sticky" { "fallback" } else { "inside" };
            let spec = format!("{outer}:{key}={}", entry.name);
            let servers: Vec<ServerSpec> = (0..8)
                .map(|at| ServerSpec { tier: at / 4, zone: at % 2, ..ServerSpec::default() })
                .collect();
            let mut desk = Desk::new(&spec, &servers);
            for key in 0..200 {
                let server = desk.send(key << 8);
                desk.wait(3);
                if key % 3 > 0 {
                    desk.finish(server, 3);
                }
                if key == 90 {
                    desk.set_state(1, State::Failed);
                    desk.set_state(6, State::Draining);
                } else if key == 120 {
                    desk.set_state(1, State::Ready);
                    let spec = ServerSpec { tier: 2, zone: 5, ..ServerSpec::default() };
                    let late = desk.fleet.add(spec, State::Starting);
                    desk.set_state(late.index(), State::Ready);
                }
            }
        }
    }
}

#[test]
fn a_subset_is_all_a_balancer_sends_to() {
    for form in ["deterministic", "random"] {
        let mut all = vec![0_u32; 30];
        for balancer in 0..10 {
            let fleet = fleet_of(&weighted(&[1; 30]));
            let setup = Setup { balancer, balancers: 10, ..Setup::new(&fleet) };
            let spec = format!("subset:size=6,inside=random,form={form}");
            let policy = recipe::<dyn Balancer>(&spec).build(&setup).unwrap();
            let mut desk = Desk::built(policy, fleet);
            let times = desk.shares(600);
            let used: Vec<usize> = (0..30).filter(|&server| times[server] > 0).collect();
            assert_eq!(used.len(), 6, "{form}");
            for &server in &used {
                all[server] += 1;
            }
            desk.set_state(used[0], State::Failed);
            let times = desk.shares(600);
            assert_eq!(times.iter().filter(|times| **times > 0).count(), 6, "{form}: one comes in");
        }
        assert!(form == "random" || all == [2; 30], "{all:?}");
    }
}

#[test]
fn all_apertures_together_cover_servers_by_weight() {
    let weights: Vec<u32> = (0..24).map(|at| 1 + at % 2).collect();
    let mut all = vec![0_u64; 24];
    for balancer in 0..7 {
        let fleet = fleet_of(&weighted(&weights));
        let setup = Setup { balancer, balancers: 7, ..Setup::new(&fleet) };
        let policy = recipe::<dyn Balancer>("aperture").build(&setup).unwrap();
        let mut desk = Desk::built(policy, fleet);
        for _ in 0..5000 {
            // Loads even out by share where requests stay.
            all[desk.send(0)] += 1;
        }
    }
    let heavy: u64 = all.iter().skip(1).step_by(2).sum();
    let share = heavy as f64 / 35_000.0;
    assert!((share - 2.0 / 3.0).abs() < 0.01, "{share}");
    let light = all.iter().step_by(2);
    let (least, most) = (light.clone().min().unwrap(), light.max().unwrap());
    assert!(*most as f64 / (*least as f64) < 1.1, "{all:?}");
}

#[test]
fn old_counts_make_the_least_loaded_server_the_worst_choice() {
    let mean = |policy: String, balancers| {
        let mut cluster = Cluster::new(50, 0.8, &policy);
        cluster.balancers = balancers;
        cluster.requests = 60_000;
        cluster.reporting =
            Some(Reporting { interval: Duration::from_secs(4), delay: Duration::ZERO });
        cluster.mean()
    };
    let stale = |inside: &str, options: &str| format!("stale:inside={inside},{options}");
    // The freshest counts first: two choices are worse than all.
    let (_, all) = mean("least-connections".into(), 1);
    let (two, _) = mean("power-of-choices".into(), 1);
    assert!(all < two);
    for options in ["delay=5s", "source=reported,interval=4s"] {
        let (all, _) = mean(stale("least-connections", options), 1);
        let (_, two) = mean(stale("power-of-choices", options), 1);
        assert!(two < all, "{options}: herds");
    }
    // Counting what one has sent oneself since keeps a single balancer from herding.
    let (herd, _) = mean(stale("least-connections", "source=reported,interval=4s"), 1);
    let (_, own) = mean(stale("least-connections", "source=reported,interval=4s,add-own=true"), 1);
    assert!(own < herd);
}

#[test]
fn a_delay_of_nothing_changes_nothing() {
    for inside in ["least-connections", "power-of-choices", "peak-ewma", "join-idle-queue"] {
        let run = |policy: &str| {
            let mut cluster = Cluster::new(5, 0.8, policy);
            cluster.requests = 5000;
            cluster.run(3).latency.moments
        };
        assert_eq!(run(inside), run(&format!("stale:delay=0s,inside={inside}")), "{inside}");
    }
}

#[test]
fn every_policy_runs_to_the_end_and_twice_the_same() {
    for entry in <dyn Balancer as Role>::registry() {
        for (balancers, shared) in [(1, false), (3, false), (1, true), (2, true)] {
            let mut cluster = Cluster::new(8, 0.8, entry.name);
            (cluster.balancers, cluster.shared, cluster.requests) = (balancers, shared, 3000);
            cluster.reporting = Some(Reporting {
                interval: Duration::from_secs(1),
                delay: Duration::from_millis(100),
            });
            for (at, spec) in cluster.servers.iter_mut().enumerate() {
                let at = at as u16;
                (spec.weight, spec.zone, spec.tier) = (u32::from(1 + at % 3), at % 2, at / 6);
                spec.slots = u32::from(1 + at % 2);
                spec.network = Duration::from_millis(u64::from(at % 3));
            }
            let (once, again) = (cluster.run(0), cluster.run(0));
            assert_eq!(once.latency.moments, again.latency.moments, "{}", entry.name);
            assert_eq!(once.servers, again.servers, "{}", entry.name);
            let other = cluster.run(1).latency.moments;
            assert_ne!(once.latency.moments, other, "{}: another seed, another run", entry.name);
        }
    }
}

#[test]
fn the_schema_of_policies_inside_policies_is_finite() {
    let schema = schemars::schema_for!(Recipe<dyn Balancer>);
    let text = serde_json::to_string(&schema).unwrap();
    for entry in <dyn Balancer as Role>::registry() {
        assert!(text.contains(entry.name), "{}", entry.name);
    }
}

#[test]
fn every_manual_says_what_when_and_whence_and_every_default_is_whole() {
    for entry in <dyn Balancer as Role>::registry() {
        let manual = entry.manual();
        for word in ["What it does.", "When it shines.", "When it fails.", "Source."] {
            assert!(manual.contains(&format!("**{word}**")), "{}: {word}", entry.name);
        }
        let resolved = recipe::<dyn Balancer>(entry.name).resolved().clone();
        let node = plimsoll::document::Node::from_toml("x", &toml::to_string(&resolved).unwrap());
        let read = Recipe::<dyn Balancer>::read(&node.unwrap()).unwrap();
        assert_eq!(read.resolved(), &resolved, "{} is read as it is written", entry.name);
    }
}

#[test]
fn options_of_levels_that_make_no_sense_are_refused() {
    let servers = in_zones(&[0, 0, 1]);
    for spec in [
        "tiers:overprovisioning=0.5",
        "tiers:inside=nobody",
        "tiers:inside=",
        "spillover:threshold=0",
        "zone-aware:zone=7",
        "locality-weighted:overprovisioning=0",
        "load-aware-zones:tolerance=-1",
        "load-aware-zones:zone=7",
        "load-aware-zones:period=0s",
        "subset:size=0",
        "subset:size=4",
        "aperture:min=0",
        "stale:interval=0s",
    ] {
        refusal(spec, &servers);
    }
    let nothing = weighted(&[0, 0]);
    for spec in ["aperture", "tiers:inside=weighted-random", "stale:inside=weighted-random"] {
        assert!(refusal(spec, &nothing).message().contains("weight"), "{spec}");
    }
}
