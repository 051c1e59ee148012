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
    /// Tokens of a training sequence.
    sequence: usize,
}

impl ValidationText {
    /// # Errors
    /// [`Error::CorpusTooSmall`] where the split does not fill one window of `sequence` tokens.
    pub fn new(corpus: &Corpus, sequence: usize) -> Result<Self, Error> {
        let mut bytes = joined(corpus.validation(), EVALUATED_BYTES);
        bytes.truncate(EVALUATED_BYTES);
        let needed = sequence + 1;
        if bytes.len() < needed {
            return Err(Error::CorpusTooSmall { split: "validation", bytes: bytes.len(), needed });
        }
        Ok(Self { bytes, sequence })
    }

    /// Scores a model.
    ///
    /// # Errors
    /// Those of the tensor library.
    pub fn evaluate(&self, model: &Model) -> Result<Evaluation, Error> {
        let nll = match model.spec().family {
            Family::Gpt | Family::External => self.nll_by_windows(model)?,
            Family::Qlstm => self.nll_in_one_pass(model)?,
        };
        let nats = nll.iter().map(|nats| f64::from(*nats)).sum::<f64>();
        let nats_per_token = nats / nll.len() as f64;
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
        let scored = &self.bytes[self.context()..=self.read_n()];
        scored.windows(2).map(bits).sum::<f64>() / (scored.len() - 1) as f64
    }

    /// Bytes scored per window.
    fn half(&self) -> usize {
        (self.sequence / 2).max(1)
    }

    /// Bytes that are read before the first that is scored.
    fn context(&self) -> usize {
        self.sequence - self.half()
    }

    fn windows_n(&self) -> usize {
        (self.bytes.len() - 1 - self.context()) / self.half()
    }

    /// Bytes that are read, the context included; each predicts the one after it.
    fn read_n(&self) -> usize {
        self.context() + self.windows_n() * self.half()
    }

    fn nll_by_windows(&self, model: &Model) -> Result<Vec<f32>, Error> {
        let starts: Vec<usize> = (0..self.windows_n()).map(|i| i * self.half()).collect();
        let mut scored = Vec::with_capacity(self.bytes.len());
        for starts in starts.chunks(WINDOWS_PER_BATCH) {
            let windows = starts.iter().map(|start| &self.bytes[*start..=start + self.sequence]);
            let tokens = TokenBatch::from_windows(windows, self.sequence);
            let nll = model.nll(&tokens, &mut model.initial_state())?;
            nll.chunks(self.sequence).for_each(|row| scored.extend(&row[self.context()..]));
        }
        Ok(scored)
    }

    fn nll_in_one_pass(&self, model: &Model) -> Result<Vec<f32>, Error> {
        let mut state = model.initial_state();
        let mut nll = Vec::with_capacity(self.bytes.len());
        for start in (0..self.read_n()).step_by(self.sequence) {
            let len = self.sequence.min(self.read_n() - start);
            let tokens = TokenBatch::from_windows([&self.bytes[start..=start + len]], len);
            nll.extend(model.nll(&tokens, &mut state)?);
        }
        Ok(nll.split_off(self.context()))
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
    use candle_core::Device;
    use sweep_core::variant::{ModelSpec, Position, Variant};

    use super::*;
    use crate::model::Path;

    fn text(bytes: &[u8], sequence: usize) -> ValidationText {
        ValidationText { bytes: bytes.to_vec(), sequence }
    }

    #[test]
    fn a_bigram_model_of_its_own_text_knows_it() {
        let document: Vec<u8> = b"ab".repeat(50_000);
        let corpus = Corpus::from_documents("t", std::iter::repeat_n(&document, 20));
        let text = text(&document[..1000], 16);
        // Each letter is followed by one other; the half counts leave a trace.
        let bits = text.bigram_bits_per_byte(&corpus);
        assert!((0.0..0.001).contains(&bits), "{bits}");
    }

    #[test]
    fn unseen_pairs_cost_eight_bits() {
        let corpus = Corpus::from_documents("t", std::iter::repeat_n(b"aaaa", 20));
        let text = text(b"zxzxzxzxzxzxzxzxz", 8);
        assert!((text.bigram_bits_per_byte(&corpus) - 8.0).abs() < 1e-12);
    }

    /// Windows overlap, yet every byte after the context is scored once, by both readings.
    #[test]
    fn both_families_are_scored_on_the_same_bytes() {
        let bytes: Vec<u8> = (0..=255).cycle().take(333).collect();
        for sequence in [1, 2, 15, 16] {
            let text = text(&bytes, sequence);
            let scored = text.read_n() - text.context();
            assert!(bytes.len() - text.read_n() <= text.half(), "sequence {sequence}");
            for (family, position) in
                [(Family::Gpt, Some(Position::Learned)), (Family::Qlstm, None)]
            {
                let spec = ModelSpec {
                    family,
                    width: 8,
                    layers_n: 1,
                    heads_n: 1,
                    head_width: 8,
                    mlp_width: 8,
                    position,
                    vocabulary_n: 256,
                    sequence: sequence as u32,
                    variant: Variant::BASELINE,
                };
                // Weights of zero know nothing: eight bits for every byte.
                let model = Model::new(&spec, 0.0, 0, &Device::Cpu, Path::Fused).unwrap();
                let nll = match family {
                    Family::Qlstm => text.nll_in_one_pass(&model).unwrap(),
                    _ => text.nll_by_windows(&model).unwrap(),
                };
                assert_eq!(nll.len(), scored, "{family}, sequence {sequence}");
                let bits = text.evaluate(&model).unwrap().bits_per_byte;
                assert!((bits - 8.0).abs() < 1e-5, "{family}: {bits}");
            }
        }
    }
}
