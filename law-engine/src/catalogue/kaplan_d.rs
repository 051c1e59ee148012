//! Kaplan's law of data: loss of a large model that stops early on a limited set.
//!
//! ```text
//! L(D) = (D_c / D)^a_D
//! ```

use super::card::{Card, EXPONENTS, Form, Kind, Parameter, Published, Symbol};
use super::equation::{Equation, Row};
use crate::real::Real;

#[derive(Clone, Copy, Debug)]
pub(super) struct KaplanD;

impl Equation<2> for KaplanD {
    const CARD: Card = Card {
        name: "kaplan-d",
        title: "loss over data with early stopping",
        equation: "L = (D_c/D)^a_D",
        response: Symbol::new("L", "cross-entropy", "nats per token"),
        variables: &[Symbol::new("D", "tokens of the training set", "tokens")],
        parameters: &[
            Parameter::scale("D_c", "data at which the loss would be one nat", "a_D"),
            Parameter::searched("a_D", "exponent of D", Kind::Exponent, EXPONENTS),
        ],
        source: "Kaplan et al., arXiv 2001.08361, equation 1.2",
        range: "2.2e7 to 2.3e10 tokens of WebText2, models large enough to be limited by data alone",
        notes: &[
            "there is no floor, so that the extrapolation falls below the entropy of text",
            "not the constants of kaplan-nd, which is a fit of its own",
        ],
        form: Form::Verified,
        published: &[Published {
            label: "WebText2",
            source: "arXiv 2001.08361, equation 1.2",
            convention: "D in tokens",
            coefficients: &[5.4e13, 0.095],
        }],
    };

    fn value<R: Real>(&self, [d_c, a_d]: [R; 2], x: Row<'_>) -> R {
        x.ratio_pow(d_c, 0, a_d)
    }
}
