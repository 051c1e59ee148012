//! Which crates `docs` is read from.

use std::collections::{BTreeSet, HashMap, HashSet};

use serde_json::Value;

/// The targets to run `cargo metadata --filter-platform` for: the machines people train on.
pub const TARGETS: [&str; 3] =
    ["x86_64-unknown-linux-gnu", "aarch64-unknown-linux-gnu", "aarch64-apple-darwin"];

/// The package whose dependencies are read.
pub const PACKAGE: &str = "sweepctl";

/// The text of `docs-crates.txt`: every registry package that [`PACKAGE`] needs in order to be
/// built on each of the targets, as sorted lines `name version`.
///
/// Each value is the output of `cargo metadata --format-version 1 --filter-platform TARGET`. Normal
/// and build dependencies are followed, development dependencies are not. Cargo's resolve graph
/// also holds optional packages that a weak feature (`name?/feature`) merely mentions and that are
/// never built; an edge is followed only if the dependency is required or a feature turns it on.
#[must_use]
pub fn crate_list(metadata_json: &[Value]) -> String {
    let mut common: Option<BTreeSet<(&str, &str)>> = None;
    for metadata in metadata_json {
        let crates = built_crates(metadata);
        common = Some(match common {
            None => crates,
            Some(common) => common.intersection(&crates).copied().collect(),
        });
    }
    let lines = common.unwrap_or_default();
    lines.into_iter().map(|(name, version)| format!("{name} {version}\n")).collect()
}

/// Name and version of the registry packages in the closure of [`PACKAGE`].
fn built_crates(metadata: &Value) -> BTreeSet<(&str, &str)> {
    let packages = by_id(&metadata["packages"]);
    let nodes = by_id(&metadata["resolve"]["nodes"]);
    let mut to_visit: Vec<&str> = packages
        .iter()
        .filter(|(_, package)| package["name"] == PACKAGE && package["source"].is_null())
        .map(|(id, _)| *id)
        .collect();
    let mut visited = HashSet::new();
    let mut crates = BTreeSet::new();
    while let Some(id) = to_visit.pop() {
        let (Some(package), Some(node)) = (packages.get(id), nodes.get(id)) else {
            continue;
        };
        if !visited.insert(id) {
            continue;
        }
        if text(&package["source"]).starts_with("registry+") {
            crates.insert((text(&package["name"]), text(&package["version"])));
        }
        let enabled = enabled_dependencies(package, node);
        to_visit.extend(list(&node["deps"]).iter().filter(|dep| is_built(dep)).filter_map(|dep| {
            let id = text(&dep["pkg"]);
            enabled.contains(text(&packages.get(id)?["name"])).then_some(id)
        }));
    }
    crates
}

/// Whether a dependency is used by more than tests.
fn is_built(dep: &Value) -> bool {
    list(&dep["dep_kinds"]).iter().any(|kind| kind["kind"].is_null() || kind["kind"] == "build")
}

/// Names of the packages that are required or turned on by one of the node's features.
fn enabled_dependencies<'a>(package: &'a Value, node: &'a Value) -> HashSet<&'a str> {
    let mut on: HashSet<&str> = HashSet::new();
    for feature in list(&node["features"]).iter().map(text) {
        // A feature may be the implicit one of an optional dependency.
        on.insert(feature);
        for item in list(&package["features"][feature]).iter().map(text) {
            let item = item.strip_prefix("dep:").unwrap_or(item);
            match item.split_once('/') {
                Some((name, _)) if name.ends_with('?') => {}
                Some((name, _)) => drop(on.insert(name)),
                None => drop(on.insert(item)),
            }
        }
    }
    list(&package["dependencies"])
        .iter()
        .filter(|dependency| {
            let alias = ["rename", "name"].iter().find_map(|key| dependency[key].as_str());
            let is_on = dependency["optional"] != true || alias.is_some_and(|it| on.contains(it));
            dependency["kind"] != "dev" && is_on
        })
        .map(|dependency| text(&dependency["name"]))
        .collect()
}

fn by_id(values: &Value) -> HashMap<&str, &Value> {
    list(values).iter().map(|value| (text(&value["id"]), value)).collect()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const REGISTRY: &str = "registry+https://github.com/rust-lang/crates.io-index";

    /// A workspace: `sweepctl` needs `a` and, to build, `b`; `a` needs the platform's crate, has
    /// the optional `weak` that a weak feature mentions (and that its own tests need) and the
    /// optional `renamed` that a feature turns on.
    fn metadata(platform: &str) -> Value {
        let package = |name: &str, features: Value, dependencies: &[Value]| {
            json!({"id": name, "name": name, "version": "1.0.0", "source": REGISTRY,
                   "features": features, "dependencies": dependencies})
        };
        let needs = |name: &str| json!({"name": name, "optional": false});
        let tests_need = |name: &str| json!({"name": name, "optional": false, "kind": "dev"});
        let may_need = |name: &str, rename: Option<&str>| -> Value {
            json!({"name": name, "optional": true, "rename": rename})
        };
        let edge = |name: &str, kind: Option<&str>| -> Value {
            json!({"pkg": name, "dep_kinds": [{"kind": kind, "target": null}]})
        };
        let mut root =
            package("sweepctl", json!({}), &[needs("a"), needs("b"), tests_need("test")]);
        root["source"] = Value::Null;
        let a_needs = [
            needs(platform),
            may_need("weak", None),
            tests_need("weak"),
            may_need("renamed", Some("alias")),
        ];
        let a_features = json!({"default": ["weak?/std", "dep:alias"], "alias": ["dep:alias"]});
        let leaf = |name: &str| package(name, json!({}), &[]);
        json!({
            "packages": [
                root, package("a", a_features, &a_needs), leaf("b"), leaf("test"), leaf("weak"),
                leaf("renamed"), leaf(platform), leaf("elsewhere"),
            ],
            "resolve": {"nodes": [
                {"id": "sweepctl", "features": [], "deps": [
                    edge("a", None), edge("b", Some("build")), edge("test", Some("dev"))]},
                {"id": "a", "features": ["default"], "deps": [
                    edge(platform, None), edge("weak", None), edge("renamed", None)]},
                {"id": "b"}, {"id": "test"}, {"id": "weak"}, {"id": "renamed"}, {"id": platform},
                {"id": "elsewhere"},
            ]},
        })
    }

    #[test]
    fn only_what_is_built_is_listed() {
        assert_eq!(
            crate_list(&[metadata("unix")]),
            "a 1.0.0\nb 1.0.0\nrenamed 1.0.0\nunix 1.0.0\n"
        );
    }

    #[test]
    fn only_what_is_built_everywhere_is_listed() {
        let list = crate_list(&[metadata("unix"), metadata("windows")]);
        assert_eq!(list, "a 1.0.0\nb 1.0.0\nrenamed 1.0.0\n");
        assert_eq!(crate_list(&[]), "");
    }

    #[test]
    fn the_committed_list_is_sorted_and_well_formed() {
        let lines: Vec<&str> = super::super::CRATES.lines().collect();
        assert!(lines.len() > 300, "{} crates", lines.len());
        let pairs: Vec<_> = lines.iter().map(|line| line.split_once(' ').unwrap()).collect();
        assert!(pairs.is_sorted());
        assert!(pairs.iter().any(|(name, _)| *name == "tokio"));
        assert!(pairs.iter().all(|(name, _)| !name.starts_with("windows")));
    }
}
