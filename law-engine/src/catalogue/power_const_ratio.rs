//! Henighan's law of generative models: the entropy of the data and a power law towards it.
//!
//! ```text
//! L(C) = L_inf + (x_0 / C)^a
//! ```

use super::card::{Card, EXPONENTS, Form, Kind, Parameter, Symbol};
use super::equation::{Equation, Row};
use crate::real::Real;

#[derive(Clone, Copy, Debug)]
pub(super) struct PowerConstRatio;

impl Equation<3> for PowerConstRatio {
    const CARD: Card = Card {
        name: "power-const-ratio",
        title: "loss of generative models over compute",
        equation: "L = L_inf + (x_0/C)^a",
        response: Symbol::new("L", "cross-entropy", "nats per token or per image"),
        variables: &[Symbol::new("C", "training compute", "FLOP")],
        parameters: &[
            Parameter::linear("L_inf", "irreducible loss: entropy of the data", Kind::Floor),
            Parameter::scale("x_0", "compute at which the reducible loss is one, in FLOP", "a"),
            Parameter::searched("a", "exponent of C", Kind::Exponent, EXPONENTS),
        ],
        source: "Henighan et al., arXiv 2010.14701",
        range: "images, video, text to image and back, mathematics",
        notes: &[
            "the paper gives x_0 in PF-days of 8.64e19 FLOP, and the same form over N and D",
            "state whether the loss is per token or per image before you compare",
            "the reducible part estimates the divergence between data and model",
        ],
        form: Form::Unverified("read in the abstract and in secondary sources only"),
        published: &[],
    };

    fn value<R: Real>(&self, [l_inf, x_0, a]: [R; 3], x: Row<'_>) -> R {
        l_inf + x.ratio_pow(x_0, 0, a)
    }
}
