//! `sweepctl plan`: what a budget.yaml would run and cost.

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;
use sweep_core::spec::SweepSpec;
use sweep_core::sweep::{Calibration, Preview};
use sweep_runtime::shutdown::Signal;

use super::budget_file::{self, BudgetFile};
use crate::args::Format;
use crate::context::Context;
use crate::embedded::Fleet;
use crate::failure::{ExitStatus, Failure};
use crate::session::{self, Need, Session};
use crate::view::plan::{PlanSummary, throughputs};

const EXAMPLES: &str = "Examples:
  sweepctl plan examples/budget.yaml
  sweepctl plan examples/budget.yaml --no-measure --json";

/// Show what a budget.yaml would run and cost, without running it.
///
/// Spends nothing of the budget. Throughputs that are neither declared in the file nor known from
/// before are measured, which takes some seconds per size.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Plan {
    /// The budget.yaml; `-` reads standard input
    file: PathBuf,
    /// Leave out what depends on throughputs not known yet
    #[arg(long)]
    no_measure: bool,
    #[command(flatten)]
    format: Format,
}

/// The preview as programs read it.
#[derive(Serialize)]
struct Json<'a> {
    summary: &'a PlanSummary,
    calibrations: &'a [Calibration],
    /// The plan in full; null while throughputs are missing.
    plan: Option<&'a sweep_core::plan::Plan>,
}

pub(crate) async fn run(arguments: Plan, context: &Context) -> Result<ExitStatus, Failure> {
    let Plan { file, no_measure, format } = arguments;
    let BudgetFile { text, spec } = budget_file::read(&file, &context.printer)?;
    let fleet = Fleet::new(no_measure.then_some(0), &spec.schedule);
    let mut session = Session::open(context, Need::Work(fleet)).await?;
    let (_trigger, signal) = Signal::listen()?;
    let previewed = tokio::select! {
        preview = preview(&mut session, text, !no_measure, context) => preview.map(Ok),
        kind = signal.raised() => Ok(Err(kind)),
    };
    session.close().await;
    match previewed? {
        Ok(preview) => {
            print(&spec, &preview, format, context)?;
            Ok(ExitStatus::Done)
        }
        Err(kind) => Ok(ExitStatus::Stopped(kind)),
    }
}

/// The most complete preview; tells of throughputs as they are measured.
async fn preview(
    session: &mut Session,
    yaml: String,
    measure: bool,
    context: &Context,
) -> Result<Preview, Failure> {
    let mut stream = session.preview(yaml, measure).await?;
    let mut last = Preview { calibrations: Vec::new(), plan: None };
    let mut told_n = None;
    while let Some(document) = stream.message().await? {
        last = session::read(&document)?;
        let all_n = last.calibrations.len();
        let known_n = last.calibrations.iter().filter(|c| c.throughput.is_some()).count();
        if measure && told_n != Some(known_n) && (told_n.is_some() || known_n < all_n) {
            context.printer.note(&format!("{known_n} of {all_n} throughputs known"));
        }
        told_n = Some(known_n);
    }
    Ok(last)
}

fn print(
    spec: &SweepSpec,
    preview: &Preview,
    format: Format,
    context: &Context,
) -> Result<(), Failure> {
    let summary = match &preview.plan {
        Some(plan) => PlanSummary::of(&spec.name, plan),
        None => PlanSummary::without_throughputs(spec),
    };
    if format.json {
        let Preview { calibrations, plan } = preview;
        return context.printer.json(&Json {
            summary: &summary,
            calibrations,
            plan: plan.as_ref(),
        });
    }
    let speeds = throughputs(&preview.calibrations);
    context.printer.data(&format!("{speeds}\n{}", summary.render()))?;
    if preview.plan.is_none() {
        let note =
            "steps and tokens need the unknown throughputs: measure them without `--no-measure`";
        context.printer.note(note);
    }
    Ok(())
}
