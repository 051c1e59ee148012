//! The law of width: features in superposition interfere less in a wider model.
//!
//! ```text
//! L(m) = A m^-a_m + B
//! ```

use super::card::{Card, EXPONENTS, Form, Kind, Parameter, Published, Symbol};
use super::equation::{Equation, Row};
use crate::real::Real;

/// The fit has one B for each family and corpus.
const fn published(label: &'static str, coefficients: &'static [f64]) -> Published {
    Published {
        label,
        source: "repository liuyz0/SuperpositionScaling, output of its notebook",
        convention: "A and a_m shared by all families and corpora",
        coefficients,
    }
}

#[derive(Clone, Copy, Debug)]
pub(super) struct WidthPower;

impl Equation<3> for WidthPower {
    const CARD: Card = Card {
        name: "width-power",
        title: "loss over the width of a model",
        equation: "L = A m^-a_m + B",
        response: Symbol::new("L", "cross-entropy", "nats per token"),
        variables: &[Symbol::new("m", "width of the residual stream", "dimensions")],
        parameters: &[
            Parameter::linear("A", "amplitude", Kind::Amplitude),
            Parameter::searched("a_m", "exponent of m", Kind::Exponent, EXPONENTS),
            Parameter::linear("B", "what width does not remove", Kind::Floor),
        ],
        source: "arXiv 2505.10465 and repository liuyz0/SuperpositionScaling",
        range: "27 open models (OPT, Qwen2.5, GPT-2, Pythia) on four corpora",
        notes: &[
            "strong superposition predicts a_m = 1; measured are 0.910 +/- 0.036, and 0.89 to 1.01 in \
             toy models",
            "A and a_m are one fit to all; B belongs to one family and one corpus",
        ],
        form: Form::Verified,
        published: &[
            published("OPT, wikitext", &[476.08, 0.9098, 2.2074]),
            published("OPT, c4", &[476.08, 0.9098, 2.2745]),
            published("OPT, pile", &[476.08, 0.9098, 1.7193]),
            published("OPT, book", &[476.08, 0.9098, 2.1845]),
            published("Qwen2.5, wikitext", &[476.08, 0.9098, 1.6079]),
            published("Qwen2.5, c4", &[476.08, 0.9098, 2.1009]),
            published("Qwen2.5, pile", &[476.08, 0.9098, 1.4890]),
            published("Qwen2.5, book", &[476.08, 0.9098, 1.9348]),
            published("GPT-2, wikitext", &[476.08, 0.9098, 2.3018]),
            published("GPT-2, c4", &[476.08, 0.9098, 2.3546]),
            published("GPT-2, pile", &[476.08, 0.9098, 1.9413]),
            published("GPT-2, book", &[476.08, 0.9098, 2.2961]),
            published("Pythia, wikitext", &[476.08, 0.9098, 2.1407]),
            published("Pythia, c4", &[476.08, 0.9098, 2.2998]),
            published("Pythia, pile", &[476.08, 0.9098, 1.5203]),
            published("Pythia, book", &[476.08, 0.9098, 2.2415]),
        ],
    };

    const IS_ADDITIVE: bool = true;

    fn value<R: Real>(&self, [a, a_m, b]: [R; 3], x: Row<'_>) -> R {
        a * x.pow(0, -a_m) + b
    }
}
