//! `plimsoll replay INPUT`: one scenario, simulated and reported.

use super::common::{Common, Format};
use super::progress::{self, Progress};
use super::{Ended, Status, print};
use crate::outcome::Outcome;
use crate::report::{self, Folder, Results, chart};
use crate::time::{Duration, Instant};

/// Arguments.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    common: Common,
    /// Write one row a request to `requests.csv` as well
    #[arg(long, requires = "out", help_heading = "Output")]
    requests: bool,
}

pub(super) fn run(args: &Args) -> Ended {
    let common = &args.common;
    let scenario = common.scenario()?;
    let folder = common.out.as_deref().map(Folder::create).transpose()?;
    progress::mind_interrupts();
    let until = scenario.run.duration.map(|span| Instant::START + span);
    let watch = Progress::new(common.quiet, until);
    let warm_up = scenario.fixed_warm_up().unwrap_or(Duration::ZERO);
    let log = folder.as_ref().filter(|_| args.requests);
    let log = log.map(|folder| folder.request_log(scenario.traffic.keys())).transpose()?;
    // A log wants requests in the order of their ends, which costs time; none wants nothing.
    let measured = match log {
        None => scenario.simulate(0, warm_up, (), &watch)?.0,
        Some(log) => {
            let (measured, log) = scenario.simulate(0, warm_up, log, &watch)?;
            folder.as_ref().map_or(Ok(()), |folder| folder.finish_log(log))?;
            measured
        }
    };
    drop(watch);
    let outcome = scenario.outcome(&measured);
    if let Some(folder) = &folder {
        folder.write_outcome(&outcome)?;
        let results = Results::of(&outcome, &scenario, &measured, command_line());
        results.write(folder)?;
        folder.write_charts(&chart::of_run(&results))?;
        folder.write("report.html", report::page(&results))?;
    }
    print(&shown(&outcome, common.format))?;
    Ok(status(&outcome))
}

fn shown(outcome: &Outcome, format: Format) -> String {
    match format {
        Format::Table => report::table(outcome, width()),
        Format::Json => {
            serde_json::to_string_pretty(outcome).expect("outcomes are plain data") + "\n"
        }
        Format::Csv => report::csv(std::slice::from_ref(outcome)),
    }
}

/// The command that is running, as a shell would read it.
pub(super) fn command_line() -> String {
    let plain = |word: &str| {
        let safe = |letter: char| letter.is_alphanumeric() || "-_./:=,%+@".contains(letter);
        !word.is_empty() && word.chars().all(safe)
    };
    let quoted = |word: String| {
        if plain(&word) { word } else { format!("'{}'", word.replace('\'', r"'\''")) }
    };
    let words = std::env::args().skip(1).map(quoted);
    ["plimsoll".to_owned()].into_iter().chain(words).collect::<Vec<_>>().join(" ")
}

/// Columns of the terminal; what is not a terminal gets the width of a printed page.
pub(super) fn width() -> u16 {
    use std::io::IsTerminal;
    let columns = if std::io::stdout().is_terminal() {
        indicatif::TermLike::width(&console::Term::stdout())
    } else {
        100
    };
    columns.clamp(40, 140)
}

fn status(outcome: &Outcome) -> Status {
    match () {
        () if outcome.partial => Status::Interrupted,
        () if outcome.slo.iter().any(|objective| !objective.met) => Status::No,
        () => Status::Done,
    }
}
