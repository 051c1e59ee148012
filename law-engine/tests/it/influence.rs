//! What single runs do to a fit.

use law_engine::catalogue::{Data, Law, Options, Verdict, find, standouts};
use law_engine::random::Stream;

const TRUTH: [f64; 3] = [1.5, 20.0, 0.3];

fn law() -> &'static dyn Law {
    find("power-const").expect("it is in the catalogue")
}

/// Losses of 16 sizes with 0.2 % of noise, of which `far` lies 8 % too high.
fn table(far: Option<usize>) -> (Vec<Vec<f64>>, Vec<f64>) {
    let rows: Vec<Vec<f64>> = (0..16).map(|i| vec![1e6 * 1.8_f64.powi(i)]).collect();
    let loss = |(i, row): (usize, &Vec<f64>)| {
        let noise = 0.002 * Stream::keyed(3, [i as u64, 0, 0]).normal();
        let shift = if far == Some(i) { 1.08 } else { 1.0 };
        law().predict(&TRUTH, row) * noise.exp() * shift
    };
    let losses = rows.iter().enumerate().map(loss).collect();
    (rows, losses)
}

fn data((rows, losses): (Vec<Vec<f64>>, Vec<f64>)) -> Data {
    let variable = law().card().variables[0].symbol;
    Data::new(&[variable], rows, losses, None).expect("they are positive")
}

#[test]
fn an_outlier_is_named_with_what_the_law_would_be_without_it() {
    let (rows, losses) = table(Some(6));
    let data = data((rows.clone(), losses.clone()));
    let options = Options::default();
    let estimate = law().estimate(&data, &options).unwrap();
    let influences = law().influences(&data, &options, &estimate).unwrap();
    let found = standouts(&law().card(), &estimate, &influences);
    let [Verdict::Outlier { rows: named, residual, .. }] = found.as_slice() else {
        panic!("{found:?}");
    };
    assert_eq!(named, &[7]);
    assert!((residual.exp() - 1.08).abs() < 0.01, "{residual}");

    // What is said of the fit without the run is the fit without the run.
    let kept: Vec<usize> = (0..16).filter(|i| *i != 6).collect();
    let others = (
        kept.iter().map(|i| rows[*i].clone()).collect(),
        kept.iter().map(|i| losses[*i]).collect(),
    );
    let refitted = law().estimate(&self::data(others), &options).unwrap();
    for (a, b) in influences[6].without.iter().zip(&refitted.coefficients) {
        assert!((a / b - 1.0).abs() < 1e-6, "{a} {b}");
    }
}

#[test]
fn steady_runs_stand_out_of_nothing() {
    let data = data(table(None));
    let options = Options::default();
    let estimate = law().estimate(&data, &options).unwrap();
    let influences = law().influences(&data, &options, &estimate).unwrap();
    let found = standouts(&law().card(), &estimate, &influences);
    assert!(!found.iter().any(|v| matches!(v, Verdict::Outlier { .. })), "{found:?}");
    for i in 0..3 {
        let sum: f64 = influences.iter().map(|run| run.shares[i]).sum();
        assert!((sum - 1.0).abs() < 1e-9, "shares of coefficient {i} sum to {sum}");
    }
}

/// One large run among many small ones decides about the floor.
#[test]
fn a_lone_run_is_named() {
    let (mut rows, mut losses) = table(None);
    rows.truncate(9);
    losses.truncate(9);
    rows.push(vec![1e12]);
    losses.push(law().predict(&TRUTH, &[1e12]));
    let data = data((rows, losses));
    let options = Options::default();
    let estimate = law().estimate(&data, &options).unwrap();
    let influences = law().influences(&data, &options, &estimate).unwrap();
    let found = standouts(&law().card(), &estimate, &influences);
    let is =
        |v: &Verdict| matches!(v, Verdict::Lone { rows, coefficient: "E", .. } if rows == &[10]);
    assert!(found.iter().any(is), "{found:?}");
}
