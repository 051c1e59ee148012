//! Rows of a table as runs to import: which column says what, and which rows cannot be used.

use std::collections::BTreeMap;

use law_engine::metrics::Conventions;
use law_engine::metrics::conventions::Loss;
use sweep_core::import::ImportedRun;

use crate::failure::Failure;
use crate::runs_file::{RunsFile, expected, positive};

/// What the table does not say by itself.
#[derive(Clone, Debug)]
pub(crate) struct Mapping {
    /// The arm of all runs.
    pub(crate) arm: Option<String>,
    /// The column that names the arm of each.
    pub(crate) arm_column: Option<String>,
    /// What arms are called here, by what they are called there.
    pub(crate) renames: BTreeMap<String, String>,
    /// By symbol, columns that were named.
    pub(crate) named: BTreeMap<String, String>,
    pub(crate) conventions: Conventions,
    /// Bytes of text to a token, where losses are in nats per token.
    pub(crate) bytes_per_token: Option<f64>,
    /// Accelerators of a run, where the table has the time of the clock.
    pub(crate) accelerators: f64,
}

/// The rows of a table, sorted out.
#[derive(Debug, PartialEq)]
pub(crate) struct Sorted {
    pub(crate) runs: Vec<ImportedRun>,
    /// Rows that cannot be used, and why.
    pub(crate) mistakes: Vec<Mistake>,
    /// Runs that did not end well, by what they are said to be.
    pub(crate) unfinished: BTreeMap<String, usize>,
}

/// A row that cannot be used.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Mistake {
    pub(crate) line: u64,
    pub(crate) what: String,
}

/// Words of trackers for a run that has its final loss.
const FINISHED: [&str; 5] = ["finished", "completed", "complete", "succeeded", "done"];
const SECONDS_PER_HOUR: f64 = 3600.0;

/// Sorts the rows of `file`.
///
/// # Errors
/// A column that is missing: then no row can be used.
pub(crate) fn sort(file: &RunsFile, mapping: &Mapping) -> Result<Sorted, Failure> {
    let columns = Columns::find(file, mapping)?;
    let mut sorted = Sorted { runs: Vec::new(), mistakes: Vec::new(), unfinished: BTreeMap::new() };
    for row in 0..file.rows_n() {
        let state = columns.state.map(|column| file.cell(row, column).to_lowercase());
        match state {
            Some(state) if !state.is_empty() && !FINISHED.contains(&state.as_str()) => {
                *sorted.unfinished.entry(state).or_default() += 1;
            }
            _ => match columns.run(file, row, mapping) {
                Ok(run) => sorted.runs.push(run),
                Err(what) => sorted.mistakes.push(Mistake { line: file.line(row), what }),
            },
        }
    }
    Ok(sorted)
}

/// Where a table has what.
struct Columns {
    arm: Option<usize>,
    name: Option<usize>,
    size: Option<usize>,
    seed: Option<usize>,
    state: Option<usize>,
    params: usize,
    tokens: usize,
    unique: Option<usize>,
    time: usize,
    /// Hours to a unit of it.
    hours_per_unit: f64,
    loss: usize,
    unit: Unit,
}

/// What turns a loss into bits per byte.
#[derive(Clone, Copy)]
enum Unit {
    BitsPerByte,
    NatsPerToken { bytes_per_token: f64 },
    NormalisedPerplexity,
}

impl Columns {
    fn find(file: &RunsFile, mapping: &Mapping) -> Result<Self, Failure> {
        let find = |symbol| file.find(symbol, &mapping.named);
        let optional = |symbol| match find(symbol) {
            Ok(column) => Ok(Some(column)),
            Err(failure) if mapping.named.contains_key(symbol) => Err(failure),
            Err(_) => Ok(None),
        };
        let arm = match (&mapping.arm, &mapping.arm_column) {
            (Some(_), _) => None,
            (None, Some(column)) => Some(file.named(column)?),
            (None, None) => Some(find("arm").map_err(|_| {
                let path = file.path().display();
                Failure::refused(format!("no column of {path} is known as the arm of a run"))
                    .with_cause(format!("its columns are {}", file.columns().join(", ")))
                    .with_hint(
                        "`--arm NAME` if all runs are of one arm, else `--arm-column COLUMN`",
                    )
            })?),
        };
        let (time, hours_per_unit) = match (optional("h")?, optional("seconds")?) {
            (None, Some(seconds)) => (seconds, mapping.accelerators / SECONDS_PER_HOUR),
            _ => {
                let missing = "say it with `--column h=COLUMN`, or `--column seconds=COLUMN` for the \
                               time of the clock";
                (find("h").map_err(|failure| failure.with_hint(missing))?, 1.0)
            }
        };
        let (loss, unit) = loss(file, mapping)?;
        Ok(Self {
            arm,
            name: optional("run")?.or_else(|| find("name").ok()),
            size: optional("size")?,
            seed: optional("seed")?,
            state: optional("state")?,
            params: find("N")?,
            tokens: find("D")?,
            unique: optional("U")?,
            time,
            hours_per_unit,
            loss,
            unit,
        })
    }

    fn run(&self, file: &RunsFile, row: usize, mapping: &Mapping) -> Result<ImportedRun, String> {
        let number = |column: usize| {
            let text = file.cell(row, column);
            positive(text).ok_or_else(|| {
                format!("{} is `{text}`, expected {}", file.column(column), expected(text))
            })
        };
        let text = |column: Option<usize>| column.map_or("", |column| file.cell(row, column));
        let arm = match &mapping.arm {
            Some(arm) => arm,
            None => match text(self.arm) {
                "" => return Err("it names no arm".to_owned()),
                arm => mapping.renames.get(arm).map_or(arm, String::as_str),
            },
        };
        let seed = match text(self.seed) {
            "" => None,
            seed => Some(seed.parse().map_err(|_| {
                format!("the seed is `{seed}`, expected a whole number that is not negative")
            })?),
        };
        let unique = self.unique.filter(|column| !file.cell(row, *column).is_empty());
        let unique = unique.map(number).transpose()?;
        Ok(ImportedRun {
            arm: arm.to_owned(),
            name: text(self.name).to_owned(),
            size: Some(text(self.size)).filter(|size| !size.is_empty()).map(str::to_owned),
            seed,
            params_n: number(self.params)?.round() as u64,
            tokens_d: number(self.tokens)?.round() as u64,
            unique_tokens: unique.map(|tokens| tokens.round() as u64),
            hours: number(self.time)? * self.hours_per_unit,
            bits_per_byte: self.unit.bits_per_byte(number(self.loss)?),
        })
    }
}

impl Unit {
    fn bits_per_byte(self, loss: f64) -> f64 {
        match self {
            Self::BitsPerByte => loss,
            Self::NatsPerToken { bytes_per_token } => {
                loss / (std::f64::consts::LN_2 * bytes_per_token)
            }
            // It is e to the nats per byte (Languini Kitchen, section 3.3).
            Self::NormalisedPerplexity => loss.log2(),
        }
    }
}

/// The column of the loss, and its unit: one that can be compared across tokenizers, or made so.
fn loss(file: &RunsFile, mapping: &Mapping) -> Result<(usize, Unit), Failure> {
    let named = file.find("loss", &mapping.named);
    let column = if mapping.named.contains_key("loss") {
        named?
    } else {
        // Before any other, one that is comparable across tokenizers.
        file.find("bits_per_byte", &mapping.named).or(named)?
    };
    let name = file.column(column);
    let known = mapping.conventions.or(Conventions::of_column("L", name)).loss;
    match (known, mapping.bytes_per_token) {
        (Some(Loss::BitsPerByte), _) => Ok((column, Unit::BitsPerByte)),
        (Some(Loss::NormalisedPerplexity), _) => Ok((column, Unit::NormalisedPerplexity)),
        (_, Some(bytes_per_token)) => Ok((column, Unit::NatsPerToken { bytes_per_token })),
        (_, None) => Err(Failure::refused(format!(
            "{}: `{name}` is not known to be in bits per byte",
            file.path().display()
        ))
        .with_cause("losses of a sweep are compared in bits per byte, whatever the tokenizer")
        .with_hint(
            "`--bytes-per-token 4.2` if it is in nats per token, `--convention L=bits-per-byte` if \
             it is in bits per byte, or `--response COLUMN` for another column",
        )),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn mapping() -> Mapping {
        Mapping {
            arm: None,
            arm_column: None,
            renames: BTreeMap::new(),
            named: BTreeMap::new(),
            conventions: Conventions::UNKNOWN,
            bytes_per_token: None,
            accelerators: 1.0,
        }
    }

    fn table(text: &str) -> RunsFile {
        RunsFile::parse(Path::new("runs"), text.as_bytes().to_vec()).expect("it is a table")
    }

    fn only(text: &str, mapping: &Mapping) -> ImportedRun {
        let sorted = sort(&table(text), mapping).expect("every column is there");
        assert_eq!((sorted.mistakes.as_slice(), sorted.runs.len()), (&[][..], 1));
        sorted.runs.into_iter().next().expect("there is one")
    }

    #[test]
    fn the_table_of_a_tracker_is_understood_as_it_is() {
        // As W&B exports the table of runs.
        let wandb = "Name,State,Runtime,arm,params,tokens,seed,eval/bits_per_byte,eval/loss\n\
                     swift-1,finished,7200,gpt,70M,1.4B,3,1.25,2.9\n";
        let run = only(wandb, &Mapping { accelerators: 8.0, ..mapping() });
        let expected = ImportedRun {
            arm: "gpt".to_owned(),
            name: "swift-1".to_owned(),
            size: None,
            seed: Some(3),
            params_n: 70_000_000,
            tokens_d: 1_400_000_000,
            unique_tokens: None,
            hours: 16.0,
            bits_per_byte: 1.25,
        };
        assert_eq!(run, expected);
        // As its API gives a run.
        let nested = r#"{"name": "swift-1", "state": "finished", "config": {"arm": "gpt", "params": 7e7, "tokens": 1.4e9, "seed": 3}, "summary": {"bits_per_byte": 1.25, "hours": 16}}"#;
        assert_eq!(only(nested, &mapping()), expected);
    }

    #[test]
    fn losses_become_bits_per_byte() {
        let text = "arm,N,D,h,val_loss\ngpt,1e6,2e7,1,2.0794415416798357\n";
        let refused = sort(&table(text), &mapping()).unwrap_err().render(false);
        for words in ["val_loss", "bits per byte", "--bytes-per-token", "--response"] {
            assert!(refused.contains(words), "{refused}");
        }
        // ln 8 nats a token are 3 bits a token.
        let nats = Mapping { bytes_per_token: Some(4.0), ..mapping() };
        assert!((only(text, &nats).bits_per_byte - 0.75).abs() < 1e-12);
        let text = "arm,N,D,h,normalised_perplexity\ngpt,1e6,2e7,1,2\n";
        let named = BTreeMap::from([("loss".to_owned(), "normalised_perplexity".to_owned())]);
        let conventions = Conventions::stated("L", "normalised-perplexity").expect("it is a word");
        let perplexity = Mapping { named, conventions, ..mapping() };
        assert_eq!(only(text, &perplexity).bits_per_byte, 1.0);
    }

    #[test]
    fn rows_that_cannot_be_used_are_named_and_runs_without_an_end_left_out() {
        let text = "run,arm,N,D,h,bpb,seed,state\n\
                    a,old,1e6,2e7,1,2,1,finished\n\
                    b,old,,2e7,1,2,1,\n\
                    c,old,1e6,2e7,0,2,1,finished\n\
                    d,old,1e6,2e7,1,nan,1,finished\n\
                    e,old,1e6,2e7,1,2,-1,finished\n\
                    f,,1e6,2e7,1,2,1,finished\n\
                    g,old,,,,,,crashed\n\
                    h,old,,,,,,running\n";
        let renames = BTreeMap::from([("old".to_owned(), "gpt".to_owned())]);
        let sorted = sort(&table(text), &Mapping { renames, ..mapping() }).expect("all are there");
        assert_eq!(sorted.runs.iter().map(|run| &*run.arm).collect::<Vec<_>>(), ["gpt"]);
        let said: Vec<String> =
            sorted.mistakes.iter().map(|m| format!("{}: {}\n", m.line, m.what)).collect();
        insta::assert_snapshot!(said.concat());
        let unfinished = [("crashed".to_owned(), 1), ("running".to_owned(), 1)];
        assert_eq!(sorted.unfinished, BTreeMap::from(unfinished));
    }

    #[test]
    fn a_column_that_is_missing_is_named_with_what_would_do() {
        let whole = "arm,N,D,h,bpb\ngpt,1e6,2e7,1,2\n";
        for (column, words) in [
            ("arm", "--arm NAME"),
            ("N", "--column N=COLUMN"),
            ("D", "--column D=COLUMN"),
            ("h", "--column seconds=COLUMN"),
            ("bpb", "--column loss=COLUMN"),
        ] {
            let header = whole.replacen(&format!("{column}\n"), "x\n", 1);
            let header = header.replacen(&format!("{column},"), "x,", 1);
            let failure = sort(&table(&header), &mapping()).unwrap_err().render(false);
            assert!(failure.contains(words), "{column}: {failure}");
        }
    }
}
