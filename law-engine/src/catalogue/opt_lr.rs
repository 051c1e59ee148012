//! The best peak learning rate of a model and its data.
//!
//! ```text
//! eta(N, D) = c1 N^a D^b
//! ```

use super::card::{Card, Form, Kind, Parameter, Published, Symbol};
use super::equation::{Equation, Row};
use crate::real::Real;

#[derive(Clone, Copy, Debug)]
pub(super) struct OptLr;

/// Slopes of the search; from each of them one step finds the others.
pub(super) const SLOPES: &[f64] = &[-1.2, -0.8, -0.5, -0.3, -0.1, 0.1, 0.3, 0.5, 0.8, 1.2];

impl Equation<3> for OptLr {
    const CARD: Card = Card {
        name: "opt-lr",
        title: "best peak learning rate over parameters and tokens",
        equation: "eta = c1 N^a D^b",
        response: Symbol::new("eta", "best peak learning rate", "natural"),
        variables: &[
            Symbol::new("N", "parameters, embeddings not counted", "parameters"),
            Symbol::new("D", "training tokens", "tokens"),
        ],
        parameters: &[
            Parameter::linear("c1", "scale", Kind::Amplitude),
            Parameter::searched("a", "exponent of N", Kind::Within(-3.0, 3.0), SLOPES),
            Parameter::searched("b", "exponent of D", Kind::Within(-3.0, 3.0), SLOPES),
        ],
        source: "Li et al., arXiv 2503.04715; repository step-law/steplaw",
        range: "2.15e8 to 1.07e9 parameters, 4e9 to 1e11 tokens, final learning rate held at 1e-5",
        notes: &[
            "the authors take, of each (N, D), the cells of the grid whose loss is near the best, and \
             fit a plane to logarithms: Residual::Log with least squares",
            "the three coefficients trade off: ln c1 has a deviation of 0.62, a of 0.030, b of 0.019 \
             over bootstrap draws",
            "the best batch size is the law opt-batch, and the two go together",
        ],
        form: Form::Verified,
        published: &[Published {
            label: "dense, mean of 1,000 bootstrap fits",
            source: "repository step-law/steplaw: ln c1 0.586308, a -0.712922, b 0.307491; printed as \
                     1.79 N^-0.713 D^0.307",
            convention: "N without embeddings",
            coefficients: &[1.7973403700, -0.712_922, 0.307_491],
        }],
    };

    fn value<R: Real>(&self, [c1, a, b]: [R; 3], x: Row<'_>) -> R {
        c1 * x.pow(0, a) * x.pow(1, b)
    }
}
