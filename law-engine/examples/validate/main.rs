//! Computes the published figures again and writes them side by side into docs/validation.md:
//!
//!     cargo run -p law-engine --example validate -- [DATA]
//!
//! DATA is the folder of the published rows: `SWEEP_PUBLISHED_DATA`, or the one beside the checkout,
//! unless it is named.

#[path = "../../tests/it/validation/mod.rs"]
mod validation;

#[expect(dead_code, reason = "the tests simulate more kinds of studies than the page needs")]
#[path = "../../tests/it/study.rs"]
mod study;

mod report;

use std::path::Path;
use std::process::ExitCode;

use validation::rows::Folder;

#[expect(clippy::print_stdout, clippy::print_stderr, reason = "it says what it wrote, or why not")]
fn main() -> ExitCode {
    let named = std::env::args_os().nth(1);
    let folder = named.map_or_else(Folder::at_hand, |folder| Folder(folder.into()));
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/validation.md");
    let written = report::report(&folder)
        .and_then(|report| std::fs::write(&path, report).map_err(|error| error.to_string()));
    match written {
        Ok(()) => {
            println!("wrote {}", path.display());
            ExitCode::SUCCESS
        }
        Err(why) => {
            eprintln!("error: {why}");
            ExitCode::FAILURE
        }
    }
}
