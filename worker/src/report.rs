//! What a training thread says, carried to the coordinator in order.
//!
//! The order is what makes a crash harmless: the points up to a checkpoint are stored before the
//! checkpoint is, so a run that is taken up from it has lost none.

use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sweep_core::code::ErrorCode;
use sweep_core::metric::MetricPoint;
use sweep_core::output::Tail;
use sweep_core::run::Checkpoint;
use sweep_core::sweep::Progress;
use sweep_core::units::AcceleratorTime;
use sweep_proto::v1::{
    CheckpointReport, Directive as WireDirective, HeartbeatReply, HeartbeatRequest, MetricBatch,
};
use sweep_proto::{RunKey, WireError};
use tokio::sync::mpsc;
use tokio::time::MissedTickBehavior;
use tonic::Status;

use crate::agent::Agent;
use crate::client::Client;

/// Points are sent when this many are waiting, or at the next heartbeat.
const BATCH_POINTS: usize = 256;

/// What the training thread has to say.
pub(crate) enum Event {
    Points(Vec<MetricPoint>),
    Checkpoint { checkpoint: Checkpoint, used: AcceleratorTime },
}

/// Why the training thread should stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Wish {
    /// It should not.
    Continue = 0,
    /// Hand the run back with a checkpoint.
    Release = 1,
    /// The budget has no more.
    OutOfBudget = 2,
    /// Another attempt has the run: nothing that this one says counts.
    Drop = 3,
}

/// Shared between the training thread and the reporter.
#[derive(Clone, Default)]
pub(crate) struct Desk {
    wish: Arc<AtomicU8>,
    latest: Arc<Mutex<(Progress, AcceleratorTime)>>,
    /// The end of what a training command of one's own has printed in this attempt.
    pub(crate) output: Output,
}

/// The end of what a command prints, while it prints it.
#[derive(Clone, Default)]
pub(crate) struct Output(Arc<Mutex<Tail>>);

impl Output {
    pub(crate) fn push(&self, bytes: &[u8]) {
        self.tail().push(bytes);
    }

    /// What was printed from a place on, and where that begins.
    pub(crate) fn since(&self, at: u64) -> (u64, Vec<u8>) {
        let tail = self.tail();
        let (begin, bytes) = tail.since(at);
        (begin, bytes.to_vec())
    }

    fn tail(&self) -> MutexGuard<'_, Tail> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Desk {
    pub(crate) fn wish(&self) -> Wish {
        match self.wish.load(Ordering::Acquire) {
            1 => Wish::Release,
            2 => Wish::OutOfBudget,
            3 => Wish::Drop,
            _ => Wish::Continue,
        }
    }

    /// A graver wish replaces a milder one, never the other way round.
    pub(crate) fn ask(&self, wish: Wish) {
        self.wish.fetch_max(wish as u8, Ordering::AcqRel);
    }

    pub(crate) fn note(&self, progress: Progress, used: AcceleratorTime) {
        *self.latest.lock().unwrap_or_else(PoisonError::into_inner) = (progress, used);
    }

    /// Accelerator time of the attempt so far.
    pub(crate) fn used(&self) -> AcceleratorTime {
        self.latest().1
    }

    fn latest(&self) -> (Progress, AcceleratorTime) {
        *self.latest.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(crate) struct Reporter<'a> {
    agent: &'a Agent,
    key: RunKey,
    desk: Desk,
    waiting: Vec<MetricPoint>,
    sequence: u64,
    /// Bytes of the output that the coordinator has.
    told: u64,
}

impl<'a> Reporter<'a> {
    pub(crate) fn new(agent: &'a Agent, key: RunKey, desk: Desk) -> Self {
        Self { agent, key, desk, waiting: Vec::new(), sequence: 0, told: 0 }
    }

    /// Reports until the training thread has said everything, then until all of it is stored.
    pub(crate) async fn report(
        &mut self,
        mut events: mpsc::UnboundedReceiver<Event>,
        heartbeat: Duration,
    ) -> Result<(), WireError> {
        let mut ticks = tokio::time::interval(heartbeat);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut stopping = self.agent.stopping.clone();
        let mut told = false;
        loop {
            let step = tokio::select! {
                event = events.recv() => match event {
                    Some(event) => self.take(event).await,
                    None => break,
                },
                _ = ticks.tick() => self.beat().await,
                _ = stopping.wait_for(|stop| *stop), if !told => {
                    told = true;
                    self.desk.ask(Wish::Release);
                    Ok(())
                }
            };
            self.settle(step)?;
        }
        let flushed = self.flush().await;
        self.settle(flushed)
    }

    /// A stale lease ends the training quietly; any other refusal ends it with its reason.
    fn settle(&self, step: Result<(), Status>) -> Result<(), WireError> {
        let Err(status) = step else { return Ok(()) };
        let error = WireError::of(&status);
        self.desk.ask(Wish::Drop);
        if error.code == ErrorCode::StaleLease || *self.agent.stopping.borrow() {
            tracing::warn!(%error, "the run is dropped");
            return Ok(());
        }
        Err(error)
    }

    async fn take(&mut self, event: Event) -> Result<(), Status> {
        if self.desk.wish() == Wish::Drop {
            return Ok(());
        }
        match event {
            Event::Points(points) => {
                self.waiting.extend(points);
                if self.waiting.len() >= BATCH_POINTS { self.flush().await } else { Ok(()) }
            }
            Event::Checkpoint { checkpoint, used } => self.checkpoint(&checkpoint, used).await,
        }
    }

    async fn flush(&mut self) -> Result<(), Status> {
        if self.waiting.is_empty() || self.desk.wish() == Wish::Drop {
            return Ok(());
        }
        let batch = MetricBatch {
            run: Some(self.key.into()),
            sequence: self.sequence,
            points: self.waiting.iter().map(Into::into).collect(),
        };
        let send = |mut client: Client, batch| async move { client.push_metrics(batch).await };
        self.agent.insist(batch, send).await?;
        self.sequence += 1;
        self.waiting.clear();
        Ok(())
    }

    pub(crate) async fn checkpoint(
        &mut self,
        checkpoint: &Checkpoint,
        used: AcceleratorTime,
    ) -> Result<(), Status> {
        self.flush().await?;
        let report = CheckpointReport {
            run: Some(self.key.into()),
            checkpoint: Some(checkpoint.into()),
            used_ms: used.ms(),
        };
        let send =
            |mut client: Client, report| async move { client.record_checkpoint(report).await };
        self.agent.insist(report, send).await?;
        Ok(())
    }

    async fn beat(&mut self) -> Result<(), Status> {
        if self.desk.wish() == Wish::Drop {
            return Ok(());
        }
        self.flush().await?;
        let (Progress { step, loss, tokens_per_second }, used) = self.desk.latest();
        let run = Some(self.key.into());
        let (output_at, output) = self.desk.output.since(self.told);
        let told = output_at + output.len() as u64;
        let used_ms = used.ms();
        let beat =
            HeartbeatRequest { run, used_ms, step, loss, tokens_per_second, output, output_at };
        let send = |mut client: Client, beat| async move { client.heartbeat(beat).await };
        let HeartbeatReply { directive } = self.agent.insist(beat, send).await?;
        self.told = told;
        match WireDirective::try_from(directive) {
            Ok(WireDirective::Release) => self.desk.ask(Wish::Release),
            Ok(WireDirective::OutOfBudget) => self.desk.ask(Wish::OutOfBudget),
            _ => {}
        }
        Ok(())
    }
}
