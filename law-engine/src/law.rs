//! What a scaling law is to the engine: a curve with parameters, bounds and derivatives.

mod power;
mod power_floor;

pub use power::Power;
pub use power_floor::PowerFloor;

use nalgebra::{SMatrix, SVector};
use sweep_core::fit::LawName;

use crate::curve::{Point, Units};

/// The parameters of a law in the coordinates that it is fitted in.
pub type Theta<const P: usize> = SVector<f64, P>;

/// Exponents are looked for in this closed range, which stands for (0, 2] (Hoffmann's grid ends at
/// 2; every published exponent of loss over compute lies below 1).
pub const EXPONENT_MIN: f64 = 1e-6;
/// Largest exponent.
pub const EXPONENT_MAX: f64 = 2.0;

/// ln A of a normalised curve: wide enough that only a curve that does not fall reaches it.
const LN_AMPLITUDE_MAX: f64 = 40.0;

/// One parameter with its closed bounds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Parameter {
    /// In fitting coordinates: `E`, `ln A`, `alpha`.
    pub name: &'static str,
    pub lower: f64,
    pub upper: f64,
}

/// A quadratic pull on a parameter: `stiffness / 2 (theta - towards)^2` is added to the objective.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pull {
    pub towards: f64,
    pub stiffness: f64,
}

impl Pull {
    pub const NONE: Self = Self { towards: 0.0, stiffness: 0.0 };

    /// What it adds to the objective at `theta`.
    #[must_use]
    pub fn value(self, theta: f64) -> f64 {
        0.5 * self.stiffness * (theta - self.towards).powi(2)
    }
}

/// ln L at one place with its first and second derivatives by the parameters.
#[derive(Clone, Copy, Debug)]
pub struct Jet<const P: usize> {
    pub ln_loss: f64,
    pub gradient: Theta<P>,
    pub hessian: SMatrix<f64, P, P>,
}

/// A law with `P` parameters, as the solver sees it: parameters in fitting coordinates, within
/// bounds, and a prediction with its derivatives.
pub trait ScalingLaw<const P: usize>: Copy {
    /// What the law is a function of.
    type X: Copy + PartialEq;

    /// Names and bounds, in the order of [`Theta`].
    fn parameters(&self) -> [Parameter; P];

    /// The loss at `x`; positive and finite within the bounds.
    fn predict(&self, theta: &Theta<P>, x: Self::X) -> f64;

    /// The logarithm of [`predict`](Self::predict), which is what is fitted.
    fn ln_predict(&self, theta: &Theta<P>, x: Self::X) -> f64 {
        self.predict(theta, x).ln()
    }

    /// ln L with its exact gradient and Hessian in one pass.
    fn jet(&self, theta: &Theta<P>, x: Self::X) -> Jet<P>;

    /// The exact gradient of the loss by the parameters.
    fn gradient(&self, theta: &Theta<P>, x: Self::X) -> Theta<P> {
        self.predict(theta, x) * self.jet(theta, x).gradient
    }

    /// What is known of the parameters beforehand; nothing by default.
    fn prior(&self) -> [Pull; P] {
        [Pull::NONE; P]
    }
}

/// A law of loss over accelerator hours, with one exponent.
///
/// It sees normalised quantities: `x = ln(hours / reference hours)` and losses in units of a
/// reference loss (see [`Units`]), so that every parameter is of order one whatever the sweep's
/// scale. [`HoursLaw::coefficients`] goes back to hours and bits per byte.
pub trait HoursLaw<const P: usize>: ScalingLaw<P, X = f64> {
    const NAME: LawName;

    /// Variable projection: the best parameters at a fixed exponent by relative least squares,
    /// where the law is linear in all the others.
    fn project(&self, exponent: f64, points: &[Point]) -> Theta<P>;

    /// The paper's coefficients with their letters, in hours and bits per byte.
    fn coefficients(&self, theta: &Theta<P>, units: Units) -> [(&'static str, f64); P];
}

/// Clamps every parameter into its bounds.
pub(crate) fn clamp<const P: usize>(theta: Theta<P>, parameters: &[Parameter; P]) -> Theta<P> {
    Theta::from_fn(|i, _| theta[i].clamp(parameters[i].lower, parameters[i].upper))
}

/// Bounds of the exponent, shared by all laws.
const EXPONENT: Parameter = Parameter { name: "alpha", lower: EXPONENT_MIN, upper: EXPONENT_MAX };

/// Bounds of the amplitude, fitted as its logarithm because it is positive.
const LN_AMPLITUDE: Parameter =
    Parameter { name: "ln A", lower: -LN_AMPLITUDE_MAX, upper: LN_AMPLITUDE_MAX };
