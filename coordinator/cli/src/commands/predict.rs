//! `sweepctl predict`: the loss of runs that were not trained.

use clap::Args;
use law_engine::catalogue::Symbol;
use law_engine::catalogue::rank::as_good;
use law_engine::query::{Fitted, Prediction, Spread, predict};

use crate::args::Format;
use crate::context::Context;
use crate::failure::{ExitStatus, Failure};
use crate::families::{AUTO, Ranking, ranking};
use crate::fitting::Fitting;
use crate::place::Place;
use crate::view::query::{About, PredictReport, Predicted};

const EXAMPLES: &str = "Examples:
  sweepctl predict runs.csv --law chinchilla --at N=70B,D=1.4T
  sweepctl predict runs.csv --law chinchilla --at N=1B..70B:5,D=1T --at N=7B,D=2T --json
  sweepctl predict runs.csv --law auto --families --at N=70B,D=1.4T";

/// Predict the loss of runs that were not trained, by a law fitted to those that were.
///
/// Says what the law is worth at each place (its interval), what one run would do there (the law's
/// interval and the noise of a run), and how far outside the fitted runs the place lies. With
/// `--families`, also what the other laws of the catalogue say that forecast the largest runs from the
/// others nearly as well: how much the choice of a law matters there.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Predict {
    #[command(flatten)]
    fitting: Fitting,
    /// Where: a value of every variable, or ranges `FROM..TO:STEPS`; may be repeated
    #[arg(long, value_name = "SYMBOL=VALUE,...", value_parser = Place::read, required = true)]
    at: Vec<Place>,
    /// Show what other laws say that forecast nearly as well
    #[arg(long)]
    families: bool,
    #[command(flatten)]
    format: Format,
}

/// Share of the runs, those of the largest scale, that laws are chosen by.
const HELD_OUT: f64 = 0.2;

pub(crate) async fn run(arguments: Predict, context: &Context) -> Result<ExitStatus, Failure> {
    let Predict { mut fitting, at, families, format } = arguments;
    let file = fitting.runs.read(context).await?;
    let is_chosen = fitting.target.law == AUTO;
    let mut ranked = is_chosen.then(|| ranking(&fitting, &file, HELD_OUT)).transpose()?;
    if let Some(ranked) = &ranked {
        fitting.target.law = ranked.best().to_owned();
    }
    let variables = fitting.law()?.card().variables;
    let mut places = Vec::new();
    for at in &at {
        places.extend(at.rows(variables, &[])?);
    }
    // What keeps the law itself from being fitted is said before what keeps the others.
    let (fitted, data) = fitting.fitted_to(file.clone(), &[])?;
    let mut others = Vec::new();
    if families {
        let ranked = match ranked.take() {
            Some(ranked) => ranked,
            None => ranking(&fitting, &file, HELD_OUT)?,
        };
        others = rivals(&fitting, &ranked, variables)?;
    }
    let answer = |x: &Vec<f64>| {
        let own = predict(&fitted, x, fitting.level());
        let mut all: Vec<Prediction> = vec![own.clone()];
        all.extend(others.iter().map(|other| other.predict(variables, x, fitting.level())));
        Predicted::new(variables, x, own, Spread::of(&all).filter(|_| families))
    };
    let report = PredictReport {
        about: About::new(&fitted, &data, &fitting),
        noise: Some(fitted.noise()).filter(|noise| noise.is_finite()),
        others: others.iter().map(|other| other.0.law.card().name).collect(),
        predicted: places.iter().map(answer).collect(),
    };
    context.printer.report(format, &report, PredictReport::render)
}

/// A law that forecasts nearly as well as the best.
struct Rival(Fitted<'static>);

impl Rival {
    /// At `x`, the values of `variables`, among which its own are.
    fn predict(&self, variables: &[Symbol], x: &[f64], level: f64) -> Prediction {
        let own = self.0.law.card().variables.iter();
        let own: Vec<f64> = own.filter_map(|own| place(variables, own)).map(|i| x[i]).collect();
        predict(&self.0, &own, level)
    }
}

/// Which of `variables` is the one that another law calls by the same letter.
fn place(variables: &[Symbol], own: &Symbol) -> Option<usize> {
    variables.iter().position(|variable| variable.symbol == own.symbol)
}

/// The other laws of `variables` that forecast nearly as well as the best.
fn rivals(
    fitting: &Fitting,
    ranking: &Ranking,
    variables: &[Symbol],
) -> Result<Vec<Rival>, Failure> {
    let name = fitting.law()?.card().name;
    let mut rivals = Vec::new();
    for one in as_good(&ranking.ranked) {
        let card = one.law.card();
        let is_asked = card.variables.iter().all(|own| place(variables, own).is_some());
        if card.name != name && is_asked {
            rivals.push(Rival(fitting.refitted(one.law, &ranking.data)?));
        }
    }
    Ok(rivals)
}
