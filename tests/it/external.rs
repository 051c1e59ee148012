//! Training commands of one's own: the example through a crash, and every way to misbehave.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use sweep_core::ids::RunId;
use sweep_core::metric::Metric;
use sweep_core::run::{FailureReason, RunState};
use sweep_core::sweep::{RunRecord, SweepPhase};

use crate::sandbox::{Sandbox, Stored, budget_over, survive_killed_workers, until};

/// Whether Python is there; where it is not, these tests say so and check nothing.
#[expect(clippy::print_stderr, reason = "a test that checks nothing has to say so")]
fn python() -> bool {
    let found = Command::new("python3").arg("--version").output().is_ok();
    if !found {
        eprintln!("SKIPPED: there is no python3, so the example trainer cannot run");
    }
    found
}

/// A sweep of two widths of the example trainer.
fn python_budget() -> String {
    let script = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../examples/trainer/train.py");
    let arms = format!(
        "  - name: bigrams\n    trainer: {{ command: [python3, \"{}\"] }}\n    sizes:\n      - {{ \
         width: 2, layers: 1 }}\n      - {{ width: 4, layers: 1 }}\n",
        script.display()
    );
    budget_over("own", "[500 ms, 1 s, 2 s]", &arms)
}

/// What each run found, without what depends on the machine's mood.
async fn found(stored: &Stored) -> Result<BTreeMap<String, (f64, Vec<(u64, f64)>)>> {
    let mut found = BTreeMap::new();
    for run in &stored.runs {
        ensure!(run.state == RunState::Succeeded, "{} {}", run.spec.label(), run.state);
        let result = run.result.as_ref().context("a finished run has no result")?;
        let points = stored.store.metrics(run.spec.id, Metric::TrainLoss).await?;
        ensure!(points.last().is_some_and(|point| point.step == run.spec.steps), "no last point");
        let losses = points.iter().map(|point| (point.step, point.value)).collect();
        found.insert(run.spec.label(), (result.bits_per_byte, losses));
    }
    Ok(found)
}

fn resumable(stored: &Stored) -> Option<RunId> {
    let found = stored.runs.iter().find(|run| {
        let saved = run.checkpoint.as_ref().is_some_and(|c| c.step * 4 < run.spec.steps * 3);
        run.state == RunState::Running && saved && run.spec.class.time().ms() == 2000
    });
    found.map(|run| run.spec.id)
}

/// The example, measured, trained, killed with its worker and resumed. Steps depend on the measured
/// throughput, so the disturbed sweep is compared with one of the same steps: its own runs of the
/// other seed are deterministic, and a resumed run must have each point once.
#[tokio::test]
async fn the_example_is_resumed_after_a_kill() -> Result<()> {
    if !python() {
        return Ok(());
    }
    let declared = python_budget()
        .replace("width: 2, layers: 1", "width: 2, layers: 1, throughput: 3k tokens/s")
        .replace("width: 4, layers: 1", "width: 4, layers: 1, throughput: 2500 tokens/s");
    let quiet = Sandbox::new(&declared);
    quiet.succeed(&["submit", "budget.yaml"]);
    let expected = found(&quiet.stored().await?.context("nothing is stored")?).await?;

    let sandbox = Sandbox::new(&declared);
    let submit = sandbox.spawn(&["submit", "budget.yaml"]);
    let caught = sandbox.wait_until("a run has a checkpoint", |s| resumable(s).is_some()).await?;
    let run = resumable(&caught).context("it was there a moment ago")?;
    survive_killed_workers(submit).await?;
    let stored = sandbox.stored().await?.context("nothing is stored")?;
    let interrupted = stored.runs.iter().find(|r| r.spec.id == run).context("the run is gone")?;
    assert!(interrupted.attempts_n > 1, "the kill hit nothing");
    assert_eq!(found(&stored).await?, expected);
    Ok(())
}

#[tokio::test]
async fn the_example_is_measured_planned_trained_and_fitted() -> Result<()> {
    if !python() {
        return Ok(());
    }
    let sandbox = Sandbox::new(&python_budget());
    sandbox.succeed(&["submit", "budget.yaml"]);
    let stored = sandbox.stored().await?.context("nothing is stored")?;
    assert_eq!(stored.sweep.phase, SweepPhase::Done);
    let balance = stored.store.balance(stored.sweep.id).await?;
    assert!(balance.holds() && balance.reserved.ms() == 0 && balance.spent.ms() > 0, "{balance:?}");
    found(&stored).await?;
    for observation in stored.store.observations(stored.sweep.id).await? {
        let width = if observation.size == "d2x1" { 2 } else { 4 };
        assert_eq!(observation.params_n, 2 * 256 * width);
        let flops = 6.0 * observation.params_n as f64 * observation.tokens_d as f64;
        assert_eq!(observation.flops_c, flops);
    }
    assert!(sandbox.succeed(&["laws"]).contains("bigrams"));
    let left = sandbox.data_dir().join("checkpoints").join(stored.runs[0].spec.id.to_string());
    assert!(!left.exists(), "the folder of a finished run was kept");
    Ok(())
}

/// What a command does, and words of the failure that this must end in.
const MISBEHAVIOURS: [(&str, &str, &[&str]); 10] = [
    ("garbage", "echo 'loss 2.3' > $SWEEP_REPORT; sleep 60", &["line 1", "`loss 2.3`", "no JSON"]),
    ("silent", "exit 0", &["ended with status 0", "after step 0 of", "without a result"]),
    (
        "broken",
        "echo 'no module named torch' >&2; exit 3",
        &["ended with status 3", "no module named torch", ".log"],
    ),
    (
        "flood",
        "head -c 1000000000 /dev/zero | tr '\\0' x; echo; echo drowned; exit 1",
        &["ended with status 1", "drowned"],
    ),
    ("endless", "head -c 1000000 /dev/zero | tr '\\0' x > $SWEEP_REPORT", &["longer than 65536"]),
    (
        "early",
        "echo '{\"event\": \"result\", \"bits_per_byte\": 2, \"params_n\": 1}' > $SWEEP_REPORT",
        &["a result after step 0 of"],
    ),
    (
        "backwards",
        "(echo '{\"step\": 5}'; echo '{\"step\": 4}') > $SWEEP_REPORT; sleep 60",
        &["line 2", "`step` is 4 after 5"],
    ),
    (
        "outside",
        "echo '{\"event\":\"checkpoint\",\"step\":1,\"path\":\"../../x\"}' > $SWEEP_REPORT; sleep 60",
        &["`../../x`", "within its checkpoints"],
    ),
    (
        "absent",
        "echo '{\"event\":\"checkpoint\",\"step\":1,\"path\":\"no\"}' > $SWEEP_REPORT; sleep 60",
        &["No such file"],
    ),
    ("crashed", "kill -SEGV $$", &["signal 11"]),
];

fn arm(name: &str, command: &str) -> String {
    format!(
        "  - name: {name}\n    trainer: {{ command: {command} }}\n    sizes: [{{ width: 4, layers: 1, \
         throughput: 1k tokens/s }}]\n"
    )
}

fn script(sandbox: &Sandbox, name: &str, body: &str) -> Result<()> {
    Ok(std::fs::write(sandbox.path(&format!("{name}.sh")), body)?)
}

fn reason<'a>(stored: &'a Stored, arm: &str) -> Result<&'a FailureReason> {
    let run = stored.runs.iter().find(|run| run.spec.arm == arm).context("no such arm")?;
    run.failure.as_ref().with_context(|| format!("{arm} is {}", run.state))
}

#[tokio::test]
async fn every_misbehaviour_fails_its_run_with_a_reason() -> Result<()> {
    let mut arms: String =
        MISBEHAVIOURS.iter().map(|(name, ..)| arm(name, &format!("[sh, {name}.sh]"))).collect();
    arms += &arm("missing", "[no-such-program]");
    arms += &arm("exploded", "[sh, exploded.sh]");
    let sandbox = Sandbox::new(&budget_over("bad", "[1 s]", &arms));
    for (name, body, _) in MISBEHAVIOURS {
        script(&sandbox, name, body)?;
    }
    let exploded = "(echo '{\"step\": 1, \"loss\": 2}'; echo '{\"step\": 2, \"loss\": NaN}') > \
                    $SWEEP_REPORT; sleep 60";
    script(&sandbox, "exploded", exploded)?;
    sandbox.run(&["submit", "budget.yaml"]);
    let stored = sandbox.stored().await?.context("nothing is stored")?;
    for (name, _, needles) in MISBEHAVIOURS {
        let text = reason(&stored, name)?.to_string();
        for needle in needles {
            assert!(text.contains(needle), "{name} does not say `{needle}`:\n{text}");
        }
    }
    let text = reason(&stored, "missing")?.to_string();
    assert!(text.contains("`no-such-program` cannot be started"), "{text}");
    let diverged = reason(&stored, "exploded")?;
    assert!(matches!(diverged, FailureReason::Diverged { step: 2, .. }), "{diverged:?}");
    let logs = std::fs::read_dir(sandbox.data_dir().join("logs/runs"))?;
    let bytes: u64 = logs.map(|entry| Ok(entry?.metadata()?.len())).sum::<Result<u64>>()?;
    assert!(bytes < 20 << 20, "a flood of 1 GB left {bytes} bytes");
    Ok(())
}

/// A process of this command line that still runs.
fn runs(marker: &str) -> Result<bool> {
    let found = Command::new("pgrep").args(["-f", marker]).output();
    Ok(found.context("pgrep is needed")?.status.success())
}

#[tokio::test]
async fn children_end_with_their_command_and_a_deaf_one_is_killed() -> Result<()> {
    // Unlike any other process of this machine.
    let marker = format!("4{:07}.5", std::process::id());
    let steps = "echo '{\"step\": 1, \"loss\": 2}' > $SWEEP_REPORT";
    let arms = arm("parent", "[sh, parent.sh]") + &arm("deaf", "[sh, deaf.sh]");
    let sandbox = Sandbox::new(&budget_over("deaf", "[1 s]", &arms));
    // One child of its group, one in a session of its own.
    let parent = format!("sleep {marker} & setsid sleep {marker} & {steps}; exit 0");
    script(&sandbox, "parent", &parent)?;
    let deaf = format!("trap '' TERM INT; {steps}; while :; do sleep {marker}; done");
    script(&sandbox, "deaf", &deaf)?;
    let mut submit = sandbox.spawn(&["submit", "budget.yaml"]);
    let ended = |run: &RunRecord| run.spec.arm == "deaf" || run.state == RunState::Failed;
    sandbox
        .wait_until("the deaf one runs alone", |stored| {
            let deaf = |run: &RunRecord| run.spec.arm == "deaf" && run.state == RunState::Running;
            stored.runs.iter().any(deaf) && stored.runs.iter().all(ended)
        })
        .await?;
    until("the deaf one sleeps", async || runs(&marker)).await?;
    Command::new("kill").args(["-INT", &submit.pid().to_string()]).status()?;
    let status = submit.exit().await?;
    assert_eq!(status.code(), Some(130), "{status}");
    assert!(!runs(&marker)?, "something outlives its command");
    let stored = sandbox.stored().await?.context("nothing is stored")?;
    assert!(stored.runs.iter().all(|run| !run.state.is_active()), "a run was left behind");
    assert!(stored.store.open_leases().await?.is_empty());
    Ok(())
}
