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
        let is_secure = self.global.ca.is_some();
        self.global.server.as_deref().map(|server| with_scheme(server, is_secure))
    }

    /// The same, with what to show there.
    pub(crate) fn dial(&self) -> Result<Option<Dial>, Failure> {
        let Some(url) = self.server() else { return Ok(None) };
        let token = credentials::token(self.global.token_file.as_deref())?;
        let authority = self.global.ca.as_deref().map(credentials::authority).transpose()?;
        let dial = Dial { url, token, authority };
        if dial.authority.is_some() && !dial.is_secure() {
            return Err(Failure::refused(format!("`{}` is no address of TLS", dial.url))
                .with_hint("with `--ca` it begins with `https://`"));
        }
        if dial.token.is_some() && !dial.is_secure() && !is_loopback(&dial.url) {
            self.printer.note("warning: the token is sent in clear; `https://` would hide it");
        }
        Ok(Some(dial))
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

fn with_scheme(server: &str, is_secure: bool) -> String {
    let scheme = if is_secure { "https" } else { "http" };
    if server.contains("://") { server.to_owned() } else { format!("{scheme}://{server}") }
}

/// Whether an address is of this machine.
fn is_loopback(url: &str) -> bool {
    let host = url.split("://").last().unwrap_or_default();
    ["127.", "localhost", "[::1]"].iter().any(|own| host.starts_with(own))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_may_be_written_without_its_scheme() {
        assert_eq!(with_scheme("127.0.0.1:7700", false), "http://127.0.0.1:7700");
        assert_eq!(with_scheme("sweeps:7700", true), "https://sweeps:7700");
        assert_eq!(with_scheme("https://sweeps", false), "https://sweeps");
    }

    #[test]
    fn this_machine_is_told_from_others() {
        for (url, is_own) in [
            ("http://127.0.0.1:7700", true),
            ("http://[::1]:7700", true),
            ("http://localhost:7700", true),
            ("http://10.127.0.1:7700", false),
            ("http://sweeps:7700", false),
        ] {
            assert_eq!(is_loopback(url), is_own, "{url}");
        }
    }
}
