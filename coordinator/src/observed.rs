//! What gauges tell, looked up from the database and from memory.

use std::collections::BTreeMap;
use std::sync::Arc;

use sweep_core::access::Actor;
use sweep_core::project::Wait;
use sweep_core::run::RunState;
use sweep_runtime::instruments::{Hours, Instruments, Observed};

use crate::context::Context;
use crate::{Error, queue};

/// Adds instruments where somebody reads them: Prometheus on the HTTP side, or a collector.
pub(crate) fn instrumented(
    context: Context,
    is_read: bool,
    otlp: Option<&str>,
) -> Result<Context, Error> {
    if !is_read && otlp.is_none() {
        return Ok(context);
    }
    Ok(context.with_instruments(Arc::new(Instruments::new(otlp)?)))
}

/// Looks up what gauges tell, again and again: a collector is sent what was looked up last.
pub(crate) async fn converge(context: Context) -> Result<(), Error> {
    if let Some(instruments) = context.instruments().filter(|of| of.is_pushed()) {
        instruments.set(observe(&context).await?);
    }
    Ok(())
}

/// Sends what a collector was not sent yet.
pub(crate) async fn finish(context: &Context) {
    let context = context.clone();
    // It waits for the collector.
    let finished = tokio::task::spawn_blocking(move || context.measure(Instruments::finish));
    if let Err(error) = finished.await {
        tracing::debug!(%error, "the last values were not sent");
    }
}

/// Looks everything up.
pub(crate) async fn observe(context: &Context) -> Result<Observed, Error> {
    let counts = context.store.runs_by_state().await?;
    let mut ledgers: BTreeMap<String, Hours> = BTreeMap::new();
    for sweep in context.store.sweeps().await? {
        let hours = ledgers.entry(sweep.project).or_default();
        hours.granted += sweep.balance.granted.hours();
        hours.reserved += sweep.balance.reserved.hours();
        hours.spent += sweep.balance.spent.hours();
    }
    let waiting = queue::view(context, &Actor::anybody()).await?.waiting;
    let runs = waiting.iter().filter(|waiting| waiting.run.is_some());
    // A sweep that is paused waits for a person, and not for a worker.
    let queued = runs.filter(|waiting| waiting.wait != Wait::Paused);
    let queued: Vec<_> = queued.map(|waiting| waiting.starts_in).collect();
    let last = queued.iter().copied().flatten().max();
    Ok(Observed {
        runs: RunState::ALL
            .iter()
            .map(|state| (state.to_string(), counts.get(state).copied().unwrap_or_default()))
            .collect(),
        queue_length: queued.len() as u64,
        queue_wait_seconds: last.map(|wait| wait.ms() as f64 / 1000.0),
        leases: context.store.open_leases().await?.len() as u64,
        workers: context.live().workers.len() as u64,
        ledgers: ledgers.into_iter().collect(),
        connections: context.store.connections(),
    })
}
