//! Second step of a model ladder: accuracy on a task over the loss on its right answers.
//!
//! ```text
//! Acc(L) = a / (1 + exp(-k (L - L0))) + b,   a <= 0
//! ```

use super::card::{Card, Form, Kind, Parameter, Symbol};
use super::equation::{Equation, Row};
use crate::real::Real;

#[derive(Clone, Copy, Debug)]
pub(super) struct LadderAccuracy;

impl Equation<4> for LadderAccuracy {
    const CARD: Card = Card {
        name: "ladder-accuracy",
        title: "task accuracy over task loss",
        equation: "Acc = a / (1 + exp(-k (L - L0))) + b",
        response: Symbol::new("Acc", "share of a task's items answered right", "share"),
        variables: &[Symbol::or_zero("L", "loss on the right answers", "bits per byte")],
        parameters: &[
            Parameter::linear("a", "from the best accuracy to chance", Kind::Within(-1.0, 0.0)),
            Parameter::searched(
                "L0",
                "loss halfway",
                Kind::Within(0.0, 20.0),
                &[0.3, 0.5, 0.7, 0.9, 1.1, 1.4, 1.8, 2.3, 3.0, 4.0],
            ),
            Parameter::searched(
                "k",
                "steepness",
                Kind::Amplitude,
                &[0.5, 1.0, 2.0, 3.0, 5.0, 8.0, 13.0, 20.0],
            ),
            Parameter::linear("b", "accuracy at no loss", Kind::Within(0.0, 1.0)),
        ],
        source: "Bhagia et al., arXiv 2412.04403; repository allenai/OLMo-ladder",
        range: "the losses of the runs: a model better than all of them is on the part of the curve \
                that nobody saw",
        notes: &[
            "the authors add a point of loss 0 and full accuracy, and use checkpoints of each run, \
             averaged over five, without the first tenth",
            "they minimise squares of the accuracy itself: Residual::Raw",
        ],
        form: Form::Verified,
        published: &[],
    };

    fn value<R: Real>(&self, [a, l0, k, b]: [R; 4], x: Row<'_>) -> R {
        a * (k * (-l0 + x.raw(0))).sigmoid() + b
    }
}
