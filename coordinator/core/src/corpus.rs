//! What a run needs to know about the text it trains on.

use serde::{Deserialize, Serialize};

/// A prepared corpus, named by its content.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CorpusRef {
    /// The name used in budget.yaml: `docs`, `sotu`, or the path of a file or folder.
    pub name: String,
    /// SHA-256 of the prepared text, in hexadecimal.
    pub hash: String,
    pub documents_n: u64,
    pub train_bytes: u64,
    pub validation_bytes: u64,
}
