//! The cases as tests. Without the published rows they say so and check nothing.

use std::path::Path;

use super::check::{Check, Trouble, figure};
use super::robust::{Robust, TRIALS};
use super::rows::{FOLDER, Folder};
use super::{CASES, NOT_REPRODUCIBLE};

/// Numbers of the acceptance list: 1 to this one.
const LAST_NUMBER: u32 = 19;

fn check(name: &str) {
    let case = CASES.iter().find(|case| case.name == name).expect("a case of that name");
    let findings = match (case.run)(&Folder::at_hand()) {
        Ok(findings) => findings,
        Err(Trouble::Missing(path)) => {
            let place = path.display();
            assert!(
                !Folder::is_named(),
                "{FOLDER} is set, and there is no published data at {place}"
            );
            eprintln!("SKIPPED: no published data at {place}");
            return;
        }
        Err(Trouble::Bad(why)) => panic!("{}: {why}", case.title),
    };
    let (document, place) = document();
    assert!(document.contains(case.title), "{place} lacks the case {name}; write it again");
    assert!(findings.checks().next().is_some());
    let words = |check: &Check| {
        let (ours, bound) = check.words();
        let published = figure(check.published);
        let said = check.miss.map_or(String::new(), |miss| {
            format!(", known to be off by {} because {}", miss.today, miss.why)
        });
        format!("{}: {ours}, published {published} {bound}{said}", check.what)
    };
    let wrong: Vec<String> =
        findings.checks().filter(|check| !check.is_as_said()).map(words).collect();
    assert!(wrong.is_empty(), "{} ({}): {wrong:#?}", case.title, case.source);
    for check in &findings.figures {
        let row = format!("| {} |", check.what);
        assert!(document.contains(&row), "{place} lacks {:?}; write it again", check.what);
    }
    for Robust { fit, checks } in &findings.fits {
        assert!(document.contains(&format!("| {fit} |")), "{place} lacks {fit:?}; write it again");
        assert!([0, 1].contains(&(TRIALS.len() - checks.len())), "{fit}: {} trials", checks.len());
    }
}

/// The page that the example writes, and where it is.
fn document() -> (String, String) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/validation.md");
    let text = std::fs::read_to_string(&path).expect("the page is part of the repository");
    (text, path.display().to_string())
}

macro_rules! cases {
    ($($test:ident: $name:literal,)*) => {
        $(#[test] fn $test() { check($name); })*

        const TESTED: &[&str] = &[$($name),*];
    };
}

cases! {
    languini_steps: "languini-steps",
    gadre_forecasts: "gadre-forecasts",
    gadre_corpora: "gadre-corpora",
    chinchilla_optimum: "chinchilla-optimum",
    chinchilla_intervals: "chinchilla-intervals",
    chinchilla_outliers: "chinchilla-outliers",
    chinchilla_least_squares: "chinchilla-least-squares",
    gemstones_checkpoints: "gemstones",
    data_constrained: "data-constrained",
    parscale_streams: "parscale",
    multi_power_law: "multi-power-law",
    multi_power_fit: "multi-power-fit",
    lr_annealing: "lr-annealing",
    bnsl_addition: "bnsl-addition",
    learning_curves: "learning-curves",
    training_curves: "training-curves",
    learning_curve_trials: "learning-curve-trials",
    clark_routers: "clark-routers",
    step_law: "step-law",
    quantised_training: "quantised-training",
    activation_sparsity: "activation-sparsity",
    granular_experts: "granular-experts",
    kaplan_constants: "kaplan-constants",
    crossover_simulated: "crossover-simulated",
    ladder_forecasts: "ladder-forecasts",
    ladder_intervals: "ladder-intervals",
}

#[test]
fn every_case_is_a_test() {
    assert!(CASES.iter().map(|case| case.name).eq(TESTED.iter().copied()));
}

#[test]
fn every_number_is_answered_once() {
    let cases = CASES.iter().flat_map(|case| case.numbers);
    let missing = NOT_REPRODUCIBLE.iter().flat_map(|missing| missing.numbers);
    let mut numbers: Vec<u32> = cases.chain(missing).copied().collect();
    numbers.sort_unstable();
    assert!(numbers.into_iter().eq(1..=LAST_NUMBER));
}

#[test]
fn the_page_says_what_cannot_be_reproduced() {
    let (document, place) = document();
    for missing in NOT_REPRODUCIBLE {
        assert!(document.contains(missing.result), "{place} lacks {:?}", missing.result);
        assert!(document.contains(missing.why), "{place} lacks {:?}", missing.why);
    }
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
fn a_known_miss_holds_what_it_says() {
    let missed = |value: f64| Check::at_most("", 1.0, value, 0.0).missed("rounding", 0.02);
    assert!(!missed(1.01).is_met() && missed(1.01).is_as_said());
    assert!(!missed(1.03).is_as_said() && !missed(f64::NAN).is_as_said());
    assert!(!Check::at_most("", 1.0, 1.01, 0.0).is_as_said());
}

#[test]
fn figures_are_short() {
    let found = [0.0, 240.0, 1.018_274_017_8e-3, 0.1 + 0.2, 4.2e-5, 94_781.0, 1e21].map(figure);
    assert_eq!(found, ["0", "240", "0.00101827402", "0.3", "4.2e-5", "94781", "1e21"]);
}
