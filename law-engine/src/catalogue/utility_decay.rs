//! The law of repeated data of one quality: each epoch lowers the error by a power of the samples
//! seen, with an exponent that halves every few epochs.
//!
//! ```text
//! y   = d + (a n_1)^b prod_{j >= 1} (n_{j+1} / n_j)^(b_j)
//! b_j = b 0.5^(j / tau),   n_j samples seen after epoch j, b < 0
//! ```

use super::card::{Card, Form, Kind, Parameter, Symbol};
use super::equation::{Equation, Row};
use crate::real::Real;

#[derive(Clone, Copy, Debug)]
pub(super) struct UtilityDecay;

/// Share of its exponent below which an epoch does nothing that a number could show.
const UTILITY_MIN: f64 = 1e-17;

impl Equation<4> for UtilityDecay {
    const CARD: Card = Card {
        name: "utility-decay",
        title: "error over samples seen and samples in the pool",
        equation: "y = d + (a n_1)^b prod_j (n_{j+1}/n_j)^(b 0.5^(j/tau)), n_j samples after epoch \
                   j of the pool",
        response: Symbol::new("y", "error on a task", "share wrong"),
        variables: &[
            Symbol::new("D", "samples seen, repeats counted", "samples"),
            Symbol::new("U", "samples of the pool: one epoch", "samples"),
        ],
        parameters: &[
            Parameter::searched(
                "a",
                "scale of the samples",
                Kind::Amplitude,
                &[1e-9, 1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1.0],
            ),
            Parameter::searched(
                "b",
                "utility: exponent of the first epoch",
                Kind::Within(-2.0, -1e-6),
                &[-0.6, -0.35, -0.2, -0.1, -0.05, -0.02],
            ),
            Parameter::searched(
                "tau",
                "epochs in which the utility halves",
                Kind::Amplitude,
                &[0.5, 1.5, 4.0, 10.0, 30.0],
            ),
            Parameter::linear("d", "irreducible error", Kind::Floor),
        ],
        source: "Goyal et al., arXiv 2404.07177; repository locuslab/scaling_laws_data_filtering",
        range: "pools of 12.8M image-text pairs, 32M to 640M samples seen",
        notes: &[
            "the code counts samples in units of 1e5, so its a is 1e5 times ours",
            "the released function multiplies (power + d) by the later epochs, so that d fades too; \
             this is the law as written, d added once",
            "the authors fit on a grid with d given (0.1 by default): fix d where the curve does \
             not level off",
            "of p equal pools mixed, b_j is the mean of b_i 0.5^(j / (p tau_i)): utility_mixture forecasts \
             a mixture from the fits of its pools",
            "fitted pools are not in the repository",
        ],
        form: Form::Verified,
        published: &[],
    };

    fn value<R: Real>(&self, [a, b, tau, d]: [R; 4], x: Row<'_>) -> R {
        let (seen, pool) = (x.raw(0), x.raw(1));
        let mut ln_seen = a.ln() + seen.min(pool).ln();
        let half_life = tau / std::f64::consts::LN_2;
        let (mut epoch, mut before) = (1.0, pool);
        while before < seen {
            let after = (before + pool).min(seen);
            let utility = (-(R::constant(epoch) / half_life)).exp();
            if utility.value() < UTILITY_MIN {
                break;
            }
            ln_seen = ln_seen + utility * (after / before).ln();
            (epoch, before) = (epoch + 1.0, after);
        }
        d + (b * ln_seen).exp()
    }
}
