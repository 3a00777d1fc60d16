//! What replaying a traffic file costs, beside a bare pass of the `csv` crate over the same file.
//!
//! `cargo bench --bench replay -- 10000000` writes a file of so many rows, passes over it with a
//! reused `ByteRecord` (the limit: reading and splitting, nothing else), reads it as requests,
//! replays it through a hundred servers under two policies, on one thread and with a second one
//! that reads ahead, and prints nanoseconds a row, their ratio, and the peak of resident memory.
//! Last it writes what `--out` writes, charts and page included: drawn from summaries, in the same
//! time and memory however many requests there were. `report.md` beside this file holds figures.

#![allow(clippy::disallowed_methods)] // A bench reads the wall clock: that is its job.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::Instant as Clock;

use plimsoll::document::Node;
use plimsoll::report::{Folder, Results};
use plimsoll::rng::{Purpose, Seed};
use plimsoll::scenario::{Measured, Scenario};
use plimsoll::time::Duration;
use rand_distr::{Distribution, Exp1};

fn main() -> std::io::Result<()> {
    let rows: u64 = std::env::args().find_map(|word| word.parse().ok()).unwrap_or(1_000_000);
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("replay.csv");
    write(&path, rows)?;
    println!(
        "{rows} rows, {} MB; the better of three",
        std::fs::metadata(&path)?.len() / 1_000_000
    );
    let best = |pass: &dyn Fn(&Path) -> u64| {
        (0..3)
            .map(|_| {
                let clock = Clock::now();
                assert_eq!(pass(&path), rows, "every row was read");
                clock.elapsed().as_nanos() as f64 / rows as f64
            })
            .fold(f64::INFINITY, f64::min)
    };
    let limit = best(&bare);
    println!(
        "{:<36} {limit:>7.1} ns a row, peak {} MiB",
        "bare pass of csv::ByteRecord",
        peak_mib()
    );
    let tell = |what: &str, pass: &dyn Fn(&Path) -> u64| {
        let cost = best(pass);
        let (peak, ratio) = (peak_mib(), cost / limit);
        println!("{what:<36} {cost:>7.1} ns a row, peak {peak} MiB: {ratio:.2} x the bare pass");
    };
    tell("read as requests", &|path| read(&scenario(path, "random")));
    for policy in ["round-robin", "least-connections"] {
        for (ahead, how) in [(false, "one thread"), (true, "reading ahead")] {
            tell(&format!("{policy}, {how}"), &|path| {
                replay(&scenario(path, policy), ahead).ending.arrived
            });
        }
    }
    let scenario = scenario(&path, "least-connections");
    let measured = replay(&scenario, true);
    let (before, clock) = (peak_mib(), Clock::now());
    draw(&scenario, &measured);
    println!(
        "{:<36} {:>7.0} ms in all, peak {before} → {} MiB",
        "files, charts and page",
        clock.elapsed().as_secs_f64() * 1e3,
        peak_mib()
    );
    std::fs::remove_file(&path)
}

/// What `plimsoll replay --out` writes.
fn draw(scenario: &Scenario, measured: &Measured) {
    let out = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("replay-out");
    let folder = Folder::create(&out).expect("a folder of the bench's own");
    let outcome = scenario.outcome(measured);
    folder.write_outcome(&outcome).expect("room on the disk");
    let results = Results::of(&outcome, scenario, measured, "plimsoll replay".to_owned());
    folder.write_report(&results).expect("room on the disk");
    std::fs::remove_dir_all(&out).expect("the folder just written");
}

fn write(path: &Path, rows: u64) -> std::io::Result<()> {
    let mut out = BufWriter::new(File::create(path)?);
    let mut stream = Seed::new(1, 0).stream(Purpose::Arrival, "bench");
    let mut now = 0.0;
    writeln!(out, "arrival_s,service_s")?;
    for _ in 0..rows {
        let (gap, service): (f64, f64) = (Exp1.sample(&mut stream), Exp1.sample(&mut stream));
        now += gap / 1600.0;
        writeln!(out, "{now:.6},{:.6}", service * 0.05)?;
    }
    out.flush()
}

fn bare(path: &Path) -> u64 {
    let mut reader = csv::Reader::from_path(path).expect("the file just written");
    let mut record = csv::ByteRecord::new();
    let mut rows = 0;
    while reader.read_byte_record(&mut record).expect("valid rows") {
        rows += 1;
    }
    rows
}

fn scenario(path: &Path, policy: &str) -> Scenario {
    let text = format!(
        "traffic.main.trace = '{}'\npool.main.servers = 100\nbalancer.policy = '{policy}'",
        path.display()
    );
    let document = Node::from_toml("bench", &text).expect("valid TOML");
    Scenario::from_document(&document, Path::new("")).expect("a valid scenario")
}

fn read(scenario: &Scenario) -> u64 {
    let mut source = scenario.source(Seed::new(1, 0)).expect("the file just written");
    let (mut rows, mut chunk) = (0, Vec::new());
    loop {
        chunk.clear();
        source.fill(&mut chunk).expect("valid rows");
        rows += chunk.len() as u64;
        if chunk.is_empty() {
            return rows;
        }
    }
}

fn replay(scenario: &Scenario, ahead: bool) -> Measured {
    let ran = match ahead {
        true => scenario.simulate_reading_ahead(Duration::ZERO, (), &()),
        false => scenario.simulate(0, Duration::ZERO, (), &()),
    };
    ran.expect("valid rows").0
}

/// The peak of resident memory so far, where the system tells it.
fn peak_mib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok());
    kib.unwrap_or(0) / 1024
}
