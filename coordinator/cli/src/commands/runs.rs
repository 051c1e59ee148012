//! `sweepctl runs`: a line per run.

use clap::Args;

use crate::args::{Format, SweepName};
use crate::context::Context;
use crate::failure::{ExitStatus, Failure};
use crate::session::{Need, Session};
use crate::view;

const EXAMPLES: &str = "Examples:
  sweepctl runs
  sweepctl runs gpt-vs-qlstm --json";

/// List the runs of a sweep with loss, cost, state and reason.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Runs {
    #[command(flatten)]
    sweep: SweepName,
    #[command(flatten)]
    format: Format,
}

pub(crate) async fn run(arguments: Runs, context: &Context) -> Result<ExitStatus, Failure> {
    let mut session = Session::open(context, Need::Answers).await?;
    let status = session.status(arguments.sweep.wire()).await;
    session.close().await;
    let runs = status?.runs;
    if arguments.format.json {
        context.printer.json(&runs)?;
    } else {
        context.printer.data(&view::runs::table(&runs))?;
        context.printer.note(&view::status::counts(&runs));
    }
    Ok(ExitStatus::Done)
}
