//! The retry storm: an overload that outlives its cause, what lets it recover, and who says so.

use std::process::Command;

use plimsoll::outcome::Cause;

use super::{run, scenario};

fn storm() -> String {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/retry-storm.toml");
    std::fs::read_to_string(path).unwrap()
}

/// The storm with one more key.
fn with(set: &str) -> String {
    let (path, value) = set.split_once('=').unwrap();
    let (table, key) = path.split_once('.').unwrap();
    let (text, head) = (storm(), format!("[{table}]\n"));
    if text.contains(&head) {
        text.replace(&head, &format!("{head}{key} = '{value}'\n"))
    } else {
        text + &format!("\n{head}{key} = '{value}'\n")
    }
}

#[test]
fn aggressive_retries_keep_the_overload_alive_after_its_cause_has_gone() {
    let outcome = run(&storm());
    let found = outcome.resilience.as_ref().unwrap();
    let state = found.metastable.expect("the state is found");
    assert_eq!(state.since_s, 90.0);
    // Requests alone are 70 % of what the fleet can do, and hardly any is answered.
    assert!(state.arrivals < 0.75 * state.capacity && state.goodput < 0.1 * state.arrivals);
    assert!(state.attempts > 1.5 * state.capacity && state.utilization > 0.99);
    let named = outcome.advice.iter().filter(|said| said.starts_with("metastable")).count();
    assert_eq!(named, 1, "{:?}", outcome.advice);
    let recovery = found.recovery.unwrap();
    assert_eq!((recovery.since_s, recovery.after_s), (90.0, None));
    let latency = found.latency_recovery.map(|it| it.after_s);
    assert_eq!(latency, Some(None), "the few that were answered had waited, the others more");
    // Before the outage all went well.
    let before = found.timeline.iter().filter(|it| it.at_s < 60.0);
    assert!(before.map(|it| it.errors).sum::<u64>() == 0);
}

#[test]
fn a_retry_budget_or_shorter_queues_or_dropping_late_work_lets_it_recover() {
    for set in [
        "retry.budget=share-of-requests",
        "timeouts.abandoned=cancelled",
        "balancer.queue-timeout=500ms",
        "admission.policy=concurrency-limit",
    ] {
        let text = with(set);
        let text = if set.starts_with("admission") { text + "limit = 200\n" } else { text };
        let outcome = run(&text);
        let found = outcome.resilience.unwrap();
        assert!(found.metastable.is_none(), "{set}");
        let after = found.recovery.map_or(Some(0.0), |it| it.after_s);
        assert!(after.is_some_and(|after| after < 120.0), "{set}: {after:?}");
        let last = found.timeline.iter().filter(|it| it.at_s >= 240.0);
        let (arrived, answered) =
            last.fold((0, 0), |(a, b), it| (a + it.arrivals, b + it.answered));
        assert!(answered as f64 > 0.98 * arrived as f64, "{set}: {answered} of {arrived}");
    }
}

#[test]
fn without_retries_the_same_outage_is_over_soon() {
    let text = storm().replace("attempts = 4", "attempts = 1");
    assert!(run(&text).resilience.unwrap().metastable.is_none());
    assert!(scenario(&storm()).is_guarded());
}

#[test]
fn compare_shows_the_storm_and_the_recovery() {
    let output = Command::new(env!("CARGO_BIN_EXE_plimsoll"))
        .args(["compare", "scenarios/retry-storm.toml", "--replications", "2", "--quiet"])
        .args(["--set", "run.duration=200s"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    let shown = String::from_utf8_lossy(&output.stdout);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(shown.contains("budget") && shown.contains("error"), "{shown}{said}");
    let named: Vec<&str> = shown.lines().filter(|line| line.contains("metastable")).collect();
    assert!(named.len() == 1 && named[0].contains("base"), "{shown}{said}");
    assert!(named[0].contains("metastable in 2 of 2 replications"), "{shown}");
    // Long lines are folded.
    let flat = shown.split_whitespace().collect::<Vec<_>>().join(" ");
    let recovered = "errors back: base in none of 2 replications before the end · budget ";
    assert!(flat.contains(recovered), "{shown}{said}");
    assert!(flat.contains("latency back: base "), "{shown}{said}");
    assert!(shown.contains("goodput") && shown.contains("attempts each"), "{shown}");
    assert!(shown.lines().all(|line| line.chars().count() <= 100), "{shown}");
}

/// The storm without a failure: twice the requests for half a minute set it off instead.
fn crowd() -> String {
    let text = storm();
    let (head, tail) = text.split_once("[failure.rack]").unwrap();
    let rest = tail.split_once("[health.checks]").unwrap().1;
    let steady = "arrivals = \"poisson:rate=224/s\"";
    assert!(head.contains(steady));
    let peak = "arrivals = { process = 'spike', base = '224/s', peak = '640/s', at = '60s', \
                rise = '1s', hold = '28s', fall = '1s' }";
    format!("{}[health.checks]{rest}", head.replace(steady, peak))
}

#[test]
fn a_peak_of_load_may_be_the_cause_as_well() {
    let outcome = run(&crowd());
    let state = outcome.resilience.as_ref().unwrap().metastable.expect("it outlives the peak");
    assert_eq!(state.cause, Cause::Peak);
    assert!((85.0..=95.0).contains(&state.since_s), "{state:?}");
    let named = outcome.advice.iter().find(|said| said.starts_with("metastable")).unwrap();
    assert!(named.contains("the peak of load had gone"), "{named}");
    // With a budget it recovers, and nothing is said.
    let calm = run(&crowd().replace("[retry]\n", "[retry]\nbudget = 'share-of-requests'\n"));
    assert!(calm.resilience.unwrap().metastable.is_none());
}

#[test]
fn the_slots_that_count_are_those_there_are_and_not_those_at_the_start() {
    let fixed = "[pool.api.autoscaler]\npolicy = 'fixed'\nservers = 16\n[failure.rack]";
    let text = storm().replace("[failure.rack]", fixed);
    let text =
        text.replacen("servers = 16", "servers = 12", 1).replace("at = \"60s\"", "at = \"70s\"");
    let state = run(&text).resilience.unwrap().metastable.expect("sixteen could serve it");
    assert!((300.0..=330.0).contains(&state.capacity), "{state:?}");
}

#[test]
fn copies_of_everything_are_plain_overload_with_or_without_a_failure() {
    let text = |more: &str| {
        "[traffic.calls]\narrivals = 'poisson:rate=224/s'\nservice = 'exponential:mean=50ms'\n\
         [pool.api]\nservers = 16\n[hedge]\ndelay = '0s'\ncancel = false\n\
         [timeouts]\nrequest = '1s'\n"
            .to_owned()
            + more
            + "[run]\nduration = '200s'\n"
    };
    let brief = "[failure.ill]\nfault = 'slow'\nservers = [0]\nat = '60s'\nlasts = '5s'\n";
    for more in ["", brief] {
        let outcome = run(&text(more));
        assert!(outcome.error_rate.unwrap() > 0.1, "it is an overload");
        assert!(outcome.resilience.unwrap().metastable.is_none(), "{more}");
        assert!(!outcome.advice.iter().any(|said| said.contains("metastable")));
        let answered =
            outcome.advice.iter().filter(|said| said.contains("latency is of the requests"));
        assert_eq!(answered.count(), 1);
    }
}

#[test]
fn advice_names_only_what_is_not_done_yet() {
    let said = |text: &str| {
        let advice = run(text).advice;
        advice.into_iter().find(|said| said.starts_with("metastable")).unwrap()
    };
    let plain = said(&storm());
    assert!(plain.contains("A retry budget, a queue timeout"), "{plain}");
    // A budget that allows everything, and a queue timeout that is too long, are no remedies.
    let loose = storm()
        .replace("[retry]\n", "[retry]\nbudget = 'share-of-requests:least=100000'\n")
        + "\n[balancer]\nqueue-timeout = '100s'\n";
    let less = said(&loose);
    assert!(!less.contains("budget") && !less.contains("queue timeout"), "{less}");
    assert!(less.contains("Admission, or servers that drop what nobody waits for may"), "{less}");
}
