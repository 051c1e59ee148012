//! `sweepctl resume`: goes on with a sweep.

use clap::Args;
use sweep_core::control::Control;

use crate::args::{Format, SweepName, Why};
use crate::context::Context;
use crate::controlling::{self, Question};
use crate::failure::{ExitStatus, Failure};

const EXAMPLES: &str = "Examples:
  sweepctl resume
  sweepctl resume gpt-vs-qlstm --reason \"the machine is free\"";

/// Go on with a paused sweep.
///
/// Runs go on from their checkpoints as workers take them.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Resume {
    #[command(flatten)]
    sweep: SweepName,
    #[command(flatten)]
    why: Why,
    #[command(flatten)]
    format: Format,
}

pub(crate) async fn run(arguments: Resume, context: &Context) -> Result<ExitStatus, Failure> {
    let question = Question {
        control: Control::Resume,
        sweep: arguments.sweep.wire(),
        run: None,
        why: &arguments.why,
        to: None,
        dry_run: false,
    };
    controlling::ask(context, question, arguments.format).await
}
