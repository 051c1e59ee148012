//! Laws of the catalogue against figures that are known, and against themselves: what a law predicts,
//! its fit finds again.

use law_engine::catalogue::schedule::MultiPower;
use law_engine::catalogue::{self, Data, Law, Options};
use law_engine::objective::Residual;

fn law(name: &str) -> &'static dyn Law {
    catalogue::find(name).unwrap_or_else(|| panic!("no law {name}"))
}

/// The prediction of a published fit.
fn published(name: &str, label: &str, x: &[f64]) -> f64 {
    let law = law(name);
    let fits = law.card().published;
    let fit = fits.iter().find(|fit| fit.label.starts_with(label)).expect("it is published");
    law.predict(fit.coefficients, x)
}

#[track_caller]
fn near(found: f64, expected: f64, tolerance: f64) {
    assert!((found - expected).abs() <= tolerance, "{found} is not {expected} +- {tolerance}");
}

#[test]
fn full_trajectory_with_kaplans_constants() {
    let batch = f64::from(1 << 19);
    for (n, steps, expected) in [(1e8, 1e4, 3.3575), (1e8, 2.5e5, 2.8715), (1e9, 2.5e5, 2.4546)] {
        near(published("trajectory-nsb", "Kaplan", &[n, batch, steps]), expected, 5e-5);
    }
}

#[test]
fn data_constrained_order_of_two_models() {
    let small = published("data-constrained", "C4", &[6.34e9, 242e9, 25e9]);
    let large = published("data-constrained", "C4", &[8.67e9, 178e9, 25e9]);
    near(small, 2.225_644_088_998_447_7, 1e-12);
    near(large, 2.226_963_407_508_786_7, 1e-12);
    assert!(small < large);
}

#[test]
fn best_learning_rate_and_batch() {
    near(published("opt-lr", "dense", &[7e9, 1.4e12]) / 9.347e-4, 1.0, 1e-3);
    near(published("opt-batch", "dense", &[1.4e12]) / 4.997e6, 1.0, 1e-3);
    let rounded = law("opt-lr").predict(&[1.79, -0.713, 0.307], &[1e9, 1e11]);
    near(rounded / 1.632e-3, 1.0, 1e-3);
    near(law("opt-batch").predict(&[0.58, 0.571], &[1e11]) / 1.108e6, 1.0, 1e-3);
}

/// Table 2 of arXiv 2402.07871: active parameters, tokens, granularity, loss.
#[test]
fn granular_optima() {
    for (active, tokens, granularity, loss, rounded) in [
        (100e6, 4.37e9, 8.0, 3.133, 3.110),
        (1e9, 28.94e9, 16.0, 2.491, 2.471),
        (3e9, 72.90e9, 16.0, 2.245, 2.226),
        (7e9, 137.60e9, 32.0, 2.076, 2.060),
        (70e9, 941.07e9, 32.0, 1.694, 1.680),
        (300e9, 2.96e12, 64.0, 1.503, 1.490),
        (1e12, 7.94e12, 64.0, 1.367, 1.356),
    ] {
        let x = [43.0 * active, tokens, granularity];
        near(published("moe-granular", "mixture", &x), loss, 0.025);
        near(published("moe-granular", "mixture", &x), rounded, 5.5e-4);
    }
}

#[test]
fn routed_model_without_experts_is_worth_its_start() {
    // One expert counts as E_start, infinitely many as E_max.
    let [a, b, c, d, start, max] = [-0.082, -0.108, 0.009, 1.104, 1.847, 314.478];
    let expected = |n: f64, experts: f64| {
        let (n, e) = (n.log10(), f64::log10(experts));
        10_f64.powf(a * n + b * e + c * n * e + d)
    };
    near(published("moe-clark", "S-Base", &[1e8, 1.0]), expected(1e8, start), 1e-12);
    near(published("moe-clark", "S-Base", &[1e8, 1e15]), expected(1e8, max), 1e-9);
}

/// The schedule of arXiv 2503.12811: warm-up of 2,160 steps to 3e-4, then a cosine to a tenth.
fn cosine(total: usize) -> Vec<f64> {
    const WARMUP: usize = 2160;
    let (peak, floor) = (3e-4, 3e-5);
    let rate = |step: usize| {
        if step < WARMUP {
            return peak * step as f64 / (WARMUP - 1) as f64;
        }
        let share = (step - WARMUP) as f64 / (total - WARMUP) as f64;
        floor + 0.5 * (peak - floor) * (1.0 + (std::f64::consts::PI * share).cos())
    };
    (0..total).map(rate).collect()
}

#[test]
fn multi_power_law_of_400m() {
    let (_, law) = MultiPower::PUBLISHED[2];
    near(law.predict(&cosine(72_000), &[71_936])[0], 2.6185, 5e-5);
    let constant: Vec<f64> =
        (0..24_000).map(|step| 3e-4 * (f64::from(step) / 2159.0).min(1.0)).collect();
    near(law.predict(&constant, &[23_936])[0], 2.8172, 5e-5);
}

/// All combinations of the values of each variable.
fn grid(values: &[&[f64]]) -> Vec<Vec<f64>> {
    values.iter().fold(vec![Vec::new()], |rows, values| {
        let extend = |row: &Vec<f64>| {
            let row = row.clone();
            values.iter().map(move |value| [row.clone(), vec![*value]].concat())
        };
        rows.iter().flat_map(extend).collect()
    })
}

fn powers(first: f64, last: f64, n: usize) -> Vec<f64> {
    (0..n).map(|i| first * (last / first).powf(i as f64 / (n - 1) as f64)).collect()
}

/// Fits what the law itself predicts, and compares the predictions.
#[track_caller]
fn finds_itself_with(name: &str, truth: &[f64], rows: Vec<Vec<f64>>, options: &Options) {
    let law = law(name);
    let card = law.card();
    let response: Vec<f64> = rows.iter().map(|row| law.predict(truth, row)).collect();
    let columns: Vec<&str> = card.variables.iter().map(|variable| variable.symbol).collect();
    let data = Data::new(&columns, rows.clone(), response.clone(), None).expect("usable data");
    let fit = law.estimate(&data, options).expect("it can be fitted");
    for (row, expected) in rows.iter().zip(&response) {
        let ratio = law.predict(&fit.coefficients, row) / expected;
        assert!(
            (ratio - 1.0).abs() < 1e-4,
            "{name} at {row:?}: {ratio}, {:?} for {truth:?}, objective {:e}, {:?}",
            fit.coefficients,
            fit.objective,
            fit.convergence
        );
    }
}

#[track_caller]
fn finds_itself(name: &str, truth: &[f64], rows: Vec<Vec<f64>>) {
    finds_itself_with(name, truth, rows, &Options::default());
}

const SIZES: &[f64] = &[1e7, 4e7, 1.6e8, 6.4e8, 2.5e9];
const TOKENS: &[f64] = &[1e9, 4e9, 1.6e10, 6.4e10];

#[test]
fn fits_of_powers_find_themselves() {
    let sizes = || grid(&[SIZES]);
    finds_itself("power-ratio", &[8.8e13, 0.076], sizes());
    finds_itself("power-ratio", &[3e3, 0.6], sizes());
    finds_itself("power-scaled", &[2.5e-5, -0.13], sizes());
    finds_itself("opt-lr", &[1.7973, -0.712_922, 0.307_491], grid(&[SIZES, TOKENS]));
    finds_itself("opt-batch", &[0.58069, 0.570_944], grid(&[TOKENS]));
    finds_itself("coverage", &[-2.3, -0.4], grid(&[&powers(1.0, 1e4, 9)]));
    finds_itself("coverage", &[-30.0, -0.7], grid(&[&powers(1.0, 1e4, 9)]));
}

#[test]
fn fits_of_ladders_find_themselves() {
    let truth = [12.483, 33.477, 0.1036, 0.1620, 0.9344];
    finds_itself("ladder-bpb", &truth, grid(&[SIZES, TOKENS]));
    let losses: Vec<f64> = (0..12).map(|i| 0.5 + 0.1 * f64::from(i)).collect();
    let options = Options::least_squares(Residual::Raw);
    finds_itself_with("ladder-accuracy", &[-0.7, 0.9, 6.0, 0.97], grid(&[&losses]), &options);
}

#[test]
fn fit_of_annealing_finds_itself() {
    let rows = grid(&[&powers(0.5, 20.0, 12), &[0.0, 0.02, 0.1, 0.2]]);
    finds_itself("lr-anneal", &[2.789, 0.593, 0.481, 0.455], rows);
}

#[test]
fn fits_of_experts_find_themselves() {
    let experts = &[1.0, 2.0, 8.0, 32.0, 128.0, 512.0];
    let rows = || grid(&[&[1.5e7, 5.5e7, 1.3e8, 3.7e8, 1.3e9], experts]);
    for published in law("moe-clark").card().published {
        finds_itself("moe-clark", published.coefficients, rows());
    }
    let granular = law("moe-granular").card().published[0].coefficients;
    finds_itself("moe-granular", granular, grid(&[SIZES, TOKENS, &[1.0, 2.0, 4.0, 8.0, 16.0]]));
}

#[test]
fn fits_of_repeated_data_find_themselves() {
    let rows = grid(&[&[1e7, 1e8, 1e9, 6e9], &[1e9, 4e9, 2e10, 1e11], &[1e8, 3e8, 1e9]]);
    finds_itself(
        "data-constrained",
        law("data-constrained").card().published[0].coefficients,
        rows,
    );
    let rows = grid(&[&[3e7, 6e7, 1.3e8, 3e8, 6e8], &[1.3e7, 6e7, 3e8]]);
    finds_itself("utility-decay", &[3e-7, -0.2, 3.0, 0.1], rows);
}

#[test]
fn fits_of_few_bits_and_weights_find_themselves() {
    let bits = &[3.0, 6.0, 16.0];
    let rows = grid(&[&[1e8, 4e8, 1.6e9], &[1e9, 8e9, 6.4e10], bits, bits, bits]);
    finds_itself("precision", &[2.0, 400.0, 1500.0, 0.35, 0.37, 2.7, 2.2, 0.9], rows);
    let rows = grid(&[&[0.0, 0.5, 0.75, 0.875], SIZES, TOKENS]);
    finds_itself("sparse-weights", &[16.0, 0.7, 45.0, 0.25, 7e8, 0.2, 0.65], rows);
}

#[test]
fn fit_of_a_size_dependent_data_term_finds_itself() {
    let truth = [0.03, 0.16, 1.1, 80.0, 0.1, 2e-3, 0.13, 0.12, 1.5];
    finds_itself("farseer", &truth, grid(&[&powers(1e8, 1e10, 8), &powers(1e9, 1e12, 8)]));
}

#[test]
fn fit_of_students_finds_itself() {
    let law = law("distill");
    let supervised = |n: f64, d: f64| 1.8 + 480.0 * n.powf(-0.35) + 2000.0 * d.powf(-0.37);
    let mut rows = grid(&[&[1e8, 3e8, 1e9, 3e9], &[3e9, 1e10, 3e10, 1e11], &[2.0, 2.2, 2.5, 2.9]]);
    rows.iter_mut().for_each(|row| row.push(supervised(row[0], row[1])));
    assert_eq!(law.card().variables.len(), 4);
    finds_itself("distill", &[2.5, 3.0, 1.3, 0.2, 2e3, 1e4, 0.4, 0.42, 0.7], rows);
}

#[test]
fn fit_of_trajectories_finds_itself() {
    let rows = grid(&[&[1e6, 1e7, 1e8], &[6.6e4, 2.6e5, 1e6], &powers(1e3, 2.5e5, 6)]);
    finds_itself("trajectory-nsb", law("trajectory-nsb").card().published[0].coefficients, rows);
}

#[test]
fn fits_of_broken_curves_find_themselves() {
    let options = Options::least_squares(Residual::Log1p);
    let rows = |first, last, n| grid(&[&powers(first, last, n)]);
    let truth = law("bnsl-1").card().published[0].coefficients;
    finds_itself_with("bnsl-1", truth, rows(160.0, 928.0, 17), &options);
    finds_itself("bnsl-1", &[0.3, 8.0, 0.1, 0.5, 3e6, 0.6], rows(1e4, 1e9, 30));
    // Up before down.
    let humped = [0.2, 1.0, 0.05, -0.3, 1e5, 0.2, 0.8, 1e7, 0.3];
    finds_itself("bnsl-2", &humped, rows(1e3, 1e10, 60));
    let thrice = [0.1, 3.0, 0.02, 0.3, 1e4, 0.2, -0.25, 1e6, 0.15, 0.7, 1e8, 0.2];
    finds_itself("bnsl-3", &thrice, rows(1e2, 1e11, 120));
}

/// T10: on the authors' four-digit addition, the last three points from the first fourteen.
#[test]
fn one_break_forecasts_addition() {
    let x = [
        160.0, 192.0, 256.0, 320.0, 384.0, 448.0, 480.0, 512.0, 544.0, 576.0, 608.0, 640.0, 672.0,
        736.0, 800.0, 864.0, 928.0,
    ];
    let y = [
        2.13809046, 2.11813418, 2.08955508, 2.06988398, 2.05404987, 2.03837089, 2.02814281,
        2.00496872, 1.95576149, 1.86313841, 1.70891537, 1.50637664, 1.29754721, 0.96559684,
        0.75856477, 0.64768338, 0.55695445,
    ];
    let law = law("bnsl-1");
    let rows = x[..14].iter().map(|x| vec![*x]).collect();
    let data = Data::new(&["x"], rows, y[..14].to_vec(), None).expect("usable data");
    let fit = law.estimate(&data, &Options::least_squares(Residual::Log1p)).expect("a fit");
    let rmsle = |coefficients: &[f64], places: std::ops::Range<usize>| {
        let n = places.len() as f64;
        let square = |i: usize| (law.predict(coefficients, &[x[i]]) / y[i]).ln().powi(2);
        (places.map(square).sum::<f64>() / n).sqrt()
    };
    let authors = law.card().published[0].coefficients;
    near(rmsle(authors, 0..14), 0.000_598, 2e-6);
    near(rmsle(authors, 14..17), 0.0109, 5e-5);
    let (seen, ahead) = (rmsle(&fit.coefficients, 0..14), rmsle(&fit.coefficients, 14..17));
    assert!(seen <= 0.000_598_5, "{seen:e} {:?}", fit.coefficients);
    near(ahead, 0.0109, 0.2 * 0.0109);
}

/// The exact gradients of all laws of this file against differences.
#[test]
fn gradients_are_those_of_the_predictions() {
    for (name, truth, x) in [
        ("trajectory-nsb", vec![6.5e13, 0.077, 2.1e3, 0.76, 2e8, 0.21], vec![1e8, 5e5, 1e4]),
        (
            "data-constrained",
            vec![1.87, 520.0, 1488.0, 0.35, 0.36, 15.4, 5.3],
            vec![2e9, 1e10, 1e9],
        ),
        ("moe-clark", vec![-0.08, -0.11, 0.01, 1.1, 1.8, 300.0], vec![1e8, 16.0]),
        ("utility-decay", vec![3e-7, -0.2, 3.0, 0.1], vec![7e7, 1.28e7]),
        (
            "precision",
            vec![2.0, 400.0, 1500.0, 0.35, 0.37, 2.7, 2.2, 0.9],
            vec![1e8, 1e10, 4.0, 5.0, 6.0],
        ),
        ("bnsl-2", vec![0.2, 1.0, 0.05, -0.3, 1e5, 0.2, 0.8, 1e7, 0.3], vec![2e6]),
    ] {
        let law = law(name);
        for (i, exact) in law.gradient(&truth, &x).into_iter().enumerate() {
            let step = 1e-5 * truth[i].abs();
            let at = |offset: f64| {
                let mut moved = truth.clone();
                moved[i] += offset;
                law.predict(&moved, &x)
            };
            let difference = (at(step) - at(-step)) / (2.0 * step);
            let size = law.predict(&truth, &x) / truth[i].abs();
            near(exact / size, difference / size, 1e-8);
        }
    }
}
