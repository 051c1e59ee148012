//! `sweepctl compare`: where arms change places, on any tables of runs.

use std::path::PathBuf;

use charts::figure::{self, Comparison, Point, Weight};
use clap::{Args, ValueEnum};
use law_engine::tabulated::{self, Envelope, Row};
use law_engine::{Analysis, Request, analyse};
use sweep_core::crossover::Axis;
use sweep_core::ids::ForecastId;
use sweep_core::spec::LawChoice;

use crate::args::{Format, file};
use crate::context::Context;
use crate::failure::{ExitStatus, Failure};
use crate::fitting::{Columns, Sampling};
use crate::place::positive;
use crate::report::{draw, save};
use crate::rivals::{Rivals, Source, Table};
use crate::view::compare::{CompareReport, Compared};

const EXAMPLES: &str = "Examples:
  sweepctl compare gpt.csv lstm.csv --axis flops
  sweepctl compare gpt=a.csv lstm=b.jsonl --axis hours --plot --figure crossover.svg
  sweepctl compare runs.csv --by arm --axis tokens --horizon 1e14 --json
  sweepctl compare sweep:monday sweep:tuesday --axis flops";

/// Find where the arms of one or several tables change places, along any axis.
///
/// Every table is an arm, or every value of one column (`--by`). Fits a power law with and without a
/// floor to each arm, and gives the set of crossings that the data do not reject, the probability
/// that there is none, and who is ahead along the axis.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES, visible_alias = "crossover")]
pub(crate) struct Compare {
    /// The runs: files, `-` for standard input, or `sweep:NAME`; `NAME=RUNS` names the arm
    #[arg(value_name = "RUNS", required = true)]
    runs: Vec<Source>,
    /// What the arms are compared along
    #[arg(long, value_enum)]
    axis: Along,
    /// Column whose values are the arms [default: `arm` where one table is given]
    #[arg(long, value_name = "COLUMN")]
    by: Option<String>,
    /// The law that speaks
    #[arg(long, value_enum, default_value_t = Family::Auto)]
    law: Family,
    /// Which runs count: of each scale and seed the best size, of those only what no cheaper run
    /// beats, or all of them
    #[arg(long, value_enum, default_value_t = Runs::Best)]
    envelope: Runs,
    /// No crossing is looked for beyond this value of the axis [default: 10,000 times the largest]
    #[arg(long, value_name = "VALUE", value_parser = positive)]
    horizon: Option<f64>,
    #[command(flatten)]
    columns: Columns,
    #[command(flatten)]
    sampling: Sampling,
    /// Draw the arms with their laws in the terminal
    #[arg(long, conflicts_with = "json")]
    plot: bool,
    /// Write the figure as SVG
    #[arg(long, value_name = "FILE", value_parser = file)]
    figure: Option<PathBuf>,
    #[command(flatten)]
    format: Format,
}

/// [`Axis`] on the command line.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Along {
    /// Accelerator hours of a run
    Hours,
    /// Training compute; 6 N D where no column says it
    Flops,
    /// Training tokens
    Tokens,
    /// Parameters
    Params,
}

/// [`LawChoice`] on the command line.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Family {
    /// The one that forecasts the largest scale best from the others
    Auto,
    /// A x^-alpha
    Power,
    /// E + A x^-alpha
    PowerFloor,
}

/// [`Envelope`] on the command line.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Runs {
    Best,
    Lower,
    All,
}

/// Beyond the largest place, as sweeps look.
const HORIZON: f64 = 1e4;

pub(crate) async fn run(arguments: Compare, context: &Context) -> Result<ExitStatus, Failure> {
    let printer = &context.printer;
    let axis = match arguments.axis {
        Along::Hours => Axis::Hours,
        Along::Flops => Axis::Flops,
        Along::Tokens => Axis::Tokens,
        Along::Params => Axis::Params,
    };
    let envelope = match arguments.envelope {
        Runs::Best => Envelope::Best,
        Runs::Lower => Envelope::Lower,
        Runs::All => Envelope::All,
    };
    let table = Rivals { axis, by: arguments.by.as_deref(), columns: &arguments.columns };
    let table = table.read(&arguments.runs, context).await?;
    let (study, is_part) = tabulated::study(axis, &table.arms, &table.rows, envelope);
    let largest = table.rows.iter().map(|row| row.place).fold(0.0, f64::max);
    let Sampling { bootstrap, level, seed } = arguments.sampling;
    if bootstrap == 0 {
        return Err(Failure::refused("`--bootstrap 0`: probabilities are shares of draws")
            .with_hint("leave it out for 400 draws"));
    }
    let analysis = analyse(
        &study,
        &Request {
            forecast: ForecastId::default(),
            law: match arguments.law {
                Family::Auto => LawChoice::Auto,
                Family::Power => LawChoice::Power,
                Family::PowerFloor => LawChoice::PowerFloor,
            },
            level: level.0,
            horizon_hours: arguments.horizon.unwrap_or(HORIZON * largest),
            draws_n: bootstrap,
            seed,
        },
    );
    let drawn = (arguments.plot || arguments.figure.is_some())
        .then(|| figure::crossover(comparison(&table, axis, &is_part, &analysis)));
    let arms = table.arms.iter().enumerate().map(|(number, arm)| {
        let own = || table.rows.iter().zip(&is_part).filter(move |(row, _)| row.arm == number);
        Compared {
            arm: arm.clone(),
            rows_n: own().count(),
            used_n: own().filter(|(_, is_part)| **is_part).count(),
        }
    });
    let report = CompareReport {
        axis,
        unit: unit(axis),
        loss: table.loss.clone(),
        compared: arms.collect(),
        notes: table.notes.iter().cloned().chain(swept(&table, envelope)).collect(),
        fits: analysis.arms,
        crossovers: analysis.crossovers,
    };
    let status = printer.report(arguments.format, &report, CompareReport::render)?;
    let Some(figure) = drawn else { return Ok(status) };
    if arguments.plot {
        printer.data("\n")?;
        draw(&figure, printer)?;
    }
    if let Some(path) = arguments.figure {
        save(&figure, &path, printer)?;
    }
    Ok(status)
}

const fn unit(axis: Axis) -> &'static str {
    match axis {
        Axis::Hours => "accelerator hours",
        Axis::Flops => "FLOPs",
        Axis::Tokens => "tokens",
        Axis::Params => "parameters",
    }
}

/// A table of many sizes and no common scales has no best size of each: say what then counts.
fn swept(table: &Table, envelope: Envelope) -> Option<String> {
    let mut places: Vec<(usize, f64)> = table.rows.iter().map(|row| (row.arm, row.place)).collect();
    places.sort_by(|a, b| a.partial_cmp(b).unwrap_or(std::cmp::Ordering::Equal));
    places.dedup();
    let mut sizes: Vec<(usize, u64)> =
        table.rows.iter().map(|row| (row.arm, row.configuration)).collect();
    sizes.sort_unstable();
    sizes.dedup();
    let is_swept = places.len() == table.rows.len() && sizes.len() > 2 * table.arms.len();
    (is_swept && envelope == Envelope::Best).then(|| {
        "no two runs of an arm stand at one scale, so that every size counts, the ill-chosen too: \
         `--envelope lower` keeps what no cheaper run beats"
            .to_owned()
    })
}

/// What the figure shows.
fn comparison<'a>(
    table: &'a Table,
    axis: Axis,
    is_part: &[bool],
    analysis: &'a Analysis,
) -> Comparison<'a> {
    let point = |(row, is_part): (&Row, &bool)| {
        let label = format!(
            "{}: {} {} at {}",
            table.arms[row.arm],
            table.loss,
            row.loss,
            axis.quantity(row.place)
        );
        let weight = if *is_part { Weight::Strong } else { Weight::Faint };
        Point { x: row.place, y: row.loss, weight, label }
    };
    let points = table.arms.iter().enumerate().map(|(number, arm)| {
        let own = table.rows.iter().zip(is_part).filter(|(row, _)| row.arm == number);
        (arm.as_str(), own.map(point).collect())
    });
    Comparison {
        id: "comparison".to_owned(),
        name: table.name.clone(),
        axis,
        unit: unit(axis),
        loss: &table.loss,
        points: points.collect(),
        arms: &analysis.arms,
        crossovers: &analysis.crossovers,
    }
}
