//! Brings each sweep from submission to its plan, and its runs into the queue.

use sweep_core::control::{self, Control, Subject};
use sweep_core::run::{RunEvent, RunState};
use sweep_core::spec::{self, SweepSpec};
use sweep_core::sweep::{Calibration, RunRecord, SweepPhase, SweepRecord};
use sweep_store::Error as StoreError;
use sweep_store::fault::{self, Point};

use crate::calibrate;
use crate::context::{CalibrationJob, Context};
use crate::planner::{self, PlanInput};
use crate::scheduler::{self, Assignment, Candidate, Problem};
use crate::{Error, corpora, proposals};

pub(super) async fn converge(context: Context) -> Result<(), Error> {
    for sweep in context.store.sweeps().await? {
        match sweep.phase {
            SweepPhase::Calibrating if sweep.cancelled_at.is_some() => {
                context.store.set_phase(sweep.id, SweepPhase::Done).await?;
                context.changed();
            }
            SweepPhase::Calibrating if sweep.paused_at.is_some() => {}
            SweepPhase::Calibrating => plan(&context, &sweep).await?,
            SweepPhase::Running => schedule(&context, &sweep).await?,
            SweepPhase::Done => {}
        }
    }
    Ok(())
}

/// Plans a sweep as soon as every throughput is known.
async fn plan(context: &Context, sweep: &SweepRecord) -> Result<(), Error> {
    let spec = spec::parse(&sweep.yaml)?;
    let Some(calibrations) = calibrations(context, &spec).await? else { return Ok(()) };
    if !request_missing(context, &calibrations) {
        return Ok(());
    }
    let corpus = match context.store.corpus(sweep.id).await? {
        Some(corpus) => corpus,
        // Cut off between submission and here.
        None => {
            let corpus = corpora::prepare(context, &spec).await?;
            context.store.set_corpus(sweep.id, &corpus).await?;
            corpus
        }
    };
    let calibrations = &calibrations;
    let input =
        PlanInput { sweep: sweep.id, spec: &spec, calibrations, corpus: &corpus, parent: None };
    match planner::plan(&input) {
        Ok(plan) => {
            context.store.put_plan(&plan).await?;
            fault::pass(Point::PlanCommitted);
            context.store.set_phase(sweep.id, SweepPhase::Running).await?;
            context.changed();
        }
        Err(error) => context.problem(sweep.id, &error.to_string()),
    }
    Ok(())
}

/// What a spec needs, with what is known of it; None while no worker has said what the device is.
/// A spec that declares every throughput needs no device.
pub(crate) async fn calibrations(
    context: &Context,
    spec: &SweepSpec,
) -> Result<Option<Vec<Calibration>>, Error> {
    let reference = context.live().reference.clone();
    let declared = calibrate::Reference { device: "declared".into(), trainer: String::new() };
    let known = reference.is_some();
    let mut needed = calibrate::needed(spec, &reference.unwrap_or(declared));
    if !known && needed.iter().any(|calibration| calibration.throughput.is_none()) {
        return Ok(None);
    }
    for calibration in needed.iter_mut().filter(|c| c.throughput.is_none()) {
        calibration.throughput = context.store.throughput(&calibration.key).await?;
    }
    Ok(Some(needed))
}

/// Asks workers for the throughputs that are missing; true when none is.
pub(crate) fn request_missing(context: &Context, calibrations: &[Calibration]) -> bool {
    // All at once: what a worker takes is measured together.
    let mut live = context.live();
    let mut complete = true;
    for calibration in calibrations.iter().filter(|c| c.throughput.is_none()) {
        complete = false;
        live.calibrations.entry(calibration.key.clone()).or_insert(CalibrationJob::Waiting);
    }
    complete
}

/// Releases the runs that the ledger pays for, and ends the sweep when there is nothing left.
async fn schedule(context: &Context, sweep: &SweepRecord) -> Result<(), Error> {
    let held = match sweep {
        SweepRecord { cancelled_at: Some(_), .. } => Some(Control::Cancel),
        SweepRecord { paused_at: Some(_), .. } => Some(Control::Pause),
        _ => None,
    };
    // Before the rest is read: what is asked from now on is newer than the decision.
    let asked_n = context.store.control_events(sweep.id).await?.len();
    let plan = context.store.newest_plan(sweep.id).await?;
    let runs = context.store.runs(sweep.id).await?;
    let is_behind = |held: Control, run: &RunRecord| {
        let subject = Subject::new(run.state, run.stop, run.failure.as_ref(), false);
        control::step(held, subject).is_some()
    };
    if let Some(held) = held
        && runs.iter().any(|run| is_behind(held, run))
    {
        context.store.enforce(sweep.id, held).await?;
        // What it did wakes this task again.
        context.changed();
        return Ok(());
    }
    let candidates =
        runs.iter().map(|run| Candidate { state: run.state, cost: run.spec.cost() }).collect();
    let balance = context.store.balance(sweep.id).await?;
    let Assignment { release, done, .. } = scheduler::solve(&Problem { balance, candidates });
    let release = if held.is_some() { Vec::new() } else { release };
    for index in &release {
        debug_assert_eq!(runs[*index].state, RunState::Planned);
        match context.store.transition(runs[*index].spec.id, RunEvent::Queue).await {
            // Somebody has cancelled it in this moment.
            Ok(_) | Err(StoreError::IllegalTransition(_)) => {}
            Err(error) => return Err(error.into()),
        }
    }
    if done && is_settled(context, sweep).await? {
        context.store.set_done(sweep.id, asked_n, plan).await?;
    }
    if done || !release.is_empty() {
        context.changed();
    }
    Ok(())
}

/// The newest runs have been learned from, and nothing that they led to is to be run.
async fn is_settled(context: &Context, sweep: &SweepRecord) -> Result<bool, Error> {
    let behind = super::laws::behind(context, sweep.id).await?;
    Ok(!behind && proposals::next(context, sweep).await?.is_none())
}
