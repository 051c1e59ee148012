//! What a law predicts, its fit finds again.

use law_engine::catalogue::{Data, Options};
use law_engine::objective::Residual;

use super::{grid, law, powers};

/// Fits what the law itself predicts, and compares the predictions.
#[track_caller]
fn finds_itself_with(name: &str, truth: &[f64], rows: &[Vec<f64>], options: &Options) {
    let law = law(name);
    let card = law.card();
    let response: Vec<f64> = rows.iter().map(|row| law.predict(truth, row)).collect();
    let columns = card.letters();
    let data = Data::new(&columns, rows.to_vec(), response.clone(), None).expect("usable data");
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
fn finds_itself(name: &str, truth: &[f64], rows: &[Vec<f64>]) {
    finds_itself_with(name, truth, rows, &Options::default());
}

const SIZES: &[f64] = &[1e7, 4e7, 1.6e8, 6.4e8, 2.5e9];
const TOKENS: &[f64] = &[1e9, 4e9, 1.6e10, 6.4e10];

#[test]
fn fits_of_powers_find_themselves() {
    let sizes = || grid(&[SIZES]);
    finds_itself("power-ratio", &[8.8e13, 0.076], &sizes());
    finds_itself("power-ratio", &[3e3, 0.6], &sizes());
    finds_itself("power-scaled", &[2.5e-5, -0.13], &sizes());
    finds_itself("opt-lr", &[1.7973, -0.712_922, 0.307_491], &grid(&[SIZES, TOKENS]));
    finds_itself("opt-batch", &[0.58069, 0.570_944], &grid(&[TOKENS]));
    finds_itself("coverage", &[-2.3, -0.4], &grid(&[&powers(1.0, 1e4, 9)]));
    finds_itself("coverage", &[-30.0, -0.7], &grid(&[&powers(1.0, 1e4, 9)]));
}

#[test]
fn fits_of_ladders_find_themselves() {
    let truth = [12.483, 33.477, 0.1036, 0.1620, 0.9344];
    finds_itself("ladder-bpb", &truth, &grid(&[SIZES, TOKENS]));
    let losses: Vec<f64> = (0..12).map(|i| 0.5 + 0.1 * f64::from(i)).collect();
    let options = Options::least_squares(Residual::Raw);
    finds_itself_with("ladder-accuracy", &[-0.7, 0.9, 6.0, 0.97], &grid(&[&losses]), &options);
}

#[test]
fn fit_of_annealing_finds_itself() {
    let rows = grid(&[&powers(0.5, 20.0, 12), &[0.0, 0.02, 0.1, 0.2]]);
    finds_itself("lr-anneal", &[2.789, 0.593, 0.481, 0.455], &rows);
}

#[test]
fn fits_of_experts_find_themselves() {
    let experts = &[1.0, 2.0, 8.0, 32.0, 128.0, 512.0];
    let rows = || grid(&[&[1.5e7, 5.5e7, 1.3e8, 3.7e8, 1.3e9], experts]);
    for published in law("moe-clark").card().published {
        finds_itself("moe-clark", published.coefficients, &rows());
    }
    let granular = law("moe-granular").card().published[0].coefficients;
    finds_itself("moe-granular", granular, &grid(&[SIZES, TOKENS, &[1.0, 2.0, 4.0, 8.0, 16.0]]));
}

#[test]
fn fits_of_repeated_data_find_themselves() {
    let rows = grid(&[&[1e7, 1e8, 1e9, 6e9], &[1e9, 4e9, 2e10, 1e11], &[1e8, 3e8, 1e9]]);
    finds_itself(
        "data-constrained",
        law("data-constrained").card().published[0].coefficients,
        &rows,
    );
    let rows = grid(&[&[3e7, 6e7, 1.3e8, 3e8, 6e8], &[1.3e7, 6e7, 3e8]]);
    finds_itself("utility-decay", &[3e-7, -0.2, 3.0, 0.1], &rows);
}

#[test]
fn fits_of_few_bits_and_weights_find_themselves() {
    let bits = &[3.0, 6.0, 16.0];
    let rows = grid(&[&[1e8, 4e8, 1.6e9], &[1e9, 8e9, 6.4e10], bits, bits, bits]);
    finds_itself("precision", &[2.0, 400.0, 1500.0, 0.35, 0.37, 2.7, 2.2, 0.9], &rows);
    let rows = grid(&[&[0.0, 0.5, 0.75, 0.875], SIZES, TOKENS]);
    finds_itself("sparse-weights", &[16.0, 0.7, 45.0, 0.25, 7e8, 0.2, 0.65], &rows);
}

#[test]
fn fit_of_a_size_dependent_data_term_finds_itself() {
    let truth = [0.03, 0.16, 1.1, 80.0, 0.1, 2e-3, 0.13, 0.12, 1.5];
    finds_itself("farseer", &truth, &grid(&[&powers(1e8, 1e10, 8), &powers(1e9, 1e12, 8)]));
}

#[test]
fn fit_of_students_finds_itself() {
    let law = law("distill");
    let supervised = |n: f64, d: f64| 1.8 + 480.0 * n.powf(-0.35) + 2000.0 * d.powf(-0.37);
    let mut rows = grid(&[&[1e8, 3e8, 1e9, 3e9], &[3e9, 1e10, 3e10, 1e11], &[2.0, 2.2, 2.5, 2.9]]);
    rows.iter_mut().for_each(|row| row.push(supervised(row[0], row[1])));
    assert_eq!(law.card().variables.len(), 4);
    finds_itself("distill", &[2.5, 3.0, 1.3, 0.2, 2e3, 1e4, 0.4, 0.42, 0.7], &rows);
}

#[test]
fn fit_of_trajectories_finds_itself() {
    let rows = grid(&[&[1e6, 1e7, 1e8], &[6.6e4, 2.6e5, 1e6], &powers(1e3, 2.5e5, 6)]);
    finds_itself("trajectory-nsb", law("trajectory-nsb").card().published[0].coefficients, &rows);
}

#[test]
fn fits_of_broken_curves_find_themselves() {
    let options = Options::least_squares(Residual::Log1p);
    let rows = |first, last, n| grid(&[&powers(first, last, n)]);
    let truth = law("bnsl-1").card().published[0].coefficients;
    finds_itself_with("bnsl-1", truth, &rows(160.0, 928.0, 17), &options);
    finds_itself("bnsl-1", &[0.3, 8.0, 0.1, 0.5, 3e6, 0.6], &rows(1e4, 1e9, 30));
    // Up before down.
    let humped = [0.2, 1.0, 0.05, -0.3, 1e5, 0.2, 0.8, 1e7, 0.3];
    finds_itself("bnsl-2", &humped, &rows(1e3, 1e10, 60));
    let thrice = [0.1, 3.0, 0.02, 0.3, 1e4, 0.2, -0.25, 1e6, 0.15, 0.7, 1e8, 0.2];
    finds_itself("bnsl-3", &thrice, &rows(1e2, 1e11, 120));
}
