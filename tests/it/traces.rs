//! Traffic files: every spelling, every form of time, what bad input gets, and that none panics.

mod arrivals;
mod bad_input;
mod files;
mod forms;
mod fuzz;

use plimsoll::diagnose::Problem;
use plimsoll::workload::trace::{Input, Options, Row, Trace, Understanding};

/// A file `t.csv` of this text, read to its end.
fn read_as(text: &[u8], options: &Options) -> Result<(Vec<Row>, Understanding), Problem> {
    let mut trace = Trace::open(&Input::memory("t.csv", text), options)?;
    let (mut rows, mut row) = (Vec::new(), Row::default());
    while trace.next(&mut row)? {
        rows.push(row);
    }
    Ok((rows, trace.understanding()))
}

fn read(text: &str) -> (Vec<Row>, Understanding) {
    read_with(text, &Options::default())
}

fn read_with(text: &str, options: &Options) -> (Vec<Row>, Understanding) {
    read_as(text.as_bytes(), options).unwrap_or_else(|problem| panic!("{}", problem.render(false)))
}

/// A header and rows.
fn table(header: &str, rows: impl IntoIterator<Item = String>) -> String {
    let rows: Vec<String> = rows.into_iter().collect();
    format!("{header}\n{}\n", rows.join("\n"))
}

/// Options as a scenario writes them.
fn options(toml: &str) -> Options {
    toml::from_str(toml).expect("the test's options are right")
}

/// The arrival times in milliseconds.
fn times_ms(rows: &[Row]) -> Vec<f64> {
    rows.iter().map(|row| row.at.as_secs_f64() * 1e3).collect()
}
