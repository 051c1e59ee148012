//! Bad input: refused with a clear message, and nothing left behind.

use anyhow::{Context as _, Result};
use sea_orm::ConnectionTrait as _;
use sweep_core::run::{FailureReason, RunState};
use sweep_core::sweep::SweepPhase;

use crate::sandbox::{Sandbox, small_budget};

/// A command that has to be refused as a request (exit status 1), naming each of `needles`.
fn refused(sandbox: &Sandbox, arguments: &[&str], needles: &[&str]) {
    let output = sandbox.run(arguments);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{arguments:?}\n{stderr}");
    for needle in needles {
        assert!(stderr.contains(needle), "{arguments:?} does not say `{needle}`:\n{stderr}");
    }
    assert!(output.stdout.is_empty(), "{}", String::from_utf8_lossy(&output.stdout));
}

#[tokio::test]
async fn a_spec_with_mistakes_leaves_nothing_behind() -> Result<()> {
    for (from, to, needles) in [
        ("budget: 10 min", "budget: 0 s", ["budget.yaml", "3:9", "zero"]),
        ("family: qlstm", "family: rnn", ["`rnn`", "`qlstm`", "family"]),
        ("seeds: [1, 2]", "sedes: [1, 2]", ["`sedes`", "did you mean `seeds`", "5:1"]),
        ("- name: qlstm", "- name: gpt", ["two arms", "`gpt`", "budget.yaml"]),
        ("2 s]", "2 h]", ["no run of class 2 h", "10 min", "classes[3]"]),
    ] {
        let yaml = small_budget("small");
        assert!(yaml.contains(from), "{from}");
        let sandbox = Sandbox::new(&yaml.replacen(from, to, 1));
        refused(&sandbox, &["submit", "budget.yaml"], &needles);
        assert!(!sandbox.data_dir().exists(), "{to}: a data directory was made");
    }
    Ok(())
}

#[tokio::test]
async fn a_class_too_short_for_a_step_is_refused_before_anything_is_stored() -> Result<()> {
    let yaml = small_budget("small").replace("250 ms", "1 ms");
    let sandbox = Sandbox::new(&yaml);
    refused(&sandbox, &["submit", "budget.yaml"], &["1 ms", "not one step"]);
    assert!(sandbox.stored().await?.is_none());
    Ok(())
}

#[tokio::test]
async fn a_sweep_is_not_left_where_nobody_goes_on_with_it() -> Result<()> {
    let sandbox = Sandbox::new(&small_budget("small"));
    refused(
        &sandbox,
        &["submit", "budget.yaml", "--detach"],
        &["nobody would go on", "--server URL"],
    );
    assert!(sandbox.stored().await?.is_none());
    Ok(())
}

#[tokio::test]
async fn a_corpus_that_is_missing_or_too_small_names_the_alternatives() -> Result<()> {
    let yaml = small_budget("small");
    let corpus = yaml.lines().find(|line| line.contains("corpus:")).context("no corpus line")?;
    let sandbox = Sandbox::new(&yaml.replace(corpus, "  corpus: nowhere/at-all"));
    refused(&sandbox, &["submit", "budget.yaml"], &["nowhere/at-all", "docs", "hint:"]);

    std::fs::write(sandbox.path("tiny.txt"), "Too short to hold anything out.\n")?;
    sandbox.write_budget(&yaml.replace(corpus, "  corpus: tiny.txt"));
    refused(&sandbox, &["submit", "budget.yaml"], &["tiny.txt", "validation"]);
    let long = yaml.replace("sequence: 32 tokens", "sequence: 100000 tokens");
    sandbox.write_budget(&long);
    refused(&sandbox, &["submit", "budget.yaml"], &["too small", "shorter sequences"]);
    sandbox.write_budget(&yaml.replace("batch: 4 sequences", "batch: 100000 sequences"));
    refused(&sandbox, &["submit", "budget.yaml"], &["training split", "smaller batches"]);
    assert!(sandbox.stored().await?.is_none());
    Ok(())
}

#[tokio::test]
async fn a_changed_budget_under_the_same_name_is_refused_with_the_difference() -> Result<()> {
    let yaml = small_budget("small").replace("[250 ms, 500 ms, 1 s, 2 s]", "[250 ms]");
    let sandbox = Sandbox::new(&yaml);
    sandbox.succeed(&["submit", "budget.yaml"]);
    // A comment is no change.
    sandbox.write_budget(&format!("# the same sweep\n{yaml}"));
    sandbox.succeed(&["submit", "budget.yaml"]);
    sandbox.write_budget(&yaml.replace("10 min", "20 min"));
    refused(&sandbox, &["submit", "budget.yaml"], &["small", "budget", "small-2", "hint:"]);
    Ok(())
}

#[tokio::test]
async fn a_diverging_run_fails_with_its_reason_and_the_sweep_goes_on() -> Result<()> {
    let yaml = small_budget("small").replace("[250 ms, 500 ms, 1 s, 2 s]", "[250 ms]").replacen(
        "family: gpt",
        "family: gpt\n    optimiser: { learningRate: 1e38 }",
        1,
    );
    let sandbox = Sandbox::new(&yaml);
    let output = sandbox.run(&["submit", "budget.yaml"]);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let stored = sandbox.stored().await?.context("nothing is stored")?;
    assert_eq!(stored.sweep.phase, SweepPhase::Done);
    for run in &stored.runs {
        let diverged = matches!(run.failure, Some(FailureReason::Diverged { .. }));
        assert_eq!(diverged, run.spec.arm == "gpt", "{}: {:?}", run.spec.label(), run.failure);
        let reason = run.failure.as_ref().map(ToString::to_string).unwrap_or_default();
        assert_eq!(diverged, reason.contains("gradient norms"), "{reason}");
        let succeeded = run.state == RunState::Succeeded;
        assert_eq!(succeeded, run.spec.arm == "qlstm", "{}", run.spec.label());
    }
    Ok(())
}

#[tokio::test]
async fn runs_that_the_budget_cannot_pay_for_are_not_started_and_say_so() -> Result<()> {
    let yaml = small_budget("small")
        .replace("[250 ms, 500 ms, 1 s, 2 s]", "[250 ms, 3 s]")
        .replace("budget: 10 min", "budget: 3100 ms");
    let sandbox = Sandbox::new(&yaml);
    let plan = sandbox.succeed(&["plan", "budget.yaml"]);
    assert!(plan.contains("3 s") && plan.contains("budget"), "{plan}");
    assert!(sandbox.stored().await?.is_none(), "planning submitted something");

    sandbox.succeed(&["submit", "budget.yaml"]);
    let stored = sandbox.stored().await?.context("nothing is stored")?;
    assert_eq!(stored.sweep.phase, SweepPhase::Done);
    let balance = stored.store.balance(stored.sweep.id).await?;
    assert!(balance.holds() && balance.spent <= balance.granted, "{balance:?}");
    let idle: Vec<_> = stored.runs.iter().filter(|run| !run.state.is_final()).collect();
    assert!(!idle.is_empty(), "everything fitted");
    assert!(idle.iter().all(|run| run.attempts_n == 0));
    let runs = sandbox.succeed(&["runs"]);
    assert!(runs.contains("not started: it costs 3 s"), "{runs}");
    Ok(())
}

#[tokio::test]
async fn a_port_in_use_and_a_newer_database_are_named() -> Result<()> {
    let sandbox = Sandbox::new(&small_budget("small"));
    let taken = std::net::TcpListener::bind("127.0.0.1:0")?;
    let address = taken.local_addr()?.to_string();
    refused(&sandbox, &["serve", "--listen", &address], &[&address, "hint:"]);

    let file = sandbox.path("newer.db");
    let url = sweep_store::sqlite_url(&file);
    sweep_store::Store::open(&url).await?.migrate().await?;
    let newer = "INSERT INTO seaql_migrations VALUES ('m29991231_000000_from_the_future', 0)";
    sea_orm::Database::connect(&url).await?.execute_unprepared(newer).await?;
    let output = sandbox.run(&["migrate", "--database", &url]);
    assert_eq!(output.status.code(), Some(2));
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(stderr.contains("newer"), "{stderr}");
    Ok(())
}

#[test]
fn asking_before_anything_was_submitted_makes_no_folder() {
    let sandbox = Sandbox::new(&small_budget("small"));
    refused(&sandbox, &["status"], &["submitted", "hint:"]);
    assert!(!sandbox.data_dir().exists());
}
