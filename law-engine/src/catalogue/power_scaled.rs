//! A power law with its constant as a scale, as visual autoregressive models are described by.
//!
//! ```text
//! L(X) = (beta X)^alpha,   alpha < 0
//! ```

use super::card::{Card, Form, Kind, Parameter, Symbol};
use super::equation::{Equation, Row};
use crate::real::Real;

#[derive(Clone, Copy, Debug)]
pub(super) struct PowerScaled;

impl Equation<2> for PowerScaled {
    const CARD: Card = Card {
        name: "power-scaled",
        title: "loss or token error over parameters or compute, without a floor",
        equation: "L = (beta X)^alpha",
        response: Symbol::new("L", "loss or token error rate", "that of the metric"),
        variables: &[Symbol::new("X", "parameters, or the least compute", "that of X")],
        parameters: &[
            Parameter::searched(
                "beta",
                "scale",
                Kind::Amplitude,
                &[1e-24, 1e-20, 1e-16, 1e-12, 1e-8, 1e-4, 1.0, 1e4, 1e8],
            ),
            Parameter::searched(
                "alpha",
                "exponent",
                Kind::Within(-2.0, -1e-6),
                &[-1.2, -0.7, -0.4, -0.2, -0.1, -0.05, -0.02, -0.01, -0.005],
            ),
        ],
        source: "Tian et al., arXiv 2404.02905",
        range: "visual autoregressive transformers; loss and error over the last scale or all scales",
        notes: &[
            "the law of power-ratio with beta = 1 / x0 and the sign of alpha turned",
            "the unit of N in the paper is unclear",
        ],
        form: Form::Unverified(
            "only the abstract was read; the form and its coefficients are from memory",
        ),
        published: &[],
    };

    fn value<R: Real>(&self, [beta, alpha]: [R; 2], x: Row<'_>) -> R {
        (alpha * (beta.ln() + x.ln(0))).exp()
    }
}
