//! A sweep of the real program in a folder of its own: real processes, real text, real training.

use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use sweep_core::sweep::{RunRecord, SweepRecord};
use sweep_store::{Store, sqlite_url};
use tempfile::TempDir;

/// The longest any wait may take before a test fails: many times what it takes on a busy machine.
const LIMIT: Duration = Duration::from_secs(240);

/// The text of these sweeps: the sources of `sweep-core`, real comments and code that are there
/// wherever the tests are.
fn corpus() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../coordinator/core/src")
}

/// The program under test, built beside the tests.
pub(crate) fn program() -> PathBuf {
    let tests = std::env::current_exe().expect("a running test has a path");
    let folder = tests.ancestors().nth(2).expect("tests run in <target>/<profile>/deps");
    let program = folder.join("sweepctl");
    assert!(program.is_file(), "{} is not built: run `cargo build --workspace`", program.display());
    program
}

/// A folder with a budget.yaml, in which sweepctl is called as a user would.
pub(crate) struct Sandbox {
    folder: TempDir,
}

impl Sandbox {
    pub(crate) fn new(budget_yaml: &str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let sandbox = Self { folder };
        sandbox.write_budget(budget_yaml);
        sandbox
    }

    pub(crate) fn write_budget(&self, budget_yaml: &str) {
        std::fs::write(self.path("budget.yaml"), budget_yaml).expect("the folder is writable");
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn data_dir(&self) -> PathBuf {
        self.path("data")
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(program());
        command
            .current_dir(self.folder.path())
            .env("SWEEP_DATA_DIR", self.data_dir())
            .env("NO_COLOR", "1")
            .env_remove("SWEEP_SERVER")
            .args(arguments)
            .stdin(Stdio::null());
        command
    }

    /// Runs a command to its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().expect("the program can be started")
    }

    /// Runs a command that has to succeed, and returns its standard output.
    pub(crate) fn succeed(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "sweepctl {arguments:?}: {}\n{stderr}", output.status);
        String::from_utf8(output.stdout).expect("standard output is UTF-8")
    }

    /// Starts a command that is watched from outside.
    pub(crate) fn spawn(&self, arguments: &[&str]) -> Watched {
        let mut command = self.command(arguments);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        Watched(command.spawn().expect("the program can be started"))
    }

    /// What is stored, read beside whoever writes it; None before there is a database.
    pub(crate) async fn stored(&self) -> Result<Option<Stored>> {
        let file = self.data_dir().join("sweep.db");
        if !file.is_file() {
            return Ok(None);
        }
        let store = Store::open(&sqlite_url(&file)).await?;
        let Ok(sweeps) = store.sweeps().await else { return Ok(None) };
        let Some(sweep) = sweeps.into_iter().next() else { return Ok(None) };
        let runs = store.runs(sweep.id).await?;
        Ok(Some(Stored { store, sweep, runs }))
    }

    /// Waits until what is stored satisfies `condition`.
    pub(crate) async fn wait_until(
        &self,
        what: &str,
        condition: impl Fn(&Stored) -> bool,
    ) -> Result<Stored> {
        let begun = Instant::now();
        loop {
            if let Some(stored) = self.stored().await?
                && condition(&stored)
            {
                return Ok(stored);
            }
            ensure!(begun.elapsed() < LIMIT, "waited in vain until {what}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

/// A sweep as its database has it.
pub(crate) struct Stored {
    pub(crate) store: Store,
    pub(crate) sweep: SweepRecord,
    pub(crate) runs: Vec<RunRecord>,
}

/// Ends a process as a crash would.
pub(crate) fn kill_9(pid: u32) -> Result<()> {
    let status = Command::new("kill").args(["-9", &pid.to_string()]).status();
    let status = status.context("`kill` is not there")?;
    ensure!(status.success(), "process {pid} could not be killed");
    Ok(())
}

/// Processes that `pid` started and that still run.
pub(crate) fn children(pid: u32) -> Result<Vec<u32>> {
    let mut children = Vec::new();
    for task in std::fs::read_dir(format!("/proc/{pid}/task"))? {
        let text = std::fs::read_to_string(task?.path().join("children")).unwrap_or_default();
        children.extend(text.split_whitespace().filter_map(|pid| pid.parse::<u32>().ok()));
    }
    Ok(children)
}

/// A command that is watched from outside. Ended with its test, if not before.
pub(crate) struct Watched(Child);

impl Watched {
    pub(crate) fn pid(&self) -> u32 {
        self.0.id()
    }

    /// Waits for the process to end by itself.
    pub(crate) async fn exit(&mut self) -> Result<ExitStatus> {
        let begun = Instant::now();
        loop {
            if let Some(status) = self.0.try_wait()? {
                return Ok(status);
            }
            ensure!(begun.elapsed() < LIMIT, "process {} did not end", self.pid());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        // Both fail where the process has ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A small sweep of both families. Throughput is declared, so that its steps, and with them its
/// results, are the same on every machine and in every repetition.
pub(crate) fn small_budget(name: &str) -> String {
    format!(
        "apiVersion: sweepctl/v1
name: {name}
budget: 10 min
classes: [250 ms, 500 ms, 1 s, 2 s]
seeds: [1, 2]
data:
  corpus: {corpus}
  sequence: 32 tokens
  batch: 4 sequences
arms:
  - name: gpt
    family: gpt
    sizes: [{{ width: 16, layers: 1, throughput: 20k tokens/s }}]
  - name: qlstm
    family: qlstm
    sizes: [{{ width: 16, layers: 1, throughput: 20k tokens/s }}]
schedule: {{ workers: 2, checkpointEvery: 50 ms }}
",
        corpus = corpus().display()
    )
}
