//! What is asked of a finished model whose linear layers are then held in few bits.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{NumberFormat, ScaleGroup};

/// Holds a finished model in few bits, by every format and method in turn, and tells its loss. The model
/// itself stays as it was trained.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PostTraining {
    /// Formats of the weights, one after the other, e.g. `[int8, int4, int3]`.
    pub weights: Vec<NumberFormat>,
    /// Format of the layers' inputs; none for full precision.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub activations: Option<NumberFormat>,
    /// Values that share a scale along the contraction, as in `quantization`; 128 by default.
    #[serde(default)]
    pub group: ScaleGroup,
    /// How, e.g. `[round, awq]`; `round` by default.
    #[serde(default = "round")]
    pub methods: Vec<PostMethod>,
}

fn round() -> Vec<PostMethod> {
    vec![PostMethod::Round]
}

/// How a finished model is brought to few bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum PostMethod {
    /// To the nearest, by the largest of every group.
    Round,
    /// Input channels are scaled by a power of their mean magnitude, searched for the least error of the
    /// layer's output (Lin et al., arXiv 2306.00978).
    Awq,
    /// Input channels are scaled by powers of two that the weights take over, and scales of groups searched,
    /// of floating formats (Liu et al., arXiv 2310.16836).
    LlmFp4,
    /// Input channels are centred and scaled to one range, and weights and biases take that over before
    /// they are rounded (Wang et al., arXiv 2406.18832).
    OutlierTune,
}

impl PostMethod {
    /// As budget.yaml and metrics write it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Round => "round",
            Self::Awq => "awq",
            Self::LlmFp4 => "llm-fp4",
            Self::OutlierTune => "outlier-tune",
        }
    }
}

impl fmt::Display for PostMethod {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
