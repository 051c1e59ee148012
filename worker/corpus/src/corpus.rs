//! The text itself: documents in order, every tenth held out.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use sha2::{Digest, Sha256};
use sweep_core::corpus::CorpusRef;

use crate::{Error, Mapped};

/// The first line of a prepared corpus: what it is, and the version of the format.
const MAGIC: &[u8] = b"sweepctl corpus 1\n";
/// Bytes of one number in the header.
const WORD: usize = size_of::<u64>();
/// One document in this many is held out ...
const HELD_OUT_EVERY: usize = 10;
/// ... the one with this remainder.
const HELD_OUT_REMAINDER: usize = 7;

/// A prepared corpus, in memory or where its file lies.
///
/// No document holds byte 0, so that a trainer may use it as the separator.
#[derive(Clone)]
pub struct Corpus {
    /// What identifies this text, recorded with every run.
    pub reference: CorpusRef,
    /// The file as it lies on the disk: magic, number of documents, their lengths, their bytes.
    file: Mapped,
    train: Vec<Range<usize>>,
    validation: Vec<Range<usize>>,
}

impl Corpus {
    /// A corpus of these documents, in this order. A byte 0 in a document becomes a space.
    #[must_use]
    pub fn from_documents(
        name: &str,
        documents: impl IntoIterator<Item = impl AsRef<[u8]>>,
    ) -> Self {
        let documents: Vec<_> = documents.into_iter().collect();
        let mut file = MAGIC.to_vec();
        file.extend((documents.len() as u64).to_le_bytes());
        for document in &documents {
            file.extend((document.as_ref().len() as u64).to_le_bytes());
        }
        for document in &documents {
            file.extend(document.as_ref().iter().map(|&byte| if byte == 0 { b' ' } else { byte }));
        }
        let hash = sha256(&file);
        Self::from_file(name, hash, Arc::new(file))
            .expect("the file was laid out by the lines above")
    }

    /// Documents to train on, in order.
    #[must_use]
    pub fn train(&self) -> impl ExactSizeIterator<Item = &[u8]> + DoubleEndedIterator + Clone {
        self.train.iter().map(|range| &self.as_file()[range.clone()])
    }

    /// Documents held out, in order.
    #[must_use]
    pub fn validation(&self) -> impl ExactSizeIterator<Item = &[u8]> + DoubleEndedIterator + Clone {
        self.validation.iter().map(|range| &self.as_file()[range.clone()])
    }

    /// Checks that there is enough text on both sides of the split, in bytes.
    ///
    /// # Errors
    /// [`Error::TooSmall`] with the figures of the side that falls short, validation first.
    pub fn require(&self, validation_bytes_min: u64, train_bytes_min: u64) -> Result<(), Error> {
        let CorpusRef { name, train_bytes, validation_bytes, .. } = &self.reference;
        for (part, needed, found) in [
            ("validation", validation_bytes_min, *validation_bytes),
            ("training", train_bytes_min, *train_bytes),
        ] {
            if found < needed {
                return Err(Error::TooSmall { name: name.clone(), part, needed, found });
            }
        }
        Ok(())
    }

    /// The bytes to write to the disk; their SHA-256 is `reference.hash`.
    pub(crate) fn as_file(&self) -> &[u8] {
        (*self.file).as_ref()
    }

    /// Reads the layout of a file whose hash is known; none if it is not a corpus.
    pub(crate) fn from_file(name: &str, hash: String, mapped: Mapped) -> Option<Self> {
        let file = (*mapped).as_ref();
        let word = |index: usize| {
            let start = MAGIC.len() + index.checked_mul(WORD)?;
            let bytes = file.get(start..start.checked_add(WORD)?)?;
            usize::try_from(u64::from_le_bytes(bytes.try_into().ok()?)).ok()
        };
        if !file.starts_with(MAGIC) {
            return None;
        }
        let documents_n = word(0)?;
        let mut start = MAGIC.len() + documents_n.checked_add(1)?.checked_mul(WORD)?;
        let (mut train, mut validation) = (Vec::new(), Vec::new());
        for index in 0..documents_n {
            let end = start.checked_add(word(index + 1)?)?;
            let side = if index % HELD_OUT_EVERY == HELD_OUT_REMAINDER {
                &mut validation
            } else {
                &mut train
            };
            side.push(start..end);
            start = end;
        }
        if start != file.len() {
            return None;
        }
        let reference = CorpusRef {
            name: name.to_owned(),
            hash,
            documents_n: documents_n as u64,
            train_bytes: bytes_of(&train),
            validation_bytes: bytes_of(&validation),
            tokenizer: None,
            parts: Vec::new(),
        };
        Some(Self { reference, file: mapped, train, validation })
    }
}

impl fmt::Debug for Corpus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Corpus").field("reference", &self.reference).finish_non_exhaustive()
    }
}

/// SHA-256 in hexadecimal.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    format!("{:x}", Sha256::digest(bytes))
}

fn bytes_of(ranges: &[Range<usize>]) -> u64 {
    ranges.iter().map(|range| range.len() as u64).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbered(n: usize) -> Corpus {
        Corpus::from_documents("numbered", (0..n).map(|i| format!("document {i}")))
    }

    #[test]
    fn every_tenth_document_is_held_out_whole() {
        let corpus = numbered(30);
        let held_out: Vec<&[u8]> = corpus.validation().collect();
        assert_eq!(held_out, [&b"document 7"[..], b"document 17", b"document 27"]);
        assert_eq!(corpus.train().len(), 27);
        assert!(corpus.train().all(|document| !held_out.contains(&document)));
        assert_eq!(corpus.reference.documents_n, 30);
        assert_eq!(corpus.reference.validation_bytes, 10 + 11 + 11);
        assert_eq!(corpus.reference.train_bytes, 9 * 10 + 18 * 11);
    }

    #[test]
    fn the_hash_depends_on_text_borders_and_order_and_not_on_the_name() {
        let hash = |documents: &[&str]| Corpus::from_documents("a", documents).reference.hash;
        let one = hash(&["ab", "c"]);
        // `sha256sum` of the file made by hand with printf.
        assert_eq!(one, "d9c83ea97e8fdc34f0ff96c1ff94ace1f288a3fe31e934a7cf2afb98af46ee19");
        assert_eq!(one, Corpus::from_documents("b", ["ab", "c"]).reference.hash);
        assert_ne!(one, hash(&["a", "bc"]));
        assert_ne!(one, hash(&["c", "ab"]));
        assert_ne!(one, hash(&["ab", "c", ""]));
    }

    #[test]
    fn no_document_holds_byte_0() {
        let corpus = Corpus::from_documents("zero", ["a\0b"]);
        assert_eq!(corpus.train().next(), Some(&b"a b"[..]));
    }

    #[test]
    fn a_file_survives_the_round_trip_and_a_cut_one_is_refused() {
        let corpus = numbered(12);
        let file = corpus.as_file().to_vec();
        let same = Corpus::from_file("numbered", sha256(&file), Arc::new(file.clone())).unwrap();
        assert_eq!(same.reference, corpus.reference);
        assert!(same.train().eq(corpus.train()));
        for length in 0..file.len() {
            assert!(
                Corpus::from_file("cut", String::new(), Arc::new(file[..length].to_vec()))
                    .is_none()
            );
        }
    }

    #[test]
    fn too_little_text_is_refused_with_the_figures() {
        let corpus = numbered(30);
        corpus.require(32, 288).unwrap();
        let validation = corpus.require(33, 288).unwrap_err().to_string();
        assert_eq!(
            validation,
            "corpus `numbered` is too small for the validation split: that has 32 bytes, \
             33 are needed"
        );
        let train = corpus.require(32, 289).unwrap_err().to_string();
        assert!(train.contains("training split: that has 288 bytes, 289"), "{train}");
    }
}
