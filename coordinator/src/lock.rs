//! One coordinator per data directory, and where to find it.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read as _, Seek as _, Write as _};
use std::path::Path;

use crate::Error;

const LOCK_FILE: &str = "coordinator.lock";

/// Held for as long as this process works with the directory; the system lets go of it however
/// the process ends.
pub(crate) struct DirectoryLock(File);

impl DirectoryLock {
    /// Takes the directory.
    pub(crate) fn take(data_dir: &Path) -> Result<Self, Error> {
        let io = |source| Error::Directory { path: data_dir.to_owned(), source };
        std::fs::create_dir_all(data_dir).map_err(io)?;
        let path = data_dir.join(LOCK_FILE);
        let mut options = OpenOptions::new();
        let file = options.read(true).write(true).create(true).truncate(false).open(path);
        let mut file = file.map_err(io)?;
        match file.try_lock() {
            Ok(()) => Ok(Self(file)),
            Err(TryLockError::WouldBlock) => {
                let (pid, _) = read(&mut file).unwrap_or_default();
                Err(Error::DirectoryInUse { path: data_dir.to_owned(), pid })
            }
            Err(TryLockError::Error(source)) => Err(io(source)),
        }
    }

    /// Says where this process answers.
    pub(crate) fn announce(&mut self, url: &str) -> std::io::Result<()> {
        self.0.set_len(0)?;
        self.0.rewind()?;
        write!(self.0, "{}\n{url}\n", std::process::id())?;
        self.0.flush()
    }
}

/// Process id and URL of whoever holds the lock, as announced.
fn read(file: &mut File) -> Option<(String, String)> {
    let mut text = String::new();
    file.read_to_string(&mut text).ok()?;
    let mut lines = text.lines();
    Some((lines.next()?.to_owned(), lines.next()?.to_owned()))
}

/// URL of the coordinator that works with the directory, if one does.
pub(crate) fn holder(data_dir: &Path) -> Option<String> {
    let mut file = OpenOptions::new().read(true).open(data_dir.join(LOCK_FILE)).ok()?;
    match file.try_lock_shared() {
        Err(TryLockError::WouldBlock) => read(&mut file).map(|(_, url)| url),
        Ok(()) | Err(TryLockError::Error(_)) => None,
    }
}
