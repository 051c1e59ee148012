//! The coordinator in this process, for whoever has no server.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use coordinator::embedded::{Embedded, Options};

use sweep_core::spec::ScheduleSpec;

use crate::args::LogFormat;
use crate::context::Context;
use crate::failure::Failure;
use crate::machine::cores_n;

pub(crate) use coordinator::embedded::running;

/// The database below a data directory.
pub(crate) fn database_path(data_dir: &Path) -> PathBuf {
    coordinator::database_path(data_dir)
}

/// Worker processes of this machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fleet {
    pub(crate) workers_n: u32,
    /// Of each of them.
    pub(crate) threads_n: u32,
}

impl Fleet {
    /// As asked, else as the file has it, else as many as keep every core busy.
    pub(crate) fn new(workers: Option<u32>, schedule: &ScheduleSpec) -> Self {
        let threads_n = schedule.threads.unwrap_or(1).max(1);
        let cores_n = u32::try_from(cores_n()).unwrap_or(u32::MAX);
        let workers_n =
            workers.or(schedule.workers).unwrap_or_else(|| (cores_n / threads_n).max(1));
        Self { workers_n, threads_n }
    }
}

/// Starts a coordinator over `data_dir` with a fleet of this same binary.
pub(crate) async fn start(context: &Context, fleet: Fleet) -> Result<Embedded, Failure> {
    let Fleet { workers_n, threads_n } = fleet;
    let otlp = context.global.otlp.clone();
    let mut worker_command = worker_command(threads_n)?;
    worker_command.extend(otlp.iter().map(|url| format!("--otlp={url}").into()));
    if context.global.log_format == LogFormat::Json {
        worker_command.push("--log-format=json".into());
    }
    let data_dir = context.data_dir().to_owned();
    let options = Options { data_dir, workers_n, worker_command, http: None, otlp };
    Ok(Embedded::start(options).await?)
}

/// The coordinator appends `--server URL --data-dir DIR`.
fn worker_command(threads_n: u32) -> Result<Vec<OsString>, Failure> {
    let binary = std::env::current_exe()
        .map_err(|error| Failure::broke("the path of this program is not known", &error))?;
    let threads = format!("--threads={threads_n}");
    Ok(vec![binary.into(), "worker".into(), "--stop-with-stdin".into(), threads.into()])
}
