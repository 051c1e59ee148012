//! Bootstrap draws of all arms' laws: refits to data that could as well have been measured.
//!
//! A study has few runs (often one or two seeds in each of five classes), which rules out the
//! textbook methods: resampling two seeds within a class understates the spread (each class is
//! unchanged in half of the resamples), and residuals or their signs are too few to shuffle. The
//! draws here are parametric and correct for what five points cannot tell:
//!
//! - each draw adds normal noise to the fitted law, with the spread of the residuals of a least
//!   squares fit, pooled over classes, `s^2 = sum r^2 / (n - P)`. (A Huber fit of few points runs
//!   through some of them: its residuals are too uneven to estimate a correlation from);
//! - the spread is itself uncertain: each draw scales it by `sqrt(f / chi^2_f)`, f = n - P. For a
//!   law that is linear in its parameters the draws of any coefficient, or of a difference between
//!   arms, then have Student's distribution, the exact answer for normal noise (the flat-prior
//!   posterior), where plain parametric draws cover too little;
//! - arms are paired: runs of one class and seed share their batches, so their errors go
//!   together. The noise of a cell is drawn jointly with the arms' residual covariance, and what is
//!   common to both arms cancels in their crossover. One chi^2 serves all arms of a draw, so that
//!   the difference of two paired arms is exact too.
//!
//! Measured coverage: `tests/it/coverage.rs`.

use std::collections::BTreeMap;

use nalgebra::{DMatrix, DVector};

use crate::curve::{Cell, Curve, Point};
use crate::fit::{Fit, fit, refit};
use crate::law::{HoursLaw, Theta};
use crate::objective::{Huber, Objective};
use crate::random::Stream;

/// Fewest cells in common from which the correlation of two arms is estimated.
const PAIRS_MIN: usize = 3;
/// Largest noise of a draw, in log loss. With one degree of freedom a draw has no bound by itself;
/// a factor of 150 in the loss is beyond any quantile that is reported.
const NOISE_MAX: f64 = 5.0;
/// Key of the draw's own stream, apart from those of the cells.
const SCALE_KEY: u64 = u64::MAX;

/// An arm with its law fitted. Its curve has more points than the law has parameters.
#[derive(Clone, Debug)]
pub struct Fitted<'a, const P: usize> {
    pub curve: &'a Curve,
    pub fit: Fit<P>,
}

impl<const P: usize> Fitted<'_, P> {
    /// Degrees of freedom of the residuals.
    #[must_use]
    pub fn freedom(&self) -> usize {
        self.curve.points.len().saturating_sub(P).max(1)
    }
}

/// `draws_n` refits of every arm, by arm; the same index is the same draw in all arms.
#[must_use]
pub fn draws<L: HoursLaw<P>, const P: usize>(
    law: L,
    arms: &[Fitted<'_, P>],
    huber: Huber,
    draws_n: u32,
    seed: u64,
) -> Vec<Vec<Theta<P>>> {
    if arms.is_empty() {
        return Vec::new();
    }
    let noise = Noise::estimate(law, arms);
    let mut draws = vec![Vec::with_capacity(draws_n as usize); arms.len()];
    let mut simulated: Vec<Vec<Point>> = arms.iter().map(|arm| arm.curve.points.clone()).collect();
    for draw in 0..draws_n {
        let errors = noise.draw(seed, draw);
        for (a, (arm, points)) in arms.iter().zip(&mut simulated).enumerate() {
            for point in points.iter_mut() {
                let error = errors[&point.cell][a].clamp(-NOISE_MAX, NOISE_MAX);
                point.ln_loss = law.ln_predict(&arm.fit.theta, point.x) + error;
            }
            draws[a].push(refit(law, points, huber).theta);
        }
    }
    draws
}

/// The joint distribution of the arms' errors in one cell.
struct Noise {
    /// Every cell that some arm was measured in.
    cells: Vec<Cell>,
    /// Symmetric square root of the covariance between arms.
    root: DMatrix<f64>,
    /// Degrees of freedom of each arm.
    freedoms: Vec<usize>,
}

impl Noise {
    fn estimate<L: HoursLaw<P>, const P: usize>(law: L, arms: &[Fitted<'_, P>]) -> Self {
        let residuals: Vec<BTreeMap<Cell, f64>> =
            arms.iter().map(|arm| residuals_by_cell(law, arm)).collect();
        let spread = |a: usize| {
            let squares: f64 = residuals[a].values().map(|r| r * r).sum();
            (squares / arms[a].freedom() as f64).sqrt()
        };
        let covariance = DMatrix::from_fn(arms.len(), arms.len(), |a, b| {
            spread(a) * spread(b) * correlation(&residuals[a], &residuals[b])
        });
        let mut cells: Vec<Cell> = residuals.iter().flat_map(BTreeMap::keys).copied().collect();
        cells.sort_unstable();
        cells.dedup();
        let freedoms = arms.iter().map(Fitted::freedom).collect();
        Self { cells, root: square_root(covariance), freedoms }
    }

    /// The errors of one draw: per cell, one per arm.
    fn draw(&self, seed: u64, draw: u32) -> BTreeMap<Cell, DVector<f64>> {
        let draw = u64::from(draw);
        let scales = self.scales(&mut Stream::keyed(seed, [draw, SCALE_KEY, SCALE_KEY]));
        let errors = |cell: &Cell| {
            let mut stream = Stream::keyed(seed, [draw, cell.class as u64, cell.seed]);
            let normals = DVector::from_fn(self.root.nrows(), |_, _| stream.normal());
            (*cell, (&self.root * normals).component_mul(&scales))
        };
        self.cells.iter().map(errors).collect()
    }

    /// `sqrt(f / chi^2_f)` of each arm, from one sequence of normals: equal for equal f.
    fn scales(&self, stream: &mut Stream) -> DVector<f64> {
        let freedom_max = self.freedoms.iter().copied().max().unwrap_or(0);
        let mut sum = 0.0;
        let chi_squared: Vec<f64> = (0..freedom_max)
            .map(|_| {
                sum += stream.normal().powi(2);
                sum
            })
            .collect();
        DVector::from_iterator(
            self.freedoms.len(),
            self.freedoms.iter().map(|&f| (f as f64 / chi_squared[f - 1]).sqrt()),
        )
    }
}

fn residuals_by_cell<L: HoursLaw<P>, const P: usize>(
    law: L,
    arm: &Fitted<'_, P>,
) -> BTreeMap<Cell, f64> {
    let points = &arm.curve.points;
    let theta = fit(law, points, Huber::LEAST_SQUARES).theta;
    let residuals = Objective::of_logs(law, points).residuals(&theta);
    points.iter().map(|p| p.cell).zip(residuals).collect()
}

/// The correlation of two arms' residuals over the cells that they share: one for an arm with
/// itself, zero with too few cells in common.
fn correlation(a: &BTreeMap<Cell, f64>, b: &BTreeMap<Cell, f64>) -> f64 {
    let pairs: Vec<(f64, f64)> =
        a.iter().filter_map(|(cell, x)| b.get(cell).map(|y| (*x, *y))).collect();
    if pairs.len() < PAIRS_MIN {
        return 0.0;
    }
    let sum = |f: fn(&(f64, f64)) -> f64| pairs.iter().map(f).sum::<f64>();
    let product = (sum(|(x, _)| x * x) * sum(|(_, y)| y * y)).sqrt();
    if product > 0.0 { sum(|(x, y)| x * y) / product } else { 0.0 }
}

/// The symmetric square root of a covariance. Correlations estimated from different cells need
/// not fit together: negative eigenvalues count as zero.
fn square_root(covariance: DMatrix<f64>) -> DMatrix<f64> {
    let eigen = covariance.symmetric_eigen();
    let roots = eigen.eigenvalues.map(|value| value.max(0.0).sqrt());
    &eigen.eigenvectors * DMatrix::from_diagonal(&roots) * eigen.eigenvectors.transpose()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_square_root_squares_to_the_covariance_even_when_singular() {
        let covariance = DMatrix::from_row_slice(2, 2, &[4.0, 6.0, 6.0, 9.0]);
        let root = square_root(covariance.clone());
        assert!((&root * &root - covariance).norm() < 1e-12);
    }

    #[test]
    fn correlation_needs_shared_cells() {
        let arm = |seed, values: &[f64]| -> BTreeMap<Cell, f64> {
            values.iter().enumerate().map(|(class, r)| (Cell { class, seed }, *r)).collect()
        };
        let a = arm(1, &[1.0, -2.0, 3.0]);
        assert!((correlation(&a, &arm(1, &[-2.0, 4.0, -6.0])) + 1.0).abs() < 1e-12);
        assert_eq!(correlation(&a, &arm(2, &[1.0, -2.0, 3.0])), 0.0);
        assert_eq!(correlation(&a, &arm(1, &[0.0, 0.0, 0.0])), 0.0);
    }
}
