//! Servers that go out, are slow, come back; what becomes of their requests, and who finds out.

use super::{run, run_again, steady, times};

/// Eight servers of which one goes out at 10 s.
fn crash(rest: &str) -> String {
    steady(10, 40)
        + "[pool.main]\nservers = 8\n[failure.crash]\nfault = 'outage'\nservers = [3]\nat = '10s'\n"
        + rest
}

#[test]
fn checks_find_an_outage_out_after_interval_times_fall() {
    for (interval, fall, timeout, hangs) in
        [(2.0, 3, 2.0, false), (0.5, 1, 0.5, false), (1.0, 4, 0.3, true), (2.0, 2, 1.0, true)]
    {
        let loss = if hangs { "held" } else { "lost" };
        let mut spans = Vec::new();
        for second in 0..40 {
            let at = 10.0 + 0.173 * f64::from(second);
            let text = crash("").replace("'10s'", &format!("'{}ms'", (at * 1e3) as u64))
                + &format!(
                    "in-service = '{loss}'\n[health.checks]\ninterval = '{}ms'\nfall = {fall}\n\
                     timeout = '{}ms'\n[timeouts]\nattempt = '1s'\n[run]\nduration = '40s'\n",
                    interval * 1e3,
                    timeout * 1e3
                );
            let outcome = run(&text);
            let down = times(&outcome, "marked-down");
            assert_eq!(down.len(), 1, "found once");
            assert_eq!(down[0].1, 3, "and the right one");
            spans.push(down[0].0 - times(&outcome, "out")[0].0);
            let detection = outcome.resilience.unwrap().detection_s.unwrap();
            assert!((detection.mean - spans.last().unwrap()).abs() < 1e-9);
        }
        // The first check comes at any time within an interval, the others follow in step.
        let late = if hangs { timeout } else { 0.0 };
        let (low, high) =
            (interval * f64::from(fall - 1) + late, interval * f64::from(fall) + late);
        for span in &spans {
            assert!((low - 1e-6..=high + 1e-6).contains(span), "{span} is not in {low}..{high}");
        }
        // The mean of forty times even in the interval lies within four standard errors.
        let mean = spans.iter().sum::<f64>() / spans.len() as f64;
        let error = interval / 12_f64.sqrt() / 40_f64.sqrt();
        assert!((mean - f64::midpoint(low, high)).abs() < 4.0 * error, "{mean} for {low}..{high}");
    }
}

#[test]
fn a_server_is_back_after_rise_good_answers() {
    let text = crash("lasts = '20s'\n[health.checks]\ninterval = '2s'\nrise = 2\n")
        + "[run]\nduration = '60s'\n";
    let outcome = run(&text);
    let up = times(&outcome, "marked-up");
    assert_eq!(up.len(), 1);
    let span = up[0].0 - 30.0;
    assert!(span > 2.0 && span <= 4.0, "{span}");
    let found = outcome.resilience.unwrap();
    assert_eq!((found.outages, found.marked_down, found.readmitted), (1, 1, 1));
    assert_eq!(found.faults, 1, "the outage");
    let used = |from: f64, to: f64| {
        found.timeline.iter().filter(|it| (from..to).contains(&it.at_s)).all(|it| it.shunned == 0.0)
    };
    assert!(used(0.0, 10.0) && used(35.0, 60.0) && !used(16.0, 30.0));
}

#[test]
fn a_retry_elsewhere_saves_every_request_that_a_dead_server_fails() {
    let checks = "[health.checks]\ninterval = '2s'\n[run]\nduration = '30s'\n";
    let without = run(&crash(checks)).requests;
    assert!(without.failed > 100, "{without:?}: refusals come fast, and draw more requests");
    let with = run(&crash(&format!("[retry]\nattempts = 2\n{checks}")));
    assert_eq!((with.requests.failed, with.requests.completed), (0, with.requests.arrived));
    assert!(with.requests.retried >= 100);
    assert!(with.requests.lost <= 1, "at most the one in service");
    // Nobody tells the balancers: the dead server always looks idle, and is drawn as often as any
    // that is. Five standard deviations of 2,000 draws.
    let blind = run(&crash("[run]\nduration = '30s'\n"));
    let share = share_of_a_server_that_looks_idle();
    assert!(share > 1.4 / 8.0, "more than that of its equals: {share}");
    let spread = 5.0 * (2000.0 * share * (1.0 - share)).sqrt();
    let failed = blind.requests.failed as f64;
    assert!((failed - 2000.0 * share).abs() < spread, "{failed}, not 2,000 × {share} ± {spread}");
    assert!(blind.advice.iter().any(|said| said.contains("nobody told the balancers")));
}

/// The share of requests that the fewest connections send to a server of eight that refuses them:
/// one comes each 10 ms and takes 40, so that of the last three those are still there that were
/// not refused (a state of three bits), and the next one draws among the servers without any.
fn share_of_a_server_that_looks_idle() -> f64 {
    let (mut likely, mut share) = ([0.125; 8], 0.0);
    for _ in 0..100 {
        let before = std::mem::replace(&mut likely, [0.0; 8]);
        share = 0.0;
        for (state, chance) in before.into_iter().enumerate() {
            let refused = chance / (8.0 - f64::from(state.count_ones()));
            share += refused;
            likely[(state << 1) & 7] += refused;
            likely[((state << 1) & 7) | 1] += chance - refused;
        }
    }
    share
}

#[test]
fn requests_at_a_server_that_goes_out_meet_the_fate_that_is_named() {
    // Three requests at one server when it goes out: one in service for 600 ms, two waiting.
    let text = |loss: &str| {
        steady(100, 1000).replace("rate = '10/s'", "rate = '10/s', first = '0s'")
            + "[pool.main]\nservers = 1\n[failure.pause]\nfault = 'outage'\nat = '650ms'\n\
               lasts = '2s'\n"
            + &format!("{loss}\n[run]\nrequests = 3\n")
    };
    let text = |loss: &str| text(loss).replace(", first = '0s'", "");
    let lost = run(&text("in-service = 'lost'"));
    assert_eq!((lost.requests.failed, lost.requests.lost), (3, 3));
    let held = run(&text("in-service = 'held'"));
    assert_eq!(held.requests.completed, 3);
    let silent = run(&text("in-service = 'silent'"));
    assert_eq!((silent.requests.failed, silent.requests.completed), (3, 0));
    // Held requests go on where they were: the first lasts two seconds longer than its second.
    let max = held.service_s.max.unwrap();
    assert!((max - 3.0).abs() < 1e-6, "{max}");
    let mixed = run(&text("in-service = 'lost'\nqueued = 'held'"));
    assert_eq!((mixed.requests.failed, mixed.requests.completed), (1, 2));
}

#[test]
fn a_server_that_goes_out_gives_back_what_it_has() {
    // Two servers; the one that goes out at 0.5 s has served its request for some of its second.
    let text = |loss: &str| {
        steady(200, 1000)
            + "[pool.main]\nservers = 2\n[failure.crash]\nfault = 'outage'\nservers = [0]\n\
               at = '500ms'\n"
            + &format!("in-service = '{loss}'\n[health]\nknown-at-once = true\n")
            + "[balancer]\nqueue = 'shared'\n[run]\nrequests = 2\n"
    };
    let (again, on) = (run(&text("returned")), run(&text("resumed")));
    for outcome in [&again, &on] {
        assert_eq!((outcome.requests.completed, outcome.requests.returned), (2, 1));
        assert_eq!(outcome.requests.retried, 0, "giving back is no retry");
    }
    let (anew, less) = (again.latency_s.max.unwrap(), on.latency_s.max.unwrap());
    assert!((anew - less - 0.3).abs() < 1e-6, "0.3 s were served before: {anew}, {less}");
    let wasted = |outcome: &plimsoll::outcome::Outcome| {
        outcome.resilience.as_ref().unwrap().wasted_share.unwrap()
    };
    assert!(wasted(&again) > 0.1 && wasted(&on) == 0.0);
}

#[test]
fn a_slow_server_serves_at_its_share_of_the_speed() {
    let text = steady(1000, 400)
        + "[pool.main]\nservers = 1\n[failure.ill]\nfault = 'slow'\nspeed = 0.5\nat = '9900ms'\n\
           until = '20100ms'\n[run]\nduration = '30s'\n";
    let outcome = run(&text);
    assert_eq!(outcome.requests.completed, outcome.requests.arrived);
    // Ten or so of them are served in the slow stretch, some at its edges in part, for twice as
    // long.
    let slow = (outcome.service_s.mean.unwrap() / 0.4 - 1.0) * outcome.requests.completed as f64;
    assert!((9.0..=11.0).contains(&slow), "{slow}");
    assert_eq!(outcome.service_s.max, Some(0.8));
}

#[test]
fn random_failures_keep_a_server_out_for_its_share_of_the_time() {
    let text = steady(100, 1)
        + "[pool.main]\nservers = 20\n[failure.breakdown]\nfault = 'outage'\n\
           up = 'exponential:mean=90s'\ndown = 'exponential:mean=10s'\n[health]\n\
           known-at-once = true\n[run]\nduration = '20m'\n";
    // The share out of renewal theory; the interval is Student's over ten replications.
    let shares: Vec<f64> = (0..10)
        .map(|replication| {
            let found = run_again(&text, replication).resilience.unwrap();
            assert!(found.outages > 100);
            let out: f64 = found.timeline.iter().map(|it| it.out).sum();
            out / found.timeline.len() as f64 / 20.0
        })
        .collect();
    let mean = shares.iter().sum::<f64>() / 10.0;
    let variance = shares.iter().map(|share| (share - mean).powi(2)).sum::<f64>() / 9.0;
    // Student's t at 1 % with nine degrees of freedom.
    let half = 3.250 * (variance / 10.0).sqrt();
    // Servers begin in health, which a run of 20 minutes remembers for 9 s of its 1200.
    let truth = 0.1 * (1.0 - 9.0 / 1200.0);
    assert!((mean - truth).abs() < half, "{mean} ± {half}");
}

#[test]
fn a_zone_goes_out_as_a_whole_and_its_load_goes_to_the_others() {
    let text = steady(10, 40)
        + "[pool.a]\nservers = 4\nzone = 'a'\n[pool.b]\nservers = 4\nzone = 'b'\n\
           [pool.far]\nservers = 8\ntier = 1\n[balancer]\npolicy = 'tiers'\n\
           [failure.zone]\nfault = 'outage'\nzone = 'a'\nat = '10s'\nlasts = '10s'\n\
           [health]\nknown-at-once = true\n[retry]\nattempts = 3\n[run]\nduration = '30s'\n";
    let outcome = run(&text);
    let out: Vec<u32> = times(&outcome, "out").iter().map(|line| line.1).collect();
    assert_eq!(out, [0, 1, 2, 3]);
    assert_eq!(outcome.requests.completed, outcome.requests.arrived);
    let far = outcome.pools[2].completed as f64;
    // Half of the first tier is healthy: Envoy sends 70 % there and 30 % on, for 10 s of 100 a
    // second; five standard deviations of 1,000 draws.
    let spread = 5.0 * (1000.0_f64 * 0.3 * 0.7).sqrt();
    assert!((far - 300.0).abs() < spread, "{far}");
}

#[test]
fn a_server_that_is_back_has_its_turns_little_by_little() {
    let text = steady(5, 1)
        + "[pool.main]\nservers = 4\n[balancer]\npolicy = 'random'\n[failure.crash]\n\
           fault = 'outage'\nservers = [0]\nat = '1s'\nlasts = '9s'\n[health]\n\
           known-at-once = true\n[health.slow-start]\nwindow = '20s'\n[run]\nduration = '30s'\n";
    let outcome = run(&text);
    let taken = outcome.pools[0].servers[0].completed as f64;
    // A quarter of 200 a second: for a second in full, then from 10 s on as the ramp from 10 %
    // grows: 2 s at a tenth, then evenly up to all. Five standard deviations about the mean.
    let expected: f64 = 50.0 * (1.0 + 2.0 * 0.1 + 18.0 * 0.55);
    let spread = 5.0 * expected.sqrt();
    assert!((taken - expected).abs() < spread, "{taken}, not {expected} ± {spread}");
}

#[test]
fn so_few_trusted_servers_are_no_reason_to_use_no_others() {
    let text = |panic: &str| {
        steady(10, 5)
            + "[pool.main]\nservers = 4\n[balancer]\npolicy = 'round-robin'\n[failure.bad]\n\
               fault = 'errors'\nshare = 1.0\nservers = [0, 1, 2]\nat = '1s'\nlasts = '5s'\n\
               [health]\n"
            + panic
            + "[health.ejection]\npolicy = 'max-fails'\nfail-timeout = '20s'\n\
               [run]\nduration = '9s'\n"
    };
    let calm = run(&text(""));
    assert_eq!(times(&calm, "panic").len(), 0);
    assert_eq!(times(&calm, "ejected").len(), 3);
    let panicked = run(&text("panic = 0.5\n"));
    // With two of four left the share is half, and not below it; with the third it is.
    assert_eq!(times(&panicked, "panic").len(), 1);
    assert!(panicked.requests.failed > 10 * calm.requests.failed, "all servers are used again");
}

#[test]
fn a_failure_that_comes_after_the_end_is_said_to_hit_nobody() {
    let said = |seconds: u32| {
        let advice = run(&crash(&format!("[run]\nduration = '{seconds}s'\n"))).advice;
        advice.iter().filter(|it| it.contains("`crash` hit no server")).count()
    };
    assert_eq!((said(9), said(11)), (1, 0));
}

#[test]
fn the_run_ends_though_a_server_never_comes_back() {
    for loss in ["lost", "held", "silent", "returned"] {
        for queue in ["per-server", "shared"] {
            let text = steady(50, 40)
                + &format!(
                    "[pool.main]\nservers = 1\n[balancer]\nqueue = '{queue}'\n[failure.end]\n\
                     fault = 'outage'\nin-service = '{loss}'\nat = '5s'\n[health.checks]\n\
                     interval = '1s'\n[retry]\nattempts = 'unlimited'\n[run]\nduration = '10s'\n"
                );
            let requests = run(&text).requests;
            assert_eq!(requests.completed + requests.errors(), requests.arrived, "{loss} {queue}");
            assert!(requests.errors() >= 99, "{loss} {queue}: {requests:?}");
        }
    }
}
