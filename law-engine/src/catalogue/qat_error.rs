//! The law of quantisation-aware training: what few bits cost in loss.
//!
//! ```text
//! delta(N, D, G) = k D^g_D (log2 G)^g_G / N^g_N
//! ```

use super::card::{Card, Form, Kind, Parameter, Published, Symbol};
use super::equation::{Equation, Row};
use crate::real::Real;

/// The logarithm of the law is linear in everything: few places to begin are enough.
const EXPONENTS: &[f64] = &[0.02, 0.1, 0.3, 0.6, 1.0];

const fn published(label: &'static str, coefficients: &'static [f64]) -> Published {
    Published {
        label,
        source: "arXiv 2505.14302, its table as secondary sources print it",
        convention: "N, D and G are raw counts",
        coefficients,
    }
}

#[derive(Clone, Copy, Debug)]
pub(super) struct QatError;

impl Equation<4> for QatError {
    const CARD: Card = Card {
        name: "qat-error",
        title: "loss of quantisation over parameters, tokens and group size",
        equation: "delta = k D^g_D (log2 G)^g_G N^-g_N",
        response: Symbol::new("delta", "loss of QAT less that of BF16", "nats per token"),
        variables: &[
            Symbol::new("N", "parameters", "parameters"),
            Symbol::new("D", "training tokens", "tokens"),
            Symbol::new("G", "elements that share a scale, more than one", "elements"),
        ],
        parameters: &[
            Parameter::linear("k", "amplitude", Kind::Amplitude),
            Parameter::searched("g_N", "exponent of N", Kind::Exponent, EXPONENTS),
            Parameter::searched("g_D", "exponent of D", Kind::Exponent, EXPONENTS),
            Parameter::searched("g_G", "exponent of log2 G", Kind::Exponent, EXPONENTS),
        ],
        source: "Chen et al., arXiv 2505.14302",
        range: "Llama-3-like models of 74M to 595M parameters on 1e10 to 1e11 tokens, INT4; 973M and \
                2e11 held out",
        notes: &[
            "unlike the error of quantising afterwards it grows with tokens: dropping D raises the \
             relative error from 4.7 to 8.6% (W4A4)",
            "delta of W4A4 is 0.906 of the sum of W4A16's and W16A4's",
            "with one scale per channel or token, G is the length of the row",
        ],
        form: Form::Unverified(
            "the form and its complete table were read in secondary sources only",
        ),
        published: &[
            published("W4A4", &[0.1582, 0.2186, 0.0745, 0.7779]),
            published("W4A16", &[0.2522, 0.3589, 0.1610, 0.3533]),
            published("W16A4", &[0.1004, 0.1816, 0.0331, 0.9812]),
            published("W4A4, FC2 input of 8 bits", &[0.3519, 0.2637, 0.0964, 0.3407]),
            published("W16A4, FC2 input of 8 bits", &[0.1273, 0.2347, 0.0827, 0.4491]),
        ],
    };

    fn value<R: Real>(&self, [k, g_n, g_d, g_g]: [R; 4], x: Row<'_>) -> R {
        let log2 = x.ln(2) / std::f64::consts::LN_2;
        k * (g_d * x.ln(1) + g_g * log2.ln() - g_n * x.ln(0)).exp()
    }
}
