//! A corpus as two plain files, for training commands that read text themselves.

use std::path::PathBuf;

/// The two sides of a corpus on the disk: documents in order, a byte 0 after each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlainFiles {
    pub train: PathBuf,
    pub validation: PathBuf,
}

/// The bytes of one side.
pub(crate) fn joined<'a>(documents: impl Iterator<Item = &'a [u8]>) -> Vec<u8> {
    let mut bytes = Vec::new();
    for document in documents {
        bytes.extend(document);
        bytes.push(0);
    }
    bytes
}
