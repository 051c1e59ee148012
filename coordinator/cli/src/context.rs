//! What every command is given.

use std::path::{Path, PathBuf};

use sweep_proto::dial::Dial;

use crate::args::Global;
use crate::credentials;
use crate::failure::Failure;
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
        self.global.data_dir.as_deref().unwrap_or_else(|| Path::new(DEFAULT_DATA_DIR))
    }

    /// Address of the coordinator to use, if one is named. People write `host:port`; the transport
    /// wants a URL.
    pub(crate) fn server(&self) -> Option<String> {
        self.global.server.as_deref().map(with_scheme)
    }

    /// The same, with what to show there.
    pub(crate) fn dial(&self) -> Result<Option<Dial>, Failure> {
        let Some(url) = self.server() else { return Ok(None) };
        Ok(Some(Dial { url, token: credentials::token(self.global.token_file.as_deref())? }))
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

fn with_scheme(server: &str) -> String {
    if server.contains("://") { server.to_owned() } else { format!("http://{server}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_may_be_written_without_its_scheme() {
        assert_eq!(with_scheme("127.0.0.1:7700"), "http://127.0.0.1:7700");
        assert_eq!(with_scheme("https://sweeps"), "https://sweeps");
    }
}
