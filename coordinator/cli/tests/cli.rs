//! The built program: its help, and what it says of mistakes.

mod fit;
mod transcript;

use transcript::{Transcript, sweepctl};

/// Every command and the actions of `budget`, `project`, `corpus` and `token`.
const COMMANDS: [&[&str]; 50] = [
    &[],
    &["submit"],
    &["plan"],
    &["status"],
    &["watch"],
    &["runs"],
    &["metrics"],
    &["logs"],
    &["pause"],
    &["resume"],
    &["cancel"],
    &["retry"],
    &["budget"],
    &["budget", "show"],
    &["budget", "raise"],
    &["queue"],
    &["project"],
    &["project", "list"],
    &["project", "set"],
    &["proposals"],
    &["approve"],
    &["reject"],
    &["scoreboard"],
    &["laws"],
    &["laws", "list"],
    &["laws", "show"],
    &["fit"],
    &["predict"],
    &["invert"],
    &["allocate"],
    &["check"],
    &["compare"],
    &["propose"],
    &["forecast"],
    &["plot"],
    &["corpus"],
    &["corpus", "list"],
    &["corpus", "show"],
    &["corpus", "add"],
    &["import"],
    &["serve"],
    &["worker"],
    &["migrate"],
    &["doctor"],
    &["token"],
    &["token", "create"],
    &["token", "list"],
    &["token", "revoke"],
    &["completions"],
    &["schema"],
];

#[test]
fn every_help_has_an_example() {
    for command in COMMANDS {
        let help = sweepctl(&[command, &["--help"]].concat());
        assert_eq!((help.status, help.stderr.as_str()), (Some(0), ""), "{command:?}");
        assert!(help.stdout.contains("Example"), "{command:?} has no example");
        let name = ["help", &command.join("_")].join("_");
        insta::assert_snapshot!(name.trim_end_matches('_'), help.stdout);
    }
}

#[test]
fn the_list_above_is_complete() {
    let help = sweepctl(&["--help"]).stdout;
    let listed = help.split("Commands:").nth(1).unwrap().split("Options:").next().unwrap();
    let names = listed.lines().filter_map(|line| line.strip_prefix("  "));
    let names: Vec<&str> = names.filter_map(|line| line.split(' ').next()).collect();
    let known: Vec<&str> = COMMANDS.iter().filter_map(|c| c.first().copied()).collect();
    for name in names.into_iter().filter(|name| !name.is_empty()) {
        assert!(known.contains(&name), "`{name}` is not in the list");
    }
}

/// A budget.yaml that reads well but for the change made.
fn submit_with(wrong: &str, right: &str) -> Transcript {
    let good = include_str!("../../../examples/budget.yaml");
    assert!(good.contains(right), "{right}");
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("budget.yaml");
    std::fs::write(&file, good.replacen(right, wrong, 1)).expect("the folder is writable");
    let transcript = transcript::sweepctl_in(folder.path(), &["submit", "budget.yaml"]);
    let left_n = std::fs::read_dir(folder.path()).expect("the folder is there").count();
    assert_eq!(left_n, 1, "a refused file leaves nothing behind");
    transcript
}

#[test]
fn a_misspelt_key_is_shown_in_its_line() {
    insta::assert_snapshot!(submit_with("\nbudgett:", "\nbudget:"));
}

#[test]
fn an_unknown_family_is_shown_in_its_line() {
    insta::assert_snapshot!(submit_with("family: rnn", "family: qlstm"));
}

#[test]
fn a_budget_without_a_unit_is_refused() {
    insta::assert_snapshot!(submit_with("budget: 20 #", "budget: 20 min"));
}

#[test]
fn a_missing_file_is_refused() {
    insta::assert_snapshot!(sweepctl(&["submit", "nowhere.yaml"]));
}

#[test]
fn asking_where_nothing_was_submitted_makes_no_folder() {
    let folder = tempfile::tempdir().unwrap();
    let transcript = transcript::sweepctl_in(folder.path(), &["status"]);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    insta::assert_snapshot!(transcript);
}

#[test]
fn a_worker_without_a_coordinator_is_refused() {
    insta::assert_snapshot!(sweepctl(&["worker"]));
}

#[test]
fn an_unreachable_server_is_named() {
    // Port 9 (discard) is reserved, and closed where nothing serves it.
    let transcript = sweepctl(&["status", "--server", "127.0.0.1:9"]);
    assert_eq!(transcript.status, Some(2));
    assert!(transcript.stderr.contains("no coordinator can be reached at http://127.0.0.1:9"));
}

#[test]
fn a_budget_is_raised_for_a_reason_and_to_a_time() {
    let asked = |rest: &[&str]| sweepctl(&[&["budget", "raise", "demo"], rest].concat());
    insta::assert_snapshot!("raise_without_a_reason", asked(&["--to", "40h"]));
    insta::assert_snapshot!("raise_without_a_unit", asked(&["--to", "40", "--reason", "more"]));
}

#[test]
fn a_mistyped_command_is_a_request_that_cannot_be_met() {
    insta::assert_snapshot!(sweepctl(&["sumbit", "budget.yaml"]));
}

#[test]
fn settings_come_from_file_and_options_and_can_be_dumped() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("sweep.toml");
    let call = |text: &str| {
        std::fs::write(&file, text).expect("the folder is writable");
        let options = ["serve", "--dump-config", "--database", "sqlite:///own.db"];
        transcript::sweepctl_in(folder.path(), &options)
    };
    insta::assert_snapshot!("settings_in_force", call("listen = \"0.0.0.0:7701\"\n"));
    insta::assert_snapshot!("settings_misspelt", call("lissten = \"0.0.0.0:7701\"\n"));
}

#[test]
fn the_schema_is_json() {
    let schema = sweepctl(&["schema"]).stdout;
    let schema: serde_json::Value = serde_json::from_str(&schema).unwrap();
    assert_eq!(schema["title"], "sweepctl budget.yaml, version 1");
}
