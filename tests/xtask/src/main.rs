//! Commands for those who work on sweepctl: `cargo xtask ci`, `cargo xtask gen`, `cargo xtask house`.
//!
//! Plain Rust instead of a shell or a task runner, so that a machine with cargo and a C compiler
//! can run all of it. A new check joins `ci`; it does not get a command of its own.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "these commands talk to a person at a terminal"
)]

mod cargo;
mod ci;
mod cuda;
mod generate;
mod licences;
mod postgres;
mod sizes;

use std::process::ExitCode;

use clap::Parser;

/// Commands for those who work on sweepctl.
#[derive(Clone, Copy, Parser)]
#[command(bin_name = "cargo xtask")]
enum Command {
    /// Everything a change has to pass: format, lints, tests, docs, generated files, licences.
    Ci,
    /// Write the generated files: JSON schema, command reference, list of documentation crates.
    Gen {
        /// Write nothing; fail if a file is not what would be written.
        #[arg(long)]
        check: bool,
    },
    /// Check the house rules, then print the size of each crate and the largest files.
    House,
}

fn main() -> ExitCode {
    match run(Command::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> anyhow::Result<()> {
    match command {
        Command::Ci => ci::run(),
        Command::Gen { check: true } => generate::check(),
        Command::Gen { check: false } => generate::write(),
        Command::House => {
            cargo::run(&["test", "--workspace", "--test", "it", "house::"])?;
            sizes::print()
        }
    }
}
