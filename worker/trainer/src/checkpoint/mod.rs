//! Where an interrupted run is taken up again: one safetensors file per checkpoint.
//!
//! It holds the weights, both moments of the optimiser, the recurrent state, how weights of few bits have
//! oscillated, the sum of losses since the last metric point, and the run it belongs to. The position in
//! the data follows from the step. Training waits while all that is copied ([`snapshot`]), and goes on
//! while the copy is written ([`writer`]). A file appears under its name only when it is complete and on
//! the disk, and its name carries the beginning of its hash, so that damage to it is found out before it
//! is used.

mod snapshot;
mod writer;

use std::fs;
use std::path::{Path, PathBuf};

use candle_core::Tensor;
use safetensors::SafeTensors;
use safetensors::tensor::SafeTensorError;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use sweep_core::corpus::CorpusRef;
use sweep_core::plan::RunSpec;
use sweep_core::run::Checkpoint;
use sweep_core::variant::MomentFormat;
use sweep_kernels::Fp8Moment;

use crate::error::Error;
use crate::metric::LossSum;
use crate::model::{Model, State};
use crate::optim::{Adam, Moments};
use crate::oscillation::{History, Oscillation};

pub(crate) use self::snapshot::{Buffers, Snapshot, lens};
pub(crate) use self::writer::{Writer, Written};

const EXTENSION: &str = "safetensors";
/// Hexadecimal digits of a file's hash in its name.
const NAME_DIGITS: usize = 16;
const METADATA: &str = "sweep";
/// What the moments of a part are called after its name.
const MOMENTS: [&str; 2] = ["first_moment", "second_moment"];
/// What is known of its weights of few bits.
const HISTORY: [&str; 3] = ["levels", "directions", "frequencies"];

/// What a checkpoint says besides its tensors.
#[derive(Serialize, Deserialize)]
struct About {
    run: RunSpec,
    /// Optimiser steps done.
    step: u64,
    losses: LossSum,
}

/// The position of a run that is not in its model, optimiser and state.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Position {
    pub(crate) step: u64,
    pub(crate) losses: LossSum,
}

/// Where a run can be taken up: the checkpoint that was recorded for it, then the older ones of its
/// folder, newest first. Younger ones do not count: points before them may not be stored.
pub(crate) fn candidates(dir: &Path, recorded: &Checkpoint) -> Result<Vec<PathBuf>, Error> {
    let recorded = dir.join(&recorded.path);
    let mut candidates = if dir.is_dir() { files(dir, EXTENSION)? } else { Vec::new() };
    candidates.retain(|file| *file < recorded);
    candidates.push(recorded);
    candidates.reverse();
    Ok(candidates)
}

/// Puts model, optimiser and state where the checkpoint left them. After an error they are neither
/// here nor there.
pub(crate) fn read(
    file: &Path,
    run: &RunSpec,
    model: &Model,
    optimiser: &mut Adam,
    oscillation: &mut Oscillation,
    state: &mut State,
) -> Result<Position, Error> {
    let bytes = fs::read(file).map_err(Error::io(file))?;
    let broken = |source: Box<dyn std::error::Error + Send + Sync>| Error::NotACheckpoint {
        path: file.to_owned(),
        source,
    };
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    if !name.contains(&hex(&Sha256::digest(&bytes))[..NAME_DIGITS]) {
        return Err(broken("its content is not what was written".into()));
    }
    let (_, header) = SafeTensors::read_metadata(&bytes).map_err(|e| broken(e.into()))?;
    let about = header.metadata().as_ref().and_then(|metadata| metadata.get(METADATA));
    let about = about.ok_or_else(|| broken("it does not name its run".into()))?;
    let about: About = serde_json::from_str(about).map_err(|e| broken(e.into()))?;
    let tokens = |run: &RunSpec| (run.model.vocabulary_n, tokens_of(&run.corpus));
    if about.run.id == run.id && tokens(&about.run) != tokens(run) {
        let say = |run| {
            let (vocabulary_n, tokens) = tokens(run);
            format!("a vocabulary of {vocabulary_n}: {tokens}")
        };
        let (found, expected) = (say(&about.run), say(run));
        return Err(Error::OtherVocabulary { path: file.to_owned(), found, expected });
    }
    if about.run != *run {
        let found = format!("{} ({})", about.run.label(), about.run.id);
        return Err(Error::ForeignCheckpoint { path: file.to_owned(), found });
    }
    let stored = SafeTensors::deserialize(&bytes).map_err(|e| broken(e.into()))?;
    let values = |name: &str| floats(&stored, name).map_err(|e| broken(e.into()));
    let mut moments = Vec::new();
    for part in model.parts() {
        let device = part.weights.device();
        let name = &part.name;
        let weights = Tensor::from_vec(values(name)?, part.layout.len(), device)?;
        part.weights.set(&weights)?;
        let names = MOMENTS.map(|moment| format!("{name}.{moment}"));
        moments.push(match run.optimiser.moments {
            MomentFormat::F32 => Moments::new(values(&names[0])?, values(&names[1])?, device)?,
            MomentFormat::Fp8 => {
                let moment = |name: &str| fp8(&stored, name, part.layout.len()).map_err(broken);
                Moments::Fp8 { first: moment(&names[0])?, second: moment(&names[1])? }
            }
        });
    }
    optimiser.set_moments(moments);
    let parts = model.parts().iter().zip(oscillation.lens());
    let histories = parts.map(|(part, len)| history(&stored, &part.name, len).map_err(broken));
    let histories = histories.collect::<Result<_, Error>>()?;
    oscillation.set_histories(histories);
    for (index, cell) in state.cells.iter_mut().enumerate() {
        let name = format!("cell.{index}");
        if let Some(info) = header.info(&name) {
            let device = model.parts()[0].weights.device();
            *cell = Some(Tensor::from_vec(values(&name)?, info.shape.as_slice(), device)?);
        }
    }
    Ok(Position { step: about.step, losses: about.losses })
}

/// What a corpus is cut into, in words.
pub(crate) fn tokens_of(corpus: &CorpusRef) -> String {
    match &corpus.tokenizer {
        None => format!("bytes of {}", corpus.name),
        Some(tokenizer) => format!("tokens of {} ({})", corpus.name, tokenizer.hash),
    }
}

/// SHA-256 over all weights, in hexadecimal: little-endian, part by part.
pub(crate) fn weights_hash(model: &Model) -> Result<String, Error> {
    let mut hash = Sha256::new();
    for part in model.parts() {
        hash.update(snapshot::to_bytes(&part.weights.to_vec1()?));
    }
    Ok(hex(&hash.finalize()))
}

/// What `len` weights of a part did.
fn history(
    stored: &SafeTensors<'_>,
    part: &str,
    len: usize,
) -> Result<History, Box<dyn std::error::Error + Send + Sync>> {
    if len == 0 {
        return Ok(History::default());
    }
    let [levels, directions, frequencies] = HISTORY.map(|what| format!("{part}.{what}"));
    let directions = stored.tensor(&directions)?.data().iter();
    let history = History {
        levels: floats(stored, &levels)?,
        directions: directions.map(|byte| byte.cast_signed()).collect(),
        frequencies: floats(stored, &frequencies)?,
    };
    let lens = [history.levels.len(), history.directions.len(), history.frequencies.len()];
    if lens != [len; 3] {
        return Err(format!("what it tells of the weights of `{part}` does not fit them").into());
    }
    Ok(history)
}

/// A moment of `len` values in eight bits.
fn fp8(
    stored: &SafeTensors<'_>,
    name: &str,
    len: usize,
) -> Result<Fp8Moment, Box<dyn std::error::Error + Send + Sync>> {
    let bytes = |name: &str| stored.tensor(name).map(|tensor| tensor.data().to_vec());
    let maxima = floats(stored, &format!("{name}.maxima"))?;
    let powers = bytes(&format!("{name}.powers"))?;
    let moment = Fp8Moment::from_parts(bytes(name)?, maxima, powers);
    let moment = moment.filter(|moment| moment.codes().len() == len);
    moment.ok_or_else(|| format!("the codes of `{name}` do not fit their groups").into())
}

fn floats(stored: &SafeTensors<'_>, name: &str) -> Result<Vec<f32>, SafeTensorError> {
    let bytes = stored.tensor(name)?.data();
    let words = bytes.as_chunks::<4>().0;
    Ok(words.iter().map(|word| f32::from_le_bytes(*word)).collect())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The files of a folder whose names end so, oldest first.
fn files(dir: &Path, extension: &str) -> Result<Vec<PathBuf>, Error> {
    let entries = fs::read_dir(dir).map_err(Error::io(dir))?;
    let paths = entries.map(|entry| entry.map(|entry| entry.path()));
    let mut files: Vec<PathBuf> = paths.collect::<Result<_, _>>().map_err(Error::io(dir))?;
    files.retain(|file| file.extension().is_some_and(|found| found == extension));
    files.sort();
    Ok(files)
}
