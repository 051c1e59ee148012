//! The number a run is judged by: cross-entropy on held-out text.
//!
//! Both families are scored on the same bytes: the first [`EVALUATED_BYTES`] of the validation
//! split, documents in order and separated by byte 0, without the first half window. A GPT reads
//! windows of a training sequence, each half a window after the last, and is scored on their
//! second halves, so that every byte has at least half a sequence of context (Languini Kitchen,
//! arXiv 2309.11197). A qLSTM reads the text once, carrying its state.

use sweep_core::variant::Family;
use sweep_corpus::Corpus;

use crate::data::{SEPARATOR, TokenBatch};
use crate::error::Error;
use crate::model::Model;

/// Length of the text that runs are judged on.
pub const EVALUATED_BYTES: usize = 64 * 1024;

/// Windows that a GPT reads at a time.
const WINDOWS_PER_BATCH: usize = 16;

/// How well a model predicts held-out text.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Evaluation {
    /// Mean cross-entropy, nats.
    pub nats_per_token: f64,
    /// The same in bits per byte of text.
    pub bits_per_byte: f64,
    /// `exp(nats per byte)`.
    pub normalised_perplexity: f64,
}

/// The text that runs are judged on.
pub struct ValidationText {
    bytes: Vec<u8>,
    /// Bytes scored at a time: half a training sequence.
    half: usize,
}

impl ValidationText {
    /// # Errors
    /// [`Error::CorpusTooSmall`] where the split does not fill one window of `sequence` tokens.
    pub fn new(corpus: &Corpus, sequence: usize) -> Result<Self, Error> {
        let mut bytes = joined(corpus.validation(), EVALUATED_BYTES);
        bytes.truncate(EVALUATED_BYTES);
        let half = (sequence / 2).max(1);
        let needed = 2 * half + 1;
        if bytes.len() < needed {
            return Err(Error::CorpusTooSmall { split: "validation", bytes: bytes.len(), needed });
        }
        Ok(Self { bytes, half })
    }

    /// Scores a model.
    ///
    /// # Errors
    /// Those of the tensor library.
    pub fn evaluate(&self, model: &Model) -> Result<Evaluation, Error> {
        let nll = match model.spec().family {
            Family::Gpt => self.nll_by_windows(model)?,
            Family::Qlstm => self.nll_in_one_pass(model)?,
        };
        let nats_per_token =
            nll.iter().map(|nats| f64::from(*nats)).sum::<f64>() / nll.len() as f64;
        // A token is a byte.
        let nats_per_byte = nats_per_token;
        Ok(Evaluation {
            nats_per_token,
            bits_per_byte: nats_per_byte / std::f64::consts::LN_2,
            normalised_perplexity: nats_per_byte.exp(),
        })
    }

    /// Bits per byte of a bigram model counted on the training split, every count raised by one
    /// half, on the bytes that models are scored on.
    #[must_use]
    pub fn bigram_bits_per_byte(&self, corpus: &Corpus) -> f64 {
        let mut pairs = vec![0u32; 256 * 256];
        let mut previous = SEPARATOR;
        for document in corpus.train() {
            for &byte in document.iter().chain([&SEPARATOR]) {
                pairs[usize::from(previous) * 256 + usize::from(byte)] += 1;
                previous = byte;
            }
        }
        let bits = |pair: &[u8]| {
            let row = &pairs[usize::from(pair[0]) * 256..][..256];
            let total: f64 = row.iter().map(|count| f64::from(*count) + 0.5).sum();
            (total / (f64::from(row[usize::from(pair[1])]) + 0.5)).log2()
        };
        let scored = &self.bytes[self.half..self.scored_end()];
        scored.windows(2).map(bits).sum::<f64>() / (scored.len() - 1) as f64
    }

    /// Half windows, the first of which is context only.
    fn halves_n(&self) -> usize {
        (self.bytes.len() - 1) / self.half
    }

    /// One past the last byte that is scored.
    fn scored_end(&self) -> usize {
        self.halves_n() * self.half + 1
    }

    fn nll_by_windows(&self, model: &Model) -> Result<Vec<f32>, Error> {
        let sequence = 2 * self.half;
        let starts: Vec<usize> = (0..self.halves_n() - 1).map(|i| i * self.half).collect();
        let mut scored = Vec::with_capacity(self.bytes.len());
        for starts in starts.chunks(WINDOWS_PER_BATCH) {
            let windows = starts.iter().map(|start| &self.bytes[*start..=start + sequence]);
            let tokens = TokenBatch::from_windows(windows, sequence);
            let nll = model.nll(&tokens, &mut model.initial_state())?;
            nll.chunks(sequence).for_each(|row| scored.extend(&row[self.half..]));
        }
        Ok(scored)
    }

    fn nll_in_one_pass(&self, model: &Model) -> Result<Vec<f32>, Error> {
        let mut state = model.initial_state();
        let mut nll = Vec::with_capacity(self.bytes.len());
        for index in 0..self.halves_n() {
            let window = &self.bytes[index * self.half..=(index + 1) * self.half];
            nll.extend(model.nll(&TokenBatch::from_windows([window], self.half), &mut state)?);
        }
        Ok(nll.split_off(self.half))
    }
}

/// Documents, each ended by the separator, until there are `enough` bytes.
fn joined<'a>(documents: impl Iterator<Item = &'a [u8]>, enough: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    for document in documents {
        if bytes.len() >= enough {
            break;
        }
        bytes.extend_from_slice(document);
        bytes.push(SEPARATOR);
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(bytes: &[u8], half: usize) -> ValidationText {
        ValidationText { bytes: bytes.to_vec(), half }
    }

    #[test]
    fn a_bigram_model_of_its_own_text_knows_it() {
        let document: Vec<u8> = b"ab".repeat(50_000);
        let corpus = Corpus::from_documents("t", std::iter::repeat_n(&document, 20));
        let text = text(&document[..1000], 8);
        // Each letter is followed by one other; the half counts leave a trace.
        let bits = text.bigram_bits_per_byte(&corpus);
        assert!((0.0..0.001).contains(&bits), "{bits}");
    }

    #[test]
    fn unseen_pairs_cost_eight_bits() {
        let corpus = Corpus::from_documents("t", std::iter::repeat_n(b"aaaa", 20));
        let text = text(b"zxzxzxzxzxzxzxzxz", 4);
        assert!((text.bigram_bits_per_byte(&corpus) - 8.0).abs() < 1e-12);
    }
}
