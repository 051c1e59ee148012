//! Computes the published figures again and prints them side by side, as Markdown.
//!
//! `cargo xtask validate --data DIR` writes what this prints to `docs/validation.md`.

#[path = "../../tests/it/validation/mod.rs"]
mod validation;

mod report;

use std::process::ExitCode;

use validation::rows::Folder;

#[expect(clippy::print_stdout, clippy::print_stderr, reason = "the report is for a terminal or file")]
fn main() -> ExitCode {
    let Some(folder) = std::env::args_os().nth(1) else {
        eprintln!("error: no folder of published data\nhint: cargo run --example validate -- DIR");
        return ExitCode::FAILURE;
    };
    match report::report(&Folder(folder.into())) {
        Ok(report) => {
            println!("{report}");
            ExitCode::SUCCESS
        }
        Err(why) => {
            eprintln!("error: {why}");
            ExitCode::FAILURE
        }
    }
}
