//! Policies by response time, by reports and by what they learn.

use plimsoll::fleet::{Report, ServerSpec, State};
use plimsoll::model::{Fate, ServerId};

use super::{Cluster, Desk, agrees, interval, refusal, weighted};

/// Serves requests one after the other, each server taking its own time; how many each had.
fn serve(desk: &mut Desk, requests: u64, times_ms: &[u64]) -> Vec<u64> {
    let mut served = vec![0; times_ms.len()];
    for key in 0..requests {
        let server = desk.send(key);
        desk.wait(times_ms[server]);
        desk.finish(server, times_ms[server]);
        served[server] += 1;
    }
    served
}

#[test]
fn the_soonest_server_has_all_requests_until_it_is_forgotten_what_the_others_were() {
    let mut desk = Desk::of("lowest-response-time", 3);
    let served = serve(&mut desk, 30, &[90, 10, 50]);
    assert_eq!(served, [1, 28, 1], "each is tried once");
    desk.wait(11_000);
    let mut served = serve(&mut desk, 3, &[90, 100, 50]);
    served.sort_unstable();
    assert_eq!(served, [1, 1, 1], "old means are forgotten");
    let mut desk = Desk::of("lowest-response-time", 2);
    desk.occupy(0);
    assert_eq!(desk.shares(10), [0, 10], "an unknown server is tried with one request at a time");
}

#[test]
fn shares_fall_with_the_response_time() {
    let mut desk = Desk::of("response-time-share:reference=100ms", 4);
    for (server, ms) in [(0, 100), (1, 300), (2, 0)] {
        desk.occupy(server);
        desk.wait(ms);
        desk.finish(server, ms);
    }
    // 1 / (1 + L / r) for 100, 300 and 0 ms, and for one not measured.
    assert!(agrees(&desk.shares(60_000), &[0.5, 0.25, 1.0, 1.0]));
}

#[test]
fn nginx_least_time_serves_as_in_its_tests() {
    let served = serve(&mut Desk::of("least-time", 2), 10, &[4000, 1]);
    assert_eq!(served, [1, 9]);
    let served = serve(&mut Desk::of("least-time", 2), 10, &[50, 50]);
    assert_eq!(served, [5, 5]);
    // The body has no influence on `header`: in these requests service begins at once.
    let served = serve(&mut Desk::of("least-time:measure=header", 2), 10, &[4000, 1]);
    assert_eq!(served, [5, 5]);
}

#[test]
fn a_mean_that_is_not_renewed_halves_until_the_server_is_tried_again() {
    let mut desk = Desk::of("least-time", 2);
    serve(&mut desk, 2, &[400, 45]);
    let mut tried_again = 0;
    for _ in 0..60 {
        desk.wait(1_000);
        tried_again += serve(&mut desk, 1, &[400, 45])[0];
    }
    // 400 ms need three halvings, of 11 s each, to come below 60.
    assert_eq!(tried_again, 1);
}

#[test]
fn failures_do_not_make_a_server_look_quick() {
    for spec in ["lowest-response-time", "least-time", "c3:replicas=2", "predicted-latency"] {
        let mut desk = Desk::of(spec, 2);
        serve(&mut desk, 40, &[20, 70]);
        for _ in 0..5 {
            desk.occupy(1);
            desk.end(1, 0, Fate::Rejected);
        }
        assert_eq!(desk.choose(0), 0, "{spec}");
    }
}

#[test]
fn a_peak_spares_a_server_and_is_forgotten_in_time() {
    let mut desk = Desk::of("peak-ewma", 2);
    serve(&mut desk, 20, &[20, 20]);
    desk.occupy(0);
    desk.wait(2_000);
    desk.finish(0, 2_000);
    assert_eq!(desk.shares(50), [0, 50], "one bad answer is enough");
    desk.wait(100_000);
    let times = desk.shares(2000);
    // 2 s have decayed to 0.1 ms, and so has the other's cost in proportion; one request tips it.
    desk.occupy(1);
    desk.occupy(1);
    assert!(times[0] == 0 && desk.shares(50)[1] == 50, "in proportion they are what they were");
    (0..200).for_each(|_| desk.occupy(1));
    assert_eq!(desk.shares(50), [50, 0]);
}

#[test]
fn a_probing_balancer_turns_to_servers_that_answer_soon() {
    // Sixteen servers, two of them sixteen times slower, as in a public reimplementation's test.
    let p99 = |policy: &str| {
        interval(|replication| {
            let mut cluster = Cluster::new(16, 0.5, policy);
            for spec in cluster.servers.iter_mut().take(2) {
                spec.speed = 1.0 / 16.0;
            }
            cluster.requests = 20_000;
            let histogram = cluster.run(replication).latency.histogram;
            histogram.quantile(0.99).unwrap() as f64 / 1e9
        })
    };
    // Service takes a second here, so that what is late is late by seconds.
    let prequal = p99("prequal:max-age=10s,probe-delay=10ms");
    for other in ["round-robin", "random", "power-of-choices"] {
        assert!(prequal.1 < p99(other).0, "{other}");
    }
}

/// Two slow servers and two fast ones at little load: the share of requests the fast ones get.
fn fast_share(policy: &str, load: f64) -> (f64, f64) {
    interval(|replication| {
        let mut cluster = Cluster::new(4, load, policy);
        for spec in cluster.servers.iter_mut().take(2) {
            spec.speed = 0.25;
        }
        cluster.requests = 10_000;
        let meter = cluster.run(replication);
        let completed: Vec<u64> = meter.servers.iter().map(|server| server.completed).collect();
        (completed[2] + completed[3]) as f64 / completed.iter().sum::<u64>() as f64
    })
}

#[test]
fn whoever_learns_sends_most_requests_to_the_fast_servers() {
    for policy in [
        "lowest-response-time",
        "response-time-share:reference=1s",
        "least-time",
        "peak-ewma",
        "c3",
        "prequal:max-age=10s,probe-delay=10ms",
        "predicted-latency",
        "ucb1:reference=1s",
        "thompson-sampling:reference=1s",
        "exp3:reference=1s",
    ] {
        let (low, _) = fast_share(policy, 0.3);
        assert!(low > 0.52, "{policy}: {low}");
    }
    // They have four fifths of the capacity, and whoever weighs requests in flight comes near.
    for policy in ["predicted-latency", "least-time"] {
        let (low, _) = fast_share(policy, 0.3);
        assert!(low > 0.7, "{policy}: {low}");
    }
}

#[test]
fn bandits_try_every_server_and_then_prefer_the_best() {
    for policy in ["ucb1:exploration=0.1", "thompson-sampling:spread=0.3", "exp3"] {
        let mut desk = Desk::of(policy, 3);
        let served = serve(&mut desk, 3000, &[400, 20, 400]);
        assert!(served[0] > 0 && served[2] > 0, "{policy}: {served:?}");
        assert!(served[1] > 1500, "{policy}: {served:?}");
    }
}

#[test]
fn what_fades_is_learnt_anew() {
    for policy in ["ucb1:exploration=0.1,memory=200", "thompson-sampling:spread=0.3,memory=200"] {
        let mut desk = Desk::of(policy, 2);
        serve(&mut desk, 1000, &[400, 20]);
        let served = serve(&mut desk, 2000, &[20, 400]);
        assert!(served[0] > 1500, "{policy}: {served:?}");
    }
}

#[test]
fn thompson_draws_are_those_of_the_normal_law() {
    // One reward each of 0.5 and of 0.25: the first draw exceeds the second with probability
    // Φ(0.25 / √(½ + ½)).
    let mut desk = Desk::of("thompson-sampling:reference=100ms", 2);
    for (server, ms) in [(0, 100), (1, 300)] {
        desk.occupy(server);
        desk.wait(ms);
        desk.finish(server, ms);
    }
    let first = plimsoll::stats::special::normal_cdf(0.25);
    assert!(agrees(&desk.shares(40_000), &[first, 1.0 - first]));
}

fn report(rate: f64, utilization: f64, errors: f64) -> Report {
    Report { rate, utilization, errors, ..Report::default() }
}

#[test]
fn grpc_weights_come_from_reports_alone() {
    let ratio = |reports: &[Report], spec: &str| {
        let mut desk = Desk::of(spec, reports.len());
        (0..reports.len()).for_each(|server| desk.report(server, reports[server]));
        desk.choose(0);
        desk.wait(11_000);
        let picks = 220;
        let times = desk.shares(picks);
        let scale = times.iter().sum::<u64>() as f64;
        times.iter().map(|&times| times as f64 / scale).collect::<Vec<f64>>()
    };
    let near = |a: &[f64], parts: &[f64]| {
        let whole: f64 = parts.iter().sum();
        // Two picks either way, as in gRPC's own test.
        a.iter().zip(parts).all(|(a, part)| (a - part / whole).abs() <= 2.0 / 220.0)
    };
    let spec = "utilization-weighted";
    let (busy, idle) = (report(10.0, 1.0, 0.0), report(10.0, 0.1, 0.0));
    assert!(near(&ratio(&[busy, idle], spec), &[1.0, 10.0]));
    let failing = report(10.0, 0.1, 10.0);
    let penalty = "utilization-weighted:error-penalty=0.9";
    assert!(near(&ratio(&[busy, failing], penalty), &[1.0, 1.0]));
    let four = [busy, idle, report(20.0, 1.0, 0.0), report(20.0, 0.1, 0.0)];
    assert!(near(&ratio(&four, spec), &[1.0, 10.0, 2.0, 20.0]));
    assert!(near(&ratio(&four[..3], spec), &[1.0, 10.0, 2.0]));
    // Fewer than two weights are no schedule, and a third server takes the mean of two that agree.
    assert!(near(&ratio(&[busy, Report::default()], spec), &[1.0, 1.0]));
    assert!(near(&ratio(&[idle, idle, Report::default()], spec), &[1.0, 1.0, 1.0]));
    // C++ keeps weights within a hundredth and ten times of their mean.
    let far = [report(100.0, 1.0, 0.0), report(1e-10, 1.0, 0.0)];
    assert!(near(&ratio(&far, spec), &[200.0, 1.0]));
}

#[test]
fn grpc_weights_are_kept_near_their_mean() {
    let picks = |rates: &[f64], picks| {
        let mut desk = Desk::of("utilization-weighted:blackout=0s", rates.len());
        (0..rates.len()).for_each(|at| desk.report(at, report(rates[at], 1.0, 0.0)));
        desk.shares(picks)
    };
    let mut rates = [1.0; 20];
    rates[0] = 81.0;
    let mut expected = [1; 20];
    // Ten times their mean of 5 is the most.
    expected[0] = 50;
    assert_eq!(picks(&rates, 69), expected);
    assert_eq!(picks(&[100.0, 1e-10], 201), [200, 1]);
}

#[test]
fn a_weight_waits_for_the_blackout_and_ends_with_the_expiration() {
    let mut desk = Desk::of("utilization-weighted", 2);
    desk.report(0, report(10.0, 1.0, 0.0));
    desk.report(1, report(10.0, 0.1, 0.0));
    desk.choose(0);
    desk.wait(9_900);
    assert_eq!(desk.shares(100), [50, 50], "in the blackout");
    desk.wait(1_100);
    assert!(desk.shares(110)[1] > 95);
    desk.wait(180_000);
    assert_eq!(desk.shares(100), [50, 50], "expired");
    desk.report(0, report(10.0, 1.0, 0.0));
    desk.report(1, report(10.0, 0.1, 0.0));
    desk.wait(1_100);
    assert_eq!(desk.shares(100), [50, 50], "the blackout begins again");
}

#[test]
fn scores_weigh_what_is_left_of_three_resources() {
    let used = |utilization, memory, bandwidth| Report {
        utilization,
        memory,
        bandwidth,
        ..Report::default()
    };
    let mut desk = Desk::of("resource-score:cpu=2", 3);
    desk.report(0, used(0.5, 0.0, 0.0));
    desk.report(1, used(0.0, 1.0, 1.0));
    // (2·0.5 + 1 + 1) / 4, (2 + 0 + 0) / 4, and the mean of both for the one that is silent.
    assert!(agrees(&desk.shares(40_000), &[0.75, 0.5, 0.625]));
    let mut desk = Desk::of("resource-score:choose=best", 2);
    desk.report(0, used(0.5, 0.0, 0.0));
    desk.report(1, used(0.9, 0.9, 0.9));
    assert_eq!(desk.shares(9), [9, 0]);
    desk.report(1, used(0.0, 0.0, 0.0));
    assert_eq!(desk.shares(9), [9, 0], "not before the next update");
    desk.wait(1_000);
    assert_eq!(desk.shares(9), [0, 9]);
}

#[test]
fn reports_of_the_engine_tell_fast_servers_from_slow_ones() {
    let mut cluster = Cluster::new(4, 0.6, "utilization-weighted:blackout=5s");
    cluster.reporting = Some(plimsoll::engine::Reporting {
        interval: plimsoll::time::Duration::from_secs(20),
        delay: plimsoll::time::Duration::from_millis(500),
    });
    for spec in cluster.servers.iter_mut().take(2) {
        spec.speed = 0.25;
    }
    cluster.requests = 40_000;
    let share = |meter: plimsoll::probe::Meter| {
        let fast = meter.servers[2].completed + meter.servers[3].completed;
        fast as f64 / meter.servers.iter().map(|server| server.completed).sum::<u64>() as f64
    };
    // Turns by rate / utilization are turns by speed, four fifths, but for the noise of reports.
    let (low, high) = interval(|replication| share(cluster.run(replication)));
    assert!(0.76 < low && high < 0.82, "{low}..{high}");
    cluster.policy = "resource-score:choose=share".into();
    let (low, _) = interval(|replication| share(cluster.run(replication)));
    assert!(low > 0.55, "{low}");
}

#[test]
fn whoever_needs_reports_is_refused_without() {
    use plimsoll::balance::{Balancer, Setup};
    let mut fleet = plimsoll::fleet::Fleet::default();
    fleet.add(ServerSpec::default(), State::Ready);
    let setup = Setup { reports: false, ..Setup::new(&fleet) };
    for spec in ["utilization-weighted", "resource-score", "load-aware-zones"] {
        let problem = super::recipe::<dyn Balancer>(spec).build(&setup).unwrap_err();
        assert!(problem.message().contains("report") && problem.remedy().is_some(), "{spec}");
    }
}

#[test]
fn options_of_learning_policies_that_make_no_sense_are_refused() {
    for spec in [
        "lowest-response-time:smoothing=0",
        "response-time-share:reference=0s",
        "response-time-share:smoothing=2",
        "peak-ewma:decay=0s",
        "c3:replicas=0",
        "c3:replicas=9",
        "c3:exponent=0",
        "c3:interval=0s",
        "prequal:probes=0",
        "prequal:pool=1",
        "prequal:max-age=1ms",
        "prequal:hot-quantile=2",
        "prequal:remove=-1",
        "predicted-latency:forgetting=0.2",
        "predicted-latency:choices=0",
        "predicted-latency:choices=9",
        "ucb1:exploration=-1",
        "ucb1:memory=0",
        "thompson-sampling:spread=0",
        "exp3:exploration=0",
        "utilization-weighted:error-penalty=-1",
        "utilization-weighted:update-period=1ms",
        "resource-score:cpu=0,memory=0,bandwidth=0",
        "resource-score:update-period=0s",
        "least-time:measure=body",
    ] {
        refusal(spec, &weighted(&[1, 1, 1]));
    }
    assert!(refusal("least-time", &weighted(&[0, 0])).message().contains("weight"));
}

#[test]
fn the_queue_of_a_server_is_what_it_has_and_not_what_it_had() {
    let mut desk = Desk::of("predicted-latency", 2);
    serve(&mut desk, 40, &[20, 20]);
    (0..3).for_each(|_| desk.occupy(0));
    assert_eq!(desk.fleet.in_flight(ServerId(0)), 3);
    let picked = desk.shares(20);
    assert!(picked[1] > 0);
}
