//! What single runs do to a fit: which lie far off the law, and what the law would be without them.
//!
//! The fit without a run is refitted, not approximated: with a robust loss and few runs the usual
//! one-step formula is far off just where it matters.

use super::data::{Data, Refusal};
use super::equation::{Evaluate, Row};
use super::estimate::{Estimate, Options, Table, constraints};
use super::linear::MAD;
use super::refit::Refitter;

/// One run's part in a fit.
#[derive(Clone, Debug, PartialEq)]
pub struct Influence {
    /// Its rows, counted from 1.
    pub rows: Vec<usize>,
    /// Mean over its rows of ln of observed over fitted.
    pub residual: f64,
    /// How many times the typical distance of a run the residual is: over 1.4826 times the median
    /// of all runs' absolute residuals, which is one standard deviation if they are normal.
    pub times: f64,
    /// Coefficients of the fit to the other runs.
    pub without: Vec<f64>,
    /// By coefficient, the run's share of the variance that leaving out runs in turn would give.
    pub shares: Vec<f64>,
}

/// Residuals below this are rounding.
const RESIDUAL_MIN: f64 = 1e-12;

/// The part of every run, in the order of their first rows.
pub(crate) fn influences<const P: usize>(
    equation: &dyn Evaluate<P>,
    data: &Data,
    options: &Options,
    estimate: &Estimate,
) -> Result<Vec<Influence>, Refusal> {
    let constraints = constraints(equation.card(), options)?;
    let table = Table::new(equation.card(), data)?;
    let refitter = Refitter::new(equation, &constraints, &table, data, options, estimate)?;
    let (groups_n, group_of) = data.members();
    let thetas = refitter.run(groups_n, |left_out, points| {
        let rows = points.iter_mut().zip(&refitter.points).zip(&refitter.group_of);
        for ((point, whole), group) in rows {
            point.weight = if *group == left_out { 0.0 } else { whole.weight };
        }
        constraints.pulls
    });
    let (law, centre) = (refitter.law, refitter.centre());
    let card = equation.card();
    let variables = data.select(card.name, card.variables)?;
    let mut influences: Vec<Influence> = thetas
        .iter()
        .map(|theta| Influence {
            rows: Vec::new(),
            residual: 0.0,
            times: 0.0,
            without: law.natural(theta).to_vec(),
            shares: Vec::new(),
        })
        .collect();
    let coefficients: [f64; P] = law.natural(&centre);
    for (row, ((x, observed), group)) in
        variables.iter().zip(data.response()).zip(&group_of).enumerate()
    {
        let ln: Vec<f64> = x.iter().map(|x| x.ln()).collect();
        let fitted = equation.number(coefficients, Row::new(x, &ln));
        influences[*group].rows.push(row + 1);
        influences[*group].residual += (observed / fitted).ln();
    }
    influences.iter_mut().for_each(|run| run.residual /= run.rows.len() as f64);
    let mut sizes: Vec<f64> = influences.iter().map(|run| run.residual.abs()).collect();
    sizes.sort_by(f64::total_cmp);
    let typical = (MAD * sizes[sizes.len() / 2]).max(RESIDUAL_MIN);
    let squares: [f64; P] =
        std::array::from_fn(|i| thetas.iter().map(|theta| (theta[i] - centre[i]).powi(2)).sum());
    for (run, theta) in influences.iter_mut().zip(&thetas) {
        run.times = run.residual.abs() / typical;
        let share = |i: usize| {
            if squares[i] > 0.0 { (theta[i] - centre[i]).powi(2) / squares[i] } else { 0.0 }
        };
        run.shares = (0..P).map(share).collect();
    }
    influences.sort_by_key(|run| run.rows.first().copied());
    Ok(influences)
}
