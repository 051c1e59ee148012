//! The learning-rate annealing law: loss falls with the learning rate spent, and further with how
//! much of it was given back.
//!
//! ```text
//! L(s) = L0 + A S1^-alpha - C S2
//! S1   = sum_{i <= s} eta_i
//! S2   = sum_{i <= s} m_i,  m_i = lambda m_{i-1} + (eta_{i-1} - eta_i)
//! ```
//!
//! [`schedule`](super::schedule) computes both areas of a schedule.

use super::card::{Card, EXPONENTS, Form, Kind, Parameter, Published, Symbol};
use super::equation::{Equation, Row};
use crate::real::Real;

#[derive(Clone, Copy, Debug)]
pub(super) struct LrAnneal;

const CURVES: &str = "fitted for this catalogue to the curves of arXiv 2503.12811 (repository \
                      thu-yao-01-luo/MultiPowerLaw): cosine_24000, constant_24000 and wsdcon_9";
const AREAS: &str = "natural learning rates, lambda 0.999, warm-up in S1 but not in S2";

impl Equation<4> for LrAnneal {
    const CARD: Card = Card {
        name: "lr-anneal",
        title: "loss at any step of any learning-rate schedule",
        equation: "L = L0 + A S1^-alpha - C S2",
        response: Symbol::new("L", "cross-entropy", "nats per token"),
        variables: &[
            Symbol::new("S1", "sum of the learning rates so far", "learning rate x steps"),
            Symbol::or_zero(
                "S2",
                "sum of the decayed falls of the learning rate",
                "learning rate x steps",
            ),
        ],
        parameters: &[
            Parameter::linear("L0", "irreducible loss", Kind::Floor),
            Parameter::linear("A", "amplitude of the forward term", Kind::Amplitude),
            Parameter::linear("C", "gain per area annealed", Kind::Amplitude),
            Parameter::searched("alpha", "exponent of S1", Kind::Exponent, EXPONENTS),
        ],
        source: "Tissue et al., arXiv 2408.11029, abstract; how S2 decays from its implementations",
        range: "one model and one data set, steps after warm-up; schedules that differ from those \
                fitted only in shape",
        notes: &[
            "leave the warm-up out of S2: a rising rate counts as negative annealing",
            "C and the decay lambda are confounded: C / (1 - lambda) hardly changes with lambda \
             (380, 383, 402 for 0.99, 0.995, 0.999), so compare that",
            "a lower objective on the fitted schedules can forecast worse: hold schedules out",
            "the paper's own coefficients were not found",
        ],
        form: Form::Verified,
        published: &[
            Published {
                label: "25M",
                source: CURVES,
                convention: AREAS,
                coefficients: &[3.158, 0.514, 0.402, 0.513],
            },
            Published {
                label: "100M",
                source: CURVES,
                convention: AREAS,
                coefficients: &[2.789, 0.593, 0.481, 0.455],
            },
            Published {
                label: "400M",
                source: CURVES,
                convention: AREAS,
                coefficients: &[2.525, 0.654, 0.570, 0.421],
            },
        ],
    };

    fn value<R: Real>(&self, [l0, a, c, alpha]: [R; 4], x: Row<'_>) -> R {
        l0 + a * x.pow(0, -alpha) - c * x.raw(1)
    }
}
