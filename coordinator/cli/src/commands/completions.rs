//! `sweepctl completions`: completion scripts for shells.

use clap::{Args, CommandFactory as _};
use clap_complete::Shell;

use crate::args::Cli;
use crate::context::Context;
use crate::failure::{ExitStatus, Failure};

/// Print a completion script for a shell.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  source <(sweepctl completions bash)")]
pub(crate) struct Completions {
    shell: Shell,
}

pub(crate) fn run(arguments: &Completions, context: &Context) -> Result<ExitStatus, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut Cli::command(), "sweepctl", &mut script);
    context.printer.data(&String::from_utf8_lossy(&script))?;
    Ok(ExitStatus::Done)
}
