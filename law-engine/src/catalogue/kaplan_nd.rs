//! Kaplan's law of size and data: how far a model of N parameters overfits D tokens.
//!
//! ```text
//! L(N, D) = [(N_c / N)^(a_N / a_D) + D_c / D]^a_D
//! ```

use super::card::{Card, Form, Kind, Parameter, Published, Symbol};
use super::equation::{Equation, Row};
use crate::real::Real;

/// The response is linear in none of the four, and near the published exponents.
const EXPONENTS: &[f64] = &[0.03, 0.06, 0.1, 0.16, 0.26, 0.42];
const SCALES: &[f64] = &[1e2, 1e6, 1e8, 1e10, 1e12, 1e13, 1e14, 1e16, 1e20];

#[derive(Clone, Copy, Debug)]
pub(super) struct KaplanNd;

impl Equation<4> for KaplanNd {
    const CARD: Card = Card {
        name: "kaplan-nd",
        title: "loss over parameters and the size of the training set",
        equation: "L = [(N_c/N)^(a_N/a_D) + D_c/D]^a_D",
        response: Symbol::new("L", "cross-entropy", "nats per token"),
        variables: &[
            Symbol::new("N", "parameters without embeddings", "parameters"),
            Symbol::new("D", "tokens of the training set", "tokens"),
        ],
        parameters: &[
            Parameter::searched("N_c", "scale of N", Kind::Amplitude, SCALES),
            Parameter::searched("D_c", "scale of D", Kind::Amplitude, SCALES),
            Parameter::searched("a_N", "exponent of N", Kind::Exponent, EXPONENTS),
            Parameter::searched("a_D", "exponent of D", Kind::Exponent, EXPONENTS),
        ],
        source: "Kaplan et al., arXiv 2001.08361, equation 1.5 and table 2",
        range: "768 to 1.5e9 parameters, 2.2e7 to 2.3e10 tokens, dropout of 10%, stopped early",
        notes: &[
            "a joint fit of its own: its constants are not those of kaplan-n and kaplan-d",
            "D is the size of the set, which is seen as often as it helps, not the tokens trained on",
            "loss stays within 0.02 nats of unlimited data for D above 5e3 N^0.74",
        ],
        form: Form::Verified,
        published: &[Published {
            label: "WebText2",
            source: "arXiv 2001.08361, table 2",
            convention: "N without embeddings",
            coefficients: &[6.4e13, 1.8e13, 0.076, 0.103],
        }],
    };

    fn value<R: Real>(&self, [n_c, d_c, a_n, a_d]: [R; 4], x: Row<'_>) -> R {
        let size = x.ratio_pow(n_c, 0, a_n / a_d);
        (size + d_c / x.raw(1)).pow(a_d)
    }
}
