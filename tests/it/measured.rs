//! Reality: what a real HAProxy and a real nginx measured, replayed with the policy they ran.
//!
//! `tests/measured/README.md` says how the streams were recorded. The folder named by
//! `PLIMSOLL_MEASURED` is read as well: more streams of the same kind.

use std::path::{Path, PathBuf};

use plimsoll::document::Node;
use plimsoll::scenario::{Measured, Scenario};
use plimsoll::time::Duration;

/// The latencies of answered requests, ascending, and the share of refused ones.
struct Stream {
    latencies: Vec<f64>,
    refused: f64,
}

fn streams() -> Vec<(String, PathBuf)> {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/measured");
    let mut found = Vec::new();
    for folder in [Some(own), std::env::var_os("PLIMSOLL_MEASURED").map(PathBuf::from)] {
        for entry in folder.iter().flat_map(|folder| std::fs::read_dir(folder).unwrap()) {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if let Some(name) = name.strip_suffix(".gz").unwrap_or(&name).strip_suffix(".csv") {
                found.push((name.to_owned(), path));
            }
        }
    }
    found.sort();
    assert!(found.len() >= 9, "the recorded streams are there");
    found
}

fn recorded(path: &Path) -> Stream {
    let bytes = std::fs::read(path).unwrap();
    let mut text = String::new();
    if path.extension().is_some_and(|extension| extension == "gz") {
        use std::io::Read;
        flate2::read::GzDecoder::new(bytes.as_slice()).read_to_string(&mut text).unwrap();
    } else {
        text = String::from_utf8(bytes).unwrap();
    }
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let (mut latencies, mut rows) = (Vec::new(), 0_u32);
    for row in reader.records().map(Result::unwrap) {
        rows += 1;
        if &row[5] == "200" {
            latencies.push(row[2].parse().unwrap());
        }
    }
    latencies.sort_by(f64::total_cmp);
    let refused = 1.0 - latencies.len() as f64 / f64::from(rows);
    Stream { latencies, refused }
}

impl Stream {
    fn mean(&self) -> f64 {
        self.latencies.iter().sum::<f64>() / self.latencies.len() as f64
    }
    fn quantile(&self, p: f64) -> f64 {
        self.latencies[(self.latencies.len() as f64 * p).ceil() as usize - 1]
    }
}

fn scenario(path: &Path, set_up: &str) -> Scenario {
    let text = format!("[traffic.main]\ntrace = '{}'\n{set_up}", path.display());
    let document = Node::from_toml("measured", &text).unwrap();
    Scenario::from_document(&document, Path::new(""))
        .unwrap_or_else(|problem| panic!("{}", problem.render(false)))
}

fn replay(scenario: &Scenario, replication: u64) -> Measured {
    scenario.simulate(replication, Duration::ZERO, (), &()).unwrap().0
}

/// Mean, p50, p90 and p99 in seconds.
fn simulated(measured: &Measured) -> [f64; 4] {
    let summary = measured.meter.latency.summary();
    [summary.mean, summary.p50, summary.p90, summary.p99].map(Option::unwrap)
}

const SIXTEEN: &str = "[pool.main]\nservers = 16\n";
const UNEVEN: &str =
    "[pool.small]\nservers = 8\n[pool.large]\nservers = 4\nslots = 2\nweight = 2\n";

/// The configuration to simulate for the policy in a stream's name, and whether it draws.
fn set_up(policy: &str) -> Option<(String, bool)> {
    let with = |balancer: &str| format!("{SIXTEEN}[balancer]\n{balancer}\n");
    Some(match policy {
        "roundrobin" => (with("policy = 'round-robin'"), false),
        "leastconn" => (with("policy = 'least-connections'"), false),
        "queue" => (with("queue = 'shared'"), false),
        "random1" => (with("policy = 'random'"), true),
        // HAProxy draws with replacement.
        "random2" => (with("policy = 'power-of-choices'\nreplacement = true"), true),
        _ => return None,
    })
}

#[test]
fn replaying_what_a_proxy_served_predicts_what_it_measured() {
    let mut missed = Vec::new();
    for (name, path) in streams() {
        let policy = name.split('-').nth(1).unwrap_or("");
        let Some((set_up, draws)) = set_up(policy) else {
            println!("{name}: `{policy}` is not a policy with equal servers");
            continue;
        };
        let stream = recorded(&path);
        let truth =
            [stream.mean(), stream.quantile(0.5), stream.quantile(0.9), stream.quantile(0.99)];
        let scenario = scenario(&path, &set_up);
        let runs: Vec<[f64; 4]> = (0..if draws { 20 } else { 1 })
            .map(|seed| simulated(&replay(&scenario, seed)))
            .collect();
        for (at, measure) in ["mean", "p50", "p90", "p99"].into_iter().enumerate() {
            let values = || runs.iter().map(|run| run[at]);
            let low = values().fold(f64::INFINITY, f64::min);
            let high = values().fold(0.0, f64::max);
            // A deterministic policy must be within 3 %; for one that draws, what was measured must
            // lie among twenty seeds, widened by 2 % for the proxy's own time.
            let slack = if draws { 0.02 } else { 0.03 };
            let near = truth[at] >= low * (1.0 - slack) && truth[at] <= high * (1.0 + slack);
            if !near {
                missed.push(format!("{name} {measure}: {low:.4}..{high:.4}, not {:.4}", truth[at]));
            }
        }
        assert!(stream.refused == 0.0, "{name} was recorded without a refusal");
    }
    assert!(missed.is_empty(), "{}", missed.join("\n"));
}

/// Who waits too long in a heavily loaded queue depends on fractions of a millisecond: of the 2,113
/// requests that this HAProxy refused, a replay to the nanosecond refuses two thirds, and others in
/// place of the rest. What can be predicted is how many, and how long the others take.
#[test]
fn a_queue_timeout_refuses_as_many_as_it_did_and_serves_the_others_as_fast() {
    let queue = "queue = 'shared'\nqueue-timeout = '100ms'\ntimer-tick = '1ms'";
    let mut seen = 0;
    for (name, path) in &streams() {
        if name.split('-').nth(1) != Some("queuetimeout") {
            continue;
        }
        seen += 1;
        let stream = recorded(path);
        let scenario = scenario(path, &format!("{SIXTEEN}[balancer]\n{queue}\n"));
        let measured = replay(&scenario, 0);
        let requests = scenario.outcome(&measured).requests;
        assert_eq!(requests.rejected + requests.failed, 0);
        let refused = requests.timed_out as f64 / requests.arrived as f64;
        assert!(
            (refused - stream.refused).abs() < 0.01,
            "{name}: {refused} refused, {} were",
            stream.refused
        );
        let truth =
            [stream.mean(), stream.quantile(0.5), stream.quantile(0.9), stream.quantile(0.99)];
        for (value, truth) in simulated(&measured).into_iter().zip(truth) {
            assert!(
                (value / truth - 1.0).abs() < 0.03,
                "{name}: {value} where {truth} was measured"
            );
        }
    }
    assert!(seen > 0, "a stream with a queue timeout is there");
}

#[test]
fn uneven_servers_with_weights_are_served_as_they_were() {
    let streams = streams();
    for (name, path) in &streams {
        let policy = match name.split('-').nth(1).unwrap_or("") {
            "unevenroundrobin" => "weighted-round-robin",
            "unevenleastconn" => "least-connections",
            _ => continue,
        };
        let stream = recorded(path);
        let measured =
            replay(&scenario(path, &format!("{UNEVEN}[balancer]\n{}", weighted(policy))), 0);
        let truth =
            [stream.mean(), stream.quantile(0.5), stream.quantile(0.9), stream.quantile(0.99)];
        for ((value, truth), slack) in simulated(&measured).into_iter().zip(truth).zip([0.03; 4]) {
            assert!(
                (value / truth - 1.0).abs() < slack,
                "{name}: {value} where {truth} was measured"
            );
        }
    }
}

/// HAProxy's own forms of the two policies.
fn weighted(policy: &str) -> String {
    match policy {
        "weighted-round-robin" => "policy = 'weighted-round-robin'\nform = 'haproxy'\n".to_owned(),
        _ => "policy = 'least-connections'\nties = 'rotate'\nload = 'haproxy'\n".to_owned(),
    }
}
