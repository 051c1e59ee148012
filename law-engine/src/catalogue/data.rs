//! Observations from anywhere: named columns, one row per run or per point of a run.

use std::fmt;

use super::card::Symbol;
use crate::digits;

/// A table of observations. What is in it can be fitted: every number is finite, every
/// response positive, and no variable negative. Most laws want positive variables too.
#[derive(Clone, Debug, PartialEq)]
pub struct Data {
    columns: Vec<String>,
    /// Row by row, in the order of the columns.
    values: Vec<Vec<f64>>,
    /// The response of each row.
    response: Vec<f64>,
    /// What a row belongs to: rows of one run are resampled together.
    groups: Vec<u64>,
    /// How much each row counts.
    weights: Vec<f64>,
}

/// Why observations cannot be used. Rows are counted from 1.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Refusal {
    /// There is nothing.
    Empty,
    /// A row has another number of values than there are columns.
    Ragged { row: usize, found: usize, expected: usize },
    /// A value that no law can pass through.
    BadValue { row: usize, column: String, value: f64 },
    /// A column that the law lives on never changes.
    Constant { column: String },
    /// The law needs a variable that the table does not have.
    NoColumn { law: &'static str, column: &'static str, columns: Vec<String> },
    /// A coefficient that the law does not have.
    NoCoefficient { law: &'static str, coefficient: String, coefficients: Vec<&'static str> },
    /// A fixed value or a bound outside its range.
    OutOfBounds { coefficient: String, value: f64, lower: f64, upper: f64 },
    /// Two values or two ranges for one coefficient.
    GivenTwice { coefficient: String },
    /// A range whose lower end is above the upper.
    Reversed { coefficient: String, lower: f64, upper: f64 },
    /// Two names of one coefficient that are to be one.
    TiedToItself { coefficient: String },
    /// A prior without a spread, or without the noise that its strength is measured by.
    BadPrior { coefficient: String, sd: f64, noise: f64 },
    /// No search is asked for and no place to begin from.
    NoStart,
    /// No sum over the rows is a number, whatever the coefficients; the row that is farthest off.
    TooFar { law: &'static str, row: usize, value: f64 },
    /// Fewer different places than coefficients to find.
    TooFew { law: &'static str, places: usize, needed: usize },
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => write!(f, "there are no observations"),
            Self::TooFar { law, row, value } => write!(
                f,
                "the rows are too far apart for {law}: the objective is no finite number anywhere, \
                 and row {row} is the farthest off with the response {value:e}"
            ),
            Self::NoStart => write!(f, "there is nowhere to begin: no search and no start"),
            Self::Ragged { row, found, expected } => {
                write!(f, "row {row} has {found} values, {expected} are expected")
            }
            Self::BadValue { row, column, value } => {
                write!(f, "row {row}: {column} is {value}, expected a positive finite number")
            }
            Self::Constant { column } => {
                write!(f, "the {column} is the same everywhere, and nothing can be learned from it")
            }
            Self::NoColumn { law, column, columns } => write!(
                f,
                "the law {law} is a function of {column}, and the columns are {}",
                columns.join(", ")
            ),
            Self::NoCoefficient { law, coefficient, coefficients } => write!(
                f,
                "the law {law} has no coefficient {coefficient}, only {}",
                coefficients.join(", ")
            ),
            Self::OutOfBounds { coefficient, value, lower, upper } => {
                let value = digits::given(*value);
                write!(f, "{coefficient} = {value} is not {}", range(*lower, *upper))
            }
            Self::GivenTwice { coefficient } => {
                write!(f, "{coefficient} is given more than one value, or a range twice")
            }
            Self::Reversed { coefficient, lower, upper } => write!(
                f,
                "the range of {coefficient} ends at {} before it begins at {}",
                digits::given(*upper),
                digits::given(*lower)
            ),
            Self::TiedToItself { coefficient } => {
                write!(f, "{coefficient} is tied to itself, expected another coefficient")
            }
            Self::BadPrior { coefficient, sd, noise } => write!(
                f,
                "the prior of {coefficient} has the standard deviation {sd} at a noise of {noise}, \
                 expected two positive finite numbers"
            ),
            Self::TooFew { law, places, needed } => write!(
                f,
                "{places} different configurations do not determine the {} coefficients of {law}; \
                 at least {needed} are needed",
                needed - 1
            ),
        }
    }
}

impl std::error::Error for Refusal {}

impl Data {
    /// A table of `columns` and a response. Without groups every row is a run of its own.
    ///
    /// # Errors
    /// Rows that are empty, ragged, or hold a value that no law can be fitted to.
    pub fn new(
        columns: &[&str],
        values: Vec<Vec<f64>>,
        response: Vec<f64>,
        groups: Option<Vec<u64>>,
    ) -> Result<Self, Refusal> {
        if values.is_empty() || response.len() != values.len() {
            return Err(Refusal::Empty);
        }
        let expected = columns.len();
        for (index, (row, y)) in values.iter().zip(&response).enumerate() {
            if row.len() != expected {
                let found = row.len();
                return Err(Refusal::Ragged { row: index + 1, found, expected });
            }
            let refuse = |column: &str, value: f64| {
                let column = column.to_owned();
                Err(Refusal::BadValue { row: index + 1, column, value })
            };
            for (column, value) in columns.iter().zip(row) {
                if !value.is_finite() || *value < 0.0 {
                    return refuse(column, *value);
                }
            }
            if !y.is_finite() || *y <= 0.0 {
                return refuse("the response", *y);
            }
        }
        let groups = groups.unwrap_or_else(|| (0..values.len() as u64).collect());
        let columns = columns.iter().map(|column| (*column).to_owned()).collect();
        let weights = vec![1.0; response.len()];
        Ok(Self { columns, values, response, groups, weights })
    }

    /// The same table with a weight for every row: a row of weight two counts as two equal rows.
    ///
    /// # Errors
    /// [`Refusal::Ragged`] for another number of weights than rows, [`Refusal::BadValue`] for one
    /// that is not positive and finite.
    pub fn with_weights(mut self, weights: Vec<f64>) -> Result<Self, Refusal> {
        let (found, expected) = (weights.len(), self.rows_n());
        if found != expected {
            return Err(Refusal::Ragged { row: found.min(expected) + 1, found, expected });
        }
        if let Some(row) = weights.iter().position(|w| !w.is_finite() || *w <= 0.0) {
            let column = "the weight".to_owned();
            return Err(Refusal::BadValue { row: row + 1, column, value: weights[row] });
        }
        self.weights = weights;
        Ok(self)
    }

    #[must_use]
    pub fn weights(&self) -> &[f64] {
        &self.weights
    }

    #[must_use]
    pub fn rows_n(&self) -> usize {
        self.response.len()
    }

    #[must_use]
    pub fn response(&self) -> &[f64] {
        &self.response
    }

    #[must_use]
    pub fn groups(&self) -> &[u64] {
        &self.groups
    }

    /// The number of groups, and which of them each row belongs to, counted in the order of their
    /// names.
    pub(crate) fn members(&self) -> (usize, Vec<usize>) {
        let mut names = self.groups.clone();
        names.sort_unstable();
        names.dedup();
        let place = |group: &u64| names.partition_point(|name| name < group);
        (names.len(), self.groups.iter().map(place).collect())
    }

    /// The row whose response is farthest from the middle one, on a logarithmic scale.
    pub(crate) fn farthest(&self) -> usize {
        let lns: Vec<f64> = self.response.iter().map(|y| y.ln()).collect();
        farthest(&lns)
    }

    /// The columns that a law's variables name, row by row.
    ///
    /// # Errors
    /// As [`Data::rows`].
    pub(crate) fn select(
        &self,
        law: &'static str,
        variables: &[Symbol],
    ) -> Result<Vec<Vec<f64>>, Refusal> {
        let rows = self.rows(law, variables)?;
        Ok(rows.chunks_exact(variables.len()).map(<[f64]>::to_vec).collect())
    }

    /// The same in one piece, row after row.
    ///
    /// # Errors
    /// [`Refusal::NoColumn`], and [`Refusal::BadValue`] for a zero that the law cannot take.
    pub(crate) fn rows(
        &self,
        law: &'static str,
        variables: &[Symbol],
    ) -> Result<Vec<f64>, Refusal> {
        let places = variables
            .iter()
            .map(|Symbol { symbol, .. }| {
                self.columns.iter().position(|column| column == symbol).ok_or_else(|| {
                    Refusal::NoColumn { law, column: symbol, columns: self.columns.clone() }
                })
            })
            .collect::<Result<Vec<usize>, _>>()?;
        for (index, row) in self.values.iter().enumerate() {
            for (variable, place) in variables.iter().zip(&places) {
                if row[*place] == 0.0 && !variable.can_be_zero {
                    let (row, column) = (index + 1, variable.symbol.to_owned());
                    return Err(Refusal::BadValue { row, column, value: 0.0 });
                }
            }
        }
        Ok(self.values.iter().flat_map(|row| places.iter().map(|place| row[*place])).collect())
    }

    /// The rows that `keep` says yes to, by their place.
    #[must_use]
    pub fn filter(&self, keep: impl Fn(usize) -> bool) -> Self {
        let kept: Vec<usize> = (0..self.rows_n()).filter(|row| keep(*row)).collect();
        Self {
            columns: self.columns.clone(),
            values: kept.iter().map(|row| self.values[*row].clone()).collect(),
            response: kept.iter().map(|row| self.response[*row]).collect(),
            groups: kept.iter().map(|row| self.groups[*row]).collect(),
            weights: kept.iter().map(|row| self.weights[*row]).collect(),
        }
    }

    /// The smallest and the largest value of a column.
    #[must_use]
    pub fn span(&self, name: &str) -> Option<(f64, f64)> {
        let values = self.column(name)?;
        let smallest = values.iter().copied().fold(f64::INFINITY, f64::min);
        Some((smallest, values.iter().copied().fold(0.0, f64::max)))
    }

    /// Row by row, the product of those of the columns that there are.
    #[must_use]
    pub fn product<'a>(&self, names: impl IntoIterator<Item = &'a str>) -> Vec<f64> {
        let mut product = vec![1.0; self.rows_n()];
        for values in names.into_iter().filter_map(|name| self.column(name)) {
            product.iter_mut().zip(values).for_each(|(product, value)| *product *= value);
        }
        product
    }

    /// A column by its name.
    #[must_use]
    pub fn column(&self, name: &str) -> Option<Vec<f64>> {
        let place = self.columns.iter().position(|column| column == name)?;
        Some(self.values.iter().map(|row| row[place]).collect())
    }
}

/// What a coefficient may be, in words.
fn range(lower: f64, upper: f64) -> String {
    let [from, to] = [lower, upper].map(digits::given);
    if upper < f64::MAX {
        format!("between {from} and {to}")
    } else if lower > f64::MIN {
        format!("a finite number from {from} on")
    } else {
        "a finite number".to_owned()
    }
}

/// The place of the number that is farthest from the middle one.
pub(super) fn farthest(numbers: &[f64]) -> usize {
    let mut sorted = numbers.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.get(sorted.len() / 2).copied().unwrap_or_default();
    let off = |place: &usize| (numbers[*place] - middle).abs();
    (0..numbers.len()).max_by(|a, b| off(a).total_cmp(&off(b))).unwrap_or_default()
}
