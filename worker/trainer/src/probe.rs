//! How fast a model trains here, measured apart from training: what turns a compute class into a
//! number of steps (Languini Kitchen, arXiv 2309.11197, section 3).
//!
//! Random tokens, made outside the measured time; forward pass, loss, backward pass and optimiser
//! step; the first rounds are dropped.

use sweep_core::variant::{ModelSpec, OptimiserSpec};

use crate::accelerator::Accelerator;
use crate::clock::Meter;
use crate::data::TokenBatch;
use crate::error::Error;
use crate::model::{Model, Path};
use crate::optim::Adam;
use crate::random::{Purpose, Random};

const WARMUP_ROUNDS: u32 = 6;
const WINDOWS_N: u32 = 21;
/// A window is long against the clock's resolution and the scheduler's interruptions.
const WINDOW_SECONDS: f64 = 0.06;

/// A measured throughput.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Probe {
    /// Tokens per accelerator second: the median over the windows. Caches shared with a busy
    /// neighbour slow some windows down; unlike the mean, the median does not follow them.
    pub tokens_per_second: f64,
    /// Relative standard deviation over the windows, estimated from their quartiles.
    pub spread: f64,
    /// Windows measured after the warm-up.
    pub windows_n: u32,
}

/// Measures the training throughput of a model at `batch` sequences per step, in about two
/// seconds of accelerator time.
///
/// # Errors
/// A model that cannot be built, or whatever the tensor library or the device refuses.
pub fn probe(model: &ModelSpec, batch: u32, accelerator: Accelerator) -> Result<Probe, Error> {
    let device = accelerator.device()?;
    measure(model, batch, accelerator, Path::for_device(&device))
}

/// [`probe`] along a path of choice.
///
/// # Errors
/// As [`probe`].
pub fn measure(
    spec: &ModelSpec,
    batch: u32,
    accelerator: Accelerator,
    path: Path,
) -> Result<Probe, Error> {
    let optimiser = OptimiserSpec::for_width(spec.width);
    let model = Model::new(spec, optimiser.init_std, 0, &accelerator.device()?, path)?;
    let mut adam = Adam::new(&optimiser, &model)?;
    let mut state = model.initial_state();
    let mut random = Random::new(0, Purpose::Probe);
    let mut step = 0;
    let mut round = |meter: &mut Meter| {
        let tokens = random_tokens(&mut random, spec, batch);
        step += 1;
        meter.time(|| {
            let (_, gradients) = model.loss_and_gradients(&tokens, &mut state)?;
            adam.step(&model, &gradients, step, optimiser.learning_rate / 100.0)
        })
    };
    for _ in 0..WARMUP_ROUNDS {
        round(&mut Meter::new(accelerator))?;
    }
    let tokens_per_round = f64::from(batch) * f64::from(spec.sequence);
    let mut windows = Vec::new();
    for _ in 0..WINDOWS_N {
        let mut meter = Meter::new(accelerator);
        let mut rounds_n = 0.0;
        while meter.used().as_secs_f64() < WINDOW_SECONDS {
            round(&mut meter)?;
            rounds_n += 1.0;
        }
        windows.push(rounds_n * tokens_per_round / meter.used().as_secs_f64());
    }
    windows.sort_by(f64::total_cmp);
    let at = |share: f64| windows[((windows.len() - 1) as f64 * share).round() as usize];
    let tokens_per_second = at(0.5);
    // Of a normal distribution, 1.349 standard deviations lie between the quartiles.
    let spread = (at(0.75) - at(0.25)) / 1.349 / tokens_per_second;
    Ok(Probe { tokens_per_second, spread, windows_n: WINDOWS_N })
}

fn random_tokens(random: &mut Random, spec: &ModelSpec, batch: u32) -> TokenBatch {
    let (batch, sequence) = (batch as usize, spec.sequence as usize);
    let mut draw = || -> Vec<u32> {
        let vocabulary = u64::from(spec.vocabulary_n);
        (0..batch * sequence).map(|_| random.below(vocabulary) as u32).collect()
    };
    TokenBatch { batch, sequence, inputs: draw(), targets: draw() }
}
