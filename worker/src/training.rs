//! One run: trained on a thread of its own while its reporter talks to the coordinator.

use std::path::{Path, PathBuf};
use std::time::Duration;

use sweep_core::ids::RunId;
use sweep_core::metric::MetricPoint;
use sweep_core::plan::RunSpec;
use sweep_core::run::{Checkpoint, FailureReason};
use sweep_core::sweep::Progress;
use sweep_core::units::AcceleratorTime;
use sweep_corpus::Library;
use sweep_proto::v1::finish_request::Outcome as Ending;
use sweep_proto::v1::{FinishRequest, Released, RunAssignment, RunRef};
use sweep_proto::{RunKey, WireError, document};
use sweep_runtime::trace;
use sweep_trainer::{
    Accelerator, Directive, Error as TrainerError, Monitor, Outcome, Start, TrainJob,
};
use tokio::sync::mpsc;
use tracing::Instrument as _;

use crate::agent::Agent;
use crate::client::Client;
use crate::external::{self, Job};
use crate::fault::Fault;
use crate::report::{Desk, Event, Reporter, Wish};
use crate::{Error, Options};

/// Folder of all runs' checkpoints, below the data directory.
const CHECKPOINTS: &str = "checkpoints";

/// Works off one assignment. Whatever becomes of the run is told to the coordinator; an error here
/// ends the worker.
pub(crate) async fn work(agent: &Agent, assignment: RunAssignment) -> Result<(), Error> {
    let run: RunSpec = document::decode(&assignment.run_spec)?;
    // Of the level of warnings, so that what is told of a run names it.
    let span = tracing::warn_span!("train", run = %run.id, attempt = assignment.epoch);
    if let Some(lease) = &assignment.traceparent {
        trace::continue_from(&span, lease);
    }
    attempt(agent, run, assignment).instrument(span).await
}

async fn attempt(agent: &Agent, run: RunSpec, assignment: RunAssignment) -> Result<(), Error> {
    let RunAssignment { epoch, resume_from, heartbeat_ms, checkpoint_every_ms, .. } = assignment;
    let key = RunKey { run: run.id, epoch };
    tracing::info!(run = %key.run, epoch, label = run.label(), "training");
    if !start(agent, key).await? {
        return Ok(());
    }
    let (sender, events) = mpsc::unbounded_channel();
    let desk = Desk::default();
    let folder = checkpoints_of(run.id);
    let Options { data_dir, accelerator, .. } = agent.options.clone();
    let (resume_from, events_desk) = (resume_from.map(Into::into), desk.clone());
    let training = if let Some(trainer) = run.trainer.clone() {
        let (desk, events) = (events_desk, sender);
        let job = Job { run, trainer, data_dir, folder, resume_from, accelerator, desk, events };
        tokio::spawn(external::train(job).in_current_span())
    } else {
        let thread = Thread {
            run,
            data_dir,
            folder,
            resume_from,
            checkpoint_every: AcceleratorTime::from_ms(checkpoint_every_ms),
            accelerator,
            desk: events_desk,
            events: sender,
        };
        let span = tracing::Span::current();
        tokio::task::spawn_blocking(move || span.in_scope(|| thread.train()))
    };
    let mut reporter = Reporter::new(agent, key, desk.clone());
    let heartbeat = Duration::from_millis(u64::from(heartbeat_ms.max(1)));
    let reported = reporter.report(events, heartbeat).await;
    let ended = training.await?;
    reported?;
    if desk.wish() == Wish::Drop {
        return Ok(());
    }
    finish(agent, key, &mut reporter, &desk, ended).await
}

/// Says that training begins; false when the lease is not ours any more.
async fn start(agent: &Agent, key: RunKey) -> Result<bool, Error> {
    let send = |mut client: Client, run| async move { client.start(run).await };
    accepted(agent, agent.insist(RunRef::from(key), send).await)
}

/// What the training thread came to: its outcome with the accelerator time used.
pub(crate) struct Ended {
    pub(crate) outcome: Result<Outcome, Fault>,
    pub(crate) used: AcceleratorTime,
}

async fn finish(
    agent: &Agent,
    key: RunKey,
    reporter: &mut Reporter<'_>,
    desk: &Desk,
    ended: Ended,
) -> Result<(), Error> {
    let failed = |reason: &FailureReason| Ending::Failed(document::encode(reason));
    let outcome = match ended.outcome {
        Ok(Outcome::Finished { result, .. }) => Ending::Succeeded(document::encode(&result)),
        Ok(Outcome::Stopped { step, .. }) if desk.wish() == Wish::OutOfBudget => {
            failed(&FailureReason::OutOfBudget { step })
        }
        Ok(Outcome::Stopped { checkpoint, used, .. }) => {
            if let Some(checkpoint) = checkpoint
                && !accepted(agent, reporter.checkpoint(&checkpoint, used).await)?
            {
                return Ok(());
            }
            Ending::Released(Released {})
        }
        Ok(Outcome::Diverged { step, before, .. }) => {
            failed(&FailureReason::Diverged { step, before })
        }
        Err(Fault(reason)) => failed(&reason),
    };
    let used_ms = ended.used.ms();
    // All that is kept: the coordinator may have lost what it was told before.
    let (output_at, output) = desk.output.since(0);
    let (run, outcome) = (Some(key.into()), Some(outcome));
    let request = FinishRequest { run, used_ms, outcome, output, output_at };
    let send = |mut client: Client, request| async move { client.finish(request).await };
    let answer = agent.insist(request, send).await;
    let has_ended = answer.as_ref().is_ok_and(|reply| reply.has_ended);
    if accepted(agent, answer)? && has_ended {
        remove_checkpoints(agent, key);
    }
    Ok(())
}

/// Nobody takes up a run that has ended.
fn remove_checkpoints(agent: &Agent, key: RunKey) {
    let folder = agent.options.data_dir.join(checkpoints_of(key.run));
    match std::fs::remove_dir_all(&folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            tracing::warn!(folder = %folder.display(), %error, "checkpoints stay behind");
        }
        _ => {}
    }
}

/// The folder of a run's checkpoints, below the data directory.
fn checkpoints_of(run: RunId) -> PathBuf {
    Path::new(CHECKPOINTS).join(run.to_string())
}

/// True when the coordinator took a message; false when the run is not ours any more, or nobody
/// answers while we are told to stop.
fn accepted<T>(agent: &Agent, answer: Result<T, tonic::Status>) -> Result<bool, Error> {
    let Err(status) = answer else { return Ok(true) };
    let error = WireError::of(&status);
    let stale = error.code == sweep_core::code::ErrorCode::StaleLease;
    if stale || *agent.stopping.borrow() {
        tracing::warn!(%error, "the run is dropped");
        return Ok(false);
    }
    Err(error.into())
}

/// Everything the training thread needs.
struct Thread {
    run: RunSpec,
    data_dir: PathBuf,
    /// Folder of this run's checkpoints below the data directory.
    folder: PathBuf,
    resume_from: Option<Checkpoint>,
    checkpoint_every: AcceleratorTime,
    accelerator: Accelerator,
    desk: Desk,
    events: mpsc::UnboundedSender<Event>,
}

impl Thread {
    fn train(mut self) -> Ended {
        let outcome = self.attempt().inspect_err(|fault| {
            tracing::error!(%fault, "the run cannot be trained");
        });
        let used = match &outcome {
            Ok(
                Outcome::Finished { used, .. }
                | Outcome::Stopped { used, .. }
                | Outcome::Diverged { used, .. },
            ) => *used,
            Err(_) => self.desk.used(),
        };
        Ended { outcome, used }
    }

    fn attempt(&mut self) -> Result<Outcome, Fault> {
        let library = Library::new(&self.data_dir.join("corpora")).mapping(sweep_trainer::map);
        let text = library.open(&self.run.corpus).map_err(|error| chain(&error))?;
        let resume_from = self.resume_from.take().map(|checkpoint| self.in_folder(checkpoint));
        let run = self.run.clone();
        let checkpoint_dir = self.data_dir.join(&self.folder);
        let job = TrainJob {
            run: &run,
            text: &text,
            checkpoint_dir: &checkpoint_dir,
            resume_from: resume_from.as_ref(),
            checkpoint_every: self.checkpoint_every,
            accelerator: self.accelerator,
        };
        let mut outcome = sweep_trainer::train(&job, self).map_err(|error| Fault::from(&error))?;
        if let Outcome::Stopped { checkpoint: Some(checkpoint), .. } = &mut outcome {
            *checkpoint = self.below_data_dir(checkpoint);
        }
        Ok(outcome)
    }

    /// The trainer names files within the run's folder, the coordinator below the data directory.
    fn below_data_dir(&self, checkpoint: &Checkpoint) -> Checkpoint {
        let path = self.folder.join(&checkpoint.path);
        Checkpoint { path: path.to_string_lossy().into_owned(), ..checkpoint.clone() }
    }

    /// The reverse of [`Self::below_data_dir`].
    fn in_folder(&self, checkpoint: Checkpoint) -> Checkpoint {
        let path = Path::new(&checkpoint.path);
        let path = path.strip_prefix(&self.folder).unwrap_or(path);
        Checkpoint { path: path.to_string_lossy().into_owned(), ..checkpoint }
    }

    /// A closed channel means that the reporter is gone, and with it whoever would listen.
    fn say(&self, event: Event) {
        if self.events.send(event).is_err() {
            self.desk.ask(Wish::Drop);
        }
    }
}

impl Monitor for Thread {
    fn start(&mut self, start: &Start) {
        for error in &start.passed_over {
            tracing::warn!(step = start.step, error = chain(error), "a checkpoint is passed over");
        }
    }

    fn points(&mut self, points: &[MetricPoint]) {
        self.say(Event::Points(points.to_vec()));
    }

    fn checkpoint(&mut self, checkpoint: &Checkpoint, used: AcceleratorTime) {
        let checkpoint = self.below_data_dir(checkpoint);
        self.say(Event::Checkpoint { checkpoint, used });
    }

    fn checkpoint_failed(&mut self, error: &TrainerError) {
        tracing::warn!(error = chain(error), "no checkpoint is written; training goes on");
    }

    fn progress(&mut self, progress: Progress, used: AcceleratorTime) -> Directive {
        self.desk.note(progress, used);
        if self.desk.wish() == Wish::Continue { Directive::Continue } else { Directive::Stop }
    }
}

pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}
