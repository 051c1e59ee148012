//! Keeps what is stored small and quick to read: points of runs that have ended are put together.

use crate::Error;
use crate::context::Context;

/// Runs of one round. Others wait for the next: each is a transaction of its own.
const RUNS_N: u64 = 16;

pub(super) async fn converge(context: Context) -> Result<(), Error> {
    context.store.prepare_partitions(context.now()).await?;
    for run in context.store.loose_runs(RUNS_N).await? {
        context.store.put_metrics_together(run).await?;
    }
    Ok(())
}
