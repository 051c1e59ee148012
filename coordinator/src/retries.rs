//! Whether an attempt that ended badly is followed by another.

use sweep_core::retry::{self, AttemptEnd, Verdict};
use sweep_core::run::FailureReason;
use sweep_proto::RunKey;
use sweep_store::Back;

use crate::Error;
use crate::context::Context;

/// How the run goes back to the queue; none where it was repeated often enough.
pub(crate) async fn back(
    context: &Context,
    key: RunKey,
    end: AttemptEnd,
    failure: Option<&FailureReason>,
) -> Result<Option<Back>, Error> {
    let gone = || Error::NotFound { what: format!("no run {}", key.run) };
    let (sweep, run) = context.store.run(key.run).await?.ok_or_else(gone)?;
    let spec = context.store.spec(sweep).await?.ok_or_else(gone)?;
    let earlier_n = context.store.ended_so(key.run, end, key.epoch).await?;
    let verdict = retry::decide(&spec.retries, end, earlier_n + 1, run.spec.seed);
    Ok(match verdict {
        Verdict::Enough => None,
        Verdict::Again { after_ms } => {
            let wait = i64::try_from(after_ms).ok().filter(|wait| *wait > 0);
            let not_before = wait.map(|wait| context.now().plus_ms(wait));
            Some(Back { end, failure: failure.cloned(), not_before })
        }
    })
}
