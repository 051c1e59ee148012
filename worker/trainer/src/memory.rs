//! Memory is looked at before it is taken: a process that is out of it is ended without a word.

use candle_core::Error as TensorError;
use sweep_core::memory::Memory;
use sweep_core::plan::RunSpec;

use crate::accelerator::Accelerator;
use crate::error::Error;

/// Refuses what will not fit. Of a GPU the driver says so itself ([`named`]).
///
/// # Errors
/// [`Error::OutOfMemory`] with what is needed and what there is.
pub(crate) fn require(needed: Memory, accelerator: Accelerator) -> Result<(), Error> {
    match accelerator {
        Accelerator::Cpu { .. } => require_of(needed, available()),
        Accelerator::Cuda { .. } => Ok(()),
    }
}

fn require_of(needed: Memory, available: Option<f64>) -> Result<(), Error> {
    match available {
        Some(available) if available < needed.total() => {
            Err(Error::OutOfMemory { needed, available: Some(available) })
        }
        _ => Ok(()),
    }
}

/// The error of a device that is out of memory, under its name and with the estimate.
pub(crate) fn named(error: Error, run: &RunSpec, accelerator: Accelerator) -> Error {
    match &error {
        Error::Tensor(source) if is_out_of_memory(source) => {
            let needed = Memory::of(run, accelerator.threads_n() as u32);
            Error::OutOfMemory { needed, available: None }
        }
        _ => error,
    }
}

fn is_out_of_memory(error: &TensorError) -> bool {
    // The lines after the first are where it came from.
    let text = error.to_string().to_lowercase();
    let text = text.lines().next().unwrap_or_default();
    text.contains("out of memory") || text.contains("out_of_memory")
}

/// Bytes that this process may still take: those of the machine, or fewer in a container. None where
/// the system does not say.
fn available() -> Option<f64> {
    let machine = std::fs::read_to_string("/proc/meminfo").ok()?;
    let machine = machine.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let machine = machine.trim().strip_suffix("kB")?.trim().parse::<f64>().ok()? * 1024.0;
    let number = |file: &str| {
        let text = std::fs::read_to_string(format!("/sys/fs/cgroup/{file}")).ok()?;
        text.trim().parse::<f64>().ok()
    };
    let limit = number("memory.max").zip(number("memory.current"));
    Some(limit.map_or(machine, |(most, now)| machine.min((most - now).max(0.0))))
}

#[cfg(test)]
mod tests {
    use sweep_core::class::ComputeClass;
    use sweep_core::corpus::CorpusRef;
    use sweep_core::ids::RunId;
    use sweep_core::units::AcceleratorTime;
    use sweep_core::variant::{Family, ModelSpec, OptimiserSpec, Position, Streams, Variant};

    use super::*;
    use crate::checkpoint::{Buffers, Position as Place, Snapshot};
    use crate::data::{Source, TrainingData};
    use crate::model::{Model, Path};
    use crate::optim::Adam;
    use crate::oscillation::Oscillation;

    fn run(family: Family, width: u32, layers_n: u32) -> RunSpec {
        RunSpec {
            id: RunId::default(),
            arm: String::new(),
            size: String::new(),
            class: ComputeClass::new(AcceleratorTime::ZERO),
            seed: 1,
            model: ModelSpec {
                family,
                width,
                layers_n,
                heads_n: width / 16,
                head_width: 16,
                mlp_width: 4 * width,
                position: (family == Family::Gpt).then_some(Position::Alibi),
                vocabulary_n: 256,
                sequence: 128,
                variant: Variant::BASELINE,
            },
            optimiser: OptimiserSpec::for_width(width),
            trainer: None,
            batch: 16,
            micro_batch: None,
            evaluate_last: None,
            steps: 1,
            corpus: CorpusRef::default(),
            tokens_per_second: 0.0,
        }
    }

    /// Most bytes that this process had in memory so far.
    fn peak() -> f64 {
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        line.trim().strip_suffix("kB").unwrap().trim().parse::<f64>().unwrap() * 1024.0
    }

    /// Of what is trained, more than this process had before; every test is a process of its own.
    fn share_taken(run: &RunSpec) -> f64 {
        let before = peak();
        let path = Path::Fused;
        let device = candle_core::Device::Cpu;
        let model = Model::initialised(&run.model, &run.optimiser, 1, &device, path).unwrap();
        let mut adam = Adam::new(&run.optimiser, &model).unwrap();
        let text = [sweep_corpus::Tokens::U8(include_bytes!("memory.rs"))];
        let mut data = TrainingData::new(Source::alone(text), 0, 1, 16, 128).unwrap();
        let mut state = model.initial_state();
        for step in 1..=2 {
            let tokens = data.step(step);
            let (_, gradients) = model.loss_and_gradients(&tokens, &mut state).unwrap();
            adam.step(&model, &gradients, step, 1e-3, 1).unwrap();
        }
        let oscillation = Oscillation::new(&model);
        let position = Place::default();
        let buffers = Buffers::default();
        let snapshot =
            Snapshot::take(run, position, &model, &adam, &oscillation, &state, buffers).unwrap();
        drop(snapshot);
        (peak() - before) / Memory::of(run, 1).total()
    }

    #[test]
    fn the_estimate_is_what_training_a_gpt_takes() {
        let share = share_taken(&run(Family::Gpt, 192, 4));
        assert!((0.7..1.3).contains(&share), "{share}");
    }

    #[test]
    fn the_estimate_is_what_training_a_quasi_lstm_takes() {
        let share = share_taken(&run(Family::Qlstm, 192, 4));
        assert!((0.7..1.3).contains(&share), "{share}");
    }

    #[test]
    fn the_estimate_is_what_training_streams_takes() {
        let mut run = run(Family::Gpt, 96, 4);
        run.model.variant.streams = Some(Streams::new(3));
        let share = share_taken(&run);
        assert!((0.7..1.3).contains(&share), "{share}");
    }

    #[test]
    fn what_does_not_fit_is_refused_with_what_it_needs() {
        let run = run(Family::Gpt, 65_536, 1024);
        let refused = require(Memory::of(&run, 1), Accelerator::CORE).unwrap_err().to_string();
        assert!(refused.starts_with("out of memory: the run needs about "), "{refused}");
        assert!(refused.contains("activations") && refused.contains("available"), "{refused}");
        let small = self::run(Family::Gpt, 16, 1);
        assert!(require(Memory::of(&small, 1), Accelerator::CORE).is_ok());
        assert!(require_of(Memory::of(&small, 1), Some(1.0)).is_err());
        assert!(require_of(Memory::of(&run, 1), None).is_ok());
    }

    #[test]
    fn a_batch_in_pieces_needs_less() {
        let whole = run(Family::Gpt, 64, 2);
        let pieces = RunSpec { micro_batch: Some(4), ..whole.clone() };
        let whole = Memory::of(&whole, 1);
        for (threads_n, lanes_n) in [(1, 1.0), (2, 2.0), (3, 3.0), (8, 4.0)] {
            let pieces = Memory::of(&pieces, threads_n);
            assert_eq!(pieces.activations, whole.activations * lanes_n / 4.0);
            assert_eq!(pieces.weights, whole.weights * (1.0 + lanes_n / 2.0));
        }
    }

    #[test]
    fn a_device_that_is_out_of_memory_is_called_so() {
        let run = run(Family::Gpt, 64, 2);
        let error = TensorError::msg("DriverError(CUDA_ERROR_OUT_OF_MEMORY, \"out of memory\")");
        let named_error = named(error.into(), &run, Accelerator::CORE).to_string();
        assert!(named_error.starts_with("out of memory: the run needs about"), "{named_error}");
        let other = named(TensorError::msg("shape mismatch").into(), &run, Accelerator::CORE);
        assert!(matches!(other, Error::Tensor(_)));
    }
}
