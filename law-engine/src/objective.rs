//! How far a law is from the data: a loss function of the residuals, summed.
//!
//! ```text
//! F(theta) = sum_i w_i rho(T(y_i) - T(L(theta, x_i)))
//! rho(r) = r^2 / 2                 for |r| <= delta
//!          delta (|r| - delta / 2) beyond
//! ```
//!
//! The field's standard is T = ln with delta = 1e-3 (Hoffmann et al., arXiv 2203.15556, equation
//! 3); other papers' choices of T are [`Residual`]s, and least squares is an infinite delta. The sum,
//! never the mean: with a mean, a tolerance on the objective stops optimisers early (the cause of
//! Chinchilla's published misfit, Besiroglu et al., arXiv 2404.10102).

use nalgebra::SMatrix;

use crate::curve::Point;
use crate::law::{Parameter, Pull, ScalingLaw, Theta};

/// Huber's loss with its change from quadratic to linear at `delta`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Huber {
    pub delta: f64,
}

impl Huber {
    /// The field's standard: nearly least absolute deviations, so that one bad run does not bend
    /// the law.
    pub const STANDARD: Self = Self { delta: 1e-3 };
    /// Least squares: no residual is ever this large.
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

    /// What the sum of losses is divided by to be a negative log likelihood near its minimum, for
    /// normal residuals of standard deviation `noise`: the expected square of the slope over the
    /// expected curvature. The variance for least squares, `delta noise sqrt(pi / 2)` for a delta
    /// far below the noise.
    #[must_use]
    pub fn information_scale(self, noise: f64) -> f64 {
        let z = self.delta / noise;
        let inside = self.expected_curvature(noise);
        let density = (-0.5 * z * z).exp() / (2.0 * std::f64::consts::PI).sqrt();
        let square = noise * noise * (inside - 2.0 * z * density + z * z * (1.0 - inside));
        square / inside
    }

    /// The expected curvature for normal residuals of standard deviation `noise`: the share of them
    /// that are within delta.
    #[must_use]
    pub fn expected_curvature(self, noise: f64) -> f64 {
        libm::erf(self.delta / noise * std::f64::consts::FRAC_1_SQRT_2)
    }

    /// Slope over residual: the weight of iteratively reweighted least squares.
    #[must_use]
    pub fn weight(self, residual: f64) -> f64 {
        let r = residual.abs();
        if r <= self.delta { 1.0 } else { self.delta / r }
    }
}

/// What a residual is the difference of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Residual {
    /// Logarithms: Chinchilla, ParScale, multi-power law.
    #[default]
    Log,
    /// The values themselves: Gadre et al., OLMo ladder.
    Raw,
    /// The values in units of the observed one.
    Relative,
    /// Logarithms of one more than the value: BNSL.
    Log1p,
}

impl Residual {
    /// What a row's response is multiplied by in the least squares problem that stands for these
    /// residuals where a law is linear: relative squares for logarithms, plain ones for the values.
    pub(crate) fn row_scale(self, weight: f64, ln_observed: f64) -> f64 {
        match self {
            Self::Log | Self::Relative => weight.sqrt() / ln_observed.exp(),
            Self::Raw | Self::Log1p => weight.sqrt(),
        }
    }

    /// The logarithm of what would have been observed with `residual` off the law. A loss stays
    /// positive, whatever the residual.
    pub(crate) fn observed(self, ln_law: f64, residual: f64) -> f64 {
        /// The smallest share of the law that an observation is.
        const SHARE_MIN: f64 = 1e-3;
        let law = || ln_law.exp();
        match self {
            Self::Log => ln_law + residual,
            Self::Raw => ln_law + (residual / law()).max(SHARE_MIN - 1.0).ln_1p(),
            Self::Relative => ln_law - (-residual).max(SHARE_MIN - 1.0).ln_1p(),
            Self::Log1p => (law().ln_1p() + residual).exp_m1().max(SHARE_MIN * law()).ln(),
        }
    }

    /// The residual, and the first two derivatives of the prediction's side by ln L.
    pub(crate) fn expand(self, ln_observed: f64, ln_law: f64) -> (f64, f64, f64) {
        match self {
            Self::Log => (ln_observed - ln_law, 1.0, 0.0),
            Self::Raw => {
                let law = ln_law.exp();
                (ln_observed.exp() - law, law, law)
            }
            Self::Relative => {
                let ratio = (ln_law - ln_observed).exp();
                (1.0 - ratio, ratio, ratio)
            }
            Self::Log1p => {
                let law = ln_law.exp();
                let share = law / (1.0 + law);
                let residual = ln_observed.exp().ln_1p() - law.ln_1p();
                (residual, share, share * (1.0 - share))
            }
        }
    }
}

/// A law against its observations.
#[derive(Clone, Copy, Debug)]
pub struct Objective<'a, L, X = f64> {
    pub law: L,
    pub points: &'a [Point<X>],
    pub residual: Residual,
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
    /// The Hessian of the reweighted least squares problem that touches the objective here:
    /// positive semi-definite even where the Hessian is not. For residuals of logarithms that are
    /// linear in the parameters it lies above the objective.
    pub majorant: SMatrix<f64, P, P>,
}

impl<const P: usize> Expansion<P> {
    /// Adds what a prior pulls at the parameters with.
    pub(crate) fn add_pulls(&mut self, pulls: &[Pull; P], theta: &Theta<P>) {
        for (i, pull) in pulls.iter().enumerate() {
            let value = pull.value(theta[i]);
            self.value += value;
            self.cost += value;
            self.gradient[i] += pull.stiffness * (theta[i] - pull.towards);
            self.hessian[(i, i)] += pull.stiffness;
            self.majorant[(i, i)] += pull.stiffness;
        }
    }
}

/// What a solver descends: an objective over parameters within bounds.
pub trait Landscape<const P: usize> {
    /// Names and bounds.
    fn parameters(&self) -> [Parameter; P];

    /// Number of residuals.
    fn rows_n(&self) -> usize;

    /// The largest residual by size; where it is not a number it does not count.
    fn largest_residual(&self, theta: &Theta<P>) -> f64;

    /// The sum of Huber losses, and of the pulls of a prior.
    fn value(&self, theta: &Theta<P>, huber: Huber) -> f64;

    /// Value, gradient, Hessian and majorant with `stage`, and the value with `huber`, in one pass.
    fn expand(&self, theta: &Theta<P>, stage: Huber, huber: Huber) -> Expansion<P>;
}

impl<T: Landscape<P>, const P: usize> Landscape<P> for &T {
    fn parameters(&self) -> [Parameter; P] {
        (**self).parameters()
    }

    fn rows_n(&self) -> usize {
        (**self).rows_n()
    }

    fn largest_residual(&self, theta: &Theta<P>) -> f64 {
        (**self).largest_residual(theta)
    }

    fn value(&self, theta: &Theta<P>, huber: Huber) -> f64 {
        (**self).value(theta, huber)
    }

    fn expand(&self, theta: &Theta<P>, stage: Huber, huber: Huber) -> Expansion<P> {
        (**self).expand(theta, stage, huber)
    }
}

impl<L: ScalingLaw<P>, const P: usize> Landscape<P> for Objective<'_, L, L::X> {
    fn parameters(&self) -> [Parameter; P] {
        self.law.parameters()
    }

    fn rows_n(&self) -> usize {
        self.points.len()
    }

    fn largest_residual(&self, theta: &Theta<P>) -> f64 {
        self.residuals(theta).fold(0.0, |largest, r| f64::max(largest, r.abs()))
    }

    fn value(&self, theta: &Theta<P>, huber: Huber) -> f64 {
        Objective::value(self, theta, huber)
    }

    fn expand(&self, theta: &Theta<P>, stage: Huber, huber: Huber) -> Expansion<P> {
        Objective::expand(self, theta, stage, huber)
    }
}

impl<'a, L, X> Objective<'a, L, X> {
    /// The field's standard, residuals of logarithms.
    #[must_use]
    pub const fn of_logs(law: L, points: &'a [Point<X>]) -> Self {
        Self { law, points, residual: Residual::Log }
    }
}

impl<'a, L, X> Objective<'a, L, X> {
    /// The residuals, in the order of the points.
    pub fn residuals<'t, const P: usize>(
        &self,
        theta: &'t Theta<P>,
    ) -> impl Iterator<Item = f64> + use<'a, 't, L, X, P>
    where
        L: ScalingLaw<P, X = X>,
        X: Copy + PartialEq,
    {
        let Self { law, points, residual } = *self;
        points.iter().map(move |p| residual.expand(p.ln_loss, law.ln_predict(theta, p.x)).0)
    }

    /// The sum of Huber losses, and of the pulls of the law's prior.
    pub fn value<const P: usize>(&self, theta: &Theta<P>, huber: Huber) -> f64
    where
        L: ScalingLaw<P, X = X>,
        X: Copy + PartialEq,
    {
        let mut sum = 0.0;
        for class in by_class(self.points) {
            let ln_law = self.law.ln_predict(theta, class[0].x);
            let loss =
                |p: &Point<X>| p.weight * huber.value(self.residual.expand(p.ln_loss, ln_law).0);
            sum += class.iter().map(loss).sum::<f64>();
        }
        let pulls = self.law.prior();
        sum + pulls.iter().zip(theta.iter()).map(|(pull, t)| pull.value(*t)).sum::<f64>()
    }

    /// Value, gradient, Hessian and majorant with `stage`, and the value with `huber`, in one pass.
    pub fn expand<const P: usize>(
        &self,
        theta: &Theta<P>,
        stage: Huber,
        huber: Huber,
    ) -> Expansion<P>
    where
        L: ScalingLaw<P, X = X>,
        X: Copy + PartialEq,
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
                let (residual, first, second) = self.residual.expand(point.ln_loss, jet.ln_loss);
                let w = point.weight;
                sum.value += w * stage.value(residual);
                sum.cost += w * huber.value(residual);
                let pull = w * stage.slope(residual);
                slope += pull * first;
                curvature += w * stage.curvature(residual) * first * first - pull * second;
                weight += w * stage.weight(residual) * first * first;
            }
            // The residual's derivatives have the opposite sign of those of ln L.
            let square = jet.gradient * jet.gradient.transpose();
            sum.gradient -= slope * jet.gradient;
            sum.hessian += curvature * square - slope * jet.hessian;
            sum.majorant += weight * square;
        }
        sum.add_pulls(&self.law.prior(), theta);
        sum
    }
}

/// Runs of points at one x, where the law needs to be evaluated only once.
pub(crate) fn by_class<X: PartialEq>(points: &[Point<X>]) -> impl Iterator<Item = &[Point<X>]> {
    points.chunk_by(|a, b| a.x == b.x)
}
