//! What a run trains on and is judged by.

use sweep_core::corpus::CorpusRef;

use crate::corpus::Corpus;
use crate::shard::Shard;
use crate::tokenizer::Tokenizer;
use crate::tokens::Tokens;

/// A corpus with its tokens. Share it between threads in an `Arc`.
#[derive(Debug)]
pub struct Text {
    /// What identifies it, recorded with every run.
    pub reference: CorpusRef,
    pub tokenizer: Tokenizer,
    pub part: Part,
}

/// A corpus of the text, as bytes and as tokens.
pub struct Part {
    corpus: Corpus,
    /// None where a token is a byte: the text then is its own tokens.
    shards: Option<Vec<Shard>>,
}

impl Text {
    /// Tokens are trained by a tokenizer of `reference`.
    pub(crate) const fn tokenized(
        reference: CorpusRef,
        tokenizer: Tokenizer,
        corpus: Corpus,
        shards: Vec<Shard>,
    ) -> Self {
        Self { reference, tokenizer, part: Part { corpus, shards: Some(shards) } }
    }
}

/// A token is a byte.
impl From<Corpus> for Text {
    fn from(corpus: Corpus) -> Self {
        let reference = corpus.reference.clone();
        Self { reference, tokenizer: Tokenizer::bytes(), part: Part { corpus, shards: None } }
    }
}

impl Part {
    /// The documents to train on, in order, without separators.
    #[must_use]
    pub fn train(&self) -> Vec<Tokens<'_>> {
        match &self.shards {
            None => self.corpus.train().map(Tokens::U8).collect(),
            Some(shards) => shards.iter().flat_map(Shard::documents).collect(),
        }
    }

    /// The documents held out, in order.
    pub fn validation(&self) -> impl Iterator<Item = &[u8]> {
        self.corpus.validation()
    }
}

impl std::fmt::Debug for Part {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Part").field("corpus", &self.corpus).finish_non_exhaustive()
    }
}
