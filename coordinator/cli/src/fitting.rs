//! What every command that fits a law to a file of runs asks for: the law and its objective, the
//! columns of the file, and the draws behind intervals.

use std::collections::BTreeMap;
use std::str::FromStr;

use clap::{Args, ValueEnum};
use law_engine::catalogue::{Data, LAWS, Law, Options, Prior, Refusal, Scheme};
use law_engine::metrics::Conventions;
use law_engine::objective::{Huber, Residual};
use law_engine::query::{Fitted, Throughput};
use sweep_core::units::Share;

use crate::commands::laws;
use crate::context::Context;
use crate::failure::Failure;
use crate::machine::cores_n;
use crate::place::positive;
use crate::runs_file::RunsFile;
use crate::source::Source;

/// A law and the runs that it is fitted to.
#[derive(Debug, Args)]
pub(crate) struct Fitting {
    /// The runs: a file or folder, `-` for standard input, or `sweep:NAME` for those of a sweep
    #[arg(value_name = "RUNS")]
    pub(crate) runs: Source,
    #[command(flatten)]
    pub(crate) target: Target,
    #[command(flatten)]
    pub(crate) mapping: Mapping,
    #[command(flatten)]
    pub(crate) sampling: Sampling,
    /// How data that could as well have been measured are made for the refits
    #[arg(long, value_enum, default_value_t = Resample::Residuals)]
    resample: Resample,
    /// Search the whole landscape anew in every refit, rather than from the optima of the fit
    #[arg(long)]
    cold: bool,
}

impl Fitting {
    /// Fits the law, with the draws that are asked for. The data have the law's variables and those
    /// of `beside`.
    pub(crate) async fn fitted(
        &self,
        beside: &[&str],
        context: &Context,
    ) -> Result<(Fitted<'static>, Data), Failure> {
        self.fitted_to(self.runs.read(context).await?, beside)
    }

    /// The same of runs that are read already.
    pub(crate) fn fitted_to(
        &self,
        file: RunsFile,
        beside: &[&str],
    ) -> Result<(Fitted<'static>, Data), Failure> {
        let law = self.law()?;
        self.mapping.columns.known_to(law)?;
        let mut symbols: Vec<&str> = law.card().letters();
        symbols.extend(
            beside.iter().filter(|beside| !symbols.contains(beside)).copied().collect::<Vec<_>>(),
        );
        let data = self.mapping.data(file, &symbols)?;
        Ok((self.refitted(law, &data)?, data))
    }

    /// Fits any law to `data` as this one is.
    pub(crate) fn refitted(
        &self,
        law: &'static dyn Law,
        data: &Data,
    ) -> Result<Fitted<'static>, Failure> {
        let scheme = self.scheme();
        let options = Options { is_cold: self.cold, scheme, ..self.target.options()? };
        let Sampling { bootstrap, seed, .. } = self.sampling;
        Fitted::new(law, data, &options, bootstrap, seed).map_err(refused)
    }

    /// The law: the names of columns that are given are variables of a written one.
    pub(crate) fn law(&self) -> Result<&'static dyn Law, Failure> {
        self.target.law(&self.mapping.columns.symbols())
    }

    /// How the refits get their data.
    pub(crate) const fn scheme(&self) -> Scheme {
        match self.resample {
            Resample::Residuals => Scheme::Residuals,
            Resample::Wild => Scheme::Wild,
            Resample::Runs => Scheme::Runs,
        }
    }

    /// Level of the intervals.
    pub(crate) const fn level(&self) -> f64 {
        self.sampling.level.0
    }
}

/// A scheme as the command line names it.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Resample {
    /// The law plus the residuals of runs, exchanged: covers at its nominal rate in simulation
    Residuals,
    /// The law plus each run's own residuals under random factors
    Wild,
    /// Whole runs drawn with replacement
    Runs,
}

/// What is fitted, and how.
#[derive(Debug, Args)]
pub(crate) struct Target {
    /// Law of the catalogue (`sweepctl laws list`), yours (`E + A*N^-alpha + B*D^-beta`), or for
    /// `fit` and `predict` the best of the catalogue (`auto`)
    #[arg(long, value_name = "LAW")]
    pub(crate) law: String,
    /// What is minimised: `huber-log:DELTA`, `lsq-log`, `lsq`, `lsq-relative` or `lsq-log1p`
    #[arg(long, value_name = "OBJECTIVE", default_value = "huber-log:1e-3")]
    pub(crate) objective: Objective,
    /// Give a coefficient its value, such as `E=1.69`
    #[arg(long, value_name = "COEFFICIENT=VALUE", value_parser = pair)]
    pub(crate) fix: Vec<(String, String)>,
    /// Make two coefficients one, such as `alpha=beta`
    #[arg(long, value_name = "A=B", value_parser = pair)]
    pub(crate) tie: Vec<(String, String)>,
    /// Keep a coefficient between two values, such as `alpha=0.1..0.8`
    #[arg(long, value_name = "COEFFICIENT=LOWER..UPPER", value_parser = pair)]
    pub(crate) bound: Vec<(String, String)>,
    /// What is known of a coefficient beforehand, mean and standard deviation: `alpha=0.35+-0.05`
    #[arg(long, value_name = "COEFFICIENT=MEAN+-SD", value_parser = pair, requires = "noise")]
    pub(crate) prior: Vec<(String, String)>,
    /// Standard deviation of one row's residual, which priors are weighed against: 0.01 is 1 % of a
    /// loss under an objective of logarithms
    #[arg(long, value_name = "SD")]
    pub(crate) noise: Option<f64>,
}

/// Symbols that columns are named for whatever the law.
const BESIDE_LAWS: [&str; 5] = ["h", "loss", "run", "seed", "arm"];

/// Where a file of runs holds what.
#[derive(Debug, Args)]
pub(crate) struct Columns {
    /// Column of a variable, such as `N=params`; usual names are found without
    #[arg(long, value_name = "SYMBOL=COLUMN", value_parser = pair)]
    column: Vec<(String, String)>,
    /// Column of the response [default: one named `loss` or as usual]
    #[arg(long, value_name = "COLUMN")]
    response: Option<String>,
    /// Keep only rows with this text in a column
    #[arg(long = "where", value_name = "COLUMN=VALUE", value_parser = pair)]
    filter: Vec<(String, String)>,
    /// What a letter counts, such as `N=without-embeddings`, `N=active`, `D=seen`, `C=measured` or
    /// `L=bits-per-byte`; names of columns may say it too
    #[arg(long, value_name = "LETTER=WORD", value_parser = convention)]
    convention: Vec<Conventions>,
}

impl Columns {
    /// Leaves out the rows that are not asked for.
    pub(crate) fn filter(&self, file: &mut RunsFile) -> Result<(), Failure> {
        self.filter.iter().try_for_each(|(column, value)| file.keep(column, value))
    }

    /// What the numbers of `file` count: as stated, or as it says itself.
    pub(crate) fn conventions(&self, file: &RunsFile) -> Conventions {
        let stated = self.convention.iter().copied().fold(Conventions::UNKNOWN, Conventions::or);
        stated.or(file.conventions(&self.named()))
    }

    /// Symbols whose columns were named.
    pub(crate) fn symbols(&self) -> Vec<&str> {
        self.column.iter().map(|(symbol, _)| symbol.as_str()).collect()
    }

    /// Refuses two columns for one symbol, and the response as a variable.
    fn distinct(&self, file: &RunsFile) -> Result<(), Failure> {
        for (number, (symbol, column)) in self.column.iter().enumerate() {
            let before = self.column[..number].iter().find(|(before, _)| before == symbol);
            if let Some((_, other)) = before {
                let message = format!("{symbol} is given two columns, `{other}` and `{column}`");
                return Err(Failure::refused(message));
            }
            let loss = file.find("loss", &self.named()).ok().map(|loss| file.column(loss));
            if symbol != "loss" && loss == Some(column) {
                let message = format!("{symbol} and the response are both column `{column}`");
                return Err(Failure::refused(message).with_hint("name it: `--response COLUMN`"));
            }
        }
        Ok(())
    }

    /// Refuses a column for what is no variable, of `law` or of any other that may be chosen.
    fn known_to(&self, law: &dyn Law) -> Result<(), Failure> {
        let own = law.card().variables;
        let is_known = |symbol: &str| {
            let mut variables = own.iter().chain(LAWS.iter().flat_map(|law| law.card().variables));
            BESIDE_LAWS.contains(&symbol) || variables.any(|variable| variable.symbol == symbol)
        };
        let Some(symbol) = self.symbols().into_iter().find(|symbol| !is_known(symbol)) else {
            return Ok(());
        };
        let variables: Vec<&str> = own.iter().map(|variable| variable.symbol).collect();
        let message = format!("`--column {symbol}=...`: no law has a variable {symbol}");
        Err(Failure::refused(message)
            .with_hint(format!("those of this one are {}", variables.join(", "))))
    }

    /// By symbol, the columns that were named.
    pub(crate) fn named(&self) -> BTreeMap<String, String> {
        let mut named: BTreeMap<String, String> = self.column.iter().cloned().collect();
        named.extend(self.response.iter().map(|column| ("loss".to_owned(), column.clone())));
        named
    }
}

/// Where a file of runs holds what a fit needs, rows that belong together and weights included.
#[derive(Debug, Args)]
pub(crate) struct Mapping {
    #[command(flatten)]
    pub(crate) columns: Columns,
    /// Column of the run that a row belongs to; rows of one run are resampled together [default:
    /// one named `run_id` or as usual, else every row is a run]
    #[arg(long, value_name = "COLUMN")]
    pub(crate) group: Option<String>,
    /// Column that says how much each row counts
    #[arg(long, value_name = "COLUMN")]
    pub(crate) weight: Option<String>,
}

/// The refits that intervals are read off.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct Sampling {
    /// Bootstrap refits behind the intervals; 0 for none
    #[arg(long, value_name = "N", default_value_t = 400)]
    pub(crate) bootstrap: u32,
    /// Level of the intervals
    #[arg(long, value_name = "SHARE", default_value = "90 %")]
    pub(crate) level: Share,
    /// Seed of the resampling
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
}

impl Target {
    /// The law, of which also `variables` are variables if it is a written one.
    pub(crate) fn law(&self, variables: &[&str]) -> Result<&'static dyn Law, Failure> {
        laws::find(&self.law, variables)
    }

    /// The places of the coefficients that are given.
    pub(crate) fn fixed(&self, law: &dyn Law) -> Vec<usize> {
        let card = law.card();
        let place = |symbol: &str| card.parameters.iter().position(|p| p.symbol == symbol);
        self.fix.iter().filter_map(|(symbol, _)| place(symbol)).collect()
    }

    /// How to fit it.
    pub(crate) fn options(&self) -> Result<Options, Failure> {
        let mut fixed = Vec::new();
        for (symbol, value) in &self.fix {
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
            self.bound.iter().map(|bound| two("bound", bound, "..")).collect();
        let noise = self.noise.unwrap_or(f64::NAN);
        let prior = |text| {
            let (coefficient, mean, sd) = two("prior", text, "+-")?;
            Ok(Prior { coefficient, mean, sd, noise })
        };
        let priors: Result<Vec<Prior>, Failure> = self.prior.iter().map(prior).collect();
        let Objective { residual, huber, .. } = self.objective;
        let (tied, bounds, priors) = (self.tie.clone(), bounds?, priors?);
        let threads_n = cores_n();
        Ok(Options {
            residual,
            huber,
            fixed,
            tied,
            bounds,
            priors,
            threads_n,
            ..Options::default()
        })
    }
}

impl Mapping {
    /// The rows of a table with the variables that `symbols` stand for.
    pub(crate) fn data(&self, mut file: RunsFile, symbols: &[&str]) -> Result<Data, Failure> {
        self.columns.filter(&mut file)?;
        self.columns.distinct(&file)?;
        let mut named = self.columns.named();
        named.extend(self.group.iter().map(|column| ("run".to_owned(), column.clone())));
        let (rows, response) = (file.places(symbols, &named)?, file.losses(&named)?);
        let group = match file.find("run", &named) {
            Ok(column) => Some(file.labels(column)),
            Err(failure) if self.group.is_some() => return Err(failure),
            Err(_) => None,
        };
        let data = Data::new(symbols, rows, response, group).map_err(refused)?;
        let Some(column) = &self.weight else { return Ok(data) };
        named.insert("weight".to_owned(), column.clone());
        let weights = file.numbers(file.find("weight", &named)?)?;
        data.with_weights(weights).map_err(refused)
    }
}

/// Reads `N=without-embeddings`.
fn convention(text: &str) -> Result<Conventions, String> {
    let (of, word) = pair(text)?;
    Conventions::stated(&of, &word).map_err(|words| {
        if words.is_empty() {
            format!("`{of}` is none of N, D, C, L and run")
        } else {
            format!("of {of} it may be said: {}", words.join(", "))
        }
    })
}

/// Reads `left=right`.
pub(crate) fn pair(text: &str) -> Result<(String, String), String> {
    let (left, right) = text.split_once('=').ok_or("expected two sides of a `=`")?;
    Ok((left.trim().to_owned(), right.trim().to_owned()))
}

/// Residuals below this are rounding, and a smaller delta would tell them apart.
const DELTA_MIN: f64 = 1e-12;

/// An objective as the command line writes it.
#[derive(Clone, Debug)]
pub(crate) struct Objective {
    pub(crate) text: String,
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
                if !(delta.is_finite() && delta >= DELTA_MIN) {
                    return Err(format!(
                        "the delta of a Huber loss is a finite number from {DELTA_MIN:e} on"
                    ));
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

#[expect(clippy::needless_pass_by_value, reason = "`map_err` gives it away")]
pub(crate) fn refused(refusal: Refusal) -> Failure {
    Failure::refused(refusal.to_string())
}

/// Reads `A*N^-B`.
pub(crate) fn throughput(text: &str) -> Result<Throughput, String> {
    let parts = text
        .split_once('*')
        .and_then(|(amplitude, power)| Some((amplitude, power.trim().strip_prefix("N^-")?)));
    let (amplitude, exponent) =
        parts.ok_or_else(|| format!("expected `A*N^-B` such as `2e11*N^-0.7`, not `{text}`"))?;
    let (amplitude, exponent) = (positive(amplitude)?, positive(exponent)?);
    Ok(Throughput { amplitude, exponent, residual_sd: 0.0 })
}

/// The throughput by the file's own hours.
pub(crate) fn measured(data: &Data) -> Result<Throughput, Failure> {
    let column = |symbol| data.column(symbol).unwrap_or_default();
    Throughput::fit(&column("N"), &column("D"), &column("h")).ok_or_else(|| {
        Failure::refused("the runs do not say how throughput depends on the size")
            .with_cause("it takes two sizes with hours, parameters and tokens")
            .with_hint("give it: `--throughput '2e11*N^-0.7'`")
    })
}
