//! First step of a model ladder: the loss on a task's right answers over parameters and tokens.
//!
//! ```text
//! L(N, D) = A N^-alpha + B D^-beta + E
//! ```

use super::card::{Card, EXPONENTS, Form, Kind, Parameter, Published, Symbol};
use super::equation::{Equation, Row};
use crate::real::Real;

#[derive(Clone, Copy, Debug)]
pub(super) struct LadderBpb;

impl Equation<5> for LadderBpb {
    const CARD: Card = Card {
        name: "ladder-bpb",
        title: "task loss over parameters and tokens",
        equation: "L = A N^-alpha + B D^-beta + E",
        response: Symbol::new("L", "loss on the right answers of a task", "bits per byte"),
        variables: &[
            Symbol::new("N", "parameters", "parameters"),
            Symbol::new("D", "training tokens", "tokens"),
        ],
        parameters: &[
            Parameter::linear("A", "amplitude of the size term", Kind::Amplitude),
            Parameter::linear("B", "amplitude of the data term", Kind::Amplitude),
            Parameter::searched("alpha", "exponent of N", Kind::Exponent, EXPONENTS),
            Parameter::searched("beta", "exponent of D", Kind::Exponent, EXPONENTS),
            Parameter::linear("E", "irreducible loss", Kind::Floor),
        ],
        source: "Bhagia et al., arXiv 2412.04403; repository allenai/OLMo-ladder",
        range: "190M to 1.3B parameters at 1 to 10 times Chinchilla's tokens, forecasts to 13B and \
                5e12",
        notes: &[
            "ladder-accuracy turns the task loss into accuracy",
            "sixteen cheap runs forecast a model ten times larger within 4 % on most tasks, but by 9 \
             to 18 % on ARC and CommonsenseQA: quote an interval",
            "on some tasks the exponents are hardly identified (alpha 0.79 for ARC-Challenge)",
        ],
        form: Form::Verified,
        published: &[Published {
            label: "loss on C4, nats per token",
            source: "repository allenai/OLMo-ladder, refitted with its objective; printed as \
                     12.48/N^0.10 + 33.48/D^0.16 + 0.93",
            convention: "16 runs, N and D as the repository lists them",
            coefficients: &[12.483, 33.477, 0.1036, 0.1620, 0.9344],
        }],
    };

    const IS_ADDITIVE: bool = true;

    fn value<R: Real>(&self, [a, b, alpha, beta, e]: [R; 5], x: Row<'_>) -> R {
        a * x.pow(0, -alpha) + b * x.pow(1, -beta) + e
    }
}
