//! The law of translation quality after fine-tuning: a power of the logarithm of pre-training tokens.
//!
//! ```text
//! S(D) = (ln(A D^alpha))^beta
//! ```

use super::card::{Card, EXPONENTS, Form, Kind, Parameter, Symbol};
use super::equation::{Equation, Row};
use crate::real::Real;

#[derive(Clone, Copy, Debug)]
pub(super) struct LogPower;

impl Equation<3> for LogPower {
    const CARD: Card = Card {
        name: "log-power",
        title: "score after fine-tuning over pre-training tokens",
        equation: "S = (ln(A D^alpha))^beta",
        response: Symbol::new("S", "BLEU or another score", "of the score"),
        variables: &[Symbol::new("D", "pre-training tokens", "tokens")],
        parameters: &[
            Parameter::searched(
                "A",
                "scale of D^alpha",
                Kind::Amplitude,
                &[1e-16, 1e-12, 1e-9, 1e-7, 1e-5, 1e-4, 1e-3, 1e-2, 0.1, 1.0, 10.0, 100.0],
            ),
            Parameter::searched("alpha", "exponent of D", Kind::Exponent, EXPONENTS),
            Parameter::searched(
                "beta",
                "exponent of the logarithm",
                Kind::Within(0.01, 20.0),
                &[0.3, 0.6, 1.0, 1.4, 2.0, 2.8, 4.0, 6.0],
            ),
        ],
        source: "Isik et al., arXiv 2402.04177",
        range: "fine-tuning data fixed, and pre-training data aligned with the task",
        notes: &[
            "only where the score rises with D throughout: with badly aligned pre-training data BLEU \
             fluctuates while cross-entropy still falls, and there is nothing to extrapolate",
            "A D^alpha must stay above one",
            "A, alpha and beta trade against each other over less than two decades of D",
        ],
        form: Form::Unverified("the abstract names a log-law; this form of it is from memory"),
        published: &[],
    };

    fn value<R: Real>(&self, [a, alpha, beta]: [R; 3], x: Row<'_>) -> R {
        (a.ln() + alpha * x.ln(0)).pow(beta)
    }
}
