//! The same models in PyTorch, in a process of their own.

use std::error::Error;
use std::ffi::OsString;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use sweep_trainer::Subject;

/// What PyTorch trains on.
#[derive(Clone, Copy)]
pub(crate) enum Mode {
    Cpu {
        threads_n: usize,
    },
    /// One GPU; compiled, its products are in bfloat16.
    Gpu {
        is_compiled: bool,
    },
}

pub(crate) struct Peer {
    pub(crate) version: String,
    child: Child,
    asked: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Peer {
    pub(crate) fn start(python: OsString) -> Result<Self, Box<dyn Error>> {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/throughput/peer.py");
        let mut child = Command::new(python)
            .arg(script)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let asked = child.stdin.take().ok_or("no pipe to Python")?;
        let answers = BufReader::new(child.stdout.take().ok_or("no pipe from Python")?);
        let mut peer = Self { version: String::new(), child, asked, answers };
        peer.version = peer.line()?;
        Ok(peer)
    }

    /// Tokens per second of one window of training on a CPU.
    pub(crate) fn window(
        &mut self,
        subject: &Subject,
        threads_n: usize,
        seconds: f64,
    ) -> Result<f64, Box<dyn Error>> {
        self.window_in(subject, Mode::Cpu { threads_n }, seconds)
    }

    /// Tokens per second of one window of training: of CPU time on one thread, else of the clock.
    pub(crate) fn window_in(
        &mut self,
        subject: &Subject,
        mode: Mode,
        seconds: f64,
    ) -> Result<f64, Box<dyn Error>> {
        let Subject { model, batch, .. } = subject;
        let (device, threads_n, is_compiled) = match mode {
            Mode::Cpu { threads_n } => ("cpu", threads_n, false),
            Mode::Gpu { is_compiled } => ("cuda", 2, is_compiled),
        };
        let asked = serde_json::json!({
            "model": model, "batch": batch, "device": device, "is_compiled": is_compiled,
            "threads": threads_n, "seconds": seconds,
        });
        writeln!(self.asked, "{asked}")?;
        Ok(self.line()?.parse()?)
    }

    /// Most bytes that the process has had in memory: training what it was asked for, and then with a
    /// checkpoint of it written below `folder`.
    pub(crate) fn peaks(&mut self, folder: &Path) -> Result<String, Box<dyn Error>> {
        writeln!(self.asked, "{}", serde_json::json!({ "checkpoint": folder }))?;
        self.line()
    }

    fn line(&mut self) -> Result<String, Box<dyn Error>> {
        let mut line = String::new();
        if self.answers.read_line(&mut line)? == 0 {
            return Err("Python ended before it answered".into());
        }
        Ok(line.trim().to_owned())
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // Nothing is lost with it.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
