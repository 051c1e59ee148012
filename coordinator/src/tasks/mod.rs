//! Background tasks. Each takes no input: woken by a change or by its timer, it re-reads the state
//! and brings it one step closer to what it should be. So there is one path for normal work,
//! restart and recovery.

mod laws;
mod lead;
pub(crate) mod planning;
mod proposals;
mod reaper;
mod storage;

use std::future::Future;
use std::time::Duration;

use tokio::task::JoinSet;

use crate::context::Context;
use crate::{Error, observed};

/// A change wakes the tasks at once; this is for what no change announces, such as expiry.
const TICK: Duration = Duration::from_secs(1);

/// Runs all tasks until they are aborted with the set.
pub(crate) fn spawn_all(context: &Context) -> JoinSet<()> {
    use Who::{Everybody, Leader};
    use Woken::{ByChange, ByTick};
    let mut tasks = JoinSet::new();
    tasks.spawn(lead::keep(context.clone()));
    // Throughputs are asked for where workers ask for work, so that every coordinator plans.
    tasks.spawn(converge(context.clone(), "planning", Everybody, ByChange, planning::converge));
    tasks.spawn(converge(context.clone(), "laws", Leader, ByChange, laws::converge));
    tasks.spawn(converge(context.clone(), "proposals", Leader, ByChange, proposals::converge));
    let reaper = reaper::Reaper::default();
    let reap = move |context| reaper.clone().converge(context);
    tasks.spawn(converge(context.clone(), "reaper", Everybody, ByChange, reap));
    tasks.spawn(converge(context.clone(), "storage", Leader, ByTick, storage::converge));
    tasks.spawn(converge(context.clone(), "instruments", Everybody, ByTick, observed::converge));
    tasks
}

/// Which of the coordinators of one database does a task.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Who {
    Everybody,
    /// What two would do twice.
    Leader,
}

/// What a round of a task waits for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Woken {
    ByChange,
    /// What nobody waits for need not be done at once.
    ByTick,
}

/// Runs one task forever. A failed round is reported as a fault and tried again.
async fn converge<F, Fut>(context: Context, name: &'static str, who: Who, woken: Woken, round: F)
where
    F: Fn(Context) -> Fut,
    Fut: Future<Output = Result<(), Error>>,
{
    let mut changes = context.watch();
    let mut reported = None;
    loop {
        if who == Who::Leader {
            context.lead().await;
        }
        changes.mark_unchanged();
        let fault = round(context.clone()).await.err().map(|error| fault_text(name, error));
        let failed = fault.is_some();
        if fault != reported {
            let mut live = context.live();
            if let Some(old) = reported.take() {
                live.faults.remove(&old);
            }
            if let Some(new) = &fault {
                tracing::error!(fault = new, "a background task failed");
                live.faults.insert(new.clone());
            }
            drop(live);
            reported = fault;
            context.changed();
        }
        if failed || woken == Woken::ByTick {
            // What failed will mostly fail again: changes must not turn that into a busy loop.
            tokio::time::sleep(TICK).await;
        } else {
            // Whoever sends changes lives as long as the context that this task holds.
            let _ = tokio::time::timeout(TICK, changes.changed()).await;
        }
    }
}

fn fault_text(task: &str, error: Error) -> String {
    let wire = sweep_proto::WireError::from(error);
    let hint = wire.hint.map(|hint| format!(" ({hint})")).unwrap_or_default();
    format!("{task}: {}{hint}", wire.message)
}
