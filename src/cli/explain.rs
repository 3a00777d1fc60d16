//! `plimsoll explain NAME`: a part's manual page, from its own doc comments.

use super::{Ended, Status, print};
use crate::catalogue;
use crate::diagnose::{Origin, unknown};

/// Arguments.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The part, as `plimsoll list` names it, or the table of a scenario: `retry`, `health.checks`
    name: String,
}

pub(super) fn run(args: &Args) -> Ended {
    let kinds = catalogue::kinds();
    // A table may be named as it is written: `[retry]`, or by the end of its name: `checks`.
    let name = args.name.trim_start_matches('[').trim_end_matches(']');
    let mut pages = Vec::new();
    for kind in &kinds {
        for part in kind.parts.iter().filter(|part| part.is_called(name)) {
            pages.push(format!("{} · {}\n\n{}", part.name, kind.name, part.page()));
        }
    }
    if pages.is_empty() {
        let names: Vec<&str> =
            kinds.iter().flat_map(|kind| kind.parts.iter().map(|part| part.name)).collect();
        let place = Origin::whole("NAME", args.name.clone());
        return Err(unknown("part", &args.name, &names).at(&place).into());
    }
    print(&pages.join("\n\n"))?;
    Ok(Status::Done)
}
