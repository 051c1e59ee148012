//! What is wrong with a table of runs before any law is fitted to it.
//!
//! The findings are those that spoil published fits again and again (the survey of arXiv 2502.18969
//! counts them): rows that are not runs of their own, conventions that differ between rows, variables
//! that hardly vary.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// Columns of a table under the field's letters, each with one value per row.
#[derive(Clone, Debug, Default)]
pub struct Table<'a> {
    /// Parameters.
    pub params_n: Option<&'a [f64]>,
    /// Training tokens.
    pub tokens_d: Option<&'a [f64]>,
    /// Training FLOPs.
    pub flops_c: Option<&'a [f64]>,
    pub loss: &'a [f64],
    /// What run a row belongs to.
    pub run: Option<&'a [u64]>,
}

/// One finding. Rows are places in the table, from 0.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Finding {
    /// Rows with the same values in every column.
    Duplicates { rows: Vec<usize> },
    /// A run has several rows.
    PointsOfRuns { runs_n: usize, rows_n: usize },
    /// Compute is everywhere the same multiple of 6ND.
    OtherCompute { ratio: f64 },
    /// Compute is one multiple of 6ND in most rows, and not in these.
    MixedCompute { rows: Vec<usize> },
    /// Fewer different configurations than the laws of the field have coefficients.
    Few { configurations_n: usize },
    /// The loss has one value only.
    FlatLoss,
    /// A variable has one value only.
    Constant { variable: &'static str },
    /// A variable varies by less than a decade.
    ShortSpan { variable: &'static str, decades: f64 },
    /// Two variables move together, so that their exponents cannot be told apart.
    Collinear { correlation: f64 },
    /// The loss rises with compute.
    Rising { correlation: f64 },
}

/// Compute within this of 6ND is 6ND with digits lost.
const COMPUTE_TOLERANCE: f64 = 0.02;
/// Log N and log D correlated beyond this are one variable.
const COLLINEAR: f64 = 0.98;
const DECADES_MIN: f64 = 1.0;
/// One more than Chinchilla's law has coefficients.
const CONFIGURATIONS_MIN: usize = 6;
const WANTED: &str = "a power law wants 3 at least, Chinchilla's law 6";

/// Everything that is found, the gravest first. Values must be positive and finite.
#[must_use]
pub fn lint(table: &Table<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    findings.extend(duplicates(table));
    findings.extend(compute(table));
    findings.extend(runs(table));
    findings.extend(few(table));
    if table.loss.len() > 1 && !varies(table.loss) {
        findings.push(Finding::FlatLoss);
    }
    for (variable, values) in [("N", table.params_n), ("D", table.tokens_d)] {
        let Some(values) = values.filter(|values| values.len() > 1) else { continue };
        let smallest = values.iter().copied().fold(f64::INFINITY, f64::min);
        let decades = (values.iter().copied().fold(0.0, f64::max) / smallest).log10();
        if decades == 0.0 {
            findings.push(Finding::Constant { variable });
        } else if decades < DECADES_MIN {
            findings.push(Finding::ShortSpan { variable, decades });
        }
    }
    if let (Some(n), Some(d)) = (table.params_n, table.tokens_d) {
        let correlation = log_correlation(n, d);
        if correlation.abs() > COLLINEAR {
            findings.push(Finding::Collinear { correlation });
        }
        let work: Vec<f64> = n.iter().zip(d).map(|(n, d)| n * d).collect();
        let correlation = log_correlation(&work, table.loss);
        if correlation > 0.0 {
            findings.push(Finding::Rising { correlation });
        }
    }
    findings
}

fn duplicates(table: &Table<'_>) -> Option<Finding> {
    let columns = [table.params_n, table.tokens_d, table.flops_c, Some(table.loss)];
    let mut rows: BTreeMap<Vec<u64>, Vec<usize>> = BTreeMap::new();
    for row in 0..table.loss.len() {
        let key = columns.iter().flatten().map(|column| column[row].to_bits()).collect();
        rows.entry(key).or_default().push(row);
    }
    let rows: Vec<usize> = rows.into_values().filter(|rows| rows.len() > 1).flatten().collect();
    (!rows.is_empty()).then_some(Finding::Duplicates { rows })
}

/// Rows that differ in what the laws are functions of.
fn few(table: &Table<'_>) -> Option<Finding> {
    let columns = [table.params_n, table.tokens_d, table.flops_c];
    columns.iter().any(Option::is_some).then_some(())?;
    let place = |row: usize| columns.iter().flatten().map(|column| column[row].to_bits()).collect();
    let places: BTreeSet<Vec<u64>> = (0..table.loss.len()).map(place).collect();
    let configurations_n = places.len();
    (configurations_n < CONFIGURATIONS_MIN).then_some(Finding::Few { configurations_n })
}

fn varies(values: &[f64]) -> bool {
    values.windows(2).any(|pair| pair[0] != pair[1])
}

fn runs(table: &Table<'_>) -> Option<Finding> {
    let mut counts: BTreeMap<u64, usize> = BTreeMap::new();
    for run in table.run? {
        *counts.entry(*run).or_default() += 1;
    }
    let (runs_n, rows_n) = (counts.len(), table.loss.len());
    (runs_n < rows_n).then_some(Finding::PointsOfRuns { runs_n, rows_n })
}

fn compute(table: &Table<'_>) -> Option<Finding> {
    let (n, d, c) = (table.params_n?, table.tokens_d?, table.flops_c?);
    let ratios: Vec<f64> =
        c.iter().zip(n.iter().zip(d)).map(|(c, (n, d))| c / (6.0 * n * d)).collect();
    let mut sorted = ratios.clone();
    sorted.sort_by(f64::total_cmp);
    let median = *sorted.get(sorted.len() / 2)?;
    let off = |ratio: f64, from: f64| (ratio / from - 1.0).abs() > COMPUTE_TOLERANCE;
    // What most rows follow is the convention.
    let usual = if off(median, 1.0) { median } else { 1.0 };
    let rows: Vec<usize> = (0..ratios.len()).filter(|row| off(ratios[*row], usual)).collect();
    if !rows.is_empty() {
        Some(Finding::MixedCompute { rows })
    } else if usual == 1.0 {
        None
    } else {
        Some(Finding::OtherCompute { ratio: median })
    }
}

/// Pearson's correlation of logarithms; zero where one of them does not vary.
fn log_correlation(a: &[f64], b: &[f64]) -> f64 {
    // Where all are equal, rounding would have a correlation.
    if !varies(a) || !varies(b) {
        return 0.0;
    }
    let n = a.len() as f64;
    let mean = |values: &[f64]| values.iter().map(|value| value.ln()).sum::<f64>() / n;
    let (mean_a, mean_b) = (mean(a), mean(b));
    let [mut ab, mut aa, mut bb] = [0.0; 3];
    for (x, y) in a.iter().zip(b) {
        let (x, y) = (x.ln() - mean_a, y.ln() - mean_b);
        ab += x * y;
        aa += x * x;
        bb += y * y;
    }
    if aa * bb > 0.0 { ab / (aa * bb).sqrt() } else { 0.0 }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Duplicates { rows } => {
                write!(f, "{} rows repeat others; each counts in a fit", rows.len())
            }
            Self::PointsOfRuns { runs_n, rows_n } => write!(
                f,
                "{rows_n} rows belong to {runs_n} runs: intervals resample whole runs, and points of \
                 a decaying schedule are not ends of runs"
            ),
            Self::OtherCompute { ratio } => write!(
                f,
                "C is {ratio:.3} times 6ND: another convention (attention, embeddings or experts); \
                 do not mix it with tables of the other"
            ),
            Self::MixedCompute { rows } => {
                write!(f, "C does not follow the convention of the others in {} rows", rows.len())
            }
            Self::Few { configurations_n: 1 } => {
                write!(f, "all rows are one configuration: {WANTED}")
            }
            Self::Few { configurations_n } => {
                write!(f, "{configurations_n} different configurations: {WANTED}")
            }
            Self::FlatLoss => {
                write!(f, "the loss is the same in every row: nothing can be learned from it")
            }
            Self::Constant { variable } => {
                write!(f, "{variable} has one value: no law can have an exponent of it")
            }
            Self::ShortSpan { variable, decades } => {
                write!(f, "{variable} spans {decades:.2} decades; a slope wants one at least")
            }
            Self::Collinear { correlation } => write!(
                f,
                "log N and log D move together (correlation {correlation:.3}): their exponents \
                 cannot be told apart; runs of one size on several numbers of tokens would help"
            ),
            Self::Rising { correlation } => {
                write!(f, "the loss rises with N D (correlation {correlation:+.2}): is it a score?")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const N: [f64; 6] = [1e7, 1e8, 1e9, 1e9, 1e8, 1e7];
    const D: [f64; 6] = [1e10, 1e9, 1e9, 1e11, 1e10, 1e9];
    const LOSS: [f64; 6] = [3.5, 3.4, 3.3, 2.5, 3.0, 3.7];

    fn compute(factors: [f64; 6]) -> Vec<f64> {
        (0..6).map(|i| 6.0 * N[i] * D[i] * factors[i]).collect()
    }

    fn table<'a>(c: &'a [f64]) -> Table<'a> {
        let run = None;
        Table { params_n: Some(&N), tokens_d: Some(&D), flops_c: Some(c), loss: &LOSS, run }
    }

    #[test]
    fn a_sound_table_has_no_findings() {
        assert_eq!(lint(&table(&compute([1.0; 6]))), []);
    }

    #[test]
    fn conventions_of_compute_are_told_apart() {
        let other = lint(&table(&compute([1.2; 6])));
        assert!(
            matches!(other[..], [Finding::OtherCompute { ratio }] if (ratio - 1.2).abs() < 1e-9)
        );
        let mixed = lint(&table(&compute([1.0, 1.0, 1.3, 1.0, 1.0, 1.0])));
        assert_eq!(mixed, [Finding::MixedCompute { rows: vec![2] }]);
    }

    #[test]
    fn rows_that_are_not_runs_are_found() {
        let (n, d, loss) = ([1e7, 1e7, 1e9], [1e9, 1e9, 1e11], [3.5, 3.5, 2.5]);
        let run = [1, 1, 2];
        let table = Table {
            params_n: Some(&n),
            tokens_d: Some(&d),
            flops_c: None,
            loss: &loss,
            run: Some(&run),
        };
        let findings = lint(&table);
        assert_eq!(findings[0], Finding::Duplicates { rows: vec![0, 1] });
        assert_eq!(findings[1], Finding::PointsOfRuns { runs_n: 2, rows_n: 3 });
        assert_eq!(findings[2], Finding::Few { configurations_n: 2 });
        assert!(matches!(findings[3], Finding::Collinear { .. }), "{findings:?}");
    }

    #[test]
    fn what_does_not_vary_or_rises_is_found() {
        let (n, d) = ([1e8, 1e8, 1e8], [1e9, 2e9, 4e9]);
        let table = Table {
            params_n: Some(&n),
            tokens_d: Some(&d),
            loss: &[1.0, 2.0, 3.0],
            ..Table::default()
        };
        let findings = lint(&table);
        assert_eq!(findings[0], Finding::Few { configurations_n: 3 });
        assert_eq!(findings[1], Finding::Constant { variable: "N" });
        assert!(matches!(findings[2], Finding::ShortSpan { variable: "D", .. }));
        assert!(matches!(findings[3], Finding::Rising { .. }));
    }

    /// Logarithms of equal numbers have means that differ from them by rounding.
    #[test]
    fn what_is_everywhere_the_same_has_no_correlation() {
        let (n, d) = ([1e8; 20], [1e9; 20]);
        let table =
            Table { params_n: Some(&n), tokens_d: Some(&d), loss: &[2.5; 20], ..Table::default() };
        let same = |variable| Finding::Constant { variable };
        let few = Finding::Few { configurations_n: 1 };
        assert_eq!(lint(&table)[1..], [few, Finding::FlatLoss, same("N"), same("D")]);
        let flops_c = compute([1.0; 6]);
        let flat = Table { loss: &[2.5; 6], ..self::table(&flops_c) };
        assert_eq!(lint(&flat), [Finding::FlatLoss]);
    }
}
