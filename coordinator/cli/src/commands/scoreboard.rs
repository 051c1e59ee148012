//! `sweepctl scoreboard`: past forecasts beside what came.

use clap::Args;

use crate::args::{Format, SweepName};
use crate::context::Context;
use crate::failure::{ExitStatus, Failure};
use crate::session::{Need, Session};
use crate::view;

const EXAMPLES: &str = "Examples:
  sweepctl scoreboard
  sweepctl scoreboard gpt-vs-qlstm --json";

/// Show how past forecasts of a sweep did, now that larger runs have landed.
///
/// A forecast is scored at the classes that it had not seen, once all runs of an arm and class have ended:
/// whether the loss came inside its interval, and who was ahead. Of forecasts that had seen the same largest
/// class, the last counts.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Scoreboard {
    #[command(flatten)]
    sweep: SweepName,
    #[command(flatten)]
    format: Format,
}

pub(crate) async fn run(arguments: Scoreboard, context: &Context) -> Result<ExitStatus, Failure> {
    let mut session = Session::open(context, Need::Answers).await?;
    let board = session.scoreboard(arguments.sweep.wire()).await;
    session.close().await;
    context.printer.report(arguments.format, &board?, view::scoreboard::render)
}
