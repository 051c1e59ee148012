//! Prepares the text of a sweep and checks that it is enough.

use sweep_core::corpus::CorpusRef;
use sweep_core::spec::SweepSpec;

use crate::Error;
use crate::context::Context;

/// Held-out text that an evaluation needs at least, in sequences: fewer would make the loss of
/// every run depend on a handful of lines.
const VALIDATION_SEQUENCES_MIN: u64 = 64;
/// Training text at least, in batches.
const TRAIN_BATCHES_MIN: u64 = 4;

/// Prepares the corpus that a budget.yaml names.
pub(crate) async fn prepare(context: &Context, spec: &SweepSpec) -> Result<CorpusRef, Error> {
    let library = context.library.clone();
    let name = spec.data.corpus.clone();
    let tokenizer = spec.data.tokenizer;
    let sequence = spec.data.sequence.0;
    let batch = u64::from(spec.data.batch.0);
    // Reading a corpus takes seconds and blocks: it runs beside the server, not in it.
    let prepared = tokio::task::spawn_blocking(move || {
        let corpus = library.prepare(&name)?;
        let reference = library.reference(&corpus, tokenizer)?;
        let needed = |tokens: u64| tokens * bytes_per_token(&reference);
        corpus.require(
            needed(VALIDATION_SEQUENCES_MIN * sequence),
            needed(TRAIN_BATCHES_MIN * batch * sequence),
        )?;
        Ok(reference)
    });
    prepared.await?.map_err(|source| Error::Corpus { name: spec.data.corpus.clone(), source })
}

/// Bytes of training text that a token stands for, rounded up.
fn bytes_per_token(reference: &CorpusRef) -> u64 {
    let tokenizer = reference.tokenizer.as_ref();
    tokenizer.map_or(1, |tokenizer| reference.train_bytes.div_ceil(tokenizer.train_tokens_n.max(1)))
}
