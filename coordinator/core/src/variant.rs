//! What is trained: the model's shape and the optimiser's settings.

mod experts;
mod groups;
mod model;
mod modern;
mod optimiser;
mod post_training;
mod reduced;
mod streams;

use std::fmt;

pub use experts::Experts;
pub use groups::HiddenGroups;
pub use model::ModelSpec;
pub use modern::{LossWeight, Norm, Rise};
pub use optimiser::{MomentFormat, OptimiserSpec, RateSchedule};
pub use post_training::{PostMethod, PostTraining};
pub use reduced::{Freeze, NofM, NumberFormat, Quantization, ScaleGroup, ScaleRule};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
pub use streams::Streams;

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
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
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
    /// Which hidden dimensions an MLP sees.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hidden_groups: Option<HiddenGroups>,
    /// How often a GPT reads every token, behind prefixes of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub streams: Option<Streams>,
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
    /// In which formats the finished model is held to see what that loses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub post_training: Option<PostTraining>,
}

impl Variant {
    /// None.
    pub const BASELINE: Self = Self {
        activation: Activation::Gelu,
        gated: false,
        quantization: None,
        sparsity: None,
        experts: None,
        hidden_groups: None,
        streams: None,
        norm: Norm::Layer,
        qk_norm: false,
        z_loss: None,
        tied: false,
        activation_ratio: None,
        post_training: None,
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

    /// The groups of hidden dimensions, where not all are active.
    #[must_use]
    pub fn routed_groups(&self) -> Option<&HiddenGroups> {
        self.hidden_groups.as_ref().filter(|groups| groups.active < groups.count)
    }

    /// The streams, where there are several.
    #[must_use]
    pub fn parallel(&self) -> Option<&Streams> {
        self.streams.as_ref().filter(|streams| streams.count > 1)
    }

    /// Weight of the loss of logits that are far from zero; zero where there is none.
    #[must_use]
    pub fn z_loss_weight(&self) -> f64 {
        self.z_loss.map_or(0.0, |weight| weight.0)
    }
}

pub(crate) fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}
