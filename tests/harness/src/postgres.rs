//! A PostgreSQL server of the machine's own binaries, in a temporary directory, for one test
//! process.

use std::os::unix::fs::{MetadataExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Context, Result, bail};
use tempfile::TempDir;

/// The database superuser. Whoever reaches the socket is trusted; only its owner and root do.
const USER: &str = "sweep";

/// Nothing of a test outlives the machine: durability is off.
const SETTINGS: [&str; 4] =
    ["fsync=off", "full_page_writes=off", "listen_addresses=", "max_connections=100"];

/// The end of the server itself may lose what it has promised.
const FORGETFUL: &str = "synchronous_commit=off";

/// A running server; dropping it stops the server and removes its files.
pub struct Postgres {
    binaries: PathBuf,
    folder: TempDir,
    databases_n: AtomicU32,
    /// As `pg_ctl` passes them on.
    options: String,
    /// User and group that the server runs as when the test runs as root.
    identity: Option<(u32, u32)>,
}

impl Postgres {
    /// Makes a cluster and starts its server on a Unix socket in a temporary directory.
    ///
    /// # Errors
    /// When the server's binaries are not installed (the message says how to), or fail.
    pub fn start() -> Result<Self> {
        Self::start_with(&[&SETTINGS[..], &[FORGETFUL]].concat())
    }

    /// The same for a server that keeps what it has promised when it is ended like by a crash: see
    /// [`Postgres::restart`].
    ///
    /// # Errors
    /// As [`Postgres::start`].
    pub fn start_lasting() -> Result<Self> {
        Self::start_with(&SETTINGS)
    }

    fn start_with(settings: &[&str]) -> Result<Self> {
        let binaries = find_binaries()?;
        let folder = tempfile::Builder::new()
            .prefix("sweep-pg-")
            .tempdir()
            .context("making a directory for PostgreSQL")?;
        let identity = unprivileged(folder.path())?;
        if let Some((user, group)) = identity {
            chown(folder.path(), Some(user), Some(group)).context("handing over the directory")?;
        }
        let socket = format!("unix_socket_directories={}", folder.path().display());
        let options: Vec<String> =
            settings.iter().copied().chain([&*socket]).map(|s| format!("-c {s}")).collect();
        let (databases_n, options) = (AtomicU32::new(0), options.join(" "));
        let server = Self { binaries, folder, databases_n, options, identity };
        server.run(
            "initdb",
            &[
                "--pgdata",
                &server.path("data"),
                "--username",
                USER,
                "--auth",
                "trust",
                "--encoding",
                "UTF8",
                "--locale",
                "C",
                "--no-sync",
            ],
        )?;
        server.begin()?;
        Ok(server)
    }

    fn begin(&self) -> Result<()> {
        self.run(
            "pg_ctl",
            &[
                "start",
                "--wait",
                "--silent",
                "--pgdata",
                &self.path("data"),
                "--log",
                &self.path("log"),
                "--options",
                &self.options,
            ],
        )
    }

    /// Ends the server at once, as a crash would, and starts it again at the same place over the same
    /// data. `meanwhile` is called while it is away.
    ///
    /// # Errors
    /// When the server does not end or start, and what `meanwhile` returns.
    pub fn restart(&self, meanwhile: impl FnOnce() -> Result<()>) -> Result<()> {
        let data = self.path("data");
        self.run("pg_ctl", &["stop", "--mode", "immediate", "--silent", "--pgdata", &data])?;
        meanwhile()?;
        self.begin()
    }

    /// Makes an empty database and returns its address.
    ///
    /// # Errors
    /// When the server refuses.
    pub fn create_database(&self) -> Result<String> {
        let name = format!("test_{}", self.databases_n.fetch_add(1, Ordering::Relaxed));
        let host = self.path("");
        self.run("createdb", &["--host", &host, "--username", USER, &name])?;
        Ok(format!("postgres://{USER}@localhost/{name}?host={host}"))
    }

    /// Dumps a database with `pg_dump`, restores the dump into a new one, and returns its address.
    ///
    /// # Errors
    /// When the server or one of its programs refuses.
    pub fn restore_from_dump(&self, database_url: &str) -> Result<String> {
        let copy = self.create_database()?;
        let file = self.path("dump");
        let of = |url: &str| url.replacen(&format!("{USER}@localhost"), &format!("{USER}@"), 1);
        self.run("pg_dump", &["--format=custom", "--file", &file, "--dbname", &of(database_url)])?;
        self.run("pg_restore", &["--exit-on-error", "--dbname", &of(&copy), &file])?;
        Ok(copy)
    }

    fn path(&self, name: &str) -> String {
        let path = self.folder.path().join(name);
        path.to_string_lossy().trim_end_matches('/').to_owned()
    }

    fn run(&self, program: &str, arguments: &[&str]) -> Result<()> {
        let mut command = Command::new(self.binaries.join(program));
        command.args(arguments).current_dir(self.folder.path()).stdin(Stdio::null());
        if let Some((user, group)) = self.identity {
            command.uid(user).gid(group);
        }
        let output = command.output().with_context(|| format!("running {program}"))?;
        if !output.status.success() {
            let log = std::fs::read_to_string(self.path("log")).unwrap_or_default();
            let errors = String::from_utf8_lossy(&output.stderr);
            bail!("{program} failed: {errors}{log}");
        }
        Ok(())
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        let stop = ["stop", "--mode", "immediate", "--silent", "--pgdata", &self.path("data")];
        // A server that did not come up cannot be stopped; there is nobody to tell.
        let _ = self.run("pg_ctl", &stop);
    }
}

/// The directory of `initdb`: on the PATH, or the newest of Debian's.
fn find_binaries() -> Result<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let on_path = std::env::split_paths(&path).filter_map(|folder| {
        // A link on the PATH leads to the folder that holds the other binaries too.
        let initdb = folder.join("initdb").canonicalize().ok()?;
        initdb.parent().map(Path::to_path_buf)
    });
    let mut debian: Vec<PathBuf> = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .filter_map(|version| Some(version.ok()?.path().join("bin")))
        .collect();
    debian.sort();
    let is_complete = |folder: &PathBuf| {
        ["initdb", "pg_ctl", "postgres", "createdb", "pg_dump", "pg_restore"]
            .iter()
            .all(|name| folder.join(name).is_file())
    };
    on_path.chain(debian.into_iter().rev()).find(is_complete).context(
        "PostgreSQL's server is not installed; this installs it: apt-get install -y postgresql",
    )
}

/// Who to run as: nobody else, or, because PostgreSQL refuses to run as root, the user `postgres`
/// or `nobody`.
fn unprivileged(own: &Path) -> Result<Option<(u32, u32)>> {
    if std::fs::metadata(own).context("reading the directory's owner")?.uid() != 0 {
        return Ok(None);
    }
    let users = std::fs::read_to_string("/etc/passwd").context("reading /etc/passwd")?;
    let identity = |name: &str| {
        let line = users.lines().find(|line| line.split(':').next() == Some(name))?;
        let mut fields = line.split(':').skip(2);
        Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
    };
    let found = identity("postgres").or_else(|| identity("nobody"));
    found.map(Some).context("PostgreSQL does not run as root, and there is no user `postgres`")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_serves_databases_and_leaves_nothing_behind() {
        let server = Postgres::start().unwrap();
        let first = server.create_database().unwrap();
        let second = server.create_database().unwrap();
        assert_ne!(first, second);
        assert!(first.contains(&server.path("")), "{first}");
        let folder = server.folder.path().to_path_buf();
        assert!(folder.join("data/postmaster.pid").is_file());
        drop(server);
        assert!(!folder.exists());
    }
}
