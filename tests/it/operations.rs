//! What whoever runs a coordinator does with it: look whether it is well, stop it, back it up.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use anyhow::{Context as _, Result};
use serde_json::Value;
use sweep_core::run::RunState;
use sweep_core::sweep::SweepPhase;
use sweep_harness::postgres::Postgres;
use sweep_store::Store;

use crate::sandbox::{Sandbox, long_budget, small_budget, terminate, until};
use crate::served::{Served, free_address};

/// The verdict and words on one thing.
fn check<'a>(checks: &'a Value, name: &str) -> Result<(&'a str, &'a str)> {
    let all = checks.as_array().context("a list")?;
    let found = all.iter().find(|check| check["name"] == name).context("it was not looked at")?;
    let text = |key: &str| found[key].as_str().unwrap_or_default();
    Ok((text("verdict"), text("says")))
}

#[tokio::test]
async fn a_coordinator_that_is_well_says_so_and_one_that_is_gone_is_a_failure() -> Result<()> {
    let sandbox = Sandbox::new(&small_budget("small"));
    let mut served = Served::start(&sandbox, &["--auth", "tokens"]).await?;
    let viewer = served.token("wall", &["--role", "viewer", "--expires", "3d"]);
    let checks: Value = serde_json::from_str(&served.succeed_as(&viewer, &["doctor", "--json"]))?;
    assert_eq!(check(&checks, "version")?.0, "ok");
    assert_eq!(check(&checks, "schema")?.0, "ok");
    assert_eq!(check(&checks, "clock")?.0, "ok");
    assert_eq!(check(&checks, "workers")?, ("warn", "0 workers"));
    assert!(check(&checks, "database")?.1.starts_with("SQLite 3."), "{checks}");
    let (verdict, says) = check(&checks, "token")?;
    assert_eq!(verdict, "warn", "it expires in three days");
    assert!(says.starts_with("wall: viewer of all projects, until 2"), "{says}");
    let worker = served.token("gpus", &["--role", "worker"]);
    assert!(served.succeed_as(&worker, &["doctor"]).contains("gpus: worker of all projects"));

    terminate(served.process.pid())?;
    assert_eq!(served.process.exit().await?.code(), Some(0));
    let gone = served.run_as(&viewer, &["doctor"]);
    let said = String::from_utf8_lossy(&gone.stdout);
    assert_eq!(gone.status.code(), Some(1), "{said}");
    assert!(said.starts_with("fail  connection") && said.ends_with("1 failure\n"), "{said}");
    Ok(())
}

#[tokio::test]
async fn a_coordinator_that_is_stopped_tells_watchers_and_its_workers_go_on_with_the_next()
-> Result<()> {
    let sandbox = Sandbox::new(&long_budget());
    let address = free_address()?;
    let url = format!("http://{address}");
    let serve = ["serve", "--listen", &address, "--http", "none"];
    let begin = async || -> Result<_> {
        let process = sandbox.spawn(&serve);
        let listens = async || Ok(TcpStream::connect(&address).is_ok());
        until("the coordinator listens", listens).await?;
        Ok(process)
    };
    let mut first = begin().await?;
    let _worker = sandbox.spawn(&["worker", "--server", &url]);
    let log = sandbox.path("submit.log");
    let mut submit = sandbox.spawn_logged(&["submit", "budget.yaml", "--server", &url], &log);
    let trains = |run: &sweep_core::sweep::RunRecord| run.state == RunState::Running;
    let caught =
        sandbox.wait_until("a run is trained", |stored| stored.runs.iter().any(trains)).await?;

    terminate(first.pid())?;
    assert_eq!(first.exit().await?.code(), Some(0), "an orderly end");
    assert_eq!(submit.exit().await?.code(), Some(2));
    let told = std::fs::read_to_string(&log)?;
    assert!(told.contains("the coordinator went away"), "{told}");
    assert!(told.contains("being stopped"), "{told}");

    // The run that was caught goes on in the same attempt: its worker has waited.
    let _second = begin().await?;
    let run = caught.runs.iter().find(|run| trains(run)).context("one was trained")?.spec.id;
    let ended = sandbox
        .wait_until("it has ended", |stored| {
            stored.runs.iter().any(|known| known.spec.id == run && known.state.is_final())
        })
        .await?;
    let run = ended.runs.iter().find(|known| known.spec.id == run).context("it is gone")?;
    assert_eq!((run.state, run.attempts_n), (RunState::Succeeded, 1));
    sandbox.succeed(&["cancel", "small", "--server", &url]);
    Ok(())
}

#[tokio::test]
async fn a_sweep_goes_on_from_a_restored_dump() -> Result<()> {
    let postgres = Postgres::start()?;
    let sandbox = Sandbox::new(&small_budget("small"));
    let database = postgres.create_database()?;
    let mut served = Served::start(&sandbox, &["--database", &database]).await?;
    let mut worker = sandbox.spawn(&["worker", "--server", &served.url]);
    let mut submit = sandbox.spawn(&["submit", "budget.yaml", "--server", &served.url]);
    let store = Store::open(&database).await?;
    let succeeded = async |store: &Store| -> Result<usize> {
        let Some(sweep) = store.sweeps().await?.into_iter().next() else { return Ok(0) };
        let runs = store.runs(sweep.id).await?;
        Ok(runs.iter().filter(|run| run.state == RunState::Succeeded).count())
    };
    until("two runs have ended", async || Ok(succeeded(&store).await? >= 2)).await?;
    for process in [&mut worker, &mut served.process] {
        terminate(process.pid())?;
        assert_eq!(process.exit().await?.code(), Some(0));
    }
    submit.exit().await?;
    let (before_n, events) = (succeeded(&store).await?, store.sweeps().await?);

    let restored = postgres.restore_from_dump(&database)?;
    let copy = Store::open(&restored).await?;
    assert_eq!(copy.sweeps().await?, events);
    assert_eq!(succeeded(&copy).await?, before_n);
    let served = Served::start(&sandbox, &["--database", &restored]).await?;
    let _worker = sandbox.spawn(&["worker", "--server", &served.url]);
    sandbox.succeed(&["submit", "budget.yaml", "--server", &served.url]);
    let sweep = copy.sweeps().await?.into_iter().next().context("the sweep is gone")?;
    let runs = copy.runs(sweep.id).await?;
    assert_eq!(sweep.phase, SweepPhase::Done);
    assert!(runs.iter().all(|run| run.state == RunState::Succeeded), "{runs:?}");
    assert!(copy.balance(sweep.id).await?.holds());
    // What was restored keeps its promises: rows that never change still do not.
    assert_eq!(succeeded(&store).await?, before_n, "the old database was written to");
    Ok(())
}

/// A client that holds its connection and answers nothing: HTTP/2's preface and empty settings
/// (RFC 9113, section 3.4).
fn stubborn(served: &Served<'_>) -> Result<TcpStream> {
    let address = served.url.trim_start_matches("http://");
    let mut client = TcpStream::connect(address)?;
    client.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0")?;
    // The server's settings: it knows the client.
    client.read_exact(&mut [0])?;
    Ok(client)
}

#[tokio::test]
async fn a_client_that_does_not_let_go_is_cut_off() -> Result<()> {
    let sandbox = Sandbox::new(&small_budget("small"));
    std::fs::write(sandbox.path("sweep.toml"), "grace-seconds = 1\n")?;
    let mut patient = Served::start(&sandbox, &[]).await?;
    let _client = stubborn(&patient)?;
    terminate(patient.process.pid())?;
    assert_eq!(patient.process.exit().await?.code(), Some(0));
    assert!(patient.log()?.contains("calls in progress are cut"), "{}", patient.log()?);

    std::fs::write(sandbox.path("sweep.toml"), "grace-seconds = 3600\n")?;
    let mut urged = Served::start(&sandbox, &[]).await?;
    let _client = stubborn(&urged)?;
    terminate(urged.process.pid())?;
    until("it was asked once", async || Ok(urged.log()?.contains("asked to stop"))).await?;
    terminate(urged.process.pid())?;
    assert_eq!(urged.process.exit().await?.code(), Some(143), "{}", urged.log()?);
    Ok(())
}
