//! `sweepctl forecast`: where arms change places.

use clap::Args;

use crate::args::{Format, SweepName};
use crate::context::Context;
use crate::failure::{ExitStatus, Failure};
use crate::session::{Need, Session};
use crate::view;

const EXAMPLES: &str = "Examples:
  sweepctl forecast
  sweepctl forecast gpt-vs-qlstm --json
  sweepctl forecast --history";

/// Show where the arms of a sweep are expected to change places.
///
/// Always an interval, and the probability that they do not before the horizon.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Forecast {
    #[command(flatten)]
    sweep: SweepName,
    /// Show every forecast made so far, oldest first
    #[arg(long)]
    history: bool,
    #[command(flatten)]
    format: Format,
}

pub(crate) async fn run(arguments: Forecast, context: &Context) -> Result<ExitStatus, Failure> {
    let mut session = Session::open(context, Need::Answers).await?;
    let outcome = show(&arguments, &mut session, context).await;
    session.close().await;
    outcome.map(|()| ExitStatus::Done)
}

async fn show(
    arguments: &Forecast,
    session: &mut Session,
    context: &Context,
) -> Result<(), Failure> {
    let Forecast { sweep, history, format } = arguments;
    let printer = &context.printer;
    if *history {
        let forecasts = session.forecast_history(sweep.wire()).await?;
        return if format.json {
            printer.json(&forecasts)
        } else {
            printer.data(&view::forecast::history(&forecasts))
        };
    }
    let forecast = session.forecast(sweep.wire()).await?.forecast;
    if format.json {
        printer.json(&forecast.crossovers)
    } else {
        printer.data(&view::forecast::render(&forecast.crossovers))
    }
}
