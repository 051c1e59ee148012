//! The feature `cuda`: compiled where a toolkit is there. No GPU is needed for that.

use std::env;
use std::path::{Path, PathBuf};

use crate::cargo;

/// What the kernels are compiled for where no GPU tells: Hopper.
const COMPUTE_CAP: &str = "90";

/// Type-checks the trainer with its GPU path, kernels included, or says why not.
pub(crate) fn check() -> anyhow::Result<()> {
    let Some(toolkit) = toolkit() else {
        println!(
            "SKIPPED: no CUDA toolkit (no bin/nvcc in CUDA_HOME, none on PATH), so the feature \
             `cuda` is not compiled"
        );
        return Ok(());
    };
    println!("CUDA toolkit in {}", toolkit.display());
    let path = env::var_os("PATH").unwrap_or_default();
    let path = env::join_paths([toolkit.join("bin")].into_iter().chain(env::split_paths(&path)))?;
    let cap = env::var("CUDA_COMPUTE_CAP").unwrap_or_else(|_| COMPUTE_CAP.to_owned());
    let variables = [
        ("CUDA_HOME", toolkit.as_os_str()),
        ("PATH", path.as_os_str()),
        ("CUDA_COMPUTE_CAP", cap.as_ref()),
    ];
    cargo::run_with(&["check", "--workspace", "--features", "sweep-trainer/cuda"], &variables)
}

/// The folder above `bin/nvcc`.
fn toolkit() -> Option<PathBuf> {
    let named = env::var_os("CUDA_HOME").map(PathBuf::from);
    let path = env::var_os("PATH").unwrap_or_default();
    let on_path = env::split_paths(&path).filter(|folder| folder.ends_with("bin"));
    let mut homes =
        named.into_iter().chain(on_path.filter_map(|bin| bin.parent().map(Path::to_owned)));
    homes.find(|home| home.join("bin/nvcc").is_file())
}
