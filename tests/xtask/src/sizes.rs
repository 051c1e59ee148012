//! How large the house is: lines per crate, and the largest files.

use std::cmp::Reverse;
use std::fs;
use std::path::{Path, PathBuf};

use crate::cargo;

/// How many of the largest files are shown.
const LARGEST_N: usize = 10;

/// Prints both tables.
pub(crate) fn print() -> anyhow::Result<()> {
    let mut files = Vec::new();
    println!("\n{:>6} {:>6}  crate", "files", "lines");
    for package in cargo::workspace()?.packages {
        let mut lines = 0;
        let mut paths = Vec::new();
        for folder in source_folders(&package) {
            collect_rust(&folder, &mut paths)?;
        }
        for path in &paths {
            let count = fs::read_to_string(path)?.lines().count();
            lines += count;
            files.push((count, path.clone()));
        }
        println!("{:>6} {lines:>6}  {}", paths.len(), package.name);
    }
    files.sort_by_key(|(lines, path)| (Reverse(*lines), path.clone()));
    let root = cargo::root().canonicalize()?;
    println!("\n{:>6}  largest files", "lines");
    for (lines, path) in files.iter().take(LARGEST_N) {
        println!("{lines:>6}  {}", path.strip_prefix(&root)?.display());
    }
    Ok(())
}

/// The folders that hold the targets of a package; `build.rs` lies beside other packages.
fn source_folders(package: &cargo_metadata::Package) -> Vec<PathBuf> {
    let mut folders: Vec<PathBuf> = package
        .targets
        .iter()
        .filter(|target| !target.is_custom_build())
        .filter_map(|target| target.src_path.parent())
        .map(|folder| folder.as_std_path().to_owned())
        .collect();
    folders.sort();
    folders.dedup();
    folders
}

fn collect_rust(folder: &Path, paths: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect_rust(&path, paths)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            paths.push(path);
        }
    }
    Ok(())
}
