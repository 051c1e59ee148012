//! The law of activation sparsity with ReLU: the share of active neurons falls with data.
//!
//! ```text
//! A(D) = exp(-c d^alpha + b) + A_0,  d = D / 1e9
//! ```

use super::card::{Card, Form, Kind, Parameter, Published, Symbol};
use super::equation::{Equation, Row};
use crate::real::Real;

/// A fit of the paper, of either activation.
pub(super) const fn published(label: &'static str, coefficients: &'static [f64]) -> Published {
    Published {
        label,
        source: "arXiv 2411.02335, table of fits",
        convention: "the coefficients are of D in billions of tokens",
        coefficients,
    }
}

#[derive(Clone, Copy, Debug)]
pub(super) struct ReluLogspacePower;

impl Equation<4> for ReluLogspacePower {
    const CARD: Card = Card {
        name: "relu-logspace-power",
        title: "activation ratio of ReLU models over tokens",
        equation: "A = exp(-c (D/1e9)^alpha + b) + A_0",
        response: Symbol::new("A", "share of active neurons at 1% more perplexity", "share of one"),
        variables: &[Symbol::new("D", "training tokens", "tokens")],
        parameters: &[
            Parameter::searched(
                "alpha",
                "exponent of D",
                Kind::Exponent,
                &[0.06, 0.1, 0.17, 0.3, 0.45, 0.65, 0.9, 1.2, 1.6],
            ),
            Parameter::searched(
                "b",
                "logarithm of the amplitude",
                Kind::Within(-20.0, 20.0),
                &[-6.0, -5.0, -4.0, -3.5, -3.0, -2.0, -1.0, 0.0],
            ),
            Parameter::searched(
                "c",
                "rate",
                Kind::Amplitude,
                &[1e-5, 1e-4, 1e-3, 1e-2, 0.05, 0.2, 0.6, 1.5, 4.0],
            ),
            Parameter::linear("A_0", "ratio after unlimited data", Kind::Floor),
        ],
        source: "Luo et al., arXiv 2411.02335",
        range: "1e8 to 2.4e9 parameters, learning rate constant before it decays (WSD)",
        notes: &[
            "D is in tokens as in every table, the coefficients are of the paper's billions",
            "weakly identified on short curves: the row of 0.1B is in another basin than the others",
            "the limit A_0 depends little on size",
        ],
        form: Form::Verified,
        published: &[
            published("0.1B", &[0.101, -0.0151, 3.20, 0.0614]),
            published("0.2B", &[0.449, -3.05, 0.286, 0.0674]),
            published("0.4B", &[0.683, -3.46, 0.0790, 0.0690]),
            published("0.8B", &[1.01, -3.49, 0.00797, 0.0721]),
            published("1.2B", &[1.33, -3.89, 9.03e-4, 0.0782]),
            published("2.4B", &[1.53, -3.46, 1.56e-4, 0.0648]),
        ],
    };

    fn value<R: Real>(&self, [alpha, b, c, a_0]: [R; 4], x: Row<'_>) -> R {
        let power = (alpha * (x.ln(0) - 1e9_f64.ln())).exp();
        (b - c * power).exp() + a_0
    }
}
