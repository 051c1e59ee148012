//! `sweepctl laws`: the laws fitted to a sweep, and the catalogue that they come from.

use clap::{Args, Subcommand};
use law_engine::catalogue::{self, Law};
use law_engine::expression::{self, Mistake, NoLaw};
use sweep_core::fit::ArmFits;

use crate::args::{Format, SweepName};
use crate::context::Context;
use crate::failure::{ExitStatus, Failure};
use crate::families::AUTO;
use crate::session::{Need, Session};
use crate::view;
use crate::view::laws::Quantities;

const EXAMPLES: &str = "Examples:
  sweepctl laws
  sweepctl laws gpt-vs-qlstm --json
  sweepctl laws list
  sweepctl laws show chinchilla";

/// Show the laws fitted to each arm of a sweep, or the catalogue of laws.
///
/// Coefficients with their intervals for both families, and how well each forecast the largest
/// class when that was held out of the fit.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES, args_conflicts_with_subcommands = true)]
pub(crate) struct Laws {
    #[command(subcommand)]
    catalogue: Option<Catalogue>,
    #[command(flatten)]
    sweep: SweepName,
    #[command(flatten)]
    format: Format,
}

#[derive(Debug, Subcommand)]
enum Catalogue {
    /// List the laws of the catalogue
    #[command(after_help = "Example:\n  sweepctl laws list --json")]
    List {
        #[command(flatten)]
        format: Format,
    },
    /// Show one law: equation, symbols, source, range and published fits
    #[command(after_help = "Examples:\n  sweepctl laws show chinchilla\n  \
                            sweepctl laws show 'L(N, D) = E + A N^-alpha + B D^-beta'")]
    Show {
        /// Its name, or an expression
        law: String,
        #[command(flatten)]
        format: Format,
    },
}

pub(crate) async fn run(arguments: Laws, context: &Context) -> Result<ExitStatus, Failure> {
    let Laws { catalogue, sweep, format } = arguments;
    match catalogue {
        None => fitted(&sweep, format, context).await,
        Some(Catalogue::List { format }) => list(format, context),
        Some(Catalogue::Show { law, format }) => show(&law, format, context),
    }
}

async fn fitted(
    sweep: &SweepName,
    format: Format,
    context: &Context,
) -> Result<ExitStatus, Failure> {
    let mut session = Session::open(context, Need::Answers).await?;
    let view = session.forecast(sweep.wire()).await;
    session.close().await;
    let view = view?;
    let render =
        |arms: &Vec<ArmFits>| view::laws::render(arms, Quantities::of_sweep(&view.hours_unit));
    context.printer.report(format, &view.forecast.arms, render)
}

fn list(format: Format, context: &Context) -> Result<ExitStatus, Failure> {
    let cards: Vec<_> = catalogue::LAWS.iter().map(|law| law.card()).collect();
    if format.json {
        let documents: Vec<_> = cards.iter().map(view::law_card::document).collect();
        context.printer.json(&documents)?;
    } else {
        context.printer.data(&view::law_card::list(&cards))?;
    }
    Ok(ExitStatus::Done)
}

fn show(name: &str, format: Format, context: &Context) -> Result<ExitStatus, Failure> {
    let card = find(name, &[])?.card();
    if format.json {
        context.printer.json(&view::law_card::document(&card))?;
    } else {
        context.printer.data(&view::law_card::show(&card))?;
    }
    Ok(ExitStatus::Done)
}

/// The law of that name, or the one that is written down, whose variables may be those of
/// `variables` too. A name that is none is refused with the nearest one.
pub(crate) fn find(name: &str, variables: &[&str]) -> Result<&'static dyn Law, Failure> {
    if name == AUTO {
        return Err(Failure::refused("`auto` names no one law")
            .with_hint("`sweepctl fit RUNS --law auto` ranks the laws for your runs"));
    }
    expression::find(name, variables).map_err(|no_law| {
        let said = no_law.to_string();
        match no_law {
            NoLaw::Misread(mistake) => misread(mistake),
            NoLaw::Unknown { nearest: Some(nearest), .. } => {
                Failure::refused(said).with_hint(format!("did you mean `{nearest}`?"))
            }
            NoLaw::Unknown { .. } => Failure::refused(said)
                .with_hint("`sweepctl laws list` names them; or write one: `E + A*N^-alpha`"),
        }
    })
}

/// An expression that is no law, with the place marked.
fn misread(mistake: Mistake) -> Failure {
    let Mistake { text, at, what } = mistake;
    Failure::refused(format!("`{text}` is no law"))
        .with_cause(format!("{what}\n    {text}\n    {}^", " ".repeat(at)))
        .with_hint(
            "for example `L(N, D) = E + A*N^-alpha + B*D^-beta`; without `L(...) =` the \
                    letters N, D, C and h are variables",
        )
}
