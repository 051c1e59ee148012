//! `sweepctl approve`: makes proposed runs part of the plan.

use clap::Args;
use sweep_proto::v1::DecideRequest;

use crate::args::{Format, Why};
use crate::context::Context;
use crate::deciding;
use crate::failure::{ExitStatus, Failure};

const EXAMPLES: &str = "Examples:
  sweepctl approve gpt-vs-qlstm
  sweepctl approve gpt-vs-qlstm --number 3 --only 1,2 --reason \"before the deadline\"
  sweepctl approve gpt-vs-qlstm --dry-run";

/// Approve the runs that are proposed for a sweep: they become part of a new plan.
///
/// A proposal can be approved until another one, or another plan, takes its place. Runs are charged to the
/// sweep's budget like all others: what the plan leaves of it has to pay for them.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Approve {
    /// Name or id of the sweep
    #[arg(value_name = "NAME")]
    sweep: String,
    /// The proposal [default: the one that is open]
    #[arg(long, value_name = "N")]
    number: Option<u32>,
    /// Only these parts of it, as `sweepctl proposals` counts them
    #[arg(long, value_name = "PART,...", value_delimiter = ',')]
    only: Vec<u32>,
    /// Say what would become of it, and change nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    why: Why,
    #[command(flatten)]
    format: Format,
}

pub(crate) async fn run(arguments: Approve, context: &Context) -> Result<ExitStatus, Failure> {
    let request = DecideRequest {
        actor: arguments.why.actor(),
        name: arguments.sweep,
        number: arguments.number,
        approve: true,
        only: arguments.only,
        reason: arguments.why.reason,
        dry_run: arguments.dry_run,
    };
    deciding::ask(context, request, arguments.format).await
}
