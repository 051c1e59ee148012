//! The power law with a floor: loss falls towards what no budget removes.
//!
//! ```text
//! L(h) = E + A h^-alpha
//! ```
//!
//! | symbol | meaning | unit | range |
//! |---|---|---|---|
//! | L | validation loss | bits per byte | > 0 |
//! | h | accelerator hours of one run | hours | > 0 |
//! | E | irreducible loss, the floor | bits per byte | >= 0 |
//! | A | reducible loss at one hour | bits per byte | > 0 |
//! | alpha | exponent of the reducible part | none | (0, 2] |
//!
//! Source: the power law with constant of Hestness et al. (arXiv 1712.00409) and of Henighan et
//! al. (arXiv 2010.14701), with accelerator hours as the argument.
//!
//! E and alpha trade against each other: over less than a decade of hours, or with noise near the
//! differences between classes, the floor is hardly identified, and the fit says so
//! ([`crate::caveat`]). E = 0 is allowed and is the plain power law.

use nalgebra::{Matrix3, Vector3};
use sweep_core::fit::LawName;

use super::{EXPONENT, HoursLaw, Jet, LN_AMPLITUDE, Parameter, ScalingLaw, Theta};
use crate::curve::{Point, Units};
use crate::objective::by_class;

/// Reducible loss of a projection whose losses do not fall, in units of the reference loss.
const AMPLITUDE_MIN: f64 = 1e-6;

/// `L(h) = E + A h^-alpha`; parameters `(E, ln A, alpha)`.
#[derive(Clone, Copy, Debug, Default)]
pub struct PowerFloor;

impl ScalingLaw<3> for PowerFloor {
    type X = f64;

    fn parameters(&self) -> [Parameter; 3] {
        [Parameter { name: "E", lower: 0.0, upper: f64::MAX }, LN_AMPLITUDE, EXPONENT]
    }

    fn predict(&self, theta: &Theta<3>, x: f64) -> f64 {
        theta[0] + (theta[1] - theta[2] * x).exp()
    }

    fn jet(&self, theta: &Theta<3>, x: f64) -> Jet<3> {
        let reducible = (theta[1] - theta[2] * x).exp();
        let loss = theta[0] + reducible;
        let share = reducible / loss;
        let gradient = Vector3::new(1.0 / loss, share, -x * share);
        let (slope, bend) = (-x * share, x * x * share);
        let curvature = Matrix3::new(0.0, 0.0, 0.0, 0.0, share, slope, 0.0, slope, bend);
        Jet { ln_loss: loss.ln(), gradient, hessian: curvature - gradient * gradient.transpose() }
    }
}

impl HoursLaw<3> for PowerFloor {
    const NAME: LawName = LawName::PowerFloor;

    /// The two by two normal equations of `(E + A h^-alpha) / L = 1` with L the mean of each class,
    /// E and A kept non-negative.
    fn project(&self, exponent: f64, points: &[Point]) -> Theta<3> {
        let [mut pp, mut pq, mut qq, mut p1, mut q1] = [0.0; 5];
        for class in by_class(points) {
            let n = class.len() as f64;
            let ln_loss = class.iter().map(|point| point.ln_loss).sum::<f64>() / n;
            let p = (-ln_loss).exp();
            let q = (-ln_loss - exponent * class[0].x).exp();
            pp += n * p * p;
            pq += n * p * q;
            qq += n * q * q;
            p1 += n * p;
            q1 += n * q;
        }
        let determinant = pp * qq - pq * pq;
        let (floor, amplitude) =
            ((p1 * qq - q1 * pq) / determinant, (q1 * pp - p1 * pq) / determinant);
        let (floor, amplitude) = if floor.is_nan() || floor < 0.0 {
            (0.0, q1 / qq)
        } else if amplitude < AMPLITUDE_MIN {
            (p1 / pp, AMPLITUDE_MIN)
        } else {
            (floor, amplitude)
        };
        Vector3::new(floor, amplitude.ln(), exponent)
    }

    fn coefficients(&self, theta: &Theta<3>, units: Units) -> [(&'static str, f64); 3] {
        [
            ("E", theta[0] * units.loss),
            ("A", units.amplitude(theta[1], theta[2])),
            ("alpha", theta[2]),
        ]
    }
}
