//! What is trained: the model's shape and the optimiser's settings.

mod experts;
mod modern;
mod optimiser;
mod reduced;

use std::fmt;

pub use experts::Experts;
pub use modern::{LossWeight, Norm, Rise};
pub use optimiser::{MomentFormat, OptimiserSpec, RateSchedule};
pub use reduced::{Freeze, NofM, NumberFormat, Quantization, ScaleGroup, ScaleRule};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A model family: the two baselines of Languini Kitchen (arXiv 2309.11197), and the LSTM that one of
/// them is made from.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Family {
    /// Pre-norm transformer decoder.
    Gpt,
    /// LSTM without recurrent weight matrices, so that a sequence is trained in parallel.
    Qlstm,
    /// LSTM whose gates see what the token before sent out, by full recurrent matrices: trained token by
    /// token.
    Lstm,
    /// Whatever a training command of one's own trains. It says itself how many parameters that is.
    #[schemars(skip)]
    External,
}

impl Family {
    /// Those of the built-in trainer, for messages.
    pub const OURS: &str = "`gpt`, `qlstm` or `lstm`";

    /// Whether a model carries a state from token to token, and so needs not be told of positions.
    #[must_use]
    pub const fn is_recurrent(self) -> bool {
        matches!(self, Self::Qlstm | Self::Lstm)
    }

    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Gpt => "gpt",
            Self::Qlstm => "qlstm",
            Self::Lstm => "lstm",
            Self::External => "external",
        }
    }
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// How a GPT knows where a token stands. Recurrent models need none.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Position {
    /// Attention scores fall linearly with distance (Press et al., arXiv 2108.12409). Learns at
    /// compute classes of seconds, where learned positions stay on the bigram plateau. Slopes are
    /// `2^(-8 h / H)` with h from 0, not from 1: small models have few heads and need a steep one.
    #[default]
    Alibi,
    /// A trained vector per position, as Languini Kitchen's GPT.
    Learned,
    /// Pairs of channels of queries and keys turn with the position (Su et al., arXiv 2104.09864), in
    /// heads of even width.
    Rotary,
}

/// What bends the hidden units of the MLP.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Activation {
    /// The tanh form, as in Languini Kitchen.
    #[default]
    Gelu,
    /// Zero where it is not positive: activation sparsity, of which laws exist (arXiv 2411.02335).
    Relu,
    Silu,
}

/// In what a model differs from the baseline of its family. The default is the baseline.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Variant {
    #[serde(default, skip_serializing_if = "is_default")]
    pub activation: Activation,
    /// Whether the activated hidden units are multiplied with a second projection (SwiGLU, ReGLU).
    #[serde(default, skip_serializing_if = "is_default")]
    pub gated: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quantization: Option<Quantization>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sparsity: Option<NofM>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub experts: Option<Experts>,
    #[serde(default, skip_serializing_if = "is_default")]
    pub norm: Norm,
    /// Whether queries and keys of a GPT are normalised head by head.
    #[serde(default, skip_serializing_if = "is_default")]
    pub qk_norm: bool,
    /// Weight of the loss of logits that are far from zero.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub z_loss: Option<LossWeight>,
    /// Whether the head's matrix is the embedding's.
    #[serde(default, skip_serializing_if = "is_default")]
    pub tied: bool,
    /// By how much the perplexity may rise at the sparsity of activations that is looked for at the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub activation_ratio: Option<Rise>,
}

impl Variant {
    /// None.
    pub const BASELINE: Self = Self {
        activation: Activation::Gelu,
        gated: false,
        quantization: None,
        sparsity: None,
        experts: None,
        norm: Norm::Layer,
        qk_norm: false,
        z_loss: None,
        tied: false,
        activation_ratio: None,
    };

    /// The switches of today's open models, together: RMSNorm, SwiGLU, normalised queries and keys, a
    /// z-loss, tied embeddings. Their positions are rotary, which is no part of a variant.
    pub const MODERN: Self = Self {
        activation: Activation::Silu,
        gated: true,
        norm: Norm::Rms,
        qk_norm: true,
        z_loss: Some(LossWeight(1e-4)),
        tied: true,
        ..Self::BASELINE
    };

    /// Weight of the loss of logits that are far from zero; zero where there is none.
    #[must_use]
    pub fn z_loss_weight(&self) -> f64 {
        self.z_loss.map_or(0.0, |weight| weight.0)
    }
}

pub(crate) fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// The complete shape of a model: enough to build it, count it and name its throughput.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ModelSpec {
    pub family: Family,
    /// Width of the residual stream (d_model).
    pub width: u32,
    pub layers_n: u32,
    pub heads_n: u32,
    /// Width of one attention head; heads x head width may differ from the residual width.
    pub head_width: u32,
    /// Width of the feed-forward layer.
    pub mlp_width: u32,
    /// None for a recurrent model.
    pub position: Option<Position>,
    /// Number of token ids.
    pub vocabulary_n: u32,
    /// Tokens per training sequence.
    pub sequence: u32,
    #[serde(default, skip_serializing_if = "is_default")]
    pub variant: Variant,
}

impl ModelSpec {
    /// All trained parameters, embeddings included (`params_n`). Equal to Languini Kitchen's own
    /// counts for its named sizes. Zero, as not known, of a model that is not ours.
    #[must_use]
    pub fn params_n(&self) -> u64 {
        self.params_with(self.variant.experts.as_ref().map_or(1, |experts| experts.count))
    }

    /// The parameters that one token meets: fewer than all of them where there are experts.
    #[must_use]
    pub fn active_params_n(&self) -> u64 {
        self.params_with(self.variant.experts.as_ref().map_or(1, |experts| experts.top_k))
    }

    /// Hidden units of the MLP, or of one of its experts.
    #[must_use]
    pub fn hidden_width(&self) -> u32 {
        self.mlp_width / self.variant.experts.as_ref().map_or(1, Experts::granularity)
    }

    /// Parameters with so many MLPs in every block.
    fn params_with(&self, mlps_n: u32) -> u64 {
        let width = u64::from(self.width);
        let mlp = u64::from(self.hidden_width());
        let router = self.variant.experts.as_ref().map_or(0, |e| u64::from(e.count) * width);
        let latent = self.variant.experts.as_ref().and_then(|experts| experts.latent);
        let inside = latent.map_or(width, u64::from);
        // Into the space that experts share, and out of it.
        let latent = latent.map_or(0, |latent| 2 * width * u64::from(latent));
        let inner = u64::from(self.heads_n) * u64::from(self.head_width);
        let vocabulary = u64::from(self.vocabulary_n);
        let quantization = self.variant.quantization.clone().unwrap_or_default();
        let scales = |inputs, outputs| quantization.weight_scales_n(inputs, outputs);
        let activations = quantization.activations;
        let linear = |inputs: u64, outputs: u64| {
            inputs * outputs
                + outputs
                + scales(inputs, outputs)
                + quantization.input_scales_n(activations, inputs)
        };
        let norm = match self.variant.norm {
            Norm::Layer => 2 * width,
            Norm::Rms => width,
        };
        let gains = if self.variant.qk_norm { 2 * u64::from(self.head_width) } else { 0 };
        let mixer = match self.family {
            Family::Gpt => linear(width, 3 * inner) + gains + linear(inner, width),
            Family::Qlstm => linear(width, 4 * inner) + linear(inner, width),
            // The recurrent matrices share the gates' bias.
            Family::Lstm => {
                let recurrent = inner * 4 * inner + scales(inner, 4 * inner);
                linear(width, 4 * inner) + recurrent + linear(inner, width)
            }
            Family::External => return 0,
        };
        let first = if self.variant.gated { 2 * mlp } else { mlp };
        let second = quantization.fc2_activations.or(activations);
        let second = quantization.input_scales_n(second, mlp)
            - quantization.input_scales_n(activations, mlp);
        let mlps = u64::from(mlps_n) * (linear(inside, first) + linear(mlp, inside) + second);
        let layer = 2 * norm + mixer + router + latent + mlps;
        let positions = match self.position {
            Some(Position::Learned) => u64::from(self.sequence) * width,
            Some(Position::Alibi | Position::Rotary) | None => 0,
        };
        // The head has no bias.
        let matrices = if self.variant.tied { 1 } else { 2 };
        matrices * vocabulary * width + positions + u64::from(self.layers_n) * layer + norm
    }

    /// The model whose throughput counts for this one: formats of few bits and sparse weights are
    /// simulated, and what the simulation costs is not what they cost where hardware has them. So
    /// runs of such a variant see as many tokens as those of its full precision twin. What is looked for
    /// at the end of a run costs no step anything.
    #[must_use]
    pub fn timed(&self) -> Self {
        let variant = Variant {
            quantization: None,
            sparsity: None,
            activation_ratio: None,
            ..self.variant.clone()
        };
        Self { variant, ..self.clone() }
    }

    /// Training compute of `tokens` tokens by the 6ND rule, N counting embeddings and, of experts,
    /// those that a token sees: FLOPs.
    #[must_use]
    pub fn flops_c(&self, tokens: u64) -> f64 {
        6.0 * self.active_params_n() as f64 * tokens as f64
    }

    /// A short name for lists: `d64 x 2`.
    #[must_use]
    pub fn size_label(&self) -> String {
        format!("d{}x{}", self.width, self.layers_n)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::size::NamedSize;

    /// Keys of throughputs and stored runs of a baseline are those of before there were variants.
    #[test]
    fn a_baseline_is_written_without_its_variant() {
        let model = NamedSize::Mini.model(Family::Qlstm, None, 256, 128);
        let json = serde_json::to_string(&model).unwrap();
        assert!(json.ends_with("\"sequence\":128}"), "{json}");
        assert_eq!(serde_json::from_str::<ModelSpec>(&json).unwrap(), model);
    }

    #[test]
    fn an_optimiser_of_full_moments_is_written_without_them() {
        let full = OptimiserSpec::for_width(64);
        let json = serde_json::to_string(&full).unwrap();
        assert!(!json.contains("moments"), "{json}");
        assert_eq!(serde_json::from_str::<OptimiserSpec>(&json).unwrap(), full);
        let fp8 = OptimiserSpec { moments: MomentFormat::Fp8, ..full };
        let json = serde_json::to_string(&fp8).unwrap();
        assert!(json.ends_with(",\"moments\":\"fp8\"}"), "{json}");
        assert_eq!(serde_json::from_str::<OptimiserSpec>(&json).unwrap(), fp8);
    }

    #[test]
    fn what_is_simulated_has_the_throughput_of_its_twin() {
        let plain = NamedSize::Mini.model(Family::Gpt, None, 256, 128);
        let sparsity = Some(NofM { keep: 2, of: 4 });
        let variant = Variant { activation: Activation::Relu, sparsity, ..Variant::BASELINE };
        let relu = Variant { activation: Activation::Relu, ..Variant::BASELINE };
        let timed = ModelSpec { variant, ..plain }.timed();
        assert_eq!(timed, ModelSpec { variant: relu, ..plain });
    }

    #[test]
    fn experts_are_counted_all_and_those_a_token_sees() {
        let dense = NamedSize::Mini.model(Family::Gpt, None, 256, 128);
        let experts =
            Experts { count: 8, top_k: 2, granularity: None, balance: 0.01, latent: None };
        let variant = Variant { experts: Some(experts), ..Variant::BASELINE };
        let sparse = ModelSpec { variant, ..dense };
        // Half as wide: 512 x 1024 both ways, and the biases.
        let expert = 2 * 512 * 1024 + 1024 + 512;
        let (mlp, router) = (2 * 512 * 2048 + 2048 + 512, 8 * 512);
        assert_eq!(sparse.params_n() + 4 * mlp, dense.params_n() + 4 * (8 * expert + router));
        assert_eq!(
            sparse.active_params_n() + 4 * mlp,
            dense.params_n() + 4 * (2 * expert + router)
        );
        assert!(sparse.flops_c(1) / dense.flops_c(1) < 1.01);
        // Through a space of 64, by matrices that all experts share.
        let experts = Experts { latent: Some(64), ..sparse.variant.experts.clone().unwrap() };
        let variant = Variant { experts: Some(experts), ..Variant::BASELINE };
        let latent = ModelSpec { variant, ..sparse };
        let narrow = 2 * 64 * 1024 + 1024 + 64;
        let shared = 2 * 64 * 512;
        assert_eq!(
            latent.params_n() + 4 * 8 * expert,
            sparse.params_n() + 4 * (8 * narrow + shared)
        );
        assert_eq!(
            latent.active_params_n() + 4 * 2 * expert,
            sparse.active_params_n() + 4 * (2 * narrow + shared)
        );
    }

    #[test]
    fn switches_of_modern_models_are_counted() {
        let plain = NamedSize::Mini.model(Family::Gpt, Some(Position::Rotary), 256, 128);
        assert_eq!(plain.params_n(), NamedSize::Mini.model(Family::Gpt, None, 256, 128).params_n());
        let with = |variant| ModelSpec { variant, ..plain.clone() }.params_n();
        let baseline = Variant::BASELINE;
        // Two norms in each of four layers and one before the head lose a bias of 512.
        assert_eq!(
            with(Variant { norm: Norm::Rms, ..baseline.clone() }),
            plain.params_n() - 9 * 512
        );
        assert_eq!(
            with(Variant { qk_norm: true, ..baseline.clone() }),
            plain.params_n() + 4 * 2 * 32
        );
        assert_eq!(with(Variant { tied: true, ..baseline.clone() }), plain.params_n() - 256 * 512);
        assert_eq!(with(Variant { z_loss: Some(LossWeight(1e-4)), ..baseline }), plain.params_n());
    }

    /// Four matrices from every channel to every channel more than a quasi-LSTM, in each of four layers.
    #[test]
    fn recurrent_matrices_are_counted() {
        let [quasi, plain] = [Family::Qlstm, Family::Lstm]
            .map(|family| NamedSize::Mini.model(family, None, 256, 128));
        assert_eq!(plain.params_n(), quasi.params_n() + 4 * 4 * 256 * 256);
        let more = 6.0 * f64::from(4 * 4 * 256 * 256) * 100.0;
        assert_eq!(plain.flops_c(100) - quasi.flops_c(100), more);
    }

    /// Half as many parameters again in the MLP.
    #[test]
    fn a_gate_is_counted() {
        let plain = NamedSize::Mini.model(Family::Gpt, None, 256, 128);
        let variant = Variant { gated: true, ..Variant::BASELINE };
        let gated = ModelSpec { variant, ..plain };
        assert_eq!(gated.params_n() - plain.params_n(), 4 * (512 * 2048 + 2048));
    }

    /// Parameter counts printed by Languini Kitchen's own code (throughput tables at bb7afb4),
    /// vocabulary 16,384, sequences of 512.
    #[test]
    fn parameter_counts_equal_the_published_ones() {
        for (size, published) in [
            (NamedSize::Tiny, 53_912_064),
            (NamedSize::Small, 110_615_040),
            (NamedSize::Medium, 336_390_144),
        ] {
            let model = size.model(Family::Gpt, Some(Position::Learned), 16_384, 512);
            assert_eq!(model.params_n(), published, "{size:?}");
        }
    }
}
