//! Loss at any step, of any size, with any batch: steps count for less where the batch is below the
//! critical one, which grows as the loss falls.
//!
//! ```text
//! L = (N_c / N)^alpha_N + (S_c (1 + B_* / (B L^(1/alpha_B))) / S)^alpha_S
//! ```
//!
//! L stands on both sides. The right side falls as L grows, so there is one solution. It is found by
//! bisection, and two steps of Newton's method on numbers with derivatives then give the derivatives
//! of the solution: each step doubles the order that is exact.

use super::card::{Card, Form, Kind, Parameter, Published, Symbol};
use super::equation::{Equation, Row};
use crate::real::Real;

#[derive(Clone, Copy, Debug)]
pub(super) struct TrajectoryNsb;

/// Halvings of the bracket: 1e-12 of its width, which Newton's steps finish.
const HALVINGS_N: usize = 40;
/// Newton's steps: one more than first derivatives need.
const CORRECTIONS_N: usize = 2;

impl Equation<6> for TrajectoryNsb {
    const CARD: Card = Card {
        name: "trajectory-nsb",
        title: "loss at every step over parameters, batch and steps",
        equation: "L = (N_c/N)^alpha_N + (S_c (1 + B_*/(B L^(1/alpha_B))) / S)^alpha_S",
        response: Symbol::new("L", "cross-entropy", "nats per token"),
        variables: &[
            Symbol::new("N", "parameters, embeddings not counted", "parameters"),
            Symbol::new("B", "batch size", "tokens"),
            Symbol::new("S", "optimiser steps after warm-up", "steps"),
        ],
        parameters: &[
            Parameter::searched(
                "N_c",
                "parameters of unit loss",
                Kind::Amplitude,
                &[1e11, 1e12, 1e13, 1e14, 1e16],
            ),
            Parameter::searched("alpha_N", "exponent of N", Kind::Exponent, &[0.05, 0.08, 0.12]),
            Parameter::searched(
                "S_c",
                "steps of unit excess loss",
                Kind::Amplitude,
                &[3e2, 1e3, 3e3, 1e4],
            ),
            Parameter::searched("alpha_S", "exponent of S", Kind::Exponent, &[0.4, 0.6, 0.8, 1.0]),
            Parameter::searched(
                "B_*",
                "critical batch at unit loss",
                Kind::Amplitude,
                &[1e7, 1e8, 5e8],
            ),
            Parameter::searched("alpha_B", "exponent of the batch", Kind::Exponent, &[0.15, 0.25]),
        ],
        source: "Su et al., arXiv 2403.06563, on Kaplan et al., arXiv 2001.08361, laws of \
                 steps and of the critical batch",
        range: "Kaplan's constants: 768 to 1.5e9 parameters; the equation was tested to \
                33e9 by arXiv 2403.06563",
        notes: &[
            "constants depend on tokens, data, context and learning rate; exponents less so",
            "data must be unlimited: there is no term for repeats",
            "the critical batch at a loss is B_* L^(-1/alpha_B); fewest steps S / (1 + B_crit / B)",
            "the authors find N_c and alpha_N first, then the batch from contours of equal loss, then \
             the steps: fix coefficients in that order where one fit does not hold",
            "the constants of arXiv 2403.06563 itself were not found",
        ],
        form: Form::Verified,
        published: &[Published {
            label: "Kaplan et al.",
            source: "arXiv 2001.08361, table 3, and its critical batch",
            convention: "N without embeddings, B in tokens",
            coefficients: &[6.5e13, 0.077, 2.1e3, 0.76, 2e8, 0.21],
        }],
    };

    fn value<R: Real>(&self, coefficients: [R; 6], x: Row<'_>) -> R {
        let mut loss = R::constant(solve(coefficients.map(Real::value), x));
        for _ in 0..CORRECTIONS_N {
            let (right, slope) = right_side(coefficients, x, loss);
            loss = loss - (right - loss) / (slope - 1.0);
        }
        loss
    }
}

/// The right side at a loss, and its slope by the loss.
fn right_side<R: Real>(
    [n_c, alpha_n, s_c, alpha_s, b_star, alpha_b]: [R; 6],
    x: Row<'_>,
    loss: R,
) -> (R, R) {
    let size = (alpha_n * (n_c.ln() - x.ln(0))).exp();
    // How many times the critical batch is larger than the batch.
    let lack = (b_star.ln() - x.ln(1) - loss.ln() / alpha_b).exp();
    let steps = (alpha_s * (s_c.ln() + lack.ln_1p() - x.ln(2))).exp();
    let slope = -(alpha_s * steps * lack / (lack + 1.0)) / (alpha_b * loss);
    (size + steps, slope)
}

/// Where both sides are equal.
fn solve(coefficients: [f64; 6], x: Row<'_>) -> f64 {
    let right = |loss: f64| right_side(coefficients, x, loss).0;
    let [n_c, alpha_n, ..] = coefficients;
    let mut low = (alpha_n * (n_c.ln() - x.ln(0))).exp();
    let mut high = 2.0 * low;
    while right(high) > high {
        (low, high) = (high, 2.0 * high);
    }
    for _ in 0..HALVINGS_N {
        let middle = 0.5 * (low + high);
        if right(middle) > middle { low = middle } else { high = middle }
    }
    0.5 * (low + high)
}
