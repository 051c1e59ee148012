//! The law of translation models: encoder and decoder each with an exponent of their own.
//!
//! ```text
//! L(N_e, N_d) = L_inf + A N_e^-p_e N_d^-p_d
//! ```

use super::card::{Card, EXPONENTS, Form, Kind, Parameter, Symbol};
use super::equation::{Equation, Row};
use crate::real::Real;

#[derive(Clone, Copy, Debug)]
pub(super) struct BivariateProduct;

impl Equation<4> for BivariateProduct {
    const CARD: Card = Card {
        name: "bivariate-product",
        title: "loss over the sizes of encoder and decoder",
        equation: "L = L_inf + A N_e^-p_e N_d^-p_d",
        response: Symbol::new("L", "cross-entropy", "nats per token"),
        variables: &[
            Symbol::new("N_e", "parameters of the encoder", "parameters"),
            Symbol::new("N_d", "parameters of the decoder", "parameters"),
        ],
        parameters: &[
            Parameter::linear("L_inf", "irreducible loss", Kind::Floor),
            Parameter::linear("A", "amplitude", Kind::Amplitude),
            Parameter::searched("p_e", "exponent of the encoder", Kind::Exponent, EXPONENTS),
            Parameter::searched("p_d", "exponent of the decoder", Kind::Exponent, EXPONENTS),
        ],
        source: "Ghorbani et al., arXiv 2109.07740",
        range: "neural machine translation, one direction of languages at a time",
        notes: &[
            "the paper's alpha is the reducible loss at a reference size: alpha = A Nbar_e^-p_e \
             Nbar_d^-p_d",
            "the best share of the encoder in a budget of parameters is p_e/(p_e + p_d)",
            "test sets translated from the source and from the target language behave differently",
        ],
        form: Form::Unverified(
            "the bivariate shape is from the abstract and secondary sources, the letters from memory",
        ),
        published: &[],
    };

    const IS_ADDITIVE: bool = true;

    fn value<R: Real>(&self, [l_inf, a, p_e, p_d]: [R; 4], x: Row<'_>) -> R {
        l_inf + a * (-(p_e * x.ln(0) + p_d * x.ln(1))).exp()
    }
}
