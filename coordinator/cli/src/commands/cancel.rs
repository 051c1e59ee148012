//! `sweepctl cancel`: ends a sweep or one of its runs.

use clap::Args;
use sweep_core::control::Control;

use crate::args::{Format, Why};
use crate::context::Context;
use crate::controlling::{self, Question};
use crate::failure::{ExitStatus, Failure};

const EXAMPLES: &str = "Examples:
  sweepctl cancel gpt-vs-qlstm --reason \"the corpus was the wrong one\"
  sweepctl cancel gpt-vs-qlstm --run gpt/d64x2/20s/1
  sweepctl cancel gpt-vs-qlstm --run 4f1c09ab";

/// Cancel a sweep or one of its runs.
///
/// What waits is not started any more; a running attempt learns of it at its next heartbeat and stops.
/// Hours used are charged, the rest is free again. Results are kept, and the forecast is of them.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Cancel {
    /// Name or id of the sweep
    #[arg(value_name = "NAME")]
    sweep: String,
    /// Only this run: its id or the beginning of it, or `arm/size/class/seed`
    #[arg(long, value_name = "RUN")]
    run: Option<String>,
    #[command(flatten)]
    why: Why,
    #[command(flatten)]
    format: Format,
}

pub(crate) async fn run(arguments: Cancel, context: &Context) -> Result<ExitStatus, Failure> {
    let question = Question {
        control: Control::Cancel,
        sweep: &arguments.sweep,
        run: arguments.run.as_deref(),
        why: &arguments.why,
        to: None,
        dry_run: false,
    };
    controlling::ask(context, question, arguments.format).await
}
