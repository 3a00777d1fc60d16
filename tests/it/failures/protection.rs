//! Limits, timeouts, retries and their budgets, hedges, breakers, admission.

use plimsoll::model::{Completion, Fate};
use plimsoll::probe::Probe;
use plimsoll::time::Duration;

use super::{run, scenario, steady};

/// A single server that is asked for twice what it can do.
fn overload(rest: &str) -> String {
    steady(50, 100) + "[pool.main]\nservers = 1\n" + rest + "[run]\nduration = '60s'\n"
}

#[test]
fn a_full_queue_refuses_and_a_long_wait_gives_up() {
    let full = run(&overload("queue-limit = 3\n"));
    assert!((full.error_rate.unwrap() - 0.5).abs() < 0.01, "{:?}", full.requests);
    assert_eq!(full.requests.rejected, full.requests.errors());
    assert!(full.latency_s.max.unwrap() <= 0.4 + 1e-9);
    for queue in ["per-server", "shared"] {
        let late = format!("[balancer]\nqueue = '{queue}'\nqueue-timeout = '300ms'\n");
        let late = run(&overload(&late));
        assert_eq!(late.requests.timed_out, late.requests.errors());
        assert!((late.error_rate.unwrap() - 0.5).abs() < 0.01, "{:?}", late.requests);
        assert!(late.wait_s.max.unwrap() <= 0.3);
    }
}

/// When each request arrived and ended, in nanoseconds, and how.
#[derive(Default)]
struct Ends(Vec<(u64, u64, Fate)>);

impl Probe for Ends {
    fn completion(&mut self, done: &Completion, _: u64) {
        self.0.push((done.request.arrival.0, done.ended.0, done.fate));
    }
}

#[test]
fn a_timer_counts_from_the_beginning_of_its_tick() {
    let ends = |more: &str| {
        let text = steady(73, 10_000)
            + "[pool.main]\nservers = 1\n[balancer]\nqueue = 'shared'\nqueue-timeout = '150ms'\n"
            + more
            + "[run]\nrequests = 9\n";
        let (_, ends) = scenario(&text).simulate(0, Duration::ZERO, Ends::default(), &()).unwrap();
        ends.0
    };
    for (more, tick) in
        [("", 1), ("timer-tick = '1ms'\n", 1_000_000), ("timer-tick = '70ms'\n", 70_000_000)]
    {
        let mut late = 0;
        for (arrival, end, fate) in ends(more) {
            if fate == Fate::TimedOut {
                late += 1;
                assert_eq!(end, arrival / tick * tick + 150_000_000, "{more}");
            }
        }
        assert_eq!(late, 8, "all but the one in service");
    }
}

#[test]
fn the_deadline_of_a_request_ends_it_wherever_it_is() {
    let text = |abandoned: &str| {
        overload(&format!("[timeouts]\nrequest = '400ms'\nabandoned = '{abandoned}'\n"))
    };
    let served = run(&text("served"));
    assert!(served.latency_s.max.unwrap() <= 0.4);
    assert_eq!(served.requests.timed_out, served.requests.errors());
    // The server goes on serving what nobody waits for, and never catches up.
    assert!(served.requests.completed < 20, "{:?}", served.requests);
    assert!(served.utilization > 0.99);
    assert!(served.resilience.unwrap().wasted_share.unwrap() > 0.9);
    // Dropped work leaves time for other work, though much is dropped when it is nearly done.
    let random = |text: String| run(&text.replace("constant:value", "exponential:mean")).requests;
    let (kept, dropped) = (random(text("served")), random(text("cancelled")));
    assert!(dropped.completed > 5 * kept.completed, "{dropped:?} {kept:?}");
}

#[test]
fn a_client_that_leaves_was_in_service_and_not_in_the_queue() {
    // A request each five seconds to an idle server, which takes a second; nobody waits that long.
    let text = |limit: &str| {
        steady(5000, 1000)
            + &format!("[pool.main]\nservers = 1\n[timeouts]\n{limit} = '400ms'\n")
            + "[run]\nrequests = 10\n"
    };
    for limit in ["request", "attempt"] {
        let (measured, ()) = scenario(&text(limit)).simulate(0, Duration::ZERO, (), &()).unwrap();
        let outcome = scenario(&text(limit)).outcome(&measured);
        assert_eq!(outcome.requests.timed_out, 10, "{limit}");
        assert_eq!(outcome.queue_mean, 0.0, "{limit}: nobody waited");
        assert!(outcome.in_system_mean > 0.05);
        let busy: i128 = measured.timeline.bins().iter().map(|bin| bin.busy_ns).sum();
        assert_eq!(busy, 10_000_000_000, "{limit}: ten services of a second, each once");
    }
}

#[test]
fn retries_are_load_and_end_with_the_attempts() {
    let text = |attempts: &str| {
        steady(100, 10)
            + "[pool.main]\nservers = 3\n[failure.bad]\nfault = 'errors'\nshare = 1.0\nat = '0s'\n"
            + &format!("[retry]\nattempts = {attempts}\n[run]\nrequests = 50\n")
    };
    let three = run(&text("3"));
    assert_eq!((three.requests.failed, three.requests.retried), (50, 100));
    let found = three.resilience.unwrap();
    assert_eq!((found.attempts, found.attempts_per_request), (150, Some(3.0)));
    let tried: f64 = three.pools[0].servers.iter().map(|it| it.utilization).sum();
    assert!(tried * three.duration_s > 140.0 * 0.01, "each of them kept a server busy");
    let only = run(&(text("3\non = ['rejected']")));
    assert_eq!((only.requests.failed, only.requests.retried), (50, 0));
}

#[test]
fn a_budget_bounds_retries_by_requests() {
    let text = steady(10, 1)
        + "[pool.main]\nservers = 3\n[failure.bad]\nfault = 'errors'\nshare = 1.0\nat = '0s'\n\
           [retry]\nattempts = 5\nbudget = 'share-of-requests:share=20%,least=0'\n\
           [run]\nduration = '30s'\n";
    let outcome = run(&text);
    let ratio = outcome.requests.retried as f64 / outcome.requests.arrived as f64;
    assert!((ratio - 0.2).abs() < 0.01, "{ratio}");
    assert!(outcome.resilience.unwrap().denied > 1000);
}

#[test]
fn copies_are_sent_one_delay_after_the_other_and_the_first_answer_counts() {
    // gRPC's hedging: delay 500 ms, four in all, nobody answers for ten seconds.
    let text = |service: u32| {
        format!(
            "[traffic.main]\narrivals = {{ process = 'deterministic', rate = '0.05/s' }}\n\
             service = 'constant:value={service}ms'\n[pool.main]\nservers = 5\n\
             [hedge]\ndelay = '500ms'\ncopies = 4\n[run]\nrequests = 1\ninterval = '100ms'\n"
        )
    };
    let slow = run(&text(10_000));
    assert_eq!((slow.requests.hedged, slow.requests.completed), (3, 1));
    assert_eq!(slow.service_s.max, Some(10.0), "the first copy answers first");
    // The others were taken back at once: 10 + 9.5 + 9 + 8.5 s of service.
    let found = slow.resilience.unwrap();
    assert_eq!((found.hedges_won, found.late), (0, 0));
    assert_eq!(run(&text(499)).requests.hedged, 0);
    assert_eq!(run(&text(1200)).requests.hedged, 2);
}

#[test]
fn a_hedge_beats_a_slow_server() {
    let text = steady(100, 20)
        + "[pool.main]\nservers = 2\n[balancer]\npolicy = 'round-robin'\n[failure.ill]\n\
           fault = 'slow'\nspeed = 0.02\nservers = [0]\nat = '0s'\n[hedge]\ndelay = '40ms'\n\
           [run]\nrequests = 20\n";
    let outcome = run(&text);
    assert_eq!(outcome.requests.completed, 20);
    assert_eq!(outcome.latency_s.max, Some(0.06), "delay and a service at the other server");
    assert!(outcome.resilience.unwrap().hedges_won >= 10);
}

#[test]
fn an_open_circuit_sheds_and_a_closed_one_lets_all_through() {
    let text = steady(10, 1)
        + "[pool.main]\nservers = 2\n[failure.bad]\nfault = 'errors'\nshare = 1.0\nat = '5s'\n\
           lasts = '5s'\n[breaker]\nopen-for = '2s'\n[run]\nduration = '20s'\n";
    let outcome = run(&text);
    let requests = outcome.requests;
    // Fifty of the last hundred fail, and five or so trials each two seconds.
    assert!((50..=70).contains(&requests.failed), "{requests:?}");
    // Four times two seconds of a hundred requests.
    assert!((450..=850).contains(&requests.shed), "{requests:?}");
    assert_eq!(requests.completed + requests.errors(), requests.arrived);
    let opened = super::times(&outcome, "circuit-open");
    assert!((5.0..5.6).contains(&opened[0].0) && opened.len() >= 3, "{opened:?}");
    // It opens again whenever the trials fail, and closes once.
    assert_eq!(super::times(&outcome, "circuit-closed").len(), 1);
}

#[test]
fn admission_sheds_before_anything_is_spent() {
    let bucket = run(&overload("[admission]\npolicy = 'token-bucket'\nrate = '5/s'\n"));
    let requests = bucket.requests;
    assert!((requests.completed as f64 - 300.0).abs() <= 2.0, "{requests:?}");
    assert_eq!(requests.completed + requests.shed, requests.arrived);
    let limit = run(&overload("[admission]\npolicy = 'concurrency-limit'\nlimit = 3\n"));
    assert!(limit.latency_s.max.unwrap() <= 0.3 + 1e-9);
    assert_eq!(limit.requests.errors(), limit.requests.shed);
    // Low priorities are shed first.
    let class = |name: &str, priority: i32| {
        steady(100, 100).replace("main", name) + &format!("priority = {priority}\n")
    };
    let text = class("low", 0)
        + &class("high", 1)
        + "[pool.main]\nservers = 1\n[admission]\npolicy = 'concurrency-limit'\nlimit = 4\n\
           priorities = { 0 = '50%' }\n[run]\nduration = '60s'\n";
    let mixed = run(&text);
    assert_eq!(mixed.requests.errors(), mixed.requests.shed);
    assert!((mixed.error_rate.unwrap() - 0.5).abs() < 0.02);
    let [low, high] = &mixed.resilience.unwrap().classes[..] else { panic!("two classes") };
    assert_eq!((low.name.as_str(), high.name.as_str()), ("low", "high"));
    assert!(low.shed > 500 && high.shed <= 2, "{low:?} {high:?}");
    assert_eq!(low.completed + high.completed, mixed.requests.completed);
    assert_eq!(low.errors + high.errors, mixed.requests.errors());
    assert_eq!(low.arrived, low.completed + low.errors);
}
