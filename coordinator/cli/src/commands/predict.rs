//! `sweepctl predict`: the loss of runs that were not trained.

use clap::Args;
use law_engine::query::{Fitted, predict};

use crate::args::Format;
use crate::context::Context;
use crate::failure::{ExitStatus, Failure};
use crate::fitting::{Mapping, Sampling, Target, refused};
use crate::place::Place;
use crate::source::Source;
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
    /// The runs: a file, `-` for standard input, or `sweep:NAME` for those of a sweep
    #[arg(value_name = "RUNS")]
    runs: Source,
    #[command(flatten)]
    target: Target,
    #[command(flatten)]
    mapping: Mapping,
    #[command(flatten)]
    sampling: Sampling,
    /// Where: a value of every variable, or ranges `FROM..TO:STEPS`; may be repeated
    #[arg(long, value_name = "SYMBOL=VALUE,...", value_parser = Place::read, required = true)]
    at: Vec<Place>,
    #[command(flatten)]
    format: Format,
}

pub(crate) async fn run(arguments: Predict, context: &Context) -> Result<ExitStatus, Failure> {
    let law = arguments.target.law()?;
    let variables = law.card().variables;
    let mut places = Vec::new();
    for at in &arguments.at {
        places.extend(at.rows(variables, &[])?);
    }
    let data = arguments.mapping.data(arguments.runs.read(context).await?, law)?;
    let options = arguments.target.options()?;
    let Sampling { bootstrap, level, seed } = arguments.sampling;
    let fitted = Fitted::new(law, &data, &options, bootstrap, seed).map_err(refused)?;
    let predicted =
        places.iter().map(|x| Predicted::new(variables, x, predict(&fitted, x, level.0))).collect();
    let report = PredictReport {
        about: About::new(&fitted, arguments.runs.to_string(), data.rows_n(), level.0),
        noise: Some(fitted.noise()).filter(|noise| noise.is_finite()),
        predicted,
    };
    context.printer.report(arguments.format, &report, PredictReport::render)
}
