//! `sweepctl compare`, on tables that a user might bring.

use std::fmt::Write as _;

use crate::transcript::{Transcript, sweepctl_in};

/// An arm that trained two sizes at five budgets of compute, with three seeds: the larger size is
/// better from the third budget on.
fn arm(amplitude: f64, exponent: f64, salt: usize) -> String {
    let mut text = String::from("model,seed,params,flops,loss\n");
    for (c, flops) in [1e17_f64, 3e17, 1e18, 3e18, 1e19].iter().enumerate() {
        for (s, params) in [5e6, 2e7].iter().enumerate() {
            for seed in 0..3 {
                let ripple = 0.002 * ((c * 7 + seed * 13 + salt) as f64).sin();
                let misfit = 0.03 * if (c < 2) == (s == 0) { 0.0 } else { 1.0 };
                let loss = amplitude * (flops / 1e17).powf(-exponent) * (1.0 + ripple + misfit);
                // Writing to a string cannot fail.
                let _ = writeln!(text, "m{salt},{seed},{params},{flops:e},{loss:.5}");
            }
        }
    }
    text
}

fn compare(files: &[(&str, String)], arguments: &[&str]) -> Transcript {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for (name, text) in files {
        std::fs::write(folder.path().join(name), text).expect("the folder is writable");
    }
    sweepctl_in(folder.path(), &[&["compare"], arguments].concat())
}

/// Two arms that cross at about 1.5e19 FLOPs, just beyond the largest runs.
fn files() -> [(&'static str, String); 2] {
    [("gpt.csv", arm(3.8, 0.05, 1)), ("lstm.csv", arm(4.2, 0.07, 2))]
}

#[test]
fn two_tables_cross_along_compute() {
    let transcript = compare(&files(), &["gpt.csv", "lstm.csv", "--axis", "flops", "--plot"]);
    insta::assert_snapshot!(transcript);
}

/// 3.8 x^-0.05 = 4.2 x^-0.07 at x = (4.2 / 3.8)^50, in units of 1e17 FLOPs.
#[test]
fn the_crossing_is_the_one_that_the_laws_have() {
    let arguments = ["a=gpt.csv", "b=lstm.csv", "--axis", "flops", "--law", "power", "--json"];
    let transcript = compare(&files(), &arguments);
    let report: serde_json::Value = serde_json::from_str(&transcript.stdout).unwrap();
    let crossover = &report["crossovers"][0];
    let truth = 1e17 * (4.2_f64 / 3.8).powf(50.0);
    let outcome = &crossover["outcome"];
    let (lower, upper) = (outcome["lower"].as_f64(), outcome["upper"]["hours"].as_f64());
    assert!(lower.unwrap() < truth && upper.is_none_or(|upper| truth < upper), "{outcome}");
    assert_eq!((&crossover["leader"], &crossover["challenger"]), (&"a".into(), &"b".into()));
    assert_eq!(report["compared"][0]["used_n"], 15, "the better size of each scale and seed");
}

#[test]
fn one_table_is_divided_by_a_column() {
    let [(_, gpt), (_, lstm)] = files();
    let both = gpt + lstm.split_once('\n').unwrap().1;
    let divided = [("runs.csv", both)];
    let arguments = ["runs.csv", "--by", "model", "--axis", "flops", "--json"];
    let transcript = compare(&divided, &arguments);
    let report: serde_json::Value = serde_json::from_str(&transcript.stdout).unwrap();
    let arms: Vec<&str> =
        report["fits"].as_array().unwrap().iter().map(|f| f["arm"].as_str().unwrap()).collect();
    assert_eq!(arms, ["m1", "m2"]);
}

#[test]
fn what_cannot_be_compared_is_said() {
    let one = compare(&files(), &["gpt.csv", "--axis", "flops"]);
    insta::assert_snapshot!("no_column_of_arms", one);
    let twice = compare(&files(), &["gpt.csv", "gpt.csv", "--axis", "flops"]);
    insta::assert_snapshot!("two_arms_of_one_name", twice);
    let axis = compare(&files(), &["gpt.csv", "lstm.csv", "--axis", "tokens"]);
    insta::assert_snapshot!("an_axis_without_a_column", axis);
    let alone = compare(&files(), &["gpt.csv", "--by", "model", "--axis", "flops"]);
    insta::assert_snapshot!("one_arm_alone", alone);
    let few: [(&str, String); 2] = files().map(|(name, text)| {
        (name, text.lines().take(9).fold(String::new(), |text, line| text + line + "\n"))
    });
    insta::assert_snapshot!(
        "too_few_scales",
        compare(&few, &["gpt.csv", "lstm.csv", "--axis", "flops"])
    );
}

/// Losses per token and per byte are different things, whatever the axis; a name that misleads may be
/// put right.
#[test]
fn tables_that_count_differently_are_not_compared() {
    let [gpt, (_, lstm)] = files();
    let bytes = ("lstm.csv", lstm.replacen(",loss", ",bits_per_byte", 1));
    let files = [(gpt.0, gpt.1.replacen(",loss", ",nats_per_token", 1)), bytes];
    let arguments = ["gpt.csv", "lstm.csv", "--axis", "flops"];
    insta::assert_snapshot!("losses_of_two_units", compare(&files, &arguments));
    let right = compare(&files, &[&arguments[..], &["--convention", "L=nats"]].concat());
    assert_eq!(right.status, Some(0), "{right}");
    let wrong = compare(&files, &[&arguments[..], &["--convention", "N=mine"]].concat());
    insta::assert_snapshot!("a_convention_that_is_none", wrong);
}
