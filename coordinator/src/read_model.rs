//! What people see of a sweep, put together from the database and the live state.

use sweep_core::access::Actor;
use sweep_core::forecast::ForecastView;
use sweep_core::ids::SweepId;
use sweep_core::ledger::Balance;
use sweep_core::project::Waiting;
use sweep_core::spec;
use sweep_core::sweep::{RunRecord, SweepPhase, SweepRecord, SweepStatus};

use crate::context::{CalibrationJob, Context};
use crate::scheduler::{self, Assignment, Candidate, Problem, explain};
use crate::tasks::planning;
use crate::{Error, queue, reference};

/// The sweeps that exist for somebody, newest first.
pub(crate) async fn sweeps(context: &Context, actor: &Actor) -> Result<Vec<SweepRecord>, Error> {
    let mut sweeps = context.store.sweeps().await?;
    sweeps.retain(|sweep| actor.sees(&sweep.project));
    Ok(sweeps)
}

/// The sweep of this name or id, or the newest one for an empty name. One that does not exist for
/// whoever asks is not there.
pub(crate) async fn find(
    context: &Context,
    actor: &Actor,
    name: &str,
) -> Result<SweepRecord, Error> {
    if name.is_empty() {
        let newest = sweeps(context, actor).await?.into_iter().next();
        let what = "no sweep was submitted here yet".to_owned();
        return newest.ok_or(Error::NotFound { what });
    }
    let mut found = context.store.sweep_named(name).await?;
    if let (None, Ok(id)) = (&found, name.parse::<SweepId>()) {
        found = context.store.sweep(id).await?;
    }
    match found.filter(|sweep| actor.sees(&sweep.project)) {
        Some(sweep) => Ok(sweep),
        None => {
            let known = sweeps(context, actor).await?;
            let known: Vec<&str> = known.iter().map(|sweep| &*sweep.name).collect();
            Err(Error::NotFound { what: reference::no_sweep(name, &known) })
        }
    }
}

/// Everything about a sweep that a watcher draws.
pub(crate) async fn status(
    context: &Context,
    actor: &Actor,
    name: &str,
) -> Result<SweepStatus, Error> {
    let record = find(context, actor, name).await?;
    let spec = spec::parse(&record.yaml)?;
    let mut runs = context.store.runs(record.id).await?;
    let calibrations = planning::calibrations(context, &spec).await?.unwrap_or_default();
    let headlines = match context.store.latest_forecast(record.id).await? {
        Some(forecast) => forecast.crossovers.iter().map(|c| c.headline()).collect(),
        None => Vec::new(),
    };
    let imports = context.store.imports(record.id).await?;
    let events = context.store.control_events(record.id).await?;
    let proposal = context.store.open_proposal(record.id).await?;
    let waiting = match record.phase {
        SweepPhase::Done => Vec::new(),
        _ => queue::all_waiting(context).await?,
    };
    let live = context.live();
    for run in &mut runs {
        run.progress = live.progress.get(&run.spec.id).copied();
    }
    explain_waiting(&mut runs, &record, &waiting);
    let mut problems: Vec<String> =
        live.problems.get(&record.id).into_iter().flatten().chain(&live.faults).cloned().collect();
    for calibration in &calibrations {
        if let Some(CalibrationJob::Failed { reason }) = live.calibrations.get(&calibration.key) {
            let (arm, size) = (&calibration.arm, &calibration.size);
            problems.push(format!("the throughput of {arm} {size} cannot be measured: {reason}"));
        }
    }
    let workers_n = live.workers.len() as u32;
    Ok(SweepStatus {
        record,
        calibrations,
        runs,
        headlines,
        proposal,
        imports,
        events,
        workers_n,
        problems,
    })
}

/// Says of every waiting run, in plain words, what it waits for.
fn explain_waiting(runs: &mut [RunRecord], sweep: &SweepRecord, waiting: &[Waiting]) {
    let Balance { granted, spent, .. } = sweep.balance;
    let candidates =
        runs.iter().map(|run| Candidate { state: run.state, cost: run.spec.cost() }).collect();
    let Assignment { unaffordable, .. } =
        scheduler::solve(&Problem { balance: sweep.balance, candidates });
    let mut words = explain::words(waiting, sweep.id);
    for (index, run) in runs.iter_mut().enumerate() {
        run.waiting = if unaffordable.contains(&index) {
            let (cost, left) = (run.spec.cost(), granted.saturating_sub(spent));
            Some(format!("not started: it costs {cost} and {left} of the budget are left"))
        } else {
            words.remove(&run.spec.id)
        };
    }
}

/// The newest forecast with the data behind it.
pub(crate) async fn forecast(
    context: &Context,
    actor: &Actor,
    name: &str,
) -> Result<ForecastView, Error> {
    let record = find(context, actor, name).await?;
    let spec = spec::parse(&record.yaml)?;
    let forecast = context.store.latest_forecast(record.id).await?;
    let forecast = forecast.ok_or_else(|| Error::NotFound {
        what: format!("the sweep `{}` has no forecast yet: no run has finished", record.name),
    })?;
    let observations = context.store.observations(record.id).await?;
    let hours_unit = spec.hours_unit().to_owned();
    Ok(ForecastView { sweep_name: record.name, hours_unit, observations, forecast })
}
