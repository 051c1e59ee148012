//! A mixture of experts in place of the MLP.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Several MLPs in every block, of which each token sees the few that a router finds most suitable;
/// none is dropped.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Experts {
    /// Experts in every block, e.g. `8`.
    pub count: u32,
    /// Experts that a token sees; 1 by default.
    #[serde(default = "one")]
    pub top_k: u32,
    /// How many times narrower an expert's hidden layer is than that of the dense MLP (Krajewski et
    /// al., arXiv 2402.07871). As `topK` by default: a token then costs what it costs a dense model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub granularity: Option<u32>,
    /// Weight of the loss that keeps all experts busy; 0.01 by default.
    #[serde(default = "balance")]
    pub balance: f64,
    /// Experts read and speak in a space of this width that they share (Liu et al., arXiv 2503.23100),
    /// e.g. `32`; in the residual stream itself by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latent: Option<u32>,
}

const fn one() -> u32 {
    1
}

const fn balance() -> f64 {
    0.01
}

impl Experts {
    /// How many times narrower an expert is than the dense MLP.
    #[must_use]
    pub fn granularity(&self) -> u32 {
        self.granularity.unwrap_or(self.top_k)
    }
}

// A balance is never NaN: validation refuses it.
impl Eq for Experts {}

impl std::hash::Hash for Experts {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        let Self { count, top_k, granularity, balance, latent } = self;
        (count, top_k, granularity, balance.to_bits(), latent).hash(state);
    }
}
