//! `sweepctl propose`: the runs to make next.

use clap::{Args, ValueEnum};
use law_engine::catalogue::frontier::FLOPS_PER_TOKEN;
use law_engine::catalogue::{Data, Law, Options, Scheme};
use law_engine::propose::{self, Arm, Candidate, Limits, Run, Scale, Space, Spread, State};
use law_engine::query::{Fitted, Throughput};

use crate::args::Format;
use crate::context::Context;
use crate::failure::{ExitStatus, Failure};
use crate::fitting::{Mapping, Sampling, Target, measured, refused, throughput};
use crate::place::{Place, positive};
use crate::rivals::Source;
use crate::view::propose::ProposeReport;

const EXAMPLES: &str = "Examples:
  sweepctl propose runs.csv --law chinchilla --for loss --at flops=1e22 --hours 500
  sweepctl propose runs.csv --law chinchilla --for size --at hours=20000 --hours 500 --json
  sweepctl propose gpt.csv lstm.csv --law chinchilla --for crossover --hours 500
  sweepctl propose gpt=a.csv lstm=b.csv --law power-floor-hours --for winner --at hours=1e5 --hours 800";

/// Propose the runs that narrow the answer to a question most for their accelerator hours.
///
/// Judges every affordable run by the law and by what a law leaves out: differences between
/// configurations, misfit far from the question, seed noise. Runs that are chosen one by one are
/// compared with a grid and an isoFLOP design of the same price, and the best is proposed.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Propose {
    /// The runs so far, a table for each arm: files, `-`, or `sweep:NAME`; `NAME=RUNS` names the arm
    #[arg(value_name = "RUNS", required = true)]
    runs: Vec<Source>,
    #[command(flatten)]
    target: Target,
    #[command(flatten)]
    mapping: Mapping,
    #[command(flatten)]
    sampling: Sampling,
    /// What is to be known
    #[arg(long = "for", value_enum)]
    question: Question,
    /// Where: `flops=1e22` or `hours=20000` for the best run of that budget, or a run such as
    /// `N=7B,D=1T` [default of a crossover: ahead of the largest run]
    #[arg(long, value_name = "PLACE", value_parser = Place::read)]
    at: Option<Place>,
    /// Accelerator hours to spend
    #[arg(long, value_name = "HOURS", value_parser = positive)]
    hours: f64,
    /// Tokens per accelerator second [default: fitted to the columns of each table]
    #[arg(long, value_name = "A*N^-B", value_parser = throughput)]
    throughput: Option<Throughput>,
    /// Runs that could be made [default: sizes and tokens about and beyond those so far]
    #[arg(long, value_name = "SYMBOL=FROM..TO:STEPS,...", value_parser = Place::read)]
    candidates: Option<Place>,
    /// Runs that are on their way; `NAME=RUNS` says of which arm
    #[arg(long, value_name = "RUNS")]
    pending: Vec<Source>,
    /// Most seeds of one configuration
    #[arg(long, value_name = "N", default_value_t = 4)]
    seeds: u32,
    #[command(flatten)]
    format: Format,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Question {
    /// The loss at a run, or of the best run of a budget
    Loss,
    /// The parameters of the best run of a budget
    Size,
    /// Where two arms change places
    Crossover,
    /// Which arm is the best at a budget
    Winner,
}

/// Draws of the coefficients that a proposal is averaged over.
const DRAWS_N: usize = 7;
/// Decades ahead of the largest run in which a crossing is looked for.
const CROSSOVER_DECADES: f64 = 4.0;

/// An arm with what was read of it.
struct Known {
    name: String,
    fitted: Fitted<'static>,
    data: Data,
    throughput: Option<Throughput>,
}

pub(crate) async fn run(arguments: Propose, context: &Context) -> Result<ExitStatus, Failure> {
    let law = arguments.target.law(&arguments.mapping.columns.symbols())?;
    let mut known: Vec<Known> = Vec::new();
    for source in &arguments.runs {
        known.push(read(&arguments, law, source, context).await?);
    }
    let spread = Spread::with_noise_of(known.iter().map(|arm| &arm.fitted));
    let arms = known.iter().map(|arm| Arm {
        fixed: arguments.target.fixed(law),
        throughput: arm.throughput,
        ..Arm::of_fit(&arm.name, &arm.fitted, DRAWS_N)
    });
    let mut state = State {
        arms: arms.collect(),
        measured: Vec::new(),
        pending: pending(&arguments, law, &known, context).await?,
        spread,
    };
    let mut space = Space::default();
    for (number, arm) in known.iter().enumerate() {
        state.measured.extend(places(law, &arm.data).map(|x| Run { arm: number, x }));
        space.candidates.extend(candidates(&arguments, law, number, arm)?);
    }
    let question = question(&arguments, law, &known)?;
    let limits = Limits { seeds_max: arguments.seeds, ..Limits::of_budget(arguments.hours) };
    let proposal = propose::propose(&state, &space, &question, &limits)
        .map_err(|refusal| Failure::refused(refusal.to_string()))?;
    let names: Vec<&str> = known.iter().map(|arm| arm.name.as_str()).collect();
    let report = ProposeReport::new(&proposal, &names, law, &spread, arguments.hours);
    context.printer.report(arguments.format, &report, ProposeReport::render)
}

/// One arm's runs, its fit, and how fast it trains.
async fn read(
    arguments: &Propose,
    law: &'static dyn Law,
    source: &Source,
    context: &Context,
) -> Result<Known, Failure> {
    let mut symbols: Vec<&str> = law.card().letters();
    let of_sizes = symbols == ["N", "D"];
    let is_measured = of_sizes && arguments.throughput.is_none();
    if !of_sizes && symbols != ["h"] {
        return Err(Failure::refused(format!("runs of the law {} have no price", law.card().name))
            .with_hint("take a law of N and D such as `chinchilla`, or one of h"));
    }
    if is_measured {
        symbols.push("h");
    }
    let file = source.runs.read(context).await?;
    if is_measured && file.find("h", &arguments.mapping.columns.named()).is_err() {
        let failure = format!("{} does not say how fast its sizes train", source.runs);
        return Err(Failure::refused(failure)
            .with_cause("no column is known as h, the accelerator hours of a run")
            .with_hint("name it: `--column h=COLUMN`, or give `--throughput '2e11*N^-0.7'`"));
    }
    let data = arguments.mapping.data(file, &symbols)?;
    let throughput = match arguments.throughput {
        Some(throughput) => Some(throughput),
        None if is_measured => Some(measured(&data)?),
        None => None,
    };
    // Proposals were measured with draws of whole runs.
    let options = Options { scheme: Scheme::Runs, ..arguments.target.options()? };
    let Sampling { bootstrap, seed, .. } = arguments.sampling;
    let fitted = Fitted::new(law, &data, &options, bootstrap, seed).map_err(refused)?;
    Ok(Known { name: source.arm(), fitted, data, throughput })
}

/// The variables of the law, row by row.
fn places<'a>(law: &dyn Law, data: &'a Data) -> impl Iterator<Item = Vec<f64>> + use<'a> {
    let columns: Vec<Vec<f64>> =
        law.card().variables.iter().filter_map(|variable| data.column(variable.symbol)).collect();
    (0..data.rows_n()).map(move |row| columns.iter().map(|column| column[row]).collect())
}

async fn pending(
    arguments: &Propose,
    law: &dyn Law,
    known: &[Known],
    context: &Context,
) -> Result<Vec<Run>, Failure> {
    let mut runs = Vec::new();
    for source in &arguments.pending {
        let arm = match known {
            [_] => 0,
            _ => known.iter().position(|arm| arm.name == source.arm()).ok_or_else(|| {
                Failure::refused(format!("`--pending` names no arm: {}", source.arm()))
                    .with_hint(format!("write `--pending {}=RUNS`", known[0].name))
            })?,
        };
        let file = source.runs.read(context).await?;
        let named = arguments.mapping.columns.named();
        let places = file.places(&law.card().letters(), &named)?;
        runs.extend(places.into_iter().map(|x| Run { arm, x }));
    }
    Ok(runs)
}

/// Sizes to a decade, and tokens per parameter: the candidates where nobody names any.
const SIZES_PER_DECADE: f64 = 6.0;
const RATIOS: [f64; 9] = [1.25, 2.5, 5.0, 10.0, 20.0, 40.0, 80.0, 160.0, 320.0];
/// How far beyond the largest run candidates are looked for.
const BEYOND: f64 = 30.0;

fn candidates(
    arguments: &Propose,
    law: &dyn Law,
    number: usize,
    arm: &Known,
) -> Result<Vec<Candidate>, Failure> {
    let variables = law.card().variables;
    let places = match &arguments.candidates {
        Some(place) => place.rows(variables, &[])?,
        None => {
            let (least, most) = arm.fitted.spans[0];
            let steps = ((BEYOND * most / least).log10() * SIZES_PER_DECADE).ceil() as i32;
            let sizes = (0..=steps).map(|i| least * 10f64.powf(f64::from(i) / SIZES_PER_DECADE));
            match arm.throughput {
                None => sizes.map(|h| vec![h]).collect(),
                Some(_) => sizes.flat_map(|n| RATIOS.map(|ratio| vec![n, ratio * n])).collect(),
            }
        }
    };
    let hours = |x: &[f64]| match arm.throughput {
        Some(throughput) => throughput.hours(x[0], x[1]),
        None => x[0],
    };
    Ok(Space::new(number, places, hours).candidates)
}

/// The question as the engine has it.
fn question(
    arguments: &Propose,
    law: &dyn Law,
    known: &[Known],
) -> Result<propose::Target, Failure> {
    let scale = || match arguments.at.as_ref().and_then(Place::only) {
        Some(("flops" | "C", value)) => Some(Scale::Flops(value)),
        Some(("hours" | "h", value)) => Some(Scale::Hours(value)),
        _ => None,
    };
    let lacks = |what: &str| {
        Failure::refused(format!("`--for {what}` wants a budget"))
            .with_hint("`--at flops=1e22` or `--at hours=20000`")
    };
    let arms_n = known.len();
    match arguments.question {
        Question::Crossover | Question::Winner if arms_n < 2 => {
            Err(Failure::refused("a comparison takes two arms, and one table was given")
                .with_hint("`sweepctl propose one.csv two.csv ...`"))
        }
        Question::Loss | Question::Size if arms_n > 1 => {
            Err(Failure::refused("a loss or a size is of one arm, and several tables were given"))
        }
        Question::Loss => match (scale(), &arguments.at) {
            (Some(scale), _) => Ok(propose::Target::BestLoss { arm: 0, scale }),
            (None, Some(at)) => {
                let rows = at.rows(law.card().variables, &[])?;
                let [x] = rows.as_slice() else {
                    return Err(Failure::refused("`--at` of a proposal is one place, not a range"));
                };
                Ok(propose::Target::Loss { arm: 0, x: x.clone() })
            }
            (None, None) => Err(lacks("loss")),
        },
        Question::Size => {
            let scale = scale().ok_or_else(|| lacks("size"))?;
            Ok(propose::Target::BestSize { arm: 0, scale })
        }
        Question::Winner => {
            let scale = scale().ok_or_else(|| lacks("winner"))?;
            Ok(propose::Target::Winner { arms: (0..arms_n).collect(), scale })
        }
        Question::Crossover => {
            let from = scale().unwrap_or_else(|| largest(law, known));
            let decades = CROSSOVER_DECADES;
            Ok(propose::Target::Crossover { arms: [0, 1], from, decades })
        }
    }
}

/// The budget of the largest run that both arms have.
fn largest(law: &dyn Law, known: &[Known]) -> Scale {
    let budget = |x: Vec<f64>| match x.as_slice() {
        [n, d] => FLOPS_PER_TOKEN * n * d,
        _ => x[0],
    };
    let of_arm = |arm: &Known| places(law, &arm.data).map(budget).fold(0.0, f64::max);
    let least = known.iter().map(of_arm).fold(f64::INFINITY, f64::min);
    match known.first().and_then(|arm| arm.throughput) {
        Some(_) => Scale::Flops(least),
        None => Scale::Hours(least),
    }
}
