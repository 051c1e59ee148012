//! `sweepctl invert`: how large a variable must be for a loss.

use clap::Args;
use law_engine::query::{Fitted, invert};

use crate::args::Format;
use crate::context::Context;
use crate::failure::{ExitStatus, Failure};
use crate::fitting::{Mapping, Sampling, Target, refused};
use crate::place::{Place, positive};
use crate::source::Source;
use crate::view::query::{About, InvertReport, Inverted};

const EXAMPLES: &str = "Examples:
  sweepctl invert runs.csv --law chinchilla --for D --loss 2.0 --at N=7B
  sweepctl invert runs.csv --law chinchilla --for N --loss 2.0 --at D=100B..10T:5 --json";

/// Find the value of one variable at which a fitted law reaches a loss.
///
/// The interval may be open: where some of the draws never come down to the loss, its upper end is
/// `never`. Values are looked for up to six decades outside the fitted runs.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Invert {
    /// The runs: a file, `-` for standard input, or `sweep:NAME` for those of a sweep
    #[arg(value_name = "RUNS")]
    runs: Source,
    #[command(flatten)]
    target: Target,
    #[command(flatten)]
    mapping: Mapping,
    #[command(flatten)]
    sampling: Sampling,
    /// The variable that is looked for
    #[arg(long = "for", value_name = "SYMBOL")]
    variable: String,
    /// The response that it shall reach
    #[arg(long, value_name = "LOSS", value_parser = positive)]
    loss: f64,
    /// The other variables, or ranges `FROM..TO:STEPS`; may be repeated
    #[arg(long, value_name = "SYMBOL=VALUE,...", value_parser = Place::read)]
    at: Vec<Place>,
    #[command(flatten)]
    format: Format,
}

pub(crate) async fn run(arguments: Invert, context: &Context) -> Result<ExitStatus, Failure> {
    let law = arguments.target.law()?;
    let card = law.card();
    let symbol = card.variables.iter().find(|variable| variable.symbol == arguments.variable);
    let symbol = symbol.ok_or_else(|| {
        let symbols: Vec<&str> = card.variables.iter().map(|variable| variable.symbol).collect();
        let name = &arguments.variable;
        Failure::refused(format!("`--for {name}`: the law {} has no variable {name}", card.name))
            .with_hint(format!("its variables are {}", symbols.join(", ")))
    })?;
    let ats = if arguments.at.is_empty() { vec![Place::default()] } else { arguments.at };
    let mut places = Vec::new();
    for at in &ats {
        places.extend(at.rows(card.variables, &[symbol.symbol])?);
    }
    let data = arguments.mapping.data(arguments.runs.read(context).await?, law)?;
    let options = arguments.target.options()?;
    let Sampling { bootstrap, level, seed } = arguments.sampling;
    let fitted = Fitted::new(law, &data, &options, bootstrap, seed).map_err(refused)?;
    let inverted = places.iter().filter_map(|x| {
        let variable = fitted.variable(symbol.symbol)?;
        let found = invert(&fitted, variable, x, arguments.loss, level.0);
        Some(Inverted::new(card.variables, symbol.symbol, x, &found))
    });
    let report = InvertReport {
        variable: symbol.symbol,
        response: card.response.symbol,
        loss: arguments.loss,
        inverted: inverted.collect(),
        about: About::new(&fitted, arguments.runs.to_string(), data.rows_n(), level.0),
    };
    context.printer.report(arguments.format, &report, InvertReport::render)
}
