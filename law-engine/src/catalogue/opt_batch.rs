//! The best batch size of a training run, by its tokens alone.
//!
//! ```text
//! B(D) = c2 D^e
//! ```

use super::card::{Card, Form, Kind, Parameter, Published, Symbol};
use super::equation::{Equation, Row};
use super::opt_lr::SLOPES;
use crate::real::Real;

#[derive(Clone, Copy, Debug)]
pub(super) struct OptBatch;

impl Equation<2> for OptBatch {
    const CARD: Card = Card {
        name: "opt-batch",
        title: "best batch size over tokens",
        equation: "B = c2 D^e",
        response: Symbol::new("B", "best batch size", "tokens"),
        variables: &[Symbol::new("D", "training tokens", "tokens")],
        parameters: &[
            Parameter::linear("c2", "scale", Kind::Amplitude),
            Parameter::searched("e", "exponent of D", Kind::Within(-3.0, 3.0), SLOPES),
        ],
        source: "Li et al., arXiv 2503.04715; repository step-law/steplaw",
        range: "2.15e8 to 1.07e9 parameters, 4e9 to 1e11 tokens",
        notes: &[
            "B is in tokens: divide by the context length for sequences",
            "e has a deviation of 0.019 over bootstrap draws, ln c2 of 0.44",
        ],
        form: Form::Verified,
        published: &[Published {
            label: "dense, mean of 1,000 bootstrap fits",
            source: "repository step-law/steplaw: ln c2 -0.543542, e 0.570944; printed as \
                     0.58 D^0.571",
            convention: "B in tokens",
            coefficients: &[0.5806878093, 0.570_944],
        }],
    };

    fn value<R: Real>(&self, [c2, e]: [R; 2], x: Row<'_>) -> R {
        c2 * x.pow(0, e)
    }
}
