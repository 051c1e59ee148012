//! How much output an attack on activations controls: in proportion to what it may change.
//!
//! ```text
//! t = kappa a
//! ```

use super::card::{Card, Form, Kind, Parameter, Symbol};
use super::equation::{Equation, Row};
use crate::real::Real;

#[derive(Clone, Copy, Debug)]
pub(super) struct AttackLinear;

impl Equation<1> for AttackLinear {
    const CARD: Card = Card {
        name: "attack-linear",
        title: "output that an attack on activations controls",
        equation: "t = kappa a",
        response: Symbol::new("t", "most tokens of output that were controlled", "tokens"),
        variables: &[Symbol::new("a", "tokens whose activations were attacked", "tokens")],
        parameters: &[Parameter::linear(
            "kappa",
            "tokens controlled by one attacked token",
            Kind::Amplitude,
        )],
        source: "Fort, arXiv 2312.02780",
        range: "one model; up to 1000 controlled tokens",
        notes: &[
            "the resistance chi of a model follows from kappa: metrics::attack_resistance",
            "the paper finds a chi of 16 to 25 over two orders of magnitude of model size",
        ],
        form: Form::Unverified("the abstract says that the law is linear"),
        published: &[],
    };

    fn value<R: Real>(&self, [kappa]: [R; 1], x: Row<'_>) -> R {
        kappa * x.raw(0)
    }
}
