//! What a run trains on and is judged by.

use sweep_core::corpus::CorpusRef;

use crate::corpus::Corpus;
use crate::shard::Shard;
use crate::tokenizer::Tokenizer;
use crate::tokens::Tokens;

/// One corpus or a mix of them, with their tokens. Share it between threads in an `Arc`.
#[derive(Debug)]
pub struct Text {
    /// What identifies it, recorded with every run.
    pub reference: CorpusRef,
    pub tokenizer: Tokenizer,
    /// At least one.
    pub parts: Vec<Part>,
}

/// A corpus of a mix before it has tokens.
#[derive(Clone, Debug)]
pub struct Share {
    pub corpus: Corpus,
    /// Its share of the training tokens, relative to the other weights.
    pub weight: f64,
    /// How often its text may be read; none where it is read without end.
    pub epochs_max: Option<f64>,
}

/// A corpus of the text, as bytes and as tokens.
pub struct Part {
    share: Share,
    /// None where a token is a byte: the text then is its own tokens.
    shards: Option<Vec<Shard>>,
}

/// The whole text.
impl From<Corpus> for Share {
    fn from(corpus: Corpus) -> Self {
        Self { corpus, weight: 1.0, epochs_max: None }
    }
}

/// A token is a byte.
impl From<Corpus> for Text {
    fn from(corpus: Corpus) -> Self {
        let reference = corpus.reference.clone();
        let part = Part::new(corpus.into(), None);
        Self { reference, tokenizer: Tokenizer::bytes(), parts: vec![part] }
    }
}

impl Part {
    pub(crate) const fn new(share: Share, shards: Option<Vec<Shard>>) -> Self {
        Self { share, shards }
    }

    /// The corpus as budget.yaml names it.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.share.corpus.reference.name
    }

    /// Its share of the training tokens, relative to the other weights.
    #[must_use]
    pub const fn weight(&self) -> f64 {
        self.share.weight
    }

    /// How often its text may be read; none where it is read without end.
    #[must_use]
    pub const fn epochs_max(&self) -> Option<f64> {
        self.share.epochs_max
    }

    /// The documents to train on, in order, without separators.
    #[must_use]
    pub fn train(&self) -> Vec<Tokens<'_>> {
        match &self.shards {
            None => self.share.corpus.train().map(Tokens::U8).collect(),
            Some(shards) => shards.iter().flat_map(Shard::documents).collect(),
        }
    }

    /// The documents held out, in order.
    pub fn validation(&self) -> impl Iterator<Item = &[u8]> {
        self.share.corpus.validation()
    }
}

impl std::fmt::Debug for Part {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Part").field("share", &self.share).finish_non_exhaustive()
    }
}
