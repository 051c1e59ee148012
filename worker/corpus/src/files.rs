//! Text files and folders of the user's.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use crate::Error;
use crate::corpus::sha256;

/// A folder of at least this many files is one document per file; anything smaller is cut, or
/// there would be nothing to hold out.
const FILES_MIN: usize = 10;
/// A file is cut into about this many documents ...
const PIECES: usize = 200;
/// ... of no fewer bytes than this ...
const PIECE_MIN: usize = 1 << 10;
/// ... and aiming at no more than this, so that long books give more documents.
const PIECE_MAX: usize = 32 << 10;

/// The files at or below `root`, sorted by path; hidden ones and linked folders are left out.
pub(crate) fn walk(root: &Path) -> Result<Vec<PathBuf>, Error> {
    if !fs::metadata(root).map_err(Error::read(root))?.is_dir() {
        return Ok(vec![root.to_owned()]);
    }
    let mut files = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).map_err(Error::read(&folder))? {
            let entry = entry.map_err(Error::read(&folder))?;
            let path = entry.path();
            if entry.file_name().as_encoded_bytes().starts_with(b".") {
                continue;
            }
            let kind = entry.file_type().map_err(Error::read(&path))?;
            if kind.is_dir() {
                folders.push(path);
            } else if kind.is_file() || path.is_file() {
                files.push(path);
            }
        }
    }
    files.sort();
    Ok(files)
}

/// What changes when a file below `root` does, without reading any: paths, sizes, times.
pub(crate) fn stamp(root: &Path, files: &[PathBuf]) -> Result<String, Error> {
    let mut list = String::new();
    for file in files {
        let metadata = fs::metadata(file).map_err(Error::read(file))?;
        let modified = metadata.modified().map_err(Error::read(file))?;
        let nanoseconds = modified.duration_since(UNIX_EPOCH).map_or(0, |age| age.as_nanos());
        let path = file.strip_prefix(root).unwrap_or(file).display();
        list += &format!("{path}\t{}\t{nanoseconds}\n", metadata.len());
    }
    Ok(sha256(list.as_bytes()))
}

/// The documents of these files, in order; blank files are left out.
pub(crate) fn documents(files: &[PathBuf]) -> Result<Vec<String>, Error> {
    let mut documents = Vec::new();
    for file in files {
        let text = read_text(file)?;
        if text.trim().is_empty() {
            continue;
        }
        if files.len() < FILES_MIN {
            documents.extend(pieces(&text).map(str::to_owned));
        } else {
            documents.push(text);
        }
    }
    Ok(documents)
}

/// UTF-8 with LF line ends and no byte order mark, so that a checkout on any system hashes alike.
fn read_text(path: &Path) -> Result<String, Error> {
    let bytes = fs::read(path).map_err(Error::read(path))?;
    let text = String::from_utf8(bytes).map_err(|_| Error::NotText { path: path.to_owned() })?;
    Ok(text.trim_start_matches('\u{feff}').replace("\r\n", "\n"))
}

/// Cuts a text after blank lines; where there are none, after a line, a word, a character.
fn pieces(text: &str) -> impl Iterator<Item = &str> {
    let aim = (text.len() / PIECES).clamp(PIECE_MIN, PIECE_MAX);
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let piece;
        (piece, rest) = rest.split_at(cut(rest, aim));
        Some(piece)
    })
    .filter(|piece| !piece.trim().is_empty())
}

/// Where to end the first piece: at the best border between one and two times the aim.
fn cut(text: &str, aim: usize) -> usize {
    if text.len() < 2 * aim {
        return text.len();
    }
    let start = text.floor_char_boundary(aim);
    let window = &text[start..text.floor_char_boundary(2 * aim)];
    let border = ["\n\n", "\n", " "]
        .iter()
        .find_map(|border| window.find(border).map(|at| at + border.len()));
    start + border.unwrap_or(window.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_add_up_to_the_text_and_end_at_blank_lines() {
        let text = "One short paragraph of several words.\n\n".repeat(2_000);
        let cut: Vec<&str> = pieces(&text).collect();
        assert_eq!(cut.concat(), text);
        assert!(cut.iter().all(|piece| piece.ends_with("words.\n\n")));
        assert!(cut.len() > 50, "{} pieces", cut.len());
    }

    #[test]
    fn text_without_borders_is_cut_at_characters() {
        for unit in ["é", "one line of words ", "line\n"] {
            let text = unit.repeat(30_000);
            let cut: Vec<&str> = pieces(&text).collect();
            assert_eq!(cut.concat(), text);
            assert!(cut.len() > 10, "{} pieces", cut.len());
            let aim = (text.len() / PIECES).clamp(PIECE_MIN, PIECE_MAX);
            assert!(cut.iter().all(|piece| piece.len() <= 2 * aim));
        }
    }

    #[test]
    fn a_folder_is_read_sorted_and_without_hidden_files() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["b.txt", "a/z.txt", "a/y.txt", ".hidden", ".git/config"] {
            let path = dir.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, name).unwrap();
        }
        let files = walk(dir.path()).unwrap();
        let names: Vec<_> =
            files.iter().map(|file| file.strip_prefix(dir.path()).unwrap()).collect();
        assert_eq!(names, [Path::new("a/y.txt"), Path::new("a/z.txt"), Path::new("b.txt")]);
    }

    #[test]
    fn line_ends_and_byte_order_marks_do_not_matter_and_latin_1_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("text");
        fs::write(&path, "\u{feff}one\r\ntwo\r\n").unwrap();
        assert_eq!(read_text(&path).unwrap(), "one\ntwo\n");
        fs::write(&path, b"caf\xe9").unwrap();
        let error = read_text(&path).unwrap_err();
        assert!(matches!(&error, Error::NotText { path: named } if *named == path), "{error}");
        assert!(error.to_string().contains(path.to_str().unwrap()));
    }
}
