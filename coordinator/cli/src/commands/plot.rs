//! `sweepctl plot`: the crossover figure.

use std::path::PathBuf;

use clap::Args;
use sweep_core::forecast::ForecastView;

use crate::args::SweepName;
use crate::context::Context;
use crate::failure::{ExitStatus, Failure};
use crate::report;
use crate::session::{Need, Session};

const EXAMPLES: &str = "Examples:
  sweepctl plot
  sweepctl plot gpt-vs-qlstm -o crossover.svg";

/// Draw the crossover figure, in the terminal or as SVG.
///
/// It shows the measured points, the laws with their bands, where they extrapolate, and where they
/// cross.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Plot {
    #[command(flatten)]
    sweep: SweepName,
    /// Write an SVG file instead of drawing in the terminal; `-` prints it
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

pub(crate) async fn run(arguments: Plot, context: &Context) -> Result<ExitStatus, Failure> {
    let mut session = Session::open(context, Need::Answers).await?;
    let view = session.forecast(arguments.sweep.wire()).await;
    session.close().await;
    draw(&view?, arguments.output, context)?;
    Ok(ExitStatus::Done)
}

fn draw(view: &ForecastView, output: Option<PathBuf>, context: &Context) -> Result<(), Failure> {
    let printer = &context.printer;
    let figure = charts::figure::crossover(view);
    match output {
        None => report::draw(&figure, printer),
        Some(path) if path.as_os_str() == "-" => {
            printer.data(&charts::svg::render(&figure, &charts::svg::SvgOptions::default()))
        }
        Some(path) => report::save(&figure, &path, printer),
    }
}
