//! The words of the command line, one file a command.

mod check;
mod common;
mod compare;
mod completions;
mod explain;
mod inspect;
mod list;
mod merge;
mod plan;
mod price;
mod progress;
mod reading;
mod replay;
mod report;
mod schema;
mod selftest;
mod sweep;
mod theory;

use std::io::{self, Write};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::diagnose::Problem;

/// How much load can this fleet safely carry, and what is the cheapest fleet that carries mine?
#[derive(Debug, Parser)]
#[command(name = "plimsoll", version, max_term_width = 100, arg_required_else_help = true)]
#[command(
    after_help = "Exit status: 0 done, objectives met · 1 an objective missed · 2 wrong input \
    · 3 inconclusive · 130 interrupted"
)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Simulate one scenario or replay one traffic file, and report latency, utilization and cost.
    #[command(visible_alias = "run")]
    Replay(replay::Args),
    /// Give several variants the same requests, and say which is better, by how much, how sure.
    Compare(compare::Args),
    /// Run a grid of any fields: intervals, the front of cost and latency, the best of all.
    Sweep(sweep::Args),
    /// Join the parts of a sweep that `--shard` made.
    Merge(merge::Args),
    /// The cheapest fleet that meets the objectives: how many servers, what it costs, what is in
    /// hand.
    Plan(plan::Args),
    /// Tables, charts and the page again, from the folders that `--out` wrote.
    Report(report::Args),
    /// Read and validate a scenario; run nothing.
    Check(check::Args),
    /// List the balancers, disciplines, distributions and other parts.
    List(list::Args),
    /// Explain a part: what it does, when it shines, when it fails, its options.
    Explain(explain::Args),
    /// Look into a traffic file: columns, span, rate, burstiness, sizes.
    Inspect(inspect::Args),
    /// Closed forms of queueing theory: the known answers.
    Theory(theory::Args),
    /// Simulate models with known answers on this machine and print z-scores.
    Selftest(selftest::Args),
    /// Print the JSON schema of scenarios, for editors.
    Schema,
    /// Print completions for a shell.
    Completions(completions::Args),
}

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Done, objectives met.
    Done,
    /// The answer is no.
    No,
    /// The intervals are too wide to tell.
    Inconclusive,
    /// Stopped by the user; what was done is written.
    Interrupted,
}

impl From<Status> for ExitCode {
    fn from(status: Status) -> Self {
        Self::from(match status {
            Status::Done => 0,
            Status::No => 1,
            Status::Inconclusive => 3,
            Status::Interrupted => 130,
        })
    }
}

/// Why a command could not end as it should.
#[derive(Debug)]
pub enum Failure {
    /// The user can mend it.
    Problem(Problem),
    /// Writing the result failed.
    Output(io::Error),
}

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Output(error)
    }
}

type Ended = Result<Status, Failure>;

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    let ended = match Cli::parse().command {
        Command::Replay(args) => replay::run(&args),
        Command::Compare(args) => compare::run(&args),
        Command::Sweep(args) => sweep::run(&args),
        Command::Merge(args) => merge::run(&args),
        Command::Plan(args) => plan::run(&args),
        Command::Report(args) => report::run(&args),
        Command::Check(args) => check::run(&args),
        Command::List(args) => list::run(&args),
        Command::Explain(args) => explain::run(&args),
        Command::Inspect(args) => inspect::run(&args),
        Command::Theory(args) => theory::run(&args),
        Command::Selftest(args) => selftest::run(&args),
        Command::Schema => schema::run(),
        Command::Completions(args) => completions::run(&args),
    };
    match ended {
        Ok(status) => status.into(),
        // Whoever closed the pipe has seen enough.
        Err(Failure::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => {
            ExitCode::SUCCESS
        }
        Err(Failure::Output(error)) => {
            complain(&Problem::new(format!("cannot write the result: {error}")));
            ExitCode::from(2)
        }
        Err(Failure::Problem(problem)) => {
            complain(&problem);
            ExitCode::from(2)
        }
    }
}

fn complain(problem: &Problem) {
    // Standard error may be closed as well; there is nobody left to tell then.
    let _ = writeln!(anstream::stderr(), "{}", problem.render(true));
}

/// Writes a result to standard output.
fn print(text: &str) -> Result<(), Failure> {
    let mut out = anstream::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()?;
    Ok(())
}
