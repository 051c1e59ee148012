//! The maximal update parametrisation: how initial weights and learning rates follow the width, so that
//! activations and their changes have the same size at every width and what is best for one is for all
//! (Yang et al., arXiv 2203.03466, table 8, for Adam).
//!
//! With r the width 64 over the model's: matrices from width to width start with variance in r and have
//! rates in r; the projections to the vocabulary, to experts and to streams start with deviations in r and
//! have rates in r; gains, biases, positions, prefixes of streams and what mixes groups of dimensions are the
//! same at every width. The embedding would be as well, but here tokens are multiplied by the root of the
//! width, so that deviation and rate are in the root of r. Heads are to have one width in all models, as they
//! do by default, or their logits would grow.

use sweep_core::variant::OptimiserSpec;

/// What a parameter's deviation and learning rate are multiplied by.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Scales {
    pub(crate) std: f64,
    pub(crate) rate: f64,
}

impl Scales {
    const ONE: Self = Self { std: 1.0, rate: 1.0 };

    /// Of the parameter of this name in a model of this width.
    pub(crate) fn of(optimiser: &OptimiserSpec, width: u32, parameter: &str) -> Self {
        if !optimiser.mu_p {
            return Self::ONE;
        }
        let ratio = f64::from(OptimiserSpec::MU_P_WIDTH) / f64::from(width);
        match parameter {
            "position" | "fusion_w" => Self::ONE,
            "token" => Self { std: ratio.sqrt(), rate: ratio.sqrt() },
            "head_w" | "router_w" | "streams_out_w" => Self { std: ratio, rate: ratio },
            name if name.ends_with("_w") => Self { std: ratio.sqrt(), rate: ratio },
            _ => Self::ONE,
        }
    }
}
