//! `sweepctl watch`: follow a submitted sweep.

use clap::Args;
use sweep_core::spec::ScheduleSpec;

use crate::args::{Format, SweepName};
use crate::context::Context;
use crate::embedded::Fleet;
use crate::failure::{ExitStatus, Failure};
use crate::follow;
use crate::session::{Need, Session};

const EXAMPLES: &str = "Examples:
  sweepctl watch
  sweepctl watch gpt-vs-qlstm --no-progress";

/// Follow a submitted sweep to its end and print its report.
///
/// Where no coordinator works on it, one is started with its workers: the sweep goes on.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Watch {
    #[command(flatten)]
    sweep: SweepName,
    /// Worker processes, should they have to be started [default: one per core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1024))]
    workers: Option<u32>,
    #[command(flatten)]
    format: Format,
}

pub(crate) async fn run(arguments: Watch, context: &Context) -> Result<ExitStatus, Failure> {
    let Watch { sweep, workers, format } = arguments;
    // A sweep of several threads finds the same with one.
    let fleet = Fleet::new(workers, &ScheduleSpec::default());
    let mut session = Session::open(context, Need::WorkOn(fleet)).await?;
    let name = match session.status(sweep.wire()).await {
        Ok(status) => status.record.name,
        Err(failure) => {
            session.close().await;
            return Err(failure);
        }
    };
    let again = format!("sweepctl watch {name}");
    follow::to_the_end(context, session, &name, format.json, &again).await
}
