//! `sweepctl proposals`: what was proposed for a sweep, and what became of it.

use clap::Args;

use crate::args::{Format, SweepName};
use crate::context::Context;
use crate::failure::{ExitStatus, Failure};
use crate::session::{Need, Session};
use crate::view::proposals::ProposalsReport;

const EXAMPLES: &str = "Examples:
  sweepctl proposals
  sweepctl proposals gpt-vs-qlstm --number 3
  sweepctl proposals gpt-vs-qlstm --json";

/// List the runs that were proposed for a sweep, and what was decided.
///
/// After each refit of the laws, those runs are proposed for the rest of the budget that would narrow the
/// answer to the sweep's question (`propose.for` of budget.yaml) most for their hours. `sweepctl approve`
/// makes them part of the plan.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Proposals {
    #[command(flatten)]
    sweep: SweepName,
    /// The proposal to show part by part [default: the newest]
    #[arg(long, value_name = "N")]
    number: Option<u32>,
    #[command(flatten)]
    format: Format,
}

pub(crate) async fn run(arguments: Proposals, context: &Context) -> Result<ExitStatus, Failure> {
    let mut session = Session::open(context, Need::Answers).await?;
    let view = session.proposals(arguments.sweep.wire()).await;
    session.close().await;
    let report = ProposalsReport::new(view?, arguments.number)?;
    context.printer.report(arguments.format, &report, ProposalsReport::render)
}
