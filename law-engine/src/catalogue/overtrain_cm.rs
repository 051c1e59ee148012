//! The law of over-training: loss over compute at any ratio of tokens to parameters.
//!
//! ```text
//! L(C, M) = E + (a M^eta + b M^-eta) C^-eta,  C = 6 N D,  M = D / N
//! ```
//!
//! The Chinchilla law with alpha = beta = 2 eta, in other variables.

use super::card::{Card, EXPONENTS, Form, Kind, Parameter, Published, Symbol};
use super::equation::{Equation, Row};
use crate::real::Real;

/// Refitted to the five released runs of each corpus; the published forecasts follow from it.
const fn published(label: &'static str, coefficients: &'static [f64]) -> Published {
    Published {
        label,
        source: "repository mlfoundations/scaling, its fit run on its data; loss on C4",
        convention: "N with embeddings, C = 6ND, M = D/N",
        coefficients,
    }
}

#[derive(Clone, Copy, Debug)]
pub(super) struct OvertrainCm;

impl Equation<4> for OvertrainCm {
    const CARD: Card = Card {
        name: "overtrain-cm",
        title: "loss over compute and tokens per parameter",
        equation: "L = E + (a M^eta + b M^-eta) C^-eta",
        response: Symbol::new("L", "cross-entropy", "nats per token"),
        variables: &[
            Symbol::new("C", "training compute, 6ND", "FLOP"),
            Symbol::new("M", "tokens per parameter, D/N", "tokens per parameter"),
        ],
        parameters: &[
            Parameter::linear("E", "irreducible loss", Kind::Floor),
            Parameter::linear("a", "amplitude of the size term", Kind::Amplitude),
            Parameter::linear("b", "amplitude of the data term", Kind::Amplitude),
            Parameter::searched("eta", "exponent of C", Kind::Exponent, EXPONENTS),
        ],
        source: "Gadre et al., arXiv 2403.08540, and its repository",
        range: "1e7 to 7e9 parameters, 20 to 640 tokens per parameter",
        notes: &[
            "fitted by least squares of the losses themselves, not of their logarithms",
            "the law does not hold below 20 tokens per parameter: rows there are off by 12 to 15%",
            "five runs fit four coefficients: C4's forecast at 7e9 parameters is off by 4.3%",
        ],
        form: Form::Verified,
        published: &[
            published("C4", &[1.50826, 141.28, 189.52, 0.121_236]),
            published("RedPajama", &[1.83665, 212.24, 366.69, 0.136_426]),
            published("RefinedWeb", &[1.73446, 157.12, 246.21, 0.127_198]),
        ],
    };

    const IS_ADDITIVE: bool = true;

    fn value<R: Real>(&self, [e, a, b, eta]: [R; 4], x: Row<'_>) -> R {
        e + (a * x.pow(1, eta) + b * x.pow(1, -eta)) * x.pow(0, -eta)
    }
}
