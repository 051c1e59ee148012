//! The command line as types.

use std::path::PathBuf;

use clap::{ArgAction, Args, Parser, Subcommand};

use crate::commands::{
    completions, corpus, forecast, laws, migrate, plan, plot, runs, serve, status, submit, watch,
    worker,
};

/// Plans, runs and forecasts training sweeps on a fixed budget of accelerator time.
#[derive(Debug, Parser)]
#[command(
    name = "sweepctl",
    version,
    max_term_width = 100,
    disable_help_subcommand = true,
    after_help = "Example:\n  sweepctl submit examples/budget.yaml\n\n\
                  Exit status: 0 done, 1 the request cannot be met as asked, 2 something broke."
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Options of every command.
#[derive(Debug, Args)]
#[command(next_help_heading = "Global options")]
pub(crate) struct Global {
    /// Folder for database, corpora, checkpoints and figures [default: .sweepctl]
    #[arg(long, global = true, env = "SWEEP_DATA_DIR", value_name = "DIR", hide_env_values = true)]
    pub(crate) data_dir: Option<PathBuf>,
    /// Use the coordinator at this address instead of starting one in this process
    #[arg(long, global = true, env = "SWEEP_SERVER", value_name = "URL", hide_env_values = true)]
    pub(crate) server: Option<String>,
    /// Print a line per event instead of progress bars
    #[arg(long, global = true)]
    pub(crate) no_progress: bool,
    /// Print results and errors only
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub(crate) quiet: bool,
    /// Print more of what happens inside; repeat for more still
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub(crate) verbose: u8,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run a budget.yaml to its forecast; the same command again goes on or shows the result
    Submit(submit::Submit),
    /// Show what a budget.yaml would run and cost, without running it
    Plan(plan::Plan),
    /// Show how far a sweep is
    Status(status::Status),
    /// Work a submitted sweep off and follow it to its end
    Watch(watch::Watch),
    /// List the runs of a sweep with their losses and costs
    Runs(runs::Runs),
    /// Show the laws fitted to each arm
    Laws(laws::Laws),
    /// Show where the arms are expected to change places
    Forecast(forecast::Forecast),
    /// Draw the crossover figure, in the terminal or as SVG
    Plot(plot::Plot),
    /// List, inspect and add texts to train on
    Corpus(corpus::Corpus),
    /// Serve a coordinator for workers and clients elsewhere
    Serve(serve::Serve),
    /// Train runs for a coordinator
    Worker(worker::Worker),
    /// Bring a database to the newest schema
    Migrate(migrate::Migrate),
    /// Print a completion script for a shell
    Completions(completions::Completions),
    /// Print the JSON schema of budget.yaml
    #[command(after_help = "Example:\n  sweepctl schema > budget.schema.json")]
    Schema,
}

/// The sweep that a question is about.
#[derive(Debug, Args)]
pub(crate) struct SweepName {
    /// Name of the sweep [default: the newest]
    #[arg(value_name = "NAME")]
    name: Option<String>,
}

impl SweepName {
    /// The name as the wire has it: empty for the newest.
    pub(crate) fn wire(&self) -> &str {
        self.name.as_deref().unwrap_or_default()
    }
}

/// Whether data is printed for people or for programs.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct Format {
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        super::Cli::command().debug_assert();
    }
}
