//! Asks for the runs to make next after each refit, and approves what budget.yaml lets it.

use sweep_core::sweep::SweepPhase;

use super::laws;
use crate::context::Context;
use crate::{Error, proposals};

pub(super) async fn converge(context: Context) -> Result<(), Error> {
    for sweep in context.store.sweeps().await? {
        // A forecast that is about to be replaced is not worth a proposal.
        if sweep.phase == SweepPhase::Calibrating || laws::behind(&context, sweep.id).await? {
            continue;
        }
        if let Some(next) = proposals::next(&context, &sweep).await? {
            proposals::take(&context, &sweep, next).await?;
        }
    }
    Ok(())
}
