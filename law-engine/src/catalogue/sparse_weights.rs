//! The law of sparse weights: at the same number of non-zero weights, a sparser model is better, up
//! to a limit.
//!
//! ```text
//! L(S, N, D) = (a_S (1 - S)^b_S + c_S) N^-b_N + (a_D / D)^b_D + c
//! ```

use super::card::{Card, EXPONENTS, Form, Kind, Parameter, Symbol};
use super::equation::{Equation, Row};
use crate::real::Real;

#[derive(Clone, Copy, Debug)]
pub(super) struct SparseWeights;

impl Equation<7> for SparseWeights {
    const CARD: Card = Card {
        name: "sparse-weights",
        title: "loss over sparsity, non-zero weights and tokens",
        equation: "L = (a_S (1 - S)^b_S + c_S) N^-b_N + (a_D / D)^b_D + c",
        response: Symbol::new("L", "cross-entropy", "nats per token"),
        variables: &[
            Symbol::or_zero("S", "share of weights that are zero; 0 for a dense model", "share"),
            Symbol::new("N", "weights that are not zero", "parameters"),
            Symbol::new("D", "training data", "tokens or samples"),
        ],
        parameters: &[
            Parameter::linear("a_S", "what density costs", Kind::Floor),
            Parameter::searched(
                "b_S",
                "exponent of the density",
                Kind::Within(1e-3, 4.0),
                &[0.2, 0.5, 0.8, 1.3, 2.2],
            ),
            Parameter::linear("c_S", "what stays at full sparsity", Kind::Floor),
            Parameter::searched("b_N", "exponent of N", Kind::Exponent, EXPONENTS),
            Parameter::searched(
                "a_D",
                "data that the data term is one at",
                Kind::Amplitude,
                &[1e2, 1e4, 1e6, 1e8, 1e10],
            ),
            Parameter::searched(
                "b_D",
                "exponent of D",
                Kind::Exponent,
                &[0.08, 0.15, 0.22, 0.3, 0.42, 0.6, 0.9],
            ),
            Parameter::linear("c", "irreducible loss", Kind::Floor),
        ],
        source: "Frantar et al., arXiv 2309.08520",
        range: "sparsities below 1; transformers for text (T5 on C4) and images (ViT on JFT-4B)",
        notes: &["N counts what is left: a dense model of the same N is smaller, not cheaper"],
        form: Form::Unverified("form and coefficients are from memory; a look-up found neither"),
        published: &[],
    };

    fn value<R: Real>(&self, [a_s, b_s, c_s, b_n, a_d, b_d, c]: [R; 7], x: Row<'_>) -> R {
        let density = (b_s * (1.0 - x.raw(0)).ln()).exp();
        let data = (b_d * (a_d.ln() - x.ln(2))).exp();
        (a_s * density + c_s) * x.pow(1, -b_n) + data + c
    }
}
