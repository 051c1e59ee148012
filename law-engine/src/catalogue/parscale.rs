//! The law of parallel streams: P forward passes at once are worth more parameters.
//!
//! ```text
//! L(N, P) = E + (A 1e9 / (N (k ln P + 1)))^alpha
//! ```

use super::card::{Card, EXPONENTS, Form, Kind, Parameter, Published, Symbol};
use super::equation::{Equation, Row};
use crate::real::Real;

const fn published(label: &'static str, coefficients: &'static [f64]) -> Published {
    Published {
        label,
        source: "repository QwenLM/ParScale, parametric_fit.py run on its data",
        convention: "N without embeddings, A in billions",
        coefficients,
    }
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Parscale;

impl Equation<4> for Parscale {
    const CARD: Card = Card {
        name: "parscale",
        title: "loss over parameters and parallel streams",
        equation: "L = E + (A 1e9 / (N (k ln P + 1)))^alpha",
        response: Symbol::new("L", "cross-entropy", "nats per token"),
        variables: &[
            Symbol::new("N", "parameters without embeddings", "parameters"),
            Symbol::new("P", "parallel streams", "streams"),
        ],
        parameters: &[
            Parameter::linear("E", "irreducible loss", Kind::Floor),
            Parameter::scale("A", "scale of N, in billions", "alpha"),
            Parameter::searched("alpha", "exponent of N", Kind::Exponent, EXPONENTS),
            Parameter::searched(
                "k",
                "worth of a stream",
                Kind::Floor,
                &[0.0, 0.1, 0.2, 0.3, 0.4, 0.6, 0.8, 1.2, 2.0],
            ),
        ],
        source: "Chen et al., arXiv 2505.10475, and its repository",
        range: "0.5e9 to 4.4e9 parameters and 1 to 8 streams",
        notes: &[
            "N grows slightly with P, by what the streams add: take each run's own",
            "there is no D: E holds whatever more tokens would remove",
        ],
        form: Form::Verified,
        published: &[
            published("Stack-V2 Python", &[0.69124, 0.011_306, 0.18937, 0.39346]),
            published("Pile", &[1.28877, 0.19735, 0.19633, 0.33446]),
        ],
    };

    fn value<R: Real>(&self, [e, a, alpha, k]: [R; 4], x: Row<'_>) -> R {
        let streams = k * x.ln(1) + 1.0;
        e + x.ratio_pow(a * 1e9 / streams, 0, alpha)
    }
}
