//! The main job: from budget.yaml to a crossover forecast, through every crash.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};
use sweep_core::ids::RunId;
use sweep_core::run::RunState;

use crate::outcome::{Found, check_finished, findings};
use crate::sandbox::{Sandbox, Stored, kill_9, long_budget, small_budget, survive_killed_workers};

/// Steps that a caught run has ahead of it at least: several tenths of a second.
const STEPS_LEFT_MIN: u64 = 600;

/// The undisturbed sweep that the disturbed ones are compared with.
async fn undisturbed() -> Result<BTreeMap<String, Found>> {
    let sandbox = Sandbox::new(&long_budget());
    sandbox.succeed(&["submit", "budget.yaml"]);
    let stored = sandbox.stored().await?.context("nothing is stored")?;
    check_finished(&stored).await?;
    findings(&stored).await
}

/// A run that is being trained and can be taken up from a checkpoint.
fn resumable(stored: &Stored) -> Option<RunId> {
    let found = stored.runs.iter().find(|run| {
        let half_done =
            run.checkpoint.as_ref().is_some_and(|c| c.step + STEPS_LEFT_MIN < run.spec.steps);
        run.state == RunState::Running && half_done
    });
    found.map(|run| run.spec.id)
}

#[tokio::test]
async fn a_sweep_runs_to_its_forecast_and_is_returned_at_once_afterwards() -> Result<()> {
    let sandbox = Sandbox::new(&small_budget("small"));
    let first = sandbox.succeed(&["submit", "budget.yaml"]);
    let stored = sandbox.stored().await?.context("nothing is stored")?;
    check_finished(&stored).await?;
    for needle in ["gpt", "qlstm", "sweep.db", ".svg"] {
        assert!(first.contains(needle), "the report does not mention {needle}:\n{first}");
    }
    let figure = std::fs::read_to_string(sandbox.data_dir().join("figures/small.svg"))?;
    assert!(figure.starts_with("<svg") || figure.starts_with("<?xml"));

    // As a worker leaves it that is killed after its run has ended.
    let left = sandbox.data_dir().join("checkpoints").join(stored.runs[0].spec.id.to_string());
    assert!(!left.exists(), "the checkpoints of a finished run were kept");
    std::fs::create_dir_all(&left)?;
    let attempts: u32 = stored.runs.iter().map(|run| run.attempts_n).sum();
    let again = sandbox.succeed(&["submit", "budget.yaml"]);
    assert!(!left.exists(), "what a killed worker left behind is still there");
    let after = sandbox.stored().await?.context("nothing is stored")?;
    assert_eq!(attempts, after.runs.iter().map(|run| run.attempts_n).sum::<u32>());
    assert!(again.contains("sweep.db"), "{again}");
    let forecasts = stored.store.forecasts(stored.sweep.id).await?.len();
    assert_eq!(forecasts, after.store.forecasts(after.sweep.id).await?.len());

    // Every reading command finds it, as text and as JSON.
    for command in ["status", "runs", "laws", "forecast"] {
        assert!(!sandbox.succeed(&[command]).is_empty(), "{command}");
        let json = sandbox.succeed(&[command, "--json"]);
        serde_json::from_str::<serde_json::Value>(&json).with_context(|| json.clone())?;
    }
    sandbox.succeed(&["plot", "-o", "crossover.svg"]);
    assert!(sandbox.path("crossover.svg").is_file());
    Ok(())
}

/// Whatever divides the work, and in whatever order it is done.
#[tokio::test]
async fn two_threads_find_what_one_finds() -> Result<()> {
    let mut found = Vec::new();
    for schedule in ["workers: 2", "workers: 1, threads: 2"] {
        let budget = small_budget("small")
            .replace("batch: 4 sequences", "batch: 4 sequences\n  microBatch: 2 sequences")
            .replace("workers: 2", schedule);
        let sandbox = Sandbox::new(&budget);
        sandbox.succeed(&["submit", "budget.yaml"]);
        let stored = sandbox.stored().await?.context("nothing is stored")?;
        check_finished(&stored).await?;
        found.push(findings(&stored).await?);
    }
    assert_eq!(found[0], found[1]);
    Ok(())
}

#[tokio::test]
async fn a_killed_worker_changes_nothing_in_the_result() -> Result<()> {
    let expected = undisturbed().await?;
    let sandbox = Sandbox::new(&long_budget());
    let submit = sandbox.spawn(&["submit", "budget.yaml"]);
    let caught = sandbox.wait_until("a run has a checkpoint", |s| resumable(s).is_some()).await?;
    let run = resumable(&caught).context("it was there a moment ago")?;
    survive_killed_workers(submit).await?;

    let stored = sandbox.stored().await?.context("nothing is stored")?;
    check_finished(&stored).await?;
    let interrupted = stored.runs.iter().find(|r| r.spec.id == run).context("the run is gone")?;
    assert!(interrupted.attempts_n > 1, "the kill hit nothing");
    assert_eq!(findings(&stored).await?, expected);
    Ok(())
}

#[tokio::test]
async fn a_killed_coordinator_goes_on_where_it_stopped() -> Result<()> {
    let expected = undisturbed().await?;
    let sandbox = Sandbox::new(&long_budget());
    let mut submit = sandbox.spawn(&["submit", "budget.yaml"]);
    let caught = sandbox
        .wait_until("a run has a checkpoint and another is done", |s| {
            resumable(s).is_some() && s.runs.iter().any(|r| r.state == RunState::Succeeded)
        })
        .await?;
    let run = resumable(&caught).context("it was there a moment ago")?;
    kill_9(submit.pid())?;
    submit.exit().await?;
    let before = sandbox.stored().await?.context("nothing is stored")?;
    let done: Vec<_> =
        before.runs.iter().filter(|r| r.state == RunState::Succeeded).cloned().collect();

    sandbox.succeed(&["submit", "budget.yaml"]);
    let stored = sandbox.stored().await?.context("nothing is stored")?;
    check_finished(&stored).await?;
    for run in done {
        let after = stored.runs.iter().find(|r| r.spec.id == run.spec.id);
        assert_eq!(after, Some(&run), "a finished run was touched");
    }
    let interrupted = stored.runs.iter().find(|r| r.spec.id == run).context("the run is gone")?;
    assert!(interrupted.attempts_n > 1, "the kill hit nothing");
    assert_eq!(findings(&stored).await?, expected);
    Ok(())
}

#[tokio::test]
async fn an_interrupted_sweep_hands_its_runs_back_with_a_checkpoint() -> Result<()> {
    let sandbox = Sandbox::new(&long_budget());
    let mut submit = sandbox.spawn(&["submit", "budget.yaml"]);
    sandbox.wait_until("a run is trained", |s| resumable(s).is_some()).await?;
    std::process::Command::new("kill").args(["-INT", &submit.pid().to_string()]).status()?;
    let status = submit.exit().await?;
    assert_eq!(status.code(), Some(130), "{status}");

    let stored = sandbox.stored().await?.context("nothing is stored")?;
    assert!(stored.runs.iter().all(|run| !run.state.is_active()), "a run was left behind");
    assert!(stored.store.open_leases().await?.is_empty());
    let balance = stored.store.balance(stored.sweep.id).await?;
    assert!(balance.holds() && balance.reserved.ms() == 0, "{balance:?}");
    Ok(())
}
