//! A sweep of the real program in a folder of its own: real processes, real text, real training.

use std::ffi::OsStr;
use std::io::Read as _;
use std::path::{Path, PathBuf};
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
    /// Before the folder, so that it is unmounted before that is removed.
    disk: Option<SmallDisk>,
    folder: TempDir,
}

impl Sandbox {
    pub(crate) fn new(budget_yaml: &str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let sandbox = Self { disk: None, folder };
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

    /// Puts the data directory on a disk of its own; None where the machine does not allow that.
    pub(crate) fn with_small_disk(mut self, mebibytes: u32) -> Option<Self> {
        std::fs::create_dir(self.data_dir()).expect("the folder is writable");
        self.disk = Some(SmallDisk::mount(&self.data_dir(), mebibytes)?);
        Some(self)
    }

    /// Runs a line of shell in the folder.
    pub(crate) fn shell(&self, script: &str) -> Result<ExitStatus> {
        Ok(self.process("sh", &["-c", script]).status()?)
    }

    /// A process in the folder, which sees its disk.
    fn process(&self, program: impl AsRef<OsStr>, arguments: &[&str]) -> Command {
        let folder = self.folder.path();
        let mut command = self
            .disk
            .as_ref()
            .map_or_else(|| Command::new(&program), |disk| disk.command(folder, program.as_ref()));
        command.current_dir(folder).args(arguments);
        command
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.process(program(), arguments);
        command
            .env("SWEEP_DATA_DIR", self.data_dir())
            .env("NO_COLOR", "1")
            .env_remove("SWEEP_SERVER")
            .env_remove("SWEEP_TOKEN")
            .env_remove("SWEEP_TOKEN_FILE")
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

    /// The same with its log in a file.
    pub(crate) fn spawn_logged(&self, arguments: &[&str], log: &Path) -> Watched {
        let log = std::fs::File::create(log).expect("the folder is writable");
        let mut command = self.command(arguments);
        command.stdout(Stdio::null()).stderr(log);
        Watched(command.spawn().expect("the program can be started"))
    }

    /// The same for a process that is to end itself at a place between two writes, as
    /// [`sweep_store::fault`] has them.
    pub(crate) fn spawn_until(&self, fault: &str, arguments: &[&str], log: &Path) -> Watched {
        let log = std::fs::File::create(log).expect("the folder is writable");
        let mut command = self.command(arguments);
        command.env("SWEEP_FAULT", fault).stdout(Stdio::null()).stderr(log);
        Watched(command.spawn().expect("the program can be started"))
    }

    /// What is stored, read beside whoever writes it; None before there is a database.
    pub(crate) async fn stored(&self) -> Result<Option<Stored>> {
        let file = self.data_dir().join("sweep.db");
        if !file.is_file() {
            return Ok(None);
        }
        // A file that is being made is locked, and has no tables.
        let Ok(store) = Store::open(&sqlite_url(&file)).await else { return Ok(None) };
        Stored::read(store).await
    }

    /// Waits until what is stored satisfies `condition`.
    pub(crate) async fn wait_until(
        &self,
        what: &str,
        condition: impl Fn(&Stored) -> bool,
    ) -> Result<Stored> {
        let mut found = None;
        until(what, async || {
            found = self.stored().await?.filter(&condition);
            Ok(found.is_some())
        })
        .await?;
        found.context("it was there a moment ago")
    }
}

/// Ends the workers of a `submit` as a crash would and waits for its sweep to succeed all the same.
pub(crate) async fn survive_killed_workers(mut submit: Watched) -> Result<()> {
    for worker in children(submit.pid())? {
        kill_9(worker)?;
    }
    let status = submit.exit().await?;
    ensure!(status.success(), "the sweep ended with {status}");
    Ok(())
}

/// Asks again and again until the answer is yes.
pub(crate) async fn until(what: &str, mut holds: impl AsyncFnMut() -> Result<bool>) -> Result<()> {
    let begun = Instant::now();
    while !holds().await? {
        ensure!(begun.elapsed() < LIMIT, "waited in vain until {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok(())
}

/// A file system in memory, mounted in a namespace that lives as long as this value.
struct SmallDisk {
    /// Waits for the end of its standard input; the namespace is its own.
    holder: Child,
}

impl SmallDisk {
    fn mount(at: &Path, mebibytes: u32) -> Option<Self> {
        let script =
            format!("mount -t tmpfs -o size={mebibytes}m tmpfs \"$0\" && echo mounted && exec cat");
        let holder = Command::new("unshare")
            .args(["--user", "--map-root-user", "--mount", "sh", "-c", &script])
            .arg(at)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn();
        let mut disk = Self { holder: holder.ok()? };
        let mut word = [0; "mounted\n".len()];
        let said = disk.holder.stdout.as_mut()?.read_exact(&mut word);
        said.ok().map(|()| disk)
    }

    /// A process that sees this disk; it enters `folder` by its name, so that it sees it below.
    fn command(&self, folder: &Path, program: &OsStr) -> Command {
        let mut command = Command::new("nsenter");
        command
            .args(["--target", &self.holder.id().to_string(), "--user", "--mount"])
            .args(["--preserve-credentials", "sh", "-c", "cd \"$0\" && exec \"$@\""])
            .args([folder.as_os_str(), program]);
        command
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Both fail where it has ended already.
        let _ = self.holder.kill();
        let _ = self.holder.wait();
    }
}

/// A sweep as its database has it.
pub(crate) struct Stored {
    pub(crate) store: Store,
    pub(crate) sweep: SweepRecord,
    pub(crate) runs: Vec<RunRecord>,
}

impl Stored {
    /// The newest sweep of a database; None before there is one.
    pub(crate) async fn read(store: Store) -> Result<Option<Self>> {
        let Ok(sweeps) = store.sweeps().await else { return Ok(None) };
        let Some(sweep) = sweeps.into_iter().next() else { return Ok(None) };
        let runs = store.runs(sweep.id).await?;
        Ok(Some(Self { store, sweep, runs }))
    }
}

/// Ends a process as a crash would.
pub(crate) fn kill_9(pid: u32) -> Result<()> {
    signal(pid, "-KILL")
}

/// Asks a process to stop, as a supervisor does.
pub(crate) fn terminate(pid: u32) -> Result<()> {
    signal(pid, "-TERM")
}

/// Stops a process where it is, without its knowing.
pub(crate) fn freeze(pid: u32) -> Result<()> {
    signal(pid, "-STOP")
}

/// Lets it go on.
pub(crate) fn thaw(pid: u32) -> Result<()> {
    signal(pid, "-CONT")
}

fn signal(pid: u32, name: &str) -> Result<()> {
    let status = Command::new("kill").args([name, &pid.to_string()]).status();
    let status = status.context("`kill` is not there")?;
    ensure!(status.success(), "process {pid} could not be told {name}");
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

    pub(crate) fn is_running(&mut self) -> Result<bool> {
        Ok(self.0.try_wait()?.is_none())
    }

    /// Waits for the process to end by itself.
    pub(crate) async fn exit(&mut self) -> Result<ExitStatus> {
        let mut status = None;
        until(&format!("process {} has ended", self.pid()), async || {
            status = self.0.try_wait()?;
            Ok(status.is_some())
        })
        .await?;
        status.context("it had ended a moment ago")
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
    let arm = |family: &str| {
        format!(
            "  - name: {family}\n    family: {family}\n    sizes: [{{ width: 16, layers: 1, \
             throughput: 20k tokens/s }}]\n"
        )
    };
    let arms = arm("gpt") + &arm("qlstm");
    budget_over(name, "[250 ms, 500 ms, 1 s, 2 s]", &arms).replace("[1]", "[1, 2]")
}

/// A small sweep of these classes and arms, each as it is written in YAML.
pub(crate) fn budget_over(name: &str, classes: &str, arms: &str) -> String {
    format!(
        "apiVersion: sweepctl/v1
name: {name}
budget: 10 min
classes: {classes}
seeds: [1]
data:
  corpus: {corpus}
  sequence: 32 tokens
  batch: 4 sequences
arms:
{arms}schedule: {{ workers: 2, checkpointEvery: 50 ms }}
",
        corpus = corpus().display()
    )
}

/// The small sweep with twenty times the steps: its longer runs train for more than a second, so that
/// they can be caught in mid-run, also by a look at the database that takes its time, and are still
/// there when they are killed.
pub(crate) fn long_budget() -> String {
    small_budget("small").replace("20k tokens/s", "400k tokens/s")
}
