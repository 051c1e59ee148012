//! A coordinator on a port, with one small sweep of which one run has ended, one is trained and the
//! others wait.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;

use sweep_core::access::Actor;
use sweep_core::clock::SystemClock;
use sweep_core::fit::Interval;
use sweep_core::ids::{ProposalId, WorkerId};
use sweep_core::metric::{Metric, MetricPoint};
use sweep_core::proposal::{Expectation, Proposal, ProposedRuns, Quantity, Question};
use sweep_core::run::RunResult;
use sweep_core::sweep::Progress;
use sweep_core::units::AcceleratorTime;
use sweep_proto::RunKey;
use sweep_runtime::instruments::Instruments;
use sweep_store::Store;
use tempfile::TempDir;
use tokio::task::JoinSet;

use super::client::Client;
use crate::calibrate::Reference;
use crate::context::Context;
use crate::dispatch::{self, Work};
use crate::ingest::{self, Ending, Printed};
use crate::rest::{Bound, Options};
use crate::{submit, tasks};

/// Points of each metric of the run that has ended.
pub(super) const POINTS_N: u64 = 500;

pub(super) struct Stage {
    pub(super) client: Client,
    pub(super) context: Context,
    /// Id of the run that has ended.
    pub(super) ended: String,
    /// The attempt in progress.
    pub(super) running: RunKey,
    _serving: JoinSet<()>,
    tasks: JoinSet<()>,
    _folder: TempDir,
}

/// Two arms of three classes, with the text of `sweep-core` to train on.
pub(super) fn budget(name: &str) -> String {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("core/src");
    let arm = |family: &str| {
        format!(
            "  - {{ name: {family}, family: {family}, sizes: [{{ width: 16, layers: 1, throughput: \
             20k tokens/s }}] }}\n"
        )
    };
    format!(
        "apiVersion: sweepctl/v1\nname: {name}\nbudget: 10 min\nclasses: [250 ms, 500 ms, 1 s]\n\
         seeds: [1, 2]\ndata: {{ corpus: {}, sequence: 32 tokens, batch: 4 sequences }}\narms:\n{}{}",
        corpus.display(),
        arm("gpt"),
        arm("qlstm"),
    )
}

impl Stage {
    pub(super) async fn set() -> Self {
        Self::with_origins(&[]).await
    }

    pub(super) async fn with_origins(origins: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = sweep_store::sqlite_url(&folder.path().join("sweep.db"));
        let store = Store::open(&url).await.unwrap();
        store.migrate().await.unwrap();
        let instruments = Arc::new(Instruments::new(None).unwrap());
        let context = Context::new(store, Arc::new(SystemClock), folder.path());
        let context = context.with_instruments(instruments);
        let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let origins = origins.iter().map(|origin| (*origin).to_owned()).collect();
        let bound = Bound::new(&Options { listen, origins }).await.unwrap();
        let client = Client { address: bound.address() };
        let serving = bound.serve(&context);
        let tasks = tasks::spawn_all(&context);
        submit::submit(&context, &Actor::anybody(), &budget("small")).await.unwrap();
        let ended = lease(&context).await;
        finish(&context, ended).await;
        wait_for_forecast(&context).await;
        let running = lease(&context).await;
        ingest::start(&context, running).await.unwrap();
        let progress = Progress { step: 7, loss: 4.5, tokens_per_second: 2e4 };
        let used = AcceleratorTime::from_ms(20);
        ingest::heartbeat(&context, running, used, progress, silent()).await.unwrap();
        let ended = ended.run.to_string();
        Self { client, context, ended, running, _serving: serving, tasks, _folder: folder }
    }

    /// Ends the background tasks, so that nothing changes by itself.
    pub(super) async fn still(&mut self) {
        self.tasks.shutdown().await;
    }
}

impl Stage {
    /// Proposes a run of the sweep, which people may decide.
    pub(super) async fn propose(&self) {
        let store = &self.context.store;
        let sweep = store.sweep_named("small").await.unwrap().unwrap();
        let plan = store.plan(sweep.id).await.unwrap().unwrap();
        let forecast = store.latest_forecast_head(sweep.id).await.unwrap().unwrap();
        let like = &plan.runs[0];
        let interval = Interval { lower: 1.0, upper: 10.0 };
        let expected = Expectation { value: 3.0, interval };
        let proposal = Proposal {
            id: ProposalId::new(),
            sweep: sweep.id,
            number: 0,
            forecast: forecast.id,
            plan: plan.id,
            granted: sweep.balance.granted,
            made_at: self.context.now(),
            affordable: sweep.balance.granted,
            question: Some(Question::Winner { hours: 1.0 }),
            quantity: Some(Quantity::LossRatio),
            before: Some(expected),
            after: Some(expected),
            runs: vec![ProposedRuns {
                arm: like.arm.clone(),
                class: like.class,
                sizes: vec![like.size.clone()],
                seeds: vec![7],
                after: expected,
                reason: "a test".to_owned(),
            }],
            design: "by hand".to_owned(),
            remarks: Vec::new(),
        };
        store.put_proposal(&proposal).await.unwrap();
    }
}

fn silent() -> Printed {
    Printed { at: 0, bytes: Vec::new() }
}

/// Asks until the run that is next is planned and queued.
pub(super) async fn lease(context: &Context) -> RunKey {
    let reference = || Reference { device: "cpu: test x1".into(), trainer: "1".into() };
    let worker = WorkerId::new();
    let mut changes = context.watch();
    loop {
        changes.mark_unchanged();
        if let Work::Run(work) =
            dispatch::lease(context, &Actor::anybody(), worker, reference()).await.unwrap()
        {
            return RunKey { run: work.spec.id, epoch: work.epoch };
        }
        changes.changed().await.unwrap();
    }
}

pub(super) async fn finish(context: &Context, key: RunKey) {
    ingest::start(context, key).await.unwrap();
    let point = |metric: Metric| {
        (0..POINTS_N).map(move |step| MetricPoint { metric, step, value: 5.0 - step as f64 / 1e3 })
    };
    let own: Metric = "kurtosis/block.0.fc".parse().unwrap();
    let points: Vec<_> = point(Metric::TrainLoss).chain(point(own)).collect();
    ingest::metrics(context, key, 0, &points).await.unwrap();
    let result = RunResult {
        loss: 3.0,
        bits_per_byte: 4.3,
        weights_hash: "00ff".to_owned(),
        tokens_per_second: 2e4,
        ..RunResult::default()
    };
    let printed = Printed { at: 0, bytes: b"epoch 1\n".to_vec() };
    let used = AcceleratorTime::from_ms(240);
    let ending = Ending::Succeeded(Box::new(result));
    ingest::finish(context, key, used, ending, printed).await.unwrap();
}

async fn wait_for_forecast(context: &Context) {
    let sweep = context.store.sweep_named("small").await.unwrap().unwrap();
    let mut changes = context.watch();
    loop {
        changes.mark_unchanged();
        if context.store.latest_forecast(sweep.id).await.unwrap().is_some() {
            return;
        }
        changes.changed().await.unwrap();
    }
}
