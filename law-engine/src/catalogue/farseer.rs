//! A law whose data term changes shape with the size of the model: amplitude and exponent of the
//! tokens are functions of N.
//!
//! ```text
//! L(N, D) = e3 exp(-a3 N^gamma) + e2 exp(a2 N^-beta) D^(-e1 exp(-a1 N^alpha))
//! ```

use super::card::{Card, Form, Kind, Parameter, Symbol};
use super::equation::{Equation, Row};
use crate::real::Real;

#[derive(Clone, Copy, Debug)]
pub(super) struct Farseer;

impl Equation<9> for Farseer {
    const CARD: Card = Card {
        name: "farseer",
        title: "loss over parameters and tokens, with a data term that depends on the size",
        equation: "L = e3 exp(-a3 N^gamma) + e2 exp(a2 N^-beta) D^(-e1 exp(-a1 N^alpha))",
        response: Symbol::new("L", "cross-entropy", "nats per token"),
        variables: &[
            Symbol::new("N", "parameters", "parameters"),
            Symbol::new("D", "training tokens", "tokens"),
        ],
        parameters: &[
            Parameter::searched("a3", "how the floor falls with N", Kind::Amplitude, &[0.02, 0.1]),
            Parameter::searched("gamma", "exponent of N there", Kind::Exponent, &[0.1, 0.2]),
            Parameter::linear("e3", "scale of the floor", Kind::Amplitude),
            Parameter::searched(
                "a2",
                "how the data term falls with N",
                Kind::Amplitude,
                &[20.0, 50.0, 120.0],
            ),
            Parameter::searched("beta", "exponent of N there", Kind::Exponent, &[0.08, 0.15]),
            Parameter::linear("e2", "scale of the data term", Kind::Amplitude),
            Parameter::searched(
                "a1",
                "how the exponent of D falls with N",
                Kind::Amplitude,
                &[0.1, 0.3],
            ),
            Parameter::searched("alpha", "exponent of N there", Kind::Exponent, &[0.08, 0.15]),
            Parameter::searched(
                "e1",
                "scale of the exponent of D",
                Kind::Amplitude,
                &[0.7, 1.5, 3.0],
            ),
        ],
        source: "Li et al., arXiv 2506.10972",
        range: "about 1,000 models; a 433 % lower extrapolation error than Chinchilla's law is claimed",
        notes: &[
            "the paper writes exp(b_i) for e_i and lets the a_i and exponents have either sign; here \
             the signs are those by which floor, data term and its exponent fall as N grows",
            "the authors fit in two stages: a power of D at each N, then its coefficients smoothly in N",
            "nine coefficients: without a wide grid of both N and D several of them are not identified",
        ],
        form: Form::Unverified("the form is from memory; only the abstract's claim was read"),
        published: &[],
    };

    fn value<R: Real>(
        &self,
        [a3, gamma, e3, a2, beta, e2, a1, alpha, e1]: [R; 9],
        x: Row<'_>,
    ) -> R {
        let floor = e3 * (-a3 * x.pow(0, gamma)).exp();
        let exponent = e1 * (-a1 * x.pow(0, alpha)).exp();
        floor + e2 * (a2 * x.pow(0, -beta) - exponent * x.ln(1)).exp()
    }
}
