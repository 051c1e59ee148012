//! Profiles of coefficients against closed forms, and what they say that refits do not.

use law_engine::catalogue::{self, Data, Options, Profile, Verdict, cross_checks};
use law_engine::expression;
use law_engine::objective::Residual;
use law_engine::random::Stream;

const LEVEL: f64 = 0.9;
/// Student's 95 % quantile with 8 degrees of freedom.
const STUDENT_8: f64 = 1.859_548;

fn profiles(data: &Data, law: &str, options: &Options) -> Vec<Option<Profile>> {
    let law = if expression::is_expression(law) {
        expression::law(law, &["x"]).expect("a law")
    } else {
        catalogue::find(law).expect("it is in the catalogue")
    };
    let estimate = law.estimate(data, options).expect("it can be fitted");
    law.profiles(data, options, &estimate, LEVEL).expect("what can be fitted has a profile")
}

/// Ten places of a falling line with noise.
fn line() -> (Vec<f64>, Vec<f64>) {
    let x: Vec<f64> = (1..=10).map(f64::from).collect();
    let noise = |x: &f64| 0.05 * Stream::keyed(3, [*x as u64, 0, 0]).normal();
    let y = x.iter().map(|x| 2.0 + 0.5 * x + noise(x)).collect();
    (x, y)
}

fn data(x: &[f64], y: &[f64], groups: Option<Vec<u64>>) -> Data {
    let rows = x.iter().map(|x| vec![*x]).collect();
    Data::new(&["x"], rows, y.to_vec(), groups).expect("they are positive")
}

/// Least squares of a straight line: profile and delta method are Student's interval, which is exact.
#[test]
fn of_a_straight_line_the_profile_is_students_interval() {
    let (x, y) = line();
    let found =
        profiles(&data(&x, &y, None), "L(x) = E + A*x", &Options::least_squares(Residual::Raw));
    let n = x.len() as f64;
    let (mean_x, mean_y) = (x.iter().sum::<f64>() / n, y.iter().sum::<f64>() / n);
    let sxx: f64 = x.iter().map(|x| (x - mean_x).powi(2)).sum();
    let slope = x.iter().zip(&y).map(|(x, y)| (x - mean_x) * (y - mean_y)).sum::<f64>() / sxx;
    let level = mean_y - slope * mean_x;
    let squares: f64 = x.iter().zip(&y).map(|(x, y)| (y - level - slope * x).powi(2)).sum();
    // The residuals are corrected row by row before their mean square is taken, and not all at once.
    let corrected: f64 = x
        .iter()
        .zip(&y)
        .map(|(x, y)| {
            let leverage = 1.0 / n + (x - mean_x).powi(2) / sxx;
            (y - level - slope * x).powi(2) / (1.0 - leverage)
        })
        .sum::<f64>()
        / n;
    assert!((corrected / (squares / (n - 2.0)) - 1.0).abs() < 0.1);
    let sd = [(corrected * (1.0 / n + mean_x * mean_x / sxx)).sqrt(), (corrected / sxx).sqrt()];
    for ((found, best), sd) in found.iter().zip([level, slope]).zip(sd) {
        let Profile { interval, is_open, delta } = found.expect("nothing is given");
        assert_eq!(is_open, [false; 2]);
        let reach = STUDENT_8 * sd;
        assert!((interval.lower - (best - reach)).abs() < 3e-3 * reach, "{interval:?} {best} {sd}");
        assert!((interval.upper - (best + reach)).abs() < 3e-3 * reach, "{interval:?} {best} {sd}");
        // An amplitude is fitted as its logarithm, of which the delta method is symmetric.
        if best == level {
            assert!((delta.lower - (best - reach)).abs() < 1e-6 * reach, "{delta:?}");
        }
    }
}

/// Eight checkpoints that say the same as their run say no more than it.
#[test]
fn checkpoints_do_not_narrow_a_profile() {
    let (x, y) = line();
    let options = Options::least_squares(Residual::Raw);
    let of_runs = profiles(&data(&x, &y, None), "L(x) = E + A*x", &options);
    let eight = |values: &[f64]| -> Vec<f64> { values.iter().flat_map(|v| [*v; 8]).collect() };
    let groups: Vec<u64> = (0..80).map(|row| row / 8).collect();
    let rows = data(&eight(&x), &eight(&y), Some(groups));
    let of_rows = profiles(&rows, "L(x) = E + A*x", &options);
    for (run, rows) in of_runs.iter().zip(&of_rows) {
        let width = |p: &Option<Profile>| p.map(|p| p.interval.upper - p.interval.lower);
        let (run, rows) = (width(run).expect("free"), width(rows).expect("free"));
        assert!((rows / run - 1.0).abs() < 0.15, "{rows} {run}");
    }
}

/// One number of tokens says nothing of an exponent of D: the floor makes up for whatever it is.
#[test]
fn what_the_data_do_not_bound_is_open() {
    let law = catalogue::find("chinchilla").expect("it is in the catalogue");
    let truth = [1.7, 400.0, 410.0, 0.34, 0.28];
    let rows: Vec<Vec<f64>> = (0..12_u32).map(|i| vec![1e7 * 2_f64.powi(i as i32), 2e10]).collect();
    let noise = |i: usize| (0.002 * Stream::keyed(1, [i as u64, 0, 0]).normal()).exp();
    let losses =
        rows.iter().enumerate().map(|(i, row)| law.predict(&truth, row) * noise(i)).collect();
    let data = Data::new(&["N", "D"], rows, losses, None).expect("they are positive");
    let options = Options { fixed: vec![("E".into(), 1.7)], ..Options::default() };
    let found = profiles(&data, "chinchilla", &options);
    assert_eq!(found[0], None, "a given coefficient has no profile");
    let beta = found[4].expect("it is free");
    assert!(beta.is_open[0] || beta.is_open[1], "{beta:?}");
    let said = cross_checks(&law.card(), &found, None);
    assert!(
        said.iter().any(|v| matches!(v, Verdict::Unbounded { coefficient: "beta", .. })),
        "{said:?}"
    );
}
