//! `sweepctl pause`: holds a sweep.

use clap::Args;
use sweep_core::control::Control;

use crate::args::{Format, SweepName, Why};
use crate::context::Context;
use crate::controlling::{self, Question};
use crate::failure::{ExitStatus, Failure};

const EXAMPLES: &str = "Examples:
  sweepctl pause
  sweepctl pause gpt-vs-qlstm --reason \"the machine is needed until Monday\"";

/// Pause a sweep: no run is started, and those in progress stop at a checkpoint.
///
/// A running attempt learns of it at its next heartbeat. Hours used are charged, and what was reserved
/// beyond them is free again. `sweepctl resume` goes on from the checkpoints.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Pause {
    #[command(flatten)]
    sweep: SweepName,
    #[command(flatten)]
    why: Why,
    #[command(flatten)]
    format: Format,
}

pub(crate) async fn run(arguments: Pause, context: &Context) -> Result<ExitStatus, Failure> {
    let question = Question {
        control: Control::Pause,
        sweep: arguments.sweep.wire(),
        run: None,
        why: &arguments.why,
        to: None,
        dry_run: false,
    };
    controlling::ask(context, question, arguments.format).await
}
