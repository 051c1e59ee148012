//! Which dependencies may be shipped: by licence, and by name.

use std::collections::BTreeMap;

use anyhow::{Context, ensure};
use cargo_metadata::{Metadata, Package};
use sweep_corpus::docs;

use crate::cargo;

/// Licences that let the program be shipped under Apache-2.0 as one binary.
const ALLOWED: [&str; 13] = [
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "CC0-1.0",
    "CDLA-Permissive-2.0",
    "ISC",
    "MIT",
    "MIT-0",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
];

/// Crates that must not come in, not even through another.
const BANNED: [(&str, &str); 3] = [
    ("openssl-sys", "needs OpenSSL on the builder's machine; take rustls"),
    ("native-tls", "differs between platforms and needs OpenSSL on Linux; take rustls"),
    ("aws-lc-rs", "builds with cmake and assembler; take rustls with ring"),
];

/// Looks at everything that any of our platforms would compile, with all features.
pub(crate) fn check() -> anyhow::Result<()> {
    let mut packages = BTreeMap::new();
    for target in docs::TARGETS {
        let metadata = cargo::dependencies(target, &["--all-features"])?;
        let metadata: Metadata = serde_json::from_value(metadata)
            .context("`cargo metadata` printed a form of JSON we do not know")?;
        for package in metadata.packages {
            packages.insert(package.id.clone(), package);
        }
    }
    let foreign = || packages.values().filter(|package| package.source.is_some());
    let refused: Vec<String> = foreign().filter_map(objection).collect();
    ensure!(
        refused.is_empty(),
        "{}\nhint: `cargo tree --invert NAME` says who brings it in",
        refused.join("\n")
    );
    println!("{} dependencies, all may be shipped", foreign().count());
    Ok(())
}

fn objection(package: &Package) -> Option<String> {
    let name = package.name.as_str();
    if let Some((_, reason)) = BANNED.iter().find(|(banned, _)| *banned == name) {
        return Some(format!("{name} is banned: {reason}"));
    }
    let licence = package.license.as_deref().unwrap_or("none stated");
    (!allowed(licence)).then(|| format!("{name}: licence `{licence}` is not on the list"))
}

/// Whether an SPDX expression can be met with licences of the list.
fn allowed(expression: &str) -> bool {
    // Until 2018 manifests wrote `MIT/Apache-2.0` for a choice.
    let spaced = expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut rest = words.as_slice();
    any_of(&mut rest) == Some(true) && rest.is_empty()
}

/// `AND` binds tighter than `OR`. `None`: not an expression.
fn any_of(words: &mut &[&str]) -> Option<bool> {
    let mut met = all_of(words)?;
    while next_is(words, "OR") {
        met |= all_of(words)?;
    }
    Some(met)
}

fn all_of(words: &mut &[&str]) -> Option<bool> {
    let mut met = one(words)?;
    while next_is(words, "AND") {
        met &= one(words)?;
    }
    Some(met)
}

fn one(words: &mut &[&str]) -> Option<bool> {
    if next_is(words, "(") {
        let met = any_of(words)?;
        return next_is(words, ")").then_some(met);
    }
    let mut licence = String::from(take(words)?);
    if next_is(words, "WITH") {
        licence = format!("{licence} WITH {}", take(words)?);
    }
    Some(ALLOWED.contains(&licence.as_str()))
}

fn take<'a>(words: &mut &[&'a str]) -> Option<&'a str> {
    words.split_off_first().copied()
}

fn next_is(words: &mut &[&str], word: &str) -> bool {
    let found = words.first() == Some(&word);
    if found {
        take(words);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::allowed;

    #[test]
    fn a_choice_needs_one_and_a_sum_needs_all() {
        let yes = [
            "MIT",
            "MIT/Apache-2.0",
            "LGPL-2.1-or-later OR MIT",
            "(MIT OR GPL-3.0) AND Unicode-3.0",
            "GPL-3.0 AND BSL-1.0 OR MIT",
            "Apache-2.0 WITH LLVM-exception OR GPL-2.0",
        ];
        for expression in yes {
            assert!(allowed(expression), "{expression}");
        }
        let no = [
            "",
            "GPL-3.0",
            "MIT AND GPL-3.0",
            "MIT OR",
            "(MIT",
            "MIT GPL-3.0",
            "MIT WITH LLVM-exception",
            "GPL-3.0 AND (MIT OR ISC)",
            "none stated",
        ];
        for expression in no {
            assert!(!allowed(expression), "{expression}");
        }
    }
}
