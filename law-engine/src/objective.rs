//! How far a law is from the data: the Huber loss of the log residuals, summed.
//!
//! ```text
//! F(theta) = sum_i huber(ln L_i - ln L(theta, x_i))
//! huber(r) = r^2 / 2                 for |r| <= delta
//!            delta (|r| - delta / 2) beyond
//! ```
//!
//! Source: Hoffmann et al. (arXiv 2203.15556, equation 3) with delta = 1e-3 on log losses. The sum,
//! never the mean: with a mean, a tolerance on the objective stops optimisers early (the cause of
//! Chinchilla's published misfit, Besiroglu et al., arXiv 2404.10102).

use nalgebra::SMatrix;

use crate::curve::Point;
use crate::law::{ScalingLaw, Theta};

/// Huber's loss with its change from quadratic to linear at `delta`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Huber {
    pub delta: f64,
}

impl Huber {
    /// The field's standard: nearly least absolute deviations, so that one bad run does not bend
    /// the law.
    pub const STANDARD: Self = Self { delta: 1e-3 };
    /// Least squares of the log residuals: no residual is ever this large.
    pub const LEAST_SQUARES: Self = Self { delta: 1e3 };

    #[must_use]
    pub fn value(self, residual: f64) -> f64 {
        let r = residual.abs();
        if r <= self.delta { 0.5 * r * r } else { self.delta * (r - 0.5 * self.delta) }
    }

    /// First derivative.
    #[must_use]
    pub fn slope(self, residual: f64) -> f64 {
        residual.clamp(-self.delta, self.delta)
    }

    /// Second derivative: one inside, zero outside.
    #[must_use]
    pub fn curvature(self, residual: f64) -> f64 {
        if residual.abs() <= self.delta { 1.0 } else { 0.0 }
    }

    /// Slope over residual: the weight of iteratively reweighted least squares.
    #[must_use]
    pub fn weight(self, residual: f64) -> f64 {
        let r = residual.abs();
        if r <= self.delta { 1.0 } else { self.delta / r }
    }
}

/// A law against an arm's points.
#[derive(Clone, Copy, Debug)]
pub struct Objective<'a, L> {
    pub law: L,
    pub points: &'a [Point],
}

/// The objective at one place, as far as Newton's method wants to know it.
#[derive(Clone, Copy, Debug)]
pub struct Expansion<const P: usize> {
    /// The objective with the Huber loss that the derivatives belong to.
    pub value: f64,
    /// The objective with the Huber loss asked for, which may have a smaller delta.
    pub cost: f64,
    pub gradient: Theta<P>,
    pub hessian: SMatrix<f64, P, P>,
    /// The Hessian of the reweighted least squares problem that touches the objective here and
    /// lies above it: positive semi-definite even where the Hessian is not.
    pub majorant: SMatrix<f64, P, P>,
}

impl<'a, L> Objective<'a, L> {
    /// `ln L_i - ln L(theta, x_i)`.
    pub fn residuals<'t, const P: usize>(
        &self,
        theta: &'t Theta<P>,
    ) -> impl Iterator<Item = f64> + use<'a, 't, L, P>
    where
        L: ScalingLaw<P>,
    {
        let Self { law, points } = *self;
        points.iter().map(move |p| p.ln_loss - law.ln_predict(theta, p.x))
    }

    /// The sum of Huber losses.
    pub fn value<const P: usize>(&self, theta: &Theta<P>, huber: Huber) -> f64
    where
        L: ScalingLaw<P>,
    {
        let mut sum = 0.0;
        for class in by_class(self.points) {
            let ln_law = self.law.ln_predict(theta, class[0].x);
            sum += class.iter().map(|p| huber.value(p.ln_loss - ln_law)).sum::<f64>();
        }
        sum
    }

    /// Value, gradient, Hessian and majorant with `stage`, and the value with `huber`, in one pass.
    pub fn expand<const P: usize>(
        &self,
        theta: &Theta<P>,
        stage: Huber,
        huber: Huber,
    ) -> Expansion<P>
    where
        L: ScalingLaw<P>,
    {
        let mut sum = Expansion {
            value: 0.0,
            cost: 0.0,
            gradient: Theta::zeros(),
            hessian: SMatrix::zeros(),
            majorant: SMatrix::zeros(),
        };
        for class in by_class(self.points) {
            let jet = self.law.jet(theta, class[0].x);
            let [mut slope, mut curvature, mut weight] = [0.0; 3];
            for point in class {
                let residual = point.ln_loss - jet.ln_loss;
                sum.value += stage.value(residual);
                sum.cost += huber.value(residual);
                slope += stage.slope(residual);
                curvature += stage.curvature(residual);
                weight += stage.weight(residual);
            }
            // The residual's derivatives have the opposite sign of those of ln L.
            let square = jet.gradient * jet.gradient.transpose();
            sum.gradient -= slope * jet.gradient;
            sum.hessian += curvature * square - slope * jet.hessian;
            sum.majorant += weight * square;
        }
        sum
    }
}

/// Runs of points at one x, where the law needs to be evaluated only once.
pub(crate) fn by_class(points: &[Point]) -> impl Iterator<Item = &[Point]> {
    points.chunk_by(|a, b| a.x == b.x)
}
