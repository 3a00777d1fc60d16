//! `plimsoll completions SHELL`: what a shell needs to complete our words.

use clap::CommandFactory;
use clap_complete::Shell;

use super::{Cli, Ended, Status, print};

/// Arguments.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The shell
    shell: Shell,
}

pub(super) fn run(args: &Args) -> Ended {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "plimsoll", &mut script);
    print(&String::from_utf8_lossy(&script))?;
    Ok(Status::Done)
}
