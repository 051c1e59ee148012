//! A command as a process group of its own: started, listened to, ended together with all that it
//! started.

use std::collections::VecDeque;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::fs::{CWD, Mode, mkfifoat};
use rustix::process::{Pid, Signal, kill_process_group};
use sweep_trainer::Accelerator;
use tokio::net::unix::pipe;
use tokio::process::{Child, Command};
use tokio::task::JoinHandle;

use super::settings::{Places, Settings};
use super::{log, stragglers};
use crate::fault::Fault;
use crate::report::Output;

/// Bytes of one reported line at most.
const LINE_BYTES_MAX: usize = 64 << 10;
/// After its end, what a command left in a pipe that somebody still holds open is not waited for.
const TAIL_PATIENCE: Duration = Duration::from_secs(2);

/// What happened next.
pub(super) enum Next {
    Line(String),
    /// The command has ended and nothing is left to read.
    End(ExitStatus),
}

/// Where what a command prints goes.
pub(super) struct Printed {
    /// A file.
    pub(super) log: PathBuf,
    /// For whoever follows it.
    pub(super) heard: Output,
}

pub(super) struct Process {
    child: Child,
    group: Pid,
    /// Where it reports to, which all that it starts is told as well.
    report: PathBuf,
    pipe: pipe::Receiver,
    lines: Lines,
    ended: Option<ExitStatus>,
    output: JoinHandle<String>,
}

impl Process {
    /// Starts `arguments`, whose first is the program.
    ///
    /// # Errors
    /// What could not be done, in words; a program that is not there is a fault of the configuration.
    pub(super) fn start(
        arguments: &[String],
        settings: &Settings,
        places: &Places,
        accelerator: Accelerator,
        printed: Printed,
    ) -> Result<Self, Fault> {
        let fault = |what: &str, path: &Path, error: &dyn std::fmt::Display| {
            format!("{what} {}: {error}", path.display())
        };
        std::fs::create_dir_all(&places.control)
            .map_err(|error| fault("cannot make", &places.control, &error))?;
        let report = places.report();
        // What a killed worker left running of an earlier attempt would write into our folder.
        if stragglers::end(&report) {
            tracing::warn!("processes of an earlier attempt still ran and are ended");
        }
        std::fs::write(places.settings(), settings.json())
            .map_err(|error| fault("cannot write", &places.settings(), &error))?;
        let pipe =
            open_pipe(&report).map_err(|error| fault("cannot make the pipe", &report, &error))?;
        // One pipe for both outputs, so that they stay in order.
        let outputs = || {
            let (writer, reader) = (pipe::pipe())?;
            let writer = writer.into_blocking_fd()?;
            Ok::<_, io::Error>((writer.try_clone()?, writer, reader))
        };
        let (stdout, stderr, reader) =
            outputs().map_err(|error| format!("cannot make a pipe: {error}"))?;
        let empty = || Fault::configuration("the command is empty".to_owned());
        let (program, rest) = arguments.split_first().ok_or_else(empty)?;
        let mut command = Command::new(program);
        command
            .args(rest)
            .envs(settings.variables())
            // What the worker signs in with is none of its business.
            .env_remove("SWEEP_TOKEN")
            .env_remove("SWEEP_TOKEN_FILE")
            .env("CUDA_VISIBLE_DEVICES", visible_devices(accelerator))
            .stdin(Stdio::null())
            .stdout(stdout)
            .stderr(stderr)
            .process_group(0);
        let child = command.spawn().map_err(|error| {
            Fault::configuration(format!(
                "the command `{program}` cannot be started: {error}; it is looked up on the \
                 worker's PATH, and its relative paths are of the folder that the worker runs in"
            ))
        })?;
        // Its own copies of the pipe's end are closed here, or the log would never end.
        drop(command);
        let id = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        let group = id.ok_or_else(|| "the command ended before it was known".to_owned())?;
        let Printed { log, heard } = printed;
        let output = tokio::spawn(log::keep(log, reader, heard));
        Ok(Self { child, group, report, pipe, lines: Lines::default(), ended: None, output })
    }

    /// The next line, or the end. May be dropped and called again.
    ///
    /// # Errors
    /// A line that is too long or no text, in words.
    pub(super) async fn next(&mut self) -> Result<Next, String> {
        loop {
            if let Some(line) = self.lines.next()? {
                return Ok(Next::Line(line));
            }
            if let Some(status) = self.ended {
                if !self.read()? && !self.lines.end() {
                    return Ok(Next::End(status));
                }
                continue;
            }
            tokio::select! {
                ready = self.pipe.readable() => {
                    ready.map_err(|error| format!("its reports cannot be read: {error}"))?;
                    self.read()?;
                }
                status = self.child.wait() => {
                    let status = status.map_err(|error| format!("it cannot be waited for: {error}"))?;
                    self.ended = Some(status);
                    // What it started ends with it, and can report no more.
                    self.kill();
                }
            }
        }
    }

    /// Reads what is there; false where that is nothing.
    fn read(&mut self) -> Result<bool, String> {
        let mut buffer = [0; 16 << 10];
        match self.pipe.try_read(&mut buffer) {
            Ok(length) => {
                self.lines.extend(&buffer[..length]);
                Ok(length > 0)
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(false),
            Err(error) => Err(format!("its reports cannot be read: {error}")),
        }
    }

    /// To the command and all that it started.
    pub(super) fn signal(&self, signal: Signal) {
        // A group that is gone needs no signal.
        let _ = kill_process_group(self.group, signal);
    }

    /// Ends the command and all that it started, those that left its group too.
    fn kill(&self) {
        self.signal(Signal::KILL);
        stragglers::end(&self.report);
    }

    /// Ends whatever still runs; the last lines of what it printed.
    pub(super) async fn end(mut self) -> String {
        self.kill();
        if self.ended.is_none() {
            // It was killed a moment ago.
            let _ = self.child.wait().await;
        }
        let output = std::mem::replace(&mut self.output, tokio::spawn(async { String::new() }));
        let tail = tokio::time::timeout(TAIL_PATIENCE, output).await;
        tail.map(Result::unwrap_or_default).unwrap_or_default()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if self.ended.is_none() {
            self.kill();
        }
    }
}

/// The one GPU that a worker has, or none.
fn visible_devices(accelerator: Accelerator) -> String {
    match accelerator {
        Accelerator::Cpu { .. } => String::new(),
        Accelerator::Cuda { index } => index.to_string(),
    }
}

/// A named pipe that is open at both ends for as long as we live: a command may open and close it as
/// it likes, and a command that outlives us finds nobody listening.
fn open_pipe(path: &Path) -> io::Result<pipe::Receiver> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    mkfifoat(CWD, path, Mode::RUSR | Mode::WUSR)?;
    pipe::OpenOptions::new().read_write(true).open_receiver(path)
}

/// Bytes as they come, lines as they are complete.
#[derive(Default)]
struct Lines {
    complete: VecDeque<Vec<u8>>,
    begun: Vec<u8>,
    taken_n: u64,
}

impl Lines {
    fn extend(&mut self, bytes: &[u8]) {
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            match piece.strip_suffix(b"\n") {
                // No more of a line is kept than is needed to refuse it.
                None if self.begun.len() > LINE_BYTES_MAX => {}
                None => self.begun.extend_from_slice(piece),
                Some(end) => {
                    let mut line = std::mem::take(&mut self.begun);
                    line.extend_from_slice(end);
                    self.complete.push_back(line);
                }
            }
        }
    }

    /// Takes what was begun for a line, as no more will come; false where that is nothing.
    fn end(&mut self) -> bool {
        let begun = std::mem::take(&mut self.begun);
        let any = !begun.is_empty();
        self.complete.extend(any.then_some(begun));
        any
    }

    /// The next complete line that is not empty.
    fn next(&mut self) -> Result<Option<String>, String> {
        let too_long = |number: u64| {
            format!("line {number} of its reports is longer than {LINE_BYTES_MAX} bytes")
        };
        while let Some(line) = self.complete.pop_front() {
            self.taken_n += 1;
            if line.len() > LINE_BYTES_MAX {
                return Err(too_long(self.taken_n));
            }
            let text = String::from_utf8(line)
                .map_err(|_| format!("line {} of its reports is not UTF-8", self.taken_n))?;
            if !text.trim().is_empty() {
                return Ok(Some(text));
            }
        }
        if self.begun.len() > LINE_BYTES_MAX {
            return Err(too_long(self.taken_n + 1));
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_put_together_from_pieces() {
        let mut lines = Lines::default();
        lines.extend(b"one\n\ntw");
        assert_eq!(lines.next(), Ok(Some("one".to_owned())));
        assert_eq!(lines.next(), Ok(None));
        lines.extend(b"o\n");
        assert_eq!(lines.next(), Ok(Some("two".to_owned())));
        lines.extend(b"\xff\n");
        assert!(lines.next().unwrap_err().contains("line 4 of its reports is not UTF-8"));
    }

    #[test]
    fn a_line_without_an_end_is_refused_and_takes_no_memory() {
        let mut lines = Lines::default();
        for _ in 0..1000 {
            lines.extend(&[b'x'; 16 << 10]);
        }
        assert!(lines.begun.len() <= LINE_BYTES_MAX + (16 << 10));
        assert!(lines.next().unwrap_err().contains("line 1"));
    }
}
