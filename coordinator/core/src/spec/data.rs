//! The text to train on, and how it is cut into tokens, sequences and batches.

use std::fmt;

use schemars::JsonSchema;
use serde::de::{self, Deserializer, MapAccess, Visitor};
use serde::{Deserialize, Serialize};

use crate::units::{Sequences, Tokens};

/// The text to train on, and how it is cut.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct DataSpec {
    /// `docs` (documentation comments of the crates this program was built from, the default), `sotu`
    /// (State of the Union addresses, after `sweepctl corpus add sotu`), or the path of a text file or
    /// folder.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub corpus: Option<String>,
    /// Several corpora in place of one, e.g. `[{ corpus: docs, weight: 3 }, { corpus: ./mine, weight: 1,
    /// epochsMax: 4 }]`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub mix: Vec<MixEntry>,
    /// How text becomes tokens: `bytes`, or `{ bpe: 4096 }` for byte pairs merged into that many ids.
    pub tokenizer: Tokenizer,
    /// Tokens per training sequence, e.g. `128 tokens`.
    pub sequence: Tokens,
    /// Sequences per optimiser step, e.g. `4 sequences`.
    pub batch: Sequences,
    /// Sequences that are trained on at a time, where a whole batch does not fit into memory: gradients of
    /// the pieces are added up, e.g. `batch: 16 sequences`, `microBatch: 4 sequences`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub micro_batch: Option<Sequences>,
    /// Tokens at the end of every window that an evaluation of a GPT counts, e.g. `128 tokens`; half the
    /// sequence by default. Each has at least the rest of the sequence before it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub evaluate_last: Option<Tokens>,
}

impl Default for DataSpec {
    fn default() -> Self {
        Self {
            corpus: None,
            mix: Vec::new(),
            tokenizer: Tokenizer::Bytes,
            sequence: Tokens(128),
            batch: Sequences(4),
            micro_batch: None,
            evaluate_last: None,
        }
    }
}

impl DataSpec {
    /// What is trained on: the mix, or the one corpus.
    #[must_use]
    pub fn corpora(&self) -> Vec<MixEntry> {
        if !self.mix.is_empty() {
            return self.mix.clone();
        }
        let corpus = self.corpus.clone().unwrap_or_else(|| "docs".to_owned());
        vec![MixEntry { corpus, weight: whole(), epochs_max: None }]
    }

    /// The corpora in words: `docs`, or `docs x 3 + ./mine`.
    #[must_use]
    pub fn corpora_name(&self) -> String {
        let name = |entry: &MixEntry| match entry.weight {
            1.0 => entry.corpus.clone(),
            weight => format!("{} x {weight}", entry.corpus),
        };
        self.corpora().iter().map(name).collect::<Vec<_>>().join(" + ")
    }
}

/// One corpus of a mix.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MixEntry {
    /// As `corpus` beside it: `docs`, `sotu`, or a path.
    pub corpus: String,
    /// Its share of the training tokens, relative to the other weights; 1 by default.
    #[serde(default = "whole")]
    pub weight: f64,
    /// How often its text may be read; the others then share its weight. By default without end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epochs_max: Option<f64>,
}

const fn whole() -> f64 {
    1.0
}

/// How text becomes tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Tokenizer {
    /// One token per byte: 256 ids, no artefact to keep.
    #[default]
    Bytes,
    /// Byte pair encoding with this many ids (Sennrich et al., arXiv 1508.07909, over bytes), trained on
    /// the training documents of the corpus alone.
    Bpe(u32),
}

impl Tokenizer {
    /// The fewest ids of a byte pair encoding: all bytes and one pair.
    pub const BPE_MIN: u32 = 257;
    /// The most.
    pub const BPE_MAX: u32 = 1 << 17;

    /// The number of token ids.
    #[must_use]
    pub const fn vocabulary_n(self) -> u32 {
        match self {
            Self::Bytes => 256,
            Self::Bpe(vocabulary_n) => vocabulary_n,
        }
    }

    /// The tokenizer of so many ids.
    #[must_use]
    pub const fn of_vocabulary(vocabulary_n: u32) -> Self {
        if vocabulary_n < Self::BPE_MIN { Self::Bytes } else { Self::Bpe(vocabulary_n) }
    }
}

const TOKENIZERS: &[&str] = &["bytes", "bpe"];

/// A derived reader would not say what `bpe` alone lacks.
impl<'de> Deserialize<'de> for Tokenizer {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TokenizerVisitor)
    }
}

struct TokenizerVisitor;

impl<'de> Visitor<'de> for TokenizerVisitor {
    type Value = Tokenizer;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("`bytes`, or a vocabulary such as `{ bpe: 4096 }`")
    }

    fn visit_str<E: de::Error>(self, name: &str) -> Result<Tokenizer, E> {
        match name {
            "bytes" => Ok(Tokenizer::Bytes),
            "bpe" => Err(E::custom("`bpe` needs a vocabulary, for example `{ bpe: 4096 }`")),
            _ => Err(E::unknown_variant(name, TOKENIZERS)),
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Tokenizer, A::Error> {
        let Some(key) = map.next_key::<String>()? else {
            return Err(de::Error::custom("expected a vocabulary such as `{ bpe: 4096 }`"));
        };
        if key != "bpe" {
            return Err(de::Error::unknown_field(&key, &["bpe"]));
        }
        let tokenizer = Tokenizer::Bpe(map.next_value()?);
        match map.next_key::<String>()? {
            None => Ok(tokenizer),
            Some(key) => Err(de::Error::unknown_field(&key, &["bpe"])),
        }
    }
}
