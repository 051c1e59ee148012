//! Published tables: comma-separated rows under names.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use law_engine::catalogue::{Data, Refusal};
use law_engine::random::Stream;

use super::check::Trouble;

/// The environment variable that names the folder of the published tables.
pub(crate) const FOLDER: &str = "SWEEP_PUBLISHED_DATA";

/// Where the published tables are.
#[derive(Clone, Debug)]
pub(crate) struct Folder(pub(crate) PathBuf);

/// One row by its columns.
pub(crate) type Row = BTreeMap<String, String>;

#[derive(Clone, Debug)]
pub(crate) struct Rows(pub(crate) Vec<Row>);

impl Folder {
    /// Beside the checkout, or where [`FOLDER`] says.
    pub(crate) fn at_hand() -> Self {
        let named = std::env::var_os(FOLDER).map(PathBuf::from);
        let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data");
        Self(named.unwrap_or_else(beside))
    }

    /// Whether somebody asks for checks against the tables of a folder, so that none may be skipped.
    #[cfg(test)]
    pub(crate) fn is_named() -> bool {
        std::env::var_os(FOLDER).is_some()
    }

    pub(crate) fn read(&self, name: &str) -> Result<Rows, Trouble> {
        let path = self.0.join(name);
        let Ok(text) = std::fs::read_to_string(&path) else { return Err(Trouble::Missing(path)) };
        Ok(Rows::parse(&text))
    }
}

impl Rows {
    fn parse(text: &str) -> Self {
        let mut lines = text.lines();
        let header: Vec<&str> = lines.next().unwrap_or_default().split(',').collect();
        let row = |line: &str| {
            let cells = line.split(',').map(str::to_owned);
            header.iter().map(|column| (*column).to_owned()).zip(cells).collect()
        };
        Self(lines.map(row).collect())
    }

    pub(crate) fn keep(&self, keep: impl Fn(&Row) -> bool) -> Self {
        Self(self.0.iter().filter(|row| keep(row)).cloned().collect())
    }

    /// The rows where `column` is `value`.
    pub(crate) fn of(&self, column: &str, value: &str) -> Self {
        self.keep(|row| row.get(column).is_some_and(|cell| cell == value))
    }

    /// The columns as variables under the law's own letters; every row is a run of its own.
    pub(crate) fn table(
        &self,
        variables: &[(&'static str, &str)],
        response: &str,
    ) -> Result<Table, Trouble> {
        let place = |row: &Row| variables.iter().map(|(_, column)| number(row, column)).collect();
        Ok(Table {
            columns: variables.iter().map(|(symbol, _)| *symbol).collect(),
            values: self.0.iter().map(place).collect::<Result<_, _>>()?,
            response: self.0.iter().map(|row| number(row, response)).collect::<Result<_, _>>()?,
            groups: (0..self.0.len() as u64).collect(),
        })
    }
}

pub(crate) fn text<'a>(row: &'a Row, column: &str) -> Result<&'a str, Trouble> {
    let cell = row.get(column).map(String::as_str);
    cell.ok_or_else(|| Trouble::Bad(format!("no column {column}")))
}

pub(crate) fn number(row: &Row, column: &str) -> Result<f64, Trouble> {
    let cell = text(row, column)?;
    cell.parse().map_err(|_| Trouble::Bad(format!("{column} is {cell:?}")))
}

/// Rows to fit, which can be shuffled, sampled and written in other units.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Table {
    pub(crate) columns: Vec<&'static str>,
    pub(crate) values: Vec<Vec<f64>>,
    pub(crate) response: Vec<f64>,
    /// The run of each row.
    pub(crate) groups: Vec<u64>,
}

impl Table {
    pub(crate) fn data(&self) -> Result<Data, Refusal> {
        let groups = Some(self.groups.clone());
        Data::new(&self.columns, self.values.clone(), self.response.clone(), groups)
    }

    /// The rows of these numbers.
    pub(crate) fn pick(&self, rows: &[usize]) -> Self {
        Self {
            columns: self.columns.clone(),
            values: rows.iter().map(|row| self.values[*row].clone()).collect(),
            response: rows.iter().map(|row| self.response[*row]).collect(),
            groups: rows.iter().map(|row| self.groups[*row]).collect(),
        }
    }

    /// The same rows in another order.
    pub(crate) fn shuffled(&self, seed: u64) -> Self {
        let mut stream = Stream::keyed(seed, [self.response.len() as u64, 0, 0]);
        let mut order: Vec<usize> = (0..self.response.len()).collect();
        for last in (1..order.len()).rev() {
            order.swap(last, stream.below(last + 1));
        }
        self.pick(&order)
    }

    /// Nine tenths of the rows, without replacement: one row less at least.
    pub(crate) fn sampled(&self, seed: u64) -> Self {
        let rows_n = self.response.len();
        let kept: Vec<usize> = (0..rows_n - rows_n.div_ceil(10)).collect();
        self.shuffled(seed).pick(&kept)
    }

    /// The rows as they might come in: dealt to `batches_n` batches in turn, the last batch first.
    pub(crate) fn batches(&self, batches_n: usize) -> impl Iterator<Item = Self> {
        let rows = move |batch: usize| (batch..self.response.len()).step_by(batches_n);
        (0..batches_n).rev().map(move |batch| self.pick(&rows(batch).collect::<Vec<usize>>()))
    }

    /// The same columns without a row.
    pub(crate) fn empty(&self) -> Self {
        self.pick(&[])
    }

    pub(crate) fn extend(&mut self, other: Self) {
        self.values.extend(other.values);
        self.response.extend(other.response);
        self.groups.extend(other.groups);
    }

    /// The rows in units as many times as large as `columns` and `response` say.
    pub(crate) fn rescaled(&self, columns: &[f64], response: f64) -> Self {
        let mut table = self.clone();
        for row in &mut table.values {
            row.iter_mut().zip(columns).for_each(|(value, unit)| *value /= unit);
        }
        table.response.iter_mut().for_each(|value| *value /= response);
        table
    }
}
