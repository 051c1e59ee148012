//! Real text to train on: named, cut into documents, split, cached by content.
//!
//! A corpus is an ordered list of documents. Every tenth of them (index mod 10 = 7) is held out for
//! validation, whole, so that no text is ever on both sides. The prepared text is one file named
//! by its own SHA-256, and that hash is recorded with every run: a worker opens exactly the text
//! that was planned, or nothing.
//!
//! Three sources: `docs`, the documentation comments of the very crates this program was built
//! from (see [`docs`]); `sotu`, the State of the Union addresses, downloaded only when asked for;
//! and any UTF-8 text file or folder of the user's.
//!
//! Text becomes tokens here too: bytes, or pairs of them that a [`Tokenizer`] was trained to merge. The
//! tokens of a text are kept beside it as shards, named by their hashes, and made again if one is
//! damaged.
//!
//! This crate deliberately knows nothing of batches, sequences, sweeps or the network: the one download
//! is done by the user's own npm. It is the only crate that imports tokenizers.
//!
//! Read first: [`Library`] (the folder of prepared corpora), [`Corpus`] (the text itself), [`Text`] (what
//! a run is given), [`Error`] (and its [`hint`](Error::hint), which says what to do instead).
//!
//! ```
//! let dir = tempfile::tempdir()?;
//! let text = dir.path().join("book.txt");
//! std::fs::write(&text, "It was a dark and stormy night.\n\n".repeat(1000))?;
//!
//! let library = sweep_corpus::Library::new(&dir.path().join("corpora"));
//! let corpus = library.add_path(&text)?;
//! corpus.require(1_000, 10_000)?;
//! assert!(corpus.validation().all(|document| document.starts_with(b"It was a dark")));
//!
//! // A worker is given the reference alone.
//! let same = library.load(&corpus.reference)?;
//! assert!(same.train().eq(corpus.train()));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod bpe;
mod cache;
mod catalogue;
mod corpus;
pub mod docs;
mod error;
mod files;
mod library;
mod map;
mod plain;
mod shard;
mod sotu;
mod text;
mod tokenizer;
mod tokens;

pub use catalogue::{Details, Summary};
pub use corpus::Corpus;
pub use error::{Error, NpmMessage};
pub use library::Library;
pub use map::{Map, Mapped};
pub use plain::PlainFiles;
pub use text::{Part, Share, Text};
pub use tokenizer::Tokenizer;
pub use tokens::Tokens;
