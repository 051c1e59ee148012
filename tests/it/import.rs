//! Finished runs of other tools: into a sweep, seen by its forecast, and taken back.

use std::path::PathBuf;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use crate::sandbox::{Sandbox, small_budget};

/// A law that runs of the arm `gpt` follow, in classes beyond those of the small sweep.
fn table() -> String {
    let mut table = "run,model,params,tokens,hours,bpb,status\n".to_owned();
    for (row, seconds) in [4.0, 8.0, 16.0, 32.0].into_iter().enumerate() {
        let bits = 1.2 + 2.0 * f64::powf(seconds, -0.3);
        let hours = seconds / 3600.0;
        table +=
            &format!("old-{row},base,{},{},{hours},{bits},finished\n", 4_000 << row, 80_000 << row);
    }
    table
}

fn json(sandbox: &Sandbox, arguments: &[&str]) -> Result<Value> {
    Ok(serde_json::from_str(&sandbox.succeed(&[arguments, &["--json"]].concat()))?)
}

#[tokio::test]
async fn imported_runs_are_seen_by_the_forecast_until_they_are_taken_back() -> Result<()> {
    let sandbox = Sandbox::new(&small_budget("small"));
    std::fs::write(sandbox.path("old.csv"), table())?;
    let import = ["import", "old.csv", "--arm-column", "model", "--rename", "base=gpt"];
    let output = sandbox.run(&import);
    assert_eq!(output.status.code(), Some(1), "there is no sweep yet");

    sandbox.succeed(&["submit", "budget.yaml"]);
    let before = sandbox.stored().await?.context("nothing is stored")?;
    let own = before.store.observations(before.sweep.id).await?;
    let forecasts_n = before.store.forecasts(before.sweep.id).await?.len();

    let dry = sandbox.succeed(&[&import[..], &["--dry-run"]].concat());
    assert!(dry.contains("would import 4 runs"), "{dry}");
    assert_eq!(before.store.observations(before.sweep.id).await?, own);

    let report = json(&sandbox, &import)?;
    assert_eq!(report["new"].as_array().map(Vec::len), Some(4), "{report}");
    let all = before.store.observations(before.sweep.id).await?;
    assert_eq!((&all[..own.len()], all.len()), (own.as_slice(), own.len() + 4));
    let forecasts = before.store.forecasts(before.sweep.id).await?;
    ensure!(forecasts.len() == forecasts_n + 1, "the laws were refitted once");
    let seen = forecasts.last().context("there is a forecast")?.observations_n;
    assert_eq!(seen as usize, all.len());

    // Every reader sees them: fits of the sweep, and its status.
    let fit = json(
        &sandbox,
        &[
            "fit",
            "sweep:",
            "--law",
            "power-const",
            "--column",
            "D=hours",
            "--where",
            "arm=gpt",
            "--bootstrap",
            "0",
        ],
    )?;
    let gpt_n = own.iter().filter(|run| run.arm == "gpt" && run.is_fit()).count() as u64;
    assert_eq!(fit["rows_n"].as_u64(), Some(gpt_n + 4), "{fit}");
    let id = report["import"]["id"].as_str().context("the import has an id")?;
    assert!(sandbox.succeed(&["status"]).contains(&format!("4 runs of old.csv ({id})")));

    // The same again changes nothing; a table that has grown brings what is new.
    let again = json(&sandbox, &import)?;
    assert_eq!((&again["import"], again["known_n"].as_u64()), (&Value::Null, Some(4)));
    std::fs::write(sandbox.path("old.csv"), table() + "new,base,64000,1e6,0.02,1.5,finished\n")?;
    assert_eq!(json(&sandbox, &import)?["new"].as_array().map(Vec::len), Some(1));
    assert_eq!(before.store.observations(before.sweep.id).await?.len(), all.len() + 1);

    let taken = sandbox.succeed(&["import", "--withdraw", id]);
    assert!(taken.contains("took back 4 runs of old.csv from small"), "{taken}");
    assert_eq!(before.store.observations(before.sweep.id).await?.len(), own.len() + 1);
    Ok(())
}

/// Logs that the trackers themselves wrote.
#[tokio::test]
async fn logs_of_trackers_are_tables_of_runs() -> Result<()> {
    let sandbox = Sandbox::new(&small_budget("small"));
    let recorded = |file: &str| {
        PathBuf::from(env!("CARGO_MANIFEST_DIR"))
            .join("../coordinator/cli/src/runs_file/recorded")
            .join(file)
    };
    for (from, to) in [
        ("run.tfevents", "logs/one/events.out.tfevents.1"),
        ("session.tfevents", "logs/one/hparams/events.out.tfevents.2"),
        ("tensors.tfevents", "logs/two/events.out.tfevents.1"),
        ("run.wandb", "wandb/offline-run-1/run-1.wandb"),
    ] {
        let to = sandbox.path(to);
        std::fs::create_dir_all(to.parent().context("it lies in a folder")?)?;
        std::fs::copy(recorded(from), to)?;
    }
    sandbox.succeed(&["submit", "budget.yaml"]);

    let wandb = ["import", "wandb", "--dry-run"];
    let found = &json(&sandbox, &wandb)?["new"][0];
    assert_eq!(
        (found["params_n"].as_u64(), found["tokens_d"].as_u64()),
        (Some(4_000_000), Some(40_000_000))
    );
    let bits = found["bits_per_byte"].as_f64().context("it has a loss")?;
    assert!((bits - 1.995).abs() < 1e-12, "{bits}");

    // The second run of TensorBoard's says nothing of its size.
    let logs = ["import", "logs", "--arm", "gpt", "--column", "D=step", "--dry-run"];
    let refused = sandbox.run(&logs);
    let stderr = String::from_utf8_lossy(&refused.stderr);
    assert_eq!(refused.status.code(), Some(1), "{stderr}");
    assert!(
        stderr.contains("1 of 2 rows of logs") && stderr.contains("params_n is ``"),
        "{stderr}"
    );
    let report = json(&sandbox, &[&logs[..], &["--skip-bad", "--accelerators", "2"]].concat())?;
    let found = &report["new"][0];
    assert_eq!((found["hours"].as_f64(), found["tokens_d"].as_u64()), (Some(6.0), Some(300)));
    assert_eq!(found["bits_per_byte"].as_f64(), Some(2.25));
    Ok(())
}

#[tokio::test]
async fn what_cannot_be_imported_changes_nothing() -> Result<()> {
    let sandbox = Sandbox::new(&small_budget("small"));
    sandbox.succeed(&["submit", "budget.yaml"]);
    let stored = sandbox.stored().await?.context("nothing is stored")?;
    let before = stored.store.observations(stored.sweep.id).await?;
    std::fs::write(sandbox.path("good.csv"), table())?;
    std::fs::write(sandbox.path("bad.csv"), table().replace(",bpb,", ",val_loss,"))?;
    std::fs::write(sandbox.path("nan.csv"), table().replacen("80000", "nan", 1))?;
    std::fs::create_dir(sandbox.path("empty"))?;
    let arm = ["--arm-column", "model"];
    for (arguments, needles) in [
        (&["good.csv"][..], &["--arm-column", "its columns are run, model"][..]),
        (&["good.csv", arm[0], arm[1]], &["no arm `base`", "gpt, qlstm", "--rename"]),
        (&["good.csv", "--arm", "gtp"], &["did you mean `gpt`"]),
        (&["good.csv", "--arm", "gpt", "--sweep", "other"], &["no sweep is called `other`"]),
        (&["bad.csv", "--arm", "gpt"], &["val_loss", "--bytes-per-token"]),
        (&["nan.csv", "--arm", "gpt"], &["nan.csv:2: tokens is `nan`", "--skip-bad"]),
        (&["empty", "--arm", "gpt"], &["empty holds no runs", "*.wandb"]),
        (&["nowhere.csv", "--arm", "gpt"], &["nowhere.csv cannot be read"]),
        (&["--withdraw", "nonsense"], &["small has no import `nonsense`", "it has none"]),
    ] {
        let output = sandbox.run(&[&["import"], arguments].concat());
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}\n{stderr}");
        for needle in needles {
            assert!(stderr.contains(needle), "{arguments:?} does not say `{needle}`:\n{stderr}");
        }
    }
    assert_eq!(stored.store.observations(stored.sweep.id).await?, before);
    assert!(stored.store.imports(stored.sweep.id).await?.is_empty());
    Ok(())
}
