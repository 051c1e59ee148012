//! A disk that really fills up, under the whole program: a file system of a few megabytes, mounted
//! where only the processes of this test see it.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use crate::sandbox::{Sandbox, long_budget, small_budget, until};

/// Room for a small sweep's database, corpus and checkpoints, with some to spare.
const DISK_MEBIBYTES: u32 = 24;

/// A sandbox whose data directory is on a small disk. Where the machine lets nobody mount one, these
/// tests say so and check nothing.
#[expect(clippy::print_stderr, reason = "a test that checks nothing has to say so")]
fn sandbox_on_small_disk(budget_yaml: &str) -> Option<Sandbox> {
    let sandbox = Sandbox::new(budget_yaml).with_small_disk(DISK_MEBIBYTES);
    if sandbox.is_none() {
        eprintln!(
            "SKIPPED: `unshare --user --mount` is not allowed here, so no disk can be filled"
        );
    }
    sandbox
}

/// Takes all of the room that is left but `left` bytes.
fn fill(sandbox: &Sandbox, left: u64) -> Result<()> {
    let script = format!(
        "head -c {left} /dev/zero > data/reserve; cat /dev/zero > data/ballast 2> /dev/null; \
         rm data/reserve"
    );
    ensure!(sandbox.shell(&script)?.success(), "the disk could not be filled");
    Ok(())
}

/// Weights of all finished runs by the run's label; none before anything was submitted.
fn weights(sandbox: &Sandbox) -> Result<BTreeMap<String, String>> {
    let output = sandbox.run(&["runs", "--json"]);
    if output.status.code() == Some(1) {
        return Ok(BTreeMap::new());
    }
    let runs: Value = serde_json::from_slice(&output.stdout)?;
    let runs = runs.as_array().context("`runs --json` is no list")?;
    let finished = runs.iter().filter(|run| run["state"] == "succeeded");
    finished
        .map(|run| {
            let spec = &run["spec"];
            let label = format!("{} {} {}", spec["arm"], spec["class"], spec["seed"]);
            let hash = run["result"]["weights_hash"].as_str();
            Ok((label, hash.context("a finished run has no weights")?.to_owned()))
        })
        .collect()
}

#[tokio::test]
async fn a_full_disk_refuses_a_new_sweep_and_names_the_way_out() -> Result<()> {
    for left in [0, 16 << 10, 256 << 10] {
        let yaml = small_budget("small");
        let Some(sandbox) = sandbox_on_small_disk(&yaml) else { return Ok(()) };
        fill(&sandbox, left)?;
        let output = sandbox.run(&["submit", "budget.yaml"]);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{left} bytes left:\n{stderr}");
        let named = ["SW0007", "hint:", "space"].iter().all(|needle| stderr.contains(needle));
        assert!(named, "{left} bytes left:\n{stderr}");

        // Nothing half-done is in the way once there is room.
        ensure!(sandbox.shell("rm data/ballast")?.success());
        sandbox.succeed(&["submit", "budget.yaml"]);
    }
    Ok(())
}

#[tokio::test]
async fn a_disk_that_fills_up_holds_the_sweep_until_there_is_room() -> Result<()> {
    let undisturbed = Sandbox::new(&long_budget());
    undisturbed.succeed(&["submit", "budget.yaml"]);
    let expected = weights(&undisturbed)?;

    let Some(sandbox) = sandbox_on_small_disk(&long_budget()) else { return Ok(()) };
    let mut submit = sandbox.spawn(&["submit", "budget.yaml"]);
    until("a run is done", async || Ok(!weights(&sandbox)?.is_empty())).await?;
    fill(&sandbox, 0)?;
    until("the sweep says that the disk is full", async || {
        let status: Value = serde_json::from_str(&sandbox.succeed(&["status", "--json"]))?;
        Ok(status["problems"].to_string().contains("disk of the database is full"))
    })
    .await?;
    let done = weights(&sandbox)?.len();
    ensure!(done < expected.len(), "the sweep was done before the disk was full");
    ensure!(sandbox.shell("rm data/ballast")?.success());

    let status = submit.exit().await?;
    ensure!(status.success(), "the sweep ended with {status}");
    assert_eq!(weights(&sandbox)?, expected);
    Ok(())
}
