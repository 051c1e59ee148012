//! The law of activation sparsity with SiLU: the share of active neurons rises with data.
//!
//! ```text
//! A(D) = A_0 - c d^-alpha,  d = D / 1e9
//! ```

use super::card::{Card, EXPONENTS, Form, Kind, Parameter, Symbol};
use super::equation::{Equation, Row};
use super::relu_logspace_power::published;
use crate::real::Real;

#[derive(Clone, Copy, Debug)]
pub(super) struct SiluPower;

impl Equation<3> for SiluPower {
    const CARD: Card = Card {
        name: "silu-power",
        title: "activation ratio of SiLU models over tokens",
        equation: "A = A_0 - c (D/1e9)^-alpha",
        response: Symbol::new("A", "share of active neurons at 1% more perplexity", "share of one"),
        variables: &[Symbol::new("D", "training tokens", "tokens")],
        parameters: &[
            Parameter::searched("alpha", "exponent of D", Kind::Exponent, EXPONENTS),
            Parameter::linear("c", "amplitude", Kind::Amplitude),
            Parameter::linear("A_0", "ratio after unlimited data", Kind::Floor),
        ],
        source: "Luo et al., arXiv 2411.02335",
        range: "1e8 to 1.2e9 parameters, learning rate constant before it decays (WSD)",
        notes: &[
            "D is in tokens as in every table, the coefficients are of the paper's billions",
            "below zero at the first billion of tokens or so: not a law of the start of training",
        ],
        form: Form::Verified,
        published: &[
            published("0.1B", &[0.479, 0.102, 0.409]),
            published("0.2B", &[0.844, 0.208, 0.390]),
            published("0.4B", &[1.03, 0.420, 0.385]),
            published("0.8B", &[0.995, 0.562, 0.383]),
            published("1.2B", &[0.967, 0.538, 0.382]),
        ],
    };

    fn value<R: Real>(&self, [alpha, c, a_0]: [R; 3], x: Row<'_>) -> R {
        a_0 - c * (alpha * (1e9_f64.ln() - x.ln(0))).exp()
    }
}
