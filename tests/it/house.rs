//! The rules of the house, checked: who imports whom, and what source files look like.
//!
//! `ARCHITECTURE.md` explains them. A failure says which rule, where, and what to do.

mod table;

use std::fs;
use std::path::{Path, PathBuf};

use cargo_metadata::{Dependency, DependencyKind, Metadata, MetadataCommand, Package};
use table::{DOORS, Imports, ROOMS, UNSEEN};

/// The most lines a Rust file may have.
const FILE_LINES_MAX: usize = 500;

fn root() -> PathBuf {
    let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
    root.canonicalize().expect("the sources are where they were compiled")
}

/// The members of the workspace; what they depend on is named, not resolved.
fn workspace() -> Metadata {
    let mut command = MetadataCommand::new();
    command.current_dir(root()).no_deps().exec().expect("cargo made these tests")
}

/// Panics with all violations at once.
fn assert_kept(rule: &str, violations: &[String]) {
    assert!(violations.is_empty(), "house rule broken: {rule}\n  {}", violations.join("\n  "));
}

/// What ends up in the program; development dependencies do not.
fn shipped(package: &Package) -> impl Iterator<Item = &Dependency> {
    let dependencies = package.dependencies.iter();
    dependencies.filter(|dependency| dependency.kind != DependencyKind::Development)
}

#[test]
fn crates_import_only_what_the_plan_allows() {
    let workspace = workspace();
    let ours: Vec<&str> = workspace.packages.iter().map(|p| p.name.as_str()).collect();
    let mut violations = Vec::new();
    for package in &workspace.packages {
        let name = package.name.as_str();
        let Some(room) = ROOMS.iter().find(|room| room.name == name) else {
            violations.push(format!(
                "`{name}` is not on the plan; add it to tests/it/house/table.rs and ARCHITECTURE.md"
            ));
            continue;
        };
        let Imports::Only(allowed) = room.imports else {
            continue;
        };
        for dependency in shipped(package) {
            let imported = dependency.name.as_str();
            if ours.contains(&imported) && !allowed.contains(&imported) {
                violations.push(format!(
                    "`{name}` imports `{imported}`; move what it needs to sweep-core, or tie the \
                     two together in the coordinator"
                ));
            }
        }
    }
    for room in ROOMS.iter().filter(|room| !ours.contains(&room.name)) {
        violations.push(format!("`{}` is on the plan but is not a crate; remove it", room.name));
    }
    assert_kept("crates import only what the plan allows", &violations);
}

#[test]
fn each_library_has_its_owners() {
    let mut violations = Vec::new();
    for package in workspace().packages {
        let name = package.name.as_str();
        for dependency in shipped(&package) {
            let library = dependency.name.as_str();
            let Some(door) = DOORS.iter().find(|door| door.libraries.contains(&library)) else {
                continue;
            };
            if !door.owners.contains(&name) {
                violations.push(format!(
                    "`{name}` imports `{library}`, which belongs to {:?}: {}",
                    door.owners, door.why
                ));
            }
        }
    }
    assert_kept("each library has its owners", &violations);
}

/// Only tests ask for it, so that whoever builds the program alone builds it without.
#[test]
fn faults_do_not_ship() {
    let mut violations = Vec::new();
    for package in workspace().packages {
        let name = package.name.as_str();
        let asks = |features: &[String]| features.iter().any(|feature| feature.contains("faults"));
        let by_default = package.features.get("default").is_some_and(|features| asks(features));
        if by_default || shipped(&package).any(|dependency| asks(&dependency.features)) {
            violations
                .push(format!("`{name}` turns `faults` on; only development dependencies may"));
        }
    }
    assert_kept("faults do not ship", &violations);
}

#[test]
fn dependencies_are_used() {
    let mut violations = Vec::new();
    for package in workspace().packages {
        for dependency in &package.dependencies {
            let unseen = UNSEEN.iter().find(|unseen| {
                unseen.package == package.name.as_str() && unseen.dependency == dependency.name
            });
            match (unseen, is_named(&package, dependency)) {
                (None, false) => violations.push(format!(
                    "`{}` does not use its dependency `{}`; remove it",
                    package.name, dependency.name
                )),
                (Some(unseen), true) => violations.push(format!(
                    "`{}` names `{}` after all; strike it from UNSEEN (\"{}\")",
                    package.name, dependency.name, unseen.why
                )),
                _ => {}
            }
        }
    }
    assert_kept("dependencies are used", &violations);
}

/// Whether a source file that the dependency is for names it.
fn is_named(package: &Package, dependency: &Dependency) -> bool {
    let name = dependency.rename.as_ref().unwrap_or(&dependency.name);
    let name = name.replace('-', "_");
    let targets = package.targets.iter().filter(|target| {
        let is_build_script = target.is_custom_build();
        is_build_script == (dependency.kind == DependencyKind::Build)
    });
    targets.into_iter().any(|target| {
        let file = target.src_path.as_std_path();
        let files = match file.parent() {
            Some(folder) if !target.is_custom_build() => files_under(folder),
            _ => vec![file.to_owned()],
        };
        let mut sources = files.iter().filter(|path| is_rust(path));
        sources.any(|path| has_word(&fs::read_to_string(path).expect("Rust is UTF-8"), &name))
    })
}

fn has_word(text: &str, word: &str) -> bool {
    text.split(|c: char| !c.is_alphanumeric() && c != '_').any(|found| found == word)
}

#[test]
fn crates_open_with_what_they_are() {
    let mut violations = Vec::new();
    for package in workspace().packages {
        for target in &package.targets {
            let text = fs::read_to_string(&target.src_path).unwrap();
            if (target.is_lib() || target.is_bin()) && !text.starts_with("//! ") {
                violations.push(format!(
                    "{} does not begin with `//! `; say what the crate is, what it deliberately \
                     does not know, and what to read first",
                    target.src_path
                ));
            }
        }
    }
    assert_kept("crates open with what they are", &violations);
}

#[test]
fn crates_inherit_the_lints_of_the_workspace() {
    let mut violations = Vec::new();
    for package in workspace().packages {
        let manifest = fs::read_to_string(&package.manifest_path).unwrap();
        if manifest.contains("[lints]\nworkspace = true\n") {
            continue;
        }
        // Cargo knows no "inherit, but": the crate with vector instructions repeats the list.
        if package.name.as_str() != "sweep-kernels" {
            violations.push(format!(
                "{} lacks `[lints]` with `workspace = true`; add it",
                package.manifest_path
            ));
            continue;
        }
        for line in lints(&fs::read_to_string(root().join("Cargo.toml")).unwrap()) {
            if !line.starts_with("unsafe_code") && !manifest.contains(line) {
                violations.push(format!(
                    "{} lacks the lint `{line}` of the workspace; add it",
                    package.manifest_path
                ));
            }
        }
    }
    assert_kept("crates inherit the lints of the workspace", &violations);
}

/// The lines of the lint tables in the root manifest.
fn lints(manifest: &str) -> impl Iterator<Item = &str> {
    let tables = manifest.split("\n[").filter(|t| t.starts_with("workspace.lints."));
    tables.flat_map(|table| table.lines().skip(1).filter(|line| line.contains('=')))
}

#[test]
fn files_are_short() {
    let mut violations = Vec::new();
    for (path, text) in texts().filter(|(path, _)| is_rust(path)) {
        let lines_n = text.lines().count();
        if lines_n > FILE_LINES_MAX {
            violations.push(format!(
                "{} has {lines_n} lines, the most is {FILE_LINES_MAX}; split it by purpose",
                path.display()
            ));
        }
    }
    assert_kept("files are short", &violations);
}

#[test]
fn files_hold_nothing_unfinished_and_nothing_of_one_machine() {
    // Written in two parts, so that this file does not hold them either.
    let later = "do it now or open an issue";
    let machine = "a path of one machine; use a relative or a temporary one";
    let everywhere = [
        (concat!("TO", "DO"), later),
        (concat!("FIX", "ME"), later),
        (concat!("/ro", "ot/"), machine),
        (concat!("/wo", "rk/"), machine),
    ];
    let in_rust = [(concat!("#[ig", "nore"), "assert what happens today instead")];
    // Of tests, only functions marked as such may unwrap without saying so.
    let in_what_ships = [("clippy::unwrap_used", "return the error, or `expect` with a reason")];
    let mut violations = Vec::new();
    for (path, text) in texts() {
        let in_rust = in_rust.iter().filter(|_| is_rust(&path));
        let in_what_ships = in_what_ships.iter().filter(|_| is_rust(&path) && ships(&path));
        let words = everywhere.iter().chain(in_rust).chain(in_what_ships);
        for (word, advice) in words {
            for (index, _) in text.lines().enumerate().filter(|(_, l)| l.contains(word)) {
                let line = index + 1;
                violations.push(format!("{}:{line}: `{word}`; {advice}", path.display()));
            }
        }
    }
    assert_kept("nothing unfinished, nothing of one machine", &violations);
}

/// Every text file of the repository, by its path from the root. What is not UTF-8 is no text.
fn texts() -> impl Iterator<Item = (PathBuf, String)> {
    let root = root();
    files_under(&root).into_iter().filter_map(move |path| {
        let text = fs::read_to_string(&path).ok()?;
        let inside = path.strip_prefix(&root).ok()?.to_owned();
        Some((inside, text))
    })
}

/// The files of a folder and those below, without what is built, downloaded or hidden.
fn files_under(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder of the repository") {
        let path = entry.expect("a file of the repository").path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let ours = [".ci", ".cargo", ".config", ".gitignore"].contains(&name.as_ref());
        if name == "target" || (name.starts_with('.') && !ours) {
            continue;
        }
        if path.is_dir() {
            files.extend(files_under(&path));
        } else {
            files.push(path);
        }
    }
    files
}

fn is_rust(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "rs")
}

fn ships(path: &Path) -> bool {
    !path.iter().any(|folder| folder == "tests" || folder == "benches")
}
