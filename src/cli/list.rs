//! `plimsoll list [KIND]`: every part that can be named in a scenario.

use super::{Ended, Status, print};
use crate::catalogue::{self, Kind};
use crate::diagnose::{Origin, unknown};

/// Arguments.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Only this kind: balancer, discipline, distribution, …
    kind: Option<String>,
}

pub(super) fn run(args: &Args) -> Ended {
    let kinds = catalogue::kinds();
    let wanted: Vec<&Kind> = match &args.kind {
        None => kinds.iter().collect(),
        Some(word) => {
            let word = word.replace('-', " ");
            let found = kinds.iter().find(|kind| kind.is_called(&word));
            let names: Vec<&str> = kinds.iter().map(|kind| kind.name).collect();
            vec![found.ok_or_else(|| {
                unknown("kind of part", &word, &names).at(&Origin::whole("KIND", word.clone()))
            })?]
        }
    };
    let mut text = String::new();
    for kind in wanted {
        let longest = kind.parts.iter().map(|part| part.name.len()).max().unwrap_or(0);
        text.push_str(&format!("{}\n", kind.name));
        for part in &kind.parts {
            text.push_str(&format!("  {:longest$}  {}\n", part.name, part.summary()));
        }
        text.push('\n');
    }
    text.push_str("`plimsoll explain NAME` tells more about each.\n");
    print(&text)?;
    Ok(Status::Done)
}
