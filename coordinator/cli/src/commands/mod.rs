//! One file per command: its arguments, and what it does with them.

pub(crate) mod allocate;
pub(crate) mod approve;
pub(crate) mod budget;
pub(crate) mod cancel;
pub(crate) mod check;
pub(crate) mod compare;
pub(crate) mod completions;
pub(crate) mod corpus;
pub(crate) mod doctor;
pub(crate) mod fit;
pub(crate) mod forecast;
pub(crate) mod import;
pub(crate) mod invert;
pub(crate) mod laws;
pub(crate) mod logs;
pub(crate) mod metrics;
pub(crate) mod migrate;
pub(crate) mod pause;
pub(crate) mod plan;
pub(crate) mod plot;
pub(crate) mod predict;
pub(crate) mod project;
pub(crate) mod proposals;
pub(crate) mod propose;
pub(crate) mod queue;
pub(crate) mod reject;
pub(crate) mod resume;
pub(crate) mod retry;
pub(crate) mod runs;
pub(crate) mod schema;
pub(crate) mod scoreboard;
pub(crate) mod serve;
pub(crate) mod status;
pub(crate) mod submit;
pub(crate) mod token;
pub(crate) mod watch;
pub(crate) mod worker;

mod budget_file;

use crate::args::Command;
use crate::context::Context;
use crate::failure::{ExitStatus, Failure};

pub(crate) async fn run(command: Command, context: &Context) -> Result<ExitStatus, Failure> {
    match command {
        Command::Submit(arguments) => submit::run(arguments, context).await,
        Command::Plan(arguments) => plan::run(arguments, context).await,
        Command::Status(arguments) => status::run(arguments, context).await,
        Command::Watch(arguments) => watch::run(arguments, context).await,
        Command::Runs(arguments) => runs::run(arguments, context).await,
        Command::Metrics(arguments) => metrics::run(arguments, context).await,
        Command::Logs(arguments) => logs::run(arguments, context).await,
        Command::Pause(arguments) => pause::run(arguments, context).await,
        Command::Resume(arguments) => resume::run(arguments, context).await,
        Command::Cancel(arguments) => cancel::run(arguments, context).await,
        Command::Retry(arguments) => retry::run(arguments, context).await,
        Command::Budget(arguments) => budget::run(arguments, context).await,
        Command::Queue(arguments) => queue::run(arguments, context).await,
        Command::Project(arguments) => project::run(*arguments, context).await,
        Command::Proposals(arguments) => proposals::run(arguments, context).await,
        Command::Approve(arguments) => approve::run(arguments, context).await,
        Command::Reject(arguments) => reject::run(arguments, context).await,
        Command::Scoreboard(arguments) => scoreboard::run(arguments, context).await,
        Command::Laws(arguments) => laws::run(arguments, context).await,
        Command::Fit(arguments) => fit::run(*arguments, context).await,
        Command::Predict(arguments) => predict::run(*arguments, context).await,
        Command::Invert(arguments) => invert::run(*arguments, context).await,
        Command::Allocate(arguments) => allocate::run(*arguments, context).await,
        Command::Propose(arguments) => propose::run(*arguments, context).await,
        Command::Compare(arguments) => compare::run(*arguments, context).await,
        Command::Check(arguments) => check::run(&arguments, context).await,
        Command::Forecast(arguments) => forecast::run(arguments, context).await,
        Command::Plot(arguments) => plot::run(arguments, context).await,
        Command::Corpus(arguments) => corpus::run(&arguments, context),
        Command::Import(arguments) => import::run(*arguments, context).await,
        Command::Serve(arguments) => serve::run(arguments, context).await,
        Command::Worker(arguments) => worker::run(&arguments, context).await,
        Command::Migrate(arguments) => migrate::run(&arguments, context).await,
        Command::Token(arguments) => token::run(arguments, context).await,
        Command::Doctor(arguments) => doctor::run(&arguments, context).await,
        Command::Completions(arguments) => completions::run(&arguments, context),
        Command::Schema(arguments) => schema::run(&arguments, context),
    }
}
