//! One run, from its first step or from a checkpoint to its result.

use std::collections::VecDeque;
use std::path::Path;

use sweep_core::corpus::CorpusRef;
use sweep_core::memory::Memory;
use sweep_core::metric::{Metric, MetricPoint};
use sweep_core::plan::RunSpec;
use sweep_core::run::{Checkpoint, CorpusResult, RunResult, StepBefore};
use sweep_core::sweep::Progress;
use sweep_core::units::AcceleratorTime;
use sweep_core::variant::Freeze;
use sweep_corpus::{Part, Text};

use crate::accelerator::Accelerator;
use crate::accumulate::{Found, Lanes};
use crate::checkpoint::{self, Buffers, Position, Snapshot, Writer, Written};
use crate::clock::Meter;
use crate::data::{Read, Source, TrainingData};
use crate::error::Error;
use crate::eval::{Evaluation, Validation};
use crate::memory;
use crate::metric::{self, Cadence, Shares};
use crate::model::{Model, Path as ModelPath, Stability, State};
use crate::optim::Adam;
use crate::oscillation::Oscillation;
use crate::post_training;
use crate::schedule::Schedule;
use crate::sparsing;

/// What to train, on what, and where to keep its checkpoints.
pub struct TrainJob<'a> {
    pub run: &'a RunSpec,
    /// The text that the run names, as its tokens.
    pub text: &'a Text,
    /// Folder of this run's checkpoints alone; made when needed.
    pub checkpoint_dir: &'a Path,
    /// The checkpoint to go on from, as [`Monitor::checkpoint`] was told of it. Where it is gone or
    /// damaged an older one of the folder serves, else the run starts anew: that loses time and
    /// nothing else, because equal runs make equal points.
    pub resume_from: Option<&'a Checkpoint>,
    /// Accelerator time between checkpoints; more where the disk is slower than that.
    pub checkpoint_every: AcceleratorTime,
    pub accelerator: Accelerator,
}

/// Hears what a run does while it trains. `used` is always the accelerator time that training
/// steps of this attempt have used: reading data, evaluating and writing checkpoints are not
/// charged.
pub trait Monitor {
    /// Called once, before the first step.
    fn start(&mut self, start: &Start);

    /// The points of one step. A resumed run reports the same points as an uninterrupted one;
    /// those after its checkpoint come again.
    fn points(&mut self, points: &[MetricPoint]);

    /// A checkpoint is on the disk: one of this step or of a step before it, with the time that had been
    /// used then.
    fn checkpoint(&mut self, checkpoint: &Checkpoint, used: AcceleratorTime);

    /// A checkpoint could not be written, on a full disk for instance. The run goes on; the one
    /// before it stays.
    fn checkpoint_failed(&mut self, error: &Error);

    /// Called after every step, so it must be cheap. A stop after the last step is too late: the
    /// run finishes.
    fn progress(&mut self, progress: Progress, used: AcceleratorTime) -> Directive;
}

/// Where a run begins.
#[derive(Debug)]
pub struct Start {
    /// Steps that are done already.
    pub step: u64,
    /// Why checkpoints that were tried could not be used.
    pub passed_over: Vec<Error>,
}

/// What a run is to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Directive {
    Continue,
    /// Write a checkpoint and return.
    Stop,
}

/// How an attempt ended. `used` is its accelerator time as in [`Monitor`].
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    Finished {
        result: RunResult,
        used: AcceleratorTime,
    },
    /// As [`Monitor::progress`] told it to.
    Stopped {
        step: u64,
        /// None where it could not be written; the one before it stays.
        checkpoint: Option<Checkpoint>,
        used: AcceleratorTime,
    },
    /// The loss or the gradient was not finite once `step` steps were done.
    Diverged {
        step: u64,
        /// Of the last steps of this attempt before it, oldest first.
        before: Vec<StepBefore>,
        used: AcceleratorTime,
    },
}

/// Trains a run to its end, to a stop or to divergence.
///
/// Equal runs end with equal weights and report equal points on one kind of machine, however
/// often they were interrupted.
///
/// # Errors
/// A corpus that is not the run's own or too small for it, a checkpoint of another run, and
/// whatever the tensor library or the device refuses.
pub fn train(job: &TrainJob<'_>, monitor: &mut dyn Monitor) -> Result<Outcome, Error> {
    attempt(job, monitor).map_err(|error| memory::named(error, job.run, job.accelerator))
}

fn attempt(job: &TrainJob<'_>, monitor: &mut dyn Monitor) -> Result<Outcome, Error> {
    let (mut session, passed_over) = Session::start(job)?;
    monitor.start(&Start { step: session.position.step, passed_over });
    let (cadence, rare) = (Cadence::new(job.run.steps), Cadence::rare(job.run.steps));
    let mut meter = Meter::new(job.accelerator);
    // A run that ends before its first checkpoint is due needs no memory for one.
    let is_long = job.run.class.time() > job.checkpoint_every;
    let lens =
        if is_long { checkpoint::lens(&session.model, &session.optimiser) } else { Vec::new() };
    let mut writer = Writer::new(job.checkpoint_dir, lens);
    let mut checkpoint_used = AcceleratorTime::ZERO;
    let first_step = session.position.step;

    while session.position.step < job.run.steps {
        let Some(done) = session.step(&mut meter)? else {
            let step = session.position.step;
            return Ok(Outcome::Diverged { step, before: session.before(), used: used(&meter) });
        };
        let step = session.position.step;
        let used = used(&meter);
        let due = cadence.is_due(step);
        if due {
            let Done { learning_rate, gradient_norm, .. } = done;
            let shares = session.shares();
            let losses = &mut session.position.losses;
            let params_n = job.run.params_n();
            let (rate, norm) = (learning_rate, gradient_norm);
            let mut points = metric::points(step, losses, rate, norm, params_n, shares);
            if cadence.is_look_due(step) {
                points.extend(metric::kurtoses(step, &session.quantized_inputs()));
            }
            monitor.points(&points);
        }
        if rare.is_due(step) {
            monitor.points(&metric::stability(step, &session.stability()?));
        }
        let tokens_per_second = session.tokens_per_second(first_step, &meter);
        let progress = Progress { step, loss: done.loss, tokens_per_second };
        let directive = monitor.progress(progress, used);
        if step == job.run.steps {
            break;
        }
        if directive == Directive::Stop {
            tell(writer.wait(), monitor);
            let snapshot = session.snapshot(writer.buffers());
            let written = snapshot.and_then(|snapshot| snapshot.write(job.checkpoint_dir));
            let checkpoint = written.map_err(|error| monitor.checkpoint_failed(&error)).ok();
            return Ok(Outcome::Stopped { step, checkpoint, used });
        }
        tell(writer.written(), monitor);
        let is_time = used.saturating_sub(checkpoint_used) >= job.checkpoint_every;
        // A slow disk makes checkpoints rarer and not the training slower.
        if due && is_time && !writer.is_busy() {
            let snapshot = session.snapshot(writer.buffers());
            let begun = snapshot.and_then(|snapshot| writer.begin(snapshot, used));
            begun.unwrap_or_else(|error| monitor.checkpoint_failed(&error));
            checkpoint_used = used;
        }
    }
    tell(writer.wait(), monitor);
    let tokens_per_second = session.tokens_per_second(first_step, &meter);
    session.finish(tokens_per_second, used(&meter), monitor)
}

/// Tells what became of a checkpoint, if that is known now.
fn tell(written: Option<Written>, monitor: &mut dyn Monitor) {
    match written {
        Some(Written { outcome: Ok(checkpoint), used }) => monitor.checkpoint(&checkpoint, used),
        Some(Written { outcome: Err(error), .. }) => monitor.checkpoint_failed(&error),
        None => {}
    }
}

/// Everything that changes while a run trains.
struct Session<'a> {
    job: &'a TrainJob<'a>,
    data: TrainingData<'a>,
    validation: Validation,
    model: Model,
    lanes: Lanes,
    optimiser: Adam,
    oscillation: Oscillation,
    schedule: Schedule,
    state: State,
    position: Position,
    /// The last steps, so that a divergence can tell how it came.
    before: VecDeque<StepBefore>,
}

/// Steps before a divergence that it tells of.
const BEFORE_N: usize = 5;

/// What one step found.
struct Done {
    loss: f64,
    learning_rate: f64,
    gradient_norm: f64,
}

impl<'a> Session<'a> {
    /// From the best checkpoint there is, else from the first step; with why others were not used.
    fn start(job: &'a TrainJob<'a>) -> Result<(Self, Vec<Error>), Error> {
        let recorded = job.resume_from.map(|c| checkpoint::candidates(job.checkpoint_dir, c));
        let mut passed_over = Vec::new();
        for file in recorded.transpose()?.unwrap_or_default() {
            let mut session = Self::fresh(job)?;
            let Self { model, optimiser, oscillation, state, .. } = &mut session;
            match checkpoint::read(&file, job.run, model, optimiser, oscillation, state) {
                Ok(position) => return Ok((Self { position, ..session }, passed_over)),
                Err(error @ (Error::ForeignCheckpoint { .. } | Error::OtherVocabulary { .. })) => {
                    return Err(error);
                }
                Err(error) => passed_over.push(error),
            }
        }
        let mut session = Self::fresh(job)?;
        let tokens = session.data.step(1);
        session.model.settle_scales(&tokens)?;
        Ok((session, passed_over))
    }

    fn fresh(job: &'a TrainJob<'a>) -> Result<Self, Error> {
        let TrainJob { run, text, .. } = *job;
        let spec = &run.model;
        check(run, text)?;
        memory::require(Memory::of(run, job.accelerator.threads_n() as u32), job.accelerator)?;
        let sequence = spec.sequence as usize;
        let device = job.accelerator.device()?;
        let path = ModelPath::for_device(&device);
        let model = Model::initialised(spec, &run.optimiser, run.seed, &device, path)?;
        Ok(Self {
            job,
            data: training_data(run, text)?,
            validation: Validation::new(text, sequence, run.evaluate_last)?,
            optimiser: Adam::new(&run.optimiser, &model)?,
            oscillation: Oscillation::new(&model),
            schedule: Schedule::new(&run.optimiser, run.steps),
            state: model.initial_state(),
            lanes: Lanes::new(&model, job.accelerator.threads_n())?,
            model,
            position: Position::default(),
            before: VecDeque::with_capacity(BEFORE_N),
        })
    }

    /// One optimiser step; none where the loss or the gradient is not finite.
    fn step(&mut self, meter: &mut Meter) -> Result<Option<Done>, Error> {
        let step = self.position.step + 1;
        let tokens = self.data.step(step);
        let learning_rate = self.schedule.learning_rate(step);
        let micro_batch = self.job.run.micro_batch;
        let freeze = self.freeze(step);
        let Self { model, lanes, optimiser, oscillation, state, .. } = self;
        let (loss, gradient_norm, elsewhere) = meter.time(|| {
            let Found { loss, gradients, elsewhere } =
                lanes.loss_and_gradients(model, &tokens, state, micro_batch)?;
            let held = freeze.map(|margin| oscillation.held(model, margin)).transpose()?;
            let threads_n = lanes.threads_n();
            let (norm, more) = optimiser.step(model, &gradients, step, learning_rate, threads_n)?;
            if let Some(held) = held {
                held.put_back(model)?;
            }
            Ok::<_, Error>((loss, norm, elsewhere + more))
        })?;
        meter.charge(elsewhere);
        if !loss.is_finite() || !gradient_norm.is_finite() {
            return Ok(None);
        }
        self.oscillation.observe(&self.model)?;
        self.position.step = step;
        self.position.losses.add(loss);
        if self.before.len() == BEFORE_N {
            self.before.pop_front();
        }
        self.before.push_back(StepBefore { loss, gradient_norm });
        Ok(Some(Done { loss, learning_rate, gradient_norm }))
    }

    fn before(&self) -> Vec<StepBefore> {
        self.before.iter().copied().collect()
    }

    /// How far from a threshold weights of few bits are held in this step, if they are.
    fn freeze(&self, step: u64) -> Option<f64> {
        let run = self.job.run;
        let Freeze { last, margin } = run.model.variant.quantization.as_ref()?.freeze?;
        let free = (run.steps as f64 * (1.0 - last.0)).round() as u64;
        (step > free).then_some(margin)
    }

    /// Sequences of the last step, or of its last piece.
    fn rows(&self) -> usize {
        let run = self.job.run;
        run.micro_batch.unwrap_or(run.batch) as usize
    }

    /// Of the last step, or of its last piece.
    fn shares(&self) -> Shares {
        let active = self.model.active_share(self.rows(), self.job.run.model.sequence as usize);
        Shares { active, oscillating: self.oscillation.share() }
    }

    /// What went into the layers in the last step, or in its last piece, of models in few bits.
    fn quantized_inputs(&self) -> Vec<(String, Vec<f32>)> {
        let model = &self.job.run.model;
        match model.variant.quantization {
            Some(_) => self.model.inputs(self.rows(), model.sequence as usize),
            None => Vec::new(),
        }
    }

    /// On the first sequence of the last step.
    fn stability(&mut self) -> Result<Stability, Error> {
        let tokens = self.data.step(self.position.step);
        self.model.stability(&tokens.rows(0, 1))
    }

    fn snapshot(&self, buffers: Buffers) -> Result<Snapshot, Error> {
        let Self { job, position, model, optimiser, oscillation, state, .. } = self;
        Snapshot::take(job.run, *position, model, optimiser, oscillation, state, buffers)
    }

    /// Tokens per accelerator second since `first_step`; zero where nothing was trained.
    fn tokens_per_second(&self, first_step: u64, meter: &Meter) -> f64 {
        let run = self.job.run;
        let steps = self.position.step - first_step;
        let tokens = steps * u64::from(run.batch) * u64::from(run.model.sequence);
        let seconds = meter.used().as_secs_f64();
        if seconds > 0.0 { tokens as f64 / seconds } else { 0.0 }
    }

    /// What the run had of every corpus.
    fn corpora(&self, each: &[Evaluation]) -> Vec<CorpusResult> {
        let parts = self.job.text.parts.iter().zip(each);
        let read = self.data.read(self.position.step);
        let corpora = parts.zip(read).map(|((part, evaluation), read)| {
            let Read { tokens, unique_tokens, epochs } = read;
            let (name, bits_per_byte) = (part.name().to_owned(), evaluation.bits_per_byte);
            CorpusResult { name, tokens, unique_tokens, epochs, bits_per_byte }
        });
        corpora.collect()
    }

    /// What the model loses in few bits, seen on the first sequences of the last step.
    fn post_training(&mut self, loss: f64) -> Result<Vec<MetricPoint>, Error> {
        let (job, step) = (self.job, self.position.step);
        let model = &job.run.model;
        let Some(wanted) = &model.variant.post_training else { return Ok(Vec::new()) };
        let tokens = self.data.step(step.max(1));
        let rows = post_training::TOKENS_N.div_ceil(tokens.sequence).min(tokens.batch);
        let tokens = tokens.rows(0, rows);
        let found = post_training::evaluate(&self.validation, &self.model, &tokens, wanted)?;
        Ok(metric::post_training(step, loss, &found))
    }

    fn finish(
        mut self,
        tokens_per_second: f64,
        used: AcceleratorTime,
        monitor: &mut dyn Monitor,
    ) -> Result<Outcome, Error> {
        let step = self.position.step;
        // A run that was taken up at its very end has not read its last step.
        self.data.step(step.max(1));
        let (evaluation, each) = self.validation.evaluate(&self.model)?;
        if !evaluation.nats_per_token.is_finite() {
            return Ok(Outcome::Diverged { step, before: self.before(), used });
        }
        let value = evaluation.nats_per_token;
        let mut points = vec![MetricPoint { metric: Metric::ValidationLoss, step, value }];
        if let Some(rise) = self.job.run.model.variant.activation_ratio {
            let found = sparsing::search(&self.validation, &self.model, value, rise.0.0)?;
            points.extend(found.map(|found| metric::sparsity(step, found)).into_iter().flatten());
        }
        points.extend(self.post_training(value)?);
        monitor.points(&points);
        let result = RunResult {
            loss: evaluation.nats_per_token,
            bits_per_byte: evaluation.bits_per_byte,
            normalised_perplexity: evaluation.normalised_perplexity,
            bigram_bits_per_byte: Some(self.validation.bigram_bits_per_byte(self.job.text)),
            params_n: None,
            weights_hash: checkpoint::weights_hash(&self.model)?,
            tokens_per_second,
            corpora: self.corpora(&each),
        };
        Ok(Outcome::Finished { result, used })
    }
}

/// The documents of all corpora; refuses a run that needs more of them than they may give.
fn training_data<'a>(run: &RunSpec, text: &'a Text) -> Result<TrainingData<'a>, Error> {
    let (batch, sequence) = (run.batch as usize, run.model.sequence as usize);
    let separator = text.tokenizer.separator();
    let tokens = run.tokens_d();
    if let Some(most) = run.corpus.tokens_max().filter(|most| *most < tokens) {
        return Err(Error::TextUsedUp { tokens, most });
    }
    let source = |part: &'a Part| Source {
        documents: part.train(),
        weight: part.weight(),
        epochs_max: part.epochs_max(),
    };
    let sources = text.parts.iter().map(source).collect();
    TrainingData::new(sources, separator, run.seed, batch, sequence)
}

fn check(run: &RunSpec, text: &Text) -> Result<(), Error> {
    let (planned, given) = (&run.corpus, &text.reference);
    if given.hash != planned.hash {
        let name = |reference: &CorpusRef| format!("{} ({})", reference.name, reference.hash);
        let (planned, given) = (name(planned), name(given));
        return Err(Error::WrongCorpus { planned, given });
    }
    if given.tokenizer != planned.tokenizer {
        let (planned, given) = (checkpoint::tokens_of(planned), checkpoint::tokens_of(given));
        return Err(Error::WrongCorpus { planned, given });
    }
    let (vocabulary_n, needed) = (run.model.vocabulary_n, text.tokenizer.vocabulary_n());
    if vocabulary_n < needed {
        return Err(Error::Vocabulary { vocabulary_n, needed });
    }
    Ok(())
}

fn used(meter: &Meter) -> AcceleratorTime {
    AcceleratorTime::from_seconds_f64(meter.used().as_secs_f64())
}
