//! `plimsoll replay INPUT`: one scenario, simulated and reported.

use serde::Serialize;

use super::common::{Common, Format};
use super::progress::{self, Progress};
use super::{Ended, Status, print};
use crate::experiment::{Crew, WarmUp, replicate};
use crate::outcome::{Estimated, Objective, Outcome};
use crate::report::{self, Folder};
use crate::scenario::Scenario;

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
    let crew = Crew::new(common.threads)?;
    progress::mind_interrupts();
    if scenario.run.wants_intervals() {
        return repeatedly(&scenario, &crew, common, folder.as_ref());
    }
    let watch = Progress::new(common.quiet, scenario.until());
    let warm_up = WarmUp::of(&scenario, 1, &crew, &watch)?;
    let (measured, ()) = scenario.simulate(0, warm_up.span, (), &watch)?;
    drop(watch);
    let mut outcome = scenario.outcome(&measured);
    outcome.advice.extend(warm_up.advice);
    finish(&outcome, report::table, common.format, folder.as_ref())
}

/// Several runs, or one in batches: every number with its interval.
fn repeatedly(scenario: &Scenario, crew: &Crew, common: &Common, folder: Option<&Folder>) -> Ended {
    scenario.traffic.values().try_for_each(|traffic| traffic.keep())?;
    let watch = Progress::of_runs(common.quiet);
    let found = replicate(scenario, crew, &watch)?;
    drop(watch);
    let estimates = |outcome: &Estimated, width| report::estimates(outcome, width);
    match found.outcome {
        Some(outcome) => finish(&outcome, estimates, common.format, folder),
        // Stopped before there were two runs: what there is has no intervals.
        None => finish(&scenario.outcome(&found.first), report::table, common.format, folder),
    }
}

fn finish<N: Serialize, M: Serialize>(
    outcome: &Outcome<N, M>,
    table: impl Fn(&Outcome<N, M>, u16) -> String,
    format: Format,
    folder: Option<&Folder>,
) -> Ended {
    if let Some(folder) = folder {
        folder.write_outcome(outcome)?;
    }
    print(&match format {
        Format::Table => table(outcome, width()),
        Format::Json => json(outcome),
        Format::Csv => report::csv(std::slice::from_ref(outcome)),
    })?;
    Ok(status(outcome.partial, &outcome.slo))
}

/// One object, as the schema says.
pub(super) fn json(value: &impl Serialize) -> String {
    serde_json::to_string_pretty(value).expect("outcomes are plain data") + "\n"
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
