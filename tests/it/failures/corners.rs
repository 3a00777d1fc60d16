//! Corners where several rules meet: lines and refusals, circuits and timeouts, budgets and doors.

use plimsoll::model::{Completion, Fate};
use plimsoll::probe::{Note, Probe};
use plimsoll::time::{Duration, Instant};

use super::{run, run_again, scenario, steady, times};

/// Poisson traffic to a pool of some servers.
fn poisson(rate: u32, service: &str, servers: u32) -> String {
    format!(
        "[traffic.api]\narrivals = 'poisson:rate={rate}/s'\nservice = '{service}'\n\
         [pool.web]\nservers = {servers}\n"
    )
}

/// When the requests arrived, in the order in which they ended; and when attempts began.
#[derive(Default)]
struct Order {
    arrivals: Vec<Instant>,
    attempts: Vec<Instant>,
}

impl Probe for Order {
    fn completion(&mut self, done: &Completion, _: u64) {
        if done.fate != Fate::Rejected {
            self.arrivals.push(done.request.arrival);
        }
    }
    fn note(&mut self, now: Instant, note: Note) {
        if matches!(note, Note::Attempt(_)) {
            self.attempts.push(now);
        }
    }
}

fn order(text: &str) -> Order {
    scenario(text).simulate(0, Duration::ZERO, Order::default(), &()).unwrap().1
}

#[test]
fn a_slot_that_is_left_at_once_goes_to_the_next_in_line() {
    let text = poisson(9, "exponential:mean=100ms", 1)
        + "[balancer]\nqueue = 'shared'\n[failure.bad]\nfault = 'errors'\nshare = 0.5\n\
           at-once = true\nat = '0s'\n[run]\nduration = '500s'\n";
    let arrivals = order(&text).arrivals;
    assert!(arrivals.len() > 4000 && arrivals.is_sorted(), "one server, first come, first served");
}

#[test]
fn no_interval_is_busier_than_its_servers_can_be() {
    // Clients leave after 60 ms, and the server works on for up to half a second.
    let text = steady(100, 500)
        + "[pool.main]\nservers = 8\n[timeouts]\nrequest = '60ms'\nabandoned = 'served'\n\
           [run]\nduration = '9910ms'\n";
    let scenario = scenario(&text);
    let (measured, ()) = scenario.simulate(0, Duration::ZERO, (), &()).unwrap();
    let steps = plimsoll::report::timeline::fleet(&scenario, &measured);
    let rows = plimsoll::report::timeline::rows(&measured, &steps);
    let last = rows.last().unwrap();
    // Five of eight at any time, and for as long after the last client has left: the last interval
    // is shorter than the others, and what is served in it is not.
    assert!(last.utilization > 0.1, "servers work on: {last:?}");
    assert!(rows.iter().all(|row| row.utilization <= 0.625 + 1e-9), "{last:?}");
}

#[test]
fn a_circuit_recovers_though_trials_run_out_of_time() {
    let text = poisson(100, "exponential:mean=20ms", 8)
        + "[failure.bad]\nfault = 'errors'\nshare = 1.0\nat = '10s'\nlasts = '5s'\n\
           [breaker]\nopen-for = '2s'\n[timeouts]\nrequest = '60ms'\n[run]\nduration = '100s'\n";
    for replication in 0..6 {
        let outcome = run_again(&text, replication);
        let share = outcome.requests.shed as f64 / outcome.requests.arrived as f64;
        assert!(share < 0.25, "replication {replication} sheds {share}");
        assert!(!times(&outcome, "circuit-closed").is_empty());
        let opened = times(&outcome, "circuit-open").len() as u64;
        assert_eq!(outcome.resilience.unwrap().circuits_opened, opened);
    }
}

#[test]
fn a_circuit_opens_when_clients_run_out_of_time() {
    let text = steady(10, 1000)
        + "[pool.main]\nservers = 200\n[breaker]\n[timeouts]\nrequest = '60ms'\n\
           [run]\nduration = '10s'\n";
    assert!(run(&text).requests.shed > 300, "every attempt was in vain");
}

#[test]
fn requests_that_are_not_let_in_earn_no_retries() {
    let text = poisson(1000, "constant:value=5ms", 8)
        + "[failure.bad]\nfault = 'errors'\nshare = 1.0\nat = '0s'\n\
           [admission]\npolicy = 'token-bucket'\nrate = '100/s'\n\
           [retry]\nattempts = 10\nbudget = 'share-of-requests:share=20%,least=0'\n\
           [run]\nduration = '20s'\n";
    let requests = run(&text).requests;
    let admitted = requests.arrived - requests.shed;
    assert!(requests.retried <= admitted / 5 + 1, "{requests:?}");
}

#[test]
fn a_policy_that_knows_few_servers_may_try_one_twice() {
    let text = |more: &str| {
        poisson(100, "constant:value=1ms", 4)
            + "[balancer]\npolicy = 'subset'\nsize = 1\nbalancers = 4\n"
            + more
            + "[run]\nduration = '50s'\n"
    };
    let again = run(&text(
        "[failure.bad]\nfault = 'errors'\nshare = 0.5\nservers = [0]\nat = '0s'\n\
         [retry]\nattempts = 5\non = ['failed']\n",
    ));
    assert_eq!(again.requests.rejected, 0, "beside idle servers");
    let slow = run(&text(
        "[failure.crash]\nfault = 'outage'\nservers = [0]\nat = '10s'\nlasts = '5s'\n\
         [health]\nknown-at-once = true\n[health.slow-start]\nwindow = '30s'\n",
    ));
    assert_eq!(slow.requests.rejected, 0, "it begins slowly, and refuses nobody");
}

#[test]
fn every_outage_is_counted_however_long_the_log() {
    let text = poisson(1, "constant:value=1ms", 200)
        + "[failure.b]\nfault = 'outage'\nup = 'exponential:mean=900ms'\n\
           down = 'exponential:mean=100ms'\n[health]\nknown-at-once = true\n\
           [run]\nduration = '60s'\n";
    let found = run(&text).resilience.unwrap();
    // A renewal a second for each: a variance of 0.82 of the mean, five standard deviations.
    let (expected, spread) = (200.0 * 60.0, 5.0 * (0.82_f64 * 200.0 * 60.0).sqrt());
    assert!((found.outages as f64 - expected).abs() < spread, "{} outages", found.outages);
    assert_eq!(found.marked_down, found.outages);
    assert_eq!(found.detection_s.unwrap().count, found.outages);
}

#[test]
fn who_is_given_back_waits_anew() {
    let text = steady(1000, 1500)
        + "[pool.main]\nservers = 1\n[balancer]\nqueue = 'shared'\nqueue-timeout = '3s'\n\
           [failure.pause]\nfault = 'outage'\nin-service = 'returned'\nat = '3500ms'\n\
           lasts = '2900ms'\n[health]\nknown-at-once = true\n[run]\nrequests = 2\n";
    let requests = run(&text).requests;
    assert_eq!((requests.returned, requests.completed), (1, 2), "{requests:?}");
}

#[test]
fn a_server_that_joins_in_an_outage_is_back_with_the_others() {
    let text = steady(100, 10)
        + "[pool.main]\nservers = 1\nautoscaler = { policy = 'fixed', servers = 2 }\n\
           startup = 'constant:value=12s'\n[failure.pause]\nfault = 'outage'\n\
           in-service = 'held'\nat = '10s'\nlasts = '10s'\n[run]\nduration = '18s'\n";
    let outcome = run(&text);
    assert_eq!(outcome.requests.completed, outcome.requests.arrived, "{:?}", outcome.requests);
}

#[test]
fn a_copy_that_fails_calls_for_the_next_and_the_times_go_on_from_there() {
    // gRPC, A6: at 0, at 100 ms for the failure, and then each 500 ms; six in all.
    let text = steady(100_000, 10_000)
        + "[pool.main]\nservers = 8\n[balancer]\npolicy = 'first'\n[failure.crash]\n\
           fault = 'outage'\nservers = [0]\nat = '100100ms'\n[hedge]\ndelay = '500ms'\n\
           copies = 6\n[run]\nrequests = 1\n";
    let attempts = order(&text).attempts;
    let after: Vec<u64> = attempts.iter().map(|at| (at.0 - attempts[0].0) / 1_000_000).collect();
    assert_eq!(after, [0, 100, 600, 1100, 1600, 2100]);
    // Another copy is still open, and yet the next one is sent at once.
    let later = order(&text.replace("100100ms", "100700ms")).attempts;
    let after: Vec<u64> = later.iter().map(|at| (at.0 - later[0].0) / 1_000_000).collect();
    assert_eq!(after, [0, 500, 700, 1200, 1700, 2200]);
}

#[test]
fn a_dead_tier_does_not_panic_while_the_next_can_take_its_traffic() {
    let text = "[traffic.api]\narrivals = 'poisson:rate=40/s'\nservice = 'constant:value=50ms'\n\
                [pool.near]\nservers = 6\nzone = 'a'\n[pool.far]\nservers = 4\nzone = 'b'\n\
                tier = 1\n[balancer]\npolicy = 'tiers'\n[failure.zone]\nfault = 'outage'\n\
                zone = 'a'\nat = '20s'\n[health]\npanic = 0.5\n[health.checks]\n\
                interval = '1s'\n[run]\nduration = '60s'\n";
    let outcome = run(text);
    assert_eq!(times(&outcome, "panic").len(), 0);
    let late = outcome.resilience.unwrap().timeline;
    assert_eq!(late.iter().filter(|it| it.at_s > 25.0).map(|it| it.errors).sum::<u64>(), 0);
}

#[test]
fn a_panic_ends_when_servers_join() {
    let text = poisson(50, "constant:value=10ms", 4)
        + "autoscaler = { policy = 'schedule', servers = 4, events = [ { name = 'x', \
           after = '40s', lasts = '1h', servers = 16 } ] }\n[balancer]\npolicy = 'random'\n\
           [failure.x]\nfault = 'outage'\nservers = [0, 1, 2]\nat = '20s'\n[health]\n\
           panic = 0.5\n[health.checks]\ninterval = '1s'\n[run]\nduration = '80s'\n";
    let outcome = run(&text);
    assert_eq!(times(&outcome, "panic").len(), 1);
    let over = times(&outcome, "panic-over");
    assert!(over.len() == 1 && over[0].0 < 60.0, "{over:?}");
}

#[test]
fn a_slow_starter_has_the_share_of_its_weight() {
    // Envoy: a weight of 0.1 beside one of 1, and hardly more after 200 of 20,000 seconds.
    let text = "[traffic.api]\narrivals = 'deterministic:rate=200/s'\n\
                service = 'constant:value=1ms'\n[pool.web]\nservers = 2\n[balancer]\n\
                policy = 'random'\n[failure.crash]\nfault = 'outage'\nservers = [0]\n\
                at = '0s'\nlasts = '1s'\n[health]\nknown-at-once = true\n[health.slow-start]\n\
                window = '20000s'\naggression = 1.0\n[run]\nduration = '101s'\n";
    let served = |at: usize| run(text).pools[0].servers[at].completed as f64;
    let share = served(0) / 20_000.0;
    let expected = 0.1 / 1.1;
    let spread = 5.0 * (expected * (1.0 - expected) / 20_000.0_f64).sqrt();
    assert!((share - expected).abs() < spread, "{share}, not {expected} ± {spread}");
}

#[test]
fn a_dead_tier_does_not_panic_a_policy_that_spills_by_load_either() {
    for policy in ["policy = 'spillover'\n", "policy = 'sticky'\nfallback = 'tiers'\n"] {
        let text = "[traffic.api]\narrivals = 'poisson:rate=100/s'\nkey = 'uniform:n=1000'\n\
                    service = 'constant:value=5ms'\n[pool.near]\nservers = 6\n[pool.far]\n\
                    servers = 4\ntier = 1\n[balancer]\n"
            .to_owned()
            + policy
            + "[failure.crash]\nfault = 'outage'\npool = 'near'\nat = '5s'\n\
               [health]\nknown-at-once = true\npanic = 0.5\n[run]\nduration = '20s'\n";
        let outcome = run(&text);
        assert!(times(&outcome, "panic").is_empty(), "{policy}");
        assert!(outcome.requests.failed < 10, "{policy}: {:?}", outcome.requests);
    }
}

#[test]
fn a_failure_takes_a_part_of_a_servers_weight_as_in_nginx() {
    // Each fourth request of the heavy server fails, which takes half of its weight of four, made
    // good by one at each pick; without ejection it has two turns of three.
    let text = |more: &str| {
        steady(100, 10)
            + "[pool.heavy]\nservers = 1\nweight = 4\n[pool.light]\nservers = 1\nweight = 2\n\
               [balancer]\npolicy = 'weighted-round-robin'\n[failure.bad]\nfault = 'errors'\n\
               nth = 4\npool = 'heavy'\nat = '0s'\n"
            + more
            + "[run]\nrequests = 600\n"
    };
    let share = |text: &str| {
        let outcome = run(text);
        assert!(times(&outcome, "ejected").is_empty());
        let all = outcome.pools.iter().map(|pool| pool.completed).sum::<u64>();
        let failed = outcome.requests.failed;
        (outcome.pools[0].completed + failed) as f64 / (all + failed) as f64
    };
    let plain = share(&text(""));
    assert!((plain - 2.0 / 3.0).abs() < 0.01, "{plain}");
    // Failures are forgotten after a second of none, and so never add up to two at once.
    let less = share(&text("[health.ejection]\npolicy = 'max-fails'\nmax-fails = 1000\n"));
    assert!((less - plain).abs() < 1e-9, "a weight of 4 over 1000 is nothing: {less}");
    let half = share(&text(
        "[health.ejection]\npolicy = 'max-fails'\nmax-fails = 2\nfail-timeout = '100ms'\n",
    ));
    assert!(half < plain - 0.03, "{half}");
}

#[test]
fn the_log_says_how_much_it_leaves_out_and_the_last_fault_is_known_all_the_same() {
    let text = poisson(1, "constant:value=1ms", 200)
        + "[failure.b]\nfault = 'outage'\nat = '1s'\nlasts = '500ms'\nevery = '2s'\n\
           [run]\nduration = '60s'\n";
    let found = run(&text).resilience.unwrap();
    // Thirty times four lines for each of 200 servers.
    assert_eq!((found.incidents.len(), found.happened), (1000, 30 * 4 * 200));
    assert_eq!((found.first_fault_s, found.last_fault_s), (Some(1.0), Some(59.5)));
}

#[test]
fn who_denied_a_retry_is_told() {
    let text = |more: &str| {
        steady(10, 1)
            + "[pool.main]\nservers = 2\n[failure.bad]\nfault = 'errors'\nshare = 1.0\n\
               at = '0s'\n[retry]\nattempts = 5\n"
            + more
            + "[run]\nduration = '20s'\n"
    };
    let by = |more: &str| {
        let found = run(&text(more)).resilience.unwrap();
        (found.denied > 0, found.denied - found.denied_by_circuit > 0, found.denied_by_circuit > 0)
    };
    assert_eq!(by(""), (false, false, false));
    assert_eq!(by("budget = 'share-of-requests'\n"), (true, true, false));
    assert_eq!(by("[breaker]\n"), (true, false, true));
}

#[test]
fn an_ejector_that_may_eject_nobody_is_named() {
    let text = |servers: u32| {
        steady(10, 1)
            + &format!("[pool.main]\nservers = {servers}\n[failure.bad]\nfault = 'errors'\n")
            + "share = 1.0\nservers = [0]\nat = '1s'\n[health.ejection]\n\
               policy = 'outlier-detection'\n[run]\nduration = '20s'\n"
    };
    let said = |servers| {
        let advice = run(&text(servers)).advice;
        advice.iter().filter(|said| said.contains("could not eject anybody")).count()
    };
    assert_eq!((said(8), said(10)), (1, 0));
}

#[test]
fn retries_without_any_end_are_named() {
    let text = |more: &str| {
        steady(10, 1)
            + "[pool.main]\nservers = 2\n[failure.bad]\nfault = 'errors'\nshare = 0.5\n\
               at = '0s'\n[retry]\nattempts = 'unlimited'\n"
            + more
            + "[run]\nduration = '10s'\n"
    };
    let said = |more: &str| run(&text(more)).advice.iter().any(|said| said.contains("unlimited"));
    assert!(said("") && !said("[timeouts]\nrequest = '1s'\n"));
}

#[test]
fn recovery_is_measured_against_the_state_before() {
    // A fifth is refused before the outage and after it: that is as it was.
    let text = steady(10, 100)
        + "[pool.main]\nservers = 8\nqueue-limit = 1\n[failure.rack]\nfault = 'outage'\n\
           servers = [0, 1, 2, 3]\nat = '50s'\nlasts = '10s'\n[health]\n\
           known-at-once = true\n[run]\nduration = '100s'\n";
    let outcome = run(&text);
    assert!(outcome.error_rate.unwrap() > 0.2);
    let recovery = outcome.resilience.unwrap().recovery.expect("it was worse in the outage");
    assert!(recovery.after_s.is_some_and(|after| after < 2.0), "{recovery:?}");
}

#[test]
fn a_backlog_is_seen_in_the_latency_though_every_request_is_answered() {
    // 100 a second, of which 114 could be served, and 57 in the ten seconds of the outage: what
    // waits then, 429 requests, is worked off at 14 a second.
    let text = steady(10, 70)
        + "[pool.main]\nservers = 8\n[balancer]\nqueue = 'shared'\n[failure.rack]\n\
           fault = 'outage'\nservers = [0, 1, 2, 3]\nat = '50s'\nlasts = '10s'\n[health]\n\
           known-at-once = true\n[run]\nduration = '150s'\n";
    let found = run(&text).resilience.unwrap();
    assert_eq!(found.recovery, None, "hardly any is lost");
    let after = found.latency_recovery.expect("they waited").after_s.expect("it came back");
    assert!((25.0..=31.0).contains(&after), "{after}");
}
