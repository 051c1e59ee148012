//! Files as bytes: read whole, or mapped by whoever may.

use std::fs::File;
use std::io::{self, Read as _};
use std::sync::Arc;

/// The bytes of a file that is never changed under its name, only replaced.
pub type Mapped = Arc<dyn AsRef<[u8]> + Send + Sync>;

/// Makes a file's bytes accessible. Mapping them into memory takes `unsafe`, which this crate does
/// not have: the trainer brings a function that does.
pub type Map = fn(&File) -> io::Result<Mapped>;

/// The default: into memory of our own.
pub(crate) fn read(mut file: &File) -> io::Result<Mapped> {
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    Ok(Arc::new(bytes))
}
