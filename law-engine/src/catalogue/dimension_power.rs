//! Test loss over training data by the geometry of the data: the exponent is one over their intrinsic
//! dimension.
//!
//! ```text
//! L = c K D^(-1/d)
//! ```

use super::card::{Card, Form, Kind, Parameter, Symbol};
use super::equation::{Equation, Row};
use crate::real::Real;

#[derive(Clone, Copy, Debug)]
pub(super) struct DimensionPower;

impl Equation<1> for DimensionPower {
    const CARD: Card = Card {
        name: "dimension-power",
        title: "test loss over training data, by intrinsic dimension and label sharpness",
        equation: "L = c K D^(-1/d)",
        response: Symbol::new("L", "test loss", "of the loss"),
        variables: &[
            Symbol::new("D", "training examples", "examples"),
            Symbol::new("d", "intrinsic dimension of the data or of a representation", "one"),
            Symbol::new("K", "label sharpness of the data", "labels per distance"),
        ],
        parameters: &[Parameter::linear("c", "amplitude", Kind::Amplitude)],
        source: "Konz and Mazurowski, arXiv 2401.08865; repository \
                 mazurowski-lab/intrinsic-properties",
        range: "data sets of one kind; the bound holds up to the constant",
        notes: &[
            "d and K are measured, not fitted: metrics::geometry measures both",
            "the paper states a bound from above; fitted as an equality it says how tight that is",
            "the dimension of a representation is at most about that of the data",
        ],
        form: Form::Unverified("the form is from memory; the abstract says what it depends on"),
        published: &[],
    };

    fn value<R: Real>(&self, [c]: [R; 1], x: Row<'_>) -> R {
        c * (x.raw(2) * (-x.ln(0) / x.raw(1)).exp())
    }
}
