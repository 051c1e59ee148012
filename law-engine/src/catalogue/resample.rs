//! Refits to resamples of the data, which intervals are read off.
//!
//! Whole groups (the rows of one run) are drawn with replacement, because rows of one run err
//! together: drawing rows makes an interval of nominally 90 % cover 57 %. What a resample cannot show
//! is that its fit has used up `p` of the `n` groups' freedom, and that the spread of few groups is
//! itself uncertain. Each draw's distance from the fit is therefore multiplied by
//!
//! ```text
//! sqrt(n / (n - p)) sqrt((n - p) / chi^2_(n - p))
//! ```
//!
//! in fitting coordinates: the first factor is that of residuals to errors, the second turns normal
//! draws into Student's, as in [`bootstrap`](crate::bootstrap). Both vanish as n grows.
//!
//! Measured coverage: `examples/fit_coverage.rs`, docs/fit-coverage.md.

use super::data::{Data, Refusal};
use super::equation::{Evaluate, Fittable};
use super::estimate::{Estimate, Options, constraints, free};
use super::refit::refits;
use crate::law::{ScalingLaw as _, clamp};
use crate::random::Stream;

/// Keys of a draw's own streams.
const GROUPS_KEY: u64 = 0;
const SCALE_KEY: u64 = 1;

/// Refits to resamples of whole groups, each begun at the optima of `estimate`: by draw, the
/// coefficients. The same seed draws the same groups for every law.
pub(crate) fn draws<const P: usize>(
    equation: &dyn Evaluate<P>,
    data: &Data,
    options: &Options,
    estimate: &Estimate,
    draws_n: u32,
    seed: u64,
) -> Result<Vec<Vec<f64>>, Refusal> {
    let (groups_n, _) = data.members();
    let counts = |draw: usize| counts(seed, draw as u64, groups_n);
    let (centre, thetas) = refits(equation, data, options, estimate, draws_n as usize, counts)?;
    let constraints = constraints(equation.card(), options)?;
    let law = Fittable { equation, constraints: &constraints };
    let freedom = groups_n.saturating_sub(free(&constraints).len()).max(1);
    let draw = |(theta, draw)| {
        let scale = widening(seed, draw, groups_n, freedom);
        law.natural(&clamp(centre + scale * (theta - centre), &law.parameters())).to_vec()
    };
    Ok(thetas.into_iter().zip(0..).map(draw).collect())
}

/// How often a draw takes each group.
fn counts(seed: u64, draw: u64, groups_n: usize) -> Vec<f64> {
    let mut counts = vec![0.0; groups_n];
    let mut stream = Stream::keyed(seed, [draw, groups_n as u64, GROUPS_KEY]);
    for _ in 0..groups_n {
        counts[stream.below(groups_n)] += 1.0;
    }
    counts
}

/// The factor of a draw's distance from the fit: `sqrt(n / chi^2_freedom)`.
fn widening(seed: u64, draw: u64, groups_n: usize, freedom: usize) -> f64 {
    let mut stream = Stream::keyed(seed, [draw, groups_n as u64, SCALE_KEY]);
    (groups_n as f64 / stream.chi_squared(freedom)).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn widening_is_students_and_vanishes_with_many_groups() {
        // The mean of n / chi^2 is n / (freedom - 2).
        let mean = |groups_n: usize, freedom: usize| {
            let squares = (0..20_000).map(|draw| widening(3, draw, groups_n, freedom).powi(2));
            squares.sum::<f64>() / 20_000.0
        };
        assert!((mean(12, 7) / (12.0 / 5.0) - 1.0).abs() < 0.05, "{}", mean(12, 7));
        assert!((mean(240, 235) / (240.0 / 233.0) - 1.0).abs() < 0.01, "{}", mean(240, 235));
    }
}
