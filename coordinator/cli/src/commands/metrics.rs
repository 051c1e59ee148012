//! `sweepctl metrics`: what a run reported while it trained.

use clap::Args;
use sweep_proto::v1::MetricsRequest;

use crate::args::Format;
use crate::context::Context;
use crate::failure::{ExitStatus, Failure};
use crate::session::{Need, Session};
use crate::view;

const EXAMPLES: &str = "Examples:
  sweepctl metrics gpt/d64x2/20s/1
  sweepctl metrics 4f1c09ab train_loss > loss.csv
  sweepctl metrics 4f1c09ab --sweep gpt-vs-qlstm --json";

/// Show what a run reported while it trained: its metrics, or the points of one as CSV.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Metrics {
    /// The run: its id or the beginning of it, or `arm/size/class/seed`
    #[arg(value_name = "RUN")]
    run: String,
    /// One metric, whose points are printed
    #[arg(value_name = "METRIC")]
    metric: Option<String>,
    /// Name or id of the sweep [default: the newest]
    #[arg(long, value_name = "NAME")]
    sweep: Option<String>,
    #[command(flatten)]
    format: Format,
}

pub(crate) async fn run(arguments: Metrics, context: &Context) -> Result<ExitStatus, Failure> {
    let Metrics { run, metric, sweep, format } = arguments;
    let is_one = metric.is_some();
    let (name, metric) = (sweep.unwrap_or_default(), metric.unwrap_or_default());
    let mut session = Session::open(context, Need::Answers).await?;
    let all = session.metrics(MetricsRequest { name, run, metric }).await;
    session.close().await;
    let all = all?;
    let printer = &context.printer;
    if format.json {
        printer.json(&all)?;
    } else if is_one {
        for series in &all {
            printer.data(&view::metrics::csv(series))?;
        }
    } else if all.is_empty() {
        printer.note("it has reported nothing yet");
    } else {
        printer.data(&view::metrics::table(&all))?;
    }
    Ok(ExitStatus::Done)
}
