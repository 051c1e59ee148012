//! Tokenised documents as one file: `sweepctl tokens 1`, bytes of a token, number of documents, the
//! tokens of each, then the tokens of all, everything little-endian.

use std::ops::Range;

use crate::Mapped;
use crate::tokens::Tokens;

const MAGIC: &[u8] = b"sweepctl tokens 1\n";
const WORD: usize = size_of::<u64>();
/// A shard is full with so many tokens.
const TOKENS_MAX: usize = 1 << 25;
/// Ids below this fit two bytes.
const SHORT_MAX: u32 = 1 << 16;

/// Some of the documents of a corpus.
#[derive(Clone)]
pub(crate) struct Shard {
    file: Mapped,
    /// Bytes of a token.
    width: usize,
    /// Where the documents lie, in bytes of the file.
    documents: Vec<Range<usize>>,
}

impl Shard {
    /// Reads a file whose content was checked; none if it is no shard.
    pub(crate) fn from_file(file: Mapped) -> Option<Self> {
        let bytes = (*file).as_ref();
        if !bytes.starts_with(MAGIC) {
            return None;
        }
        let word = |index: usize| {
            let start = MAGIC.len() + index.checked_mul(WORD)?;
            let bytes = bytes.get(start..start.checked_add(WORD)?)?;
            usize::try_from(u64::from_le_bytes(bytes.try_into().ok()?)).ok()
        };
        let (width, documents_n) = (word(0)?, word(1)?);
        if !matches!(width, 2 | 4) {
            return None;
        }
        let mut start = MAGIC.len() + documents_n.checked_add(2)?.checked_mul(WORD)?;
        let mut documents = Vec::new();
        for index in 0..documents_n {
            let end = start.checked_add(word(index + 2)?.checked_mul(width)?)?;
            documents.push(start..end);
            start = end;
        }
        if start != bytes.len() {
            return None;
        }
        Some(Self { file, width, documents })
    }

    pub(crate) fn documents(&self) -> impl Iterator<Item = Tokens<'_>> {
        self.documents.iter().map(|place| {
            let bytes = &(*self.file).as_ref()[place.clone()];
            match self.width {
                2 => Tokens::U16(bytes.as_chunks().0),
                _ => Tokens::U32(bytes.as_chunks().0),
            }
        })
    }
}

/// The files of these documents, each as large as memory need hold at a time.
pub(crate) fn files(
    documents: impl Iterator<Item = Vec<u32>>,
    vocabulary_n: u32,
) -> impl Iterator<Item = Vec<u8>> {
    let mut documents = documents.fuse();
    std::iter::from_fn(move || {
        let (mut lengths, mut tokens) = (Vec::new(), Vec::new());
        while tokens.len() < TOKENS_MAX
            && let Some(document) = documents.next()
        {
            lengths.push(document.len());
            tokens.extend(document);
        }
        (!lengths.is_empty()).then(|| file(&lengths, &tokens, vocabulary_n))
    })
}

fn file(lengths: &[usize], tokens: &[u32], vocabulary_n: u32) -> Vec<u8> {
    let short = vocabulary_n <= SHORT_MAX;
    let width = if short { 2 } else { 4 };
    let mut file = MAGIC.to_vec();
    for word in [width, lengths.len()].iter().chain(lengths) {
        file.extend((*word as u64).to_le_bytes());
    }
    for token in tokens {
        file.extend(&token.to_le_bytes()[..width]);
    }
    file
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn documents_survive_the_round_trip_and_a_cut_file_is_refused() {
        for (vocabulary_n, largest) in [(1 << 16, 65_535), (70_000, 69_999)] {
            let documents = [vec![1, 2, largest], vec![], vec![7]];
            let made: Vec<Vec<u8>> = files(documents.clone().into_iter(), vocabulary_n).collect();
            assert_eq!(made.len(), 1);
            let shard = Shard::from_file(Arc::new(made[0].clone())).unwrap();
            let read: Vec<Vec<u32>> =
                shard.documents().map(|tokens| tokens.iter().collect()).collect();
            assert_eq!(read, documents);
            for length in 0..made[0].len() {
                assert!(Shard::from_file(Arc::new(made[0][..length].to_vec())).is_none());
            }
        }
    }
}
