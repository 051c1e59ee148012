//! A run's state as it was at one step, and the file that it becomes.

use std::collections::{HashMap, VecDeque};
use std::fs::{self, File};
use std::io;
use std::path::Path;

use candle_core::Device;
use safetensors::serialize_to_file;
use safetensors::tensor::{Dtype, SafeTensorError, TensorView};
use sha2::{Digest, Sha256};
use sweep_core::plan::RunSpec;
use sweep_core::run::Checkpoint;

use super::{About, EXTENSION, HISTORY, METADATA, MOMENTS, NAME_DIGITS, Position, files, hex};
use crate::error::Error;
use crate::model::{Model, State, with_slice};
use crate::optim::{Adam, Moments};
use crate::oscillation::{History, Oscillation};

/// Checkpoints of a run that are kept: the second outlives a damaged first.
const KEPT_N: usize = 2;
/// What the name of a file that is being written ends with.
const UNFINISHED: &str = "unfinished";
/// Values that are turned into bytes at a time: they stay in the core's nearest cache.
const BLOCK: usize = 1024;

/// Name, type, shape and bytes of a tensor.
type Named = (String, Dtype, Vec<usize>, Vec<u8>);

/// A copy of all that a checkpoint holds; what was copied may change while it is written.
pub(crate) struct Snapshot {
    about: About,
    tensors: Vec<Named>,
}

/// The memory of an earlier snapshot of the same run: memory that is taken anew costs the system as much
/// as the copy itself.
#[derive(Default)]
pub(crate) struct Buffers(VecDeque<Vec<u8>>);

impl Buffers {
    /// Memory for snapshots of a model, taken from the system now.
    pub(crate) fn of(lens: &[usize]) -> Self {
        // Zeros would be promised and not taken.
        Self(lens.iter().map(|len| vec![1; 4 * len]).collect())
    }

    /// The bytes of values, little-endian, as fast as a copy.
    fn of_f32s(&mut self, values: &[f32]) -> Vec<u8> {
        let mut bytes = self.0.pop_front().unwrap_or_default();
        bytes.clear();
        bytes.reserve_exact(4 * values.len());
        let mut block = [0; 4 * BLOCK];
        for values in values.chunks(BLOCK) {
            let words = block.as_chunks_mut::<4>().0;
            for (word, value) in words.iter_mut().zip(values) {
                *word = value.to_le_bytes();
            }
            bytes.extend_from_slice(&block[..4 * values.len()]);
        }
        bytes
    }
}

impl Snapshot {
    /// Copies the bytes of everything once and does nothing else, for training waits.
    ///
    /// # Errors
    /// Those of a device that does not give its tensors back.
    pub(crate) fn take(
        run: &RunSpec,
        position: Position,
        model: &Model,
        optimiser: &Adam,
        oscillation: &Oscillation,
        state: &State,
        mut buffers: Buffers,
    ) -> Result<Self, Error> {
        let Position { step, losses } = position;
        let about = About { run: run.clone(), step, losses };
        let mut tensors = tensors(model, optimiser, state, &mut buffers)?;
        tensors.extend(histories(model, oscillation));
        Ok(Self { about, tensors })
    }

    /// Its memory, for the next one.
    pub(crate) fn into_buffers(self) -> Buffers {
        let is_f32 = |(_, dtype, ..): &Named| *dtype == Dtype::F32;
        let tensors = self.tensors.into_iter().filter(is_f32);
        Buffers(tensors.map(|(.., bytes)| bytes).collect())
    }

    /// Writes it into `dir`, which is made when needed, and removes all but the newest two there.
    ///
    /// # Errors
    /// Those of the disk; nothing of the file is left then.
    pub(crate) fn write(&self, dir: &Path) -> Result<Checkpoint, Error> {
        fs::create_dir_all(dir).map_err(Error::io(dir))?;
        let step = self.about.step;
        let unfinished = dir.join(format!("step-{step:012}.{UNFINISHED}"));
        let hash = self.write_durably(&unfinished).map_err(|error| {
            // On a full disk the part that fitted is in the way of everybody else.
            let _ = fs::remove_file(&unfinished);
            Error::io(&unfinished)(error)
        })?;
        // Names order as steps do.
        let path = format!("step-{step:012}-{}.{EXTENSION}", &hash[..NAME_DIGITS]);
        let finished = dir.join(&path);
        fs::rename(&unfinished, &finished).map_err(Error::io(&finished))?;
        // A power cut leaves either no file of this name or all of it.
        File::open(dir).and_then(|dir| dir.sync_all()).map_err(Error::io(dir))?;
        for file in files(dir, EXTENSION)?.iter().rev().skip(KEPT_N) {
            fs::remove_file(file).map_err(Error::io(file))?;
        }
        Ok(Checkpoint { step, path, hash })
    }

    /// The hash of what is on the disk then.
    fn write_durably(&self, file: &Path) -> io::Result<String> {
        let about = serde_json::to_string(&self.about).expect("a run is plain data of string keys");
        let views = self.tensors.iter().map(|(name, dtype, shape, bytes)| {
            let view = TensorView::new(*dtype, shape.clone(), bytes);
            (name.as_str(), view.expect("the bytes are those of the shape"))
        });
        let metadata = HashMap::from([(METADATA.to_owned(), about)]);
        serialize_to_file(views, Some(metadata), file).map_err(|error| match error {
            SafeTensorError::IoError(error) => error,
            error => io::Error::other(error),
        })?;
        let mut written = File::open(file)?;
        written.sync_all()?;
        let mut hash = Sha256::new();
        io::copy(&mut written, &mut hash)?;
        Ok(hex(&hash.finalize()))
    }
}

/// How many values a snapshot's tensors have, in their order, but for those of few bytes.
pub(crate) fn lens(model: &Model, optimiser: &Adam) -> Vec<usize> {
    let parts = model.parts().iter().zip(optimiser.moments());
    let lens = parts.flat_map(|(part, moments)| match moments {
        Moments::Host { .. } | Moments::Device { .. } => vec![part.layout.len(); 1 + MOMENTS.len()],
        Moments::Fp8 { .. } => vec![part.layout.len()],
    });
    lens.collect()
}

/// Removes what a killed process had begun to write.
pub(super) fn remove_unfinished(dir: &Path) {
    for file in files(dir, UNFINISHED).unwrap_or_default() {
        // What cannot be removed costs room and nothing else.
        let _ = fs::remove_file(&file);
    }
}

fn tensors(
    model: &Model,
    optimiser: &Adam,
    state: &State,
    buffers: &mut Buffers,
) -> Result<Vec<Named>, Error> {
    let mut f32s = |name: String, shape: &[usize], values: &[f32]| -> Named {
        (name, Dtype::F32, shape.to_vec(), buffers.of_f32s(values))
    };
    let u8s = |name: String, values: &[u8]| -> Named {
        (name, Dtype::U8, vec![values.len()], values.to_vec())
    };
    let mut tensors = Vec::new();
    for (part, moments) in model.parts().iter().zip(optimiser.moments()) {
        let name = &part.name;
        let shape = [part.layout.len()];
        let weights = part.weights.to_device(&Device::Cpu)?;
        tensors.push(with_slice(&weights, |weights| f32s(name.clone(), &shape, weights))?);
        let names = MOMENTS.map(|moment| format!("{name}.{moment}"));
        match moments {
            Moments::Host { first, second } => {
                let both = names.into_iter().zip([first, second]);
                tensors.extend(both.map(|(name, values)| f32s(name, &shape, values)));
            }
            Moments::Device { first, second } => {
                for (name, values) in names.into_iter().zip([first, second]) {
                    tensors.push(f32s(name, &shape, &values.to_vec1()?));
                }
            }
            Moments::Fp8 { first, second } => {
                for (name, moment) in names.into_iter().zip([first, second]) {
                    let maxima = moment.maxima();
                    tensors.push(f32s(format!("{name}.maxima"), &[maxima.len()], maxima));
                    tensors.push(u8s(format!("{name}.powers"), moment.powers()));
                    tensors.push(u8s(name, moment.codes()));
                }
            }
        }
    }
    for (index, cell) in state.cells.iter().enumerate() {
        if let Some(cell) = cell {
            let values: Vec<f32> = cell.flatten_all()?.to_device(&Device::Cpu)?.to_vec1()?;
            tensors.push(f32s(format!("cell.{index}"), cell.dims(), &values));
        }
    }
    Ok(tensors)
}

/// What weights of few bits did, of the parts that have such.
fn histories<'a>(
    model: &'a Model,
    oscillation: &'a Oscillation,
) -> impl Iterator<Item = Named> + 'a {
    let parts = model.parts().iter().zip(oscillation.histories());
    parts.filter(|(_, history)| !history.levels.is_empty()).flat_map(|(part, history)| {
        let History { levels, directions, frequencies } = history;
        let [of_levels, of_directions, of_frequencies] =
            HISTORY.map(|what| format!("{}.{what}", part.name));
        let shape = vec![levels.len()];
        let directions = directions.iter().map(|direction| direction.cast_unsigned()).collect();
        [
            (of_levels, Dtype::F32, shape.clone(), to_bytes(levels)),
            (of_directions, Dtype::I8, shape.clone(), directions),
            (of_frequencies, Dtype::F32, shape, to_bytes(frequencies)),
        ]
    })
}

/// The bytes of values, little-endian.
pub(super) fn to_bytes(values: &[f32]) -> Vec<u8> {
    Buffers::default().of_f32s(values)
}
