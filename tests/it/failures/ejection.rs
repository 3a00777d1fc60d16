//! Passive ejection in whole runs: nginx's and Envoy's rules meet real answers.

use super::{run, steady, times};

/// nginx-tests, `upstream.t`: two servers in turn, each third request of the first fails.
#[test]
fn nginx_leaves_a_server_alone_after_its_third_failure() {
    let text = steady(100, 10)
        + "[pool.main]\nservers = 2\n[balancer]\npolicy = 'weighted-round-robin'\n\
           [failure.bad]\nfault = 'errors'\nnth = 3\nservers = [0]\nat = '0s'\n\
           [health.ejection]\npolicy = 'max-fails'\nmax-fails = 3\nfail-timeout = '10s'\n\
           [retry]\nattempts = 2\nbackoff = 'exponential:base=1ms,most=1ms,jitter=none'\n\
           [run]\nrequests = 30\n";
    let outcome = run(&text);
    let served: Vec<u64> = outcome.pools[0].servers.iter().map(|it| it.completed).collect();
    assert_eq!(served, [6, 24]);
    assert_eq!((outcome.requests.completed, outcome.requests.retried), (30, 3));
    assert_eq!(times(&outcome, "ejected").len(), 1);
}

#[test]
fn nginx_tries_a_failed_server_with_a_single_request_after_the_timeout() {
    let text = |until: u32| {
        steady(100, 10)
            + "[pool.main]\nservers = 2\n[balancer]\npolicy = 'round-robin'\n[failure.bad]\n\
               fault = 'errors'\nshare = 1.0\nservers = [0]\nat = '0s'\n"
            + &format!("until = '{until}s'\n")
            + "[health.ejection]\npolicy = 'max-fails'\nfail-timeout = '5s'\n\
               [run]\nduration = '28s'\n"
    };
    // Bad for good: one failure, and one more after each five seconds.
    let bad = run(&text(60));
    assert_eq!(bad.requests.failed, 1 + 5, "{:?}", bad.requests);
    // Good again from 12 s on: the trial of 15 s succeeds and it is back.
    let good = run(&text(12));
    assert_eq!(good.requests.failed, 1 + 2);
    let served = good.pools[0].servers[0].completed;
    assert!(served > 50, "half of the rest: {served}");
}

#[test]
fn envoy_ejects_an_outlier_of_the_success_rate() {
    let text = |servers: u32, more: &str| {
        steady(1, 1)
            + &format!("[pool.main]\nservers = {servers}\n[balancer]\npolicy = 'round-robin'\n")
            + "[failure.ill]\nfault = 'errors'\nshare = 0.5\nservers = [1]\nat = '0s'\n\
               [health.ejection]\npolicy = 'outlier-detection'\nconsecutive = 0\n"
            + more
            + "[run]\nduration = '25s'\n"
    };
    let outcome = run(&text(10, ""));
    assert_eq!(times(&outcome, "ejected"), [(10.0, 1)], "at the first look");
    // One of nine is more than a tenth.
    assert_eq!(times(&run(&text(9, "")), "ejected"), []);
    let one = run(&text(9, "always-one = true\n"));
    assert_eq!(times(&one, "ejected"), [(10.0, 1)]);
    // Rates of 50 and 100 × 3: the threshold of 46 hides the outlier, and four are too few.
    let few = text(4, "max-ejected = 1.0\nsuccess-servers = 4\n");
    assert_eq!(times(&run(&few), "ejected"), []);
}

#[test]
fn five_errors_in_a_row_eject_for_thirty_seconds_and_the_next_look() {
    let text = steady(20, 1)
        + "[pool.main]\nservers = 10\n[balancer]\npolicy = 'round-robin'\n[failure.dead]\n\
           fault = 'errors'\nshare = 1.0\nat-once = true\nservers = [4]\nat = '3s'\nlasts = '5s'\n\
           [health.ejection]\npolicy = 'outlier-detection'\n[run]\nduration = '60s'\n";
    let outcome = run(&text);
    assert_eq!(outcome.requests.failed, 5);
    let ejected = times(&outcome, "ejected");
    assert_eq!(ejected.len(), 1);
    assert!((3.8..4.2).contains(&ejected[0].0), "{ejected:?}");
    // 34 s is between two looks.
    assert_eq!(times(&outcome, "readmitted"), [(40.0, 4)]);
}

#[test]
fn accrued_failures_leave_a_server_alone_for_longer_and_longer() {
    let text = steady(10, 1)
        + "[pool.main]\nservers = 2\n[balancer]\npolicy = 'round-robin'\n[failure.dead]\n\
           fault = 'outage'\nservers = [0]\nat = '1s'\nlasts = '60s'\n[health.ejection]\n\
           policy = 'failure-accrual'\nfirst = '1s'\n[run]\nduration = '100s'\n";
    let outcome = run(&text);
    // Five in a row, then a trial at each end of a back-off: 1, 2, 4, 8, 16, 32 s, less up to half.
    let failed = outcome.requests.failed;
    assert!((10..=13).contains(&failed), "{failed}");
    let served = outcome.pools[0].servers[0].completed;
    assert!(served > 500, "it is back at the end: {served}");
}
