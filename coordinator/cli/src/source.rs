//! Where a table of runs comes from: a file, standard input, or a sweep of ours.

use std::convert::Infallible;
use std::fmt;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use law_engine::metrics::Conventions;
use sweep_core::observation::Observation;

use crate::context::Context;
use crate::failure::Failure;
use crate::runs_file::RunsFile;
use crate::session::{Need, Session};
use crate::view::counted;

/// What stands before the name of a sweep, and alone for the newest one.
const SWEEP: &str = "sweep:";

/// A place that runs are read from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    File(PathBuf),
    StandardInput,
    /// The finished runs of a sweep; no name means the newest.
    Sweep(String),
}

impl FromStr for Source {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(match text.strip_prefix(SWEEP) {
            Some(name) => Self::Sweep(name.to_owned()),
            None if text == "-" => Self::StandardInput,
            None => Self::File(PathBuf::from(text)),
        })
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(f),
            Self::StandardInput => f.write_str("standard input"),
            Self::Sweep(name) => write!(f, "{SWEEP}{name}"),
        }
    }
}

impl Source {
    /// The runs. Asks a coordinator only where the source is a sweep.
    pub(crate) async fn read(&self, context: &Context) -> Result<RunsFile, Failure> {
        match self {
            Self::File(path) => RunsFile::read(path),
            Self::StandardInput => {
                let mut bytes = Vec::new();
                std::io::stdin().read_to_end(&mut bytes).map_err(|error| {
                    Failure::refused("standard input cannot be read").with_cause(error.to_string())
                })?;
                RunsFile::parse(Path::new(&self.to_string()), bytes)
            }
            Self::Sweep(name) => {
                let mut session = Session::open(context, Need::Answers).await?;
                let asked = async {
                    let name = session.status(name).await?.record.name;
                    let observations = session.observations(&name).await?;
                    Ok::<_, Failure>((name, observations))
                };
                let answer = asked.await;
                session.close().await;
                let (name, observations) = answer?;
                let (runs, left_out_n) = tabulated(&name, observations)?;
                if left_out_n > 0 {
                    context.printer.note(&format!(
                        "left out {} whose loss never left that of byte pairs",
                        counted(left_out_n, "run")
                    ));
                }
                Ok(runs)
            }
        }
    }
}

/// The columns of a sweep's runs, under the names that `fit` looks for.
const COLUMNS: [&str; 11] = [
    "run_id",
    "arm",
    "size",
    "class",
    "seed",
    "params_n",
    "tokens_d",
    "unique_tokens",
    "flops_c",
    "hours",
    "bits_per_byte",
];

/// The finished runs of a sweep, imported ones too, as a table, and how many of them no law can use.
pub(crate) fn tabulated(
    name: &str,
    observations: Vec<Observation>,
) -> Result<(RunsFile, usize), Failure> {
    let (fit, unfit): (Vec<_>, Vec<_>) = observations.into_iter().partition(Observation::is_fit);
    if fit.is_empty() {
        return Err(Failure::refused(format!("sweep {name} has no finished run to fit"))
            .with_hint(format!("`sweepctl status {name}` says how far it is")));
    }
    let cells = |run: &Observation| {
        vec![
            run.run.to_string(),
            run.arm.clone(),
            run.size.clone(),
            run.class.to_string(),
            run.seed.to_string(),
            run.params_n.to_string(),
            run.tokens_d.to_string(),
            run.unique_tokens.map_or_else(String::new, |tokens| tokens.to_string()),
            run.flops_c.to_string(),
            run.hours.to_string(),
            run.bits_per_byte.to_string(),
        ]
    };
    // The rows of a sweep have no lines: they are counted.
    let rows = fit.iter().zip(1..).map(|(run, number)| (number, cells(run))).collect();
    let columns = COLUMNS.map(str::to_owned).to_vec();
    let path = PathBuf::from(Source::Sweep(name.to_owned()).to_string());
    let runs = RunsFile::new(path, columns, rows)?.counted_by(Conventions::SWEEP);
    Ok((runs, unfit.len()))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::fixtures;

    #[test]
    fn a_place_is_a_file_the_standard_input_or_a_sweep() {
        let read = |text: &str| text.parse::<Source>().expect("every text is a place");
        assert_eq!(read("runs.csv"), Source::File(PathBuf::from("runs.csv")));
        assert_eq!(read("-"), Source::StandardInput);
        assert_eq!(read("sweep:"), Source::Sweep(String::new()));
        assert_eq!(read("sweep:demo").to_string(), "sweep:demo");
    }

    #[test]
    fn the_finished_runs_of_a_sweep_are_a_table_of_what_fits_look_for() {
        let all = fixtures::observations(&fixtures::done());
        let all_n = all.len();
        let (runs, left_out_n) = tabulated("demo", all).expect("some runs have finished");
        assert_eq!(runs.rows_n() + left_out_n, all_n);
        let numbers = |symbol: &str| {
            let column = runs.find(symbol, &BTreeMap::new()).expect("it is a usual name");
            runs.numbers(column).expect("observations are positive")
        };
        for ((n, d), c) in numbers("N").iter().zip(numbers("D")).zip(numbers("C")) {
            assert!((c / (6.0 * n * d) - 1.0).abs() < 1e-12);
        }
        assert_eq!(numbers("h").len(), numbers("loss").len());
        assert!(numbers("U").iter().zip(numbers("D")).all(|(u, d)| *u > 0.0 && *u <= d));
    }
}
