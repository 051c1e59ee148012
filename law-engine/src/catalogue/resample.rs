//! Refits to resamples of the data, which intervals are read off.

use super::data::{Data, Refusal};
use super::equation::{Fittable, Formula};
use super::estimate::{Estimate, Options, Table, constraints};
use crate::fit::polish;
use crate::law::Theta;
use crate::objective::Objective;
use crate::random::Stream;

/// Optima that a bootstrap refit begins from.
const WARM_N: usize = 2;

/// Refits to resamples of whole groups, each begun at the optima of `estimate`: by draw, the
/// coefficients. Groups are drawn with replacement; the same seed draws the same groups for every
/// law.
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
    let (mut points, order) = table.points(data);
    let warm: Vec<Theta<P>> = estimate
        .basins
        .iter()
        .take(WARM_N)
        .map(|(natural, _)| {
            Theta::from_fn(|i, _| equation.card().parameters[i].kind.to_fit(natural[i]))
        })
        .collect();
    let mut groups: Vec<u64> = data.groups().to_vec();
    groups.sort_unstable();
    groups.dedup();
    let member: Vec<usize> =
        data.groups().iter().map(|group| groups.partition_point(|g| g < group)).collect();
    let law = Fittable { equation, constraints: &constraints };
    let mut draws = Vec::with_capacity(draws_n as usize);
    let mut counts = vec![0.0; groups.len()];
    for draw in 0..draws_n {
        counts.fill(0.0);
        let mut stream = Stream::keyed(seed, [u64::from(draw), groups.len() as u64, 0]);
        for _ in 0..groups.len() {
            counts[stream.below(groups.len())] += 1.0;
        }
        for (point, row) in points.iter_mut().zip(&order) {
            point.weight = counts[member[*row]] * data.weights()[*row];
        }
        let objective = Objective { law, points: &points, residual: options.residual };
        let fits = warm.iter().map(|start| polish(&objective, options.huber, *start));
        let best = fits.min_by(|a, b| a.objective.total_cmp(&b.objective));
        draws.push(law.natural(&best.ok_or(Refusal::Empty)?.theta).to_vec());
    }
    Ok(draws)
}
