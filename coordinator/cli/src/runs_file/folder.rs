//! A folder of runs that another tool tracked: W&B's own, or logs of TensorBoard.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::table::Table;
use super::{Cells, tensorboard, wandb};
use crate::failure::Failure;

/// What a tracker knows of one run, by name.
pub(super) type Tracked = Vec<(String, String)>;

/// How deep below the folder runs are looked for.
const DEPTH_MAX: usize = 8;

/// All runs below a folder, in the order of their paths.
pub(super) fn read(folder: &Path) -> Result<Cells, Failure> {
    let mut files = Vec::new();
    walk(folder, 0, &mut files)?;
    files.sort();
    let mut runs: Vec<Tracked> = Vec::new();
    let mut events: BTreeMap<PathBuf, Vec<PathBuf>> = BTreeMap::new();
    for file in files {
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        if name.ends_with(".wandb") {
            runs.push(wandb::read(&file, &bytes(&file)?)?);
        } else if name.contains("tfevents") {
            let run = file.parent().unwrap_or(folder).to_owned();
            events.entry(run).or_default().push(file);
        }
    }
    runs.extend(tensorboard_runs(folder, events)?);
    if runs.is_empty() {
        return Err(Failure::refused(format!("{} holds no runs", folder.display()))
            .with_cause("no file below it is of TensorBoard (`*tfevents*`) or of W&B (`*.wandb`)")
            .with_hint("name a file of runs, or the folder that a tracker writes to"));
    }
    let mut table = Table::default();
    for (run, number) in runs.into_iter().zip(1..) {
        table.push(number, run);
    }
    Ok(table.cells())
}

/// A table of one run.
pub(super) fn one(run: Tracked) -> Cells {
    let mut table = Table::default();
    table.push(1, run);
    table.cells()
}

/// Links are not followed: W&B's `latest-run` is a run that stands beside it.
fn walk(folder: &Path, depth: usize, files: &mut Vec<PathBuf>) -> Result<(), Failure> {
    let unreadable = |error: std::io::Error| {
        Failure::refused(format!("{} cannot be read", folder.display()))
            .with_cause(error.to_string())
    };
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        let kind = entry.file_type().map_err(unreadable)?;
        if kind.is_file() {
            files.push(entry.path());
        } else if kind.is_dir() && depth < DEPTH_MAX {
            walk(&entry.path(), depth + 1, files)?;
        }
    }
    Ok(())
}

/// One run for each folder with event files. A folder that has only hyper-parameters belongs to the
/// folder above it: that is how they are written beside a run.
fn tensorboard_runs(
    folder: &Path,
    events: BTreeMap<PathBuf, Vec<PathBuf>>,
) -> Result<Vec<Tracked>, Failure> {
    let mut runs: BTreeMap<PathBuf, tensorboard::Run> = BTreeMap::new();
    for (place, files) in events {
        let mut run = tensorboard::Run::default();
        for file in files {
            run.add(&file, &bytes(&file)?)?;
        }
        let above = place.parent().and_then(|above| runs.get_mut(above));
        match above {
            Some(above) if run.is_session() => above.merge(run),
            _ => {
                runs.insert(place, run);
            }
        }
    }
    let named = runs.into_iter().map(|(place, run)| {
        let name = place.strip_prefix(folder).unwrap_or(&place).to_string_lossy().into_owned();
        let own = || folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        run.tracked(if name.is_empty() { own() } else { name })
    });
    Ok(named.collect())
}

fn bytes(file: &Path) -> Result<Vec<u8>, Failure> {
    std::fs::read(file).map_err(|error| {
        Failure::refused(format!("{} cannot be read", file.display())).with_cause(error.to_string())
    })
}
