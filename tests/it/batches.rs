//! Batches of points that come twice, out of order, too late or from an attempt that was replaced, told to
//! a real coordinator by a worker that misbehaves.

use anyhow::{Context as _, Result};
use sweep_core::code::ErrorCode;
use sweep_core::ids::WorkerId;
use sweep_core::metric::{Metric, MetricPoint};
use sweep_core::plan::RunSpec;
use sweep_proto::WireError;
use sweep_proto::dial::{Dial, Line};
use sweep_proto::v1::finish_request::Outcome;
use sweep_proto::v1::lease_reply::Work;
use sweep_proto::v1::worker_service_client::WorkerServiceClient;
use sweep_proto::v1::{
    CheckpointReport, FinishRequest, HeartbeatRequest, LeaseRequest, MetricBatch, Released,
    RunAssignment, RunRef,
};

use crate::sandbox::{Sandbox, Stored, small_budget, until};
use crate::served::Served;

/// A worker that does as it is told.
struct Puppet {
    client: WorkerServiceClient<Line>,
    request: LeaseRequest,
}

impl Puppet {
    async fn connect(served: &Served<'_>) -> Result<Self> {
        let dial = Dial::open(served.url.clone());
        let client =
            WorkerServiceClient::new(dial.line(dial.endpoint()?.connect().await?, || None));
        let worker_id = WorkerId::new().to_string();
        let (device, trainer) = ("cpu: test x1".to_owned(), "1".to_owned());
        Ok(Self { client, request: LeaseRequest { worker_id, device, trainer } })
    }

    /// Leases a run and starts it.
    async fn begin(&mut self) -> Result<(RunSpec, RunRef)> {
        let mut leased = None;
        until("there is a run to lease", async || {
            let reply = self.client.lease(self.request.clone()).await?.into_inner();
            if let Some(Work::Run(RunAssignment { run_spec, epoch, .. })) = reply.work {
                let run: RunSpec = serde_json::from_str(&run_spec)?;
                let key = RunRef { run_id: run.id.to_string(), epoch };
                leased = Some((run, key));
            }
            Ok(leased.is_some())
        })
        .await?;
        let (run, key) = leased.context("it was leased a moment ago")?;
        self.client.start(key.clone()).await?;
        Ok((run, key))
    }

    async fn push(&mut self, run: &RunRef, sequence: u64, points: &[MetricPoint]) -> Result<()> {
        let points = points.iter().map(Into::into).collect();
        let batch = MetricBatch { run: Some(run.clone()), sequence, points };
        self.client.push_metrics(batch).await?;
        Ok(())
    }

    async fn give_back(&mut self, run: &RunRef) -> Result<()> {
        let outcome = Some(Outcome::Released(Released {}));
        let run = Some(run.clone());
        let request = FinishRequest { run, used_ms: 7, outcome, ..Default::default() };
        self.client.finish(request).await?;
        Ok(())
    }
}

/// Losses of these steps, which tell who has measured them.
fn losses(steps: std::ops::Range<u64>, loss: f64) -> Vec<MetricPoint> {
    steps.map(|step| MetricPoint { metric: Metric::TrainLoss, step, value: loss }).collect()
}

fn refusal(outcome: Result<()>) -> Result<ErrorCode> {
    let error = outcome.err().context("it was taken")?;
    Ok(WireError::of(error.downcast_ref().context("no answer")?).code)
}

#[tokio::test]
async fn every_point_is_there_once_however_its_batch_came() -> Result<()> {
    let sandbox = Sandbox::new(&small_budget("small"));
    let served = Served::start(&sandbox, &[]).await?;
    let _submit = sandbox.spawn(&["submit", "budget.yaml", "--server", &served.url]);
    let mut worker = Puppet::connect(&served).await?;
    let (run, first) = worker.begin().await?;
    let stored = sandbox.stored().await?.context("nothing is stored")?;
    let Stored { store, sweep, .. } = &stored;
    let points = async || store.metrics(run.id, Metric::TrainLoss).await;

    // The third before the first, one of them twice, one that repeats what others had.
    for (sequence, steps) in [(2, 20..30), (0, 0..10), (2, 20..30), (3, 5..25), (1, 10..20)] {
        worker.push(&first, sequence, &losses(steps, 2.0)).await?;
    }
    assert_eq!(points().await?, losses(0..30, 2.0));
    // A number that was used is the batch that it was used for.
    worker.push(&first, 1, &losses(30..40, 9.0)).await?;
    assert_eq!(points().await?, losses(0..30, 2.0));

    worker.give_back(&first).await?;
    worker.give_back(&first).await?;
    // Others are due first: who gave it back trains until it comes again.
    let mut second = worker.begin().await?;
    while second.0.id != run.id {
        let mut other = Puppet::connect(&served).await?;
        std::mem::swap(&mut worker, &mut other);
        second = worker.begin().await?;
    }
    let (_, second) = second;
    assert_eq!(second.epoch, first.epoch + 1);
    // Whatever the first attempt says now comes too late.
    let late = losses(30..50, 9.0);
    assert_eq!(refusal(worker.push(&first, 4, &late).await)?, ErrorCode::StaleLease);
    let run_of_old = Some(first.clone());
    let beat = HeartbeatRequest { run: run_of_old.clone(), used_ms: 900, ..Default::default() };
    let checkpoint = CheckpointReport { run: run_of_old, used_ms: 900, ..Default::default() };
    assert!(worker.client.heartbeat(beat).await.is_err());
    assert!(worker.client.record_checkpoint(checkpoint).await.is_err());
    assert_eq!(points().await?, losses(0..30, 2.0));

    // The second goes on from before the end of the first: what was measured first stays.
    worker.push(&second, 1, &losses(28..40, 3.0)).await?;
    worker.push(&second, 0, &losses(15..28, 3.0)).await?;
    let both = [losses(0..30, 2.0), losses(30..40, 3.0)].concat();
    assert_eq!(points().await?, both);
    worker.give_back(&second).await?;
    let balance = store.balance(sweep.id).await?;
    assert!(balance.holds() && balance.spent.ms() == 14, "{balance:?}");
    Ok(())
}
