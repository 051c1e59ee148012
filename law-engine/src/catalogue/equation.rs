//! A law as one function, and what the engine makes of it.

use std::cmp::Ordering;

use nalgebra::SVector;

use super::card::{Card, Kind};
use crate::curve::Point;
use crate::kernel::trace::Trace;
use crate::law::{Jet, Parameter, Pull, ScalingLaw, Theta};
use crate::real::{Real, Taylor};

/// A law: its card, and its right-hand side over any kind of number. Implementing it is all that a
/// law of the catalogue needs.
pub trait Equation<const P: usize>: Copy + Send + Sync + 'static {
    const CARD: Card;

    /// Whether the right-hand side is a sum of powers, which many rows of are computed at once. Then
    /// [`Equation::value`] must not decide by the value of a coefficient.
    const IS_ADDITIVE: bool = false;

    /// The response at `x`, by the coefficients of the card in their order and units.
    fn value<R: Real>(&self, coefficients: [R; P], x: Row<'_>) -> R;
}

/// What the engine fits: a law of the catalogue, whose card is known when it is compiled, or one
/// that somebody wrote down today.
pub trait Formula<const P: usize>: Copy + Send + Sync + 'static {
    fn card(&self) -> &'static Card;

    /// As [`Equation::IS_ADDITIVE`].
    fn is_additive(&self) -> bool {
        false
    }

    /// As [`Equation::value`].
    fn value<R: Real>(&self, coefficients: [R; P], x: Row<'_>) -> R;
}

impl<E: Equation<P>, const P: usize> Formula<P> for E {
    fn card(&self) -> &'static Card {
        const { &E::CARD }
    }

    fn is_additive(&self) -> bool {
        E::IS_ADDITIVE
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

    /// All variables.
    pub(crate) const fn all_raw(self) -> &'a [f64] {
        self.raw
    }

    /// All their logarithms.
    pub(crate) const fn all_ln(self) -> &'a [f64] {
        self.ln
    }

    /// An order of all places: by the first variable that differs.
    pub(crate) fn compare(self, other: Row<'_>) -> Ordering {
        let differ = self.raw.iter().zip(other.raw).map(|(a, b)| a.total_cmp(b));
        differ.into_iter().find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
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

/// A formula with the kinds of number chosen that fits need: what searches and solves is compiled
/// once for a number of coefficients, and not again for each law.
pub(crate) trait Evaluate<const P: usize>: Send + Sync {
    fn card(&self) -> &'static Card;

    fn is_additive(&self) -> bool;

    /// The response.
    fn number(&self, coefficients: [f64; P], x: Row<'_>) -> f64;

    /// The response with its derivatives.
    fn taylor(&self, coefficients: [Taylor<P>; P], x: Row<'_>) -> Taylor<P>;

    /// What is done to the coefficients.
    fn trace(&self, coefficients: [Trace<P>; P], x: Row<'_>) -> Trace<P>;
}

impl<F: Formula<P>, const P: usize> Evaluate<P> for F {
    fn card(&self) -> &'static Card {
        Formula::card(self)
    }

    fn is_additive(&self) -> bool {
        Formula::is_additive(self)
    }

    fn number(&self, coefficients: [f64; P], x: Row<'_>) -> f64 {
        Formula::value(self, coefficients, x)
    }

    fn taylor(&self, coefficients: [Taylor<P>; P], x: Row<'_>) -> Taylor<P> {
        Formula::value(self, coefficients, x)
    }

    fn trace(&self, coefficients: [Trace<P>; P], x: Row<'_>) -> Trace<P> {
        Formula::value(self, coefficients, x)
    }
}

/// An equation in fitting coordinates, as the solver wants it.
#[derive(Clone, Copy)]
pub(crate) struct Fittable<'a, const P: usize> {
    pub(crate) equation: &'a dyn Evaluate<P>,
    pub(crate) constraints: &'a Constraints<P>,
}

impl<const P: usize> Fittable<'_, P> {
    /// The paper's coefficients.
    pub(crate) fn natural(&self, theta: &Theta<P>) -> [f64; P] {
        let leader = self.constraints.leader;
        std::array::from_fn(|i| {
            self.equation.card().parameters[i].kind.to_natural(theta[leader[i]])
        })
    }

    /// The paper's coefficients as numbers that write down what is done to them.
    pub(crate) fn traces(&self) -> [Trace<P>; P] {
        let leader = self.constraints.leader;
        std::array::from_fn(|i| {
            let number = Trace::parameter(leader[i]);
            match self.equation.card().parameters[i].kind {
                Kind::Amplitude => number.exp(),
                _ => number,
            }
        })
    }
}

impl<'a, const P: usize> ScalingLaw<P> for Fittable<'a, P> {
    type X = Row<'a>;

    fn parameters(&self) -> [Parameter; P] {
        std::array::from_fn(|i| {
            let super::card::Parameter { symbol, kind, .. } = self.equation.card().parameters[i];
            let (lower, upper) = self.constraints.bounds[i];
            Parameter { name: symbol, lower: kind.to_fit(lower), upper: kind.to_fit(upper) }
        })
    }

    fn predict(&self, theta: &Theta<P>, x: Row<'a>) -> f64 {
        self.equation.number(self.natural(theta), x)
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
        let Taylor { value, gradient, hessian } = self.equation.taylor(coefficients, x).ln();
        Jet { ln_loss: value, gradient, hessian }
    }

    fn prior(&self) -> [Pull; P] {
        self.constraints.pulls
    }
}

/// The gradient of an equation by the paper's coefficients.
pub(crate) fn gradient<const P: usize>(
    equation: &dyn Evaluate<P>,
    coefficients: [f64; P],
    x: Row<'_>,
) -> SVector<f64, P> {
    let numbers = std::array::from_fn(|i| Taylor::parameter(i, coefficients[i]));
    equation.taylor(numbers, x).gradient
}

/// The points of a fit.
pub(crate) type Points<'a> = Vec<Point<Row<'a>>>;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::catalogue::{bivariate_product, chinchilla, ladder_bpb, overtrain_cm, power_const};
    use crate::curve::Cell;
    use crate::kernel::columns::Columns;
    use crate::kernel::surface::Surface;
    use crate::objective::{Expansion, Huber, Landscape as _, Objective, Residual};

    /// How far two expansions are apart, relative to the size of what is summed.
    fn distance<const P: usize>(a: &Expansion<P>, b: &Expansion<P>) -> f64 {
        let matrix = |a: &nalgebra::SMatrix<f64, P, P>, b: &nalgebra::SMatrix<f64, P, P>| {
            (a - b).amax() / b.amax().max(1e-300)
        };
        let number = |a: f64, b: f64| (a - b).abs() / b.abs().max(1e-300);
        [
            number(a.value, b.value),
            number(a.cost, b.cost),
            (a.gradient - b.gradient).amax() / b.gradient.amax().max(1e-300),
            matrix(&a.hessian, &b.hessian),
            matrix(&a.majorant, &b.majorant),
        ]
        .into_iter()
        .fold(0.0, f64::max)
    }

    /// The fast path against the generic one, of a law with its coefficients near typical ones.
    fn agree<E: Equation<P>, const P: usize>(
        equation: E,
        natural: [f64; P],
        nudges: &[f64],
        rows_n: usize,
        residual: Residual,
        tie: Option<(usize, usize)>,
    ) -> Result<(), TestCaseError> {
        let raw: Vec<Vec<f64>> = (0..rows_n)
            .map(|row| {
                let nudge = |k: usize| nudges[(row * 3 + k) % nudges.len()];
                (0..E::CARD.variables.len()).map(|k| (19.0 + 3.0 * nudge(k)).exp()).collect()
            })
            .collect();
        let ln: Vec<Vec<f64>> =
            raw.iter().map(|row| row.iter().map(|x| x.ln()).collect()).collect();
        let mut leader = std::array::from_fn(|i| i);
        if let Some((a, b)) = tie {
            leader[b] = a;
        }
        let pulls = std::array::from_fn(|i| Pull { towards: 0.1 * i as f64, stiffness: 1e-3 });
        let bounds = E::CARD.parameters.first_chunk::<P>().expect("a card has them all");
        let bounds = bounds.map(|p| {
            let (lower, upper) = p.kind.bounds();
            (p.kind.to_natural(lower), p.kind.to_natural(upper))
        });
        let constraints = Constraints { bounds, leader, pulls };
        let law = Fittable { equation: &equation, constraints: &constraints };
        let theta = Theta::from_fn(|i, _| {
            E::CARD.parameters[i].kind.to_fit(natural[i] * (1.0 + 0.1 * nudges[i % nudges.len()]))
        });
        let points: Points<'_> = (0..rows_n)
            .map(|row| {
                let x = Row::new(&raw[row], &ln[row]);
                let ripple = 0.02 * nudges[(row * 5 + 1) % nudges.len()];
                Point {
                    cell: Cell { class: row, seed: 0 },
                    x,
                    ln_loss: law.predict(&theta, x).ln() + ripple,
                    weight: 1.0 + (row % 3) as f64,
                }
            })
            .collect();
        let generic = Objective { law, points: &points, residual };
        let columns = Columns::new(&law, &points).expect("the law says that it is additive");
        let fast = Surface { columns, residual, parameters: law.parameters(), pulls };
        let (stage, huber) = (Huber { delta: 1e-2 }, Huber::STANDARD);
        let apart =
            distance(&fast.expand(&theta, stage, huber), &generic.expand(&theta, stage, huber));
        prop_assert!(apart < 1e-9, "{}: {apart:e}", E::CARD.name);
        let (a, b) = (fast.value(&theta, huber), generic.value(&theta, huber));
        prop_assert!((a / b - 1.0).abs() < 1e-11, "{}: {a} {b}", E::CARD.name);
        Ok(())
    }

    proptest! {
        #[test]
        fn the_fast_path_equals_the_generic_one(
            nudges in prop::collection::vec(-1.0..1.0_f64, 40..80),
            rows_n in 1..150_usize,
            kind in 0..4_usize,
        ) {
            use Residual::{Log, Log1p, Raw, Relative};
            let residual = [Log, Raw, Relative, Log1p][kind];
            let chinchilla = [1.7, 400.0, 410.0, 0.34, 0.28];
            agree(chinchilla::Chinchilla, chinchilla, &nudges, rows_n, residual, None)?;
            agree(chinchilla::Chinchilla, chinchilla, &nudges, rows_n, residual, Some((3, 4)))?;
            agree(power_const::PowerConst, [1.0, 90.0, 0.3], &nudges, rows_n, residual, None)?;
            let overtrain = [1.8, 140.0, 190.0, 0.12];
            agree(overtrain_cm::OvertrainCm, overtrain, &nudges, rows_n, residual, None)?;
            let ladder = [400.0, 410.0, 0.34, 0.28, 0.6];
            agree(ladder_bpb::LadderBpb, ladder, &nudges, rows_n, residual, None)?;
            let product = [1.5, 90.0, 0.1, 0.2];
            agree(bivariate_product::BivariateProduct, product, &nudges, rows_n, residual, None)?;
        }
    }
}
