//! What models of today do otherwise than the baselines, each a switch of its own.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::units::Share;

/// How the residual stream is normalised before a layer reads it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Norm {
    /// Mean zero and variance one, with gain and bias.
    #[default]
    Layer,
    /// Root mean square one, with a gain alone (Zhang and Sennrich, arXiv 1910.07467).
    Rms,
}

/// Weight of a loss beside the cross-entropy, e.g. `1e-4`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct LossWeight(pub f64);

// A weight is never NaN: validation refuses it.
impl Eq for LossWeight {}

impl std::hash::Hash for LossWeight {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.0.to_bits().hash(state);
    }
}

/// By how much a perplexity may rise, e.g. `1 %`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Rise(pub Share);

// A share is never NaN: validation refuses it.
impl Eq for Rise {}

impl std::hash::Hash for Rise {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.0.0.to_bits().hash(state);
    }
}
