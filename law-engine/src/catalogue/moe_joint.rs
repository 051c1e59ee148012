//! The joint law of mixtures of experts: with more experts, parameters and tokens each have another
//! amplitude and another exponent.
//!
//! ```text
//! L(N, D, Eh) = a Eh^delta N^(alpha + gamma ln Eh) + b Eh^omega D^(beta + zeta ln Eh) + c
//! ```

use super::card::{Card, Form, Kind, Parameter, Symbol};
use super::equation::{Equation, Row};
use crate::real::Real;

#[derive(Clone, Copy, Debug)]
pub(super) struct MoeJoint;

/// Exponents as the law writes them: below zero.
const FALLS: &[f64] = &[-0.6, -0.4, -0.3, -0.2, -0.12, -0.06];
const SLOPE: Kind = Kind::Within(-2.0, 2.0);

impl Equation<9> for MoeJoint {
    const CARD: Card = Card {
        name: "moe-joint",
        title: "loss over active parameters, tokens and experts",
        equation: "L = a Eh^delta N^(alpha + gamma ln Eh) + b Eh^omega D^(beta + zeta ln Eh) + c",
        response: Symbol::new("L", "cross-entropy", "nats per token"),
        variables: &[
            Symbol::new("N", "parameters that one token sees", "parameters"),
            Symbol::new("D", "training tokens", "tokens"),
            Symbol::new("Eh", "effective number of experts; 1 for a dense model", "experts"),
        ],
        parameters: &[
            Parameter::linear("a", "amplitude of the size term", Kind::Amplitude),
            Parameter::searched("delta", "exponent of Eh, size term", SLOPE, &[-0.2, 0.0, 0.2]),
            Parameter::searched("alpha", "exponent of N at Eh = 1", Kind::Within(-2.0, 0.0), FALLS),
            Parameter::searched("gamma", "change of it with ln Eh", SLOPE, &[0.0, 0.02]),
            Parameter::linear("b", "amplitude of the data term", Kind::Amplitude),
            Parameter::searched("omega", "exponent of Eh, data term", SLOPE, &[-0.2, 0.0, 0.2]),
            Parameter::searched("beta", "exponent of D at Eh = 1", Kind::Within(-2.0, 0.0), FALLS),
            Parameter::searched("zeta", "change of it with ln Eh", SLOPE, &[0.0, -0.02]),
            Parameter::linear("c", "irreducible loss", Kind::Floor),
        ],
        source: "Ludziejewski et al., arXiv 2502.05172",
        range: "mixtures of experts with several numbers of experts; at one number it is chinchilla",
        notes: &[
            "N counts active parameters: moe-granular counts all, and the two must not be mixed",
            "exponents of N and D are written with their sign, below zero where loss falls",
            "how Eh comes from the number of experts is not part of this law; moe-clark has one way",
            "fix delta, gamma, omega and zeta at zero where all runs have one number of experts",
        ],
        form: Form::Unverified("the form is from memory, and no coefficients were found"),
        published: &[],
    };

    fn value<R: Real>(
        &self,
        [a, delta, alpha, gamma, b, omega, beta, zeta, c]: [R; 9],
        x: Row<'_>,
    ) -> R {
        let (ln_n, ln_d, ln_experts) = (x.ln(0), x.ln(1), x.ln(2));
        let size = (delta * ln_experts + (alpha + gamma * ln_experts) * ln_n).exp();
        let data = (omega * ln_experts + (beta + zeta * ln_experts) * ln_d).exp();
        a * size + b * data + c
    }
}
