//! What a command prints: kept in a file that cannot grow without end, and its last lines in memory.

use std::io;
use std::path::{Path, PathBuf};

use tokio::fs::File;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};

use crate::report::Output;

/// A log of this size is put aside and begun anew: two of them are kept.
const FILE_BYTES_MAX: u64 = 4 << 20;
/// Bytes of the end that an error quotes at most.
const TAIL_BYTES: usize = 2000;
/// Lines of it.
const TAIL_LINES: usize = 12;

/// A log while it is written.
struct Log {
    path: PathBuf,
    /// None once it could not be written: a full disk must not end the run.
    file: Option<File>,
    written: u64,
    tail: Vec<u8>,
    /// For whoever follows the command from elsewhere.
    heard: Output,
}

/// Writes all that comes from `output` into a file, and its end into `heard`, until it ends; returns
/// the last lines.
pub(super) async fn keep(path: PathBuf, output: impl AsyncRead + Unpin, heard: Output) -> String {
    let file = open(&path).await.map_err(|error| {
        tracing::warn!(log = %path.display(), %error, "the output of a command is not kept");
    });
    let written = match &file {
        Ok(file) => file.metadata().await.map_or(0, |metadata| metadata.len()),
        Err(()) => 0,
    };
    let mut log = Log { path, file: file.ok(), written, tail: Vec::new(), heard };
    let mut output = output;
    let mut buffer = vec![0; 64 << 10];
    loop {
        match output.read(&mut buffer).await {
            Ok(0) | Err(_) => return log.end().await,
            Ok(length) => log.take(&buffer[..length]).await,
        }
    }
}

async fn open(path: &Path) -> io::Result<File> {
    if let Some(folder) = path.parent() {
        tokio::fs::create_dir_all(folder).await?;
    }
    tokio::fs::OpenOptions::new().create(true).append(true).open(path).await
}

impl Log {
    async fn take(&mut self, bytes: &[u8]) {
        self.heard.push(bytes);
        self.tail.extend_from_slice(&bytes[bytes.len().saturating_sub(TAIL_BYTES)..]);
        let surplus = self.tail.len().saturating_sub(TAIL_BYTES);
        self.tail.drain(..surplus);
        if let Err(error) = self.write(bytes).await {
            tracing::warn!(log = %self.path.display(), %error, "output of a command is lost");
            self.file = None;
        }
    }

    async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let Some(file) = &mut self.file else { return Ok(()) };
        file.write_all(bytes).await?;
        self.written += bytes.len() as u64;
        if self.written > FILE_BYTES_MAX {
            file.flush().await?;
            let aside = self.path.with_extension("log.1");
            tokio::fs::rename(&self.path, aside).await?;
            self.file = Some(open(&self.path).await?);
            self.written = 0;
        }
        Ok(())
    }

    async fn end(mut self) -> String {
        if let Some(file) = &mut self.file {
            // Nothing follows that a lost end could be told to.
            let _ = file.flush().await;
        }
        let text = String::from_utf8_lossy(&self.tail);
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(TAIL_LINES)..].join("\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_flood_leaves_two_files_and_its_last_lines() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("runs").join("a.log");
        let line = format!("{}\n", "x".repeat(99));
        let flood = line.repeat(250_000) + "the end\n";
        let heard = Output::default();
        let tail = keep(path.clone(), flood.as_bytes(), heard.clone()).await;
        let (at, end) = heard.since(0);
        assert_eq!(at + end.len() as u64, flood.len() as u64);
        assert!(end.ends_with(b"the end\n"));
        assert!(tail.ends_with("the end") && tail.len() <= TAIL_BYTES, "{tail}");
        let sizes: u64 = std::fs::read_dir(path.parent().unwrap())
            .unwrap()
            .map(|entry| entry.unwrap().metadata().unwrap().len())
            .sum();
        assert!(flood.len() as u64 > 2 * sizes, "{sizes} of {}", flood.len());
        assert!(std::fs::read_to_string(&path).unwrap().ends_with("the end\n"));
        assert_eq!(std::fs::read_dir(path.parent().unwrap()).unwrap().count(), 2);
    }
}
