//! `plimsoll sweep INPUT --vary PATH=VALUES …`: the grid, in parallel, resumable.

use std::collections::BTreeSet;
use std::io::Write;
use std::path::Path;

use super::common::{Common, Format, settle};
use super::price;
use super::progress::{self, Progress};
use super::replay::{json, quoted, width};
use super::{Ended, Status, print};
use crate::diagnose::{Origin, Problem};
use crate::experiment::Crew;
use crate::experiment::sweep::{
    Axis, Grid, Keys, Known, Shard, conclude, run as run_points, select, selectable,
};
use crate::outcome::{Kept, Placed, PointVerdict, Sweep};
use crate::report::Folder;
use crate::report::sweep::{self as shown, Manifest, Store};
use crate::report::text::grouped;
use crate::scenario::{Input, Measure, Sampling, Selecting, SweepTable};
use crate::units::Share;

/// Arguments.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    common: Common,

    /// An axis of the grid: `pool.main.servers=4..64:4`, `balancer.policy=a,b`, `…=1..1000*10`;
    /// fields that go together: `a=1,2; b=x,y`. May be repeated
    #[arg(long, value_name = "PATH=VALUES", help_heading = "Sweep")]
    vary: Vec<String>,
    /// Draw so many points between the ends of the axes instead of the whole grid
    #[arg(long, value_name = "N", help_heading = "Sweep")]
    sample: Option<u64>,
    /// How points are drawn
    #[arg(long, value_name = "HOW", help_heading = "Sweep",
          value_parser = ["latin-hypercube", "random"])]
    sampling: Option<String>,
    /// The measure to be small among the points that meet every objective: `cost`, `p99`, `mean`
    #[arg(long, value_name = "MEASURE", help_heading = "Sweep", value_parser = Measure::parse)]
    best: Option<Measure>,
    /// Choose the best for sure, with replications where the choice is close: `kn` until it is
    /// certain, `ocba` within `--budget`
    #[arg(long, value_name = "METHOD", num_args = 0..=1, default_missing_value = "kn",
          require_equals = true, help_heading = "Sweep", value_parser = ["kn", "ocba"])]
    select: Option<String>,
    /// Points this close to the best are as good, as a share of its value [default: 5%]
    #[arg(long, value_name = "SHARE", help_heading = "Sweep", value_parser = Share::parse)]
    within: Option<Share>,
    /// Replications that `--select=ocba` may spend beyond those of the grid [default: 200]
    #[arg(long, value_name = "N", help_heading = "Sweep")]
    budget: Option<u64>,
    /// Only part k of n of the grid; `plimsoll merge` joins the parts
    #[arg(long, value_name = "K/N", help_heading = "Sweep")]
    shard: Option<String>,
    /// Compute points anew that are kept in `--out`
    #[arg(long, help_heading = "Sweep", requires = "out")]
    fresh: bool,
    /// Start a very large grid without asking
    #[arg(long, help_heading = "Sweep")]
    yes: bool,
}

/// So many points are typed before any is run; of a larger grid the values of each axis.
const CHECKED: u64 = 1000;

pub(super) fn run(args: &Args) -> Ended {
    let common = &args.common;
    let (grid, table) = grid(args)?;
    let shard = shard(args)?;
    let crew = Crew::new(common.threads)?;
    let price = price::ask(&grid, shard, crew.threads(), args.yes)?;
    grid.check(CHECKED)?;
    if table.select.is_some() && shard.is_whole() {
        selectable(&grid, CHECKED)?;
    }
    if let Some(price) = price.filter(|_| !common.quiet) {
        remark(&price);
    }
    let outline = grid.outline(table.best)?;
    let manifest = Manifest::new(outline, (shard.number(), shard.parts()), reproducible());
    let folders = folders(common.out.as_deref(), &manifest, args.fresh)?;
    if let Some((_, store)) = &folders {
        resume(store, &grid, common.quiet)?;
    }
    progress::mind_interrupts();
    let watch = Progress::of_runs(common.quiet);
    let results = folders.as_ref().map(|(folder, _)| folder.clone());
    let (sweep, chosen) = simulate(&grid, &table, shard, &crew, &watch, folders, &manifest)?;
    if let Some(folder) = results {
        settle(&folder, common.quiet);
    }
    let rate = watch.rate();
    drop(watch);
    print(&match common.format {
        Format::Table => shown::table(&sweep, width()),
        Format::Json => json(&sweep),
        Format::Csv => shown::csv(&sweep),
        Format::Markdown => shown::markdown(&sweep),
    })?;
    if !common.quiet {
        remark(&rate);
        if progress::interrupted() {
            remark(&interrupted(&sweep, common.out.as_deref()));
        }
    }
    // What was found is there; that nothing could be chosen from it is told last.
    chosen?;
    Ok(status(&sweep))
}

/// Runs what is not known yet, writes, and chooses; `folders` hold the points meanwhile. The grid
/// is whole whether or not the best of it could be chosen.
fn simulate(
    grid: &Grid,
    table: &SweepTable,
    shard: Shard,
    crew: &Crew,
    watch: &Progress,
    folders: Option<(Folder, Store)>,
    manifest: &Manifest,
) -> Result<(Sweep, Result<(), Problem>), Problem> {
    use crate::experiment::Monitor;
    let known: Known = folders.iter().flat_map(|(_, store)| &store.known).map(by_key).collect();
    let place = |point: u64, kept: &Kept| Placed {
        point: point + 1,
        values: grid.values(point),
        kept: kept.clone(),
    };
    let keep = |point: u64, kept: &Kept| match &folders {
        Some((_, store)) => store.keep(&place(point, kept)),
        None => Ok(()),
    };
    let replications = grid.scenario(0)?.run.replications.unwrap_or(5);
    watch.plan(shard.len(grid.len()).saturating_mul(replications.into()));
    let ran = run_points(grid, shard, &known, &keep, crew, watch)?;
    let complete = !ran.stopped;
    let placed: Vec<Placed> = ran.points.iter().map(|(&point, kept)| place(point, kept)).collect();
    let part = (!shard.is_whole()).then(|| shard.to_string());
    let mut sweep = conclude(&manifest.outline, placed.clone(), part.clone(), None);
    let mut folder = None;
    if let Some((results, store)) = folders {
        // A stop comes before some of what was there already is looked at: that is kept as well.
        let seen: BTreeSet<&str> = placed.iter().map(|placed| placed.kept.key.as_str()).collect();
        let unseen = store.known.iter().filter(|old| !seen.contains(old.kept.key.as_str()));
        let unseen: Vec<Placed> = unseen.filter(|_| !complete).cloned().collect();
        store.finish(&[placed.clone(), unseen].concat(), complete)?;
        results.write_sweep(&sweep, &manifest.command)?;
        folder = Some(results);
    }
    let Some(method) = table.select.filter(|_| complete && shard.is_whole()) else {
        return Ok((sweep, Ok(())));
    };
    match select(grid, &sweep, &ran.points, method, table, crew, watch) {
        Err(problem) => return Ok((sweep, Err(problem))),
        Ok(None) => {}
        Ok(Some(selection)) => {
            sweep = conclude(&manifest.outline, placed, part, Some(selection));
            if let Some(folder) = &folder {
                folder.write_sweep(&sweep, &manifest.command)?;
            }
        }
    }
    Ok((sweep, Ok(())))
}

fn by_key(placed: &Placed) -> (String, Kept) {
    (placed.kept.key.clone(), placed.kept.clone())
}

/// The grid that the flags describe, else the scenario's `[sweep]`; with its choices.
fn grid(args: &Args) -> Result<(Grid, SweepTable), Problem> {
    let (mut document, folder) = Input::of(&args.common.input).document()?;
    args.common.overlay()?.apply(&mut document)?;
    let mut table: SweepTable = match document.get("sweep") {
        Some(node) => node.typed()?,
        None => SweepTable::default(),
    };
    let axes = if args.vary.is_empty() {
        let place = |at: usize| {
            let vary = document.find("sweep.vary").map(|node| &node.value);
            match vary {
                Some(crate::document::Value::List(list)) => list.get(at).map(|n| n.origin.clone()),
                _ => None,
            }
        };
        let axis = |(at, text): (usize, &String)| {
            Axis::parse(text, &place(at).unwrap_or_else(|| Origin::whole("sweep.vary", text)))
        };
        table.vary.iter().enumerate().map(axis).collect::<Result<Vec<_>, _>>()?
    } else {
        let axis = |text: &String| Axis::parse(text, &Origin::whole("--vary", text));
        args.vary.iter().map(axis).collect::<Result<Vec<_>, _>>()?
    };
    table.sample = args.sample.or(table.sample);
    table.sampling = match args.sampling.as_deref() {
        Some("random") => Sampling::Random,
        Some(_) => Sampling::LatinHypercube,
        None => table.sampling,
    };
    table.best = args.best.or(table.best);
    table.select = match args.select.as_deref() {
        Some("ocba") => Some(Selecting::Ocba),
        Some(_) => Some(Selecting::Kn),
        None => table.select,
    };
    table.within = args.within.unwrap_or(table.within);
    table.budget = args.budget.unwrap_or(table.budget);
    let sample = table.sample.map(|points| (points, table.sampling));
    let mut grid = Grid::new(document, &folder, axes, sample)?;
    grid.keep_standard_input()?;
    Ok((grid, table))
}

fn shard(args: &Args) -> Result<Shard, Problem> {
    let Some(text) = &args.shard else { return Ok(Shard::WHOLE) };
    let place = Origin::whole("--shard", text);
    let shard = Shard::parse(text).map_err(|problem| problem.at(&place))?;
    if !shard.is_whole() && args.select.is_some() {
        return Err(Problem::new("a part of a grid cannot tell which point of all is the best")
            .help(
                "leave `--select` out of the parts; after `plimsoll merge … --out DIR` the same \
                   sweep with `--select --out DIR` chooses without running a point again",
            )
            .at(&place));
    }
    if !shard.is_whole() && args.common.out.is_none() {
        return Err(Problem::new("a part of a grid is kept to be merged")
            .help("name a folder for it with `--out`")
            .at(&place));
    }
    Ok(shard)
}

/// The folder of the results, open for points.
fn folders(
    out: Option<&Path>,
    manifest: &Manifest,
    fresh: bool,
) -> Result<Option<(Folder, Store)>, Problem> {
    let Some(path) = out else { return Ok(None) };
    let folder = Folder::create(path)?;
    Ok(Some((folder, Store::open(path, manifest.clone(), fresh)?)))
}

/// Says what is there already; refuses points that were made from other files.
fn resume(store: &Store, grid: &Grid, quiet: bool) -> Result<(), Problem> {
    let same = |placed: &&Placed| {
        let point = placed.point - 1;
        point < grid.len() && grid.values(point) == placed.values
    };
    if let Some(placed) = store.known.iter().find(same)
        && Keys::default().of(&grid.scenario(placed.point - 1)?) != placed.kept.key
    {
        return Err(store.stale());
    }
    if quiet {
        return Ok(());
    }
    if !store.known.is_empty() {
        remark(&format!(
            "{} points are known and not run again",
            grouped(store.known.len() as u64)
        ));
    }
    if store.damaged > 0 {
        remark(&format!("{} cut or damaged lines are left out", store.damaged));
    }
    Ok(())
}

fn remark(words: &str) {
    // Whoever closed standard error does not want to know.
    let _ = writeln!(anstream::stderr(), "{words}");
}

fn interrupted(sweep: &Sweep, out: Option<&Path>) -> String {
    let done = sweep.points.len();
    match out {
        Some(path) => format!(
            "stopped: {done} points are kept in `{}`; the same command goes on from there",
            path.display()
        ),
        None => format!("stopped after {done} points: with `--out DIR` they would have been kept"),
    }
}

/// The command, without what does not change the points: parts that are merged, and a sweep that
/// was resumed, say the same as one that ran through.
fn reproducible() -> String {
    let mut words = Vec::new();
    let all: Vec<String> = std::env::args().skip(1).collect();
    let mut at = 0;
    while let Some(word) = all.get(at) {
        at += 1;
        let (flag, joined) =
            word.split_once('=').map_or((word.as_str(), false), |(f, _)| (f, true));
        match flag {
            "--out" | "--threads" | "--shard" | "--format" => at += usize::from(!joined),
            "--quiet" | "-q" | "--yes" | "--fresh" => {}
            _ => words.push(word.clone()),
        }
    }
    quoted(words.into_iter())
}

/// Objectives are met if one point meets them all; the sweep is there to find it.
pub(super) fn status(sweep: &Sweep) -> Status {
    let any = |verdict| sweep.points.iter().any(|point| point.measures.verdict == verdict);
    match () {
        () if progress::interrupted() => Status::Interrupted,
        // A part does not know what the others hold.
        () if sweep.shard.is_some() => Status::Done,
        () if any(PointVerdict::Met) => Status::Done,
        () if any(PointVerdict::Inconclusive) => Status::Inconclusive,
        () => Status::No,
    }
}
