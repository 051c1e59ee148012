//! The stretched exponential: what error over data may become when a good metric prunes the data.
//!
//! ```text
//! L(P) = E + a exp(-kappa P^s)
//! ```

use super::card::{Card, Form, Kind, Parameter, Symbol};
use super::equation::{Equation, Row};
use crate::real::Real;

#[derive(Clone, Copy, Debug)]
pub(super) struct ExpFloor;

impl Equation<4> for ExpFloor {
    const CARD: Card = Card {
        name: "exp-floor",
        title: "error over pruned data, falling exponentially",
        equation: "L = E + a exp(-kappa P^s)",
        response: Symbol::new("L", "test error or loss", "of the loss"),
        variables: &[Symbol::new("P", "examples kept", "examples")],
        parameters: &[
            Parameter::linear("E", "irreducible error", Kind::Floor),
            Parameter::linear("a", "amplitude", Kind::Amplitude),
            Parameter::searched(
                "kappa",
                "rate",
                Kind::Amplitude,
                &[
                    1e-16, 1e-13, 1e-11, 1e-9, 1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 0.03, 0.1,
                    0.3, 1.0, 3.0,
                ],
            ),
            Parameter::searched(
                "s",
                "stretch: one for an exponential",
                Kind::Exponent,
                &[0.1, 0.17, 0.25, 0.33, 0.42, 0.5, 0.62, 0.75, 0.87, 1.0, 1.3, 1.7],
            ),
        ],
        source: "Sorscher et al., arXiv 2206.14486",
        range: "along the lower envelope over fractions kept, each point at its best fraction",
        notes: &[
            "to be compared with a power law on the same envelope (power-const), by held-out points",
        ],
        form: Form::Unverified(
            "the abstract says that pruning can turn the power law into an exponential; this form of \
             it is ours",
        ),
        published: &[],
    };

    fn value<R: Real>(&self, [e, a, kappa, s]: [R; 4], x: Row<'_>) -> R {
        e + a * (-kappa * x.pow(0, s)).exp()
    }
}
