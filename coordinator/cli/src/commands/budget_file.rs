//! Reads a budget.yaml that a command names.

use std::io::Read as _;
use std::path::Path;

use sweep_core::spec::SweepSpec;

use crate::failure::Failure;
use crate::printer::Printer;
use crate::view::mistakes::{self, Look};

/// A budget.yaml that reads well.
pub(crate) struct BudgetFile {
    pub(crate) text: String,
    pub(crate) spec: SweepSpec,
}

/// Reads and checks `path`; `-` is standard input.
pub(crate) fn read(path: &Path, printer: &Printer) -> Result<BudgetFile, Failure> {
    let (name, text) = if path == Path::new("-") {
        let mut text = String::new();
        ("standard input".to_owned(), std::io::stdin().read_to_string(&mut text).map(|_| text))
    } else {
        (path.display().to_string(), std::fs::read_to_string(path))
    };
    let text = text.map_err(|error| {
        Failure::refused(format!("`{name}` cannot be read"))
            .with_cause(error.to_string())
            .with_hint("`examples/budget.yaml` of the source tree is one to begin with")
    })?;
    let look = Look { columns: printer.columns(), colour: printer.colour_stderr() };
    match coordinator::budget::read(&text) {
        Ok(spec) => Ok(BudgetFile { text, spec }),
        Err(errors) => Err(mistakes::failure(&name, &text, &errors, look)),
    }
}
