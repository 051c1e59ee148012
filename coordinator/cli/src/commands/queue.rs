//! `sweepctl queue`: what waits, and why.

use clap::Args;

use crate::args::Format;
use crate::context::Context;
use crate::failure::{ExitStatus, Failure};
use crate::session::{Need, Session};
use crate::view;

const EXAMPLES: &str = "Examples:
  sweepctl queue
  sweepctl queue --project vision
  sweepctl queue --json";

/// List what waits in all sweeps: its place, the reason, and when it probably starts.
///
/// Between projects, the one goes first that has used the fewest hours for its weight in the last seven
/// days; within a project, the higher priority, then the older sweep, then the order of its plan.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Queue {
    /// Only of this project
    #[arg(long, value_name = "NAME")]
    project: Option<String>,
    #[command(flatten)]
    format: Format,
}

pub(crate) async fn run(arguments: Queue, context: &Context) -> Result<ExitStatus, Failure> {
    let mut session = Session::open(context, Need::Answers).await?;
    let queue = session.queue().await;
    session.close().await;
    let mut queue = queue?;
    if let Some(project) = &arguments.project {
        queue.waiting.retain(|waiting| waiting.project == *project);
    }
    context.printer.report(arguments.format, &queue, view::queue::render)
}
