//! What every command is given.

use std::path::{Path, PathBuf};

use crate::args::Global;
use crate::printer::Printer;

/// The data directory when none is named, in the current folder.
const DEFAULT_DATA_DIR: &str = ".sweepctl";

/// Global options, and where to print.
pub(crate) struct Context {
    pub(crate) global: Global,
    pub(crate) printer: Printer,
}

impl Context {
    pub(crate) fn data_dir(&self) -> &Path {
        self.global.data_dir.as_deref().unwrap_or(Path::new(DEFAULT_DATA_DIR))
    }

    /// Where the figure of a sweep is kept.
    pub(crate) fn figure_path(&self, sweep: &str) -> PathBuf {
        self.data_dir().join("figures").join(format!("{sweep}.svg"))
    }

    /// The embedded default's database; none when a server elsewhere holds it.
    pub(crate) fn database_path(&self) -> Option<PathBuf> {
        let local = self.global.server.is_none();
        local.then(|| crate::embedded::database_path(self.data_dir()))
    }
}
