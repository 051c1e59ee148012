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

/// The reverse of [`pf_days`].
#[must_use]
pub fn flops(pf_days: f64) -> f64 {
    pf_days * PF_DAY
}

/// Parameters of the embeddings of `vocabulary` tokens in `width` dimensions: one table where input
/// and output share it (tied), two where they do not.
#[must_use]
pub fn embedding_params(vocabulary: f64, width: f64, is_tied: bool) -> f64 {
    vocabulary * width * if is_tied { 1.0 } else { 2.0 }
}

/// A mixture of experts, as far as its parameters go.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Mixture {
    /// What every token passes: attention, router, dense layers.
    pub shared_n: f64,
    /// Parameters of one expert, summed over the layers.
    pub expert_n: f64,
    /// E, experts per layer.
    pub experts: f64,
    /// k, experts that a token passes in a layer.
    pub routed: f64,
}

impl Mixture {
    /// N as one token sees it.
    #[must_use]
    pub fn active(self) -> f64 {
        self.shared_n + self.routed * self.expert_n
    }

    /// N with all experts.
    #[must_use]
    pub fn total(self) -> f64 {
        self.shared_n + self.experts * self.expert_n
    }
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

    /// GPT-2 of 124M: 50,257 tokens in 768 dimensions, tied. Krajewski's shapes (arXiv 2402.07871):
    /// per layer 4 d^2 of attention and 64 experts of 8 d^2, of which one is passed, so that all are 43
    /// times the active.
    #[test]
    fn parameters_by_convention() {
        assert_eq!(embedding_params(50_257.0, 768.0, true), 38_597_376.0);
        assert_eq!(embedding_params(50_257.0, 768.0, false), 77_194_752.0);
        let mixture = Mixture { shared_n: 4.0, expert_n: 8.0, experts: 64.0, routed: 1.0 };
        assert_eq!((mixture.active(), mixture.total()), (12.0, 516.0));
        assert_eq!(mixture.total() / mixture.active(), 43.0);
        assert_eq!(flops(pf_days(3e21)), 3e21);
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
