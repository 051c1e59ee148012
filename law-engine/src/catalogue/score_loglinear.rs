//! A score that grows with the logarithms of data, size and resolution together.
//!
//! ```text
//! S = a + b ln D + c ln N + d ln R
//! ```

use super::card::{Card, Form, Kind, Parameter, Symbol};
use super::equation::{Equation, Row};
use crate::real::Real;

#[derive(Clone, Copy, Debug)]
pub(super) struct ScoreLoglinear;

const SLOPE: Kind = Kind::Within(-1e3, 1e3);

impl Equation<4> for ScoreLoglinear {
    const CARD: Card = Card {
        name: "score-loglinear",
        title: "accuracy over data, size and resolution together",
        equation: "S = a + b ln D + c ln N + d ln R",
        response: Symbol::new("S", "accuracy or another score that grows", "of the score"),
        variables: &[
            Symbol::new("D", "data, such as hours of video", "that of the data"),
            Symbol::new("N", "parameters", "parameters"),
            Symbol::new("R", "resolution of the input", "pixels along a side"),
        ],
        parameters: &[
            Parameter::linear("a", "score at one of each", SLOPE),
            Parameter::linear("b", "gain by e times the data", SLOPE),
            Parameter::linear("c", "gain by e times the parameters", SLOPE),
            Parameter::linear("d", "gain by e times the resolution", SLOPE),
        ],
        source: "Orhan, arXiv 2308.03712; repository eminorhan/humanlike-vits",
        range: "scores far from both their ends: a straight line passes full marks",
        notes: &[
            "the paper's forecast of human accuracy depends on the form: fitted to its released runs, \
             this one, one of the logit and one with a product of data and size forecast 85.9, 81.6 \
             and 87.4 % where it says about human level",
            "write the others down to compare: `1/(1 + exp(-(a + b log(D))))`",
        ],
        form: Form::Unverified("the abstract names the variables; the form is ours"),
        published: &[],
    };

    fn value<R: Real>(&self, [a, b, c, d]: [R; 4], x: Row<'_>) -> R {
        a + b * x.ln(0) + c * x.ln(1) + d * x.ln(2)
    }
}
