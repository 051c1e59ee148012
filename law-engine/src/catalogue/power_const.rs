//! The power law with a constant: loss falls with data down to what no data removes.
//!
//! ```text
//! L(D) = E + A D^-alpha
//! ```

use super::card::{Card, EXPONENTS, Form, Kind, Parameter, Symbol};
use super::equation::{Equation, Row};
use crate::real::Real;

#[derive(Clone, Copy, Debug)]
pub(super) struct PowerConst;

impl Equation<3> for PowerConst {
    const CARD: Card = Card {
        name: "power-const",
        title: "loss over data, with a floor",
        equation: "L = E + A D^-alpha",
        response: Symbol::new("L", "test loss or error", "of the loss"),
        variables: &[Symbol::new("D", "training examples or tokens", "tokens")],
        parameters: &[
            Parameter::linear("E", "irreducible loss (gamma of the paper)", Kind::Floor),
            Parameter::linear("A", "amplitude (alpha of the paper)", Kind::Amplitude),
            Parameter::searched(
                "alpha",
                "exponent (-beta_g of the paper)",
                Kind::Exponent,
                EXPONENTS,
            ),
        ],
        source: "Hestness et al., arXiv 1712.00409",
        range: "between the plateau of best guesses at small data and the irreducible one: neither \
                belongs to the power law",
        notes: &[
            "the paper's claim: a change of architecture moves A and leaves alpha where it is",
            "E and alpha trade against each other: over less than a decade of data the floor is \
             hardly identified",
        ],
        form: Form::Unverified(
            "the abstract says that error is a power law of data; the constant and the letters are \
             from memory",
        ),
        published: &[],
    };

    const IS_ADDITIVE: bool = true;

    fn value<R: Real>(&self, [e, a, alpha]: [R; 3], x: Row<'_>) -> R {
        e + a * x.pow(0, -alpha)
    }
}
