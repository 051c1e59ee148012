//! Where two arms may change places: every place that the data do not reject.
//!
//! A crossing at x says that two laws have one value there. The constrained optimum of the weighted
//! residual squares is compared with the free one by an F test,
//!
//! ```text
//! T(x) = min over laws equal at x of (S_a / s_a^2 + S_b / s_b^2), less its free minimum
//! ```
//!
//! and the set is every x at which T is not significant: a profile likelihood set (inverted test),
//! for straight lines Fieller's (Fieller 1954, doi 10.1111/j.2517-6161.1954.tb00159.x). It may be
//! bounded, open, or in parts, which no interval made from draws that cross can be.
//!
//! - One **run** is one observation, however many checkpoints it has: its residual is the mean over
//!   its rows. Rows of one run share their error, and counting them would claim certainty.
//! - Each arm has its own noise `s^2 = S / (runs - P)`; the degrees of freedom of the test are made
//!   of the first-order variances of the two laws at x (`freedom.rs`).
//! - Where arms share cells ([`Cell`]: class and seed), the covariance of their residuals enters the
//!   variance of the difference, and the degrees of freedom are those of one arm.
//!
//! Measured coverage: `docs/coverage.md`.

mod floor;
mod freedom;
mod line;
mod linear;
mod sample;
mod set;

pub use floor::FloorArm;
pub use line::LineArm;
pub use sample::{Run, Sample};
pub use set::{Places, places};

use nalgebra::{SMatrix, SVector};

use crate::curve::Cell;
use crate::student::two_sided;
use freedom::of_sum;
use linear::Linear;

/// One arm's law at its least squares optimum, and how it may move.
pub trait Arm<const P: usize>: Sized {
    /// Fits the law to the runs of a sample with more runs than parameters; None where it has
    /// fewer.
    fn fit(sample: &Sample) -> Option<Self>;

    /// ln L of the fitted law.
    fn ln_loss(&self, x: f64) -> f64;

    /// Gradient of [`Arm::ln_loss`] by the parameters.
    fn gradient(&self, x: f64) -> SVector<f64, P>;

    /// First-order behaviour about the optimum.
    fn linear(&self) -> &Linear<P>;

    /// By how much `S_a / s_a^2 + S_b / s_b^2` grows if both laws must be equal at `x`; `weights`
    /// are the inverse squares of the noises.
    fn excess(arms: [&Self; 2], weights: [f64; 2], x: f64) -> f64;
}

/// Two arms that are compared.
#[derive(Clone, Debug)]
pub struct Rivals<A, const P: usize> {
    arms: [A; 2],
    variances: [f64; 2],
    /// Covariance of the residuals in shared cells, times the covariance of the two laws' parameters
    /// under it.
    shared: Option<SMatrix<f64, P, P>>,
}

/// Fewest cells in common from which the covariance of two arms is estimated.
const PAIRS_MIN: usize = 3;
/// Smallest noise in log loss: that of rounding.
const NOISE_MIN: f64 = 1e-13;

impl<A: Arm<P>, const P: usize> Rivals<A, P> {
    /// None where one of the samples has too few runs.
    #[must_use]
    pub fn fit(samples: [&Sample; 2]) -> Option<Self> {
        let arms = [A::fit(samples[0])?, A::fit(samples[1])?];
        let variances = [0, 1].map(|i| arms[i].linear().variance().max(NOISE_MIN * NOISE_MIN));
        let (pairs_n, shared) = arms[0].linear().shared(arms[1].linear());
        Some(Self { arms, variances, shared: (pairs_n >= PAIRS_MIN).then_some(shared) })
    }

    /// By how much the second arm's ln L is above the first's.
    #[must_use]
    pub fn lead(&self, x: f64) -> f64 {
        self.arms[1].ln_loss(x) - self.arms[0].ln_loss(x)
    }

    /// How compatible the data are with a crossing at `x`: the p value of the F test.
    #[must_use]
    pub fn p_value(&self, x: f64) -> f64 {
        let [a, b] = &self.arms;
        let (gradient_a, gradient_b) = (a.gradient(x), b.gradient(x));
        let variance_a = self.variances[0] * a.linear().spread(&gradient_a);
        let variance_b = self.variances[1] * b.linear().spread(&gradient_b);
        let apart = variance_a + variance_b;
        let [freedom_a, freedom_b] = [a, b].map(|arm| arm.linear().freedom());
        let (together, freedom) = match &self.shared {
            Some(shared) => {
                let common = (gradient_a.transpose() * shared * gradient_b)[0];
                let rounding = NOISE_MIN * NOISE_MIN;
                ((apart - 2.0 * common).max(rounding), freedom_a.min(freedom_b))
            }
            None => (apart, of_sum([variance_a, variance_b], [freedom_a, freedom_b])),
        };
        let weights = self.variances.map(f64::recip);
        let excess = A::excess([a, b], weights, x).max(0.0);
        two_sided(excess * (apart / together), freedom)
    }
}
