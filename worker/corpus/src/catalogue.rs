//! What `sweepctl corpus list` and `show` print.

use serde::Serialize;
use sweep_core::corpus::CorpusRef;

use crate::Corpus;

/// One line of the list.
#[derive(Clone, Debug, Serialize)]
pub struct Summary {
    /// What to write as `corpus` in budget.yaml.
    pub name: String,
    /// Where the text comes from.
    pub source: String,
    /// What is known of its licence.
    pub licence: String,
    /// The prepared text; none if it has not been prepared yet.
    pub reference: Option<CorpusRef>,
}

/// All there is to know about one prepared corpus.
#[derive(Clone, Debug, Serialize)]
pub struct Details {
    #[serde(flatten)]
    pub summary: Summary,
    /// Bytes of text, both sides of the split.
    pub bytes: u64,
    pub train_documents_n: u64,
    pub validation_documents_n: u64,
    /// How many of the 256 byte values occur: the part of a byte vocabulary that is in use.
    pub distinct_bytes: u32,
    /// The beginning of a document from the middle of the training side.
    pub sample: String,
}

/// Bytes of the sample.
const SAMPLE_MAX: usize = 400;

impl Details {
    pub(crate) fn of(corpus: &Corpus, summary: Summary) -> Self {
        let mut seen = [false; 256];
        for document in corpus.train().chain(corpus.validation()) {
            for &byte in document {
                seen[usize::from(byte)] = true;
            }
        }
        let (train, validation) = (corpus.train(), corpus.validation());
        let middle = corpus.train().nth(train.len() / 2).unwrap_or_default();
        let text = String::from_utf8_lossy(middle);
        Self {
            summary,
            bytes: corpus.reference.train_bytes + corpus.reference.validation_bytes,
            train_documents_n: train.len() as u64,
            validation_documents_n: validation.len() as u64,
            distinct_bytes: seen.iter().map(|&seen| u32::from(seen)).sum(),
            sample: text[..text.floor_char_boundary(SAMPLE_MAX)].to_owned(),
        }
    }
}
