//! `sweepctl predict`: the loss of runs that were not trained.

use clap::Args;
use law_engine::query::predict;

use crate::args::Format;
use crate::context::Context;
use crate::failure::{ExitStatus, Failure};
use crate::fitting::Fitting;
use crate::place::Place;
use crate::view::query::{About, PredictReport, Predicted};

const EXAMPLES: &str = "Examples:
  sweepctl predict runs.csv --law chinchilla --at N=70B,D=1.4T
  sweepctl predict runs.csv --law chinchilla --at N=1B..70B:5,D=1T --at N=7B,D=2T --json";

/// Predict the loss of runs that were not trained, by a law fitted to those that were.
///
/// Says what the law is worth at each place (its interval), what one run would do there (the law's
/// interval and the noise of a run), and how far outside the fitted runs the place lies.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Predict {
    #[command(flatten)]
    fitting: Fitting,
    /// Where: a value of every variable, or ranges `FROM..TO:STEPS`; may be repeated
    #[arg(long, value_name = "SYMBOL=VALUE,...", value_parser = Place::read, required = true)]
    at: Vec<Place>,
    #[command(flatten)]
    format: Format,
}

pub(crate) async fn run(arguments: Predict, context: &Context) -> Result<ExitStatus, Failure> {
    let Predict { fitting, at, format } = arguments;
    let variables = fitting.law()?.card().variables;
    let mut places = Vec::new();
    for at in &at {
        places.extend(at.rows(variables, &[])?);
    }
    let (fitted, data) = fitting.fitted(&[], context).await?;
    let answer = |x: &Vec<f64>| Predicted::new(variables, x, predict(&fitted, x, fitting.level()));
    let report = PredictReport {
        about: About::new(&fitted, &data, &fitting),
        noise: Some(fitted.noise()).filter(|noise| noise.is_finite()),
        predicted: places.iter().map(answer).collect(),
    };
    context.printer.report(format, &report, PredictReport::render)
}
