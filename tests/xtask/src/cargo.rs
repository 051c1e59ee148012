//! Calls of cargo: cargo itself, and what it knows of the workspace.

use std::env;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail, ensure};
use cargo_metadata::{Metadata, MetadataCommand};
use serde_json::Value;

/// The root of the workspace.
pub(crate) fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

/// Runs cargo; its output is the user's to see.
pub(crate) fn run(args: &[&str]) -> anyhow::Result<()> {
    run_with::<&str>(args, &[])
}

/// Like [`run`], with more environment variables.
pub(crate) fn run_with<V: AsRef<OsStr>>(
    args: &[&str],
    variables: &[(&str, V)],
) -> anyhow::Result<()> {
    let line = format!("cargo {}", args.join(" "));
    println!("$ {line}");
    let status = command()
        .args(args)
        .envs(variables.iter().map(|(name, value)| (name, value)))
        .status()
        .with_context(|| format!("could not start `{line}`"))?;
    ensure!(status.success(), "`{line}` failed with {status}");
    Ok(())
}

/// Whether `cargo NAME` is installed.
pub(crate) fn has(name: &str) -> bool {
    command().args([name, "--version"]).output().is_ok_and(|output| output.status.success())
}

/// The members of the workspace and where cargo builds.
pub(crate) fn workspace() -> anyhow::Result<Metadata> {
    let metadata = MetadataCommand::new().current_dir(root()).no_deps().exec()?;
    Ok(metadata)
}

/// The debug build of a binary of the workspace.
pub(crate) fn binary(name: &str) -> anyhow::Result<PathBuf> {
    let path = workspace()?.target_directory.join("debug").join(name);
    let path = path.into_std_path_buf();
    ensure!(path.exists(), "no binary at `{}`", path.display());
    Ok(path)
}

/// `cargo metadata` with all dependencies that `target` would build, as it was printed.
pub(crate) fn dependencies(target: &str, more: &[&str]) -> anyhow::Result<Value> {
    let output = command()
        .args(["metadata", "--format-version", "1", "--locked"])
        .args(["--filter-platform", target])
        .args(more)
        .output()
        .context("could not start `cargo metadata`")?;
    if !output.status.success() {
        bail!(
            "`cargo metadata --locked` failed: {}",
            String::from_utf8_lossy(&output.stderr).trim()
        );
    }
    serde_json::from_slice(&output.stdout).context("`cargo metadata` did not print JSON")
}

/// Cargo at the root of the workspace, as if called from a shell.
///
/// `cargo xtask` is `cargo run`, which describes this package to us in the environment. Passed on,
/// that would make build scripts that watch those variables believe something changed, and every
/// other call of cargo would build their crates again.
fn command() -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root());
    for (name, _) in env::vars_os() {
        let about_us = name.to_str().is_some_and(|name| {
            name.starts_with("CARGO_PKG_")
                || name.starts_with("CARGO_MANIFEST_")
                || name.starts_with("CARGO_BIN_")
        });
        if about_us {
            command.env_remove(name);
        }
    }
    if env::var_os("CI").is_some_and(|value| value == "true") {
        // A machine that builds once pays for incremental compilation and gets nothing back.
        command.env("CARGO_INCREMENTAL", "0");
    }
    command
}
