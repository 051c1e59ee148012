//! `sweepctl fit`: a law of the catalogue fitted to a file of runs.

use std::path::PathBuf;

use charts::figure::{self, fit::FittedLaw};
use clap::Args;
use law_engine::catalogue::{self, Data, Law, hold_out, verdicts};
use sweep_core::fit::Interval;
use sweep_core::units::Share;

use crate::args::Format;
use crate::context::Context;
use crate::failure::{ExitStatus, Failure};
use crate::fitting::{Mapping, Sampling, Target, refused};
use crate::report::{draw, write_svg};
use crate::source::Source;
use crate::view::fit::{FitReport, Found, Span};
use crate::view::fit_figure::fitted_law;

const EXAMPLES: &str = "Examples:
  sweepctl fit runs.csv --law chinchilla
  sweepctl fit runs.csv --law chinchilla --tie alpha=beta --bootstrap 4000 --json
  sweepctl fit runs.csv --law chinchilla --plot --figure fit.svg --residuals residuals.svg
  sweepctl fit runs.csv --law chinchilla --bound alpha=0.2..0.5 --prior E=1.7+-0.1 --noise 0.01
  sweepctl fit runs.jsonl --law power-const --column D=seen_examples --response error
  sweepctl fit sweep:gpt-vs-qlstm --where arm=gpt --law chinchilla
  sweepctl laws list";

/// Fit a scaling law to a file of runs: CSV, or one JSON object per line.
///
/// Finds the global optimum of the stated objective, resamples whole runs for intervals, forecasts
/// the largest scales from the others, and says what the data do not support.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Fit {
    /// The runs: a file, `-` for standard input, or `sweep:NAME` for those of a sweep
    #[arg(value_name = "RUNS")]
    runs: Source,
    #[command(flatten)]
    target: Target,
    #[command(flatten)]
    mapping: Mapping,
    #[command(flatten)]
    sampling: Sampling,
    /// Share of the runs, those of the largest scale, to forecast from the others; `0 %` for none
    #[arg(long, value_name = "SHARE", default_value = "20 %")]
    hold_out: Share,
    /// Draw the runs with the law, and the residuals, in the terminal
    #[arg(long)]
    plot: bool,
    /// Write the runs with the law as SVG
    #[arg(long, value_name = "FILE")]
    figure: Option<PathBuf>,
    /// Write the residuals as SVG
    #[arg(long, value_name = "FILE")]
    residuals: Option<PathBuf>,
    #[command(flatten)]
    format: Format,
}

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
            write_svg(figure, &path)?;
            printer.note(&format!("wrote {}", path.display()));
        }
    }
    Ok(ExitStatus::Done)
}

/// What is said of the fit, and what is drawn of it where a figure is asked for: its bands take as
/// many predictions as there are refits, at every place of every curve.
async fn report(fit: Fit, context: &Context) -> Result<(FitReport, Option<FittedLaw>), Failure> {
    let law = fit.target.law()?;
    let card = law.card();
    let options = fit.target.options()?;
    let data = fit.mapping.data(fit.runs.read(context).await?, law)?;
    let estimate = law.estimate(&data, &options).map_err(refused)?;
    let draws = if fit.sampling.bootstrap == 0 {
        Vec::new()
    } else {
        law.draws(&data, &options, &estimate, fit.sampling.bootstrap, fit.sampling.seed)
            .map_err(refused)?
    };
    let intervals = intervals(&estimate, &draws, fit.sampling.level.0);
    let is_drawn = fit.plot || fit.figure.is_some() || fit.residuals.is_some();
    let drawn = is_drawn.then(|| fitted_law(law, &data, &estimate, &draws, fit.sampling.level.0));
    let scale = scale(law, &data);
    let held_out = if fit.hold_out.0 > 0.0 {
        // Too few smaller runs are no reason to refuse the fit of all of them.
        hold_out(law, &data, &options, &scale, fit.hold_out.0).ok().flatten()
    } else {
        None
    };
    let coefficients = card.parameters.iter().zip(&estimate.coefficients).enumerate();
    let coefficients = coefficients
        .map(|(i, (parameter, value))| Found {
            symbol: parameter.symbol,
            meaning: parameter.meaning,
            value: *value,
            interval: intervals.as_ref().map(|intervals| intervals[i]),
        })
        .collect();
    let spans = card.variables.iter().filter_map(|variable| {
        let (lower, upper) = data.span(variable.symbol)?;
        Some(Span { symbol: variable.symbol, lower, upper })
    });
    let remarks = verdicts(&card, &data, &estimate, intervals.as_deref());
    let report = FitReport {
        law: card.name,
        equation: card.equation,
        file: fit.runs.to_string(),
        rows_n: data.rows_n(),
        objective_name: fit.target.objective.text,
        objective: estimate.objective,
        converged: matches!(estimate.convergence, sweep_core::fit::Convergence::Converged),
        condition: estimate.condition,
        optima_n: estimate.basins.len(),
        level: fit.sampling.level.0,
        draws_n: fit.sampling.bootstrap,
        coefficients,
        spans: spans.collect(),
        held_out: held_out.map(Into::into),
        published: card.published.iter().map(Into::into).collect(),
        remarks: remarks.iter().map(ToString::to_string).collect(),
    };
    Ok((report, drawn))
}

/// The interval of each coefficient, where there are draws.
fn intervals(
    estimate: &catalogue::Estimate,
    draws: &[Vec<f64>],
    level: f64,
) -> Option<Vec<Interval>> {
    let interval = |(i, value): (usize, &f64)| {
        let mut values: Vec<f64> = draws.iter().map(|draw| draw[i]).collect();
        law_engine::forecast::around(*value, &mut values, level)
    };
    let all = || estimate.coefficients.iter().enumerate().map(interval).collect();
    (!draws.is_empty()).then(all)
}

/// How large a run is: compute where the law's variables are sizes and tokens, else the variable.
fn scale(law: &dyn Law, data: &Data) -> Vec<f64> {
    let mut scale = vec![1.0; data.rows_n()];
    for variable in law.card().variables {
        let values = data.column(variable.symbol).unwrap_or_default();
        scale.iter_mut().zip(values).for_each(|(scale, value)| *scale *= value);
    }
    scale
}
