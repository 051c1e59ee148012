//! Several streams of one GPT that read the same tokens.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A GPT that reads every token several times, each time behind a trained prefix of its own, and weighs
/// what it finds (Chen et al., ParScale, arXiv 2505.10475): more compute on hardly more parameters.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Streams {
    /// Streams, P of the paper, e.g. `4`; one is the plain model.
    pub count: u32,
    /// Keys and values in front of each stream's tokens in every layer; 48 by default, as published.
    #[serde(default = "prefix")]
    pub prefix: u32,
    /// Share of a token's weight that all streams have alike, so that none stops learning; 0.1 by
    /// default, as published.
    #[serde(default = "smoothing")]
    pub smoothing: f64,
}

const fn prefix() -> u32 {
    48
}

const fn smoothing() -> f64 {
    0.1
}

impl Streams {
    /// So many streams, as published otherwise.
    #[must_use]
    pub const fn new(count: u32) -> Self {
        Self { count, prefix: prefix(), smoothing: smoothing() }
    }
}

// A smoothing is never NaN: validation refuses it.
impl Eq for Streams {}

impl std::hash::Hash for Streams {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        let Self { count, prefix, smoothing } = self;
        (count, prefix, smoothing.to_bits()).hash(state);
    }
}
