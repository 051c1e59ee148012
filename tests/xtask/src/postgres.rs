//! The database server of the tests: its programs must be on this machine.
//!
//! Only the programs: tests start servers of their own in throw-away folders, so a cluster or a
//! service that comes with the package is neither used nor in the way.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};

/// What the tests call.
const PROGRAMS: [&str; 4] = ["initdb", "pg_ctl", "postgres", "createdb"];
const INSTALL: &str = "apt-get update && apt-get install --yes postgresql";

/// Finds the server's programs, or installs them where that takes no password.
pub(crate) fn ensure_installed() -> anyhow::Result<()> {
    if find().is_none() && may_install() {
        install()?;
    }
    let Some(folder) = find() else {
        bail!(
            "no PostgreSQL server on this machine ({} are neither on PATH nor under \
             /usr/lib/postgresql)\nhint: install it, on Debian with\n    \
             sudo sh -c '{INSTALL}'",
            PROGRAMS.join(", ")
        );
    };
    println!("PostgreSQL in {}", folder.display());
    Ok(())
}

/// The folder with the server's programs. Debian keeps them off PATH, one folder per version.
fn find() -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let debian = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path().join("bin")));
    env::split_paths(&path)
        .chain(debian)
        .find(|folder| PROGRAMS.iter().all(|program| folder.join(program).is_file()))
}

/// Root owns `/proc/self` of its own processes; anyone else would be asked for a password.
fn may_install() -> bool {
    let uid = fs::metadata("/proc/self").map(|process| {
        use std::os::unix::fs::MetadataExt as _;
        process.uid()
    });
    uid.is_ok_and(|uid| uid == 0) && Path::new("/usr/bin/apt-get").exists()
}

/// The exit code is not asked: it also tells whether the package's own service could start, which
/// fails in many containers and does not matter. What counts is whether the programs are there.
fn install() -> anyhow::Result<()> {
    println!("$ {INSTALL}");
    Command::new("sh")
        .args(["-c", INSTALL])
        .env("DEBIAN_FRONTEND", "noninteractive")
        .status()
        .context("could not start `apt-get`")?;
    Ok(())
}
