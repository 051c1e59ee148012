//! `sweepctl fit`: a law of the catalogue fitted to a file of runs.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::str::FromStr;

use charts::figure::{self, fit::FittedLaw};
use clap::Args;
use law_engine::catalogue::{self, Data, Law, Options, Prior, Refusal, hold_out, verdicts};
use law_engine::objective::{Huber, Residual};
use sweep_core::fit::Interval;
use sweep_core::units::Share;

use crate::args::Format;
use crate::context::Context;
use crate::failure::{ExitStatus, Failure};
use crate::report::{draw, write_svg};
use crate::runs_file::RunsFile;
use crate::view::fit::{FitReport, Found, Span};
use crate::view::fit_figure::fitted_law;

const EXAMPLES: &str = "Examples:
  sweepctl fit runs.csv --law chinchilla
  sweepctl fit runs.csv --law chinchilla --tie alpha=beta --bootstrap 4000 --json
  sweepctl fit runs.csv --law chinchilla --plot --figure fit.svg --residuals residuals.svg
  sweepctl fit runs.csv --law chinchilla --bound alpha=0.2..0.5 --prior E=1.7+-0.1 --noise 0.01
  sweepctl fit runs.jsonl --law power-const --column D=seen_examples --response error
  sweepctl laws list";

/// Fit a scaling law to a file of runs: CSV, or one JSON object per line.
///
/// Finds the global optimum of the stated objective, resamples whole runs for intervals, forecasts
/// the largest scales from the others, and says what the data do not support.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Fit {
    /// The runs
    file: PathBuf,
    /// Law of the catalogue; `sweepctl laws list` names them
    #[arg(long, value_name = "LAW")]
    law: String,
    /// What is minimised: `huber-log:DELTA`, `lsq-log`, `lsq`, `lsq-relative` or `lsq-log1p`
    #[arg(long, value_name = "OBJECTIVE", default_value = "huber-log:1e-3")]
    objective: Objective,
    /// Column of a variable, such as `N=params`; usual names are found without
    #[arg(long, value_name = "SYMBOL=COLUMN", value_parser = pair)]
    column: Vec<(String, String)>,
    /// Column of the response [default: one named `loss` or as usual]
    #[arg(long, value_name = "COLUMN")]
    response: Option<String>,
    /// Column of the run that a row belongs to; rows of one run are resampled together [default:
    /// one named `run_id` or as usual, else every row is a run]
    #[arg(long, value_name = "COLUMN")]
    group: Option<String>,
    /// Keep only rows with this text in a column
    #[arg(long = "where", value_name = "COLUMN=VALUE", value_parser = pair)]
    filter: Vec<(String, String)>,
    /// Give a coefficient its value, such as `E=1.69`
    #[arg(long, value_name = "COEFFICIENT=VALUE", value_parser = pair)]
    fix: Vec<(String, String)>,
    /// Make two coefficients one, such as `alpha=beta`
    #[arg(long, value_name = "A=B", value_parser = pair)]
    tie: Vec<(String, String)>,
    /// Keep a coefficient between two values, such as `alpha=0.1..0.8`
    #[arg(long, value_name = "COEFFICIENT=LOWER..UPPER", value_parser = pair)]
    bound: Vec<(String, String)>,
    /// What is known of a coefficient beforehand, mean and standard deviation: `alpha=0.35+-0.05`
    #[arg(long, value_name = "COEFFICIENT=MEAN+-SD", value_parser = pair, requires = "noise")]
    prior: Vec<(String, String)>,
    /// Standard deviation of one row's residual, which priors are weighed against: 0.01 is 1 % of a
    /// loss under an objective of logarithms
    #[arg(long, value_name = "SD")]
    noise: Option<f64>,
    /// Column that says how much each row counts
    #[arg(long, value_name = "COLUMN")]
    weight: Option<String>,
    /// Bootstrap refits behind the intervals; 0 for none
    #[arg(long, value_name = "N", default_value_t = 400)]
    bootstrap: u32,
    /// Level of the intervals
    #[arg(long, value_name = "SHARE", default_value = "90 %")]
    level: Share,
    /// Share of the runs, those of the largest scale, to forecast from the others; `0 %` for none
    #[arg(long, value_name = "SHARE", default_value = "20 %")]
    hold_out: Share,
    /// Seed of the resampling
    #[arg(long, default_value_t = 1)]
    seed: u64,
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

/// Reads `left=right`.
pub(crate) fn pair(text: &str) -> Result<(String, String), String> {
    let (left, right) = text.split_once('=').ok_or("expected two sides of a `=`")?;
    Ok((left.trim().to_owned(), right.trim().to_owned()))
}

/// An objective as the command line writes it.
#[derive(Clone, Debug)]
struct Objective {
    text: String,
    residual: Residual,
    huber: Huber,
}

impl FromStr for Objective {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, delta) = match text.split_once(':') {
            Some((name, delta)) => (name, Some(delta)),
            None => (text, None),
        };
        let residual = match name {
            "huber-log" | "lsq-log" => Residual::Log,
            "huber" | "lsq" => Residual::Raw,
            "lsq-relative" => Residual::Relative,
            "lsq-log1p" => Residual::Log1p,
            _ => {
                return Err("expected `huber-log:1e-3`, `lsq-log`, `lsq`, `huber:0.1`, \
                             `lsq-relative` or `lsq-log1p`"
                    .to_owned());
            }
        };
        let huber = match (name.starts_with("huber"), delta) {
            (true, Some(delta)) => {
                let delta: f64 = delta.parse().map_err(|_| format!("`{delta}` is no number"))?;
                if !(delta.is_finite() && delta > 0.0) {
                    return Err("the delta of a Huber loss is positive".to_owned());
                }
                Huber { delta }
            }
            (true, None) => return Err(format!("`{name}` wants a delta, such as `{name}:1e-3`")),
            (false, None) => Huber::LEAST_SQUARES,
            (false, Some(_)) => return Err(format!("`{name}` has no delta")),
        };
        Ok(Self { text: text.to_owned(), residual, huber })
    }
}

pub(crate) fn run(fit: Fit, context: &Context) -> Result<ExitStatus, Failure> {
    let printer = &context.printer;
    let (json, plot) = (fit.format.json, fit.plot);
    let files = [fit.figure.clone(), fit.residuals.clone()];
    let (report, drawn) = report(fit)?;
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
fn report(fit: Fit) -> Result<(FitReport, Option<FittedLaw>), Failure> {
    let law = super::laws::find(&fit.law)?;
    let card = law.card();
    let options = options(&fit)?;
    let data = data(&fit, law)?;
    let estimate = law.estimate(&data, &options).map_err(refused)?;
    let draws = if fit.bootstrap == 0 {
        Vec::new()
    } else {
        law.draws(&data, &options, &estimate, fit.bootstrap, fit.seed).map_err(refused)?
    };
    let intervals = intervals(&estimate, &draws, fit.level.0);
    let is_drawn = fit.plot || fit.figure.is_some() || fit.residuals.is_some();
    let drawn = is_drawn.then(|| fitted_law(law, &data, &estimate, &draws, fit.level.0));
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
        file: fit.file.display().to_string(),
        rows_n: data.rows_n(),
        objective_name: fit.objective.text,
        objective: estimate.objective,
        converged: matches!(estimate.convergence, sweep_core::fit::Convergence::Converged),
        condition: estimate.condition,
        optima_n: estimate.basins.len(),
        level: fit.level.0,
        draws_n: fit.bootstrap,
        coefficients,
        spans: spans.collect(),
        held_out: held_out.map(Into::into),
        published: card.published.iter().map(Into::into).collect(),
        remarks: remarks.iter().map(ToString::to_string).collect(),
    };
    Ok((report, drawn))
}

fn options(fit: &Fit) -> Result<Options, Failure> {
    let mut fixed = Vec::new();
    for (symbol, value) in &fit.fix {
        let value: f64 = value.parse().map_err(|_| {
            Failure::refused(format!("`--fix {symbol}={value}`: `{value}` is no number"))
        })?;
        fixed.push((symbol.clone(), value));
    }
    let two = |flag: &str, (symbol, text): &(String, String), between: &str| {
        let ends = text.split_once(between).and_then(|(a, b)| {
            Some((symbol.clone(), a.trim().parse().ok()?, b.trim().parse().ok()?))
        });
        ends.ok_or_else(|| {
            let expected = format!("expected two numbers with `{between}` between them");
            Failure::refused(format!("`--{flag} {symbol}={text}`: {expected}"))
        })
    };
    let bounds: Result<Vec<(String, f64, f64)>, _> =
        fit.bound.iter().map(|bound| two("bound", bound, "..")).collect();
    let noise = fit.noise.unwrap_or(f64::NAN);
    let prior = |text| {
        let (coefficient, mean, sd) = two("prior", text, "+-")?;
        Ok(Prior { coefficient, mean, sd, noise })
    };
    let priors: Result<Vec<Prior>, Failure> = fit.prior.iter().map(prior).collect();
    let Objective { residual, huber, .. } = fit.objective;
    let (tied, bounds, priors) = (fit.tie.clone(), bounds?, priors?);
    Ok(Options { residual, huber, fixed, tied, bounds, priors, ..Options::default() })
}

/// The rows of the file under the letters of the law.
fn data(fit: &Fit, law: &dyn Law) -> Result<Data, Failure> {
    let mut file = RunsFile::read(&fit.file)?;
    for (column, value) in &fit.filter {
        file.keep(column, value)?;
    }
    let mut named: BTreeMap<String, String> = fit.column.iter().cloned().collect();
    named.extend(fit.response.iter().map(|column| ("loss".to_owned(), column.clone())));
    named.extend(fit.group.iter().map(|column| ("run".to_owned(), column.clone())));
    let symbols: Vec<&str> = law.card().variables.iter().map(|variable| variable.symbol).collect();
    let mut columns = Vec::new();
    for symbol in &symbols {
        columns.push(file.numbers(file.find(symbol, &named)?)?);
    }
    let row = |row: usize| columns.iter().map(|column| column[row]).collect();
    let rows = (0..file.rows_n()).map(row).collect();
    let response = file.numbers(file.find("loss", &named)?)?;
    let group = match file.find("run", &named) {
        Ok(column) => Some(file.labels(column)),
        Err(failure) if fit.group.is_some() => return Err(failure),
        Err(_) => None,
    };
    let data = Data::new(&symbols, rows, response, group).map_err(refused)?;
    let Some(column) = &fit.weight else { return Ok(data) };
    named.insert("weight".to_owned(), column.clone());
    let weights = file.numbers(file.find("weight", &named)?)?;
    data.with_weights(weights).map_err(refused)
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

#[expect(clippy::needless_pass_by_value, reason = "`map_err` gives it away")]
fn refused(refusal: Refusal) -> Failure {
    Failure::refused(refusal.to_string())
}
