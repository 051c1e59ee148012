//! Runs that a command of the user's trains: started, listened to, stopped (docs/trainer-protocol.md).
//!
//! The command reports JSON lines to a named pipe. What it says becomes what the built-in trainer
//! would have said: points, checkpoints, progress, an outcome. Whatever else it does (prints without
//! end, ignores signals, leaves children behind, ends without a word) ends here, with a reason.

mod checkpoint;
mod lines;
mod log;
mod process;
mod settings;
mod stragglers;
mod throughput;

use std::collections::HashMap;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use sweep_core::external::ExternalTrainer;
use sweep_core::metric::Metric;
use sweep_core::plan::RunSpec;
use sweep_core::run::{Checkpoint, RunResult};
use sweep_core::sweep::Progress;
use sweep_core::units::AcceleratorTime;
use sweep_corpus::{Library, PlainFiles};
use sweep_trainer::{Accelerator, Outcome};
use tokio::sync::mpsc;
use tokio::time::MissedTickBehavior;

use self::lines::{Found, Line, Loss, Saved, Step};
use self::process::{Next, Printed, Process};
use self::settings::{Mode, Places, Settings};
use crate::fault::{self, Fault};
use crate::report::{Desk, Event, Wish};
use crate::training::Ended;

pub(crate) use self::throughput::measure;

/// A command that was asked to stop has this long to write a checkpoint; a worker of the embedded
/// default has 20 s to stop itself.
const GRACE: Duration = Duration::from_secs(15);
/// A command that reports nothing for this long hangs.
const SILENCE_MAX: Duration = Duration::from_secs(30 * 60);
/// How often wishes and the clock are looked at.
const TICK: Duration = Duration::from_millis(50);
/// Points that a run has of each metric at most: of more, some are passed over.
const POINTS_MAX: u64 = 1000;
/// Folder of what we write for a command, beside its checkpoints.
const CONTROL: &str = ".control";
/// Bytes of a line that an error quotes.
const QUOTED_BYTES: usize = 120;

/// One attempt at one run.
pub(crate) struct Job {
    pub(crate) run: RunSpec,
    pub(crate) trainer: ExternalTrainer,
    pub(crate) data_dir: PathBuf,
    /// Folder of this run's checkpoints below the data directory.
    pub(crate) folder: PathBuf,
    pub(crate) resume_from: Option<Checkpoint>,
    pub(crate) accelerator: Accelerator,
    pub(crate) desk: Desk,
    pub(crate) events: mpsc::UnboundedSender<Event>,
}

/// Trains a run by its command.
pub(crate) async fn train(job: Job) -> Ended {
    let outcome = attempt(&job).await.inspect_err(|fault| {
        tracing::error!(%fault, "the run cannot be trained");
    });
    Ended { outcome, used: job.desk.used() }
}

async fn attempt(job: &Job) -> Result<Outcome, Fault> {
    let (corpus, tokenizer) = plain_corpus(job).await?;
    let checkpoints = job.data_dir.join(&job.folder);
    let places = Places { control: checkpoints.join(CONTROL), checkpoints, corpus, tokenizer };
    let resume = resumable(job).await;
    let resume = resume.as_ref().map(|(path, step)| (path.as_path(), *step));
    let settings = Settings::new(&job.run, Mode::Train, job.accelerator, &places, resume);
    let log = job.data_dir.join("logs").join("runs").join(format!("{}.log", job.run.id));
    let printed = Printed { log: log.clone(), heard: job.desk.output.clone() };
    let process = start(&job.trainer, &settings, &places, job.accelerator, printed)?;
    let resume_step = resume.map_or(0, |(_, step)| step);
    Attempt::new(job, process, resume_step, log).finish().await
}

fn start(
    trainer: &ExternalTrainer,
    settings: &Settings,
    places: &Places,
    accelerator: Accelerator,
    printed: Printed,
) -> Result<Process, Fault> {
    let filled = trainer.filled(|name| settings.text(name));
    let arguments = filled.map_err(|error| Fault::configuration(error.to_string()))?;
    Process::start(&arguments, settings, places, accelerator, printed)
}

/// Work that reads or writes much, beside the threads that talk.
async fn beside<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, String> + Send + 'static,
) -> Result<T, String> {
    tokio::task::spawn_blocking(work).await.map_err(|error| error.to_string())?
}

/// The text as files, with the tokenizer's where there is one.
async fn plain_corpus(job: &Job) -> Result<(PlainFiles, Option<PathBuf>), String> {
    let library = Library::new(&job.data_dir.join("corpora"));
    let reference = job.run.corpus.clone();
    beside(move || {
        let read = || {
            let files = library.plain(&library.load(&reference)?)?;
            Ok::<_, sweep_corpus::Error>((files, library.tokenizer_file(&reference)?))
        };
        read().map_err(|error| crate::training::chain(&error))
    })
    .await
}

/// The checkpoint to go on from with its step; none where it is gone or damaged.
async fn resumable(job: &Job) -> Option<(PathBuf, u64)> {
    let Checkpoint { step, path, hash } = job.resume_from.clone()?;
    let path = job.data_dir.join(path);
    let file = path.clone();
    let found = beside(move || checkpoint::hash(&file).map_err(|error| error.to_string())).await;
    if found.as_ref() == Ok(&hash) {
        return Some((path, step));
    }
    let path = path.display();
    tracing::warn!(%path, ?found, "a checkpoint is gone or damaged: the run starts anew");
    None
}

/// Accelerator time: as the command measures it, else the wall clock from its first report on.
#[derive(Default)]
struct Meter {
    first: Option<Instant>,
    reported: Option<f64>,
}

impl Meter {
    fn note(&mut self, step: &Step) {
        self.first.get_or_insert_with(Instant::now);
        if let Some(seconds) = step.accelerator_s {
            self.reported = Some(self.reported.unwrap_or(0.0).max(seconds));
        }
    }

    fn seconds(&self) -> f64 {
        let by_the_wall = || self.first.map_or(0.0, |first| first.elapsed().as_secs_f64());
        self.reported.unwrap_or_else(by_the_wall)
    }

    fn used(&self) -> AcceleratorTime {
        AcceleratorTime::from_seconds_f64(self.seconds())
    }
}

/// A command while it runs.
struct Attempt<'a> {
    job: &'a Job,
    process: Process,
    log: PathBuf,
    /// Steps that were done before this attempt.
    resume_step: u64,
    meter: Meter,
    step: Option<u64>,
    tokens: Option<u64>,
    loss: f64,
    /// The last step of which a point of each metric was kept.
    kept: HashMap<Metric, u64>,
    lines_n: u64,
    heard: Instant,
    /// When it was first asked to stop.
    asked: Option<Instant>,
    diverged: bool,
    found: Option<Found>,
}

impl<'a> Attempt<'a> {
    fn new(job: &'a Job, process: Process, resume_step: u64, log: PathBuf) -> Self {
        Self {
            job,
            process,
            log,
            resume_step,
            meter: Meter::default(),
            step: None,
            tokens: None,
            loss: f64::NAN,
            kept: HashMap::new(),
            lines_n: 0,
            heard: Instant::now(),
            asked: None,
            diverged: false,
            found: None,
        }
    }

    async fn finish(mut self) -> Result<Outcome, Fault> {
        let status = self.listen().await;
        let signal = status.as_ref().ok().and_then(ExitStatusExt::signal);
        // One of ours says nothing of the command.
        let signal = signal.filter(|_| self.asked.is_none());
        self.note();
        let tail = self.process.end().await;
        let ending = Ending {
            run: &self.job.run,
            used: self.meter.used(),
            wish: self.job.desk.wish(),
            resume_step: self.resume_step,
            step: self.step,
            tokens: self.tokens,
            diverged: self.diverged,
            found: self.found,
        };
        let outcome = status.and_then(|status| ending.outcome(status));
        outcome.map_err(|message| {
            let log = self.log.display();
            let message = if tail.is_empty() {
                format!("{message}; it printed nothing")
            } else {
                format!("{message}; the end of {log}:\n{tail}")
            };
            fault::of_command(message, &tail, signal)
        })
    }

    async fn listen(&mut self) -> Result<ExitStatus, String> {
        let mut ticks = tokio::time::interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                next = self.process.next() => match next? {
                    Next::Line(line) => self.take(&line).await?,
                    Next::End(status) => return Ok(status),
                },
                _ = ticks.tick() => self.look_around()?,
            }
        }
    }

    async fn take(&mut self, text: &str) -> Result<(), String> {
        self.lines_n += 1;
        self.heard = Instant::now();
        if self.diverged {
            return Ok(());
        }
        let taken = match lines::read(text) {
            Ok(Line::Step(step)) => self.step(&step),
            Ok(Line::Checkpoint(saved)) => self.checkpoint(&saved).await,
            Ok(Line::Result(found)) => {
                self.found = Some(found);
                Ok(())
            }
            Err(mistake) => Err(mistake),
        };
        taken.map_err(|mistake| {
            let cut = text.char_indices().find(|(at, _)| *at >= QUOTED_BYTES);
            let quoted = cut.map_or(text, |(at, _)| &text[..at]);
            format!("line {} of its reports, `{quoted}`: {mistake}", self.lines_n)
        })
    }

    fn step(&mut self, line: &Step) -> Result<(), String> {
        let steps = self.job.run.steps;
        if line.step > steps {
            return Err(format!("`step` is {}, and the run has {steps}", line.step));
        }
        if let Some(last) = self.step
            && line.step < last
        {
            return Err(format!("`step` is {} after {last}", line.step));
        }
        self.step = Some(line.step);
        self.tokens = line.tokens.or(self.tokens);
        self.meter.note(line);
        match line.loss {
            Loss::NotFinite => {
                self.diverged = true;
                self.ask(Signal::TERM);
                return Ok(());
            }
            Loss::Finite(loss) => self.loss = loss,
            Loss::Unsaid => {}
        }
        let every = (steps / POINTS_MAX).max(1);
        let (kept, resume_step) = (&mut self.kept, self.resume_step);
        let mut points = line.points.clone();
        points.retain(|point| {
            let last = kept.get(&point.metric).copied().unwrap_or(resume_step);
            let due = point.step / every > last / every || point.step == steps;
            if due {
                kept.insert(point.metric, point.step);
            }
            due
        });
        if !points.is_empty() {
            self.say(Event::Points(points));
        }
        self.note();
        Ok(())
    }

    async fn checkpoint(&mut self, saved: &Saved) -> Result<(), String> {
        let Saved { step, path } = saved;
        if !checkpoint::stays_within(path) {
            return Err(format!("`path` is `{path}`, expected a name within its checkpoints"));
        }
        let below = self.job.folder.join(path);
        let file = self.job.data_dir.join(&below);
        let hash = beside(move || {
            checkpoint::hash(&file).map_err(|error| format!("{}: {error}", file.display()))
        })
        .await?;
        let path = below.to_string_lossy().into_owned();
        let checkpoint = Checkpoint { step: *step, path, hash };
        self.say(Event::Checkpoint { checkpoint, used: self.meter.used() });
        Ok(())
    }

    /// Whether the run is still wanted, and the command still alive.
    fn look_around(&mut self) -> Result<(), String> {
        self.note();
        match self.job.desk.wish() {
            Wish::Drop => self.process.signal(Signal::KILL),
            Wish::Release | Wish::OutOfBudget if self.asked.is_none() => self.ask(Signal::TERM),
            _ => {}
        }
        if self.asked.is_some_and(|asked| asked.elapsed() > GRACE) {
            tracing::warn!("a command did not stop in time and is ended");
            self.process.signal(Signal::KILL);
        }
        if self.heard.elapsed() > SILENCE_MAX {
            let minutes = SILENCE_MAX.as_secs() / 60;
            return Err(format!("it reported nothing for {minutes} min"));
        }
        Ok(())
    }

    fn ask(&mut self, signal: Signal) {
        self.process.signal(signal);
        self.asked = Some(Instant::now());
    }

    fn note(&self) {
        let step = self.step.unwrap_or(self.resume_step);
        let trained = step.saturating_sub(self.resume_step);
        let tokens_per_second = speed(&self.job.run, trained, self.meter.seconds());
        let progress = Progress { step, loss: self.loss, tokens_per_second };
        self.job.desk.note(progress, self.meter.used());
    }

    /// A closed channel means that the reporter is gone, and with it whoever would listen.
    fn say(&self, event: Event) {
        if self.job.events.send(event).is_err() {
            self.job.desk.ask(Wish::Drop);
        }
    }
}

/// Tokens per accelerator second; zero before there is any.
fn speed(run: &RunSpec, steps: u64, seconds: f64) -> f64 {
    let tokens = steps * u64::from(run.batch) * u64::from(run.model.sequence);
    if seconds > 0.0 { tokens as f64 / seconds } else { 0.0 }
}

/// All that is known once a command has ended.
struct Ending<'a> {
    run: &'a RunSpec,
    used: AcceleratorTime,
    wish: Wish,
    resume_step: u64,
    step: Option<u64>,
    tokens: Option<u64>,
    diverged: bool,
    found: Option<Found>,
}

impl Ending<'_> {
    fn outcome(&self, status: ExitStatus) -> Result<Outcome, String> {
        let used = self.used;
        let step = self.step.unwrap_or(self.resume_step);
        if self.diverged {
            return Ok(Outcome::Diverged { step, before: Vec::new(), used });
        }
        if self.wish == Wish::Drop || (self.wish != Wish::Continue && self.found.is_none()) {
            return Ok(Outcome::Stopped { step, checkpoint: None, used });
        }
        let (steps, tokens_d) = (self.run.steps, self.run.tokens_d());
        let ended = describe(status);
        let Some(found) = &self.found else {
            return Err(format!(
                "the command {ended} after step {step} of {steps}, without a result"
            ));
        };
        if !status.success() {
            return Err(format!("the command {ended} after its result"));
        }
        if step != steps {
            return Err(format!("the command reported a result after step {step} of {steps}"));
        }
        if let Some(tokens) = self.tokens
            && tokens != tokens_d
        {
            return Err(format!(
                "the command trained {tokens} tokens where the run has {tokens_d}: steps x batch x \
                 sequence"
            ));
        }
        let nats_per_byte = found.bits_per_byte * std::f64::consts::LN_2;
        let result = RunResult {
            loss: found.loss.unwrap_or(nats_per_byte),
            bits_per_byte: found.bits_per_byte,
            normalised_perplexity: nats_per_byte.exp(),
            bigram_bits_per_byte: None,
            params_n: Some(found.params_n),
            tokens_per_second: speed(self.run, steps - self.resume_step, used.seconds()),
            ..RunResult::default()
        };
        Ok(Outcome::Finished { result, used })
    }
}

fn describe(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("ended with status {code}"),
        (None, Some(signal)) => format!("was ended by signal {signal}"),
        (None, None) => "ended".to_owned(),
    }
}

/// The folder of a path that is one, for what is removed again.
struct Scratch(PathBuf);

impl Scratch {
    fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // It is ours alone; what cannot be removed is small.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
