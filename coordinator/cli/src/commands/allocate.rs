//! `sweepctl allocate`: the best size and number of tokens for a budget.

use clap::Args;
use law_engine::catalogue::{Data, verdicts};
use law_engine::query::allocation::{NoOptimum, best, contrast};
use law_engine::query::approaches::{Run, Sizes, envelope, isoflop};
use law_engine::query::{Budget, Fitted, Throughput, allocate};

use crate::args::Format;
use crate::context::Context;
use crate::failure::{ExitStatus, Failure};
use crate::fitting::{Fitting, measured, throughput};
use crate::place::{Place, positive};
use crate::view::fit::{digits, size};
use crate::view::query::{self, About, AllocateReport, Check};

const EXAMPLES: &str = "Examples:
  sweepctl allocate runs.csv --law chinchilla --flops 1e24
  sweepctl allocate runs.csv --law chinchilla --hours 20000
  sweepctl allocate runs.csv --law chinchilla --hours 20000 --throughput '2e11*N^-0.7' --json";

/// Divide a budget between parameters and tokens so that the loss of a fitted law is least.
///
/// Beside a budget of FLOPs stands what the runs say of the best size without the law, where they
/// show one: the bottoms of isoFLOP parabolas, and the sizes of the lowest training curves.
///
/// A budget of accelerator hours needs to know how fast each size trains: by the columns of hours,
/// parameters and tokens of the file, or as `--throughput` says.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
#[group(id = "budget", required = true, multiple = false, args = ["flops", "hours"])]
pub(crate) struct Allocate {
    #[command(flatten)]
    fitting: Fitting,
    /// Training compute
    #[arg(long, value_name = "FLOP", value_parser = positive)]
    flops: Option<f64>,
    /// Accelerator hours
    #[arg(long, value_name = "HOURS", value_parser = positive)]
    hours: Option<f64>,
    /// FLOP of a training step per parameter and token
    #[arg(long, value_name = "FLOP", value_parser = positive, default_value = "6")]
    flops_per_param_token: f64,
    /// Tokens per accelerator second [default: fitted to the columns of the file]
    #[arg(long, value_name = "A*N^-B", value_parser = throughput, requires = "hours")]
    throughput: Option<Throughput>,
    /// Variables of the law beside N and D
    #[arg(long, value_name = "SYMBOL=VALUE,...", value_parser = Place::read)]
    at: Option<Place>,
    #[command(flatten)]
    format: Format,
}

pub(crate) async fn run(arguments: Allocate, context: &Context) -> Result<ExitStatus, Failure> {
    let fitting = arguments.fitting;
    let card = fitting.law()?.card();
    let at = arguments.at.unwrap_or_default();
    let rows = at.rows(card.variables, &["N", "D"])?;
    let [x] = rows.as_slice() else {
        return Err(Failure::refused("`--at` of an allocation is one place, not a range"));
    };
    let is_measured = arguments.hours.is_some() && arguments.throughput.is_none();
    let beside: &[&str] = if is_measured { &["h"] } else { &[] };
    let (fitted, data) = fitting.fitted(beside, context).await?;
    let per_param_token = arguments.flops_per_param_token;
    let mut notes = Vec::new();
    let (budget, words) = match arguments.hours {
        Some(hours) => {
            let throughput = match arguments.throughput {
                Some(throughput) => throughput,
                None => measured(&data)?,
            };
            notes.push(query::throughput_note(&throughput));
            let other = contrast(&fitted, hours, throughput, per_param_token, x);
            notes.extend(other.as_ref().map(query::contrast_note));
            (Budget::Hours { hours, throughput }, format!("{} accelerator hours", digits(hours)))
        }
        None => {
            let flops_c = arguments.flops.unwrap_or_default();
            let words = format!("{flops_c:.3e} FLOP at C = {} N D", size(per_param_token));
            (Budget::Flops { flops_c, per_param_token }, words)
        }
    };
    let checks = match budget {
        Budget::Flops { flops_c, per_param_token } => {
            checks(&fitted, &data, flops_c, per_param_token, x, fitting.level())
        }
        Budget::Hours { .. } => Vec::new(),
    };
    let found =
        allocate(&fitted, budget, x, fitting.level()).map_err(|no| without(card.name, no))?;
    let report = AllocateReport {
        budget: words,
        quantities: query::quantities(&found),
        without: found.without,
        reliance: query::reliance(&found),
        checks,
        notes,
        remarks: verdicts(&card, &data, &fitted.estimate, None)
            .iter()
            .map(ToString::to_string)
            .collect(),
        about: About::new(&fitted, &data, &fitting),
    };
    context.printer.report(arguments.format, &report, AllocateReport::render)
}

/// What the runs say of the best size without the law, as far as they show one.
fn checks(
    fitted: &Fitted<'_>,
    data: &Data,
    flops_c: f64,
    per_param_token: f64,
    x: &[f64],
    level: f64,
) -> Vec<Check> {
    let (Some(sizes), Some(tokens)) = (data.column("N"), data.column("D")) else {
        return Vec::new();
    };
    let runs: Vec<Run> = sizes
        .iter()
        .zip(tokens)
        .zip(data.response().iter().zip(data.groups()))
        .map(|((params_n, tokens_d), (loss, run))| Run {
            params_n: *params_n,
            flops_c: per_param_token * params_n * tokens_d,
            loss: *loss,
            run: *run,
        })
        .collect();
    let law = |flops_c: f64| {
        let budget = Budget::Flops { flops_c, per_param_token };
        best(fitted, budget, x).ok().map(|best| best.params_n)
    };
    let found =
        [("isoFLOP parabolas", isoflop(&runs)), ("lowest training curves", envelope(&runs))];
    let check = |(approach, sizes): (&'static str, Option<Sizes>)| {
        Some(Check::new(approach, &sizes?, flops_c, level, law))
    };
    found.into_iter().filter_map(check).collect()
}

/// Why a law has no best division, and what would help.
fn without(law: &str, no: NoOptimum) -> Failure {
    match no {
        NoOptimum::NoVariable(symbol) => {
            Failure::refused(format!("the law {law} is no function of {symbol}: nothing to divide"))
                .with_hint("`chinchilla` and other laws of N and D have a best division")
        }
        NoOptimum::AtEdge { size } => {
            let (more, other) = if size { ("parameters", "D") } else { ("tokens", "N") };
            Failure::refused(format!("by these runs the best is ever more {more}"))
                .with_cause(format!("the fitted loss hardly depends on {other}"))
                .with_hint(format!("runs that differ in {other} at equal compute would show it"))
        }
    }
}
