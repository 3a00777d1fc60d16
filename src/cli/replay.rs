//! `plimsoll replay INPUT`: one scenario, simulated and reported.

use super::common::{Common, Format};
use super::progress::{self, Progress};
use super::{Ended, Status, print};
use crate::outcome::Outcome;
use crate::report::{self, Folder};
use crate::time::{Duration, Instant};

/// Arguments.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    common: Common,
}

pub(super) fn run(args: &Args) -> Ended {
    let common = &args.common;
    let scenario = common.scenario()?;
    let folder = common.out.as_deref().map(Folder::create).transpose()?;
    progress::mind_interrupts();
    let until = scenario.run.duration.map(|span| Instant::START + span);
    let watch = Progress::new(common.quiet, until);
    let warm_up = scenario.fixed_warm_up().unwrap_or(Duration::ZERO);
    let (measured, ()) = scenario.simulate(0, warm_up, (), &watch)?;
    drop(watch);
    let outcome = scenario.outcome(&measured);
    if let Some(folder) = &folder {
        folder.write_outcome(&outcome)?;
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
