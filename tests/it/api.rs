//! The HTTP API of a real `sweepctl serve`: the commands of docs/api.md, as they stand there.

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use crate::sandbox::{Sandbox, small_budget, until};

/// Two addresses that nobody listens on.
fn free_addresses() -> Result<[String; 2]> {
    let listeners = [TcpListener::bind("127.0.0.1:0")?, TcpListener::bind("127.0.0.1:0")?];
    let mut addresses = [String::new(), String::new()];
    for (address, listener) in addresses.iter_mut().zip(&listeners) {
        *address = listener.local_addr()?.to_string();
    }
    Ok(addresses)
}

/// Runs a line of shell as a reader of the page would.
fn shell(sandbox: &Sandbox, api: &str, line: &str) -> Result<String> {
    let mut command = Command::new("sh");
    command.args(["-c", line]).env("API", api).current_dir(sandbox.path(""));
    let output = command.stderr(Stdio::inherit()).output()?;
    let told = String::from_utf8(output.stdout)?;
    ensure!(output.status.success(), "`{line}` ended with {}: {told}", output.status);
    Ok(told)
}

#[tokio::test]
async fn the_commands_of_the_page_do_what_it_says() -> Result<()> {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/api.md");
    let page = fs::read_to_string(page)?;
    let blocks = page.split("```sh\n").skip(1);
    let commands: Vec<&str> = blocks.filter_map(|block| block.split("\n```").next()).collect();
    ensure!(commands.len() > 15, "{} commands", commands.len());

    let sandbox = Sandbox::new(&small_budget("small"));
    let [grpc, http] = free_addresses()?;
    let _serve = sandbox.spawn(&["serve", "--listen", &grpc, "--http", &http]);
    let server = format!("http://{grpc}");
    let _worker = sandbox.spawn(&["worker", "--server", &server]);
    let api = format!("http://{http}");
    let up = format!("{api}/api/v1/queue");
    until("the API answers", async || {
        Ok(Command::new("curl").args(["-sf", "-o", "/dev/null", &up]).status()?.success())
    })
    .await?;
    for command in commands {
        let told = shell(&sandbox, &api, command)?;
        if !command.contains("-sfN") {
            serde_json::from_str::<Value>(&told).with_context(|| format!("{command}: {told}"))?;
        } else if command.contains("Last-Event-ID") {
            ensure!(told.contains("event: resync"), "{told}");
        } else {
            ensure!(told.contains("event: ready"), "{told}");
        }
        if command.contains("Idempotency-Key") {
            // What follows looks at runs that have ended.
            let forecast = "curl -sf -o /dev/null $API/api/v1/sweeps/small/forecast";
            let metrics = "curl -sf -o /dev/null $API/api/v1/sweeps/small/runs/gpt%2Fd16x1%2F250ms%2F1/metrics/train_loss";
            until("there is a forecast and a run with points", async || {
                Ok([forecast, metrics].iter().all(|line| shell(&sandbox, &api, line).is_ok()))
            })
            .await?;
        }
    }
    Ok(())
}
