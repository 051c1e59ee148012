//! Worker processes of the embedded default: started, restarted when they die, stopped together.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use sweep_core::ids::WorkerId;
use tokio::process::{Child, ChildStdin, Command};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::context::Context;
use crate::{Error, dispatch};

/// A worker gets this long to write its checkpoint and end.
const GRACE: Duration = Duration::from_secs(20);
/// A worker that lives shorter than this has not worked.
const SHORT_LIFE: Duration = Duration::from_secs(3);
/// Waits between restarts double up to this.
const BACKOFF_MAX: Duration = Duration::from_secs(10);
const BACKOFF_MIN: Duration = Duration::from_millis(250);
/// After this many short lives in a row somebody has to look.
const SHORT_LIVES_MAX: u32 = 4;

pub(crate) struct Fleet {
    keepers: JoinSet<()>,
    stop: watch::Sender<bool>,
}

/// How one worker process is started.
#[derive(Clone)]
struct Recipe {
    command: Vec<OsString>,
    url: String,
    data_dir: PathBuf,
    log: PathBuf,
}

impl Fleet {
    /// Starts `workers_n` workers, each with a keeper that restarts it.
    pub(crate) fn start(
        context: &Context,
        workers_n: u32,
        command: &[OsString],
        url: &str,
        data_dir: &Path,
    ) -> Result<Self, Error> {
        let (stop, _) = watch::channel(false);
        let mut keepers = JoinSet::new();
        for number in 1..=workers_n {
            let recipe = Recipe {
                command: command.to_vec(),
                url: url.to_owned(),
                data_dir: data_dir.to_owned(),
                log: data_dir.join("logs").join(format!("worker-{number}.log")),
            };
            // The first start happens here, so that a command that cannot run is an error.
            let first = recipe.spawn()?;
            keepers.spawn(keep(context.clone(), recipe, first, stop.subscribe()));
        }
        Ok(Self { keepers, stop })
    }

    /// Asks all workers to stop and waits for them.
    pub(crate) async fn stop(&mut self) {
        self.stop.send_replace(true);
        while self.keepers.join_next().await.is_some() {}
    }
}

/// A worker process of ours.
struct Process {
    worker: WorkerId,
    child: Child,
    /// Held open for as long as the worker is wanted: it stops when this ends, also when this
    /// process is killed. Apart from the child, whose `wait` would close it.
    stdin: Option<ChildStdin>,
}

impl Recipe {
    fn spawn(&self) -> Result<Process, Error> {
        let spawn = |source| Error::Spawn { source };
        let folder = self.log.parent().unwrap_or(&self.data_dir);
        std::fs::create_dir_all(folder).map_err(spawn)?;
        let mut options = std::fs::OpenOptions::new();
        let log = options.create(true).append(true).open(&self.log).map_err(spawn)?;
        let worker = WorkerId::new();
        let (program, arguments) = self.command.split_first().ok_or_else(|| {
            spawn(std::io::Error::new(std::io::ErrorKind::InvalidInput, "no worker command"))
        })?;
        let mut child = Command::new(program)
            .args(arguments)
            .arg("--server")
            .arg(&self.url)
            .arg("--data-dir")
            .arg(&self.data_dir)
            .env("SWEEP_WORKER_ID", worker.to_string())
            // Those are for a coordinator elsewhere: this one is open, and speaks in clear.
            .env_remove("SWEEP_TOKEN")
            .env_remove("SWEEP_TOKEN_FILE")
            .env_remove("SWEEP_CA")
            // One core per worker: an accelerator is one core, and idle spinning of a thread pool
            // would be charged to whoever shares the machine.
            .env("CANDLE_NUM_THREADS", "1")
            .env("RAYON_NUM_THREADS", "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(log)
            .kill_on_drop(true)
            // A terminal's Ctrl-C is for the coordinator alone, which then stops its workers.
            .process_group(0)
            .spawn()
            .map_err(spawn)?;
        let stdin = child.stdin.take();
        Ok(Process { worker, child, stdin })
    }
}

/// Watches one worker for as long as the fleet lives.
async fn keep(
    context: Context,
    recipe: Recipe,
    mut process: Process,
    mut stop: watch::Receiver<bool>,
) {
    let mut short_lives = 0;
    let mut backoff = BACKOFF_MIN;
    loop {
        let born = tokio::time::Instant::now();
        let worker = process.worker;
        let asked_to_stop = tokio::select! {
            status = process.child.wait() => {
                tracing::warn!(%worker, ?status, "a worker process ended by itself");
                false
            }
            () = asked(&mut stop) => true,
        };
        if asked_to_stop {
            end(&mut process).await;
            return;
        }
        if let Err(error) = dispatch::worker_lost(&context, worker).await {
            tracing::error!(%worker, %error, "its run could not be taken back yet");
        }
        if born.elapsed() < SHORT_LIFE {
            short_lives += 1;
            backoff = (backoff * 2).min(BACKOFF_MAX);
        } else {
            short_lives = 0;
            backoff = BACKOFF_MIN;
        }
        if short_lives == SHORT_LIVES_MAX {
            let log = recipe.log.display();
            let fault = format!("worker processes end as soon as they start; see {log}");
            context.live().faults.insert(fault);
            context.changed();
        }
        if tokio::time::timeout(backoff, asked(&mut stop)).await.is_ok() {
            return;
        }
        match recipe.spawn() {
            Ok(next) => process = next,
            Err(error) => {
                context.live().faults.insert(error.to_string());
                context.changed();
                return;
            }
        }
    }
}

/// Resolves when the fleet is to stop, also when nobody is left to say so.
async fn asked(stop: &mut watch::Receiver<bool>) {
    drop(stop.wait_for(|stop| *stop).await);
}

/// Closes the worker's standard input, which tells it to stop, and waits for it.
async fn end(process: &mut Process) {
    drop(process.stdin.take());
    if tokio::time::timeout(GRACE, process.child.wait()).await.is_err() {
        tracing::warn!("a worker did not stop in time and is ended");
        // It may have ended in this very moment.
        let _ = process.child.kill().await;
    }
}
