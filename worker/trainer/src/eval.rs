//! The number a run is judged by: cross-entropy on held-out text.
//!
//! All families are scored on the same tokens: those of the first [`EVALUATED_BYTES`] of the
//! validation split, documents in order and separated by byte 0, without the context of the first. A GPT
//! reads windows of a training sequence and is scored on the last n tokens of each, by which the next
//! one is further on, so that every token has at least the rest of a sequence of context: n is half the
//! sequence, or what the sweep says (Languini Kitchen, arXiv 2309.11197, has 128 of 512). A
//! recurrent model reads the text once, carrying its state.
//!
//! Losses in nats per token compare models of one tokenizer. Bits per byte compare all: the nats of all
//! tokens over the bytes of text that these stand for, whatever it was cut into.

use std::ops::Range;

use sweep_core::variant::Family;
use sweep_corpus::{Part, Text, Tokenizer};

use crate::bigram::{self, Pairs};
use crate::data::TokenBatch;
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

impl Evaluation {
    fn new(nats_per_token: f64, bytes_per_token: f64) -> Self {
        let nats_per_byte = nats_per_token / bytes_per_token;
        Self {
            nats_per_token,
            bits_per_byte: nats_per_byte / std::f64::consts::LN_2,
            normalised_perplexity: nats_per_byte.exp(),
        }
    }
}

/// What a run is judged on: the held-out documents of its corpus, or of every corpus of its mix.
pub struct Validation {
    /// With the share of training tokens that each corpus has.
    texts: Vec<(ValidationText, f64)>,
}

impl Validation {
    /// # Errors
    /// [`Error::CorpusTooSmall`] where a split does not fill one window of `sequence` tokens.
    pub fn new(text: &Text, sequence: usize, last: Option<u32>) -> Result<Self, Error> {
        let last = last.map_or(sequence / 2, |last| last as usize).max(1);
        let weights: f64 = text.parts.iter().map(Part::weight).sum();
        let read = |part: &Part| {
            let read = ValidationText::new(part, &text.tokenizer, sequence, last)?;
            Ok((read, part.weight() / weights))
        };
        Ok(Self { texts: text.parts.iter().map(read).collect::<Result<_, Error>>()? })
    }

    /// Scores a model on the mix and on each corpus. Of the mix, tokens and bytes are those of a text in
    /// which every corpus has its share of the tokens.
    ///
    /// # Errors
    /// Those of the tensor library.
    pub fn evaluate(&self, model: &Model) -> Result<(Evaluation, Vec<Evaluation>), Error> {
        self.evaluate_watched(model, &mut |_| {})
    }

    /// Scores a model, and calls `watch` with every batch once the model has read it.
    pub(crate) fn evaluate_watched(
        &self,
        model: &Model,
        watch: &mut dyn FnMut(&TokenBatch),
    ) -> Result<(Evaluation, Vec<Evaluation>), Error> {
        let scored = self.texts.iter().map(|(text, _)| text.nats_per_token(model, watch));
        let scored: Vec<f64> = scored.collect::<Result<_, _>>()?;
        let each = scored.iter().zip(&self.texts);
        let each = each.map(|(nats, (text, _))| Evaluation::new(*nats, text.bytes_per_token()));
        Ok((self.mixed(&scored), each.collect()))
    }

    /// Bits per byte of a model of pairs of tokens that was counted on the training documents, on the
    /// text that models are scored on.
    #[must_use]
    pub fn bigram_bits_per_byte(&self, text: &Text) -> f64 {
        let count = |part: &Part| (Pairs::count(&part.train(), &text.tokenizer), part.weight());
        let mix: Vec<(Pairs, f64)> = text.parts.iter().map(count).collect();
        let scored = self.texts.iter().map(|(text, _)| text.bigram_nats_per_token(&mix));
        self.mixed(&scored.collect::<Vec<f64>>()).bits_per_byte
    }

    /// From the nats per token of every corpus.
    fn mixed(&self, nats_per_token: &[f64]) -> Evaluation {
        let (mut nats, mut bytes) = (0.0, 0.0);
        for ((text, share), own) in self.texts.iter().zip(nats_per_token) {
            nats += share * own;
            bytes += share * text.bytes_per_token();
        }
        Evaluation::new(nats, bytes)
    }
}

/// The held-out documents of one corpus.
struct ValidationText {
    tokens: Vec<u32>,
    /// Bytes that the tokens before each one stand for; one more than there are tokens.
    bytes_before: Vec<usize>,
    /// Tokens of a training sequence.
    sequence: usize,
    /// Tokens that are scored at the end of every window.
    last: usize,
}

impl ValidationText {
    /// # Errors
    /// [`Error::CorpusTooSmall`] where the split does not fill one window of `sequence` tokens.
    fn new(
        part: &Part,
        tokenizer: &Tokenizer,
        sequence: usize,
        last: usize,
    ) -> Result<Self, Error> {
        let mut tokens = Vec::new();
        let mut left = EVALUATED_BYTES;
        for document in part.validation() {
            let whole = document.len() < left;
            let document = &document[..document.len().min(left)];
            tokens.extend(tokenizer.encode(document));
            if !whole {
                break;
            }
            tokens.push(tokenizer.separator());
            left -= document.len() + 1;
        }
        let needed = sequence + 1;
        if tokens.len() < needed {
            let tokens = tokens.len();
            return Err(Error::CorpusTooSmall { split: "validation", tokens, needed });
        }
        Ok(Self::of(tokens, tokenizer, sequence, last))
    }

    fn of(tokens: Vec<u32>, tokenizer: &Tokenizer, sequence: usize, last: usize) -> Self {
        let mut bytes_before = vec![0];
        let mut bytes = 0;
        bytes_before.extend(tokens.iter().map(|token| {
            bytes += tokenizer.bytes_n(*token);
            bytes
        }));
        Self { tokens, bytes_before, sequence, last }
    }

    /// Mean nats per token; `watch` is called with every batch once the model has read it.
    fn nats_per_token(
        &self,
        model: &Model,
        watch: &mut dyn FnMut(&TokenBatch),
    ) -> Result<f64, Error> {
        let nll = match model.spec().family {
            Family::Gpt | Family::External => self.nll_by_windows(model, watch)?,
            Family::Qlstm | Family::Lstm => self.nll_in_one_pass(model, watch)?,
        };
        Ok(nll.iter().map(|nats| f64::from(*nats)).sum::<f64>() / nll.len() as f64)
    }

    /// Nats per token that a model of pairs pays for what models are scored on.
    fn bigram_nats_per_token(&self, mix: &[(Pairs, f64)]) -> f64 {
        let scored = &self.tokens[self.context()..=self.read_n()];
        bigram::nats(mix, scored) / (scored.len() - 1) as f64
    }

    /// Bytes that a scored token stands for, on average.
    fn bytes_per_token(&self) -> f64 {
        let places = self.context() + 1..self.read_n() + 1;
        self.bytes(places.clone()) as f64 / places.len() as f64
    }

    /// Bytes of text that the tokens of these places stand for.
    fn bytes(&self, places: Range<usize>) -> usize {
        self.bytes_before[places.end] - self.bytes_before[places.start]
    }

    /// Tokens that are read before the first that is scored.
    fn context(&self) -> usize {
        self.sequence - self.last
    }

    fn windows_n(&self) -> usize {
        (self.tokens.len() - 1 - self.context()) / self.last
    }

    /// Tokens that are read, the context included; each predicts the one after it.
    fn read_n(&self) -> usize {
        self.context() + self.windows_n() * self.last
    }

    fn nll_by_windows(
        &self,
        model: &Model,
        watch: &mut dyn FnMut(&TokenBatch),
    ) -> Result<Vec<f32>, Error> {
        let starts: Vec<usize> = (0..self.windows_n()).map(|i| i * self.last).collect();
        let mut scored = Vec::with_capacity(self.tokens.len());
        for starts in starts.chunks(WINDOWS_PER_BATCH) {
            let windows = starts.iter().map(|start| &self.tokens[*start..=start + self.sequence]);
            let tokens = TokenBatch::from_windows(windows, self.sequence);
            let nll = model.nll(&tokens, &mut model.initial_state())?;
            watch(&tokens);
            nll.chunks(self.sequence).for_each(|row| scored.extend(&row[self.context()..]));
        }
        Ok(scored)
    }

    fn nll_in_one_pass(
        &self,
        model: &Model,
        watch: &mut dyn FnMut(&TokenBatch),
    ) -> Result<Vec<f32>, Error> {
        let mut state = model.initial_state();
        let mut nll = Vec::with_capacity(self.tokens.len());
        for start in (0..self.read_n()).step_by(self.sequence) {
            let len = self.sequence.min(self.read_n() - start);
            let tokens = TokenBatch::from_windows([&self.tokens[start..=start + len]], len);
            nll.extend(model.nll(&tokens, &mut state)?);
            watch(&tokens);
        }
        Ok(nll.split_off(self.context()))
    }
}

#[cfg(test)]
mod tests {
    use candle_core::Device;
    use sweep_core::variant::{ModelSpec, Position, Variant};
    use sweep_corpus::Corpus;

    use super::*;
    use crate::model::Path;

    fn text(bytes: &[u8], sequence: usize) -> ValidationText {
        let tokens = bytes.iter().map(|byte| u32::from(*byte)).collect();
        ValidationText::of(tokens, &Tokenizer::bytes(), sequence, (sequence / 2).max(1))
    }

    fn bigram_bits(text: &ValidationText, corpus: &Corpus) -> f64 {
        let documents: Vec<_> = corpus.train().map(sweep_corpus::Tokens::U8).collect();
        let pairs = Pairs::count(&documents, &Tokenizer::bytes());
        text.bigram_nats_per_token(&[(pairs, 1.0)]) / std::f64::consts::LN_2
    }

    #[test]
    fn a_bigram_model_of_its_own_text_knows_it() {
        let document: Vec<u8> = b"ab".repeat(50_000);
        let corpus = Corpus::from_documents("t", std::iter::repeat_n(&document, 20));
        let text = text(&document[..1000], 16);
        // Each letter is followed by one other; the half counts leave a trace.
        let bits = bigram_bits(&text, &corpus);
        assert!((0.0..0.001).contains(&bits), "{bits}");
    }

    #[test]
    fn unseen_pairs_cost_eight_bits() {
        let corpus = Corpus::from_documents("t", std::iter::repeat_n(b"aaaa", 20));
        let text = text(b"zxzxzxzxzxzxzxzxz", 8);
        assert!((bigram_bits(&text, &corpus) - 8.0).abs() < 1e-12);
    }

    /// A model that knows nothing pays the logarithm of the vocabulary for every token, whose bytes
    /// share it; the bytes are those of the text that was read.
    #[test]
    fn bits_per_byte_are_those_of_the_text_that_tokens_stand_for() {
        let dir = tempfile::tempdir().unwrap();
        let library = sweep_corpus::Library::new(dir.path());
        let sources = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let corpus = library.add_path(&sources).unwrap();
        let tokenized = library.tokenize(&corpus, 512).unwrap();
        let text = library.open(&tokenized).unwrap();
        let judged = Validation::new(&text, 16, None).unwrap();
        let validation = &judged.texts[0].0;
        let read = text.tokenizer.decode(&validation.tokens);
        let joined: Vec<u8> =
            corpus.validation().flat_map(|document| [document, &[0]].concat()).collect();
        assert_eq!(read, joined[..EVALUATED_BYTES.min(joined.len())]);
        let spec = spec(Family::Qlstm, None, 16, 512);
        let model = Model::new(&spec, 0.0, 0, &Device::Cpu, Path::Fused).unwrap();
        let (evaluation, each) = judged.evaluate(&model).unwrap();
        assert_eq!(each, [evaluation]);
        let Evaluation { nats_per_token, bits_per_byte, normalised_perplexity } = evaluation;
        assert!((nats_per_token - 512_f64.ln()).abs() < 1e-5);
        let scored = &validation.tokens[validation.context() + 1..=validation.read_n()];
        let bytes = text.tokenizer.decode(scored).len() as f64;
        let expected = 9.0 * scored.len() as f64 / bytes;
        assert!((bits_per_byte / expected - 1.0).abs() < 1e-5, "{bits_per_byte} {expected}");
        assert!((normalised_perplexity.log2() - bits_per_byte).abs() < 1e-9);
        // Pairs of tokens know more of the text than pairs of bytes.
        let bytes: Text = corpus.into();
        let of_bytes = Validation::new(&bytes, 16, None).unwrap().bigram_bits_per_byte(&bytes);
        let of_tokens = judged.bigram_bits_per_byte(&text);
        assert!((0.5 * of_bytes..0.95 * of_bytes).contains(&of_tokens), "{of_tokens} {of_bytes}");
    }

    /// Three tokens of the first corpus to one of the second, of other lengths.
    #[test]
    fn a_mix_is_judged_as_a_text_of_its_shares() {
        let text = |lengths: &[usize]| {
            let mut text = text(&[1; 18], 2);
            text.bytes_before = (0..19).map(|place| place * lengths[0]).collect();
            text
        };
        let mix = Validation { texts: vec![(text(&[2]), 0.75), (text(&[4]), 0.25)] };
        let mixed = mix.mixed(&[1.0, 3.0]);
        assert_eq!(mixed.nats_per_token, 1.5);
        assert!((mixed.bits_per_byte - 1.5 / 2.5 / std::f64::consts::LN_2).abs() < 1e-12);
        assert!((mixed.normalised_perplexity - 0.6_f64.exp()).abs() < 1e-12);
    }

    /// Scored one token a window, every one of them has the same context as in a window of its own.
    #[test]
    fn the_last_tokens_of_windows_are_scored_with_all_that_is_before_them() {
        let bytes: Vec<u8> = include_bytes!("eval.rs")[..60].to_vec();
        let spec = spec(Family::Gpt, Some(Position::Alibi), 16, 256);
        let model = Model::new(&spec, 0.3, 1, &Device::Cpu, Path::Fused).unwrap();
        let one = ValidationText { last: 1, ..text(&bytes, 16) };
        let four = ValidationText { last: 4, ..text(&bytes, 16) };
        let windows = |text: &ValidationText| text.nll_by_windows(&model, &mut |_| {}).unwrap();
        let (ones, fours) = (windows(&one), windows(&four));
        assert_eq!((ones.len(), fours.len()), (60 - 16, 44));
        // The token after fifteen others: last of the first window that scores one, fourth of four.
        assert!((ones[0] - fours[3]).abs() < 1e-5);
        let window = TokenBatch::from_windows([&one.tokens[5..22]], 16);
        let nll = model.nll(&window, &mut model.initial_state()).unwrap();
        assert!((ones[5] - nll[15]).abs() < 1e-5);
    }

    fn spec(
        family: Family,
        position: Option<Position>,
        sequence: u32,
        vocabulary_n: u32,
    ) -> ModelSpec {
        ModelSpec {
            family,
            width: 8,
            layers_n: 1,
            heads_n: 1,
            head_width: 8,
            mlp_width: 8,
            position,
            vocabulary_n,
            sequence,
            variant: Variant::BASELINE,
        }
    }

    /// Windows overlap, yet every byte after the context is scored once, by either reading.
    #[test]
    fn all_families_are_scored_on_the_same_bytes() {
        let bytes: Vec<u8> = (0..=255).cycle().take(333).collect();
        for (sequence, last) in [(1, 1), (2, 1), (15, 7), (16, 8), (16, 3), (16, 16)] {
            let text = ValidationText { last, ..text(&bytes, sequence) };
            let scored = text.read_n() - text.context();
            assert!(bytes.len() - text.read_n() <= text.last, "sequence {sequence}");
            for (family, position) in [
                (Family::Gpt, Some(Position::Learned)),
                (Family::Qlstm, None),
                (Family::Lstm, None),
            ] {
                let spec = spec(family, position, sequence as u32, 256);
                // Weights of zero know nothing: eight bits for every byte.
                let model = Model::new(&spec, 0.0, 0, &Device::Cpu, Path::Fused).unwrap();
                let nll = match family {
                    Family::Gpt => text.nll_by_windows(&model, &mut |_| {}).unwrap(),
                    _ => text.nll_in_one_pass(&model, &mut |_| {}).unwrap(),
                };
                assert_eq!(nll.len(), scored, "{family}, sequence {sequence}");
                let bits =
                    text.nats_per_token(&model, &mut |_| {}).unwrap() / std::f64::consts::LN_2;
                assert!((bits - 8.0).abs() < 1e-5, "{family}: {bits}");
            }
        }
    }
}
