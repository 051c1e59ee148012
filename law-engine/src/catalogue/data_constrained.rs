//! The data-constrained law: tokens seen again are worth less each time, and so are parameters beyond
//! what the unique tokens can use.
//!
//! ```text
//! L(N, D, U) = E + A N'^-alpha + B D'^-beta
//! D' = U + U R_D* (1 - exp(-R_D / R_D*)),          R_D = max(D / U - 1, 0)
//! N' = U_N + U_N R_N* (1 - exp(-R_N / R_N*)),      R_N = max(N / U_N - 1, 0)
//! U_N = min(N, (U G)^(beta/alpha) G),              G = (alpha A / (beta B))^(1 / (alpha + beta))
//! ```

use super::card::{Card, Form, Kind, Parameter, Published, Symbol};
use super::equation::{Equation, Row};
use crate::real::Real;

#[derive(Clone, Copy, Debug)]
pub(super) struct DataConstrained;

/// Exponents of the search.
const SLOPES: &[f64] = &[0.1, 0.2, 0.3, 0.38, 0.5, 0.7];
/// Repetitions of the search.
const REPEATS: &[f64] = &[1.5, 4.0, 10.0, 25.0, 80.0];

impl Equation<7> for DataConstrained {
    const CARD: Card = Card {
        name: "data-constrained",
        title: "loss over parameters, tokens and unique tokens",
        equation: "L = E + A N'^-alpha + B D'^-beta, D' = U + U R_D* (1 - exp(-R_D / R_D*)), \
                   R_D = D/U - 1, and N' likewise of U_N = min(N, (U G)^(beta/alpha) G), \
                   G = (alpha A / (beta B))^(1/(alpha + beta))",
        response: Symbol::new("L", "cross-entropy", "nats per token"),
        variables: &[
            Symbol::new("N", "parameters", "parameters"),
            Symbol::new("D", "training tokens, repeats counted", "tokens"),
            Symbol::new("U", "unique training tokens, at most D", "tokens"),
        ],
        parameters: &[
            Parameter::linear("E", "irreducible loss", Kind::Floor),
            Parameter::linear("A", "amplitude of the size term", Kind::Amplitude),
            Parameter::linear("B", "amplitude of the data term", Kind::Amplitude),
            Parameter::searched("alpha", "exponent of N", Kind::Exponent, SLOPES),
            Parameter::searched("beta", "exponent of D", Kind::Exponent, SLOPES),
            Parameter::searched(
                "R_D*",
                "repeats after which tokens are worth little",
                Kind::Amplitude,
                REPEATS,
            ),
            Parameter::searched(
                "R_N*",
                "multiples of U_N after which parameters are worth little",
                Kind::Amplitude,
                REPEATS,
            ),
        ],
        source: "Muennighoff et al., arXiv 2305.16264; repository huggingface/datablations",
        range: "up to 9e9 parameters and 9e11 tokens; up to about 4 epochs repeats are as good as new \
                tokens",
        notes: &[
            "the authors fit the five coefficients of single-epoch runs first (with alpha and beta \
             tied), then R_D* and R_N* with those fixed",
            "without runs larger than their unique tokens call for, R_N* is not identified",
            "tokens beyond U are repeats: U greater than D counts as D",
        ],
        form: Form::Verified,
        published: &[Published {
            label: "C4",
            source: "repository huggingface/datablations: logarithms 0.6254804, 6.255414, 7.3049974",
            convention: "N with embeddings, D repeats counted, U unique",
            coefficients: &[
                1.869_143_678_405_485_8,
                520.824_951_659_918_7,
                1_487.716_093_782_861,
                0.352_659_6,
                0.352_659_6,
                15.387_756,
                5.309_743,
            ],
        }],
    };

    fn value<R: Real>(&self, [e, a, b, alpha, beta, r_d, r_n]: [R; 7], x: Row<'_>) -> R {
        // Without a size or a data term no size is too large for the tokens: the limit of the law,
        // in which it is linear in A and B.
        let is_whole = a.value() > 0.0 && b.value() > 0.0;
        let (ln_n, unique) = (R::constant(x.ln(0)), x.raw(2).min(x.raw(1)));
        let ln_unique_n = if is_whole {
            let ln_g = (alpha.ln() + a.ln() - beta.ln() - b.ln()) / (alpha + beta);
            ((ln_g + unique.ln()) * beta / alpha + ln_g).min(ln_n)
        } else {
            ln_n
        };
        let ln_n_worth = ln_unique_n + ln_worth((ln_n - ln_unique_n).exp_m1(), r_n);
        let repeats = R::constant(x.raw(1) / unique - 1.0);
        let ln_d_worth = ln_worth(repeats, r_d) + unique.ln();
        e + a * (-alpha * ln_n_worth).exp() + b * (-beta * ln_d_worth).exp()
    }
}

/// Logarithm of what a unit is worth after `repeats` more that fade with `scale`.
fn ln_worth<R: Real>(repeats: R, scale: R) -> R {
    (-(-repeats / scale).exp_m1() * scale).ln_1p()
}
