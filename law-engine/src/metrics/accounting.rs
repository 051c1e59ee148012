//! What counts as compute and what as a parameter. Points of different conventions must not be
//! fitted together: much of the gap between Kaplan's and Chinchilla's exponents is convention
//! (Pearce and Song, arXiv 2406.12907).

/// FLOP of one petaflop/s-day (Kaplan et al., arXiv 2001.08361).
pub const PF_DAY: f64 = 8.64e19;

/// Compute in petaflop/s-days.
#[must_use]
pub fn pf_days(flops: f64) -> f64 {
    flops / PF_DAY
}

/// A transformer, as far as its compute knows it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Shape {
    /// N; whether embeddings count is up to the law that the compute is for.
    pub params_n: f64,
    pub layers_n: f64,
    /// Tokens of context.
    pub context: f64,
    /// Size of the attention: heads times size of a head.
    pub attention: f64,
}

/// How training compute is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Accounting {
    /// 6 N per token (Kaplan et al., arXiv 2001.08361; Hoffmann et al., arXiv 2203.15556).
    Parameters,
    /// Three times Kaplan's forward pass of 2 N + 2 `n_layer` `n_ctx` `d_attn` per token: what
    /// attention does with the context counts too.
    ParametersAndAttention,
}

impl Accounting {
    /// FLOP of the forward pass of one token.
    #[must_use]
    pub fn forward_per_token(self, shape: Shape) -> f64 {
        let Shape { params_n, layers_n, context, attention } = shape;
        match self {
            Self::Parameters => 2.0 * params_n,
            Self::ParametersAndAttention => 2.0 * params_n + 2.0 * layers_n * context * attention,
        }
    }

    /// FLOP of training on one token: the backward pass costs two forward passes.
    #[must_use]
    pub fn training_per_token(self, shape: Shape) -> f64 {
        3.0 * self.forward_per_token(shape)
    }

    /// C, the FLOP of training on `tokens` tokens.
    #[must_use]
    pub fn training(self, shape: Shape, tokens: f64) -> f64 {
        self.training_per_token(shape) * tokens
    }
}

/// How many parameters the embeddings add at a given size of the rest, where width and depth grow
/// together (Pearce and Song, arXiv 2406.12907).
///
/// ```text
/// N_total = N + omega N^(1/3)
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Embeddings {
    pub omega: f64,
}

impl Embeddings {
    /// A vocabulary of 32,000 and layers about 39 times as wide as there are layers.
    pub const VOCABULARY_32K: Self = Self { omega: 47_491.0 };

    /// All parameters of a model with `without` parameters beside its embeddings.
    #[must_use]
    pub fn total(self, without: f64) -> f64 {
        without + self.omega * without.cbrt()
    }

    /// The reverse of [`total`](Self::total).
    #[must_use]
    pub fn without(self, total: f64) -> f64 {
        // The real root of t^3 + omega t = total. Begun above the root of this convex function,
        // Newton's method falls onto it.
        let mut root = total.cbrt();
        loop {
            let excess = root * (root * root + self.omega) - total;
            let next = root - excess / (3.0 * root * root + self.omega);
            if next >= root || !next.is_finite() {
                return root.powi(3);
            }
            root = next;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compute_by_convention() {
        let shape = Shape { params_n: 1e9, layers_n: 24.0, context: 1024.0, attention: 2048.0 };
        assert_eq!(Accounting::Parameters.training(shape, 2e10), 1.2e20);
        let forward = Accounting::ParametersAndAttention.forward_per_token(shape);
        assert_eq!(forward, 2e9 + 2.0 * 24.0 * 1024.0 * 2048.0);
        let training = Accounting::ParametersAndAttention.training_per_token(shape);
        assert_eq!(training, 3.0 * forward);
        assert_eq!(pf_days(8.64e19), 1.0);
        assert!((PF_DAY - 1e15 * 24.0 * 3600.0).abs() < 1.0);
    }

    #[test]
    fn embeddings_outweigh_small_models() {
        let embeddings = Embeddings::VOCABULARY_32K;
        assert!((embeddings.total(1e9) - (1e9 + 47_491e3)).abs() < 1e-3);
        for without in [768.0, 1e6, 1.5e9, 1e12] {
            let back = embeddings.without(embeddings.total(without));
            assert!((back / without - 1.0).abs() < 1e-9, "{without} {back}");
        }
    }
}
