//! `plimsoll report DIR…`: tables, charts and the page again, from stored results.

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::ValueEnum;

use super::replay::{command_line, json, width};
use super::{Ended, Status, print};
use crate::diagnose::Problem;
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
    /// Where the charts and the page go; for one folder that folder by default
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
    let text = match args.folders.as_slice() {
        [path] => one(args, path)?,
        _ => beside(args)?,
    };
    print(&text)?;
    Ok(Status::Done)
}

/// Draws one folder again.
fn one(args: &Args, path: &Path) -> Result<String, Problem> {
    let stored = Stored::read(path)?;
    let folder = Folder::create(args.out.as_deref().unwrap_or(path))?;
    let other = Err(of_one_run());
    match &stored {
        Stored::Run(results) => {
            remark(args, path, &results.troubles);
            folder.write_drawn(results)?;
            Ok(match args.format {
                Format::Table => report::brief(results),
                Format::Json => json(&results.outcome),
                Format::Csv => report::csv(std::slice::from_ref(&results.outcome)),
                Format::Markdown => markdown::of_run(results),
                Format::Openmetrics => openmetrics::text(results),
                Format::Grafana => openmetrics::dashboard(results),
            })
        }
        Stored::Comparison(comparison, from) => {
            remark(args, path, &from.troubles);
            folder.write_drawn_comparison(comparison, from)?;
            Ok(match args.format {
                Format::Table => report::comparison(comparison, width()),
                Format::Json => json(comparison),
                Format::Csv => report::comparison_csv(comparison),
                Format::Markdown => markdown::of_comparison(comparison, &from.command),
                Format::Openmetrics | Format::Grafana => return other,
            })
        }
        Stored::Sweep(sweep, from) => {
            remark(args, path, &from.troubles);
            folder.write_drawn_sweep(sweep, from)?;
            Ok(match args.format {
                Format::Table => report::sweep::table(sweep, width()),
                Format::Json => json(sweep),
                Format::Csv => report::sweep::csv(sweep),
                Format::Markdown => report::sweep::markdown(sweep),
                Format::Openmetrics | Format::Grafana => return other,
            })
        }
        Stored::Plan(plan, from) => {
            remark(args, path, &from.troubles);
            folder.write_plan_drawn(plan, from)?;
            Ok(match args.format {
                Format::Table => report::plan(plan, width()),
                Format::Json => json(plan),
                Format::Csv => report::plan_csv(plan),
                Format::Markdown => report::plan_markdown(plan),
                Format::Openmetrics | Format::Grafana => return other,
            })
        }
        Stored::Study(foresight) => {
            remark(args, path, &foresight.troubles);
            foresight.write_drawn(&folder)?;
            Ok(match args.format {
                Format::Table => report::forecasts(&foresight.study).trim_start().to_owned(),
                Format::Json => json(&foresight.inspection),
                Format::Csv => report::csv(&foresight.study.lines),
                Format::Markdown => foresight.markdown(),
                Format::Openmetrics | Format::Grafana => return other,
            })
        }
    }
}

/// Draws several folders beside each other: runs, and the variants of comparisons.
fn beside(args: &Args) -> Result<String, Problem> {
    let mut runs: Vec<Results> = Vec::new();
    for path in &args.folders {
        match Stored::read(path)? {
            Stored::Run(results) => {
                remark(args, path, &results.troubles);
                runs.push(*results);
            }
            Stored::Comparison(comparison, from) => {
                remark(args, path, &from.troubles);
                let variants = several::of_comparison(&comparison).into_iter();
                let command = || from.command.clone();
                runs.extend(variants.map(|(_, run)| Results { command: command(), ..run }));
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
    let runs = several::named(runs);
    if let Some(out) = &args.out {
        let folder = Folder::create(out)?;
        folder.write_side_by_side(&runs)?;
        // A folder that holds results of its own keeps the command that made them.
        if !["outcome.json", "comparison.json", "sweep.json", "plan.json", "forecast.json"]
            .iter()
            .any(|results| folder.file(results).exists())
        {
            folder.write("command.txt", command_line() + "\n")?;
        }
    }
    let (header, rows) = several::rows(&runs);
    let outcomes: Vec<_> = runs.iter().map(|(_, run)| &run.outcome).collect();
    Ok(match args.format {
        Format::Table => report::columns(&header, &rows, width()),
        Format::Json => json(&outcomes),
        Format::Csv => report::csv(&outcomes),
        Format::Markdown => markdown::table(&header, &rows),
        Format::Openmetrics | Format::Grafana => return Err(of_one_run()),
    })
}

/// Says on standard error what could not be read.
fn remark(args: &Args, path: &Path, troubles: &[String]) {
    if !args.quiet {
        for trouble in troubles {
            // Whoever closed standard error does not want to know.
            let _ = writeln!(anstream::stderr(), "{}: {trouble}", path.display());
        }
    }
}

fn of_one_run() -> Problem {
    Problem::new("a timeline is that of one run").help("name the folder of one run")
}
