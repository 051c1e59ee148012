//! What people ask of a sweep while real workers are at it: pause, resume, cancel, retry, more budget,
//! and what a command printed.

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use sweep_core::ids::RunId;
use sweep_core::retry::AttemptEnd;
use sweep_core::run::RunState;
use sweep_core::sweep::{RunRecord, SweepPhase};

use crate::sandbox::{Sandbox, Stored, budget_over, long_budget, until};

/// The books add up, and nothing is reserved any more.
async fn check_books(stored: &Stored) -> Result<()> {
    let balance = stored.store.balance(stored.sweep.id).await?;
    let charged: u64 = stored.runs.iter().map(|run| run.spent.ms()).sum();
    ensure!(balance.holds() && balance.reserved.ms() == 0, "{balance:?}");
    ensure!(charged == balance.spent.ms(), "runs used {charged} ms of {balance:?}");
    Ok(())
}

fn is_under_way(run: &RunRecord) -> bool {
    let has_begun = run.checkpoint.as_ref().is_some_and(|saved| saved.step * 4 < run.spec.steps);
    run.state == RunState::Running && has_begun
}

fn is_quiet(stored: &Stored) -> bool {
    stored.runs.iter().all(|run| !run.state.is_active())
}

async fn now(sandbox: &Sandbox) -> Result<Stored> {
    sandbox.stored().await?.context("nothing is stored")
}

#[tokio::test]
async fn a_sweep_is_paused_resumed_and_cancelled_under_its_workers() -> Result<()> {
    // Its shortest runs take longer than two heartbeats.
    let budget = long_budget().replace("400k tokens/s", "4M tokens/s");
    let sandbox = Sandbox::new(&budget);
    let mut submit = sandbox.spawn(&["submit", "budget.yaml"]);
    let under_way = |stored: &Stored| stored.runs.iter().any(is_under_way);
    sandbox.wait_until("a run has a checkpoint", under_way).await?;

    let said = sandbox.succeed(&["pause", "--reason", "lunch", "--actor", "ada"]);
    assert!(said.starts_with("small: paused\n"), "{said}");
    let paused = sandbox.wait_until("every worker has stopped", is_quiet).await?;
    check_books(&paused).await?;
    let status = sandbox.succeed(&["status"]);
    assert!(
        status.contains("UTC pause by ada: lunch; `sweepctl resume small` goes on"),
        "{status}"
    );
    let attempts = |stored: &Stored| stored.runs.iter().map(|run| run.attempts_n).sum::<u32>();
    let before = attempts(&paused);
    let interrupted = paused.runs.iter().find(|run| {
        run.state == RunState::Queued && run.checkpoint.as_ref().is_some_and(|c| c.step > 0)
    });
    let interrupted = interrupted.context("the pause stopped no run")?.spec.id;

    sandbox.succeed(&["resume"]);
    let goes_on = |stored: &Stored| attempts(stored) > before && under_way(stored);
    let resumed = sandbox.wait_until("the runs go on", goes_on).await?;
    let kept = resumed.runs.iter().find(|run| run.spec.id == interrupted).context("it is gone")?;
    assert!(kept.checkpoint.is_some(), "what was done before the pause is lost");

    // By id, as programs name it.
    let id = resumed.sweep.id.to_string();
    let answer: Value = serde_json::from_str(&sandbox.succeed(&["cancel", &id, "--json"]))?;
    assert_eq!(answer["event"]["control"], "cancel", "{answer}");
    let status = submit.exit().await?;
    // A sweep that has results ends with its report, one that was cancelled before that with none.
    assert!(status.code().is_some_and(|code| code <= 1), "{status}");
    let ended = now(&sandbox).await?;
    assert_eq!(ended.sweep.phase, SweepPhase::Done);
    assert!(ended.runs.iter().all(|run| run.state.is_final()));
    assert!(ended.runs.iter().any(|run| run.state == RunState::Cancelled));
    check_books(&ended).await?;
    let asked = ended.store.control_events(ended.sweep.id).await?;
    let asked: Vec<String> = asked.iter().map(|event| event.control.to_string()).collect();
    assert_eq!(asked, ["pause", "resume", "cancel"]);
    for run in &ended.runs {
        let left = sandbox.data_dir().join("checkpoints").join(run.spec.id.to_string());
        assert!(!left.exists(), "checkpoints of {} are left", run.spec.label());
    }
    Ok(())
}

/// A command that fails until somebody mends it, and prints on the way.
const MENDED: &str = "
echo \"attempt in $PWD begins\"
test -e mended || { echo 'no module named torch'; exit 3; }
i=0
while [ $i -lt $SWEEP_STEPS ]; do i=$((i+1)); done
(echo \"{\\\"step\\\": $SWEEP_STEPS, \\\"loss\\\": 2}\"
echo '{\"event\": \"result\", \"bits_per_byte\": 2, \"params_n\": 10}') > $SWEEP_REPORT
echo done
";

fn only(stored: &Stored) -> (RunId, RunState) {
    (stored.runs[0].spec.id, stored.runs[0].state)
}

#[tokio::test]
async fn a_failed_run_is_retried_and_its_output_is_kept() -> Result<()> {
    let arms = "  - name: own\n    trainer: { command: [sh, own.sh] }\n    sizes: [{ width: 4, \
                layers: 1, throughput: 1k tokens/s }]\nretries: { trainerError: 0 }\n";
    let budget = budget_over("own", "[1 s]", arms).replace("budget: 10 min", "budget: 1500 ms");
    let sandbox = Sandbox::new(&budget);
    std::fs::write(sandbox.path("own.sh"), MENDED)?;
    sandbox.run(&["submit", "budget.yaml"]);
    let (run, state) = only(&now(&sandbox).await?);
    assert_eq!(state, RunState::Failed);
    let first = sandbox.succeed(&["logs", "own/d4x1/1s/1"]);
    assert!(first.ends_with("no module named torch\n"), "{first}");

    let dry = sandbox.succeed(&["retry", "--dry-run"]);
    assert!(
        dry.contains("1 run would be retried") && dry.contains("the budget allows it"),
        "{dry}"
    );
    assert_eq!(only(&now(&sandbox).await?), (run, RunState::Failed));
    std::fs::write(sandbox.path("mended"), "")?;
    sandbox.succeed(&["retry", "own", "--run", &run.to_string()[..8]]);
    sandbox.succeed(&["watch", "own"]);
    let stored = now(&sandbox).await?;
    assert_eq!(only(&stored), (run, RunState::Succeeded));
    assert_eq!(stored.runs[0].attempts_n, 2);
    check_books(&stored).await?;
    let both: Value =
        serde_json::from_str(&sandbox.succeed(&["logs", &run.to_string(), "--json"]))?;
    let texts: Vec<&str> = both.as_array().context("a list")?.iter().map(text_of).collect();
    assert_eq!(texts.len(), 2);
    assert!(texts[0].contains("torch") && texts[1].ends_with("done\n"), "{texts:?}");
    let followed = sandbox.succeed(&["logs", &run.to_string()[..6], "--follow"]);
    assert_eq!(followed, texts.concat());

    let raised = sandbox.succeed(&["budget", "raise", "own", "--to", "1h", "--reason", "more"]);
    assert!(raised.contains("budget raised from 1.5 s to 60 min"), "{raised}");
    until("the sweep is done again", async || {
        sandbox.succeed(&["status"]);
        Ok(now(&sandbox).await?.sweep.phase == SweepPhase::Done)
    })
    .await?;
    let refused = sandbox.run(&["budget", "raise", "own", "--to", "1s", "--reason", "less"]);
    let stderr = String::from_utf8_lossy(&refused.stderr);
    assert!(stderr.contains("SW0011") && stderr.contains("can only grow"), "{stderr}");
    let refused = sandbox.run(&["status", "owm"]);
    let stderr = String::from_utf8_lossy(&refused.stderr);
    assert!(stderr.contains("did you mean `own`?"), "{stderr}");
    check_books(&now(&sandbox).await?).await
}

fn text_of(part: &Value) -> &str {
    part["text"].as_str().unwrap_or_default()
}

/// Fails twice in ways of their own and then succeeds.
const MOODY: &str = "
n=$(cat tries 2>/dev/null || echo 0); n=$((n+1)); echo $n > tries
echo \"try $n\"
case $n in
1) kill -KILL $$ ;;
2) echo 'a socket was closed'; exit 4 ;;
esac
(echo \"{\\\"step\\\": $SWEEP_STEPS, \\\"loss\\\": 2}\"
echo '{\"event\": \"result\", \"bits_per_byte\": 2, \"params_n\": 10}') > $SWEEP_REPORT
";

#[tokio::test]
async fn attempts_are_repeated_by_the_way_in_which_they_ended() -> Result<()> {
    let arm = |name: &str, command: &str| {
        format!(
            "  - name: {name}\n    trainer: {{ command: {command} }}\n    sizes: [{{ width: 4, \
             layers: 1, throughput: 1k tokens/s }}]\n"
        )
    };
    let arms = arm("moody", "[sh, moody.sh]") + &arm("absent", "[no-such-program]");
    let retries = "retries: { backoff: { first: 50 ms, max: 1 s } }\n";
    let sandbox = Sandbox::new(&(budget_over("moody", "[1 s]", &arms) + retries));
    std::fs::write(sandbox.path("moody.sh"), MOODY)?;
    sandbox.succeed(&["submit", "budget.yaml"]);
    let stored = now(&sandbox).await?;
    let of = |arm: &str| stored.runs.iter().find(|run| run.spec.arm == arm).context("no such arm");
    let ends = |run: &RunRecord| run.attempts.iter().map(|attempt| attempt.end).collect::<Vec<_>>();
    let moody = of("moody")?;
    let expected = [AttemptEnd::OutOfMemory, AttemptEnd::TrainerError, AttemptEnd::Succeeded];
    assert_eq!((moody.state, &*ends(moody)), (RunState::Succeeded, &expected[..]));
    let told = moody.attempts[1].failure.as_ref().map(ToString::to_string).unwrap_or_default();
    assert!(told.contains("a socket was closed"), "{told}");
    let absent = of("absent")?;
    assert_eq!(ends(absent), [AttemptEnd::BadConfiguration], "no repetition mends that");
    let runs = sandbox.succeed(&["runs"]);
    assert!(runs.contains("(attempt 3, after out of memory, trainer error)"), "{runs}");
    let status = sandbox.succeed(&["status"]);
    assert!(
        status.contains("attempts   out of memory, bad configuration, trainer error"),
        "{status}"
    );
    check_books(&stored).await
}

#[tokio::test]
async fn a_quota_holds_for_the_workers_of_a_project_and_the_queue_says_so() -> Result<()> {
    let budget = long_budget().replace("400k tokens/s", "4M tokens/s");
    let budget = budget.replace("name: small\n", "name: small\nproject: vision\npriority: 3\n");
    let sandbox = Sandbox::new(&budget);
    let mut submit = sandbox.spawn(&["submit", "budget.yaml"]);
    let active_n = |stored: &Stored| stored.runs.iter().filter(|r| r.state.is_active()).count();
    sandbox.wait_until("both workers are at it", |stored| active_n(stored) == 2).await?;
    let set = sandbox.succeed(&["project", "set", "vision", "--running", "1", "--weight", "2"]);
    assert!(set.contains("vision"), "{set}");
    let queue: Value = serde_json::from_str(&sandbox.succeed(&["queue", "--json"]))?;
    let waiting = queue["waiting"].as_array().context("a list")?;
    let first = waiting.first().context("something waits")?;
    assert_eq!((&first["wait"]["kind"], &first["priority"]), (&"quota".into(), &3.into()));
    assert!(sandbox.succeed(&["queue"]).contains("quota of project vision: 2 of 1 running"));
    sandbox.wait_until("one of them may not go on", |stored| active_n(stored) == 1).await?;
    let status = sandbox.succeed(&["runs"]);
    assert!(status.contains("quota of project vision: 1 of 1 running"), "{status}");
    sandbox.succeed(&["project", "set", "vision", "--running", "none"]);
    sandbox.wait_until("both work again", |stored| active_n(stored) == 2).await?;
    let refused = sandbox.run(&["project", "set", "Vision!", "--weight", "2"]);
    let stderr = String::from_utf8_lossy(&refused.stderr);
    assert!(stderr.contains("SW0011") && stderr.contains("`Vision!` is not a name"), "{stderr}");
    sandbox.succeed(&["cancel", "small"]);
    submit.exit().await?;
    check_books(&now(&sandbox).await?).await
}
