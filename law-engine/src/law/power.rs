//! The power law of loss over accelerator hours.
//!
//! ```text
//! L(h) = A h^-alpha
//! ```
//!
//! | symbol | meaning | unit | range |
//! |---|---|---|---|
//! | L | validation loss | bits per byte | > 0 |
//! | h | accelerator hours of one run | hours | > 0 |
//! | A | loss at one hour | bits per byte | > 0 |
//! | alpha | exponent | none | (0, 2] |
//!
//! Source: Languini Kitchen (arXiv 2309.11197) draws a straight line of log loss over log
//! accelerator hours per model and extrapolates the intersection; the form with compute as its
//! argument is L(C) of Kaplan et al. (arXiv 2001.08361).
//!
//! Valid well above the irreducible loss only: with a floor in the data the line flattens, and a
//! straight extrapolation is too low. [`super::PowerFloor`] is the check.
//!
//! Fitted as `ln L = ln A - alpha x`, which is linear, so that a Huber fit of it has one minimum.

use nalgebra::{Matrix2, Vector2};
use sweep_core::fit::LawName;

use super::{EXPONENT, HoursLaw, Jet, LN_AMPLITUDE, Parameter, ScalingLaw, Theta};
use crate::curve::{Point, Units};

/// `L(h) = A h^-alpha`; parameters `(ln A, alpha)`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Power;

impl ScalingLaw<2> for Power {
    type X = f64;

    fn parameters(&self) -> [Parameter; 2] {
        [LN_AMPLITUDE, EXPONENT]
    }

    fn predict(&self, theta: &Theta<2>, x: f64) -> f64 {
        self.ln_predict(theta, x).exp()
    }

    fn ln_predict(&self, theta: &Theta<2>, x: f64) -> f64 {
        theta[0] - theta[1] * x
    }

    fn jet(&self, theta: &Theta<2>, x: f64) -> Jet<2> {
        Jet {
            ln_loss: self.ln_predict(theta, x),
            gradient: Vector2::new(1.0, -x),
            hessian: Matrix2::zeros(),
        }
    }
}

impl HoursLaw<2> for Power {
    const NAME: LawName = LawName::Power;

    fn project(&self, exponent: f64, points: &[Point]) -> Theta<2> {
        let sum: f64 = points.iter().map(|p| p.ln_loss + exponent * p.x).sum();
        Vector2::new(sum / points.len() as f64, exponent)
    }

    fn coefficients(&self, theta: &Theta<2>, units: Units) -> [(&'static str, f64); 2] {
        [("A", units.amplitude(theta[0], theta[1])), ("alpha", theta[1])]
    }
}
