//! Arms that are compared: one table each, or one column's values, along one axis.

use std::str::FromStr;

use law_engine::catalogue::frontier::FLOPS_PER_TOKEN;
use law_engine::metrics::Conventions;
use law_engine::tabulated::Row;
use sweep_core::crossover::Axis;

use crate::context::Context;
use crate::failure::Failure;
use crate::fitting::Columns;
use crate::runs_file::RunsFile;
use crate::source;

/// A source of runs, named where `NAME=RUNS` was written.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    name: Option<String>,
    pub(crate) runs: source::Source,
}

impl FromStr for Source {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        // Paths may hold the sign too, but names hold no dot and no slash.
        let (name, runs) = match text.split_once('=') {
            Some((name, runs)) if !name.is_empty() && !name.contains(['/', '.']) => {
                (Some(name.to_owned()), runs)
            }
            _ => (None, text),
        };
        runs.parse().map(|runs| Self { name, runs })
    }
}

impl Source {
    /// What the arm is called.
    pub(crate) fn arm(&self) -> String {
        let of_runs = || match &self.runs {
            source::Source::File(path) => {
                path.file_stem().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
            }
            source::Source::Sweep(name) => name.clone(),
            source::Source::StandardInput => self.runs.to_string(),
        };
        self.name.clone().unwrap_or_else(of_runs)
    }
}

/// What is compared, and where the tables hold it.
pub(crate) struct Rivals<'a> {
    pub(crate) axis: Axis,
    /// The column whose values are the arms.
    pub(crate) by: Option<&'a str>,
    pub(crate) columns: &'a Columns,
}

/// All runs with their arms.
#[derive(Debug)]
pub(crate) struct Table {
    /// Where they come from.
    pub(crate) name: String,
    pub(crate) arms: Vec<String>,
    pub(crate) rows: Vec<Row>,
    /// What the loss is called.
    pub(crate) loss: String,
    pub(crate) notes: Vec<String>,
    /// What the numbers count, as far as one of the arms says.
    conventions: Conventions,
}

/// The column that names arms where one table is given and nobody says which.
const ARM: &str = "arm";

impl Rivals<'_> {
    pub(crate) async fn read(
        &self,
        sources: &[Source],
        context: &Context,
    ) -> Result<Table, Failure> {
        let names: Vec<String> = sources.iter().map(|source| source.runs.to_string()).collect();
        let mut table = Table {
            name: names.join(" and "),
            arms: Vec::new(),
            rows: Vec::new(),
            loss: String::new(),
            notes: Vec::new(),
            conventions: Conventions::UNKNOWN,
        };
        let by = self.by.or_else(|| (sources.len() == 1).then_some(ARM));
        for source in sources {
            let file = source.runs.read(context).await?;
            match by {
                Some(by) => {
                    for arm in file.values(by)? {
                        let mut own = file.clone();
                        own.keep(by, &arm)?;
                        self.add(&mut table, arm, own)?;
                    }
                }
                None => self.add(&mut table, source.arm(), file)?,
            }
        }
        match table.arms.as_slice() {
            [] | [_] => Err(Failure::refused(format!("{} is one arm alone", table.name))
                .with_hint("a comparison takes two tables, or `--by COLUMN` with two values")),
            _ => Ok(table),
        }
    }

    /// Adds the runs of one arm.
    fn add(&self, table: &mut Table, arm: String, mut file: RunsFile) -> Result<(), Failure> {
        if table.arms.contains(&arm) {
            return Err(Failure::refused(format!("two arms are called {arm}"))
                .with_hint("name them: `sweepctl compare one=a/runs.csv two=b/runs.csv`"));
        }
        self.columns.filter(&mut file)?;
        let named = self.columns.named();
        let column = |symbol: &str| file.optional(symbol, &named);
        let (params_n, tokens_d) = (column("N")?, column("D")?);
        let places = match (self.axis, column(self.axis.letter())?, &params_n, &tokens_d) {
            (_, Some(places), ..) => places,
            (Axis::Flops, None, Some(params_n), Some(tokens_d)) => {
                table.notes.push(format!("{arm}: no column of FLOPs, so C = 6 N D"));
                let flops = |(n, d): (&f64, &f64)| FLOPS_PER_TOKEN * n * d;
                params_n.iter().zip(tokens_d).map(flops).collect()
            }
            // Says which columns there are.
            _ => file.numbers(file.find(self.axis.letter(), &named)?)?,
        };
        let loss = file.find("loss", &named)?;
        let losses = file.numbers(loss)?;
        table.loss = file.column(loss).to_owned();
        let seeds = file.find("seed", &named).ok().map(|column| file.labels(column));
        let size = if self.axis == Axis::Params { tokens_d } else { params_n };
        let number = table.arms.len();
        table.rows.extend(places.iter().zip(&losses).enumerate().map(|(i, (place, loss))| Row {
            arm: number,
            place: *place,
            // Equal numbers are equal sizes.
            configuration: size.as_ref().map_or(0, |size| size[i].to_bits()),
            seed: seeds.as_ref().map(|seeds| seeds[i]),
            loss: *loss,
        }));
        let conventions = self.columns.conventions(&file);
        for clash in table.conventions.clashes(&conventions) {
            let what = format!("{arm} counts otherwise than the arms before it: {clash}");
            // What is compared must be one thing; what is not may differ.
            if clash.of == "L" || clash.of == self.axis.letter() {
                return Err(Failure::refused(what)
                    .with_hint("where the names of columns mislead, `--convention` says it"));
            }
            table.notes.push(what);
        }
        table.conventions = table.conventions.or(conventions);
        table.arms.push(arm);
        Ok(())
    }
}
