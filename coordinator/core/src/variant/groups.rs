//! MLPs that see a part of a token's hidden dimensions.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Every MLP reads and writes some groups of the stream's dimensions alone: those that all tokens share,
/// and those that a router finds most suitable (after Chen et al., arXiv 2412.05644).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct HiddenGroups {
    /// Groups of neighbouring dimensions, e.g. `8`; they divide the width.
    pub count: u32,
    /// Groups of a token, the shared ones included, e.g. `4`; all of them is the plain model.
    pub active: u32,
    /// Groups that every token has; 1 by default.
    #[serde(default = "one")]
    pub shared: u32,
    /// Weight of the loss that keeps all groups in use; 0.01 by default.
    #[serde(default = "balance")]
    pub balance: f64,
}

const fn one() -> u32 {
    1
}

const fn balance() -> f64 {
    0.01
}

// A balance is never NaN: validation refuses it.
impl Eq for HiddenGroups {}

impl std::hash::Hash for HiddenGroups {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        let Self { count, active, shared, balance } = self;
        (count, active, shared, balance.to_bits()).hash(state);
    }
}
