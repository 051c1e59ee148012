//! The folder of prepared corpora.
//!
//! ```text
//! corpora/text/<sha256>        the documents; the name is the SHA-256 of the file itself
//! corpora/source/<key>.json    what a name meant when it was last prepared
//! corpora/plain/<sha256>.*      the two sides of a text for commands that read files themselves
//! corpora/tokenizer/<sha256>.json  a trained tokenizer, named by the SHA-256 of the file itself
//! corpora/tokenizer/<key>      the hash of the tokenizer of some corpora and a vocabulary
//! corpora/tokens/<sha256>      tokenised training documents, likewise named
//! corpora/tokens/<key>.json    the hashes of a corpus's shards under a tokenizer
//! ```
//!
//! Files appear whole or not at all: written beside, flushed, renamed. A text is never removed,
//! because runs of long ago refer to it.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicU64, Ordering};

use serde::{Deserialize, Serialize};
use sweep_core::corpus::CorpusRef;

use crate::corpus::{Corpus, sha256};
use crate::plain::{self, PlainFiles};
use crate::{Error, Map, Mapped, map};

/// What a name meant when it was last prepared.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Record {
    pub(crate) reference: CorpusRef,
    /// Where the text came from, in words.
    pub(crate) source: String,
    /// What is known of its licence, in words.
    pub(crate) licence: String,
    /// Changes when the source does.
    pub(crate) stamp: String,
}

/// The folder.
#[derive(Clone, Debug)]
pub(crate) struct Cache {
    dir: PathBuf,
    pub(crate) map: Map,
}

impl Cache {
    pub(crate) fn new(dir: &Path) -> Self {
        Self { dir: dir.to_owned(), map: map::read }
    }

    /// Opens exactly this text and checks it.
    pub(crate) fn load(&self, name: &str, hash: &str) -> Result<Corpus, Error> {
        let path = self.text_path(hash);
        let file = self.checked(&path, hash).map_err(|error| match error {
            Error::Io { source, .. } if source.kind() == io::ErrorKind::NotFound => {
                let dir = self.dir.clone();
                Error::NotCached { name: name.to_owned(), hash: hash.to_owned(), dir }
            }
            other => other,
        })?;
        Corpus::from_file(name, hash.to_owned(), file)
            .ok_or_else(|| Error::read(&path)(io::ErrorKind::InvalidData.into()))
    }

    /// A file of this content.
    pub(crate) fn checked(&self, path: &Path, hash: &str) -> Result<Mapped, Error> {
        let file = File::open(path).and_then(|file| (self.map)(&file));
        let file = file.map_err(Error::read(path))?;
        let found = sha256((*file).as_ref());
        if found != hash {
            let (path, expected) = (path.to_owned(), hash.to_owned());
            return Err(Error::HashMismatch { path, expected, found });
        }
        Ok(file)
    }

    /// A file below the folder.
    pub(crate) fn path(&self, kind: &str, name: &str) -> PathBuf {
        self.dir.join(kind).join(name)
    }

    pub(crate) fn store(&self, key: &str, corpus: &Corpus, record: &Record) -> Result<(), Error> {
        self.write(&self.text_path(&corpus.reference.hash), corpus.as_file())?;
        let json = serde_json::to_vec_pretty(record).expect("strings and numbers can be written");
        self.write(&self.record_path(key), &json)
    }

    /// What this key meant; none if unknown or unreadable, which only costs reading it again.
    pub(crate) fn record(&self, key: &str) -> Option<Record> {
        let json = fs::read(self.record_path(key)).ok()?;
        serde_json::from_slice(&json).ok()
    }

    /// All that was prepared, sorted by key.
    pub(crate) fn records(&self) -> Result<Vec<(String, Record)>, Error> {
        let dir = self.dir.join("source");
        let entries = match fs::read_dir(&dir) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.map_err(Error::read(&dir))?,
        };
        let mut records = Vec::new();
        for entry in entries {
            let path = entry.map_err(Error::read(&dir))?.path();
            if path.extension().is_some_and(|extension| extension == "json")
                && let Some(key) = path.file_stem().and_then(|stem| stem.to_str())
                && let Some(record) = self.record(key)
            {
                records.push((key.to_owned(), record));
            }
        }
        records.sort_by(|(a, _), (b, _)| a.cmp(b));
        Ok(records)
    }

    /// An empty folder for a download, removed when dropped.
    pub(crate) fn scratch(&self) -> Result<Scratch, Error> {
        let path = self.dir.join(unique("download"));
        fs::create_dir_all(&path).map_err(Error::written(&path))?;
        Ok(Scratch(path))
    }

    pub(crate) fn write(&self, path: &Path, bytes: &[u8]) -> Result<(), Error> {
        let dir = path.parent().unwrap_or(&self.dir);
        fs::create_dir_all(dir).map_err(Error::written(dir))?;
        let beside = dir.join(unique("new"));
        let written = File::create(&beside)
            .and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all()))
            .and_then(|()| fs::rename(&beside, path));
        written.map_err(|error| {
            // What is left of a full disk should not stay; a second failure adds nothing.
            let _ = fs::remove_file(&beside);
            Error::written(path)(error)
        })
    }

    /// The two sides of a corpus as plain files, written when they are not there.
    pub(crate) fn plain(&self, corpus: &Corpus) -> Result<PlainFiles, Error> {
        let path = |side| self.dir.join("plain").join(format!("{}.{side}", corpus.reference.hash));
        let files = PlainFiles { train: path("train"), validation: path("validation") };
        // A file has one byte more per document than its side; one that was cut off is written anew.
        let whole =
            |path: &Path, length: u64| fs::metadata(path).is_ok_and(|found| found.len() == length);
        let reference = &corpus.reference;
        let (train, validation) = (corpus.train(), corpus.validation());
        if !whole(&files.train, reference.train_bytes + train.len() as u64) {
            self.write(&files.train, &plain::joined(train))?;
        }
        if !whole(&files.validation, reference.validation_bytes + validation.len() as u64) {
            self.write(&files.validation, &plain::joined(validation))?;
        }
        Ok(files)
    }

    fn text_path(&self, hash: &str) -> PathBuf {
        self.dir.join("text").join(hash)
    }

    fn record_path(&self, key: &str) -> PathBuf {
        self.dir.join("source").join(format!("{key}.json"))
    }
}

/// A folder that goes away when dropped.
pub(crate) struct Scratch(PathBuf);

impl Scratch {
    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A hidden name that no other process or thread uses.
fn unique(what: &str) -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    format!(".{what}-{}-{}", process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}
