//! The command line as types.

use std::path::PathBuf;

use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};

use crate::commands::{
    allocate, approve, budget, cancel, check, compare, completions, corpus, doctor, fit, forecast,
    import, invert, laws, logs, metrics, migrate, pause, plan, plot, predict, project, proposals,
    propose, queue, reject, resume, retry, runs, schema, scoreboard, serve, status, submit, token,
    watch, worker,
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
    /// File with the token to sign in with; SWEEP_TOKEN is the token itself
    #[arg(
        long,
        global = true,
        env = "SWEEP_TOKEN_FILE",
        value_name = "FILE",
        hide_env_values = true
    )]
    pub(crate) token_file: Option<PathBuf>,
    /// Certificate, as PEM, of the authority that vouches for the coordinator [default: those of the web]
    #[arg(long, global = true, env = "SWEEP_CA", value_name = "FILE", hide_env_values = true)]
    pub(crate) ca: Option<PathBuf>,
    /// Print a line per event instead of progress bars
    #[arg(long, global = true)]
    pub(crate) no_progress: bool,
    /// Print results and errors only
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub(crate) quiet: bool,
    /// Print more of what happens inside; repeat for more still
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub(crate) verbose: u8,
    /// Write log lines for people or as JSON
    #[arg(long, global = true, value_enum, default_value_t, value_name = "FORMAT")]
    pub(crate) log_format: LogFormat,
    /// Send spans and metrics to this OpenTelemetry collector (OTLP over gRPC)
    #[arg(
        long,
        global = true,
        env = "OTEL_EXPORTER_OTLP_ENDPOINT",
        value_name = "URL",
        hide_env_values = true
    )]
    pub(crate) otlp: Option<String>,
}

/// How log lines are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    #[default]
    Text,
    Json,
}

/// Each command says itself what it is for: its first sentence is the summary shown here.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Submit(submit::Submit),
    Plan(plan::Plan),
    Status(status::Status),
    Watch(watch::Watch),
    Runs(runs::Runs),
    Metrics(metrics::Metrics),
    Logs(logs::Logs),
    Pause(pause::Pause),
    Resume(resume::Resume),
    Cancel(cancel::Cancel),
    Retry(retry::Retry),
    Budget(budget::Budget),
    Queue(queue::Queue),
    Project(Box<project::Project>),
    Proposals(proposals::Proposals),
    Approve(approve::Approve),
    Reject(reject::Reject),
    Scoreboard(scoreboard::Scoreboard),
    Laws(laws::Laws),
    Fit(Box<fit::Fit>),
    Predict(Box<predict::Predict>),
    Invert(Box<invert::Invert>),
    Allocate(Box<allocate::Allocate>),
    Propose(Box<propose::Propose>),
    Compare(Box<compare::Compare>),
    Check(check::Check),
    Forecast(forecast::Forecast),
    Plot(plot::Plot),
    Corpus(corpus::Corpus),
    Import(Box<import::Import>),
    Serve(serve::Serve),
    Worker(worker::Worker),
    Migrate(migrate::Migrate),
    Token(token::Token),
    Doctor(doctor::Doctor),
    Completions(completions::Completions),
    Schema(schema::Schema),
}

impl Command {
    /// What a collector of spans calls the process.
    pub(crate) const fn role(&self) -> &'static str {
        match self {
            Self::Serve(_) => "serve",
            Self::Worker(_) => "worker",
            Self::Submit(_) => "submit",
            _ => "client",
        }
    }
}

/// The sweep that a question is about.
#[derive(Debug, Args)]
pub(crate) struct SweepName {
    /// Name or id of the sweep [default: the newest]
    #[arg(value_name = "NAME")]
    name: Option<String>,
}

impl SweepName {
    /// The name as the wire has it: empty for the newest.
    pub(crate) fn wire(&self) -> &str {
        self.name.as_deref().unwrap_or_default()
    }
}

/// Who asks for something, and why: both are kept with the sweep.
#[derive(Debug, Args)]
pub(crate) struct Why {
    /// Why, for whoever reads the history of the sweep
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    pub(crate) reason: String,
    /// Who asks, where nobody signs in [default: the user of this machine]
    #[arg(long, env = "SWEEP_ACTOR", value_name = "NAME", hide_env_values = true)]
    actor: Option<String>,
}

impl Why {
    pub(crate) fn actor(&self) -> String {
        self.actor.clone().unwrap_or_else(user)
    }
}

/// Who uses this machine, as far as it knows.
pub(crate) fn user() -> String {
    let user = ["USER", "LOGNAME"].into_iter().find_map(|name| std::env::var(name).ok());
    user.unwrap_or_else(|| "somebody".to_owned())
}

/// Whether data is printed for people or for programs.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct Format {
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// A file to write, beside what goes to the standard output.
pub(crate) fn file(text: &str) -> Result<PathBuf, String> {
    match text {
        "-" => Err("expected the name of a file: the standard output has the report".to_owned()),
        _ => Ok(PathBuf::from(text)),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        super::Cli::command().debug_assert();
    }
}
