//! The power law of accelerator hours: what a budget of time on one device buys.
//!
//! ```text
//! L(h) = A h^-alpha
//! ```

use super::card::{Card, EXPONENTS, Form, Kind, Parameter, Symbol};
use super::equation::{Equation, Row};
use crate::real::Real;

#[derive(Clone, Copy, Debug)]
pub(super) struct PowerHours;

impl Equation<2> for PowerHours {
    const CARD: Card = Card {
        name: "power-hours",
        title: "loss over accelerator hours",
        equation: "L = A h^-alpha",
        response: Symbol::new("L", "validation loss", "bits per byte"),
        variables: &[Symbol::new("h", "accelerator hours of one run", "hours")],
        parameters: &[
            Parameter::linear("A", "loss at one hour", Kind::Amplitude),
            Parameter::searched("alpha", "exponent of h", Kind::Exponent, EXPONENTS),
        ],
        source: "Languini Kitchen (Stanic et al.), arXiv 2309.11197",
        range: "compute classes of 6 to 96 hours of an RTX 3090, well above the irreducible loss",
        notes: &[
            "a crossing of two such lines far outside the data is fragile: with slopes of 0.075 and \
             0.095 and a noise of 0.25% in the logarithm, 95% of forecasts of a crossing at 50,000 h \
             lie between 17,000 and 209,000 h",
            "hours count on the reference device at its measured throughput, wherever the run trains",
            "power-floor-hours is the check for a floor",
        ],
        form: Form::Unverified(
            "from the abstract: the slopes and the table of perplexities were not found",
        ),
        published: &[],
    };

    const IS_ADDITIVE: bool = true;

    fn value<R: Real>(&self, [a, alpha]: [R; 2], x: Row<'_>) -> R {
        a * x.pow(0, -alpha)
    }
}
