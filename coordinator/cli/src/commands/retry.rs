//! `sweepctl retry`: a new attempt for runs that failed.

use clap::Args;
use sweep_core::control::Control;

use crate::args::{Format, SweepName, Why};
use crate::context::Context;
use crate::controlling::{self, Question};
use crate::failure::{ExitStatus, Failure};

const EXAMPLES: &str = "Examples:
  sweepctl retry --dry-run
  sweepctl retry gpt-vs-qlstm --reason \"torch is installed now\"
  sweepctl retry gpt-vs-qlstm --run gpt/d64x2/20s/1";

/// Give failed runs a new attempt, as far as the budget allows it.
///
/// Says what that costs. The attempt begins anew and reserves the run's class. A run that diverged has found a result, and
/// would find it again: like one that was cancelled it is retried only by name, with `--run`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Retry {
    #[command(flatten)]
    sweep: SweepName,
    /// Only this run: its id or the beginning of it, or `arm/size/class/seed`
    #[arg(long, value_name = "RUN")]
    run: Option<String>,
    /// Say which runs and what they cost, and change nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    why: Why,
    #[command(flatten)]
    format: Format,
}

pub(crate) async fn run(arguments: Retry, context: &Context) -> Result<ExitStatus, Failure> {
    let question = Question {
        control: Control::Retry,
        sweep: arguments.sweep.wire(),
        run: arguments.run.as_deref(),
        why: &arguments.why,
        to: None,
        dry_run: arguments.dry_run,
    };
    controlling::ask(context, question, arguments.format).await
}
