//! `plimsoll replay INPUT`: one scenario, simulated and reported.

use clap::ValueEnum;
use serde::Serialize;

use super::common::{Common, Format, settle};
use super::progress::{self, Progress};
use super::{Ended, Status, print};
use crate::diagnose::Problem;
use crate::experiment::{Crew, WarmUp, replicate};
use crate::outcome::{Objective, Outcome};
use crate::probe::Probe;
pub(super) use crate::report::json;
use crate::report::{self, Folder, RequestFormat, RequestLog, Results};
use crate::scenario::{Measured, Scenario, Traffic};
use crate::time::Duration;

/// Arguments.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    common: Common,
    /// Write one row a request as well, to `requests.csv` or `requests.parquet`
    #[arg(long, value_name = "FORMAT", value_enum, num_args = 0..=1, require_equals = true,
          default_missing_value = "csv", requires = "out", help_heading = "Output")]
    requests: Option<Rows>,
}

/// How the rows of single requests are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Rows {
    /// Times in seconds, exact to the nanosecond.
    Csv,
    /// Times in nanoseconds; for a `plimsoll` built with `--features parquet`.
    Parquet,
}

impl From<Rows> for RequestFormat {
    fn from(rows: Rows) -> Self {
        match rows {
            Rows::Csv => Self::Csv,
            Rows::Parquet => Self::Parquet,
        }
    }
}

pub(super) fn run(args: &Args) -> Ended {
    let common = &args.common;
    let scenario = common.scenario()?;
    let folder = common.out.as_deref().map(Folder::create).transpose()?;
    let crew = Crew::new(common.threads)?;
    progress::mind_interrupts();
    if scenario.run.wants_intervals() {
        if args.requests.is_some() {
            return Err(Problem::new(
                "`--requests` writes the requests of one run, not of several",
            )
            .help("leave out `--replications`, `--precision` and their keys in `[run]`")
            .into());
        }
        return repeatedly(&scenario, &crew, common, folder.as_ref());
    }
    let watch = Progress::new(common.quiet, scenario.until());
    let warm_up = WarmUp::of(&scenario, 1, &crew, &watch)?;
    let log = folder
        .as_ref()
        .zip(args.requests)
        .map(|(folder, format)| RequestLog::create(folder, format.into(), scenario.traffic.keys()));
    // A log wants requests in the order of their ends, which costs time; none wants nothing.
    let measured = match log.transpose()? {
        None => alone(&scenario, &crew, warm_up.span, (), &watch)?.0,
        Some(log) => {
            let (measured, log) = alone(&scenario, &crew, warm_up.span, log, &watch)?;
            log.finish()?;
            measured
        }
    };
    drop(watch);
    let mut outcome = scenario.outcome(&measured);
    outcome.advice.extend(warm_up.advice);
    let run = Run { scenario: &scenario, measured: &measured };
    run.finish(&outcome, report::table, common, folder.as_ref())
}

/// One run: a second thread, where there may be one, reads the traffic.
fn alone<P: Probe>(
    scenario: &Scenario,
    crew: &Crew,
    warm_up: Duration,
    probe: P,
    watch: &Progress,
) -> Result<(Measured, P), Problem> {
    match crew.threads() {
        1 => scenario.simulate(0, warm_up, probe, watch),
        _ => scenario.simulate_reading_ahead(warm_up, probe, watch),
    }
}

/// Several runs, or one in batches: every number with its interval.
fn repeatedly(scenario: &Scenario, crew: &Crew, common: &Common, folder: Option<&Folder>) -> Ended {
    scenario.traffic.values().try_for_each(Traffic::keep)?;
    let watch = Progress::of_runs(common.quiet);
    let found = replicate(scenario, crew, &watch)?;
    drop(watch);
    let run = Run { scenario, measured: &found.first };
    match found.outcome {
        Some(outcome) => run.finish(&outcome, report::estimates, common, folder),
        None => {
            // Stopped before there were two runs: what there is has no intervals.
            let outcome = Outcome { partial: true, ..scenario.outcome(&found.first) };
            run.finish(&outcome, report::table, common, folder)
        }
    }
}

/// The run whose course over time is shown: the only one, or the first of several.
struct Run<'a> {
    scenario: &'a Scenario,
    measured: &'a Measured,
}

impl Run<'_> {
    /// Writes the files, prints the result, and tells how the run ended.
    fn finish<N: Serialize, M: Serialize>(
        &self,
        outcome: &Outcome<N, M>,
        table: fn(&Outcome<N, M>, u16) -> String,
        common: &Common,
        folder: Option<&Folder>,
    ) -> Ended {
        let results = || Results::of(outcome, self.scenario, self.measured, command_line());
        if let Some(folder) = folder {
            folder.write_outcome(outcome)?;
            folder.write_report(&results())?;
            settle(folder, common.quiet);
        }
        print(&match common.format {
            Format::Table => table(outcome, width()),
            Format::Json => json(outcome),
            Format::Csv => report::csv(std::slice::from_ref(outcome)),
            Format::Markdown => report::markdown::of_run(&results()),
        })?;
        Ok(status(outcome.partial, &outcome.slo))
    }
}

/// The command that is running, as a shell would read it.
pub(super) fn command_line() -> String {
    quoted(std::env::args().skip(1))
}

/// A command of these words, as a shell would read it.
pub(super) fn quoted(words: impl Iterator<Item = String>) -> String {
    let plain = |word: &str| {
        let safe = |letter: char| letter.is_alphanumeric() || "-_./:=,%+@".contains(letter);
        !word.is_empty() && word.chars().all(safe)
    };
    let safe = |word: String| {
        if plain(&word) { word } else { format!("'{}'", word.replace('\'', r"'\''")) }
    };
    ["plimsoll".to_owned()].into_iter().chain(words.map(safe)).collect::<Vec<_>>().join(" ")
}

/// Columns of the terminal; what is not a terminal gets `COLUMNS`, or the width of a printed page.
pub(super) fn width() -> u16 {
    use std::io::IsTerminal;
    let columns = if std::io::stdout().is_terminal() {
        indicatif::TermLike::width(&console::Term::stdout())
    } else {
        // Who exports it means it.
        std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok()).unwrap_or(100)
    };
    columns.clamp(40, 140)
}

/// How a run ended, from its objectives.
pub(super) fn status<M>(partial: bool, objectives: &[Objective<M>]) -> Status {
    let missed = |objective: &Objective<M>| !objective.met && !objective.inconclusive;
    match () {
        () if partial => Status::Interrupted,
        () if objectives.iter().any(missed) => Status::No,
        () if objectives.iter().any(|objective| objective.inconclusive) => Status::Inconclusive,
        () => Status::Done,
    }
}
