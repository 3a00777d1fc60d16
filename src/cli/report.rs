//! `plimsoll report DIR…`: tables, charts and the page again, from stored results.

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::ValueEnum;

use super::common::{note, tell};
use super::replay::{command_line, json, width};
use super::{Ended, Status, compare, plan, print, sweep};
use crate::diagnose::{Origin, Problem};
use crate::report::words::{Goal, State};
use crate::report::{self, Folder, Results, Stored, markdown, openmetrics, several};

/// How the results are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people.
    Table,
    /// One object, as the schema says.
    Json,
    /// Rows, the header being the JSON path joined by dots.
    Csv,
    /// For a pull request.
    Markdown,
    /// The timeline of one run, for Prometheus.
    Openmetrics,
    /// A dashboard for Grafana that shows the same timeline from Prometheus.
    Grafana,
}

/// Arguments.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Folders written with `--out`; several become a comparison
    #[arg(value_name = "DIR", required = true)]
    folders: Vec<PathBuf>,
    /// Where the charts, the page and what they are drawn from go; for one folder it is redrawn in
    /// place by default
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// How to print the results
    #[arg(long, value_name = "FORMAT", value_enum, default_value = "table")]
    format: Format,
    /// No remarks on standard error
    #[arg(long, short)]
    quiet: bool,
}

type Runs = Vec<(String, Results)>;

pub(super) fn run(args: &Args) -> Ended {
    let (stored, folder) = match args.folders.as_slice() {
        [path] => {
            let stored = Stored::read(path)?;
            remark(args, path, stored.troubles());
            (stored, Some(path))
        }
        _ => (Stored::Runs(beside(args)?, report::Provenance::of(command_line())), None),
    };
    let text = shown(args, &stored)?;
    match draw(args, &stored, folder) {
        Ok(()) => {}
        // Tables need no folder that can be written to; who named one wants the pictures.
        Err(problem) if args.out.is_none() => {
            let words = format!("{}; not everything is drawn there", problem.message());
            say(&args.folders[0], &[words]);
        }
        Err(problem) => return Err(problem.into()),
    }
    print(&text)?;
    Ok(answer(&stored))
}

/// Draws what is stored: into its own folder, or into another with what it can be drawn from again.
fn draw(args: &Args, stored: &Stored, own: Option<&PathBuf>) -> Result<(), Problem> {
    let Some(path) = args.out.as_ref().or(own) else { return Ok(()) };
    let same = |own: &PathBuf| own == path || own.canonicalize().ok() == path.canonicalize().ok();
    let in_place = own.is_some_and(same);
    // A folder that holds results of its own keeps them, and a page of theirs.
    if !in_place && Stored::is_result(path) {
        return Err(has_its_own(path));
    }
    let folder = Folder::create(path)?;
    if in_place {
        stored.draw(&folder)?;
        note(&folder);
        return Ok(());
    }
    stored.copy(own.map(PathBuf::as_path), &folder)?;
    stored.draw(&folder)?;
    tell(&folder, folder.settle_copies(), args.quiet);
    Ok(())
}

/// The results as they are printed.
fn shown(args: &Args, stored: &Stored) -> Result<String, Problem> {
    use Format::{Csv, Grafana, Json, Markdown, Openmetrics, Table};
    Ok(match (stored, args.format) {
        (Stored::Run(run), Openmetrics) => openmetrics::text(run),
        (Stored::Run(run), Grafana) => openmetrics::dashboard(run),
        (_, Openmetrics | Grafana) => return Err(of_one_run()),
        (Stored::Run(run), Table) => report::brief(run, width()),
        (Stored::Run(run), Json) => json(&run.outcome),
        (Stored::Run(run), Csv) => report::csv(std::slice::from_ref(&run.outcome)),
        (Stored::Run(run), Markdown) => markdown::of_run(run),
        (Stored::Comparison(found, _), Table) => report::comparison(found, width()),
        (Stored::Comparison(found, _), Json) => json(found),
        (Stored::Comparison(found, _), Csv) => report::comparison_csv(found),
        (Stored::Comparison(found, from), Markdown) => {
            markdown::of_comparison(found, &from.command)
        }
        (Stored::Sweep(found, _), Table) => report::sweep::table(found, width()),
        (Stored::Sweep(found, _), Json) => json(found),
        (Stored::Sweep(found, _), Csv) => report::sweep::csv(found),
        (Stored::Sweep(found, _), Markdown) => report::sweep::markdown(found),
        (Stored::Plan(found, _), Table) => report::plan(found, width()),
        (Stored::Plan(found, _), Json) => json(found),
        (Stored::Plan(found, _), Csv) => report::plan_csv(found),
        (Stored::Plan(found, _), Markdown) => report::plan_markdown(found),
        (Stored::Study(found), Table) => found.table(width()),
        (Stored::Study(found), Json) => json(&found.inspection),
        (Stored::Study(found), Csv) => report::csv(&found.study.lines),
        (Stored::Study(found), Markdown) => found.markdown(),
        (Stored::Runs(runs, _), Json) => json(&outcomes(runs)),
        (Stored::Runs(runs, _), Csv) => report::csv(&outcomes(runs)),
        (Stored::Runs(runs, _), Table | Markdown) => {
            let (header, rows) = several::rows(runs);
            match args.format {
                Markdown => markdown::table(&header, &rows),
                _ => report::columns(&header, &rows, width()),
            }
        }
    })
}

fn outcomes(runs: &Runs) -> Vec<&serde_json::Value> {
    runs.iter().map(|(_, run)| &run.outcome).collect()
}

/// What the objectives say of it, as the command that made it said.
fn answer(stored: &Stored) -> Status {
    match stored {
        Stored::Run(run) => of_run(run),
        Stored::Comparison(found, _) if found.partial => Status::Interrupted,
        Stored::Comparison(found, _) => compare::best_of(&found.variants),
        // A part is whole with its own points alone.
        Stored::Sweep(found, _) if found.partial && found.shard.is_none() => Status::Interrupted,
        Stored::Sweep(found, _) => sweep::status(found),
        Stored::Plan(found, _) => plan::status(found),
        Stored::Study(_) => Status::Done,
        Stored::Runs(runs, _) => {
            let each: Vec<Status> = runs.iter().map(|(_, run)| of_run(run)).collect();
            if each.contains(&Status::Interrupted) {
                return Status::Interrupted;
            }
            compare::best(&each)
        }
    }
}

fn of_run(run: &Results) -> Status {
    let states: Vec<State> =
        run.list("slo").iter().filter_map(Goal::of).map(|goal| goal.state).collect();
    match () {
        () if run.at("partial").as_bool() == Some(true) => Status::Interrupted,
        () if states.contains(&State::Missed) => Status::No,
        () if states.contains(&State::Open) => Status::Inconclusive,
        () => Status::Done,
    }
}

/// Reads several folders to be drawn beside each other: runs, and the variants of comparisons.
fn beside(args: &Args) -> Result<Runs, Problem> {
    let mut runs = Runs::new();
    for path in &args.folders {
        let stored = Stored::read(path)?;
        remark(args, path, stored.troubles());
        match stored {
            Stored::Run(run) => runs.push((run.name().to_owned(), *run)),
            Stored::Runs(more, _) => runs.extend(more),
            Stored::Comparison(found, from) => {
                let mut variants = several::of_comparison(&found);
                // What could not be read of all of them is told once.
                if let Some((_, first)) = variants.first_mut() {
                    first.troubles.clone_from(&from.troubles);
                }
                let command = || from.command.clone();
                runs.extend(
                    variants
                        .into_iter()
                        .map(|(name, run)| (name, Results { command: command(), ..run })),
                );
            }
            other => {
                let (shown, kind) = (path.display(), other.kind());
                return Err(Problem::new(format!(
                    "`{shown}` holds {kind}, which does not stand beside runs"
                ))
                .help(format!("draw it alone: `plimsoll report {shown}`")));
            }
        }
    }
    Ok(several::named(runs))
}

/// Says on standard error what is to be known of a folder.
fn remark(args: &Args, path: &Path, troubles: &[String]) {
    if !args.quiet {
        say(path, troubles);
    }
}

fn say(path: &Path, troubles: &[String]) {
    for trouble in troubles {
        // Whoever closed standard error does not want to know.
        let _ = writeln!(anstream::stderr(), "{}: {trouble}", path.display());
    }
}

fn has_its_own(path: &Path) -> Problem {
    let shown = path.display().to_string();
    Problem::new(format!("`{shown}` holds results of its own, whose page this would replace"))
        .help("name another folder with `--out`")
        .at(&Origin::whole("--out", shown))
}

fn of_one_run() -> Problem {
    Problem::new("a timeline is that of one run").help("name the folder of one run")
}
