use std::path::{Path, PathBuf};

use sweep_core::memory::{Memory, human_bytes};

/// Why training could not go on. A loss that is not finite is no error but an
/// [`Outcome`](crate::Outcome).
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    #[error("the tensor library refused")]
    Tensor(#[from] candle_core::Error),
    #[error(
        "the {split} split has {tokens} tokens, fewer than the {needed} this run needs for {}",
        if *.split == "training" { "a batch in every stream" } else { "one sequence" }
    )]
    CorpusTooSmall { split: &'static str, tokens: usize, needed: usize },
    #[error(
        "the run trains on {tokens} tokens, and its mix holds {most} when every corpus was read as often as \
         `epochsMax` allows"
    )]
    TextUsedUp { tokens: u64, most: u64 },
    #[error("the run was planned on corpus {planned}, and was given {given}")]
    WrongCorpus { planned: String, given: String },
    #[error("the text has tokens of {needed} ids, and the model a vocabulary of {vocabulary_n}")]
    Vocabulary { vocabulary_n: u32, needed: u32 },
    #[error("a {family} model of {shape} cannot be built: {reason}")]
    Shape { family: String, shape: String, reason: &'static str },
    #[error("moments of eight bits are kept on a CPU only, this run trains on another device")]
    MomentsOnDevice,
    #[error(
        "out of memory: the run needs about {needed}{}",
        available.map_or_else(String::new, |left| format!(", and {} are available", human_bytes(left)))
    )]
    OutOfMemory {
        needed: Memory,
        /// Bytes; none where the device did not say.
        available: Option<f64>,
    },
    #[error("a model of another trainer cannot be built here")]
    NotOurs,
    #[error("no gradient reached `{name}`")]
    NoGradient { name: String },
    #[error("{} cannot be read or written", path.display())]
    Io { path: PathBuf, source: std::io::Error },
    #[error("{} is not a checkpoint of this trainer", path.display())]
    NotACheckpoint { path: PathBuf, source: Box<dyn std::error::Error + Send + Sync> },
    #[error("{} was trained on {found}, and this run has {expected}", path.display())]
    OtherVocabulary { path: PathBuf, found: String, expected: String },
    #[error("{} belongs to another run, {found}", path.display())]
    ForeignCheckpoint { path: PathBuf, found: String },
}

impl Error {
    pub(crate) fn io(path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        move |source| Self::Io { path: path.to_owned(), source }
    }
}
