//! Sweeps: what they find and refuse; threads, kills and shards change no byte of them.

mod choice;
mod folders;
mod refusals;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

/// Two servers or more at 40 requests a second, a few seconds long.
const SCENARIO: &str = "
name = 'small'
[traffic.web]
arrivals = 'poisson:rate=40/s'
service = 'exponential:mean=50ms'
[pool.main]
servers = 3
price = '0.5/h'
[slo.fast]
objective = 'p90 < 200ms'
[run]
duration = '40s'
warm-up = '4s'
replications = 6
";

/// Six points of it.
const AXES: [&str; 4] =
    ["--vary", "pool.main.servers=3..5", "--vary", "balancer.policy=random,least-connections"];

/// A folder of a test's own, empty at first, with the scenario in it.
fn folder(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("sweep").join(name);
    let _ = fs::remove_dir_all(&path);
    fs::create_dir_all(&path).unwrap();
    fs::write(path.join("small.toml"), SCENARIO).unwrap();
    path
}

fn plimsoll(folder: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_plimsoll"));
    command.args(args).current_dir(folder).stdin(Stdio::null());
    command
}

fn run(folder: &Path, args: &[&str]) -> Output {
    plimsoll(folder, args).output().unwrap()
}

/// A sweep of the small scenario with more flags.
fn sweep(folder: &Path, more: &[&str]) -> Output {
    run(folder, &[&["sweep", "small.toml"], more].concat())
}

#[test]
fn a_sweep_fits_a_narrow_terminal() {
    let folder = folder("narrow");
    let output = sweep(&folder, &[&AXES[..], &["--format", "json", "--quiet"]].concat());
    let found = serde_json::from_slice(&output.stdout).unwrap();
    for width in [40, 60, 80] {
        let table = plimsoll::report::sweep::table(&found, width);
        let wide = table.lines().find(|line| line.chars().count() > usize::from(width));
        assert_eq!(wide, None, "{width}");
        assert!(table.contains("least-connections"), "no name is broken:\n{table}");
    }
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn json(output: &Output) -> Value {
    assert!(matches!(output.status.code(), Some(0 | 1 | 3)), "{}", said(output));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Every file of a folder with its bytes.
fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<(String, Vec<u8>)> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| {
            (path.file_name().unwrap().to_string_lossy().into_owned(), fs::read(&path).unwrap())
        })
        .collect();
    files.sort();
    files
}

fn assert_same(one: &Path, other: &Path) {
    let (one, other) = (files(one), files(other));
    let names = |files: &[(String, Vec<u8>)]| -> Vec<String> {
        files.iter().map(|(name, _)| name.clone()).collect()
    };
    assert_eq!(names(&one), names(&other));
    for ((name, a), (_, b)) in one.iter().zip(&other) {
        assert!(a == b, "{name} differs");
    }
}

#[test]
fn a_sweep_keeps_the_contract_of_its_json_and_csv() {
    let folder = folder("contract");
    let found = json(&sweep(&folder, &[&AXES[..], &["--format", "json"]].concat()));
    assert_eq!(found["schema"], "plimsoll.sweep/1");
    assert_eq!((found["size"].as_u64(), found["seed"].as_u64()), (Some(6), Some(1)));
    let points = found["points"].as_array().unwrap();
    assert_eq!(points.len(), 6);
    for (number, point) in (1..).zip(points) {
        assert_eq!(point["point"].as_u64(), Some(number), "in the order of the grid");
        let p90 = &point["latency_s"]["p90"];
        assert!(p90["low"].as_f64() <= p90["estimate"].as_f64(), "{p90}");
        assert!(["met", "inconclusive", "missed"].contains(&point["verdict"].as_str().unwrap()));
    }
    assert_eq!(points[3]["values"]["pool.main.servers"], 4);
    assert_eq!(points[3]["values"]["balancer.policy"], "least-connections");
    let mut ranks: Vec<u64> = points.iter().map(|p| p["rank"].as_u64().unwrap()).collect();
    ranks.sort_unstable();
    assert_eq!(ranks, [1, 2, 3, 4, 5, 6]);
    let csv = sweep(&folder, &[&AXES[..], &["--format", "csv"]].concat());
    let text = String::from_utf8(csv.stdout).unwrap();
    let header = text.lines().next().unwrap();
    for column in ["point", "rank", "front", "values.pool.main.servers", "latency_s.p90.low"] {
        assert!(header.split(',').any(|name| name == column), "{column} in {header}");
    }
    assert_eq!(text.lines().count(), 7);
}

#[test]
fn the_number_of_threads_changes_no_byte() {
    let folder = folder("threads");
    let axes =
        ["--vary", "traffic.web.arrivals.rate=20/s,40/s", "--vary", "pool.main.servers=3..5"];
    let with = |threads: &str| {
        let more = ["--threads", threads, "--format", "json"];
        sweep(&folder, &[&axes[..], &more].concat()).stdout
    };
    let one = with("1");
    assert!(one.len() > 1000);
    assert!(one == with("2") && one == with("7"));
}

#[test]
fn a_point_is_what_a_replay_of_its_scenario_gives() {
    let folder = folder("pure");
    let found = json(&sweep(&folder, &[&AXES[..], &["--format", "json"]].concat()));
    let set = ["--set", "pool.main.servers=4", "--set", "balancer.policy=least-connections"];
    let alone =
        json(&run(&folder, &[&["replay", "small.toml", "--format", "json"], &set[..]].concat()));
    let point = &found["points"][3];
    for key in ["workload_fingerprint", "requests", "latency_s", "wait_s", "cost", "utilization"] {
        assert_eq!(point[key], alone[key], "{key}");
    }
    for key in ["value", "met"] {
        assert_eq!(point["slo"][0][key], alone["slo"][0][key], "{key}");
    }
}

#[test]
fn points_with_the_same_traffic_have_the_same_requests_and_others_do_not() {
    let folder = folder("common");
    let axes = ["--vary", "pool.main.servers=3,4", "--vary", "traffic.web.arrivals.rate=20/s,40/s"];
    let found = json(&sweep(&folder, &[&axes[..], &["--format", "json"]].concat()));
    let print = |at: usize| &found["points"][at]["workload_fingerprint"];
    assert_eq!(print(0), print(2));
    assert_eq!(print(1), print(3));
    assert_ne!(print(0), print(1));
}

#[test]
fn a_precision_and_one_long_run_in_batches_do_as_they_do_in_a_replay() {
    let folder = folder("lengths");
    let axes = ["--vary", "pool.main.servers=4,5"];
    for flags in [
        ["--replications", "1", "--precision-of", "mean"],
        ["--precision", "20%", "--precision-of", "mean"],
    ] {
        let scenario = SCENARIO.replace("replications = 6\n", "");
        fs::write(folder.join("small.toml"), scenario).unwrap();
        let more = [&axes[..], &flags, &["--format", "json"]].concat();
        let found = json(&sweep(&folder, &more));
        let set = ["--set", "pool.main.servers=5", "--format", "json"];
        let alone = json(&run(&folder, &[&["replay", "small.toml"], &flags[..], &set].concat()));
        assert_eq!(found["points"][1]["latency_s"], alone["latency_s"], "{flags:?}");
        assert_eq!(found["points"][1]["intervals"], alone["intervals"], "{flags:?}");
    }
}

#[test]
fn a_sample_is_drawn_by_the_seed_and_fields_go_together() {
    let folder = folder("sample");
    let axes = [
        "--vary",
        "pool.main.speed=1.0..2.0",
        "--vary",
        "pool.main.servers=3,4,5; pool.main.price=0.5/h,0.4/h,0.3/h",
        "--replications",
        "2",
        "--format",
        "json",
        "--sample",
        "9",
    ];
    let found = json(&sweep(&folder, &axes));
    let points = found["points"].as_array().unwrap();
    assert_eq!(points.len(), 9);
    let values = |at: usize, path: &str| points[at]["values"][path].clone();
    let mut parts: Vec<u64> = (0..9)
        .map(|at| ((values(at, "pool.main.speed").as_f64().unwrap() - 1.0) * 9.0) as u64)
        .collect();
    parts.sort_unstable();
    assert_eq!(parts, (0..9).collect::<Vec<_>>(), "one speed in each ninth");
    for at in 0..9 {
        let price = match values(at, "pool.main.servers").as_u64().unwrap() {
            3 => "0.5/h",
            4 => "0.4/h",
            _ => "0.3/h",
        };
        assert_eq!(values(at, "pool.main.price"), price);
    }
    assert_eq!(found["points"], json(&sweep(&folder, &axes))["points"]);
    let other = json(&sweep(&folder, &[&axes[..], &["--seed", "2"]].concat()));
    assert_ne!(found["points"][0]["values"], other["points"][0]["values"]);
}

#[test]
fn the_scenarios_own_grid_gives_the_results_stored_beside_it() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for name in ["instance-types", "knee"] {
        let scenario = format!("scenarios/{name}.toml");
        let output = run(root, &["sweep", &scenario, "--format", "json", "--quiet"]);
        let stored = fs::read(root.join("results").join(name).join("sweep/sweep.json")).unwrap();
        assert!(
            output.stdout == stored,
            "results/{name}/sweep is not what the scenario gives now: `bash results/regenerate`"
        );
    }
}
