//! Kaplan's law of compute: the lowest loss that a budget reaches, at the best size and a small batch.
//!
//! ```text
//! L(C) = (C_c / C)^a_C,  C and C_c in PF-days
//! ```

use super::card::{Card, EXPONENTS, Form, Kind, Parameter, Published, Symbol};
use super::equation::{Equation, Row};
use crate::real::Real;

/// FLOPs of one PF-day, the unit of the paper's C_c.
const PF_DAY: f64 = 8.64e19;

#[derive(Clone, Copy, Debug)]
pub(super) struct KaplanC;

impl Equation<2> for KaplanC {
    const CARD: Card = Card {
        name: "kaplan-c",
        title: "loss over compute at the best size",
        equation: "L = (C_c 8.64e19/C)^a_C",
        response: Symbol::new("L", "cross-entropy", "nats per token"),
        variables: &[Symbol::new(
            "C",
            "training compute at a batch far below the critical",
            "FLOP",
        )],
        parameters: &[
            Parameter::scale("C_c", "PF-days at which the loss would be one nat", "a_C"),
            Parameter::searched("a_C", "exponent of C", Kind::Exponent, EXPONENTS),
        ],
        source: "Kaplan et al., arXiv 2001.08361, equation 1.3",
        range: "the lower envelope of runs of 768 to 1.5e9 parameters without embeddings",
        notes: &[
            "C is in FLOP as in every table, C_c in the paper's PF-days of 8.64e19 FLOP",
            "C is C_min of the paper: compute of a run at batch B divided by 1 + B/B_crit",
            "there is no floor, so that the extrapolation falls below the entropy of text",
        ],
        form: Form::Verified,
        published: &[Published {
            label: "WebText2",
            source: "arXiv 2001.08361, equation 1.3",
            convention: "C = 6NB S without embeddings, adjusted to small batches; C_c in PF-days",
            coefficients: &[3.1e8, 0.050],
        }],
    };

    fn value<R: Real>(&self, [c_c, a_c]: [R; 2], x: Row<'_>) -> R {
        x.ratio_pow(c_c * PF_DAY, 0, a_c)
    }
}
