//! Real published experiments, where they are at hand: beside the checkout in `shared/data`, or where
//! `SWEEP_PUBLISHED_DATA` says. They are not part of the repository; without them these tests say so
//! and check nothing.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use law_engine::catalogue::{self, Data, Options};

/// A table of published rows, each a map from column to text.
struct Rows(Vec<BTreeMap<String, String>>);

fn folder() -> PathBuf {
    let named = std::env::var_os("SWEEP_PUBLISHED_DATA").map(PathBuf::from);
    named.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data"))
}

impl Rows {
    /// Reads `name`; None, with a word about it, where it is not there.
    #[expect(clippy::print_stderr, reason = "a test that checks nothing has to say so")]
    fn read(name: &str) -> Option<Self> {
        let path = folder().join(name);
        let Ok(text) = std::fs::read_to_string(&path) else {
            eprintln!("SKIPPED: no published data at {}", path.display());
            return None;
        };
        let mut lines = text.lines();
        let header: Vec<&str> = lines.next()?.split(',').collect();
        let row = |line: &str| {
            let cells = line.split(',').map(str::to_owned);
            header.iter().map(|column| (*column).to_owned()).zip(cells).collect()
        };
        Some(Self(lines.map(row).collect()))
    }

    fn keep(mut self, keep: impl Fn(&BTreeMap<String, String>) -> bool) -> Self {
        self.0.retain(keep);
        self
    }

    fn number(row: &BTreeMap<String, String>, column: &str) -> f64 {
        row[column].parse().unwrap_or_else(|_| panic!("{column} is {:?}", row[column]))
    }

    /// The columns as variables under the law's own letters.
    fn data(&self, variables: &[(&str, &str)], response: &str) -> Data {
        let columns: Vec<&str> = variables.iter().map(|(symbol, _)| *symbol).collect();
        let values = self
            .0
            .iter()
            .map(|row| variables.iter().map(|(_, column)| Self::number(row, column)).collect());
        let losses = self.0.iter().map(|row| Self::number(row, response)).collect();
        Data::new(&columns, values.collect(), losses, None).expect("published rows can be fitted")
    }
}

fn chinchilla() -> Option<Data> {
    let rows = Rows::read("chinchilla-epoch/data.csv")?;
    let rows = rows.keep(|row| row["excluded_by_epoch"] == "0");
    Some(rows.data(&[("N", "params_n"), ("D", "tokens_d")], "loss"))
}

/// The best objective that 4,500 starts of three solvers reach on these 240 rows.
#[test]
fn chinchilla_reaches_the_best_known_objective() {
    let Some(data) = chinchilla() else { return };
    assert_eq!(data.rows_n(), 240);
    let law = catalogue::find("chinchilla").expect("it is in the catalogue");
    let fit = law.estimate(&data, &Options::default()).expect("it can be fitted");
    assert!(fit.objective <= 1.018_274_018e-3, "{:.13e}", fit.objective);
    let expected = [1.817_218, 477.825_9, 2_143.417_4, 0.347_310, 0.367_172];
    for (found, expected) in fit.coefficients.iter().zip(expected) {
        assert!((found / expected - 1.0).abs() < 1e-4, "{:?}", fit.coefficients);
    }
}
