//! What a run needs to know about the text it trains on.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A prepared corpus or a mix of them, named by its content.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CorpusRef {
    /// The name used in budget.yaml: `docs`, `sotu`, or the path of a file or folder.
    pub name: String,
    /// SHA-256 of the prepared text, in hexadecimal.
    pub hash: String,
    pub documents_n: u64,
    pub train_bytes: u64,
    pub validation_bytes: u64,
    /// The tokenizer that was trained on it; none where tokens are bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tokenizer: Option<TokenizerRef>,
    /// The corpora of a mix; none of a corpus that stands alone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<CorpusPart>,
}

/// One corpus of a mix.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CorpusPart {
    /// With its own numbers, and without parts.
    pub corpus: CorpusRef,
    /// Share of the training tokens, relative to the other weights.
    pub weight: f64,
    /// How often its text may be read; none where it is read without end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epochs_max: Option<f64>,
}

impl CorpusRef {
    /// Tokens of the training documents, as far as they are counted: of bytes without separators.
    #[must_use]
    pub fn train_tokens_n(&self) -> u64 {
        self.tokenizer.as_ref().map_or(self.train_bytes, |tokenizer| tokenizer.train_tokens_n)
    }

    /// Tokens that can be trained on before every corpus was read as often as it may be; none where one
    /// is read without end.
    #[must_use]
    pub fn tokens_max(&self) -> Option<u64> {
        let of = |part: &CorpusPart| {
            Some((part.epochs_max? * part.corpus.train_tokens_n() as f64) as u64)
        };
        let most = self.parts.iter().map(of).sum::<Option<u64>>();
        most.filter(|_| !self.parts.is_empty())
    }
}

/// A trained tokenizer, named by its content.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TokenizerRef {
    /// Token ids, the 256 bytes among them.
    pub vocabulary_n: u32,
    /// SHA-256 of its file, in hexadecimal.
    pub hash: String,
    /// Tokens of the training documents, one separator for each of them included.
    pub train_tokens_n: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mix_is_used_up_when_all_of_its_corpora_are() {
        let part = |train_bytes, epochs_max| CorpusPart {
            corpus: CorpusRef { train_bytes, ..CorpusRef::default() },
            weight: 1.0,
            epochs_max,
        };
        let mix = |parts| CorpusRef { parts, ..CorpusRef::default() }.tokens_max();
        assert_eq!(mix(vec![part(100, Some(2.5)), part(10, Some(4.0))]), Some(290));
        assert_eq!(mix(vec![part(100, Some(2.5)), part(10, None)]), None);
        assert_eq!(mix(vec![]), None);
    }

    /// Plans of before there were tokenizers read back, and are written as they were.
    #[test]
    fn a_corpus_of_bytes_is_written_without_a_tokenizer() {
        let json =
            r#"{"name":"docs","hash":"00","documents_n":3,"train_bytes":2,"validation_bytes":1}"#;
        let corpus: CorpusRef = serde_json::from_str(json).unwrap();
        assert_eq!(corpus.tokenizer, None);
        assert_eq!(serde_json::to_string(&corpus).unwrap(), json);
    }
}
