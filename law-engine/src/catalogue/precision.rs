//! The precision law: training in few bits is training with fewer parameters.
//!
//! ```text
//! L     = E + A N_eff^-alpha + B D^-beta
//! N_eff = N (1 - exp(-P_w/g_w)) (1 - exp(-P_a/g_a)) (1 - exp(-P_kv/g_kv))
//! ```

use super::card::{Card, Form, Kind, Parameter, Symbol};
use super::equation::{Equation, Row};
use crate::real::Real;

#[derive(Clone, Copy, Debug)]
pub(super) struct Precision;

const SLOPES: &[f64] = &[0.1, 0.2, 0.3, 0.4, 0.55, 0.8];
const BITS: &[f64] = &[0.5, 1.2, 2.5, 5.0];

impl Equation<8> for Precision {
    const CARD: Card = Card {
        name: "precision",
        title: "loss over parameters, tokens and bits in training",
        equation: "L = E + A N_eff^-alpha + B D^-beta, N_eff = N prod over w, a, kv of \
                   (1 - exp(-P_x / g_x))",
        response: Symbol::new("L", "cross-entropy", "nats per token"),
        variables: &[
            Symbol::new("N", "parameters", "parameters"),
            Symbol::new("D", "training tokens", "tokens"),
            Symbol::new("P_w", "width of the weights in training", "bits"),
            Symbol::new("P_a", "width of the activations in training", "bits"),
            Symbol::new("P_kv", "width of the key-value cache in training", "bits"),
        ],
        parameters: &[
            Parameter::linear("E", "irreducible loss", Kind::Floor),
            Parameter::linear("A", "amplitude of the size term", Kind::Amplitude),
            Parameter::linear("B", "amplitude of the data term", Kind::Amplitude),
            Parameter::searched("alpha", "exponent of N_eff", Kind::Exponent, SLOPES),
            Parameter::searched("beta", "exponent of D", Kind::Exponent, SLOPES),
            Parameter::searched("g_w", "bits that a weight needs", Kind::Amplitude, BITS),
            Parameter::searched("g_a", "bits that an activation needs", Kind::Amplitude, BITS),
            Parameter::searched("g_kv", "bits that the cache needs", Kind::Amplitude, BITS),
        ],
        source: "Kumar et al., arXiv 2411.04330",
        range: "integer training, one scale per tensor",
        notes: &[
            "where one of the widths never changes, fix its g: it is not identified",
            "quantising after training adds the law post-training to this one; with it more data can \
             hurt",
            "that 7 to 8 bits are best is said to come from scaling whole tensors: with fine groups \
             4 bits are ahead (arXiv 2505.14302)",
            "the paper's coefficients were not found",
        ],
        form: Form::Unverified("read in secondary notes only"),
        published: &[],
    };

    fn value<R: Real>(&self, [e, a, b, alpha, beta, g_w, g_a, g_kv]: [R; 8], x: Row<'_>) -> R {
        let ln_share = |bits: f64, needed: R| (-(-(R::constant(bits) / needed)).exp_m1()).ln();
        let ln_n_eff =
            ln_share(x.raw(2), g_w) + ln_share(x.raw(3), g_a) + ln_share(x.raw(4), g_kv) + x.ln(0);
        e + a * (-alpha * ln_n_eff).exp() + b * x.pow(1, -beta)
    }
}
