//! `sweepctl budget`: what a sweep may use, what became of it, and more of it.

use clap::{Args, Subcommand};
use sweep_core::control::Control;
use sweep_core::units::AcceleratorTime;

use crate::args::{Format, SweepName, Why};
use crate::context::Context;
use crate::controlling::{self, Question};
use crate::failure::{ExitStatus, Failure};
use crate::session::{Need, Session};
use crate::view::budget::BudgetReport;

const EXAMPLES: &str = "Examples:
  sweepctl budget show
  sweepctl budget raise gpt-vs-qlstm --to 40h --reason \"the grant came through\"";
const SHOW_EXAMPLES: &str = "Examples:
  sweepctl budget show
  sweepctl budget show gpt-vs-qlstm --json";
const RAISE_EXAMPLES: &str = "Examples:
  sweepctl budget raise gpt-vs-qlstm --to 40h --reason \"the grant came through\"";

/// Show or raise the budget of a sweep.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Budget {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Show what is granted, reserved, spent and free, and who raised it when and why
    #[command(after_help = SHOW_EXAMPLES)]
    Show(Show),
    /// Raise the budget of a sweep: it can only grow, and who raised it is kept
    #[command(after_help = RAISE_EXAMPLES)]
    Raise(Raise),
}

#[derive(Debug, Args)]
struct Show {
    #[command(flatten)]
    sweep: SweepName,
    #[command(flatten)]
    format: Format,
}

#[derive(Debug, Args)]
struct Raise {
    /// Name or id of the sweep
    #[arg(value_name = "NAME")]
    sweep: String,
    /// The new total, such as `40h`
    #[arg(long, value_name = "TIME")]
    to: AcceleratorTime,
    #[command(flatten)]
    why: Why,
    #[command(flatten)]
    format: Format,
}

pub(crate) async fn run(arguments: Budget, context: &Context) -> Result<ExitStatus, Failure> {
    match arguments.action {
        Action::Show(arguments) => show(&arguments, context).await,
        Action::Raise(arguments) => raise(&arguments, context).await,
    }
}

async fn show(arguments: &Show, context: &Context) -> Result<ExitStatus, Failure> {
    let mut session = Session::open(context, Need::Answers).await?;
    let status = session.status(arguments.sweep.wire()).await;
    session.close().await;
    let report = BudgetReport::of(&status?);
    context.printer.report(arguments.format, &report, BudgetReport::render)
}

async fn raise(arguments: &Raise, context: &Context) -> Result<ExitStatus, Failure> {
    if arguments.why.reason.trim().is_empty() {
        return Err(Failure::refused("a budget is raised for a reason")
            .with_hint("`--reason TEXT` says why: it is kept with the sweep"));
    }
    let question = Question {
        control: Control::Raise,
        sweep: &arguments.sweep,
        run: None,
        why: &arguments.why,
        to: Some(arguments.to),
        dry_run: false,
    };
    controlling::ask(context, question, arguments.format).await
}
