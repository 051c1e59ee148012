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
    /// Tokens of the pieces that begin among them.
    dealt: Vec<u64>,
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
        let Pass { first_step, dealt, read, .. } = &self.pass;
        let tokens = (steps - first_step) as f64 * (self.batch * self.sequence) as f64;
        let all: u64 = dealt.iter().sum();
        let share = |dealt: &u64| *dealt as f64 / all as f64;
        read.iter().zip(dealt).map(|(read, dealt)| read + tokens * share(dealt)).collect()
    }

    /// Tokens that a pass draws of every corpus, of which so many are left.
    fn quotas(&self, left: &[u64]) -> Vec<u64> {
        let open = || self.sources.iter().zip(left).filter(|(_, left)| **left > 0);
        let weights: f64 = open().map(|(source, _)| source.weight).sum();
        // A corpus that is used up before it is read once is so at the end of the pass, not in its midst.
        let once = open()
            .map(|(source, left)| source.tokens_n.min(*left) as f64 * weights / source.weight);
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
        let (mut pieces, mut dealt) = (Vec::new(), Vec::new());
        for (index, (before, drawn)) in before.iter().zip(&drawn).enumerate() {
            let limit = before.saturating_add(left[index]);
            dealt.push(self.draw(index, *before..before + drawn, limit, &mut pieces));
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
        Pass { number, first_step, steps, before, drawn, dealt, read, streams }
    }

    /// The pieces of a corpus that begin at these tokens of its endless repetition, in which every epoch
    /// is shuffled anew, but none that ends after the limit; and how many tokens they have.
    fn draw(
        &self,
        index: usize,
        places: Range<u64>,
        limit: u64,
        pieces: &mut Vec<Tokens<'a>>,
    ) -> u64 {
        let mut dealt = 0;
        let Cut { pieces: all, tokens_n, .. } = &self.sources[index];
        for epoch in places.start / tokens_n..places.end.div_ceil(*tokens_n) {
            let mut order = all.clone();
            let purpose = Purpose::Documents { corpus: index as u64, epoch };
            Random::new(self.seed, purpose).shuffle(&mut order);
            let mut place = epoch * tokens_n;
            for piece in order {
                let tokens_n = piece.len() as u64 + 1;
                if places.contains(&place) && place + tokens_n <= limit {
                    pieces.push(piece);
                    dealt += tokens_n;
                }
                place += tokens_n;
            }
        }
        dealt
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
            dealt: vec![0; corpora_n],
            read: vec![0.0; corpora_n],
            streams: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests;
