//! `sweepctl submit`: from a budget.yaml to its forecast.

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;
use sweep_proto::v1::SubmitReply;

use super::budget_file;
use crate::args::Format;
use crate::context::Context;
use crate::embedded::Fleet;
use crate::failure::{ExitStatus, Failure};
use crate::follow;
use crate::session::{Need, Session};

const EXAMPLES: &str = "Examples:
  sweepctl submit examples/budget.yaml
  sweepctl submit examples/budget.yaml --workers 4
  sweepctl submit examples/budget.yaml --json > result.json
  sweepctl submit examples/budget.yaml --server https://sweeps.example:7700 --detach";

/// Run a budget.yaml to its forecast; the same command again goes on or shows the result.
///
/// Measures throughputs, plans, trains every run the budget pays for, refits the laws after each,
/// and prints runs, laws, crossover forecast and figure. Ctrl-C stops it after the workers have
/// written their checkpoints.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Submit {
    /// The budget.yaml; `-` reads standard input
    file: PathBuf,
    /// Worker processes on this machine [default: `schedule.workers` of the file, or one per core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1024))]
    workers: Option<u32>,
    /// End once it is submitted: the coordinator that serves goes on with it
    #[arg(long)]
    detach: bool,
    #[command(flatten)]
    format: Format,
}

/// What is told of a sweep that nobody follows.
#[derive(Debug, Serialize)]
struct Detached {
    id: String,
    name: String,
    /// False where a sweep of this name with the same text was there already.
    created: bool,
}

impl Detached {
    fn render(&self) -> String {
        let Self { id, name, created } = self;
        let was = if *created { "is submitted" } else { "was submitted before" };
        format!("{name} {was} ({id}); `sweepctl watch {name}` follows it\n")
    }
}

pub(crate) async fn run(submit: Submit, context: &Context) -> Result<ExitStatus, Failure> {
    let Submit { file, workers, detach, format } = submit;
    let budget = budget_file::read(&file, &context.printer)?;
    let fleet = Fleet::new(workers, &budget.spec.schedule);
    let mut session = Session::open(context, Need::Work(fleet)).await?;
    if session.is_own() && detach {
        session.close().await;
        return Err(Failure::refused(
            "nobody would go on with the sweep: no coordinator serves here",
        )
        .with_hint(
            "`--server URL` names one, `sweepctl serve` starts one; or leave `--detach` out",
        ));
    }
    if !session.is_own() && !detach {
        let url = session.url();
        context.printer.note(&format!("the coordinator at {url} works with workers of its own"));
    }
    let submitted = match session.submit(budget.text).await {
        Ok(reply) => reply,
        Err(failure) => {
            session.close().await;
            return Err(failure);
        }
    };
    if detach {
        session.close().await;
        let SubmitReply { sweep_id: id, name, created } = submitted;
        let detached = Detached { id, name, created };
        return context.printer.report(format, &detached, Detached::render);
    }
    if !submitted.created {
        let name = &submitted.name;
        context.printer.note(&format!("the sweep `{name}` was submitted before: going on with it"));
    }
    let again = format!("sweepctl submit {}", file.display());
    follow::to_the_end(context, session, &submitted.name, format.json, &again).await
}
