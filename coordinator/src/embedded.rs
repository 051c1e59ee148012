//! The whole system on one machine: an SQLite file, gRPC on a loopback port, worker processes.
//! The same coordinator as [`crate::server`], with other settings.

use std::ffi::OsString;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sweep_core::clock::SystemClock;
use sweep_core::ids::RunId;
use sweep_store::Back;
use tokio::sync::oneshot;
use tokio::task::{JoinHandle, JoinSet};

use crate::context::Context;
use crate::fleet::Fleet;
use crate::lock::{self, DirectoryLock};
use crate::{Error, database_url, observed, rest, server, tasks};

/// How to run on this machine.
#[derive(Clone, Debug)]
pub struct Options {
    /// Database, corpora, checkpoints and logs live here. Made if it is not there.
    pub data_dir: PathBuf,
    /// Worker processes; 0 for a coordinator that only answers questions.
    pub workers_n: u32,
    /// Program and first arguments of a worker. `--server URL --data-dir DIR` is appended. A
    /// worker ends when its standard input does.
    pub worker_command: Vec<OsString>,
    /// The HTTP side; none without it.
    pub http: Option<rest::Options>,
    /// Collector that instruments are sent to (OTLP over gRPC).
    pub otlp: Option<String>,
}

/// A running coordinator of this process.
pub struct Embedded {
    url: String,
    http_address: Option<SocketAddr>,
    fleet: Fleet,
    context: Context,
    stop_server: oneshot::Sender<()>,
    server: JoinHandle<Result<(), Error>>,
    tasks: JoinSet<()>,
    _http: Option<JoinSet<()>>,
    _lock: DirectoryLock,
}

impl Embedded {
    /// Starts everything. Runs that an earlier process left behind are taken back at once.
    ///
    /// # Errors
    /// When the directory is in use or not writable, or the database is of a newer version.
    pub async fn start(options: Options) -> Result<Self, Error> {
        let Options { data_dir, workers_n, worker_command, http, otlp } = options;
        let mut lock = DirectoryLock::take(&data_dir)?;
        let data_dir = std::path::absolute(&data_dir)
            .map_err(|source| Error::Directory { path: data_dir, source })?;
        let store = server::open(&database_url(&data_dir)).await?;
        let context = Context::new(store, Arc::new(SystemClock), &data_dir);
        let context = observed::instrumented(context, http.is_some(), otlp.as_deref())?;
        take_back_abandoned(&context).await?;
        remove_left_checkpoints(&context, &data_dir).await?;

        let loopback = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let (listener, address) = server::listen(loopback).await?;
        let http = match &http {
            Some(http) => Some(rest::Bound::new(http).await?),
            None => None,
        };
        let url = format!("http://{address}");
        let io = |source| Error::Directory { path: data_dir.clone(), source };
        lock.announce(&url).map_err(io)?;

        let (stop_server, stopped) = oneshot::channel();
        let serving = context.clone();
        let server = tokio::spawn(async move {
            // A dropped sender stops the server too.
            let stopped = async { drop(stopped.await) };
            server::run(&serving, listener, stopped).await
        });
        let http_address = http.as_ref().map(rest::Bound::address);
        let http = http.map(|http| http.serve(&context));
        let tasks = tasks::spawn_all(&context);
        let fleet = Fleet::start(&context, workers_n, &worker_command, &url, &data_dir)?;
        Ok(Self {
            url,
            http_address,
            fleet,
            context,
            stop_server,
            server,
            tasks,
            _http: http,
            _lock: lock,
        })
    }

    /// Where clients and workers reach it.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Where the HTTP side is reached, if there is one.
    #[must_use]
    pub const fn http_address(&self) -> Option<SocketAddr> {
        self.http_address
    }

    /// Asks the workers to write a checkpoint and stop, waits for them (bounded), and closes.
    pub async fn shutdown(mut self) {
        self.context.live().draining = true;
        self.fleet.stop().await;
        self.tasks.shutdown().await;
        // The server ends with the process at the latest.
        let _ = self.stop_server.send(());
        let _ = self.server.await;
        observed::finish(&self.context).await;
    }
}

/// URL of the coordinator that already works with the data directory, if one does.
#[must_use]
pub fn running(data_dir: &Path) -> Option<String> {
    lock::holder(data_dir)
}

/// This process holds the directory, so whoever held a lease is gone, or will find its writes
/// refused by their epoch.
async fn take_back_abandoned(context: &Context) -> Result<(), Error> {
    for lease in context.store.open_leases().await? {
        let now = context.now();
        let back = Back::preempted();
        context.store.requeue(lease.run, lease.epoch, None, &back, now).await?;
    }
    Ok(())
}

/// A worker removes the checkpoints of a run that has ended; one that was killed in that very moment
/// has left them behind.
async fn remove_left_checkpoints(context: &Context, data_dir: &Path) -> Result<(), Error> {
    // Only runs that are not done have a folder, so that this looks at few, however many there were.
    let Ok(folders) = std::fs::read_dir(data_dir.join("checkpoints")) else { return Ok(()) };
    for folder in folders.flatten().map(|entry| entry.path()) {
        let name = folder.file_name().unwrap_or_default().to_string_lossy();
        let Ok(id) = name.parse::<RunId>() else { continue };
        let run = context.store.run(id).await?;
        if run.is_some_and(|(_, run)| run.state.is_final()) {
            std::fs::remove_dir_all(&folder)
                .map_err(|source| Error::Directory { path: folder.clone(), source })?;
        }
    }
    Ok(())
}
