//! `sweepctl propose`, on the runs that other commands fit.

use super::runs;
use crate::transcript::{Transcript, sweepctl_in};

/// What a run of `n` parameters on `d` tokens takes at 4e14 FLOP a second.
const THROUGHPUT: &str = "6.6666e13*N^-1";

fn propose(arguments: &[&str]) -> Transcript {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = |name: &str, text: &str| {
        std::fs::write(folder.path().join(name), text).expect("the folder is writable");
    };
    file("runs.csv", &runs());
    file("pending.csv", "params,tokens\n4.7e9,9.4e10\n4.7e9,9.4e10\n");
    let other = runs().replace("4.2", "4.3").replace("3.1", "3.0");
    file("other.csv", &other);
    let common = ["--law", "chinchilla", "--throughput", THROUGHPUT, "--bootstrap", "40"];
    sweepctl_in(folder.path(), &[&["propose"][..], arguments, &common].concat())
}

fn report(arguments: &[&str]) -> serde_json::Value {
    let transcript = propose(&[arguments, &["--json"]].concat());
    assert_eq!(transcript.status, Some(0), "{transcript}");
    serde_json::from_str(&transcript.stdout).expect("it is JSON")
}

#[test]
fn runs_are_proposed_with_what_they_are_expected_to_do() {
    let arguments = ["runs.csv", "--for", "loss", "--at", "flops=1e23", "--hours", "20"];
    insta::assert_snapshot!("for_the_loss", propose(&arguments));
}

#[test]
fn a_proposal_keeps_the_budget_and_narrows_the_answer() {
    for at in [["--for", "size", "--at", "flops=1e23"], ["--for", "loss", "--at", "N=20B,D=1T"]] {
        let report = report(&[&["runs.csv", "--hours", "20"][..], &at].concat());
        let hours = |of: &serde_json::Value| of["hours"].as_f64().unwrap();
        let runs = report["runs"].as_array().unwrap();
        let sum: f64 = runs.iter().map(hours).sum();
        assert!(sum <= 20.0 && (sum - hours(&report)).abs() < 1e-9, "{report}");
        let width = |of: &str| {
            let interval = &report[of]["interval"];
            (interval["upper"].as_f64().unwrap() / interval["lower"].as_f64().unwrap()).ln()
        };
        assert!(width("after") < 0.9 * width("before"), "{report}");
    }
}

/// Runs that are on their way are not worth as much again.
#[test]
fn pending_runs_are_counted() {
    let arguments = ["runs.csv", "--for", "loss", "--at", "flops=1e23", "--hours", "20"];
    let width = |report: &serde_json::Value| {
        let interval = &report["before"]["interval"];
        interval["upper"].as_f64().unwrap() - interval["lower"].as_f64().unwrap()
    };
    let without = report(&arguments);
    let with = report(&[&arguments[..], &["--pending", "pending.csv"]].concat());
    assert!(width(&with) < width(&without), "{with} {without}");
}

#[test]
fn arms_are_compared_where_they_cross() {
    let arguments = ["gpt=runs.csv", "lstm=other.csv", "--for", "crossover", "--hours", "20"];
    let report = report(&arguments);
    let arms: Vec<&str> =
        report["runs"].as_array().unwrap().iter().map(|r| r["arm"].as_str().unwrap()).collect();
    assert!(arms.contains(&"gpt") && arms.contains(&"lstm"), "{report}");
}

#[test]
fn what_cannot_be_proposed_is_said() {
    let hours = ["--hours", "20"];
    let one = propose(&[&["runs.csv", "--for", "crossover"][..], &hours].concat());
    insta::assert_snapshot!("a_comparison_of_one_arm", one);
    let nowhere = propose(&[&["runs.csv", "--for", "size"][..], &hours].concat());
    insta::assert_snapshot!("a_size_without_a_budget", nowhere);
    let folder = tempfile::tempdir().expect("a temporary folder");
    std::fs::write(folder.path().join("runs.csv"), runs()).expect("the folder is writable");
    let arguments = ["--law", "chinchilla", "--for", "loss", "--at", "flops=1e22", "--hours", "9"];
    let without = sweepctl_in(folder.path(), &[&["propose", "runs.csv"][..], &arguments].concat());
    insta::assert_snapshot!("runs_without_hours", without);
    let unknown = propose(&[&["runs.csv", "--for", "loss", "--at", "M=3"][..], &hours].concat());
    insta::assert_snapshot!("a_place_that_the_law_does_not_know", unknown);
}
