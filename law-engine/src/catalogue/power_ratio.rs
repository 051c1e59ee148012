//! A power law with its constant as a place: the loss is one where the variable is x0.
//!
//! ```text
//! L(N) = (x0 / N)^alpha
//! ```

use super::card::{Card, EXPONENTS, Form, Kind, Parameter, Symbol};
use super::equation::{Equation, Row};
use crate::real::Real;

#[derive(Clone, Copy, Debug)]
pub(super) struct PowerRatio;

/// Places of the search, four decades apart: with the exponent given, one step finds the place.
pub(super) const PLACES: &[f64] = &[1e-8, 1e-4, 1.0, 1e4, 1e8, 1e12, 1e16, 1e20, 1e24];

impl Equation<2> for PowerRatio {
    const CARD: Card = Card {
        name: "power-ratio",
        title: "loss over parameters, tokens or compute, without a floor",
        equation: "L = (x0 / N)^alpha",
        response: Symbol::new("L", "loss or error", "that of the metric"),
        variables: &[Symbol::new("N", "parameters, or whatever is scaled", "parameters")],
        parameters: &[
            Parameter::searched("x0", "where the loss would be one", Kind::Amplitude, PLACES),
            Parameter::searched("alpha", "exponent", Kind::Exponent, EXPONENTS),
        ],
        source: "Yao et al., arXiv 2410.12360, repository Qingrenn/TSFM-ScalingLaws, for time-series \
                 models; the same form as Kaplan et al., arXiv 2001.08361",
        range: "time-series transformers of 1e3 to 1e9 parameters, 1e7 to 1.6e10 points",
        notes: &[
            "the authors fit a straight line to base-10 logarithms: Residual::Log with least squares",
            "they take the best value so far of each run, separately in and out of distribution",
            "no floor: near the entropy of the data the law must fail",
            "slopes were not found as text",
            "the same form is claimed for visual autoregressive models (arXiv 2404.02905: loss and \
             token error over N and C) and for scores of text-to-image diffusion models (arXiv \
             2404.02883); their coefficients were not found in a source that can be cited",
        ],
        form: Form::Verified,
        published: &[],
    };

    fn value<R: Real>(&self, [x0, alpha]: [R; 2], x: Row<'_>) -> R {
        (alpha * (x0.ln() - x.ln(0))).exp()
    }
}
