//! The coordinator in this process, for whoever has no server.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use coordinator::embedded::{Embedded, Options};

use crate::failure::Failure;

pub(crate) use coordinator::embedded::running;

/// The database below a data directory.
pub(crate) fn database_path(data_dir: &Path) -> PathBuf {
    coordinator::database_path(data_dir)
}

/// Starts a coordinator over `data_dir` with `workers_n` worker processes of this same binary.
pub(crate) async fn start(data_dir: &Path, workers_n: u32) -> Result<Embedded, Failure> {
    let worker_command = worker_command()?;
    let options = Options { data_dir: data_dir.to_owned(), workers_n, worker_command };
    Ok(Embedded::start(options).await?)
}

/// The coordinator appends `--server URL --data-dir DIR`.
fn worker_command() -> Result<Vec<OsString>, Failure> {
    let binary = std::env::current_exe()
        .map_err(|error| Failure::broke("the path of this program is not known", &error))?;
    Ok(vec![binary.into(), "worker".into(), "--stop-with-stdin".into()])
}
