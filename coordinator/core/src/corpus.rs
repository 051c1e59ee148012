//! What a run needs to know about the text it trains on.

use serde::{Deserialize, Serialize};

/// A prepared corpus, named by its content.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
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
}

/// A trained tokenizer, named by its content.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
