//! The law of tasks that seem to emerge: the logarithm of the chance to pass is a power of size.
//!
//! ```text
//! -ln PU(N) = c N^-alpha
//! ```

use super::card::{Card, EXPONENTS, Form, Kind, Parameter, Symbol};
use super::equation::{Equation, Row};
use crate::real::Real;

#[derive(Clone, Copy, Debug)]
pub(super) struct TaskPower;

impl Equation<2> for TaskPower {
    const CARD: Card = Card {
        name: "task-power",
        title: "chance to pass a task over parameters",
        equation: "-ln PU = c N^-alpha",
        response: Symbol::new("-ln PU", "negative logarithm of the chance to pass", "nats"),
        variables: &[Symbol::new("N", "parameters", "parameters")],
        parameters: &[
            Parameter::linear("c", "amplitude", Kind::Amplitude),
            Parameter::searched("alpha", "exponent of N", Kind::Exponent, EXPONENTS),
        ],
        source: "Hu et al., arXiv 2310.03262",
        range: "tasks that can be sampled until they pass",
        notes: &[
            "PU is passes over draws, sampled until enough have passed: zero passes say nothing",
            "look at ln(-ln PU) over ln N first: only where it is straight is this the law; concave \
             is accelerated emergence",
            "a law per example, averaged afterwards, forecasts better than one of the average",
        ],
        form: Form::Unverified("read in secondary sources that quote the text"),
        published: &[],
    };

    const IS_ADDITIVE: bool = true;

    fn value<R: Real>(&self, [c, alpha]: [R; 2], x: Row<'_>) -> R {
        c * x.pow(0, -alpha)
    }
}
