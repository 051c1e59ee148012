//! The granularity law: in a mixture of experts, loss falls with parameters and tokens, and finer
//! experts make each parameter worth more.
//!
//! ```text
//! L(N, D, G) = c + (g G^-gamma + a) N^-alpha + b D^-beta
//! ```

use super::card::{Card, EXPONENTS, Form, Kind, Parameter, Published, Symbol};
use super::equation::{Equation, Row};
use crate::real::Real;

#[derive(Clone, Copy, Debug)]
pub(super) struct MoeGranular;

impl Equation<7> for MoeGranular {
    const CARD: Card = Card {
        name: "moe-granular",
        title: "loss over parameters, tokens and granularity of experts",
        equation: "L = c + (g G^-gamma + a) N^-alpha + b D^-beta",
        response: Symbol::new("L", "cross-entropy", "nats per token"),
        variables: &[
            Symbol::new("N", "all parameters, embeddings not counted", "parameters"),
            Symbol::new("D", "training tokens", "tokens"),
            Symbol::new("G", "hidden size of the dense layer over that of one expert", ""),
        ],
        parameters: &[
            Parameter::linear("a", "amplitude of the size term", Kind::Floor),
            Parameter::searched("alpha", "exponent of N", Kind::Exponent, EXPONENTS),
            Parameter::linear("b", "amplitude of the data term", Kind::Amplitude),
            Parameter::searched("beta", "exponent of D", Kind::Exponent, EXPONENTS),
            Parameter::linear("g", "what coarse experts cost", Kind::Floor),
            Parameter::searched(
                "gamma",
                "exponent of G",
                Kind::Within(0.0, 4.0),
                &[0.1, 0.2, 0.35, 0.5, 0.7, 1.0, 1.5, 2.2],
            ),
            Parameter::linear("c", "irreducible loss", Kind::Floor),
        ],
        source: "Krajewski et al., arXiv 2402.07871, equation 9",
        range: "129M to 3.7B parameters, 16e9 to 130e9 tokens, G from 1 to 16, 64 experts",
        notes: &[
            "N counts all experts: 43 times the active parameters in the paper's shapes",
            "the published coefficients are rounded: losses come out 0.011 to 0.023 below the \
             paper's own",
            "the authors minimise Huber's loss of raw residuals, delta 0.1, with weight decay 5e-4",
            "the number of experts is no variable: every run had 64",
        ],
        form: Form::Verified,
        published: &[
            Published {
                label: "mixture of experts",
                source: "arXiv 2402.07871",
                convention: "N all parameters without embeddings, 64 experts",
                coefficients: &[18.1, 0.115, 30.8, 0.147, 2.1, 0.58, 0.47],
            },
            Published {
                label: "dense",
                source: "arXiv 2402.07871",
                convention: "no experts: g is zero, and G and gamma mean nothing",
                coefficients: &[16.3, 0.126, 26.7, 0.127, 0.0, 0.0, 0.47],
            },
        ],
    };

    fn value<R: Real>(&self, [a, alpha, b, beta, g, gamma, c]: [R; 7], x: Row<'_>) -> R {
        c + (g * x.pow(2, -gamma) + a) * x.pow(0, -alpha) + b * x.pow(1, -beta)
    }
}
