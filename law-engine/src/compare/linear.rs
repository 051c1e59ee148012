//! A law near its least squares optimum, to first order.

use nalgebra::{SMatrix, SVector};

use super::{Cell, Sample};

/// Singular values below this share of the largest are directions that the data do not see.
const RANK: f64 = 1e-12;

/// Residuals, and how the parameters answer to them.
#[derive(Clone, Debug)]
pub struct Linear<const P: usize> {
    /// By run: its cell, gradient of its mean ln L, residual.
    runs: Vec<(Cell, SVector<f64, P>, f64)>,
    /// Inverse of the sum of squares of the gradients.
    inverse: SMatrix<f64, P, P>,
}

impl<const P: usize> Linear<P> {
    pub(super) fn new(
        sample: &Sample,
        gradient: impl Fn(f64) -> SVector<f64, P>,
        residuals: &[f64],
    ) -> Self {
        let mean = |run: &super::Run| {
            let sum: SVector<f64, P> = run.rows.iter().map(|(x, _)| gradient(*x)).sum();
            sum / run.rows.len() as f64
        };
        let runs: Vec<(Cell, SVector<f64, P>, f64)> = sample
            .runs
            .iter()
            .zip(residuals)
            .map(|(run, residual)| (run.cell, mean(run), *residual))
            .collect();
        let information: SMatrix<f64, P, P> =
            runs.iter().map(|(_, gradient, _)| gradient * gradient.transpose()).sum();
        Self { inverse: pseudo_inverse(information), runs }
    }

    /// Runs less parameters.
    pub(super) fn freedom(&self) -> f64 {
        self.runs.len().saturating_sub(P).max(1) as f64
    }

    /// Residual variance of a run.
    pub(super) fn variance(&self) -> f64 {
        let squares: f64 = self.runs.iter().map(|(_, _, r)| r * r).sum();
        squares / self.freedom()
    }

    /// Variance of the law where its gradient is `gradient`, for runs of unit noise.
    pub(super) fn spread(&self, gradient: &SVector<f64, P>) -> f64 {
        (gradient.transpose() * self.inverse * gradient)[0]
    }

    /// The number of cells shared with another arm, and the covariance of both arms' parameters.
    pub(super) fn shared(&self, other: &Self) -> (usize, SMatrix<f64, P, P>) {
        let mut pairs_n = 0;
        let (mut products, mut design) = ([0.0; 3], SMatrix::<f64, P, P>::zeros());
        for (cell, gradient, residual) in &self.runs {
            let Some((_, other_gradient, other_residual)) =
                other.runs.iter().find(|run| run.0 == *cell)
            else {
                continue;
            };
            pairs_n += 1;
            products[0] += residual * residual;
            products[1] += residual * other_residual;
            products[2] += other_residual * other_residual;
            design += gradient * other_gradient.transpose();
        }
        let scale = (products[0] * products[2]).sqrt();
        let correlation = if scale > 0.0 { products[1] / scale } else { 0.0 };
        let covariance = correlation * (self.variance() * other.variance()).sqrt();
        (pairs_n, covariance * self.inverse * design * other.inverse)
    }
}

/// The inverse on the directions that the data see, by scaled eigenvectors.
fn pseudo_inverse<const P: usize>(matrix: SMatrix<f64, P, P>) -> SMatrix<f64, P, P> {
    let scale: SVector<f64, P> = SVector::from_fn(|i, _| {
        let size = matrix[(i, i)].sqrt();
        if size > 0.0 { size.recip() } else { 0.0 }
    });
    let scaled = SMatrix::<f64, P, P>::from_fn(|i, j| scale[i] * matrix[(i, j)] * scale[j]);
    let dynamic = nalgebra::DMatrix::from_fn(P, P, |i, j| scaled[(i, j)]).symmetric_eigen();
    let largest = dynamic.eigenvalues.iter().copied().fold(0.0, f64::max);
    let mut inverse = SMatrix::<f64, P, P>::zeros();
    for (value, vector) in dynamic.eigenvalues.iter().zip(dynamic.eigenvectors.column_iter()) {
        if *value > RANK * largest {
            let direction = SVector::<f64, P>::from_fn(|i, _| scale[i] * vector[i]);
            inverse += direction * direction.transpose() / *value;
        }
    }
    inverse
}
