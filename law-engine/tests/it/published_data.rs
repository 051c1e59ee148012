//! Real published experiments, where they are at hand: beside the checkout in `shared/data`, or where
//! `SWEEP_PUBLISHED_DATA` says. They are not part of the repository; without them these tests say so
//! and check nothing.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use law_engine::catalogue::{self, Data, Options};
use law_engine::objective::Residual;

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

fn gadre(corpus: &str) -> Option<Rows> {
    Some(Rows::read("gadre-overtraining/data.csv")?.keep(|row| row["dataset"] == corpus))
}

/// Relative errors in percent of the loss and of the 17-task error at the runs of (N, M), by the
/// laws fitted to the five and six runs of the paper.
fn gadre_forecasts(corpus: &str, runs: &[(&str, &str)]) -> Option<(Vec<f64>, Vec<[f64; 2]>)> {
    let loss_law = catalogue::find("overtrain-cm").expect("it is in the catalogue");
    let error_law = catalogue::find("err-exp-loss").expect("it is in the catalogue");
    let options = Options::least_squares(Residual::Raw);
    let cm = [("C", "flops_c"), ("M", "token_mult_m")];
    let five = gadre(corpus)?.keep(|row| row["paper_fit_loss"] == "1").data(&cm, "loss_c4_val");
    let six = gadre(corpus)?.keep(|row| row["paper_fit_err"] == "1");
    let six = six.data(&[("L", "loss_c4_val")], "err_avg17");
    assert_eq!((five.rows_n(), six.rows_n()), (5, 6));
    let loss_fit = loss_law.estimate(&five, &options).expect("it can be fitted").coefficients;
    let error_fit = error_law.estimate(&six, &options).expect("it can be fitted").coefficients;
    let mut percents = Vec::new();
    for (n, m) in runs {
        let run = gadre(corpus)?.keep(|row| row["params_n"] == *n && row["token_mult_m"] == *m);
        let [row] = run.0.as_slice() else { panic!("one run of {n} at {m}") };
        let [c, m, loss, error] = ["flops_c", "token_mult_m", "loss_c4_val", "err_avg17"]
            .map(|column| Rows::number(row, column));
        let forecast = loss_law.predict(&loss_fit, &[c, m]);
        let percent = |forecast: f64, observed: f64| 100.0 * (forecast / observed - 1.0).abs();
        let error_forecast = error_law.predict(&error_fit, &[forecast]);
        percents.push([percent(forecast, loss), percent(error_forecast, error)]);
    }
    let coefficients = loss_fit.iter().chain(&error_fit).copied().collect();
    Some((coefficients, percents))
}

/// The four forecast errors that Gadre et al. publish, to the printed digit.
#[test]
fn gadre_forecasts_are_those_published() {
    let runs = [("1439795200", "640"), ("6889410560", "20")];
    let Some((fit, percents)) = gadre_forecasts("rpj", &runs) else { return };
    for (found, published) in percents.iter().zip([[0.7103, 3.6365], [0.7320, 0.0464]]) {
        for (found, published) in found.iter().zip(published) {
            assert!((found - published).abs() <= 0.5e-4, "{percents:?}");
        }
    }
    let published = [1.83665, 212.24, 366.69, 0.136_426, 0.856_992, 2.20649, 0.714_591];
    for (found, published) in fit.iter().zip(published) {
        assert!((found / published - 1.0).abs() < 3e-5, "{fit:?}");
    }
}

/// The other two corpora, as their authors' script gives them.
#[test]
fn gadre_fits_all_corpora() {
    for (corpus, published, run, percent) in [
        ("c4_original", [1.50826, 141.28, 189.52, 0.121_236], ("6889410560", "20"), 4.295),
        ("rw_original", [1.73446, 157.12, 246.21, 0.127_198], ("6889410560", "20"), 1.619),
    ] {
        let Some((fit, percents)) = gadre_forecasts(corpus, &[run]) else { return };
        for (found, published) in fit.iter().zip(published) {
            assert!((found / published - 1.0).abs() < 5e-5, "{corpus}: {fit:?}");
        }
        assert!((percents[0][0] - percent).abs() <= 0.5e-3, "{corpus}: {percents:?}");
    }
}

/// ParScale's two fits: its script's objective or a lower one, and its R2.
#[test]
fn parscale_fits_are_those_published() {
    for (corpus, coefficients, objective, r2) in [
        ("stack_v2_python", [0.69124, 0.011_306, 0.18937, 0.39346], 3.6767e-5, 0.99783),
        ("pile", [1.28877, 0.19735, 0.19633, 0.33446], 1.8139e-5, 0.99868),
    ] {
        let Some(rows) = Rows::read("parscale/data.csv") else { return };
        let rows = rows.keep(|row| row["dataset"] == corpus);
        let data = rows.data(&[("N", "params_n"), ("P", "streams_p")], "loss");
        assert_eq!(data.rows_n(), 24);
        let law = catalogue::find("parscale").expect("it is in the catalogue");
        let fit = law.estimate(&data, &Options::default()).expect("it can be fitted");
        assert!(fit.objective <= objective + 0.5e-9, "{corpus}: {:.6e}", fit.objective);
        for (found, expected) in fit.coefficients.iter().zip(coefficients) {
            assert!((found / expected - 1.0).abs() < 1e-2, "{corpus}: {:?}", fit.coefficients);
        }
        let observed = data.response();
        let mean = observed.iter().sum::<f64>() / observed.len() as f64;
        let spread: f64 = observed.iter().map(|y| (y - mean).powi(2)).sum();
        let squares: f64 = rows
            .0
            .iter()
            .zip(observed)
            .map(|(row, y)| {
                let x = ["params_n", "streams_p"].map(|column| Rows::number(row, column));
                (y - law.predict(&fit.coefficients, &x)).powi(2)
            })
            .sum();
        assert!((1.0 - squares / spread - r2).abs() < 1e-5, "{corpus}: {}", 1.0 - squares / spread);
    }
}
