//! The cases as tests. Without the published rows they say so and check nothing.

use std::path::{Path, PathBuf};

use law_engine::catalogue::Data;

use super::check::{Check, Trouble, figure};
use super::rows::Folder;
use super::{CASES, chinchilla};

/// Beside the checkout, or where `SWEEP_PUBLISHED_DATA` says.
fn folder() -> Folder {
    let named = std::env::var_os("SWEEP_PUBLISHED_DATA").map(PathBuf::from);
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data");
    Folder(named.unwrap_or_else(beside))
}

#[expect(clippy::print_stderr, reason = "a check that is skipped says so")]
fn skip(path: &Path) {
    eprintln!("SKIPPED: no published data at {}", path.display());
}

/// The 240 runs of Chinchilla's replication; None, with a word about it, where they are not.
pub(crate) fn chinchilla_runs() -> Option<Data> {
    match chinchilla::data(&folder()) {
        Ok(data) => Some(data),
        Err(Trouble::Missing(path)) => {
            skip(&path);
            None
        }
        Err(Trouble::Bad(why)) => panic!("{why}"),
    }
}

fn check(name: &str) {
    let case = CASES.iter().find(|case| case.name == name).expect("a case of that name");
    let checks = match (case.run)(&folder()) {
        Ok(checks) => checks,
        Err(Trouble::Missing(path)) => return skip(&path),
        Err(Trouble::Bad(why)) => panic!("{}: {why}", case.title),
    };
    assert!(!checks.is_empty());
    let missed = |check: &&Check| !check.is_met();
    let words = |check: &Check| {
        let (ours, bound) = check.words();
        format!("{}: {ours}, published {} {bound}", check.what, figure(check.published))
    };
    let missed: Vec<String> = checks.iter().filter(missed).map(words).collect();
    assert!(missed.is_empty(), "{} ({}): {missed:#?}", case.title, case.source);
}

macro_rules! cases {
    ($($test:ident: $name:literal,)*) => {
        $(#[test] fn $test() { check($name); })*

        const TESTED: &[&str] = &[$($name),*];
    };
}

cases! {
    languini_steps: "languini-steps",
    chinchilla_optimum: "chinchilla-optimum",
    chinchilla_outliers: "chinchilla-outliers",
    chinchilla_least_squares: "chinchilla-least-squares",
    gadre_forecasts: "gadre-forecasts",
    gadre_corpora: "gadre-corpora",
    clark_routers: "clark-routers",
    parscale_streams: "parscale",
    multi_power_law: "multi-power-law",
    lr_annealing: "lr-annealing",
    bnsl_addition: "bnsl-addition",
    ladder_forecasts: "ladder-forecasts",
}

#[test]
fn every_case_is_a_test() {
    assert!(CASES.iter().map(|case| case.name).eq(TESTED.iter().copied()));
}

#[test]
fn checks_can_be_missed() {
    assert!(Check::within("", 1.0, 1.1, 0.11).is_met());
    assert!(!Check::within("", 1.0, 1.1, 0.09).is_met());
    assert!(!Check::relative("", 200.0, 210.0, 0.04).is_met());
    assert!(!Check::at_most("", 1.0, 1.01, 0.0).is_met());
    assert!(!Check::covers("", 1.0, (1.1, 2.0)).is_met());
    assert!(!Check::within("", 1.0, f64::NAN, 1.0).is_met());
}

#[test]
fn figures_are_short() {
    let found = [0.0, 240.0, 1.018_274_017_8e-3, 0.1 + 0.2, 4.2e-5, 94_781.0, 1e21].map(figure);
    assert_eq!(found, ["0", "240", "0.00101827402", "0.3", "4.2e-5", "94781", "1e21"]);
}
