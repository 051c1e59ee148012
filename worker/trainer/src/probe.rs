//! How fast models train here, measured apart from training: what turns a compute class into a
//! number of steps (Languini Kitchen, arXiv 2309.11197, section 3).
//!
//! Random tokens, made outside the measured time; forward pass, loss, backward pass and optimiser
//! step; the first rounds are dropped.
//!
//! A CPU core of a shared machine has two speeds: its own, and about two thirds of that while
//! whoever has the other half of the core is busy, for seconds or minutes on end. CPU time does not
//! tell the two apart. So models are measured in turns, a short window each, for long enough that
//! some windows are undisturbed, and the throughput is what the fastest twentieth of them reach:
//! the speed of the core itself. A disturbance then hits all models alike, and the ratio between
//! arms, on which a comparison rests, hardly feels it.
//!
//! Even undisturbed a shared machine is faster in one hour than in another, by a tenth here. Two small
//! models of this file are therefore measured in the same turns, always the same: by their speed
//! measurements of different hours are brought to one scale.

use std::time::{Duration, Instant};

use sweep_core::memory::Memory;
use sweep_core::plan::RunSpec;
use sweep_core::variant::{Family, ModelSpec, OptimiserSpec, Position, Variant};

use crate::accelerator::Accelerator;
use crate::accumulate::{Found, Lanes};
use crate::checkpoint::{Buffers, Position as Place, Snapshot, lens};
use crate::clock::Meter;
use crate::data::TokenBatch;
use crate::error::Error;
use crate::memory;
use crate::model::{Model, Path, State};
use crate::optim::Adam;
use crate::oscillation::Oscillation;
use crate::random::{Purpose, Random};

const WARMUP_ROUNDS: u32 = 6;
/// A window is long against the clock's resolution and short against a disturbance.
const WINDOW_SECONDS: f64 = 0.05;
/// Languini's procedure keeps 14 rounds.
const WINDOWS_MIN: usize = 14;
/// The share of windows that are slower than the throughput: the rest are undisturbed.
const QUANTILE: f64 = 0.95;
/// The measurement goes on while its halves differ by more than this.
const SETTLED: f64 = 0.015;

/// What is measured: a model, and the sequences of a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    pub model: ModelSpec,
    pub batch: u32,
    /// Sequences that are trained on at a time; none where the whole batch is.
    pub micro_batch: Option<u32>,
}

/// A measured throughput.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Probe {
    /// Tokens per accelerator second of the undisturbed accelerator.
    pub tokens_per_second: f64,
    /// By how much the two halves of the measurement differ, relative to the whole.
    pub spread: f64,
    /// Windows measured after the warm-up.
    pub windows_n: u32,
    /// Tokens per accelerator second of the reference models, their geometric mean.
    pub reference: f64,
}

/// How long to measure, all subjects of one accelerator together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// At least this long, so that a disturbance of some seconds ends in between.
    pub least: Duration,
    /// At most this long, for throughputs that do not settle.
    pub most: Duration,
}

impl Patience {
    /// Nobody else uses the accelerator: what it does once it does again. Otherwise half a minute
    /// finds an undisturbed moment: ten seconds were found to be off by up to 28 % on a virtual
    /// machine with busy neighbours, thirty by up to 4 %, and by 1.9 % in nine cases of ten.
    #[must_use]
    pub const fn for_accelerator(accelerator: Accelerator) -> Self {
        match accelerator {
            Accelerator::Cpu { .. } => {
                Self { least: Duration::from_secs(30), most: Duration::from_secs(60) }
            }
            Accelerator::Cuda { .. } => {
                Self { least: Duration::from_secs(2), most: Duration::from_secs(10) }
            }
        }
    }
}

/// Measures the training throughput of each subject.
///
/// # Errors
/// A model that cannot be built, or whatever the tensor library or the device refuses.
pub fn probe(subjects: &[Subject], accelerator: Accelerator) -> Result<Vec<Probe>, Error> {
    let path = Path::for_device(&accelerator.device()?);
    let patience = Patience::for_accelerator(accelerator);
    // A GPU is undisturbed, but too small to hold all models at once.
    let together = match accelerator {
        Accelerator::Cpu { .. } => subjects.len().max(1),
        Accelerator::Cuda { .. } => 1,
    };
    let mut probes = Vec::new();
    for subjects in subjects.chunks(together) {
        probes.extend(measure(subjects, accelerator, path, patience)?);
    }
    Ok(probes)
}

/// The reference models: one of each kind of kernel, small and fast.
fn references() -> [Subject; 2] {
    [Family::Gpt, Family::Qlstm].map(|family| Subject {
        model: ModelSpec {
            family,
            width: 32,
            layers_n: 2,
            heads_n: 2,
            head_width: 16,
            mlp_width: 128,
            position: (family == Family::Gpt).then_some(Position::Alibi),
            vocabulary_n: 256,
            sequence: 128,
            variant: Variant::BASELINE,
        },
        batch: 4,
        micro_batch: None,
    })
}

/// [`probe`] along a path of choice, all subjects in turns with the reference models.
///
/// # Errors
/// As [`probe`].
pub fn measure(
    subjects: &[Subject],
    accelerator: Accelerator,
    path: Path,
    patience: Patience,
) -> Result<Vec<Probe>, Error> {
    let references = references();
    let mut benches = subjects
        .iter()
        .chain(&references)
        .map(|subject| Bench::new(subject, accelerator, path))
        .collect::<Result<Vec<_>, _>>()?;
    for bench in &mut benches {
        for _ in 0..WARMUP_ROUNDS {
            bench.round(&mut Meter::new(accelerator))?;
        }
    }
    let begun = Instant::now();
    let mut windows: Vec<Vec<f64>> = vec![Vec::new(); benches.len()];
    loop {
        for (bench, windows) in benches.iter_mut().zip(&mut windows) {
            windows.push(bench.window(accelerator, WINDOW_SECONDS)?);
        }
        if windows[0].len() < WINDOWS_MIN || begun.elapsed() < patience.least {
            continue;
        }
        let (windows, references) = windows.split_at(subjects.len());
        let ln_speed: f64 = references.iter().map(|windows| undisturbed(windows).ln()).sum();
        let reference = (ln_speed / references.len() as f64).exp();
        let probes: Vec<Probe> =
            windows.iter().map(|windows| Probe::of(windows, reference)).collect();
        let settled = probes.iter().all(|probe| probe.spread <= SETTLED);
        if settled || begun.elapsed() >= patience.most {
            return Ok(probes);
        }
    }
}

impl Probe {
    /// Of the tokens per second of all windows, in the order of time.
    fn of(windows: &[f64], reference: f64) -> Self {
        let (first, second) = windows.split_at(windows.len() / 2);
        let tokens_per_second = undisturbed(windows);
        let spread = (undisturbed(first) - undisturbed(second)).abs() / tokens_per_second;
        Self { tokens_per_second, spread, windows_n: windows.len() as u32, reference }
    }
}

fn undisturbed(windows: &[f64]) -> f64 {
    let mut windows = windows.to_vec();
    windows.sort_by(f64::total_cmp);
    windows[((windows.len() - 1) as f64 * QUANTILE).round() as usize]
}

/// A model being trained on noise.
pub struct Bench {
    subject: Subject,
    model: Model,
    lanes: Lanes,
    adam: Adam,
    state: State,
    random: Random,
    learning_rate: f64,
    step: u64,
    /// Memory of the last checkpoint.
    buffers: Option<Buffers>,
}

/// What a checkpoint takes.
#[derive(Clone, Copy, Debug)]
pub struct Written {
    /// While training waits.
    pub copying: Duration,
    /// While training goes on.
    pub writing: Duration,
}

impl Bench {
    /// # Errors
    /// A model that cannot be built.
    pub fn new(subject: &Subject, accelerator: Accelerator, path: Path) -> Result<Self, Error> {
        let Subject { model: spec, batch, micro_batch } = subject;
        let optimiser = OptimiserSpec::for_width(spec.width);
        let needed = Memory::training(
            spec,
            optimiser.moments,
            *batch,
            *micro_batch,
            accelerator.threads_n() as u32,
        );
        memory::require(needed, accelerator)?;
        let model = Model::new(spec, optimiser.init_std, 0, &accelerator.device()?, path)?;
        Ok(Self {
            subject: subject.clone(),
            adam: Adam::new(&optimiser, &model)?,
            state: model.initial_state(),
            lanes: Lanes::new(&model, accelerator.threads_n())?,
            model,
            random: Random::new(0, Purpose::Probe),
            // Too small to go anywhere: there is nothing to learn.
            learning_rate: optimiser.learning_rate / 100.0,
            step: 0,
            buffers: None,
        })
    }

    /// Tokens per accelerator second of one window of at least `seconds` of it.
    ///
    /// # Errors
    /// Whatever the tensor library or the device refuses.
    pub fn window(&mut self, accelerator: Accelerator, seconds: f64) -> Result<f64, Error> {
        let mut meter = Meter::new(accelerator);
        let mut tokens_n = 0.0;
        while meter.used().as_secs_f64() < seconds {
            self.round(&mut meter)?;
            tokens_n += self.tokens_n();
        }
        Ok(tokens_n / meter.used().as_secs_f64())
    }

    /// Tokens per second of the clock of one window of at least `seconds` of it.
    ///
    /// # Errors
    /// Whatever the tensor library or the device refuses.
    pub fn wall_window(&mut self, accelerator: Accelerator, seconds: f64) -> Result<f64, Error> {
        let begun = Instant::now();
        let mut tokens_n = 0.0;
        while begun.elapsed().as_secs_f64() < seconds {
            self.round(&mut Meter::new(accelerator))?;
            tokens_n += self.tokens_n();
        }
        Ok(tokens_n / begun.elapsed().as_secs_f64())
    }

    /// Writes a checkpoint of what has been trained into `dir`, as of `run`; what that takes.
    ///
    /// # Errors
    /// Those of the device and of the disk.
    pub fn checkpoint(&mut self, run: &RunSpec, dir: &std::path::Path) -> Result<Written, Error> {
        let Self { model, adam, state, buffers, .. } = self;
        // Taken while training begins.
        let buffers = buffers.take().unwrap_or_else(|| Buffers::of(&lens(model, adam)));
        let (position, oscillation) = (Place::default(), Oscillation::new(model));
        let begun = Instant::now();
        let snapshot = Snapshot::take(run, position, model, adam, &oscillation, state, buffers)?;
        let copying = begun.elapsed();
        snapshot.write(dir)?;
        let writing = begun.elapsed() - copying;
        self.buffers = Some(snapshot.into_buffers());
        Ok(Written { copying, writing })
    }

    /// Tokens of a step.
    fn tokens_n(&self) -> f64 {
        f64::from(self.subject.batch) * f64::from(self.subject.model.sequence)
    }

    /// One training step.
    fn round(&mut self, meter: &mut Meter) -> Result<(), Error> {
        let tokens = random_tokens(&mut self.random, &self.subject);
        self.step += 1;
        let micro_batch = self.subject.micro_batch;
        let Self { model, lanes, adam, state, learning_rate, step, .. } = self;
        let elsewhere = meter.time(|| {
            let Found { gradients, elsewhere, .. } =
                lanes.loss_and_gradients(model, &tokens, state, micro_batch)?;
            let (_, more) =
                adam.step(model, &gradients, *step, *learning_rate, lanes.threads_n())?;
            Ok::<_, Error>(elsewhere + more)
        })?;
        meter.charge(elsewhere);
        Ok(())
    }
}

fn random_tokens(random: &mut Random, subject: &Subject) -> TokenBatch {
    let Subject { model, batch, .. } = subject;
    let (batch, sequence) = (*batch as usize, model.sequence as usize);
    let mut draw = || -> Vec<u32> {
        let vocabulary = u64::from(model.vocabulary_n);
        (0..batch * sequence).map(|_| random.below(vocabulary) as u32).collect()
    };
    TokenBatch { batch, sequence, inputs: draw(), targets: draw() }
}

#[cfg(test)]
mod tests {
    use sweep_core::variant::Family;

    use super::*;

    /// Undisturbed windows of 100, and disturbed ones of two thirds of that.
    #[test]
    fn a_neighbour_on_the_core_does_not_change_the_throughput() {
        let noise = |i: usize| 1.0 + 0.01 * (i as f64 * 2.4).sin();
        // Half of the time at the lower speed may leave a half without one good window.
        for (disturbed, settles) in [(0..0, true), (0..45, false), (15..60, false), (5..50, true)] {
            let speed = |i| if disturbed.contains(&i) { 67.0 } else { 100.0 };
            let windows: Vec<f64> = (0..60).map(|i| speed(i) * noise(i)).collect();
            let Probe { tokens_per_second, spread, .. } = Probe::of(&windows, 1.0);
            assert!((tokens_per_second / 100.0 - 1.0).abs() < 0.015, "{disturbed:?}");
            assert_eq!(spread <= SETTLED, settles, "{disturbed:?}");
        }
    }

    #[test]
    fn a_model_of_twice_the_width_is_slower() {
        let subject = |width| Subject {
            model: ModelSpec {
                family: Family::Qlstm,
                width,
                layers_n: 2,
                heads_n: 1,
                head_width: width,
                mlp_width: 4 * width,
                position: None,
                vocabulary_n: 256,
                sequence: 32,
                variant: Variant::BASELINE,
            },
            batch: 2,
            micro_batch: None,
        };
        let (least, most) = (Duration::ZERO, Duration::ZERO);
        let patience = Patience { least, most };
        let subjects = [subject(16), subject(64)];
        let cpu = Accelerator::CORE;
        let probes = measure(&subjects, cpu, Path::Fused, patience).expect("a model can be built");
        let [small, large] = probes[..] else { panic!("{probes:?}") };
        assert!(small.tokens_per_second > 2.0 * large.tokens_per_second, "{probes:?}");
        assert_eq!(small.windows_n as usize, WINDOWS_MIN);
        assert!(small.reference > 0.0 && small.reference == large.reference, "{probes:?}");
    }
}
