//! What a user may ask of a fit: weights, bounds, ties and priors.

use law_engine::catalogue::{Data, Estimate, Options, Prior, Refusal, find};
use law_engine::objective::{Huber, Residual};
use law_engine::random::Stream;

const TRUTH: [f64; 3] = [1.5, 20.0, 0.3];
const NOISE: f64 = 0.01;

/// Loss over tokens with noise, and the tokens.
fn table() -> (Vec<Vec<f64>>, Vec<f64>) {
    let law = find("power-const").expect("it is in the catalogue");
    let rows: Vec<Vec<f64>> = (0..24).map(|i| vec![1e6 * 1.7_f64.powi(i)]).collect();
    let noisy = |(i, row): (usize, &Vec<f64>)| {
        let mut stream = Stream::keyed(7, [i as u64, 0, 0]);
        law.predict(&TRUTH, row) + NOISE * stream.normal()
    };
    let losses = rows.iter().enumerate().map(noisy).collect();
    (rows, losses)
}

fn data() -> Data {
    let (rows, losses) = table();
    Data::new(&[variable()], rows, losses, None).expect("they are positive")
}

fn variable() -> &'static str {
    find("power-const").expect("it is in the catalogue").card().variables[0].symbol
}

fn fit(data: &Data, options: &Options) -> Result<Estimate, Refusal> {
    find("power-const").expect("it is in the catalogue").estimate(data, options)
}

fn least_squares() -> Options {
    Options::least_squares(Residual::Raw)
}

#[test]
fn a_weight_of_two_is_a_row_twice() {
    let (rows, losses) = table();
    let weights: Vec<f64> = (0..rows.len()).map(|i| if i % 3 == 0 { 2.0 } else { 1.0 }).collect();
    let weighted = data().with_weights(weights).expect("they are positive");
    let twice = |values: &[Vec<f64>]| -> Vec<Vec<f64>> {
        values.iter().chain(values.iter().step_by(3)).cloned().collect()
    };
    let losses = losses.iter().chain(losses.iter().step_by(3)).copied().collect();
    let doubled = Data::new(&[variable()], twice(&rows), losses, None).expect("as before");
    for options in [Options::default(), least_squares()] {
        let (a, b) = (fit(&weighted, &options), fit(&doubled, &options));
        let (a, b) = (a.expect("it can be fitted"), b.expect("it can be fitted"));
        assert!((a.objective / b.objective - 1.0).abs() < 1e-9, "{a:?} {b:?}");
        let plain = fit(&data(), &options).expect("it can be fitted");
        assert!((plain.objective / b.objective - 1.0).abs() > 1e-2);
    }
    let refused = data().with_weights(vec![1.0; 3]);
    assert!(matches!(refused, Err(Refusal::Ragged { row: 4, found: 3, expected: 24 })));
    let refused = data().with_weights(vec![0.0; 24]);
    assert!(matches!(refused, Err(Refusal::BadValue { row: 1, .. })));
}

#[test]
fn bounds_hold_and_are_within_those_of_the_card() {
    let bounds = |lower, upper| Options {
        bounds: vec![("alpha".to_owned(), lower, upper)],
        ..Options::default()
    };
    let found = fit(&data(), &bounds(0.4, 0.5)).expect("it can be fitted");
    assert_eq!((found.coefficients[2], found.at_bound), (0.4, vec![2]));
    let free = fit(&data(), &Options::default()).expect("it can be fitted");
    let wide = fit(&data(), &bounds(0.1, 0.9)).expect("it can be fitted");
    assert!((free.objective / wide.objective - 1.0).abs() < 1e-9);
    for (lower, upper) in [(-1.0, 0.5), (0.1, 3.0)] {
        let refused = fit(&data(), &bounds(lower, upper));
        assert!(matches!(refused, Err(Refusal::OutOfBounds { .. })), "{refused:?}");
    }
    let reversed = fit(&data(), &bounds(0.5, 0.4));
    assert!(matches!(reversed, Err(Refusal::Reversed { .. })), "{reversed:?}");
}

/// With all but the floor given, the model is a mean, and the answer is the textbook's: the prior
/// and the rows, each by its precision.
#[test]
fn a_prior_weighs_as_much_as_its_precision() {
    let (mean, sd) = (1.52, 0.004);
    let prior = Prior { coefficient: "E".to_owned(), mean, sd, noise: NOISE };
    let fixed = vec![("A".to_owned(), TRUTH[1]), ("alpha".to_owned(), TRUTH[2])];
    let with = Options { fixed, priors: vec![prior], ..least_squares() };
    let without = Options { priors: Vec::new(), ..with.clone() };
    let from_rows = fit(&data(), &without).expect("it can be fitted").coefficients[0];
    let rows = data().rows_n() as f64 / (NOISE * NOISE);
    let expected = (rows * from_rows + mean / (sd * sd)) / (rows + 1.0 / (sd * sd));
    let found = fit(&data(), &with).expect("it can be fitted").coefficients[0];
    assert!((found - expected).abs() < 1e-9, "{found} {expected}");

    let refused = Prior { sd: 0.0, ..with.priors[0].clone() };
    let refused = fit(&data(), &Options { priors: vec![refused], ..with });
    assert!(matches!(refused, Err(Refusal::BadPrior { .. })), "{refused:?}");
}

#[test]
fn the_scale_of_information_is_the_variance_of_least_squares_and_known_for_absolute_values() {
    assert!((Huber::LEAST_SQUARES.information_scale(0.02) - 4e-4).abs() < 1e-15);
    let delta = 1e-7;
    let expected = delta * 0.02 * (std::f64::consts::PI / 2.0).sqrt();
    assert!((Huber { delta }.information_scale(0.02) / expected - 1.0).abs() < 1e-4);
}

#[test]
fn what_is_asked_of_a_tied_coefficient_is_asked_of_both() {
    let (rows, law) = (table().0, find("chinchilla").expect("it is in the catalogue"));
    let rows: Vec<Vec<f64>> = rows
        .iter()
        .enumerate()
        .map(|(i, row)| vec![1e7 * 3_f64.powi(i as i32 % 5), row[0]])
        .collect();
    let truth = law.card().published[0].coefficients;
    let losses = rows.iter().map(|row| law.predict(truth, row)).collect();
    let data = Data::new(&["N", "D"], rows, losses, None).expect("they are positive");
    let fixed = vec![("beta".to_owned(), 0.31)];
    let tied = vec![("alpha".to_owned(), "beta".to_owned())];
    let options = Options { fixed, tied, ..Options::default() };
    let found = law.estimate(&data, &options).expect("it can be fitted").coefficients;
    assert_eq!(found[3..], [0.31, 0.31]);
}

#[test]
fn what_is_tied_stays_tied_however_it_is_said() {
    let law = find("chinchilla-gamma").expect("it is in the catalogue");
    let symbols: Vec<&str> = law.card().parameters.iter().map(|p| p.symbol).collect();
    let [alpha, beta, gamma] = ["alpha", "beta", "gamma"];
    let rows: Vec<Vec<f64>> =
        (0..30).map(|i| vec![1e7 * 3_f64.powi(i % 5), 1e8 * 2_f64.powi(i / 5)]).collect();
    let truth: Vec<f64> = law.card().published[0].coefficients.to_vec();
    let losses = rows.iter().map(|row| law.predict(&truth, row)).collect();
    let data = Data::new(&["N", "D"], rows, losses, None).expect("they are positive");
    let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());
    for tied in
        [vec![pair(beta, gamma), pair(alpha, beta)], vec![pair(alpha, gamma), pair(beta, gamma)]]
    {
        let options = Options { tied, ..Options::default() };
        let found = law.estimate(&data, &options).expect("it can be fitted");
        let value = |symbol: &str| {
            let place = symbols.iter().position(|s| *s == symbol);
            found.coefficients[place.expect("it is on the card")]
        };
        assert!(value(alpha) == value(beta) && value(beta) == value(gamma), "{found:?}");
        assert_eq!(found.free_n, symbols.len() - 2);
    }
}

/// Rows that arrive one by one: a fit that begins at the last one's optima beside its search ends at
/// least as low as one that begins anew, and a fit that begins there alone nearly always there too.
#[test]
fn a_refit_after_one_more_run_is_no_worse_than_a_new_fit() {
    let (rows, losses) = table();
    let first = |n: usize| {
        let data = Data::new(&[variable()], rows[..n].to_vec(), losses[..n].to_vec(), None);
        data.expect("they are positive")
    };
    let mut begin = Vec::new();
    for n in 8..=rows.len() {
        let data = first(n);
        let cold = fit(&data, &Options::default()).expect("it can be fitted");
        let options = Options { begin, ..Options::default() };
        let both = fit(&data, &options).expect("it can be fitted");
        assert!(both.objective <= cold.objective * (1.0 + 1e-12), "{n} rows: {both:?} {cold:?}");
        if n > 8 {
            let warm = fit(&data, &Options { starts_n: 0, ..options }).expect("it can be fitted");
            assert!(warm.objective <= cold.objective * 1.05, "{n} rows: {warm:?} {cold:?}");
        }
        begin = both.basins.into_iter().map(|(coefficients, _)| coefficients).collect();
    }
}

#[test]
fn nowhere_to_begin_is_said() {
    let nowhere = Options { starts_n: 0, ..Options::default() };
    assert_eq!(fit(&data(), &nowhere), Err(Refusal::NoStart));
}
