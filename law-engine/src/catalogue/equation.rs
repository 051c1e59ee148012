//! A law as one function, and what the engine makes of it.

use nalgebra::SVector;

use super::card::{Card, Kind};
use crate::curve::Point;
use crate::law::{Jet, Parameter, Pull, ScalingLaw, Theta};
use crate::objective::{Huber, Objective};
use crate::project::projections;
use crate::real::{Real, Taylor};

/// A law: its card, and its right-hand side over any kind of number. Implementing it is all that a
/// law of the catalogue needs.
pub trait Equation<const P: usize>: Copy + Send + Sync + 'static {
    const CARD: Card;

    /// The response at `x`, by the coefficients of the card in their order and units.
    fn value<R: Real>(&self, coefficients: [R; P], x: Row<'_>) -> R;
}

/// What the engine fits: a law of the catalogue, whose card is known when it is compiled, or one
/// that somebody wrote down today.
pub trait Formula<const P: usize>: Copy + Send + Sync + 'static {
    fn card(&self) -> &'static Card;

    /// As [`Equation::value`].
    fn value<R: Real>(&self, coefficients: [R; P], x: Row<'_>) -> R;
}

impl<E: Equation<P>, const P: usize> Formula<P> for E {
    fn card(&self) -> &'static Card {
        const { &E::CARD }
    }

    fn value<R: Real>(&self, coefficients: [R; P], x: Row<'_>) -> R {
        Equation::value(self, coefficients, x)
    }
}

/// The variables of one observation, in the order of the card, with their logarithms.
#[derive(Clone, Copy, Debug)]
pub struct Row<'a> {
    raw: &'a [f64],
    ln: &'a [f64],
}

impl<'a> Row<'a> {
    #[must_use]
    pub const fn new(raw: &'a [f64], ln: &'a [f64]) -> Self {
        Self { raw, ln }
    }

    /// The variable itself.
    #[must_use]
    pub const fn raw(self, variable: usize) -> f64 {
        self.raw[variable]
    }

    /// Its natural logarithm.
    #[must_use]
    pub const fn ln(self, variable: usize) -> f64 {
        self.ln[variable]
    }

    /// The variable to the power of `exponent`.
    #[must_use]
    pub fn pow<R: Real>(self, variable: usize, exponent: R) -> R {
        (exponent * self.ln[variable]).exp()
    }

    /// `scale` over the variable, to the power of `exponent`.
    #[must_use]
    pub fn ratio_pow<R: Real>(self, scale: R, variable: usize, exponent: R) -> R {
        ((scale.ln() - self.ln[variable]) * exponent).exp()
    }
}

/// Equal values, whichever rows they come from.
impl PartialEq for Row<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.raw == other.raw
    }
}

/// What the user asks of a fit's coefficients beside the card.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Constraints<const P: usize> {
    /// Closed bounds in the paper's units.
    pub bounds: [(f64, f64); P],
    /// Each coefficient's leader: itself, or the one that it is tied to.
    pub leader: [usize; P],
    /// What is known of each beforehand, in fitting coordinates.
    pub pulls: [Pull; P],
}

/// An equation in fitting coordinates, as the solver wants it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fittable<'a, E, const P: usize> {
    pub(crate) equation: E,
    pub(crate) constraints: &'a Constraints<P>,
}

impl<E: Formula<P>, const P: usize> Fittable<'_, E, P> {
    /// The paper's coefficients.
    pub(crate) fn natural(&self, theta: &Theta<P>) -> [f64; P] {
        let leader = self.constraints.leader;
        std::array::from_fn(|i| {
            self.equation.card().parameters[i].kind.to_natural(theta[leader[i]])
        })
    }
}

impl<'a, E: Formula<P>, const P: usize> ScalingLaw<P> for Fittable<'a, E, P> {
    type X = Row<'a>;

    fn parameters(&self) -> [Parameter; P] {
        std::array::from_fn(|i| {
            let super::card::Parameter { symbol, kind, .. } = self.equation.card().parameters[i];
            let (lower, upper) = self.constraints.bounds[i];
            Parameter { name: symbol, lower: kind.to_fit(lower), upper: kind.to_fit(upper) }
        })
    }

    fn predict(&self, theta: &Theta<P>, x: Row<'a>) -> f64 {
        self.equation.value(self.natural(theta), x)
    }

    fn jet(&self, theta: &Theta<P>, x: Row<'a>) -> Jet<P> {
        let leader = self.constraints.leader;
        let coefficients = std::array::from_fn(|i| {
            let number = Taylor::parameter(leader[i], theta[leader[i]]);
            match self.equation.card().parameters[i].kind {
                Kind::Amplitude => number.exp(),
                _ => number,
            }
        });
        let Taylor { value, gradient, hessian } = self.equation.value(coefficients, x).ln();
        Jet { ln_loss: value, gradient, hessian }
    }

    fn prior(&self) -> [Pull; P] {
        self.constraints.pulls
    }

    fn starts(
        &self,
        objective: &Objective<'_, Self, Row<'a>>,
        huber: Huber,
        count_max: usize,
    ) -> Vec<Theta<P>> {
        projections(self, objective, huber, count_max)
    }
}

/// The gradient of an equation by the paper's coefficients.
pub(crate) fn gradient<E: Formula<P>, const P: usize>(
    equation: E,
    coefficients: [f64; P],
    x: Row<'_>,
) -> SVector<f64, P> {
    let numbers = std::array::from_fn(|i| Taylor::parameter(i, coefficients[i]));
    equation.value(numbers, x).gradient
}

/// The points of a fit.
pub(crate) type Points<'a> = Vec<Point<Row<'a>>>;
