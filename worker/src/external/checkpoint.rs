//! Checkpoints that a command writes: a file or a folder, known by its hash.

use std::fs::{self, File};
use std::io;
use std::path::{Component, Path};

use sha2::{Digest as _, Sha256};

/// SHA-256 of a file, or of a folder's files by name in order, in hexadecimal.
pub(super) fn hash(path: &Path) -> io::Result<String> {
    let mut hasher = Sha256::new();
    add(&mut hasher, path)?;
    Ok(hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}

fn add(hasher: &mut Sha256, path: &Path) -> io::Result<()> {
    if !path.is_dir() {
        let length = io::copy(&mut File::open(path)?, hasher)?;
        hasher.update(length.to_le_bytes());
        return Ok(());
    }
    let mut names = Vec::new();
    for entry in fs::read_dir(path)? {
        names.push(entry?.file_name());
    }
    names.sort_unstable();
    for name in names {
        hasher.update(name.as_encoded_bytes());
        hasher.update([0]);
        add(hasher, &path.join(name))?;
    }
    Ok(())
}

/// Whether a name that a command gives stays within its folder.
pub(super) fn stays_within(name: &str) -> bool {
    let mut parts = Path::new(name).components().peekable();
    parts.peek().is_some() && parts.all(|part| matches!(part, Component::Normal(_)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_and_name_counts() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::create_dir(at("step")).unwrap();
        fs::write(at("step/a"), "one").unwrap();
        fs::write(at("step/b"), "two").unwrap();
        let whole = hash(&at("step")).unwrap();
        assert_eq!(hash(&at("step")).unwrap(), whole);
        fs::rename(at("step/b"), at("step/c")).unwrap();
        assert_ne!(hash(&at("step")).unwrap(), whole);
        fs::rename(at("step/c"), at("step/b")).unwrap();
        fs::write(at("step/a"), "onet").unwrap();
        fs::write(at("step/b"), "wo").unwrap();
        assert_ne!(hash(&at("step")).unwrap(), whole);
        assert_ne!(hash(&at("step/a")).unwrap(), hash(&at("step/b")).unwrap());
        assert!(hash(&at("gone")).is_err());
    }

    #[test]
    fn names_stay_in_the_folder() {
        for name in ["a", "a/b.json"] {
            assert!(stays_within(name), "{name}");
        }
        for name in ["", "/etc/passwd", "../a", "a/../../b", "."] {
            assert!(!stays_within(name), "{name}");
        }
    }
}
