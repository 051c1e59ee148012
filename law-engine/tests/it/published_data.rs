//! Real published experiments, where they are at hand: beside the checkout in `shared/data`, or where
//! `SWEEP_PUBLISHED_DATA` says. They are not part of the repository; without them these tests say so
//! and check nothing.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use law_engine::catalogue::schedule::{MultiPower, annealing_area, forward_area};
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
    #[expect(clippy::print_stderr, reason = "a check that is skipped says so")]
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

/// Mean squares of log10 residuals of the best fits known, from 500 starts of the authors' script.
#[test]
fn routed_models_reach_the_best_known_objective() {
    let law = catalogue::find("moe-clark").expect("it is in the catalogue");
    for (router, rows_n, best) in
        [("S-Base", 58, 1.0417e-5), ("RL-R", 59, 1.0428e-5), ("Hash", 56, 8.890e-6)]
    {
        let Some(rows) = Rows::read("clark-routed/data.csv") else { return };
        let rows = rows.keep(|row| {
            row["paper_fit_subset"] == "1" && ["Dense", router].contains(&row["variant"].as_str())
        });
        let data = rows.data(&[("N", "params_active_n"), ("E", "experts_e")], "loss");
        assert_eq!(data.rows_n(), rows_n);
        let options = Options::least_squares(Residual::Log);
        let fit = law.estimate(&data, &options).expect("it can be fitted");
        // The objective halves the squares of natural logarithms.
        let unit = std::f64::consts::LN_10.powi(2) * rows_n as f64 / 2.0;
        let found = fit.objective / unit;
        assert!(found <= best * 1.0001, "{router}: {found:e} {:?}", fit.coefficients);
        let printed = law.card().published.iter().find(|fit| fit.label == router);
        let printed = printed.expect("it is published").coefficients;
        for i in [0, 2] {
            assert!((fit.coefficients[i] - printed[i]).abs() < 0.01, "{:?}", fit.coefficients);
        }
    }
}

/// Relative errors of the 13B model's task losses, forecast from sixteen runs up to 1.3B (percent).
#[test]
fn ladders_forecast_as_published() {
    let law = catalogue::find("ladder-bpb").expect("it is in the catalogue");
    for (metric, published) in [
        ("loss_c4", -3.83),
        ("bpb_mmlu", 0.18),
        ("bpb_hellaswag", -1.17),
        ("bpb_arc_challenge", 9.44),
        ("bpb_arc_easy", 15.98),
        ("bpb_piqa", -2.67),
        ("bpb_csqa", -18.46),
        ("bpb_socialiqa", 3.63),
        ("bpb_openbookqa", 0.93),
    ] {
        let Some(rows) = Rows::read("olmo-ladder/data.csv") else { return };
        let columns = [("N", "params_n"), ("D", "tokens_d")];
        let target = Rows(vec![rows.0.last().expect("rows").clone()]).data(&columns, metric);
        let data = rows.keep(|row| row["mode"] == "train").data(&columns, metric);
        let fit = law.estimate(&data, &Options::default()).expect("it can be fitted");
        let place = |symbol| target.column(symbol).expect("a column")[0];
        let forecast = law.predict(&fit.coefficients, &[place("N"), place("D")]);
        let error = 100.0 * (forecast / target.response()[0] - 1.0);
        assert!((error - published).abs() < 0.006, "{metric}: {error} {:?}", fit.coefficients);
    }
}

/// Steps of warm-up of all schedules of arXiv 2503.12811: from zero at the first to the peak at the
/// last.
const WARMUP: usize = 2160;

/// The learning rate of each step of a schedule, by its name.
fn schedule(name: &str) -> Vec<f64> {
    let (peak, floor) = (3e-4, 3e-5);
    let total = match name.rsplit('_').next().expect("a name has a last part") {
        digits if digits.len() == 5 => digits.parse().expect("steps in all"),
        _ => 16_000,
    };
    let after = |step: usize| match name.split('_').next() {
        Some("cosine") => {
            let share = (step - WARMUP) as f64 / (total - WARMUP) as f64;
            floor + 0.5 * (peak - floor) * (1.0 + (std::f64::consts::PI * share).cos())
        }
        Some("wsd") if step >= 20_000 => peak * 0.1_f64.powf((step as f64 - 2e4) / 4e3),
        Some("wsdld") if step >= 20_000 => peak - (peak - floor) * (step as f64 - 2e4) / 4e3,
        Some("wsdcon") if step >= 8000 => {
            1e-5 * name.rsplit('_').next().and_then(|n| n.parse::<f64>().ok()).expect("a rate")
        }
        _ => peak,
    };
    let rate = |step: usize| {
        if step < WARMUP { peak * step as f64 / (WARMUP - 1) as f64 } else { after(step) }
    };
    (0..total).map(rate).collect()
}

/// Observed points of a curve: steps and losses.
type Curve = (Vec<usize>, Vec<f64>);

/// The curves of one size by the names of their schedules, those of `split`.
fn curves(size: &str, split: &str) -> Option<BTreeMap<String, Curve>> {
    let rows = Rows::read("multi-power-law/data.csv")?;
    let mut curves: BTreeMap<String, Curve> = BTreeMap::new();
    for row in rows.keep(|row| row["size_label"] == size && row["repo_split"] == split).0 {
        let curve = curves.entry(row["schedule"].clone()).or_default();
        curve.0.push(row["step"].parse().expect("a step"));
        curve.1.push(Rows::number(&row, "loss"));
    }
    Some(curves)
}

/// Means over curves of R2, MAE, RMSE, mean and worst relative error.
fn scores(
    curves: &BTreeMap<String, Curve>,
    predict: impl Fn(&str, &[usize]) -> Vec<f64>,
) -> [f64; 5] {
    let mut sums = [0.0; 5];
    for (name, (steps, losses)) in curves {
        let n = losses.len() as f64;
        let errors: Vec<f64> =
            predict(name, steps).iter().zip(losses).map(|(a, b)| a - b).collect();
        let squares: f64 = errors.iter().map(|error| error * error).sum();
        let mean = losses.iter().sum::<f64>() / n;
        let spread: f64 = losses.iter().map(|loss| (loss - mean).powi(2)).sum();
        let relative: Vec<f64> =
            errors.iter().zip(losses).map(|(e, loss)| (e / loss).abs()).collect();
        let of_curve = [
            1.0 - squares / spread,
            errors.iter().map(|error| error.abs()).sum::<f64>() / n,
            (squares / n).sqrt(),
            relative.iter().sum::<f64>() / n,
            relative.iter().copied().fold(0.0, f64::max),
        ];
        sums.iter_mut().zip(of_curve).for_each(|(sum, score)| *sum += score);
    }
    sums.map(|sum| sum / curves.len() as f64)
}

#[test]
fn multi_power_law_scores_as_published() {
    let digits = [5e-5, 5.5e-6, 5.5e-6, 5.5e-6, 5.5e-6];
    let published = [
        ("25M", [0.9988, 0.003_76, 0.004_65, 0.001_10, 0.004_09], digits),
        ("100M", [0.9983, 0.004_35, 0.005_92, 0.001_42, 0.005_83], digits),
        // More digits, of these very rows.
        (
            "100M",
            [0.998_301, 0.004_35, 0.005_92, 0.001_425, 0.005_829],
            [5.5e-7, 5.5e-6, 5.5e-6, 5.5e-7, 5.5e-7],
        ),
    ];
    for (size, expected, tolerance) in published {
        let Some(curves) = curves(size, "test") else { return };
        assert_eq!(curves.len(), 6);
        let (_, law) = MultiPower::PUBLISHED.iter().find(|(of, _)| *of == size).expect("a fit");
        let found = scores(&curves, |name, steps| law.predict(&schedule(name), steps));
        for ((found, expected), tolerance) in found.iter().zip(expected).zip(tolerance) {
            assert!((found - expected).abs() <= tolerance, "{size}: {found} {expected}");
        }
    }
}

/// The annealing law, fitted to three schedules, forecasts six others.
#[test]
fn annealing_forecasts_unseen_schedules() {
    const LAMBDA: f64 = 0.999;
    let law = catalogue::find("lr-anneal").expect("it is in the catalogue");
    let places = |name: &str, steps: &[usize]| -> Vec<Vec<f64>> {
        let rates = schedule(name);
        let areas = (forward_area(&rates), annealing_area(&rates, WARMUP, LAMBDA));
        steps.iter().map(|step| vec![areas.0[*step], areas.1[*step]]).collect()
    };
    for (size, label) in [("25M", 0), ("100M", 1)] {
        let (Some(seen), Some(unseen)) = (curves(size, "train"), curves(size, "test")) else {
            return;
        };
        let rows = seen.iter().flat_map(|(name, (steps, _))| places(name, steps)).collect();
        let losses = seen.values().flat_map(|(_, losses)| losses.clone()).collect();
        let data = Data::new(&["S1", "S2"], rows, losses, None).expect("curves can be fitted");
        let fit = law.estimate(&data, &Options::default()).expect("it can be fitted");
        let found = scores(&unseen, |name, steps| {
            let places = places(name, steps);
            places.iter().map(|place| law.predict(&fit.coefficients, place)).collect()
        });
        assert!(found[3] <= 0.0025 && found[4] <= 0.009, "{size}: {found:?}");
        for (found, printed) in
            fit.coefficients.iter().zip(law.card().published[label].coefficients)
        {
            assert!((found - printed).abs() < 0.02 * printed, "{size}: {:?}", fit.coefficients);
        }
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
