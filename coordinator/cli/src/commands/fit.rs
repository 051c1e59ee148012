//! `sweepctl fit`: a law of the catalogue fitted to a file of runs.

use std::path::PathBuf;

use charts::figure::{self, fit::FittedLaw};
use clap::Args;
use law_engine::catalogue::{
    Card, Parameter, Profile, cross_checks, hold_out, standouts, verdicts,
};
use law_engine::metrics::Conventions;
use law_engine::query::{Answer, Fitted};
use sweep_core::fit::{Convergence, Interval};
use sweep_core::units::Share;

use crate::args::{Format, file};
use crate::context::Context;
use crate::failure::{ExitStatus, Failure};
use crate::families::{AUTO, ranking};
use crate::fitting::{Fitting, refused};
use crate::report::{draw, save};
use crate::view::fit::{FitReport, Found, Span, resampled};
use crate::view::fit_figure::fitted_law;

const EXAMPLES: &str = "Examples:
  sweepctl fit runs.csv --law chinchilla
  sweepctl fit runs.csv --law chinchilla --tie alpha=beta --bootstrap 4000 --json
  sweepctl fit runs.csv --law chinchilla --plot --figure fit.svg --residuals residuals.svg
  sweepctl fit runs.csv --law chinchilla --bound alpha=0.2..0.5 --prior E=1.7+-0.1 --noise 0.01
  sweepctl fit runs.jsonl --law power-const --column D=seen_examples --response error
  sweepctl fit runs.csv --law auto
  sweepctl fit runs.csv --law chinchilla --resample runs
  sweepctl fit runs.csv --law chinchilla --profile --bootstrap 0
  sweepctl fit runs.csv --law 'L(N, D) = E + A*N^-alpha + B*D^-beta'
  sweepctl fit sweep:gpt-vs-qlstm --where arm=gpt --law chinchilla
  sweepctl laws list";

/// Fit a scaling law to runs: CSV, JSON lines, Parquet, or a folder of TensorBoard or W&B.
///
/// Finds the global optimum of the stated objective, resamples runs, never rows, for intervals, forecasts
/// the largest scales from the others, and says what the data do not support.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Fit {
    #[command(flatten)]
    fitting: Fitting,
    /// Share of the runs, those of the largest scale, to forecast from the others; `0 %` for none
    #[arg(long, value_name = "SHARE", default_value = "20 %")]
    hold_out: Share,
    /// Show each coefficient's profile, which values the objective itself does not reject, and the
    /// delta method beside the interval of refits
    #[arg(long)]
    profile: bool,
    /// Draw the runs with the law, and the residuals, in the terminal
    #[arg(long, conflicts_with = "json")]
    plot: bool,
    /// Write the runs with the law as SVG
    #[arg(long, value_name = "FILE", value_parser = file)]
    figure: Option<PathBuf>,
    /// Write the residuals as SVG
    #[arg(long, value_name = "FILE", value_parser = file)]
    residuals: Option<PathBuf>,
    #[command(flatten)]
    format: Format,
}

/// Above this many rows no fit is repeated without each run, nor away from each coefficient unless
/// asked for.
const INFLUENCES_MAX: usize = 5_000;

pub(crate) async fn run(fit: Fit, context: &Context) -> Result<ExitStatus, Failure> {
    let printer = &context.printer;
    let (json, plot) = (fit.format.json, fit.plot);
    let files = [fit.figure.clone(), fit.residuals.clone()];
    let (report, drawn) = report(fit, context).await?;
    let figures = drawn.map(|law| [figure::fit::fit(&law), figure::fit::residuals(&law)]);
    let figures = figures.iter().flatten();
    if json {
        printer.json(&report)?;
    } else {
        printer.data(&report.render())?;
        for figure in figures.clone().filter(|_| plot) {
            printer.data("\n")?;
            draw(figure, printer)?;
        }
    }
    for (figure, path) in figures.zip(files) {
        if let Some(path) = path {
            save(figure, &path, printer)?;
        }
    }
    Ok(ExitStatus::Done)
}

/// What is said of the fit, and what is drawn of it where a figure is asked for: its bands take as
/// many predictions as there are refits, at every place of every curve.
async fn report(fit: Fit, context: &Context) -> Result<(FitReport, Option<FittedLaw>), Failure> {
    let mut fitting = fit.fitting;
    let level = fitting.level();
    let file = fitting.runs.read(context).await?;
    let mut families = None;
    if fitting.target.law == AUTO {
        let ranking = ranking(&fitting, &file, fit.hold_out.0)?;
        fitting.target.law = ranking.best().to_owned();
        families = Some(ranking.table());
    }
    let conventions = fitting.mapping.columns.conventions(&file);
    let (fitted, data) = fitting.fitted_to(file, &[])?;
    let Fitted { law, estimate, draws, spans, .. } = &fitted;
    let card = law.card();
    let is_drawn = fit.plot || fit.figure.is_some() || fit.residuals.is_some();
    let drawn = is_drawn.then(|| fitted_law(*law, &data, estimate, draws, level));
    let options = fitting.target.options()?;
    let held_out = if fit.hold_out.0 > 0.0 {
        // Too few smaller runs are no reason to refuse the fit of all of them.
        // A run is as large as its variables are together: compute, where they are sizes and tokens.
        let scale = data.product(card.letters());
        hold_out(*law, &data, &options, &scale, fit.hold_out.0).ok().flatten()
    } else {
        None
    };
    let answers: Vec<Answer> = (0..card.parameters.len())
        .map(|i| Answer::new(&fitted, level, |coefficients| coefficients[i]))
        .collect();
    let is_small = data.rows_n() <= INFLUENCES_MAX;
    let profiles = if is_small || fit.profile {
        law.profiles(&data, &options, estimate, level).map_err(refused)?
    } else {
        vec![None; answers.len()]
    };
    let found = |((parameter, answer), profile): ((&Parameter, &Answer), &Option<Profile>)| Found {
        symbol: parameter.symbol,
        meaning: parameter.meaning,
        value: answer.best,
        interval: answer.interval,
        profile: profile.map(Into::into),
    };
    let spans = card.variables.iter().zip(spans);
    let intervals: Option<Vec<Interval>> = answers.iter().map(|answer| answer.interval).collect();
    let mut remarks = verdicts(&card, &data, estimate, intervals.as_deref());
    remarks.extend(cross_checks(&card, &profiles, intervals.as_deref()));
    if is_small {
        let influences = law.influences(&data, &options, estimate);
        remarks.extend(standouts(&card, estimate, &influences.map_err(refused)?));
    }
    let report = FitReport {
        families,
        law: card.name,
        equation: card.equation,
        file: fitting.runs.to_string(),
        rows_n: data.rows_n(),
        objective_name: fitting.target.objective.text.clone(),
        objective: estimate.objective,
        converged: estimate.convergence == Convergence::Converged,
        condition: estimate.condition,
        optima_n: estimate.basins.len(),
        level,
        draws_n: fitting.sampling.bootstrap,
        resampled: resampled(fitting.scheme()),
        coefficients: card.parameters.iter().zip(&answers).zip(&profiles).map(found).collect(),
        shows_profiles: fit.profile,
        spans: spans
            .map(|(symbol, (lower, upper))| Span {
                symbol: symbol.symbol,
                lower: *lower,
                upper: *upper,
            })
            .collect(),
        conventions: conventions.described(),
        held_out: held_out.map(Into::into),
        published: card.published.iter().map(Into::into).collect(),
        remarks: remarks
            .iter()
            .map(ToString::to_string)
            .chain(clashes(&card, &conventions))
            .collect(),
    };
    Ok((report, drawn))
}

/// The published fits whose letters count something else than these runs.
fn clashes(card: &Card, conventions: &Conventions) -> Vec<String> {
    let mut said: Vec<(String, Vec<&str>)> = Vec::new();
    for published in card.published {
        for clash in conventions.clashes(&Conventions::of_card(published.convention)) {
            let clash = clash.to_string();
            match said.iter_mut().find(|(known, _)| *known == clash) {
                Some((_, labels)) => labels.push(published.label),
                None => said.push((clash, vec![published.label])),
            }
        }
    }
    said.iter().map(|(clash, labels)| format!("{clash} (beside {})", labels.join("; "))).collect()
}
