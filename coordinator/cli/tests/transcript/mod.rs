//! Runs the built program and keeps all it said.

use std::fmt;
use std::fs::File;
use std::path::Path;
use std::process::{Command, Stdio};

/// What one call printed, and how it ended.
#[derive(Debug)]
pub(crate) struct Transcript {
    pub(crate) status: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl fmt::Display for Transcript {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let status = self.status.map_or_else(|| "signal".to_owned(), |code| code.to_string());
        write!(f, "exit: {status}\n--- stdout\n{}--- stderr\n{}", self.stdout, self.stderr)
    }
}

/// Calls the program in a folder of its own, which is gone afterwards.
pub(crate) fn sweepctl(arguments: &[&str]) -> Transcript {
    let folder = tempfile::tempdir().expect("a temporary folder");
    sweepctl_in(folder.path(), arguments)
}

/// Calls the program in `folder`, with none of the caller's settings.
pub(crate) fn sweepctl_in(folder: &Path, arguments: &[&str]) -> Transcript {
    call(folder, arguments, Stdio::null())
}

/// The same with a file as its standard input.
pub(crate) fn sweepctl_reading(input: &Path, arguments: &[&str]) -> Transcript {
    let folder = input.parent().expect("a file is in a folder");
    let input = File::open(input).expect("the file can be read");
    call(folder, arguments, input.into())
}

fn call(folder: &Path, arguments: &[&str], input: Stdio) -> Transcript {
    let output = Command::new(env!("CARGO_BIN_EXE_sweepctl"))
        .args(arguments)
        .current_dir(folder)
        .env_clear()
        .stdin(input)
        .output()
        .expect("the program was built with this test");
    let text = |bytes| String::from_utf8(bytes).expect("the program prints UTF-8");
    Transcript {
        status: output.status.code(),
        stdout: text(output.stdout),
        stderr: text(output.stderr),
    }
}
