//! What quantising after training costs: the more tokens a model has seen, the more it loses.
//!
//! ```text
//! delta(N, D, P) = C_T exp(-P / g) D^gamma_D N^-gamma_N
//! ```

use super::card::{Card, Form, Kind, Parameter, Symbol};
use super::equation::{Equation, Row};
use crate::real::Real;

#[derive(Clone, Copy, Debug)]
pub(super) struct PostTraining;

const SLOPES: &[f64] = &[0.05, 0.1, 0.2, 0.3, 0.4, 0.55, 0.8, 1.2];

impl Equation<4> for PostTraining {
    const CARD: Card = Card {
        name: "post-training",
        title: "loss added by quantising after training",
        equation: "delta = C_T exp(-P/g) D^gamma_D N^-gamma_N",
        response: Symbol::new("delta", "loss added by quantising", "nats per token"),
        variables: &[
            Symbol::new("N", "parameters", "parameters"),
            Symbol::new("D", "training tokens", "tokens"),
            Symbol::new("P", "width of the weights after training", "bits"),
        ],
        parameters: &[
            Parameter::linear("C_T", "amplitude", Kind::Amplitude),
            Parameter::searched(
                "g",
                "bits that lower the cost by e",
                Kind::Amplitude,
                &[0.2, 0.35, 0.5, 0.8, 1.2, 2.5, 5.0],
            ),
            Parameter::searched("gamma_D", "exponent of D", Kind::Exponent, SLOPES),
            Parameter::searched("gamma_N", "exponent of N", Kind::Exponent, SLOPES),
        ],
        source: "Kumar et al., arXiv 2411.04330",
        range: "models trained in high precision, weights quantised afterwards",
        notes: &[
            "it comes on top of the precision law's loss: beyond critical_tokens more data hurts",
            "training in P_x bits makes N the N_eff of precision and multiplies delta by \
             1 - exp(-C_x (P_x - P)) for weights, activations and cache: not in this law",
            "the paper's coefficients were not found",
        ],
        form: Form::Unverified("read in secondary notes only"),
        published: &[],
    };

    fn value<R: Real>(&self, [c_t, g, gamma_d, gamma_n]: [R; 4], x: Row<'_>) -> R {
        let bits = R::constant(x.raw(2)) / g;
        c_t * (gamma_d * x.ln(1) - gamma_n * x.ln(0) - bits).exp()
    }
}

/// The tokens beyond which more of them raise the loss of a model that is quantised after training:
/// where the slope of B D^-beta and that of delta cancel. `delta` has C_T, g, `gamma_D` and `gamma_N`
/// in the order of the law post-training, `data` has B and beta of the precision law.
///
/// ```text
/// D_crit = (beta B N^gamma_N exp(P/g) / (gamma_D C_T))^(1 / (gamma_D + beta))
/// ```
#[must_use]
pub fn critical_tokens(delta: [f64; 4], data: [f64; 2], params_n: f64, bits: f64) -> f64 {
    let ([c_t, g, gamma_d, gamma_n], [b, beta]) = (delta, data);
    let ln_ratio = (beta * b / (gamma_d * c_t)).ln() + gamma_n * params_n.ln() + bits / g;
    (ln_ratio / (gamma_d + beta)).exp()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_loss_is_least_at_the_critical_tokens() {
        let (delta, data) = ([0.05, 0.6, 0.5, 0.55], [2000.0, 0.37]);
        for (n, bits) in [(1e8_f64, 3.0), (1e9, 4.0), (1e10, 6.0)] {
            let loss = |d: f64| {
                let (raw, ln) = ([n, d, bits], [n.ln(), d.ln(), bits.ln()]);
                let added: f64 = Equation::value(&PostTraining, delta, Row::new(&raw, &ln));
                data[0] * d.powf(-data[1]) + added
            };
            let least = critical_tokens(delta, data, n, bits);
            let slope = (loss(least * 1.001) - loss(least / 1.001)) / 0.002;
            assert!(slope.abs() < 1e-5 * loss(least), "{slope} at {least}");
            assert!(loss(0.5 * least) > loss(least) && loss(2.0 * least) > loss(least));
        }
        // One bit more is worth a factor e^(1 / (g (gamma_D + beta))) of tokens.
        let ratio = critical_tokens(delta, data, 1e9, 5.0) / critical_tokens(delta, data, 1e9, 4.0);
        assert!((ratio.ln() - 1.0 / (0.6 * 0.87)).abs() < 1e-12);
    }
}
