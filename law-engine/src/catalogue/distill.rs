//! The distillation law: a student's loss over its size, its tokens and the loss of its teacher.
//!
//! ```text
//! L_S = L_T + L_T^-c0 (1 + (L_T / (L_s d1))^(1/f1))^(-c1 f1) (A N^-alpha + B D^-beta)^gamma
//! ```
//!
//! L_s is what the same student reaches with supervision alone.

use super::card::{Card, Form, Kind, Parameter, Symbol};
use super::equation::{Equation, Row};
use crate::real::Real;

#[derive(Clone, Copy, Debug)]
pub(super) struct Distill;

const SLOPES: &[f64] = &[0.2, 0.35, 0.6];

impl Equation<9> for Distill {
    const CARD: Card = Card {
        name: "distill",
        title: "a student's loss over its size, its tokens and its teacher's loss",
        equation: "L_S = L_T + L_T^-c0 (1 + (L_T/(L_s d1))^(1/f1))^(-c1 f1) \
                   (A N^-alpha + B D^-beta)^gamma",
        response: Symbol::new("L_S", "cross-entropy of the student", "nats per token"),
        variables: &[
            Symbol::new("N", "parameters of the student", "parameters"),
            Symbol::new("D", "tokens distilled", "tokens"),
            Symbol::new("L_T", "cross-entropy of the teacher", "nats per token"),
            Symbol::new("L_s", "cross-entropy of the student under supervision", "nats per token"),
        ],
        parameters: &[
            Parameter::searched("c0", "exponent of L_T", Kind::Within(-10.0, 10.0), &[0.5, 2.5]),
            Parameter::searched("c1", "exponent past the break", Kind::Within(0.0, 500.0), &[2.0]),
            Parameter::searched("d1", "ratio L_T / L_s of the break", Kind::Amplitude, &[0.7, 1.3]),
            Parameter::searched(
                "f1",
                "sharpness of the break",
                Kind::Within(1e-3, 5.0),
                &[0.1, 0.4],
            ),
            Parameter::searched("A", "amplitude of the size term", Kind::Amplitude, AMPLITUDES),
            Parameter::searched("B", "amplitude of the data term", Kind::Amplitude, AMPLITUDES),
            Parameter::searched("alpha", "exponent of N", Kind::Exponent, SLOPES),
            Parameter::searched("beta", "exponent of D", Kind::Exponent, SLOPES),
            Parameter::searched("gamma", "power of both terms", Kind::Exponent, &[0.7]),
        ],
        source: "Busbridge et al., arXiv 2502.08606",
        range: "students no better than their teachers",
        notes: &[
            "the law knows the teacher only by its loss; a best teacher exists, and a better one can \
             make a worse student",
            "L_s comes from supervised runs of the student or from their law, \
             E + (A/N^alpha + B/D^beta)^gamma",
            "compute is 3 F(N) D for the student, and F(N_T) (D for the logits + 3 D_T for training \
             the teacher), F the forward FLOPs per token",
            "supervision alone wins once the student's own compute is large enough",
            "coefficients were not found",
        ],
        form: Form::Unverified("read in secondary notes only"),
        published: &[],
    };

    fn value<R: Real>(&self, [c0, c1, d1, f1, a, b, alpha, beta, gamma]: [R; 9], x: Row<'_>) -> R {
        let break_place = -d1.ln() + (x.ln(2) - x.ln(3));
        let ln_break = c1 * f1 * (break_place / f1).softplus();
        let ln_student = gamma * (a * x.pow(0, -alpha) + b * x.pow(1, -beta)).ln();
        (ln_student - c0 * x.ln(2) - ln_break).exp() + x.raw(2)
    }
}

const AMPLITUDES: &[f64] = &[1e2, 1e3, 1e4, 1e5];
