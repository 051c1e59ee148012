//! Laws of the catalogue against figures that are known.

mod refits;

use law_engine::catalogue::schedule::MultiPower;
use law_engine::catalogue::{self, Data, Law, Options, Refusal};
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

#[test]
fn zeros_only_where_a_law_takes_them() {
    let rows = grid(&[&powers(0.5, 20.0, 6), &[0.0, 0.1]]);
    let losses = vec![3.0; rows.len()];
    let data = Data::new(&["S1", "S2"], rows.clone(), losses.clone(), None).expect("zeros may be");
    assert!(law("lr-anneal").estimate(&data, &Options::default()).is_ok());
    let data = Data::new(&["N", "D"], rows, losses, None).expect("zeros may be");
    let refused = law("ladder-bpb").estimate(&data, &Options::default());
    let expected = Refusal::BadValue { row: 1, column: "D".to_owned(), value: 0.0 };
    assert_eq!(refused, Err(expected));
    assert!(Data::new(&["N"], vec![vec![-1.0]], vec![3.0], None).is_err());
}
