//! Writes the requests of a scenario as a traffic file: how the project makes its sample traffic.
//!
//! `cargo run --release --example make_traffic -- scenarios/traffic/chat.toml > chat.csv`

use std::io::{self, BufWriter, Write};

use plimsoll::diagnose::Problem;
use plimsoll::rng::Seed;
use plimsoll::scenario::{Input, Overlay, Scenario};

fn main() -> io::Result<()> {
    let path = std::env::args().nth(1).unwrap_or_default();
    let mut out = BufWriter::new(io::stdout().lock());
    match requests(&path) {
        Ok(rows) => out.write_all(rows.as_bytes()),
        Err(problem) => Err(io::Error::other(problem.render(false))),
    }
}

fn requests(path: &str) -> Result<String, Problem> {
    let scenario = Scenario::read(&Input::of(path), &Overlay::default())?;
    let mut source = scenario.source(Seed::new(scenario.seed, 0))?;
    let mut rows = String::from("arrival_s,input_tokens,output_tokens,session_id\n");
    let mut chunk = Vec::new();
    loop {
        chunk.clear();
        source.fill(&mut chunk)?;
        if chunk.is_empty() {
            return Ok(rows);
        }
        for request in &chunk {
            let arrival = request.arrival.as_secs_f64();
            let (input, output, key) = (request.input, request.output, request.key);
            rows.push_str(&format!("{arrival:.3},{input},{output},{key}\n"));
        }
    }
}
