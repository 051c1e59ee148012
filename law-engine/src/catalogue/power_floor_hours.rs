//! The power law of accelerator hours with a floor: loss falls towards what no budget removes.
//!
//! ```text
//! L(h) = E + A h^-alpha
//! ```

use super::card::{Card, EXPONENTS, Form, Kind, Parameter, Symbol};
use super::equation::{Equation, Row};
use crate::real::Real;

#[derive(Clone, Copy, Debug)]
pub(super) struct PowerFloorHours;

impl Equation<3> for PowerFloorHours {
    const CARD: Card = Card {
        name: "power-floor-hours",
        title: "loss over accelerator hours, with a floor",
        equation: "L = E + A h^-alpha",
        response: Symbol::new("L", "validation loss", "bits per byte"),
        variables: &[Symbol::new("h", "accelerator hours of one run", "hours")],
        parameters: &[
            Parameter::linear("E", "irreducible loss", Kind::Floor),
            Parameter::linear("A", "reducible loss at one hour", Kind::Amplitude),
            Parameter::searched(
                "alpha",
                "exponent of the reducible part",
                Kind::Exponent,
                EXPONENTS,
            ),
        ],
        source: "power-const (Hestness et al., arXiv 1712.00409) with the accelerator hours of \
                 Languini Kitchen (arXiv 2309.11197) as its argument",
        range: "compute classes of 6 to 96 hours of an RTX 3090",
        notes: &[
            "E and alpha trade against each other: over less than a decade of hours the floor is \
             hardly identified",
            "E = 0 is power-hours",
        ],
        form: Form::Unverified("a combination of two papers' laws that neither of them fits"),
        published: &[],
    };

    const IS_ADDITIVE: bool = true;

    fn value<R: Real>(&self, [e, a, alpha]: [R; 3], x: Row<'_>) -> R {
        e + a * x.pow(0, -alpha)
    }
}
