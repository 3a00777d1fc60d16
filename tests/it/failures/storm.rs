//! The retry storm: an overload that outlives its cause, what lets it recover, and who says so.

use std::process::Command;

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
    let recovered = "recovered: base not before the end · budget ";
    assert!(shown.contains(recovered), "{shown}{said}");
}
