//! What a verifier is worth: its lead grows as a power of the budget at test time.
//!
//! ```text
//! y_VB(H) - y_VF(H) = a H^b
//! ```

use super::card::{Card, EXPONENTS, Form, Kind, Parameter, Symbol};
use super::equation::{Equation, Row};
use crate::real::Real;

#[derive(Clone, Copy, Debug)]
pub(super) struct GapPower;

impl Equation<2> for GapPower {
    const CARD: Card = Card {
        name: "gap-power",
        title: "lead of training with a verifier over the budget at test time",
        equation: "y = a H^b",
        response: Symbol::new("y", "score with a verifier less score without", "of the score"),
        variables: &[Symbol::new("H", "budget of one answer", "tokens")],
        parameters: &[
            Parameter::linear("a", "lead at a budget of one", Kind::Amplitude),
            Parameter::searched("b", "exponent of H", Kind::Exponent, EXPONENTS),
        ],
        source: "Setlur et al., arXiv 2502.12118",
        range: "heterogeneous traces and rewards that are not concentrated; a lead above zero",
        notes: &[
            "b of about a half is the paper's claim, from memory: test it, do not fix it",
            "a lead of zero or less is no row of this law: leaving such rows out raises a",
            "both scores belong to one base model and one amount of data",
        ],
        form: Form::Unverified("the abstract says that the gap grows; the power is from memory"),
        published: &[],
    };

    fn value<R: Real>(&self, [a, b]: [R; 2], x: Row<'_>) -> R {
        a * x.pow(0, b)
    }
}
