//! `sweepctl laws`: the fitted laws.

use clap::Args;

use crate::args::{Format, SweepName};
use crate::context::Context;
use crate::failure::{ExitStatus, Failure};
use crate::session::{Need, Session};
use crate::view;

const EXAMPLES: &str = "Examples:
  sweepctl laws
  sweepctl laws gpt-vs-qlstm --json";

/// Show the laws fitted to each arm.
///
/// Coefficients with their intervals for both families, and how well each forecast the largest
/// class when that was held out of the fit.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Laws {
    #[command(flatten)]
    sweep: SweepName,
    #[command(flatten)]
    format: Format,
}

pub(crate) async fn run(arguments: Laws, context: &Context) -> Result<ExitStatus, Failure> {
    let mut session = Session::open(context, Need::Answers).await?;
    let view = session.forecast(arguments.sweep.wire()).await;
    session.close().await;
    let view = view?;
    let arms = &view.forecast.arms;
    if arguments.format.json {
        context.printer.json(arms)?;
    } else {
        context.printer.data(&view::laws::render(arms, &view.hours_unit))?;
    }
    Ok(ExitStatus::Done)
}
