//! How far refits of a crossover scatter under the standard objective, against least squares. Against
//! reference values least squares is checked by `validation::crossing`.

use law_engine::objective::Huber;
use sweep_core::fit::Interval;

use crate::validation::crossing::spread;

/// The standard objective is nearly least absolute deviations: on clean normal noise it pays for
/// its robustness with spread, in log hours at most the factor 1.25 = sqrt(pi / 2) of the median.
#[test]
fn the_robust_objective_scatters_a_little_more() {
    let log_width = |interval: Interval| (interval.upper / interval.lower).ln();
    for noise in [0.001, 0.0025] {
        let robust = spread(noise, Huber::STANDARD, 4_000);
        let ratio = log_width(robust) / log_width(spread(noise, Huber::LEAST_SQUARES, 4_000));
        println!("noise {noise}: {robust:?}, {ratio} of least squares");
        assert!((1.0..1.3).contains(&ratio), "noise {noise}: {ratio}");
    }
}
