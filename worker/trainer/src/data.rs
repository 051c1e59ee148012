//! Which tokens every optimiser step sees: a pure function of the documents, the seed and the
//! step, so that a resumed run needs to store nothing about its data.
//!
//! Every pass over the text shuffles the documents anew, ends each with a separator and deals it to the
//! currently shortest of `batch` streams; a step reads the next window of every stream. A recurrent
//! model therefore finds the continuation of what it read one step before.

use sweep_corpus::Tokens;

use crate::error::Error;
use crate::random::{Purpose, Random};

/// A document longer than this part of a stream is dealt in pieces, so that the streams of a
/// corpus of few documents still come out nearly equal.
const PIECES_PER_STREAM: usize = 8;

/// Input and target tokens of one step, row-major `[batch, sequence]`. The target of a token is
/// the token after it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenBatch {
    /// Rows.
    pub batch: usize,
    /// Columns.
    pub sequence: usize,
    pub inputs: Vec<u32>,
    pub targets: Vec<u32>,
}

impl TokenBatch {
    /// A batch of windows of `sequence + 1` tokens each.
    pub(crate) fn from_windows(
        windows: impl IntoIterator<Item = impl AsRef<[u32]>>,
        sequence: usize,
    ) -> Self {
        let mut batch = Self { batch: 0, sequence, inputs: Vec::new(), targets: Vec::new() };
        for window in windows {
            let window = window.as_ref();
            debug_assert_eq!(window.len(), sequence + 1);
            batch.batch += 1;
            batch.inputs.extend_from_slice(&window[..sequence]);
            batch.targets.extend_from_slice(&window[1..]);
        }
        batch
    }

    #[must_use]
    pub const fn tokens_n(&self) -> usize {
        self.batch * self.sequence
    }
}

/// The training text of one run.
pub struct TrainingData<'a> {
    pieces: Vec<Tokens<'a>>,
    separator: u32,
    seed: u64,
    batch: usize,
    sequence: usize,
    epoch: Epoch<'a>,
}

/// One pass over the corpus.
struct Epoch<'a> {
    number: u64,
    /// Step at which the pass begins.
    first_step: u64,
    steps: u64,
    streams: Vec<Stream<'a>>,
}

/// Pieces one after the other, a separator after each.
#[derive(Clone, Default)]
struct Stream<'a> {
    pieces: Vec<Tokens<'a>>,
    /// Where the next piece begins.
    ends: Vec<usize>,
}

impl<'a> Stream<'a> {
    fn len(&self) -> usize {
        self.ends.last().copied().unwrap_or(0)
    }

    fn push(&mut self, piece: Tokens<'a>) {
        self.ends.push(self.len() + piece.len() + 1);
        self.pieces.push(piece);
    }

    /// `len` tokens from `start` on.
    fn window(&self, start: usize, len: usize, separator: u32) -> Vec<u32> {
        let mut window = Vec::with_capacity(len);
        let mut index = self.ends.partition_point(|end| *end <= start);
        while window.len() < len {
            let piece = self.pieces[index];
            let begun = self.ends[index] - piece.len() - 1;
            let from = (start + window.len()) - begun;
            let to = piece.len().min(from + len - window.len());
            window.extend(piece.slice(from..to).iter());
            if window.len() < len {
                window.push(separator);
            }
            index += 1;
        }
        window
    }
}

impl<'a> TrainingData<'a> {
    /// # Errors
    /// [`Error::CorpusTooSmall`] where the documents do not fill one step.
    pub fn new(
        documents: impl IntoIterator<Item = Tokens<'a>>,
        separator: u32,
        seed: u64,
        batch: usize,
        sequence: usize,
    ) -> Result<Self, Error> {
        let documents: Vec<Tokens<'a>> = documents.into_iter().collect();
        let tokens: usize = documents.iter().map(|document| document.len() + 1).sum();
        // Streams differ by less than one piece, so each holds a window when two fit on average.
        let needed = 2 * batch * (sequence + 1);
        if tokens < needed {
            return Err(Error::CorpusTooSmall { split: "training", tokens, needed });
        }
        let piece_len = (tokens / (batch * PIECES_PER_STREAM)).max(1);
        let pieces: Vec<Tokens<'a>> =
            documents.iter().flat_map(|document| document.chunks(piece_len)).collect();
        let epoch = Epoch::deal(&pieces, seed, batch, sequence, 0, 0);
        Ok(Self { pieces, separator, seed, batch, sequence, epoch })
    }

    /// The tokens of optimiser step `step`, counted from 1.
    pub fn step(&mut self, step: u64) -> TokenBatch {
        let index = step - 1;
        if index < self.epoch.first_step {
            self.epoch = self.deal(0, 0);
        }
        while index >= self.epoch.first_step + self.epoch.steps {
            let Epoch { number, first_step, steps, .. } = self.epoch;
            self.epoch = self.deal(number + 1, first_step + steps);
        }
        let start = (index - self.epoch.first_step) as usize * self.sequence;
        let len = self.sequence + 1;
        let windows = self.epoch.streams.iter().map(|s| s.window(start, len, self.separator));
        TokenBatch::from_windows(windows, self.sequence)
    }

    fn deal(&self, number: u64, first_step: u64) -> Epoch<'a> {
        Epoch::deal(&self.pieces, self.seed, self.batch, self.sequence, number, first_step)
    }
}

impl<'a> Epoch<'a> {
    fn deal(
        pieces: &[Tokens<'a>],
        seed: u64,
        batch: usize,
        sequence: usize,
        number: u64,
        first_step: u64,
    ) -> Self {
        let mut order: Vec<Tokens<'a>> = pieces.to_vec();
        Random::new(seed, Purpose::Documents { epoch: number }).shuffle(&mut order);
        let mut streams = vec![Stream::default(); batch];
        for piece in order {
            let shortest = streams.iter_mut().min_by_key(|stream| stream.len());
            shortest.expect("a batch has at least one sequence").push(piece);
        }
        let shortest = streams.iter().map(Stream::len).min().unwrap_or(0);
        let steps = (shortest.saturating_sub(1) / sequence) as u64;
        assert!(steps > 0, "the constructor checked that every stream holds a window");
        Self { number, first_step, steps, streams }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Documents of distinct bytes, so that a token tells its document.
    fn documents() -> Vec<Vec<u8>> {
        (1..=40u8).map(|i| vec![i; 20 + usize::from(i) * 3]).collect()
    }

    fn data(documents: &[Vec<u8>], seed: u64) -> TrainingData<'_> {
        TrainingData::new(documents.iter().map(|d| Tokens::U8(d)), 0, seed, 4, 16).unwrap()
    }

    #[test]
    fn targets_follow_inputs_and_steps_follow_each_other() {
        let documents = documents();
        let mut data = data(&documents, 1);
        let (first, second) = (data.step(1), data.step(2));
        for row in 0..4 {
            let inputs = |b: &TokenBatch| b.inputs[row * 16..(row + 1) * 16].to_vec();
            let targets = |b: &TokenBatch| b.targets[row * 16..(row + 1) * 16].to_vec();
            assert_eq!(inputs(&first)[1..], targets(&first)[..15]);
            assert_eq!(targets(&first)[15], inputs(&second)[0], "row {row} breaks");
        }
    }

    /// Windows that begin and end within pieces, at separators and beyond several short pieces.
    #[test]
    fn a_stream_is_its_pieces_with_a_separator_after_each() {
        let pieces: [&[u8]; 5] = [b"abc", b"d", b"", b"efgh", b"i"];
        let mut stream = Stream::default();
        pieces.iter().for_each(|piece| stream.push(Tokens::U8(piece)));
        let whole: Vec<u32> = b"abc-d--efgh-i-".iter().map(|byte| u32::from(*byte)).collect();
        assert_eq!(stream.len(), whole.len());
        for start in 0..whole.len() {
            for len in 0..=whole.len() - start {
                let window = stream.window(start, len, u32::from(b'-'));
                assert_eq!(window, whole[start..start + len], "{start} {len}");
            }
        }
    }

    /// The width of a token in a file changes nothing about the order.
    #[test]
    fn tokens_of_two_bytes_are_dealt_like_those_of_one() {
        let documents = documents();
        let wide: Vec<Vec<[u8; 2]>> = documents
            .iter()
            .map(|d| d.iter().map(|byte| u16::from(*byte).to_le_bytes()).collect())
            .collect();
        let mut narrow = data(&documents, 5);
        let wide = wide.iter().map(|d| Tokens::U16(d));
        let mut wide = TrainingData::new(wide, 0, 5, 4, 16).unwrap();
        for step in [1, 2, 90] {
            assert_eq!(wide.step(step), narrow.step(step));
        }
    }

    #[test]
    fn a_step_depends_on_seed_and_number_only() {
        let documents = documents();
        let mut forward = data(&documents, 1);
        let steps: Vec<TokenBatch> = (1..=200).map(|step| forward.step(step)).collect();
        let mut jumping = data(&documents, 1);
        for step in [200, 3, 77, 150, 1] {
            assert_eq!(jumping.step(step), steps[step as usize - 1], "step {step}");
        }
        assert_ne!(data(&documents, 2).step(1), steps[0]);
    }

    #[test]
    fn an_epoch_reads_nearly_every_byte_once_and_the_next_is_shuffled_anew() {
        let documents = documents();
        let mut data = data(&documents, 1);
        let bytes: usize = documents.iter().map(|document| document.len() + 1).sum();
        let steps = data.epoch.steps;
        let mut seen = [0usize; 256];
        for step in 1..=steps {
            data.step(step).inputs.iter().for_each(|token| seen[*token as usize] += 1);
        }
        let read: usize = seen.iter().sum();
        assert!(read > bytes * 3 / 4, "{read} of {bytes}");
        for document in &documents {
            assert!(seen[usize::from(document[0])] <= document.len(), "read twice");
        }
        let (first, next) = (data.step(1), data.step(steps + 1));
        assert_ne!(first, next);
    }

    #[test]
    fn one_long_document_fills_all_streams() {
        let document: Vec<u8> = (0..4000).map(|i| b'a' + (i % 26) as u8).collect();
        let data = TrainingData::new([Tokens::U8(&document)], 0, 0, 8, 32).unwrap();
        assert!(data.epoch.steps * 8 * 32 > 3000, "{} steps", data.epoch.steps);
    }

    #[test]
    fn a_corpus_that_does_not_fill_a_step_is_refused() {
        let refused = TrainingData::new([Tokens::U8(b"hello")], 0, 0, 4, 16).err().unwrap();
        let text = refused.to_string();
        assert!(text.contains("6 tokens") && text.contains("136"), "{text}");
        // The least that is accepted works, whatever the documents.
        for len in [1, 7, 67, 135] {
            let documents = vec![vec![b'x'; len]; 136_usize.div_ceil(len + 1)];
            let documents = documents.iter().map(|d| Tokens::U8(d));
            assert!(TrainingData::new(documents, 0, 0, 4, 16).is_ok(), "documents of {len}");
        }
    }
}
