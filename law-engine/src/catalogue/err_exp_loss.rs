//! The law of downstream error: average error over tasks falls exponentially as loss falls.
//!
//! ```text
//! Err(L) = eps - k exp(-gamma L)
//! ```

use super::card::{Card, Form, Kind, Parameter, Published, Symbol};
use super::equation::{Equation, Row};
use crate::real::Real;

/// Refitted to the six released runs of each corpus; the published forecasts follow from it.
const fn published(label: &'static str, coefficients: &'static [f64]) -> Published {
    Published {
        label,
        source: "repository mlfoundations/scaling, its fit run on its data",
        convention: "L on C4 in nats per token, Err as a share of one",
        coefficients,
    }
}

#[derive(Clone, Copy, Debug)]
pub(super) struct ErrExpLoss;

impl Equation<3> for ErrExpLoss {
    const CARD: Card = Card {
        name: "err-exp-loss",
        title: "downstream error over loss",
        equation: "Err = eps - k exp(-gamma L)",
        response: Symbol::new("Err", "top-1 error, averaged over tasks", "share of one"),
        variables: &[Symbol::new("L", "validation loss", "nats per token")],
        parameters: &[
            Parameter::linear("eps", "error of a model that knows nothing", Kind::Floor),
            Parameter::linear("k", "amplitude", Kind::Amplitude),
            Parameter::searched(
                "gamma",
                "rate by loss",
                Kind::Amplitude,
                &[0.05, 0.1, 0.2, 0.3, 0.45, 0.6, 0.8, 1.0, 1.4, 2.0, 3.0, 5.0, 8.0],
            ),
        ],
        source: "Gadre et al., arXiv 2403.08540, and its repository",
        range: "averages over 17 or 46 tasks; losses on C4 between 2.4 and 5.4",
        notes: &[
            "a law of averages over tasks: single tasks do not follow it",
            "fitted by least squares of the errors themselves; six runs, three coefficients",
            "the loss must be of one fixed validation set, whatever the models trained on",
        ],
        form: Form::Verified,
        published: &[
            published("C4, 17 tasks", &[0.849_742, 2.07891, 0.756_121]),
            published("RedPajama, 17 tasks", &[0.856_992, 2.20649, 0.714_591]),
            published("RefinedWeb, 17 tasks", &[0.865_280, 2.21481, 0.707_049]),
            published("C4, 46 tasks", &[0.758_949, 1.28852, 0.972_164]),
            published("RedPajama, 46 tasks", &[0.76085, 1.3229, 0.890_708]),
            published("RefinedWeb, 46 tasks", &[0.767_679, 1.12807, 0.821_523]),
        ],
    };

    fn value<R: Real>(&self, [eps, k, gamma]: [R; 3], x: Row<'_>) -> R {
        eps - k * (-gamma * x.raw(0)).exp()
    }
}
