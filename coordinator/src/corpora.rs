//! Prepares the text of a sweep and checks that it is enough.

use sweep_core::corpus::CorpusRef;
use sweep_core::spec::{DataSpec, MixEntry, SweepSpec};
use sweep_corpus::{Library, Share};

use crate::Error;
use crate::context::Context;

/// Held-out text that an evaluation needs at least, in sequences: fewer would make the loss of
/// every run depend on a handful of lines.
const VALIDATION_SEQUENCES_MIN: u64 = 64;
/// Training text at least, in batches.
const TRAIN_BATCHES_MIN: u64 = 4;

/// Prepares the corpora that a budget.yaml names.
pub(crate) async fn prepare(context: &Context, spec: &SweepSpec) -> Result<CorpusRef, Error> {
    let library = context.library.clone();
    let data = spec.data.clone();
    // Reading a corpus takes seconds and blocks: it runs beside the server, not in it.
    let prepared = tokio::task::spawn_blocking(move || read(&library, &data));
    let name = spec.data.corpora_name();
    prepared.await?.map_err(|source| Error::Corpus { name, source })
}

fn read(library: &Library, data: &DataSpec) -> Result<CorpusRef, sweep_corpus::Error> {
    let corpora = data.corpora();
    let mut shares = Vec::new();
    for MixEntry { corpus, weight, epochs_max } in corpora {
        shares.push(Share { corpus: library.prepare(&corpus)?, weight, epochs_max });
    }
    let reference = library.reference(&shares, data.tokenizer)?;
    let (sequence, batch) = (data.sequence.0, u64::from(data.batch.0));
    let needed = |tokens: u64| tokens * bytes_per_token(&reference);
    // A small corpus of a mix may be less than a batch, but not less than can be judged by.
    let train_bytes = needed(TRAIN_BATCHES_MIN * batch * sequence);
    let train_bytes = if shares.len() == 1 { train_bytes } else { needed(sequence) };
    for share in &shares {
        share.corpus.require(needed(VALIDATION_SEQUENCES_MIN * sequence), train_bytes)?;
    }
    Ok(reference)
}

/// Bytes of training text that a token stands for, rounded up.
fn bytes_per_token(reference: &CorpusRef) -> u64 {
    reference.train_bytes.div_ceil(reference.train_tokens_n().max(1))
}
