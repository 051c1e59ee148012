//! Writes checkpoints beside the training.
//!
//! A disk that takes 200 MB a second is busy for 6 s with a model of 100 M parameters. Training waits for
//! the copy only; what becomes of the file is told at a later step.

use std::path::{Path, PathBuf};
use std::thread::{Builder, JoinHandle};

use sweep_core::run::Checkpoint;
use sweep_core::units::AcceleratorTime;

use super::snapshot::{Buffers, Snapshot, remove_unfinished};
use crate::error::Error;

/// The thread that writes a run's checkpoints, one at a time.
pub(crate) struct Writer {
    dir: PathBuf,
    writing: Option<Writing>,
    /// Takes memory for the first snapshot.
    preparing: Option<JoinHandle<Buffers>>,
    /// Of the last snapshot that was written.
    buffers: Buffers,
}

struct Writing {
    thread: JoinHandle<(Result<Checkpoint, Error>, Buffers)>,
    used: AcceleratorTime,
}

/// What became of a checkpoint.
pub(crate) struct Written {
    pub(crate) outcome: Result<Checkpoint, Error>,
    /// Accelerator time that had been used when it was taken.
    pub(crate) used: AcceleratorTime,
}

impl Writer {
    /// Into `dir`, the folder of this run alone. Memory for snapshots of tensors of `lens` values is taken
    /// while training begins.
    pub(crate) fn new(dir: &Path, lens: Vec<usize>) -> Self {
        remove_unfinished(dir);
        let preparing = thread().spawn(move || Buffers::of(&lens));
        // A system that starts no more threads gives the memory when it is needed.
        let preparing = preparing.ok();
        Self { dir: dir.to_owned(), writing: None, preparing, buffers: Buffers::default() }
    }

    /// Whether the last snapshot is still being written, or what became of it is not told yet.
    pub(crate) fn is_busy(&self) -> bool {
        self.writing.is_some()
    }

    /// Memory for the next snapshot.
    pub(crate) fn buffers(&mut self) -> Buffers {
        let prepared = self.preparing.take().and_then(|thread| thread.join().ok());
        prepared.unwrap_or_else(|| std::mem::take(&mut self.buffers))
    }

    /// Begins to write a snapshot. Only after what became of the one before it is told.
    pub(crate) fn begin(&mut self, snapshot: Snapshot, used: AcceleratorTime) -> Result<(), Error> {
        debug_assert!(!self.is_busy(), "one checkpoint is written at a time");
        let dir = self.dir.clone();
        let write = move || (snapshot.write(&dir), snapshot.into_buffers());
        let thread = thread().spawn(write).map_err(Error::io(&self.dir))?;
        self.writing = Some(Writing { thread, used });
        Ok(())
    }

    /// What became of a snapshot that has been written since the last call.
    pub(crate) fn written(&mut self) -> Option<Written> {
        let is_written = self.writing.as_ref()?.thread.is_finished();
        if is_written { self.wait() } else { None }
    }

    /// As [`Self::written`], of one that is still being written too.
    pub(crate) fn wait(&mut self) -> Option<Written> {
        let Writing { thread, used } = self.writing.take()?;
        // A panic goes on where it would without a thread.
        let joined = thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        let outcome = joined.0;
        self.buffers = joined.1;
        Some(Written { outcome, used })
    }
}

fn thread() -> Builder {
    Builder::new().name("checkpoint".to_owned())
}

impl Drop for Writer {
    /// Nobody writes into the folder of a run that has ended.
    fn drop(&mut self) {
        if let Some(Writing { thread, .. }) = self.writing.take() {
            let _ = thread.join();
        }
    }
}
