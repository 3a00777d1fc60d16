//! `plimsoll report DIR…`: tables, charts and the page again, from stored results.

use std::io::Write;
use std::path::PathBuf;

use clap::ValueEnum;

use super::{Ended, Status, print};
use crate::diagnose::Problem;
use crate::report::{self, Folder, Results, markdown, openmetrics, several};

/// How the results are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people.
    Table,
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
    /// Where the charts and the page go; for one run its own folder by default
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// How to print the results
    #[arg(long, value_name = "FORMAT", value_enum, default_value = "table")]
    format: Format,
    /// No remarks on standard error
    #[arg(long, short)]
    quiet: bool,
}

pub(super) fn run(args: &Args) -> Ended {
    if let [path] = args.folders.as_slice()
        && let Some((sweep, command)) = report::sweep::read(path)?
    {
        let folder = Folder::create(args.out.as_ref().unwrap_or(path))?;
        folder.write_drawn_sweep(&sweep, &command)?;
        print(&match args.format {
            Format::Table => report::sweep::table(&sweep, super::replay::width()),
            Format::Markdown => report::sweep::markdown(&sweep),
            Format::Openmetrics | Format::Grafana => return Err(of_one_run().into()),
        })?;
        return Ok(Status::Done);
    }
    let mut runs = Vec::new();
    for path in &args.folders {
        let results = Results::read(path)?;
        if !args.quiet {
            for trouble in &results.troubles {
                // Whoever closed standard error does not want to know.
                let _ = writeln!(anstream::stderr(), "{}: {trouble}", path.display());
            }
        }
        runs.push(results);
    }
    if let [results] = runs.as_slice() {
        let folder = Folder::create(args.out.as_ref().unwrap_or(&args.folders[0]))?;
        folder.write_drawn(results)?;
        print(&match args.format {
            Format::Table => report::brief(results),
            Format::Markdown => markdown::of_run(results),
            Format::Openmetrics => openmetrics::text(results),
            Format::Grafana => openmetrics::dashboard(results),
        })?;
        return Ok(Status::Done);
    }
    let runs = several::named(runs);
    if let Some(out) = &args.out {
        Folder::create(out)?.write_side_by_side(&runs)?;
    }
    let (header, rows) = several::rows(&runs);
    print(&match args.format {
        Format::Table => report::columns(&header, &rows, super::replay::width()),
        Format::Markdown => markdown::table(&header, &rows),
        Format::Openmetrics | Format::Grafana => {
            return Err(of_one_run().into());
        }
    })?;
    Ok(Status::Done)
}

fn of_one_run() -> Problem {
    Problem::new("a timeline is that of one run").help("name the folder of one run")
}
