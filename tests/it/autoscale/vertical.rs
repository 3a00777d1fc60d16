//! Servers that change their size: in place, by replacement, and what they cost.

use super::{measure, read, run, steady};
use plimsoll::fleet::State;

/// Work for 1.5 slots on one slot.
fn scaled(mode: &str, further: &str) -> String {
    let pool = format!("servers = {}", if further.contains("two") { 2 } else { 1 });
    let options = format!("policy = 'vpa'\nmode = '{mode}'\n{}", further.replace("two", ""));
    steady(&pool, &options).replace("'10m'", "'2h'").replace("'60s'", "'10s'")
}

#[test]
fn a_server_in_place_grows_until_it_bears_its_load_and_is_paid_by_its_size() {
    let outcome = run(&scaled("in-place", "max-size = 2"));
    let pool = &outcome.autoscaling[0];
    let sizes: Vec<u32> = pool.decisions.iter().map(|decision| decision.slots).collect();
    assert_eq!(sizes, [1, 2], "1.5 busy slots and 15 % are two");
    assert_eq!((pool.ordered, pool.released), (0, 0), "nobody came or went");
    assert!(outcome.utilization < 1.0 && outcome.requests.completed == outcome.requests.arrived);
    // One server from start to end: what is paid is the slots it had.
    let hour = 3600.0;
    let slot_hours: f64 = pool
        .timeline
        .windows(2)
        .map(|pair| pair[0].slots * (pair[1].at_s - pair[0].at_s) / hour)
        .sum::<f64>()
        + pool
            .timeline
            .last()
            .map_or(0.0, |last| last.slots * (outcome.duration_s - last.at_s) / hour);
    assert!((outcome.cost.total - 2.0 * slot_hours).abs() < 1e-9, "{}", outcome.cost.total);
}

#[test]
fn a_faster_server_serves_the_same_work_in_less_time() {
    let outcome = run(&scaled("in-place", "dimension = 'speed'"));
    let pool = &outcome.autoscaling[0];
    let last = pool.decisions.last().unwrap();
    assert!(last.slots == 1 && last.speed > 1.5, "{last:?}");
    let fastest = outcome.service_s.min.unwrap();
    assert!((fastest - 1.5 / last.speed).abs() < 1e-6, "{fastest} at speed {}", last.speed);
    assert!(outcome.latency_s.max < Some(hours(1.0)), "the backlog was worked off");
}

#[test]
fn a_speed_that_only_new_servers_get_does_not_feed_itself() {
    // The server that is there keeps its speed, so the work it does does not grow: a full core
    // and 15 %, in the next of the recommender's classes.
    let outcome = run(&scaled("initial", "dimension = 'speed'"));
    let speeds: Vec<f64> = outcome.autoscaling[0].decisions.iter().map(|it| it.speed).collect();
    assert!(speeds.iter().all(|speed| *speed <= 1.17), "{speeds:?}");
}

fn hours(count: f64) -> f64 {
    3600.0 * count
}

#[test]
fn replaced_servers_leave_one_after_the_other_and_lose_nothing() {
    // Two servers of one slot, and work for three slots on them.
    let text = scaled("recreate", "two").replace("'1/s'", "'2/s'");
    let scenario = read(&text);
    let measured = measure(&scenario, 0, 0);
    let outcome = scenario.outcome(&measured);
    assert_eq!(outcome.requests.completed, outcome.requests.arrived);
    let census = measured.census.as_ref().unwrap();
    let steps = census.steps(|_| true, |_| 0.0);
    let least = steps.iter().skip(2).map(|step| step.ready).min();
    assert_eq!(least, Some(1), "of two servers one may be missing");
    assert!(outcome.autoscaling[0].released >= 2, "both were replaced");
    let last = |state: State| census.changes.iter().rfind(|change| change.state == state).unwrap();
    assert!(last(State::Ready).slots > 1 && last(State::Gone).slots < last(State::Ready).slots);
}

#[test]
fn a_recommendation_that_is_not_carried_out_changes_nothing() {
    let off = run(&scaled("off", ""));
    let fixed = run(&steady("servers = 1", "policy = 'fixed'")
        .replace("'10m'", "'2h'")
        .replace("'60s'", "'10s'"));
    assert_eq!((off.latency_s, off.cost), (fixed.latency_s, fixed.cost));
    let initial = run(&scaled("initial", ""));
    assert_eq!(
        initial.latency_s, fixed.latency_s,
        "no server is ordered, so none has the new size"
    );
}

#[test]
fn a_smaller_server_finishes_what_it_has_in_service() {
    // Four slots, of which one and a half are busy: two would do.
    // The upper bound is wide as long as there is little history.
    let text = scaled("in-place", "confidence-interval = '1h'")
        .replace("servers = 1", "servers = 1\nslots = 4");
    let outcome = run(&text);
    let last = outcome.autoscaling[0].decisions.last().unwrap();
    assert_eq!(last.slots, 2, "{last:?}");
    assert_eq!(outcome.requests.completed, outcome.requests.arrived);
    assert!((outcome.latency_s.max.unwrap() - 1.5).abs() < 1e-9, "nobody ever waited");
}

#[test]
fn the_size_and_the_count_are_scaled_together() {
    let policies = "policy = 'max'\nof = ['vpa:mode=in-place', 'hpa:target=0.7']\nmax = 4";
    let text = steady("servers = 1", policies).replace("'10m'", "'2h'").replace("'1/s'", "'4/s'");
    let outcome = run(&text);
    let pool = &outcome.autoscaling[0];
    let last = pool.decisions.last().unwrap();
    assert!(last.slots > 1 && outcome.servers.max > 1, "{last:?}");
}
