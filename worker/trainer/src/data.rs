//! Which tokens every optimiser step sees: a pure function of the documents, the seed and the
//! step, so that a resumed run needs to store nothing about its data.
//!
//! Every pass over the text shuffles the documents anew, ends each with a separator and deals it to the
//! currently shortest of `batch` streams; a step reads the next window of every stream. A recurrent
//! model therefore finds the continuation of what it read one step before.
//!
//! Of a mix every pass draws from each corpus by its weight, in the order of that corpus's own epochs; a
//! corpus that was read as often as it may be is left out, and the others share its weight.

mod stream;

use std::ops::Range;

use sweep_corpus::Tokens;

use self::stream::Stream;

use crate::error::Error;
use crate::random::{Purpose, Random};

/// A document longer than this part of a stream is dealt in pieces, so that the streams of a
/// corpus of few documents still come out nearly equal.
const PIECES_PER_STREAM: usize = 8;
/// A pass over a mix draws at least so many times what a step needs, however small its corpora are.
const PASS_MIN: usize = 8;
/// All corpora of a mix together are read in at most so many passes.
const PASSES_MAX: usize = 64;

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

    /// `n` rows from `first` on.
    pub(crate) fn rows(&self, first: usize, n: usize) -> Self {
        let places = first * self.sequence..(first + n) * self.sequence;
        let (inputs, targets) = (&self.inputs[places.clone()], &self.targets[places]);
        let (inputs, targets) = (inputs.to_vec(), targets.to_vec());
        Self { batch: n, sequence: self.sequence, inputs, targets }
    }

    #[must_use]
    pub const fn tokens_n(&self) -> usize {
        self.batch * self.sequence
    }
}

/// The training text of one run.
pub struct TrainingData<'a> {
    sources: Vec<Cut<'a>>,
    separator: u32,
    seed: u64,
    batch: usize,
    sequence: usize,
    /// Tokens that a pass draws at least.
    least: u64,
    pass: Pass<'a>,
}

/// A corpus to draw documents from.
pub struct Source<'a> {
    pub documents: Vec<Tokens<'a>>,
    /// Its share of the tokens, relative to the other weights.
    pub weight: f64,
    /// How often it may be read; none where without end.
    pub epochs_max: Option<f64>,
}

/// What was read of a corpus.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Read {
    pub tokens: u64,
    /// Different ones among them.
    pub unique_tokens: u64,
    /// How often its text was read, on average.
    pub epochs: f64,
}

/// A corpus in pieces.
struct Cut<'a> {
    pieces: Vec<Tokens<'a>>,
    /// Of all pieces, each with its separator.
    tokens_n: u64,
    weight: f64,
    tokens_max: u64,
}

/// One pass over the text: of one corpus an epoch, of several the tokens in which one of them is read
/// once.
struct Pass<'a> {
    number: u64,
    /// Step at which the pass begins.
    first_step: u64,
    steps: u64,
    /// Tokens drawn of every corpus in the passes before.
    before: Vec<u64>,
    /// Tokens drawn of every corpus in this pass.
    drawn: Vec<u64>,
    /// Tokens read of every corpus in the passes before.
    read: Vec<f64>,
    streams: Vec<Stream<'a>>,
}

impl<'a> Source<'a> {
    /// A corpus alone.
    #[must_use]
    pub fn alone(documents: impl IntoIterator<Item = Tokens<'a>>) -> Vec<Self> {
        let documents = documents.into_iter().collect();
        vec![Self { documents, weight: 1.0, epochs_max: None }]
    }
}

impl<'a> TrainingData<'a> {
    /// # Errors
    /// [`Error::CorpusTooSmall`] where the documents do not fill one step.
    pub fn new(
        sources: Vec<Source<'a>>,
        separator: u32,
        seed: u64,
        batch: usize,
        sequence: usize,
    ) -> Result<Self, Error> {
        // Streams differ by less than one piece, so each holds a window when two fit on average.
        let needed = 2 * batch * (sequence + 1);
        let tokens_n = |source: &Source<'_>| -> usize {
            source.documents.iter().map(|document| document.len() + 1).sum()
        };
        let tokens: usize = sources.iter().map(tokens_n).sum();
        if tokens < needed || sources.iter().any(|source| tokens_n(source) == 0) {
            return Err(Error::CorpusTooSmall { split: "training", tokens, needed });
        }
        let alone = sources.len() == 1;
        // Every pass shuffles all that is left of an epoch, which is to be worth while.
        let least =
            if alone { tokens } else { (PASS_MIN * needed).max(tokens / PASSES_MAX) } as u64;
        let piece_len = (least as usize / (batch * PIECES_PER_STREAM)).max(1);
        let cut = |source: Source<'a>| {
            let chunks = source.documents.iter().flat_map(|document| document.chunks(piece_len));
            let pieces: Vec<Tokens<'a>> = chunks.collect();
            let tokens_n = pieces.iter().map(|piece| piece.len() as u64 + 1).sum();
            let most = source.epochs_max.map(|epochs| (epochs * tokens_n as f64) as u64);
            let tokens_max = most.unwrap_or(u64::MAX);
            Cut { pieces, tokens_n, weight: source.weight, tokens_max }
        };
        let sources: Vec<Cut<'a>> = sources.into_iter().map(cut).collect();
        let mut data = Self {
            separator,
            seed,
            batch,
            sequence,
            least,
            pass: Pass::none(sources.len()),
            sources,
        };
        data.pass = data.deal(0, 0, vec![0; data.sources.len()], vec![0.0; data.sources.len()]);
        Ok(data)
    }

    /// The tokens of optimiser step `step`, counted from 1.
    pub fn step(&mut self, step: u64) -> TokenBatch {
        let index = step - 1;
        if index < self.pass.first_step {
            let corpora_n = self.sources.len();
            self.pass = self.deal(0, 0, vec![0; corpora_n], vec![0.0; corpora_n]);
        }
        while index >= self.pass.first_step + self.pass.steps {
            let next = self.pass.first_step + self.pass.steps;
            let before: Vec<u64> =
                self.pass.before.iter().zip(&self.pass.drawn).map(|(a, b)| a + b).collect();
            self.pass = self.deal(self.pass.number + 1, next, before, self.read_until(next));
        }
        let start = (index - self.pass.first_step) as usize * self.sequence;
        let len = self.sequence + 1;
        let windows = self.pass.streams.iter().map(|s| s.window(start, len, self.separator));
        TokenBatch::from_windows(windows, self.sequence)
    }

    /// What was read of every corpus in the first `steps` steps, to the last of which [`Self::step`] was
    /// called: of a pass that is not at its end, the share of its steps.
    #[must_use]
    pub fn read(&self, steps: u64) -> Vec<Read> {
        let read = self.read_until(steps).into_iter().zip(&self.sources);
        read.map(|(tokens, source)| {
            let (whole, tokens) = (source.tokens_n as f64, tokens.round());
            let unique_tokens = tokens.min(whole) as u64;
            Read { tokens: tokens as u64, unique_tokens, epochs: tokens / whole }
        })
        .collect()
    }

    fn read_until(&self, steps: u64) -> Vec<f64> {
        let Pass { first_step, drawn, read, .. } = &self.pass;
        let tokens = (steps - first_step) as f64 * (self.batch * self.sequence) as f64;
        let all: u64 = drawn.iter().sum();
        let share = |drawn: &u64| *drawn as f64 / all as f64;
        read.iter().zip(drawn).map(|(read, drawn)| read + tokens * share(drawn)).collect()
    }

    /// Tokens that a pass draws of every corpus, of which so many are left.
    fn quotas(&self, left: &[u64]) -> Vec<u64> {
        let open = || self.sources.iter().zip(left).filter(|(_, left)| **left > 0);
        let weights: f64 = open().map(|(source, _)| source.weight).sum();
        let once = open().map(|(source, _)| source.tokens_n as f64 * weights / source.weight);
        let tokens = once.fold(f64::INFINITY, f64::min).max(self.least as f64);
        let quota = |(source, left): (&Cut<'_>, &u64)| {
            ((tokens * source.weight / weights).round() as u64).min(*left)
        };
        self.sources.iter().zip(left).map(quota).collect()
    }

    fn deal(&self, number: u64, first_step: u64, before: Vec<u64>, read: Vec<f64>) -> Pass<'a> {
        let left = |(source, before): (&Cut<'_>, &u64)| source.tokens_max.saturating_sub(*before);
        let left: Vec<u64> = self.sources.iter().zip(&before).map(left).collect();
        let pass = self.deal_of(&left, number, first_step, before, read);
        if pass.steps > 0 {
            return pass;
        }
        // Ends of streams are not read, so that all limits are met a little before the end of a run whose
        // tokens they were checked for.
        let Pass { before, read, .. } = pass;
        let pass = self.deal_of(&vec![u64::MAX; left.len()], number, first_step, before, read);
        assert!(pass.steps > 0, "the constructor checked that every stream holds a window");
        pass
    }

    fn deal_of(
        &self,
        left: &[u64],
        number: u64,
        first_step: u64,
        before: Vec<u64>,
        read: Vec<f64>,
    ) -> Pass<'a> {
        let drawn = self.quotas(left);
        let mut pieces = Vec::new();
        for (index, (before, drawn)) in before.iter().zip(&drawn).enumerate() {
            self.draw(index, *before..before + drawn, &mut pieces);
        }
        if self.sources.len() > 1 {
            Random::new(self.seed, Purpose::Mix { pass: number }).shuffle(&mut pieces);
        }
        let mut streams = vec![Stream::default(); self.batch];
        for piece in pieces {
            let shortest = streams.iter_mut().min_by_key(|stream| stream.len());
            shortest.expect("a batch has at least one sequence").push(piece);
        }
        let shortest = streams.iter().map(Stream::len).min().unwrap_or(0);
        let steps = (shortest.saturating_sub(1) / self.sequence) as u64;
        Pass { number, first_step, steps, before, drawn, read, streams }
    }

    /// The pieces of a corpus that begin at these tokens of its endless repetition, in which every epoch
    /// is shuffled anew.
    fn draw(&self, index: usize, places: Range<u64>, pieces: &mut Vec<Tokens<'a>>) {
        let Cut { pieces: all, tokens_n, .. } = &self.sources[index];
        for epoch in places.start / tokens_n..places.end.div_ceil(*tokens_n) {
            let mut order = all.clone();
            let purpose = Purpose::Documents { corpus: index as u64, epoch };
            Random::new(self.seed, purpose).shuffle(&mut order);
            let mut place = epoch * tokens_n;
            for piece in order {
                if places.contains(&place) {
                    pieces.push(piece);
                }
                place += piece.len() as u64 + 1;
            }
        }
    }
}

impl Pass<'_> {
    /// Before the first.
    fn none(corpora_n: usize) -> Self {
        Self {
            number: 0,
            first_step: 0,
            steps: 0,
            before: vec![0; corpora_n],
            drawn: vec![0; corpora_n],
            read: vec![0.0; corpora_n],
            streams: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Documents of distinct bytes, so that a token tells its document.
    fn documents() -> Vec<Vec<u8>> {
        (1..=40u8).map(|i| vec![i; 20 + usize::from(i) * 3]).collect()
    }

    fn alone(documents: &[Vec<u8>]) -> Vec<Source<'_>> {
        Source::alone(documents.iter().map(|document| Tokens::U8(document)))
    }

    fn data(documents: &[Vec<u8>], seed: u64) -> TrainingData<'_> {
        TrainingData::new(alone(documents), 0, seed, 4, 16).unwrap()
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
        let mut wide = TrainingData::new(Source::alone(wide), 0, 5, 4, 16).unwrap();
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
        let steps = data.pass.steps;
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
        let data = TrainingData::new(Source::alone([Tokens::U8(&document)]), 0, 0, 8, 32).unwrap();
        assert!(data.pass.steps * 8 * 32 > 3000, "{} steps", data.pass.steps);
    }

    #[test]
    fn a_corpus_that_does_not_fill_a_step_is_refused() {
        let refused =
            TrainingData::new(Source::alone([Tokens::U8(b"hello")]), 0, 0, 4, 16).err().unwrap();
        let text = refused.to_string();
        assert!(text.contains("6 tokens") && text.contains("136"), "{text}");
        // The least that is accepted works, whatever the documents.
        for len in [1, 7, 67, 135] {
            let documents = vec![vec![b'x'; len]; 136_usize.div_ceil(len + 1)];
            assert!(
                TrainingData::new(alone(&documents), 0, 0, 4, 16).is_ok(),
                "documents of {len}"
            );
        }
    }

    /// A large corpus of `a`, one of `b` and a small one of `c`; their tokens tell them apart.
    fn mixed(
        documents: &[Vec<u8>; 3],
        weights: [f64; 3],
        most: [Option<f64>; 3],
    ) -> TrainingData<'_> {
        let source = |index: usize| Source {
            documents: documents[index].chunks(50).map(Tokens::U8).collect(),
            weight: weights[index],
            epochs_max: most[index],
        };
        TrainingData::new((0..3).map(source).collect(), 0, 9, 4, 16).unwrap()
    }

    fn three() -> [Vec<u8>; 3] {
        [vec![b'a'; 60_000], vec![b'b'; 9_000], vec![b'c'; 700]]
    }

    /// Shares of a, b and c in these steps.
    fn shares(data: &mut TrainingData<'_>, steps: Range<u64>) -> [f64; 3] {
        let mut seen = [0usize; 256];
        let tokens_n = (steps.end - steps.start) as f64 * 64.0 * 50.0 / 51.0;
        for step in steps {
            data.step(step).inputs.iter().for_each(|token| seen[*token as usize] += 1);
        }
        [b'a', b'b', b'c'].map(|letter| seen[usize::from(letter)] as f64 / tokens_n)
    }

    #[test]
    fn a_mix_is_read_by_its_weights_and_counted() {
        let documents = three();
        let mut data = mixed(&documents, [3.0, 2.0, 1.0], [None; 3]);
        let found = shares(&mut data, 1..1001);
        for (found, expected) in found.into_iter().zip([0.5, 1.0 / 3.0, 1.0 / 6.0]) {
            assert!((found / expected - 1.0).abs() < 0.05, "{found} for {expected}");
        }
        let read = data.read(1000);
        assert_eq!(read.iter().map(|read| read.tokens).sum::<u64>(), 64_000);
        for (read, share) in read.iter().zip(found) {
            assert!((read.tokens as f64 / 64_000.0 / share - 1.0).abs() < 0.05, "{read:?}");
        }
        let unique: Vec<u64> = read.iter().map(|read| read.unique_tokens).collect();
        assert!(unique[0] == read[0].tokens && unique[1..] == [9_360, 728], "{unique:?}");
        assert!((read[2].epochs - 64_000.0 / 6.0 / 728.0).abs() < 1.0, "{read:?}");
    }

    #[test]
    fn a_mix_depends_on_seed_and_step_only() {
        let documents = three();
        let mix = || mixed(&documents, [3.0, 2.0, 1.0], [None, None, Some(4.0)]);
        let mut forward = mix();
        let steps: Vec<TokenBatch> = (1..=300).map(|step| forward.step(step)).collect();
        let mut jumping = mix();
        for step in [300, 3, 177, 1] {
            assert_eq!(jumping.step(step), steps[step as usize - 1], "step {step}");
        }
        forward.step(300);
        jumping.step(300);
        assert_eq!(forward.read(300), jumping.read(300));
    }

    #[test]
    fn a_corpus_that_was_read_as_often_as_it_may_be_leaves_its_share_to_the_others() {
        let documents = three();
        let mut data = mixed(&documents, [1.0, 1.0, 2.0], [None, None, Some(3.0)]);
        let early = shares(&mut data, 1..41);
        assert!(early[2] > 0.4, "{early:?}");
        let late = shares(&mut data, 501..701);
        assert_eq!(late[2], 0.0);
        assert!((late[0] - 0.5).abs() < 0.05 && (late[1] - 0.5).abs() < 0.05, "{late:?}");
        let read = data.read(700);
        assert!(read[2].epochs <= 3.0 && read[2].epochs > 2.5, "{read:?}");
        // All limits met: what is left of a run is a matter of the ends of streams.
        let mut short = mixed(&documents, [1.0; 3], [Some(0.1), Some(0.1), Some(1.0)]);
        short.step(400);
    }

    /// What a mix of one corpus reads is what that corpus alone does.
    #[test]
    fn one_corpus_without_end_is_read_as_before_there_were_mixes() {
        let documents = documents();
        let mut alone = data(&documents, 3);
        let mut half = Source::alone(documents.iter().map(|d| Tokens::U8(d)));
        half[0].weight = 0.5;
        let mut half = TrainingData::new(half, 0, 3, 4, 16).unwrap();
        for step in [1, 50, 120] {
            assert_eq!(half.step(step), alone.step(step));
        }
    }
}
