//! `sweepctl invert`: how large a variable must be for a loss.

use clap::Args;
use law_engine::query::invert;

use crate::args::Format;
use crate::context::Context;
use crate::failure::{ExitStatus, Failure};
use crate::fitting::Fitting;
use crate::place::{Place, positive};
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
    #[command(flatten)]
    fitting: Fitting,
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
    let Invert { fitting, variable, loss, at, format } = arguments;
    let card = fitting.law()?.card();
    let place = card.variables.iter().position(|known| known.symbol == variable);
    let place = place.ok_or_else(|| {
        let symbols: Vec<&str> = card.variables.iter().map(|known| known.symbol).collect();
        let law = card.name;
        Failure::refused(format!("`--for {variable}`: the law {law} has no variable {variable}"))
            .with_hint(format!("its variables are {}", symbols.join(", ")))
    })?;
    let symbol = card.variables[place].symbol;
    let ats = if at.is_empty() { vec![Place::default()] } else { at };
    let mut places = Vec::new();
    for at in &ats {
        places.extend(at.rows(card.variables, &[symbol])?);
    }
    let (fitted, data) = fitting.fitted(&[], context).await?;
    let answer = |x: &Vec<f64>| {
        let found = invert(&fitted, place, x, loss, fitting.level());
        Inverted::new(card.variables, symbol, x, &found)
    };
    let report = InvertReport {
        variable: symbol,
        response: card.response.symbol,
        loss,
        inverted: places.iter().map(answer).collect(),
        about: About::new(&fitted, &data, &fitting),
    };
    context.printer.report(format, &report, InvertReport::render)
}
