//! Takes what workers report and stores it, once each.

use sweep_core::metric::MetricPoint;
use sweep_core::observation::Observation;
use sweep_core::run::{Checkpoint, FailureReason, RunResult, RunState};
use sweep_core::sweep::Progress;
use sweep_core::throughput::{Throughput, ThroughputKey};
use sweep_core::units::AcceleratorTime;
use sweep_proto::RunKey;
use sweep_runtime::instruments::Instruments;
use sweep_store::fault::{self, Point};
use sweep_store::{Back, Metered, Renewed};

use crate::context::{CalibrationJob, Context};
use crate::{Error, outputs, retries};

/// What a training command has printed since it was last told, or the end of it.
pub(crate) struct Printed {
    /// Bytes that the attempt has printed before.
    pub(crate) at: u64,
    pub(crate) bytes: Vec<u8>,
}

/// What a worker is to do after a heartbeat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Directive {
    Continue,
    Release,
    OutOfBudget,
}

/// How a worker ended its attempt.
pub(crate) enum Ending {
    Succeeded(Box<RunResult>),
    Failed(FailureReason),
    Released,
}

/// A reservation that proves too small grows by this much at a time, so that a run which is a
/// little over does not ask the ledger at every heartbeat.
const EXTENSION: AcceleratorTime = AcceleratorTime::from_ms(1000);

pub(crate) async fn start(context: &Context, key: RunKey) -> Result<(), Error> {
    context.stored(context.store.start(key.run, key.epoch).await)?;
    context.progressed();
    Ok(())
}

/// Prolongs a lease and reads its meter.
pub(crate) async fn heartbeat(
    context: &Context,
    key: RunKey,
    used: AcceleratorTime,
    progress: Progress,
    printed: Printed,
) -> Result<Directive, Error> {
    let (now, expiry) = (context.now(), context.lease_expiry());
    let renewed = context.store.renew(key.run, key.epoch, used, EXTENSION, now, expiry).await;
    let Renewed { metered, stop } = context.stored(renewed)?;
    outputs::note(context, key, &printed);
    let draining = {
        let mut live = context.live();
        // Before the first step there is no loss to show, and none that is not finite.
        if progress.loss.is_finite() {
            live.progress.insert(key.run, progress);
        }
        live.draining
    };
    context.progressed();
    context.measure(Instruments::heartbeat);
    Ok(match metered {
        Metered::OutOfBudget => Directive::OutOfBudget,
        Metered::Ok if draining || stop.is_some() => Directive::Release,
        Metered::Ok => Directive::Continue,
    })
}

/// Stores metric points. The same batch may come again.
pub(crate) async fn metrics(
    context: &Context,
    key: RunKey,
    sequence: u64,
    points: &[MetricPoint],
) -> Result<(), Error> {
    context.stored(context.store.append_metrics(key.run, key.epoch, sequence, points).await)?;
    context.measure(|instruments| instruments.points_stored(points.len()));
    fault::pass(Point::MetricsCommitted);
    Ok(())
}

/// Notes where a run can be taken up again.
pub(crate) async fn checkpoint(
    context: &Context,
    key: RunKey,
    checkpoint: &Checkpoint,
    used: AcceleratorTime,
) -> Result<(), Error> {
    let (now, expiry) = (context.now(), context.lease_expiry());
    context.stored(context.store.renew(key.run, key.epoch, used, EXTENSION, now, expiry).await)?;
    fault::pass(Point::CheckpointMetered);
    context.stored(context.store.record_checkpoint(key.run, key.epoch, checkpoint).await)?;
    fault::pass(Point::CheckpointCommitted);
    Ok(())
}

/// Ends an attempt: settles the ledger and, for a success, keeps the observation. True when another
/// attempt will take the run up.
pub(crate) async fn finish(
    context: &Context,
    key: RunKey,
    used: AcceleratorTime,
    ending: Ending,
    printed: Printed,
) -> Result<bool, Error> {
    let RunKey { run, epoch } = key;
    let now = context.now();
    outputs::note(context, key, &printed);
    outputs::keep(context, key).await?;
    let goes_on = match ending {
        Ending::Succeeded(result) => {
            let found = context.store.run(run).await?;
            let (_, record) =
                found.ok_or_else(|| Error::NotFound { what: format!("no run {run}") })?;
            let observation = Observation::from_run(&record.spec, &result);
            let stored = context.store.succeed(run, epoch, used, &result, &observation, now).await;
            context.stored(stored)?;
            false
        }
        Ending::Failed(reason) => {
            let back = retries::back(context, key, reason.end(), Some(&reason)).await?;
            tracing::warn!(%run, epoch, %reason, again = back.is_some(), "an attempt failed");
            match back {
                Some(back) => give_back(context, key, used, &back).await?,
                None => {
                    context.stored(context.store.fail(run, epoch, used, &reason, now).await)?;
                    false
                }
            }
        }
        Ending::Released => give_back(context, key, used, &Back::preempted()).await?,
    };
    fault::pass(Point::SettleCommitted);
    context.live().progress.remove(&run);
    context.changed();
    Ok(goes_on)
}

/// Puts a run back into the queue; false where somebody has cancelled it.
async fn give_back(
    context: &Context,
    RunKey { run, epoch }: RunKey,
    used: AcceleratorTime,
    back: &Back,
) -> Result<bool, Error> {
    let requeued = context.store.requeue(run, epoch, Some(used), back, context.now()).await;
    Ok(context.stored(requeued)? == RunState::Queued)
}

/// Keeps a measured throughput, or the reason why there is none.
pub(crate) async fn calibration(
    context: &Context,
    key: &ThroughputKey,
    outcome: Result<Throughput, String>,
) -> Result<(), Error> {
    match outcome {
        Ok(mut throughput) => {
            throughput.measured_at = context.now();
            let first = context.store.reference_speed(&key.device, &key.trainer).await?;
            context.store.put_throughput(key, &throughput.at_reference(first)).await?;
            context.live().calibrations.insert(key.clone(), CalibrationJob::Measured);
        }
        Err(reason) => {
            let failed = CalibrationJob::Failed { reason };
            context.live().calibrations.insert(key.clone(), failed);
        }
    }
    context.changed();
    Ok(())
}
