//! A table of runs from anywhere: CSV with a header line, one JSON object per line, Parquet, the event
//! files of TensorBoard, or the runs of W&B.

mod folder;
mod number;
mod parquet;
mod table;
mod tensorboard;
mod text;
mod wandb;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use law_engine::metrics::Conventions;

use crate::failure::Failure;
pub(crate) use number::{expected, positive};

/// A table as it was read. Cells keep their text until somebody asks for numbers.
#[derive(Clone, Debug)]
pub(crate) struct RunsFile {
    path: PathBuf,
    columns: Vec<String>,
    /// Each with the line it begins on.
    rows: Vec<(u64, Vec<String>)>,
    /// What its numbers count, as far as whoever wrote it says.
    conventions: Conventions,
}

/// Names under which the field's quantities are found when nobody says where they are.
const KNOWN: [(&str, &[&str]); 14] = [
    (
        "N",
        &[
            "params_n",
            "params",
            "n_params",
            "num_params",
            "parameters",
            "model_size",
            "params_non_embedding",
            "non_embedding_params",
            "active_params",
        ],
    ),
    (
        "D",
        &[
            "tokens_d",
            "tokens",
            "n_tokens",
            "num_tokens",
            "train_tokens",
            "training_tokens",
            "tokens_seen",
            "unique_tokens",
        ],
    ),
    ("U", &["unique_tokens", "unique_tokens_u", "u"]),
    ("C", &["flops_c", "flops", "training_flops", "compute"]),
    ("h", &["hours", "accelerator_hours", "gpu_hours"]),
    // Of TensorBoard's files, of W&B, of its tables, of the Trainer of Hugging Face.
    ("seconds", &["wall_seconds", "_runtime", "runtime", "train_runtime", "seconds"]),
    (
        "loss",
        &[
            "loss",
            "val_loss",
            "validation_loss",
            "eval_loss",
            "nats_per_token",
            "bits_per_byte",
            "bpb",
            "L",
        ],
    ),
    // The loss that is comparable across tokenizers.
    ("bits_per_byte", &["bits_per_byte", "val_bits_per_byte", "bpb"]),
    ("seed", &["seed", "random_seed"]),
    ("arm", &["arm"]),
    ("size", &["size"]),
    ("name", &["name"]),
    ("state", &["state", "status"]),
    ("run", &["run_id", "run", "run_name", "id"]),
];

/// Names of columns, and rows, each with the line it begins on or its number.
type Cells = (Vec<String>, Vec<(u64, Vec<String>)>);

impl RunsFile {
    /// Reads a file, or a folder of runs that another tool tracked.
    pub(crate) fn read(path: &Path) -> Result<Self, Failure> {
        if path.is_dir() {
            let (columns, rows) = folder::read(path)?;
            return Self::new(path.to_owned(), columns, rows);
        }
        let bytes = std::fs::read(path).map_err(|error| {
            Failure::refused(format!("{} cannot be read", path.display()))
                .with_cause(error.to_string())
        })?;
        Self::parse(path, bytes)
    }

    /// Reads what came from `path`.
    pub(crate) fn parse(path: &Path, bytes: Vec<u8>) -> Result<Self, Failure> {
        let (columns, rows) = if parquet::is_parquet(&bytes) {
            parquet::read(path, bytes)?
        } else if wandb::is_log(&bytes) {
            folder::one(wandb::read(path, &bytes)?)
        } else if tensorboard::is_event_file(&bytes) {
            folder::one(tensorboard::read(path, &bytes)?)
        } else {
            let text = String::from_utf8(bytes).map_err(|error| {
                Failure::refused(format!("{} is not a table", path.display()))
                    .with_cause(format!("{}", error.utf8_error()))
                    .with_hint("expected CSV or JSON lines in UTF-8, or Parquet")
            })?;
            // Spreadsheets put a mark in front.
            let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
            let is_json = text.trim_start().starts_with('{');
            if is_json { text::json(path, text)? } else { text::csv(path, text)? }
        };
        Self::new(path.to_owned(), columns, rows)
    }

    /// A table, each row with its line.
    pub(crate) fn new(
        path: PathBuf,
        columns: Vec<String>,
        rows: Vec<(u64, Vec<String>)>,
    ) -> Result<Self, Failure> {
        if rows.is_empty() {
            return Err(Failure::refused(format!("{} holds no runs", path.display()))
                .with_hint("a CSV file has a header line and one line per run"));
        }
        Ok(Self { path, columns, rows, conventions: Conventions::UNKNOWN })
    }

    /// The same table, of which it is known what its numbers count.
    pub(crate) fn counted_by(self, conventions: Conventions) -> Self {
        Self { conventions, ..self }
    }

    /// What its numbers count, also by the names of the columns that hold them.
    pub(crate) fn conventions(&self, named: &BTreeMap<String, String>) -> Conventions {
        let letters = [("N", "N"), ("D", "D"), ("C", "C"), ("loss", "L")];
        let by_name = letters.into_iter().filter_map(|(symbol, letter)| {
            let column = self.find(symbol, named).ok()?;
            Some(Conventions::of_column(letter, self.column(column)))
        });
        by_name.fold(self.conventions, Conventions::or)
    }

    pub(crate) fn rows_n(&self) -> usize {
        self.rows.len()
    }

    /// The line of the file that a row begins on.
    pub(crate) fn line(&self, row: usize) -> u64 {
        self.rows[row].0
    }

    /// Where it was read from.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The text of a row in a column.
    pub(crate) fn cell(&self, row: usize, column: usize) -> &str {
        self.rows[row].1[column].trim()
    }

    /// Keeps the rows whose `column` has the text `value`.
    pub(crate) fn keep(&mut self, column: &str, value: &str) -> Result<(), Failure> {
        let place = self.named(column)?;
        self.rows.retain(|(_, cells)| cells[place] == value);
        if self.rows.is_empty() {
            return Err(Failure::refused(format!(
                "no run of {} has {column} = {value}",
                self.path.display()
            )));
        }
        Ok(())
    }

    /// The column that holds a quantity: the one the user names, else the one of its symbol, else
    /// one of the names that are usual for it.
    pub(crate) fn find(
        &self,
        symbol: &str,
        named: &BTreeMap<String, String>,
    ) -> Result<usize, Failure> {
        if let Some(name) = named.get(symbol) {
            return self.named(name);
        }
        let Some(place) = self.usual(symbol) else {
            let message = format!("no column of {} is known as {symbol}", self.path.display());
            return Err(Failure::refused(message)
                .with_cause(format!("its columns are {}", self.columns.join(", ")))
                .with_hint(format!("name it: `--column {symbol}=COLUMN`")));
        };
        self.only(place)
    }

    /// The column of a symbol, or of a name that is usual for it.
    fn usual(&self, symbol: &str) -> Option<usize> {
        let usual = KNOWN.iter().find(|(known, _)| *known == symbol).map_or(&[][..], |(_, n)| *n);
        let is = |name: &str| self.columns.iter().position(|c| c.eq_ignore_ascii_case(name));
        let ends = |name: &str| self.only_ending(name);
        self.columns
            .iter()
            .position(|column| column == symbol)
            .or_else(|| usual.iter().find_map(|name| is(name)))
            .or_else(|| usual.iter().find_map(|name| ends(name)))
    }

    /// The one column that is called so within a group, as `eval/loss` or `config.params` are.
    fn only_ending(&self, name: &str) -> Option<usize> {
        let ends = |column: &str| {
            let within = column.rsplit_once(['.', '/']).map(|(_, last)| last);
            within.is_some_and(|last| last.eq_ignore_ascii_case(name))
        };
        let mut found = self.columns.iter().enumerate().filter(|(_, column)| ends(column));
        let (only, _) = found.next()?;
        found.next().is_none().then_some(only)
    }

    pub(crate) fn named(&self, name: &str) -> Result<usize, Failure> {
        let place = self.columns.iter().position(|column| column == name).ok_or_else(|| {
            Failure::refused(format!("{} has no column `{name}`", self.path.display()))
                .with_cause(format!("its columns are {}", self.columns.join(", ")))
        })?;
        self.only(place)
    }

    /// The column, unless another has its name: nothing says which is meant.
    fn only(&self, place: usize) -> Result<usize, Failure> {
        let name = &self.columns[place];
        if self.columns.iter().filter(|column| *column == name).count() == 1 {
            return Ok(place);
        }
        Err(Failure::refused(format!("{} has two columns `{name}`", self.path.display()))
            .with_hint("rename one of them in the file"))
    }

    /// The numbers of a quantity, where the file has it; a column that the user names must be there.
    pub(crate) fn optional(
        &self,
        symbol: &str,
        named: &BTreeMap<String, String>,
    ) -> Result<Option<Vec<f64>>, Failure> {
        match self.find(symbol, named) {
            Ok(column) => self.numbers(column).map(Some),
            Err(failure) if named.contains_key(symbol) || self.usual(symbol).is_some() => {
                Err(failure)
            }
            Err(_) => Ok(None),
        }
    }

    /// The texts of a column, each once, in the order of their first rows.
    pub(crate) fn values(&self, column: &str) -> Result<Vec<String>, Failure> {
        let place = self.named(column)?;
        let mut values: Vec<String> = Vec::new();
        for (_, cells) in &self.rows {
            if !values.contains(&cells[place]) {
                values.push(cells[place].clone());
            }
        }
        Ok(values)
    }

    pub(crate) fn columns(&self) -> &[String] {
        &self.columns
    }

    /// The name of a column.
    pub(crate) fn column(&self, column: usize) -> &str {
        &self.columns[column]
    }

    /// A column as positive numbers, which is all that a law can pass through.
    pub(crate) fn numbers(&self, column: usize) -> Result<Vec<f64>, Failure> {
        let number = |(line, cells): &(u64, Vec<String>)| {
            let text = cells[column].trim();
            positive(text).ok_or_else(|| {
                let (path, name) = (self.path.display(), &self.columns[column]);
                let is = if text.is_empty() { "missing".to_owned() } else { format!("`{text}`") };
                Failure::refused(format!("{path}:{line}: {name} is {is}"))
                    .with_cause(format!("expected {}", expected(text)))
                    .with_hint("`--where COLUMN=VALUE` keeps only the runs to fit")
            })
        };
        self.rows.iter().map(number).collect()
    }

    /// The quantities that `symbols` stand for, row by row.
    pub(crate) fn places(
        &self,
        symbols: &[&str],
        named: &BTreeMap<String, String>,
    ) -> Result<Vec<Vec<f64>>, Failure> {
        let mut columns = Vec::new();
        for symbol in symbols {
            columns.push(self.numbers(self.find(symbol, named)?)?);
        }
        let row = |row: usize| columns.iter().map(|column| column[row]).collect();
        Ok((0..self.rows_n()).map(row).collect())
    }

    /// The losses, row by row.
    pub(crate) fn losses(&self, named: &BTreeMap<String, String>) -> Result<Vec<f64>, Failure> {
        self.numbers(self.find("loss", named)?)
    }

    /// A column as labels: equal texts have equal numbers.
    pub(crate) fn labels(&self, column: usize) -> Vec<u64> {
        let mut known = BTreeMap::new();
        let mut label = |text: &str| {
            let next = known.len() as u64;
            *known.entry(text.to_owned()).or_insert(next)
        };
        self.rows.iter().map(|(_, cells)| label(&cells[column])).collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> Result<RunsFile, Failure> {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("runs");
        std::fs::write(&path, text).expect("the folder is writable");
        RunsFile::read(&path)
    }

    #[test]
    fn both_forms_give_the_same_numbers() {
        let csv = read("run_id,params,Loss\na,1.5B,2.5\nb,70M,3e0\n").unwrap();
        let json = read(
            "{\"run_id\":\"a\",\"params\":\"1.5B\",\"Loss\":2.5}\n\n\
             {\"Loss\":3.0,\"params\":7e7,\"run_id\":\"b\"}\n",
        )
        .unwrap();
        for file in [csv, json] {
            let column = |symbol| file.find(symbol, &BTreeMap::new()).unwrap();
            assert_eq!(file.numbers(column("N")).unwrap(), [1.5e9, 7e7]);
            assert_eq!(file.numbers(column("loss")).unwrap(), [2.5, 3.0]);
            assert_eq!(file.labels(column("run")), [0, 1]);
        }
    }

    #[test]
    fn a_bad_cell_is_named_by_line_and_column() {
        for cell in ["nan", "-1", "0", "inf", "1e400", "1e300", "1e-300", "abc"] {
            let file = read(&format!("N,loss\n1e6,2\n1e7,{cell}\n")).unwrap();
            let failure = file.numbers(1).unwrap_err().render(false);
            assert!(failure.contains(&format!("runs:3: loss is `{cell}`")), "{failure}");
        }
        let file = read("{\"N\":1e6,\"loss\":2}\n{\"N\":1e7}\n").unwrap();
        let failure = file.numbers(1).unwrap_err().render(false);
        assert!(failure.contains("runs:2: loss is missing"), "{failure}");
    }

    /// Programs write numbers that are none into JSON, where they are none: they are named by their
    /// row where they are needed, and do no harm where they are not.
    #[test]
    fn numbers_that_json_does_not_have_are_cells() {
        let text = "{\"N\":1e6,\"loss\":2,\"norm\":NaN}\n\
                    {\"N\":1e7,\"loss\":-Infinity,\"note\":\"a NaN, Infinity\"}\n";
        let file = read(text).unwrap();
        let column = |symbol| file.find(symbol, &BTreeMap::new()).unwrap();
        assert_eq!(file.numbers(column("N")).unwrap(), [1e6, 1e7]);
        let failure = file.numbers(column("loss")).unwrap_err().render(false);
        assert!(failure.contains("runs:2: loss is `-Infinity`"), "{failure}");
        assert_eq!(file.cell(1, file.named("note").unwrap()), "a NaN, Infinity");
    }

    #[test]
    fn a_column_that_is_there_twice_is_refused_where_it_is_needed() {
        let file = read("N,loss,N,x,x\n1e6,2,1e7,0,0\n").unwrap();
        assert_eq!(file.losses(&BTreeMap::new()).unwrap(), [2.0]);
        let failure = file.find("N", &BTreeMap::new()).unwrap_err().render(false);
        assert!(failure.contains("has two columns `N`"), "{failure}");
    }

    #[test]
    fn lines_are_counted_as_editors_do() {
        for text in ["N,loss\r\n1,2\r\n3,x\r\n", "N,loss\n\n3,x\n", "N,loss\n\"1\",2\n3,x"] {
            let failure = read(text).unwrap().numbers(1).unwrap_err().render(false);
            assert!(failure.contains("runs:3: loss is `x`"), "{text:?}: {failure}");
        }
    }

    #[test]
    fn what_is_no_table_is_refused() {
        for text in ["N,loss\n1,2,3\n", "{\"N\": 1}\nnonsense\n", "N,loss\n", ""] {
            let failure = read(text).unwrap_err();
            assert_eq!(failure.status().code(), 1, "{text}");
        }
        let file = read("size,loss\n1,2\n").unwrap();
        let failure = file.find("N", &BTreeMap::new()).unwrap_err().render(false);
        assert!(failure.contains("--column N=COLUMN"), "{failure}");
    }

    /// Pieces that tables are made of, and of which none makes one.
    fn texts() -> impl Strategy<Value = String> {
        let piece = prop::sample::select(vec![
            "params",
            "loss",
            ",",
            ",",
            "\n",
            "\r\n",
            "1e9",
            "2.5",
            "70B",
            "-1",
            "nan",
            "\"",
            "\"\"",
            "{",
            "}",
            "{\"loss\":2.5}",
            ":",
            "\u{feff}",
            "PAR1",
            " ",
            "\t",
            "\u{0}",
            "e",
            "1e999",
        ]);
        prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..Default::default() })]

        /// Whatever a file holds, it is a table of positive numbers or refused.
        #[test]
        fn no_file_is_a_panic(text in texts(), bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            for bytes in [text.clone().into_bytes(), bytes, [b"PAR1", text.as_bytes()].concat()] {
                let Ok(file) = RunsFile::parse(Path::new("runs"), bytes) else { continue };
                for column in 0..file.columns.len() {
                    let _ = file.labels(column);
                    if let Ok(numbers) = file.numbers(column) {
                        prop_assert!(numbers.iter().all(|n| n.is_finite() && *n > 0.0));
                    }
                }
                let _ = file.conventions(&BTreeMap::new());
            }
        }
    }
}
