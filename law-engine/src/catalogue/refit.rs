//! Refits of a law to the same rows, counted otherwise: resampled, or without one run.

use std::thread;

use super::Ground;
use super::data::{Data, Refusal};
use super::equation::{Evaluate, Fittable, Points};
use super::estimate::{Estimate, Options, Table, constraints};
use crate::fit::polish;
use crate::kernel::surface::Surface;
use crate::law::Theta;
use crate::objective::Objective;

/// Optima that a refit begins from.
const WARM_N: usize = 2;

/// The optimum in fitting coordinates, and those of `refits_n` refits, of which number `i` counts
/// each group as often as `counts(i)` says. All begin at the optima of `estimate`, and are shared
/// among the threads of `options`; their number changes nothing.
pub(super) fn refits<const P: usize>(
    equation: &dyn Evaluate<P>,
    data: &Data,
    options: &Options,
    estimate: &Estimate,
    refits_n: usize,
    counts: impl Fn(usize) -> Vec<f64> + Sync,
) -> Result<(Theta<P>, Vec<Theta<P>>), Refusal> {
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
    let (_, group_of) = data.members();

    let refit = |points: &mut Points<'_>, surface: &mut Option<Surface<P>>, number: usize| {
        let counts = counts(number);
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
        best.map_or(centre, |fit| fit.theta)
    };
    // Each thread works off every n-th refit on its own copy of the points.
    let threads_n = options.threads_n.clamp(1, refits_n.max(1));
    let work = |first: usize| {
        let (mut points, mut surface) = (points.clone(), surface.clone());
        let own = (first..refits_n).step_by(threads_n);
        own.map(|number| refit(&mut points, &mut surface, number)).collect::<Vec<_>>()
    };
    let mut by_thread: Vec<_> = thread::scope(|scope| {
        let work = &work;
        let handles: Vec<_> =
            (1..threads_n).map(|first| scope.spawn(move || work(first))).collect();
        let own = work(0);
        let others = handles.into_iter().map(|handle| handle.join().expect("refits do not panic"));
        std::iter::once(own).chain(others).map(Vec::into_iter).collect()
    });
    let thetas = (0..refits_n).filter_map(|number| by_thread[number % threads_n].next()).collect();
    Ok((centre, thetas))
}
