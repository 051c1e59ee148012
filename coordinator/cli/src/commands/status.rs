//! `sweepctl status`: how far a sweep is.

use clap::Args;

use crate::args::{Format, SweepName};
use crate::context::Context;
use crate::failure::{ExitStatus, Failure};
use crate::session::{Need, Session};
use crate::view;

const EXAMPLES: &str = "Examples:
  sweepctl status
  sweepctl status gpt-vs-qlstm --json
  sweepctl status --all";

/// Show how far a sweep is: phase, budget, runs and current forecast.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Status {
    #[command(flatten)]
    sweep: SweepName,
    /// List all sweeps instead
    #[arg(long, conflicts_with = "name")]
    all: bool,
    #[command(flatten)]
    format: Format,
}

pub(crate) async fn run(arguments: Status, context: &Context) -> Result<ExitStatus, Failure> {
    let mut session = Session::open(context, Need::Answers).await?;
    let outcome = show(&arguments, &mut session, context).await;
    session.close().await;
    outcome.map(|()| ExitStatus::Done)
}

async fn show(arguments: &Status, session: &mut Session, context: &Context) -> Result<(), Failure> {
    let Status { sweep, all, format } = arguments;
    let printer = &context.printer;
    if *all {
        let sweeps = session.list().await?;
        return if format.json {
            printer.json(&sweeps)
        } else {
            printer.data(&view::status::list(&sweeps))
        };
    }
    let status = session.status(sweep.wire()).await?;
    if format.json { printer.json(&status) } else { printer.data(&view::status::render(&status)) }
}
