//! The service that workers pull their work from.

use sweep_core::metric::MetricPoint;
use sweep_core::sweep::Progress;
use sweep_core::units::AcceleratorTime;
use sweep_proto::v1::calibration_report::Outcome as Calibrated;
use sweep_proto::v1::finish_request::Outcome as Finished;
use sweep_proto::v1::lease_reply::Work as WireWork;
use sweep_proto::v1::worker_service_server::WorkerService;
use sweep_proto::v1::{
    Ack, CalibrationAssignment, CalibrationReport, CheckpointReport, Directive as WireDirective,
    FinishReply, FinishRequest, HeartbeatReply, HeartbeatRequest, Idle, LeaseReply, LeaseRequest,
    MetricBatch, RunAssignment, RunRef,
};
use sweep_proto::{RunKey, WireError, document};
use tonic::{Request, Response, Status};

use crate::calibrate::Reference;
use crate::context::Context;
use crate::dispatch::{self, Work};
use crate::doors::{self, actor};
use crate::ingest::{self, Directive, Ending, Printed};

pub(super) struct Workers {
    pub(super) context: Context,
}

const ACK: Ack = Ack {};

fn missing(what: &str) -> Status {
    let message = format!("the message says nothing about its {what}");
    WireError::new(sweep_core::code::ErrorCode::Internal, message).into()
}

#[tonic::async_trait]
impl WorkerService for Workers {
    async fn lease(&self, request: Request<LeaseRequest>) -> Result<Response<LeaseReply>, Status> {
        let actor = actor(&request)?;
        let request = request.into_inner();
        let worker = request.worker()?;
        let LeaseRequest { device, trainer, .. } = request;
        let timing = self.context.timing;
        let work =
            match dispatch::lease(&self.context, &actor, worker, Reference { device, trainer })
                .await?
            {
                Work::Run(run) => WireWork::Run(RunAssignment {
                    run_spec: document::encode(&run.spec),
                    epoch: run.epoch,
                    resume_from: run.resume_from.as_ref().map(Into::into),
                    heartbeat_ms: timing.heartbeat_ms,
                    checkpoint_every_ms: run.checkpoint_every.ms(),
                    traceparent: run.traceparent,
                }),
                Work::Calibrate(keys) => {
                    let keys = keys.iter().map(document::encode).collect();
                    WireWork::Calibration(CalibrationAssignment { keys })
                }
                Work::Idle => WireWork::Idle(Idle { retry_after_ms: timing.idle_ms }),
            };
        Ok(Response::new(LeaseReply { work: Some(work) }))
    }

    async fn start(&self, request: Request<RunRef>) -> Result<Response<Ack>, Status> {
        let actor = actor(&request)?;
        let key = RunKey::try_from(&request.into_inner())?;
        doors::must_hold(&self.context, &actor, key).await?;
        ingest::start(&self.context, key).await?;
        Ok(Response::new(ACK))
    }

    async fn heartbeat(
        &self,
        request: Request<HeartbeatRequest>,
    ) -> Result<Response<HeartbeatReply>, Status> {
        let actor = actor(&request)?;
        let HeartbeatRequest { run, used_ms, step, loss, tokens_per_second, output, output_at } =
            request.into_inner();
        let key = RunKey::try_from(&run)?;
        doors::must_hold(&self.context, &actor, key).await?;
        let printed = Printed { at: output_at, bytes: output };
        let progress = Progress { step, loss, tokens_per_second };
        let used = AcceleratorTime::from_ms(used_ms);
        let beat = ingest::heartbeat(&self.context, key, used, progress, printed);
        let directive = match beat.await? {
            Directive::Continue => WireDirective::Continue,
            Directive::Release => WireDirective::Release,
            Directive::OutOfBudget => WireDirective::OutOfBudget,
        };
        Ok(Response::new(HeartbeatReply { directive: directive.into() }))
    }

    async fn push_metrics(&self, request: Request<MetricBatch>) -> Result<Response<Ack>, Status> {
        let actor = actor(&request)?;
        let MetricBatch { run, sequence, points } = request.into_inner();
        let key = RunKey::try_from(&run)?;
        doors::must_hold(&self.context, &actor, key).await?;
        let points: Result<Vec<MetricPoint>, _> = points.iter().map(TryInto::try_into).collect();
        ingest::metrics(&self.context, key, sequence, &points?).await?;
        Ok(Response::new(ACK))
    }

    async fn record_checkpoint(
        &self,
        request: Request<CheckpointReport>,
    ) -> Result<Response<Ack>, Status> {
        let actor = actor(&request)?;
        let CheckpointReport { run, checkpoint, used_ms } = request.into_inner();
        let key = RunKey::try_from(&run)?;
        doors::must_hold(&self.context, &actor, key).await?;
        let checkpoint = checkpoint.ok_or_else(|| missing("checkpoint"))?.into();
        let used = AcceleratorTime::from_ms(used_ms);
        ingest::checkpoint(&self.context, key, &checkpoint, used).await?;
        Ok(Response::new(ACK))
    }

    async fn finish(
        &self,
        request: Request<FinishRequest>,
    ) -> Result<Response<FinishReply>, Status> {
        let actor = actor(&request)?;
        let FinishRequest { run, used_ms, outcome, output, output_at } = request.into_inner();
        let key = RunKey::try_from(&run)?;
        doors::must_hold(&self.context, &actor, key).await?;
        let ending = match outcome.ok_or_else(|| missing("outcome"))? {
            Finished::Succeeded(json) => Ending::Succeeded(Box::new(document::decode(&json)?)),
            Finished::Failed(json) => Ending::Failed(document::decode(&json)?),
            Finished::Released(_) => Ending::Released,
        };
        let used = AcceleratorTime::from_ms(used_ms);
        let printed = Printed { at: output_at, bytes: output };
        let goes_on = ingest::finish(&self.context, key, used, ending, printed).await?;
        Ok(Response::new(FinishReply { has_ended: !goes_on }))
    }

    async fn finish_calibration(
        &self,
        request: Request<CalibrationReport>,
    ) -> Result<Response<Ack>, Status> {
        let CalibrationReport { key, outcome } = request.into_inner();
        let key = document::decode(&key)?;
        let outcome = match outcome.ok_or_else(|| missing("outcome"))? {
            Calibrated::Measured(json) => Ok(document::decode(&json)?),
            Calibrated::Failed(reason) => Err(reason),
        };
        ingest::calibration(&self.context, &key, outcome).await?;
        Ok(Response::new(ACK))
    }
}
