//! Gives work to workers: calibrations first, then runs, each under a lease.

use std::time::Instant;

use sweep_core::access::Actor;
use sweep_core::clock::Timestamp;
use sweep_core::ids::WorkerId;
use sweep_core::plan::RunSpec;
use sweep_core::retry::AttemptEnd;
use sweep_core::run::{Checkpoint, FailureReason};
use sweep_core::throughput::ThroughputKey;
use sweep_core::units::AcceleratorTime;
use sweep_proto::RunKey;
use sweep_runtime::trace;
use sweep_store::fault::{self, Point};
use sweep_store::{Claim, Error as StoreError, Lease};
use tracing::{Instrument as _, info_span};

use crate::calibrate::Reference;
use crate::context::{CalibrationJob, Context};
use crate::scheduler::queue::Started;
use crate::{Error, doors, outputs, queue, retries, spans};

/// What a worker is to do next.
pub(crate) enum Work {
    Run(Box<RunWork>),
    Calibrate(Vec<ThroughputKey>),
    Idle,
}

/// A run under a lease.
pub(crate) struct RunWork {
    pub(crate) spec: RunSpec,
    pub(crate) epoch: u32,
    pub(crate) resume_from: Option<Checkpoint>,
    /// Accelerator time between checkpoints.
    pub(crate) checkpoint_every: AcceleratorTime,
    /// Names the span of the lease, where spans are collected.
    pub(crate) traceparent: Option<String>,
}

/// Finds work for a worker.
pub(crate) async fn lease(
    context: &Context,
    actor: &Actor,
    worker: WorkerId,
    reference: Reference,
) -> Result<Work, Error> {
    let held = context.store.lease_of(worker).await?;
    if let Some(lease) = held {
        // Before anything else: whoever goes by the name of another worker learns nothing of it.
        doors::must_hold(context, actor, RunKey { run: lease.run, epoch: lease.epoch }).await?;
    }
    let draining = {
        let mut live = context.live();
        live.workers.insert(worker, context.now());
        if live.reference.is_none() {
            live.reference = Some(reference.clone());
            context.changed();
        }
        live.draining
    };
    if let Some(lease) = held {
        return run_work(context, &lease, None).await;
    }
    if draining || context.must_be_open().is_err() {
        return Ok(Work::Idle);
    }
    let calibrations = open_calibrations(context, worker, &reference);
    if !calibrations.is_empty() {
        return Ok(Work::Calibrate(calibrations));
    }
    claim_next(context, actor, worker).await
}

/// All calibrations of this worker's device that nobody works on: measured together, they compare
/// better. One that was promised to a worker that is gone may be taken again.
fn open_calibrations(
    context: &Context,
    worker: WorkerId,
    reference: &Reference,
) -> Vec<ThroughputKey> {
    let gone = Timestamp(context.now().0 - context.timing.calibration_ms);
    let mut live = context.live();
    let live = &mut *live;
    let open = live.calibrations.iter_mut().filter(|(key, job)| {
        let ours = key.device == reference.device && key.trainer == reference.trainer;
        ours && match job {
            CalibrationJob::Waiting => true,
            CalibrationJob::Taken { worker: other } => {
                *other == worker || live.workers.get(other).is_none_or(|seen| *seen < gone)
            }
            CalibrationJob::Failed { .. } | CalibrationJob::Measured => false,
        }
    });
    open.map(|(key, job)| {
        *job = CalibrationJob::Taken { worker };
        key.clone()
    })
    .collect()
}

/// Claims that a worker tries in a row before it asks again: each that fails was lost to another worker,
/// or to what others used in the meantime.
const CLAIMS_MAX: u32 = 32;

/// Claims the run that is next of all sweeps'.
async fn claim_next(context: &Context, actor: &Actor, worker: WorkerId) -> Result<Work, Error> {
    let asked = Instant::now();
    for _ in 0..CLAIMS_MAX {
        let Some(started) = queue::next(context).await? else { break };
        let Started { run, reserve, sweep, .. } = started;
        let (now, expires_at) = (context.now(), context.lease_expiry());
        let token = actor.token;
        let claim = Claim { run, worker, reserve, token, now, expires_at };
        let span = spans::of_sweep(context, sweep, info_span!("lease", %sweep, %run, %worker));
        match context.store.claim(&claim).instrument(span.clone()).await {
            Ok(lease) => {
                fault::pass(Point::ClaimCommitted);
                context.progressed();
                context.measure(|instruments| instruments.claimed(asked.elapsed()));
                return run_work(context, &lease, trace::name(&span)).await;
            }
            // Another worker was faster: with this run, or with what would have paid for it.
            Err(
                StoreError::Insufficient { .. }
                | StoreError::IllegalTransition(_)
                | StoreError::Quota { .. }
                | StoreError::ProjectHours { .. },
            ) => queue::not_started(context, started).await,
            Err(error) => return Err(error.into()),
        }
    }
    Ok(Work::Idle)
}

async fn run_work(
    context: &Context,
    lease: &Lease,
    traceparent: Option<String>,
) -> Result<Work, Error> {
    let gone = || Error::NotFound { what: format!("no run {}", lease.run) };
    let (sweep, run) = context.store.run(lease.run).await?.ok_or_else(gone)?;
    let sweep = context.store.spec(sweep).await?.ok_or_else(gone)?;
    Ok(Work::Run(Box::new(RunWork {
        spec: run.spec,
        epoch: lease.epoch,
        resume_from: run.checkpoint,
        checkpoint_every: sweep.checkpoint_every(),
        traceparent,
    })))
}

/// Takes a run back from a worker that is gone. It goes on from its checkpoint with another, unless it
/// has lost too many: then it probably ends them itself.
pub(crate) async fn lost(context: &Context, lease: &Lease) -> Result<(), Error> {
    let Lease { run, epoch, .. } = *lease;
    let key = RunKey { run, epoch };
    context.live().progress.remove(&run);
    outputs::keep(context, key).await?;
    let back = retries::back(context, key, AttemptEnd::WorkerLost, None).await?;
    let again = back.is_some();
    let taken = match back {
        Some(back) => context.store.requeue(run, epoch, None, &back, context.now()).await.map(drop),
        None => give_up(context, key).await,
    };
    match taken {
        Ok(()) => tracing::warn!(%run, epoch, again, "a worker was lost; its run is taken back"),
        // Its worker finished in the meantime.
        Err(StoreError::StaleLease { .. }) => {}
        Err(error) => return Err(error.into()),
    }
    context.changed();
    Ok(())
}

async fn give_up(context: &Context, RunKey { run, epoch }: RunKey) -> Result<(), StoreError> {
    let earlier_n = context.store.ended_so(run, AttemptEnd::WorkerLost, epoch).await?;
    let reason = FailureReason::LostTooOften { attempts_n: earlier_n + 1 };
    context.store.fail(run, epoch, AcceleratorTime::ZERO, &reason, context.now()).await
}

/// Takes back everything a worker held.
pub(crate) async fn worker_lost(context: &Context, worker: WorkerId) -> Result<(), Error> {
    {
        let mut live = context.live();
        live.workers.remove(&worker);
        for job in live.calibrations.values_mut() {
            if *job == (CalibrationJob::Taken { worker }) {
                *job = CalibrationJob::Waiting;
            }
        }
    }
    if let Some(lease) = context.store.lease_of(worker).await? {
        lost(context, &lease).await?;
    }
    context.changed();
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use sweep_core::clock::SystemClock;
    use sweep_core::spec;
    use sweep_core::sweep::Calibration;
    use sweep_core::throughput::{Throughput, ThroughputSource};
    use sweep_store::Store;

    use super::*;
    use crate::tasks::planning::{calibrations, request_missing};
    use crate::{calibrate, ingest};

    const EXAMPLE: &str = include_str!("../../examples/budget.yaml");

    /// The last step is what a planner does that looked into the database just before the throughput
    /// was stored: nobody may be asked to measure it again.
    #[tokio::test]
    async fn one_worker_measures_everything_and_nothing_twice() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let url = sweep_store::sqlite_url(&folder.path().join("sweep.db"));
        let store = Store::open(&url).await.expect("a new file");
        store.migrate().await.expect("a new file");
        let context = Context::new(store, Arc::new(SystemClock), folder.path());
        let spec = spec::parse(EXAMPLE).expect("the example is right");
        let device = Reference { device: "cpu: test x1".into(), trainer: "1".into() };
        let missing = calibrate::needed(&spec, &device);
        assert!(!request_missing(&context, &missing));

        let [first, second] = [WorkerId::new(), WorkerId::new()];
        let asks = async |worker| {
            lease(&context, &Actor::anybody(), worker, device.clone()).await.expect("it answers")
        };
        let Work::Calibrate(keys) = asks(first).await else { panic!("there is work") };
        assert_eq!(keys.len(), missing.len());
        assert!(matches!(asks(second).await, Work::Idle));
        let mut reports_n = 0.0;
        for key in &keys {
            reports_n += 1.0;
            let throughput = Throughput {
                tokens_per_second: 1e5 / reports_n,
                spread: 0.0,
                windows_n: 1,
                // As if the machine grew slower with every report.
                reference: Some(1e5 / reports_n),
                source: ThroughputSource::Measured,
                measured_at: Timestamp(0),
            };
            ingest::calibration(&context, key, Ok(throughput)).await.expect("it is stored");
            request_missing(&context, &missing);
            assert!(matches!(asks(second).await, Work::Idle), "{key:?} is measured again");
        }
        let known = calibrations(&context, &spec).await.expect("it answers").expect("it is known");
        assert!(request_missing(&context, &known));
        for Calibration { throughput, .. } in &known {
            let speed = throughput.as_ref().expect("it is known").tokens_per_second;
            assert!((speed - 1e5).abs() < 1e-6, "{speed} is not on the scale of the first");
        }
    }
}
