//! Laws of the catalogue against figures that are known.

mod refits;

use law_engine::catalogue::{self, Data, Law, Options, Refusal};

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
