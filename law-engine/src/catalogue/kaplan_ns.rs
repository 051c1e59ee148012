//! Kaplan's law of size and steps: the learning curve of a model with unlimited data.
//!
//! ```text
//! L(N, S) = (N_c / N)^a_N + (S_c / S)^a_S
//! ```

use super::card::{Card, EXPONENTS, Form, Kind, Parameter, Published, Symbol};
use super::equation::{Equation, Row};
use crate::real::Real;

#[derive(Clone, Copy, Debug)]
pub(super) struct KaplanNs;

impl Equation<4> for KaplanNs {
    const CARD: Card = Card {
        name: "kaplan-ns",
        title: "loss over parameters and steps",
        equation: "L = (N_c/N)^a_N + (S_c/S)^a_S",
        response: Symbol::new("L", "cross-entropy", "nats per token"),
        variables: &[
            Symbol::new("N", "parameters without embeddings", "parameters"),
            Symbol::new("S", "steps at a batch far above the critical", "steps"),
        ],
        parameters: &[
            Parameter::scale("N_c", "scale of N", "a_N"),
            Parameter::scale("S_c", "scale of S", "a_S"),
            Parameter::searched("a_N", "exponent of N", Kind::Exponent, EXPONENTS),
            Parameter::searched("a_S", "exponent of S", Kind::Exponent, EXPONENTS),
        ],
        source: "Kaplan et al., arXiv 2001.08361, equation 1.6 and table 3",
        range: "all steps after the warm-up of 3,000, to 2.5e5, at batches of 512 x 1024 tokens",
        notes: &[
            "S is S_min of the paper: steps of a run at batch B divided by 1 + B_crit/B",
            "a joint fit of its own: N_c and a_N are not those of kaplan-n",
            "fitted along curves of one cosine schedule each: not a law of other schedules",
        ],
        form: Form::Verified,
        published: &[Published {
            label: "WebText2",
            source: "arXiv 2001.08361, table 3",
            convention: "N without embeddings, S adjusted to large batches",
            coefficients: &[6.5e13, 2.1e3, 0.077, 0.76],
        }],
    };

    fn value<R: Real>(&self, [n_c, s_c, a_n, a_s]: [R; 4], x: Row<'_>) -> R {
        x.ratio_pow(n_c, 0, a_n) + x.ratio_pow(s_c, 1, a_s)
    }
}
