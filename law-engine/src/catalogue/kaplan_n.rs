//! Kaplan's law of size: loss of a model with enough data, trained to convergence.
//!
//! ```text
//! L(N) = (N_c / N)^a_N
//! ```

use super::card::{Card, EXPONENTS, Form, Kind, Parameter, Published, Symbol};
use super::equation::{Equation, Row};
use crate::real::Real;

#[derive(Clone, Copy, Debug)]
pub(super) struct KaplanN;

impl Equation<2> for KaplanN {
    const CARD: Card = Card {
        name: "kaplan-n",
        title: "loss over parameters at convergence",
        equation: "L = (N_c/N)^a_N",
        response: Symbol::new("L", "cross-entropy", "nats per token"),
        variables: &[Symbol::new("N", "parameters without embeddings", "parameters")],
        parameters: &[
            Parameter::scale("N_c", "size at which the loss would be one nat", "a_N"),
            Parameter::searched("a_N", "exponent of N", Kind::Exponent, EXPONENTS),
        ],
        source: "Kaplan et al., arXiv 2001.08361, equation 1.1",
        range: "768 to 1.5e9 parameters without embeddings, on WebText2; networks of one layer are \
                left out",
        notes: &[
            "N is without embeddings: with them the law bends for small models",
            "there is no floor, so that the extrapolation falls below the entropy of text",
            "N_c depends on vocabulary and tokenizer and means nothing by itself",
        ],
        form: Form::Verified,
        published: &[Published {
            label: "WebText2",
            source: "arXiv 2001.08361, equation 1.1",
            convention: "N without embeddings",
            coefficients: &[8.8e13, 0.076],
        }],
    };

    fn value<R: Real>(&self, [n_c, a_n]: [R; 2], x: Row<'_>) -> R {
        x.ratio_pow(n_c, 0, a_n)
    }
}
