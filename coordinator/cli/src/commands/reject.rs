//! `sweepctl reject`: decides against proposed runs.

use clap::Args;
use sweep_proto::v1::DecideRequest;

use crate::args::{Format, Why};
use crate::context::Context;
use crate::deciding;
use crate::failure::{ExitStatus, Failure};

const EXAMPLES: &str = "Examples:
  sweepctl reject gpt-vs-qlstm --reason \"the answer is good enough\"
  sweepctl reject gpt-vs-qlstm --number 3";

/// Reject the runs that are proposed for a sweep.
///
/// The same runs are not asked for again. Later forecasts may propose others.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Reject {
    /// Name or id of the sweep
    #[arg(value_name = "NAME")]
    sweep: String,
    /// The proposal [default: the one that is open]
    #[arg(long, value_name = "N")]
    number: Option<u32>,
    #[command(flatten)]
    why: Why,
    #[command(flatten)]
    format: Format,
}

pub(crate) async fn run(arguments: Reject, context: &Context) -> Result<ExitStatus, Failure> {
    let request = DecideRequest {
        actor: arguments.why.actor(),
        name: arguments.sweep,
        number: arguments.number,
        approve: false,
        only: Vec::new(),
        reason: arguments.why.reason,
        dry_run: false,
    };
    deciding::ask(context, request, arguments.format).await
}
