//! A policy that learns: one run saves its table, another goes on with it.

use std::path::Path;

use serde_json::Value;

use super::{run, steady};

/// What two hours of looking leave behind, and how many looks are in it.
fn learnt(options: &str) -> (String, u64) {
    let autoscaler = format!("policy = 'q-learning'\nmax = 6\n{options}");
    let text = steady("servers = 2", &autoscaler).replace("'10m'", "'2h'");
    let memory = run(&text).autoscaling[0].memory.clone().unwrap();
    let table: Value = serde_json::from_str(&memory).unwrap();
    let visits = table["visits"].as_array().unwrap().iter();
    let looks = visits.flat_map(|row| row.as_array().unwrap()).map(|it| it.as_u64().unwrap()).sum();
    (memory, looks)
}

#[test]
fn what_one_run_has_learnt_another_goes_on_with() {
    let (first, looks) = learnt("");
    // A look each quarter of a minute, each judged by the next; the last ones after the end, while
    // requests are still served.
    assert!((470..500).contains(&looks), "{looks}");
    let place = Path::new(env!("CARGO_TARGET_TMPDIR")).join("q-learning.json");
    std::fs::write(&place, &first).unwrap();
    let table = format!("table = '{}'\n", place.display());
    let (kept, _) = learnt(&format!("{table}learn = false\n"));
    assert_eq!(kept, first, "who does not learn keeps what was saved");
    let more = learnt(&table).1;
    assert!((looks + 470..looks + 500).contains(&more), "who learns adds to it: {more}");
}
