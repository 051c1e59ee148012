//! The law of multilingual mixtures: a language's share of the training is worth a part of the model.
//!
//! ```text
//! L(N, p) = L_inf + beta (f(p) N)^-alpha,  f(p) = p + c_1 p^c_2 (1 - p)^c_3
//! ```

use super::card::{Card, Form, Kind, Parameter, Symbol};
use super::equation::{Equation, Row};
use crate::real::Real;

const EXPONENTS: &[f64] = &[0.05, 0.1, 0.17, 0.26, 0.38, 0.55, 0.8, 1.2];
const SHAPES: &[f64] = &[0.1, 0.3, 0.7, 1.3];

#[derive(Clone, Copy, Debug)]
pub(super) struct MixtureEffectiveN;

impl Equation<6> for MixtureEffectiveN {
    const CARD: Card = Card {
        name: "mixture-effective-n",
        title: "loss of one language pair over model size and its share of the mixture",
        equation: "L = L_inf + beta (f N)^-alpha, f = p + c_1 p^c_2 (1-p)^c_3",
        response: Symbol::new("L", "cross-entropy of the language pair", "nats per token"),
        variables: &[
            Symbol::new("N", "parameters", "parameters"),
            Symbol::new("p", "share of the pair in the training, at most one", "none"),
        ],
        parameters: &[
            Parameter::linear("L_inf", "irreducible loss", Kind::Floor),
            Parameter::linear("beta", "amplitude of the pair alone", Kind::Amplitude),
            Parameter::searched("alpha", "exponent of N", Kind::Exponent, EXPONENTS),
            Parameter::searched("c_1", "what the other pairs help", Kind::Floor, SHAPES),
            Parameter::searched("c_2", "exponent of the share", Kind::Exponent, SHAPES),
            Parameter::searched("c_3", "exponent of the others' share", Kind::Exponent, SHAPES),
        ],
        source: "Fernandes et al., arXiv 2302.09650",
        range: "multilingual machine translation, one pair at a time",
        notes: &[
            "the share changes the amplitude alone: L_inf and alpha are those of the pair",
            "f(1) = 1: without runs of the pair alone, beta and the shape trade against each other",
        ],
        form: Form::Unverified(
            "the abstract says that the mixture changes the multiplicative factor alone; the shape \
             of f is from memory",
        ),
        published: &[],
    };

    fn value<R: Real>(&self, [l_inf, beta, alpha, c_1, c_2, c_3]: [R; 6], x: Row<'_>) -> R {
        let share = x.raw(1);
        // The pair alone: (1 - p)^c_3 is zero, and its logarithm has no derivative.
        let part = if share >= 1.0 {
            R::constant(1.0)
        } else {
            c_1 * (c_2 * x.ln(1) + c_3 * (-share).ln_1p()).exp() + share
        };
        l_inf + beta * (-alpha * (part.ln() + x.ln(0))).exp()
    }
}
