//! A file as a slice: read by the pages that are used, shared with every process that maps it.

use std::fs::File;
use std::io;

use memmap2::Mmap;

/// The bytes of a file.
#[derive(Debug)]
pub struct MappedFile(Mmap);

impl MappedFile {
    /// Maps a file that nobody changes in place: it may be removed or replaced under its name, which
    /// leaves what was mapped as it is.
    ///
    /// # Errors
    /// Those of the system.
    pub fn open(file: &File) -> io::Result<Self> {
        // SAFETY: as the caller was told, the file is never written again once it has its name: texts and
        // shards are written beside, flushed and renamed.
        #[expect(unsafe_code, reason = "the one way to map a file")]
        unsafe { Mmap::map(file) }.map(Self)
    }
}

impl AsRef<[u8]> for MappedFile {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mapped_file_outlives_its_name() {
        let path = std::env::temp_dir().join(format!("sweep-mapped-{}", std::process::id()));
        std::fs::write(&path, b"tokens").unwrap();
        let mapped = MappedFile::open(&File::open(&path).unwrap()).unwrap();
        std::fs::remove_file(&path).unwrap();
        assert_eq!(mapped.as_ref(), b"tokens");
    }
}
