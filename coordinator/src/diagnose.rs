//! How this coordinator is.

use std::collections::BTreeSet;

use sweep_core::access::Actor;
use sweep_core::clock::Timestamp;
use sweep_core::diagnosis::{ServerReport, TokenReport};
use sweep_core::ids::WorkerId;

use crate::Error;
use crate::context::Context;

/// What it tells of itself to whoever asks.
pub(crate) async fn diagnose(context: &Context, actor: &Actor) -> Result<ServerReport, Error> {
    let token = match actor.token {
        Some(id) => context.store.token(id).await?.map(|(token, _)| TokenReport {
            name: token.name,
            role: token.role,
            project: token.project,
            expires_at: token.expires_at,
        }),
        None => None,
    };
    let workers_n = u32::try_from(workers(context).await?.len()).unwrap_or(u32::MAX);
    let database = context.store.condition().await?;
    Ok(ServerReport {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        // Last, so that it is close to when the answer is sent.
        at: context.now(),
        database,
        disk_free_bytes: disk_free_bytes(context),
        workers_n,
        token,
    })
}

/// Workers that have asked for work within the time of a lease, or hold one.
async fn workers(context: &Context) -> Result<BTreeSet<WorkerId>, Error> {
    let now = context.now();
    let leases = context.store.open_leases().await?;
    let holding = leases.iter().filter(|lease| lease.expires_at > now).map(|lease| lease.worker);
    let mut alive: BTreeSet<WorkerId> = holding.collect();
    let since = Timestamp(now.0 - context.timing.lease_ms);
    let live = context.live();
    let lately = live.workers.iter().filter(|(_, seen)| **seen >= since);
    alive.extend(lately.map(|(worker, _)| *worker));
    Ok(alive)
}

/// What whoever is not root may still write.
fn disk_free_bytes(context: &Context) -> Option<u64> {
    let disk = rustix::fs::statvfs(&*context.data_dir).ok()?;
    Some(disk.f_bavail.saturating_mul(disk.f_frsize))
}
