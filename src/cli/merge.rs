//! `plimsoll merge DIR… --out DIR`: the parts of a sweep become one.

use std::path::PathBuf;

use super::common::{Format, settle};
use super::replay::{json, width};
use super::sweep::status;
use super::{Ended, print};
use crate::diagnose::{Origin, Problem};
use crate::experiment::sweep::conclude;
use crate::outcome::Placed;
use crate::report::Folder;
use crate::report::sweep::{self as shown, Manifest, Store, part};

/// Arguments.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Folders that `plimsoll sweep --shard k/n --out DIR` wrote, each part once
    #[arg(value_name = "DIR", required = true)]
    folders: Vec<PathBuf>,
    /// A folder for the whole sweep: the same bytes as if it had been run at once
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// How to print the result
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t)]
    format: Format,
    /// Replace what is in `--out`
    #[arg(long, requires = "out")]
    fresh: bool,
}

pub(super) fn run(args: &Args) -> Ended {
    let (manifest, points) = joined(args)?;
    let sweep = conclude(&manifest.outline, points.clone(), None, None);
    if let Some(path) = &args.out {
        let folder = Folder::create(path)?;
        let store = Store::open(path, manifest.clone(), args.fresh)?;
        store.finish(&points, true)?;
        folder.write_sweep(&sweep, &manifest.command)?;
        settle(&folder, false);
    }
    print(&match args.format {
        Format::Table => shown::table(&sweep, width()),
        Format::Json => json(&sweep),
        Format::Csv => shown::csv(&sweep),
        Format::Markdown => shown::markdown(&sweep),
    })?;
    Ok(status(&sweep))
}

/// The whole of the parts, in the order of the grid.
fn joined(args: &Args) -> Result<(Manifest, Vec<Placed>), Problem> {
    let mut parts = Vec::new();
    for folder in &args.folders {
        let (manifest, points) = part(folder)?;
        parts.push((folder, manifest, points));
    }
    let (named, first, _) = &parts[0];
    let place = |folder: &PathBuf| Origin::whole("DIR", folder.display().to_string());
    for (folder, manifest, _) in &parts[1..] {
        if let Some(what) = manifest.foreign_to(first) {
            return Err(Problem::new(format!(
                "`{}` and `{}` are not parts of one sweep: {what}",
                named.display(),
                folder.display()
            ))
            .help("merge only parts of the same scenario, axes, seed and version")
            .at(&place(folder)));
        }
    }
    let parts_in_all = first.shard.1;
    for k in 1..=parts_in_all {
        let own: Vec<&PathBuf> =
            parts.iter().filter(|part| part.1.shard.0 == k).map(|part| part.0).collect();
        match own.as_slice() {
            [_] => {}
            [] => {
                return Err(Problem::new(format!("part {k}/{parts_in_all} is missing")).help(
                    format!("run it: `{} --shard {k}/{parts_in_all} --out DIR`", first.command),
                ));
            }
            [one, other, ..] => {
                return Err(Problem::new(format!(
                    "`{}` and `{}` are both part {k}/{parts_in_all}",
                    one.display(),
                    other.display()
                ))
                .help("name each part once")
                .at(&place(other)));
            }
        }
    }
    let mut whole = first.clone();
    whole.shard = (1, 1);
    whole.complete = false;
    let mut points: Vec<Placed> = parts.into_iter().flat_map(|(_, _, points)| points).collect();
    points.sort_by_key(|placed| placed.point);
    Ok((whole, points))
}
