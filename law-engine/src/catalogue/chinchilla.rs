//! The Chinchilla law: loss falls with parameters and with tokens, each down to a common floor.
//!
//! ```text
//! L(N, D) = E + A N^-alpha + B D^-beta
//! ```

use super::card::{Card, EXPONENTS, Form, Kind, Parameter, Published, Symbol};
use super::equation::{Equation, Row};
use crate::real::Real;

#[derive(Clone, Copy, Debug)]
pub(super) struct Chinchilla;

impl Equation<5> for Chinchilla {
    const CARD: Card = Card {
        name: "chinchilla",
        title: "loss over parameters and tokens",
        equation: "L = E + A N^-alpha + B D^-beta",
        response: Symbol::new("L", "cross-entropy", "nats per token"),
        variables: &[
            Symbol::new("N", "parameters, embeddings included", "parameters"),
            Symbol::new("D", "training tokens, each seen once", "tokens"),
        ],
        parameters: &[
            Parameter::linear("E", "irreducible loss", Kind::Floor),
            Parameter::linear("A", "amplitude of the size term", Kind::Amplitude),
            Parameter::linear("B", "amplitude of the data term", Kind::Amplitude),
            Parameter::searched("alpha", "exponent of N", Kind::Exponent, EXPONENTS),
            Parameter::searched("beta", "exponent of D", Kind::Exponent, EXPONENTS),
        ],
        source: "Hoffmann et al., arXiv 2203.15556, equation 2 and approach 3; fitted to the same \
                 data by Besiroglu et al., arXiv 2404.10102",
        range: "dense transformers of 44M to 16B parameters on 5e9 to 5e11 tokens, cosine schedule \
                that ends with the tokens",
        notes: &[
            "rounded coefficients raise the objective fourfold and move D/N at Chinchilla's compute \
             from 59 to 93: keep all digits",
            "the five runs of highest loss are left out in arXiv 2404.10102, which moves beta from \
             0.45 to 0.37",
        ],
        form: Form::Verified,
        published: &[
            Published {
                label: "Hoffmann et al., rounded",
                source: "arXiv 2203.15556, equation 10",
                convention: "N with embeddings, C = 6ND",
                coefficients: &[1.69, 406.4, 410.7, 0.34, 0.28],
            },
            Published {
                label: "Hoffmann et al., source of the paper",
                source: "TeX source of arXiv 2203.15556: logarithms 0.5267228, 6.0073404, 6.0179186",
                convention: "N with embeddings, C = 6ND",
                coefficients: &[
                    1.693_373_681,
                    406.401_017_5,
                    410.722_826_9,
                    0.339_170_84,
                    0.284_908_3,
                ],
            },
            Published {
                label: "Besiroglu et al.",
                source: "arXiv 2404.10102, table 1",
                convention: "N with embeddings, C = 6ND",
                coefficients: &[1.8172, 482.01, 2085.43, 0.3478, 0.3658],
            },
        ],
    };

    const IS_ADDITIVE: bool = true;

    fn value<R: Real>(&self, [e, a, b, alpha, beta]: [R; 5], x: Row<'_>) -> R {
        e + a * x.pow(0, -alpha) + b * x.pow(1, -beta)
    }
}
