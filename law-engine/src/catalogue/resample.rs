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

use std::thread;

use super::Ground;
use super::data::{Data, Refusal};
use super::equation::{Fittable, Formula, Points};
use super::estimate::{Estimate, Options, Table, constraints, free};
use crate::fit::polish;
use crate::kernel::surface::Surface;
use crate::law::{ScalingLaw as _, Theta, clamp};
use crate::objective::Objective;
use crate::random::Stream;

/// Optima that a refit begins from.
const WARM_N: usize = 2;
/// Keys of a draw's own streams.
const GROUPS_KEY: u64 = 0;
const SCALE_KEY: u64 = 1;

/// Refits to resamples of whole groups, each begun at the optima of `estimate`: by draw, the
/// coefficients. The same seed draws the same groups for every law.
pub(crate) fn draws<E: Formula<P>, const P: usize>(
    equation: E,
    data: &Data,
    options: &Options,
    estimate: &Estimate,
    draws_n: u32,
    seed: u64,
) -> Result<Vec<Vec<f64>>, Refusal> {
    let constraints = constraints(equation.card(), options)?;
    let table = Table::new(equation.card(), data)?;
    let (points, order) = table.points(data);
    let law = Fittable { equation, constraints: &constraints };
    let objective = Objective { law, points: &points, residual: options.residual };
    let surface = Ground::new(objective).surface;
    let to_fit = |(natural, _): &(Vec<f64>, f64)| {
        Theta::from_fn(|i, _| equation.card().parameters[i].kind.to_fit(natural[i]))
    };
    let warm: Vec<Theta<P>> = estimate.basins.iter().take(WARM_N).map(to_fit).collect();
    let centre = *warm.first().ok_or(Refusal::Empty)?;
    let (groups_n, group_of) = data.members();
    let freedom = groups_n.saturating_sub(free(&constraints).len()).max(1);

    let refit = |points: &mut Points<'_>, surface: &mut Option<Surface<P>>, draw: u64| {
        let counts = counts(seed, draw, groups_n);
        for (point, row) in points.iter_mut().zip(&order) {
            point.weight = counts[group_of[*row]] * data.weights()[*row];
        }
        if let Some(surface) = surface {
            let weights = surface.columns.weights.iter_mut();
            weights.zip(points.iter()).for_each(|(weight, point)| *weight = point.weight);
        }
        let objective = Objective { points: points.as_slice(), ..objective };
        let fits = warm.iter().map(|start| match surface {
            Some(surface) => polish(surface, options.huber, *start),
            None => polish(&objective, options.huber, *start),
        });
        let best = fits.min_by(|a, b| a.objective.total_cmp(&b.objective));
        let theta = best.map_or(centre, |fit| fit.theta);
        let scale = widening(seed, draw, groups_n, freedom);
        law.natural(&clamp(centre + scale * (theta - centre), &law.parameters())).to_vec()
    };
    // Each thread works off every n-th draw on its own copy of the points.
    let threads_n = options.threads_n.clamp(1, draws_n.max(1) as usize);
    let work = |first: usize| {
        let (mut points, mut surface) = (points.clone(), surface.clone());
        let own = (first as u64..u64::from(draws_n)).step_by(threads_n);
        own.map(|draw| refit(&mut points, &mut surface, draw)).collect::<Vec<_>>()
    };
    let mut by_thread: Vec<_> = thread::scope(|scope| {
        let work = &work;
        let handles: Vec<_> =
            (1..threads_n).map(|first| scope.spawn(move || work(first))).collect();
        let own = work(0);
        let others = handles.into_iter().map(|handle| handle.join().expect("draws do not panic"));
        std::iter::once(own).chain(others).map(Vec::into_iter).collect()
    });
    Ok((0..draws_n as usize).filter_map(|draw| by_thread[draw % threads_n].next()).collect())
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
