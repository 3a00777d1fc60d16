//! The folder of a sweep: kept points, kills, shards, merges, other grids, other scenarios.

use std::fs;
use std::io::Write;
use std::process::Stdio;
use std::time::Duration;

use super::{AXES, assert_same, files, folder, plimsoll, run, said, sweep};

/// Long enough to be stopped on the way.
const LONG: [&str; 6] =
    ["--vary", "pool.main.servers=3..14", "--set", "run.duration=15m", "--threads", "2"];

/// Begins a sweep and waits until some of its points are kept.
fn begun(folder: &std::path::Path, out: &str) -> std::process::Child {
    let args = [&["sweep", "small.toml"], &LONG[..], &["--out", out]].concat();
    let mut child =
        plimsoll(folder, &args).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let kept = || fs::read_to_string(folder.join(out).join("points.jsonl")).unwrap_or_default();
    for _ in 0..60_000 {
        if kept().lines().count() >= 2 {
            return child;
        }
        assert!(child.try_wait().unwrap().is_none(), "it must not be over yet");
        std::thread::sleep(Duration::from_millis(2));
    }
    panic!("no point is kept");
}

#[test]
fn a_sweep_that_is_killed_and_resumed_gives_the_same_bytes() {
    let folder = folder("killed");
    let mut child = begun(&folder, "cut");
    child.kill().unwrap();
    child.wait().unwrap();
    let path = folder.join("cut/points.jsonl");
    assert!(fs::read_to_string(&path).unwrap().lines().count() < 12, "it was killed on the way");
    // The line that was being written when the power went.
    let mut file = fs::OpenOptions::new().append(true).open(&path).unwrap();
    file.write_all(b"{\"point\":7,\"values\":{\"po").unwrap();
    let resumed = sweep(&folder, &[&LONG[..], &["--out", "cut"]].concat());
    assert!(said(&resumed).contains("points are known and not run again"), "{}", said(&resumed));
    assert!(said(&resumed).contains("1 cut or damaged"), "{}", said(&resumed));
    let whole = sweep(&folder, &[&LONG[..], &["--out", "whole"]].concat());
    assert_eq!(resumed.stdout, whole.stdout);
    assert_same(&folder.join("cut"), &folder.join("whole"));
}

#[test]
#[cfg(unix)]
fn an_interrupted_sweep_keeps_what_is_done_and_says_how_to_go_on() {
    let folder = folder("interrupted");
    let child = begun(&folder, "cut");
    let signal =
        std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status();
    assert!(signal.unwrap().success());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{}", said(&output));
    assert!(said(&output).contains("the same command goes on from there"), "{}", said(&output));
    let partial = fs::read_to_string(folder.join("cut/sweep.json")).unwrap();
    assert!(partial.contains("\"partial\": true"));
    sweep(&folder, &[&LONG[..], &["--out", "cut"]].concat());
    sweep(&folder, &[&LONG[..], &["--out", "whole"]].concat());
    assert_same(&folder.join("cut"), &folder.join("whole"));
}

#[test]
fn shards_merge_to_the_bytes_of_one_run() {
    let folder = folder("shards");
    sweep(&folder, &[&AXES[..], &["--out", "whole"]].concat());
    for (part, out) in [("1/3", "a"), ("2/3", "b"), ("3/3", "c")] {
        let part = sweep(&folder, &[&AXES[..], &["--shard", part, "--out", out]].concat());
        assert_eq!(part.status.code(), Some(0), "{}", said(&part));
    }
    let merged = run(&folder, &["merge", "c", "a", "b", "--out", "merged"]);
    assert_eq!(merged.status.code(), Some(0), "{}", said(&merged));
    assert_same(&folder.join("merged"), &folder.join("whole"));
    // What is merged is a sweep like any other: the same command finds all of it done.
    let again = sweep(&folder, &[&AXES[..], &["--out", "merged", "--select"]].concat());
    assert!(said(&again).contains("6 points are known"), "{}", said(&again));
}

#[test]
fn points_of_a_sample_that_are_alike_are_merged_as_well() {
    let folder = folder("alike");
    // Nine points of three servers each: some must be the same.
    let axes = ["--vary", "pool.main.servers=2..4", "--sample", "9", "--replications", "2"];
    for (part, out) in [("1/2", "a"), ("2/2", "b")] {
        sweep(&folder, &[&axes[..], &["--shard", part, "--out", out]].concat());
    }
    let merged = run(&folder, &["merge", "a", "b", "--out", "merged"]);
    assert_eq!(merged.status.code(), Some(0), "{}", said(&merged));
    sweep(&folder, &[&axes[..], &["--out", "whole"]].concat());
    assert_same(&folder.join("merged"), &folder.join("whole"));
}

#[test]
#[cfg(unix)]
fn a_stop_while_resuming_keeps_the_points_that_were_there() {
    let folder = folder("resumed");
    let few = ["--vary", "pool.main.servers=12..14", "--set", "run.duration=15m"];
    sweep(&folder, &[&few[..], &["--out", "cut"]].concat());
    let kept = fs::read_to_string(folder.join("cut/points.jsonl")).unwrap();
    let child = begun(&folder, "cut");
    let signal =
        std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status();
    assert!(signal.unwrap().success());
    child.wait_with_output().unwrap();
    let after = fs::read_to_string(folder.join("cut/points.jsonl")).unwrap();
    let key = |line: &str| {
        let point: serde_json::Value = serde_json::from_str(line).unwrap();
        point["key"].as_str().unwrap().to_owned()
    };
    let there: Vec<String> = after.lines().map(key).collect();
    for line in kept.lines() {
        assert!(there.contains(&key(line)), "a point is lost");
    }
}

#[test]
fn what_are_no_parts_of_one_sweep_is_not_merged() {
    let folder = folder("foreign");
    let part = |part: &str, out: &str, more: &[&str]| {
        let flags = ["--shard", part, "--out", out, "--replications", "2"];
        let done = sweep(&folder, &[&AXES[..], &flags, more].concat());
        assert_eq!(done.status.code(), Some(0), "{}", said(&done));
    };
    part("1/2", "a", &[]);
    part("1/2", "again", &[]);
    part("2/2", "b", &[]);
    part("2/2", "other-seed", &["--seed", "2"]);
    part("2/3", "other-cut", &[]);
    fs::create_dir_all(folder.join("empty")).unwrap();
    let points = fs::read_to_string(folder.join("b/points.jsonl")).unwrap();
    fs::create_dir_all(folder.join("cut")).unwrap();
    fs::copy(folder.join("b/manifest.json"), folder.join("cut/manifest.json")).unwrap();
    fs::write(folder.join("cut/points.jsonl"), &points[..points.len() / 2]).unwrap();
    for (parts, words) in [
        (&["a"][..], "part 2/2 is missing"),
        (&["a", "again", "b"], "are both part 1/2"),
        (&["a", "other-seed"], "`seed` was"),
        (&["a", "other-cut"], "cut into 2 parts"),
        (&["a", "empty"], "holds no points"),
        (&["a", "cut"], "of 3 points"),
        (&["a", "nowhere"], "holds no points"),
    ] {
        let output = run(&folder, &[&["merge"], parts].concat());
        assert_eq!(output.status.code(), Some(2), "{parts:?}: {}", said(&output));
        assert!(said(&output).contains(words), "{parts:?}: {}", said(&output));
        assert!(said(&output).contains("help"), "{parts:?}: {}", said(&output));
    }
}

#[test]
fn another_scenario_in_the_folder_is_noticed_and_a_larger_grid_is_not_another() {
    let folder = folder("changed");
    let of = |axis: &str, more: &[&str]| {
        sweep(&folder, &[&["--vary", axis, "--out", "out", "--replications", "2"], more].concat())
    };
    of("pool.main.servers=3,4", &[]);
    let larger = of("pool.main.servers=2..5", &[]);
    assert!(said(&larger).contains("2 points are known"), "{}", said(&larger));
    let refused = of("pool.main.servers=2..5", &["--set", "pool.main.slots=2"]);
    assert_eq!(refused.status.code(), Some(2));
    for words in ["another sweep", "`pool.main.slots` was not set, and is 2", "--fresh"] {
        assert!(said(&refused).contains(words), "{}", said(&refused));
    }
    let fresh = of("pool.main.servers=2..5", &["--set", "pool.main.slots=2", "--fresh"]);
    assert!(matches!(fresh.status.code(), Some(0 | 1 | 3)), "{}", said(&fresh));
    sweep(
        &folder,
        &[
            "--vary",
            "pool.main.servers=2..5",
            "--replications",
            "2",
            "--set",
            "pool.main.slots=2",
            "--out",
            "anew",
        ],
    );
    assert_eq!(
        fs::read(folder.join("out/points.jsonl")).unwrap(),
        fs::read(folder.join("anew/points.jsonl")).unwrap()
    );
}

#[test]
fn traffic_that_has_changed_behind_the_same_name_is_noticed() {
    let folder = folder("trace");
    let trace = |gap: f64| -> String {
        let rows = (0..400).map(|row| format!("{},0.05\n", f64::from(row) * gap));
        "arrival_s,service_s\n".to_owned() + &rows.collect::<String>()
    };
    let of = || {
        let args = ["sweep", "t.csv", "--vary", "pool.main.servers=2,3", "--out", "out"];
        run(&folder, &[&args[..], &["--replications", "3"]].concat())
    };
    fs::write(folder.join("t.csv"), trace(0.05)).unwrap();
    assert_eq!(of().status.code(), Some(0), "{}", said(&of()));
    assert!(said(&of()).contains("2 points are known"));
    fs::write(folder.join("t.csv"), trace(0.06)).unwrap();
    let refused = of();
    assert_eq!(refused.status.code(), Some(2));
    assert!(said(&refused).contains("the traffic or another file"), "{}", said(&refused));
}

#[test]
fn a_report_from_a_stored_sweep_is_the_same_to_the_byte() {
    let folder = folder("report");
    sweep(&folder, &[&AXES[..], &["--out", "out"]].concat());
    let before = files(&folder.join("out"));
    for name in ["report.html", "cost-latency.svg", "along.svg", "best.png"] {
        assert!(before.iter().any(|(known, _)| known == name), "{name}");
        fs::remove_file(folder.join("out").join(name)).unwrap();
    }
    let shown = run(&folder, &["report", "out"]);
    assert_eq!(shown.status.code(), Some(0), "{}", said(&shown));
    assert!(before == files(&folder.join("out")));
    let page = fs::read_to_string(folder.join("out/report.html")).unwrap();
    assert!(!page.contains("http:") && !page.contains("https:"), "an address");
    for part in ["sweep of 6 points", "plimsoll sweep small.toml", "id=\"cost-latency\""] {
        assert!(page.contains(part), "{part}");
    }
    fs::write(folder.join("out/sweep.json"), "{").unwrap();
    let damaged = run(&folder, &["report", "out"]);
    assert_eq!(damaged.status.code(), Some(2));
    assert!(said(&damaged).contains("sweep.json"), "{}", said(&damaged));
}

#[test]
fn a_chart_along_one_axis_names_what_is_held_of_the_others() {
    let folder = folder("held");
    let axes = ["--vary", "pool.main.servers=3..5", "--vary", "pool.main.slots=2", "--out", "out"];
    sweep(&folder, &axes);
    let along = fs::read_to_string(folder.join("out/along.svg")).unwrap();
    assert!(along.contains("all with slots 2"), "{}", &along[..600]);
}

#[test]
fn standard_input_is_read_once_for_all_points() {
    let folder = folder("stdin");
    let mut child = plimsoll(
        &folder,
        &[
            "sweep",
            "-",
            "--vary",
            "pool.main.servers=1,2",
            "--replications",
            "3",
            "--format",
            "csv",
        ],
    )
    .stdin(Stdio::piped())
    .stdout(Stdio::piped())
    .spawn()
    .unwrap();
    let rows: String = (0..300).map(|row| format!("{row},0.5\n")).collect();
    let text = format!("arrival_s,service_s\n{rows}");
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap().lines().count(), 3);
}
