//! What a sweep came to, and what must hold of it whatever happened on the way.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, Result, ensure};
use sweep_core::metric::{Metric, MetricPoint};
use sweep_core::run::{RunResult, RunState};
use sweep_core::sweep::SweepPhase;
use sweep_core::units::AcceleratorTime;
use sweep_store::EntryKind;

use crate::sandbox::Stored;

/// What a run found, without what depends on the machine's mood.
#[derive(Debug, PartialEq)]
pub(crate) struct Found {
    result: RunResult,
    metrics: BTreeMap<Metric, Vec<MetricPoint>>,
}

/// All findings of a finished sweep by the run's label; labels are equal between sweeps of one
/// budget.yaml, ids are not.
pub(crate) async fn findings(stored: &Stored) -> Result<BTreeMap<String, Found>> {
    let mut findings = BTreeMap::new();
    for run in &stored.runs {
        let mut metrics = BTreeMap::new();
        for metric in Metric::ALL {
            metrics.insert(metric, stored.store.metrics(run.spec.id, metric).await?);
        }
        let result =
            run.result.clone().with_context(|| format!("{} has none", run.spec.label()))?;
        let result = RunResult { tokens_per_second: 0.0, ..result };
        findings.insert(run.spec.label(), Found { result, metrics });
    }
    Ok(findings)
}

/// What must hold of every finished sweep.
pub(crate) async fn check_finished(stored: &Stored) -> Result<()> {
    ensure!(stored.sweep.phase == SweepPhase::Done, "the sweep is {:?}", stored.sweep.phase);
    check_books(stored).await?;
    for run in &stored.runs {
        ensure!(run.state == RunState::Succeeded, "{} {}", run.spec.label(), run.state);
        for metric in Metric::ALL {
            let points = stored.store.metrics(run.spec.id, metric).await?;
            // Of the baselines no hidden unit is ever zero, and no weight of few bits.
            let of_variants = [Metric::ActiveShare, Metric::OscillatingShare];
            let expected = !of_variants.contains(&metric);
            ensure!(points.is_empty() != expected, "{}: {metric}", run.spec.label());
            let ascending = points.is_sorted_by(|a, b| a.step < b.step);
            ensure!(ascending, "{} has {metric} twice at a step", run.spec.label());
        }
    }
    let observations = stored.store.observations(stored.sweep.id).await?;
    let observed: BTreeSet<_> = observations.iter().map(|observation| observation.run).collect();
    let all: BTreeSet<_> = stored.runs.iter().map(|run| run.spec.id).collect();
    ensure!(observed == all, "observed were {observed:?}, and the runs are {all:?}");
    ensure!(observations.len() == all.len(), "{} observations", observations.len());
    let forecasts = stored.store.forecasts(stored.sweep.id).await?;
    let last = forecasts.last().context("there is no forecast")?;
    ensure!(last.observations_n as usize == observations.len(), "the forecast is behind");
    for pair in forecasts.windows(2) {
        ensure!(pair[1].parent == Some(pair[0].id), "forecasts are not a chain");
    }
    Ok(())
}

/// Nobody holds a run, nothing is reserved, and the journal adds up to the totals, to the millisecond.
pub(crate) async fn check_books(stored: &Stored) -> Result<()> {
    let Stored { store, sweep, runs } = stored;
    let open = store.open_leases().await?;
    ensure!(open.is_empty(), "still held: {open:?}");
    let balance = store.balance(sweep.id).await?;
    ensure!(balance.holds() && balance.reserved.ms() == 0, "{balance:?}");
    let charged: AcceleratorTime = runs.iter().map(|run| run.spent).sum();
    ensure!(charged == balance.spent, "runs used {charged} of {balance:?}");
    let journal = store.ledger_entries(sweep.id).await?;
    let total = |kinds: &[EntryKind]| -> u64 {
        let meant = journal.iter().filter(|entry| kinds.contains(&entry.kind));
        meant.map(|entry| entry.amount.ms()).sum()
    };
    let granted = total(&[EntryKind::Grant]);
    let promised = total(&[EntryKind::Reserve, EntryKind::Extend]);
    let (spent, refunded) = (total(&[EntryKind::Spend]), total(&[EntryKind::Refund]));
    ensure!(granted == balance.granted.ms(), "{granted} ms granted, and {balance:?}");
    ensure!(spent == balance.spent.ms(), "{spent} ms spent, and {balance:?}");
    ensure!(promised == spent + refunded, "{promised} ms reserved, {refunded} ms given back");
    Ok(())
}
