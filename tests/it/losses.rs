//! Workers that die, freeze or are cut off, and a database that is restarted under load.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use anyhow::{Context as _, Result, ensure};
use sweep_core::clock::{Clock as _, SystemClock};
use sweep_core::ids::{RunId, WorkerId};
use sweep_core::retry::AttemptEnd;
use sweep_core::run::RunState;
use sweep_core::sweep::{RunRecord, SweepPhase};
use sweep_harness::postgres::Postgres;
use sweep_harness::proxy::Proxy;
use sweep_store::Store;

use crate::outcome::{Found, check_finished, findings};
use crate::sandbox::{Sandbox, Stored, Watched, freeze, kill_9, small_budget, thaw, until};
use crate::served::{Served, free_address};

/// Six runs that take a second or more.
fn budget() -> String {
    small_budget("small")
        .replace("[250 ms, 500 ms, 1 s, 2 s]", "[500 ms, 1 s, 2 s]")
        .replace("[1, 2]", "[1]")
        .replace("20k tokens/s", "600k tokens/s")
}

/// What its runs find when nothing happens.
async fn undisturbed() -> Result<BTreeMap<String, Found>> {
    let sandbox = Sandbox::new(&budget());
    sandbox.succeed(&["submit", "budget.yaml"]);
    let stored = sandbox.stored().await?.context("nothing is stored")?;
    check_finished(&stored).await?;
    findings(&stored).await
}

/// A worker process that is known by its id.
struct Worker {
    id: WorkerId,
    process: Watched,
    log: PathBuf,
}

impl Worker {
    fn start(sandbox: &Sandbox, url: &str) -> Self {
        let id = WorkerId::new();
        let (name, log) = (id.to_string(), sandbox.path(&format!("worker-{id}.log")));
        let arguments = ["-v", "worker", "--id", &name, "--server", url];
        Self { id, process: sandbox.spawn_logged(&arguments, &log), log }
    }

    fn log(&self) -> Result<String> {
        Ok(std::fs::read_to_string(&self.log)?)
    }

    /// The run that it has begun and is far from having ended.
    async fn caught(&self, stored: &Stored) -> Result<Option<RunId>> {
        let lease = stored.store.lease_of(self.id).await?;
        let of = |run: &&RunRecord| lease.is_some_and(|lease| lease.run == run.spec.id);
        let run = stored.runs.iter().find(of);
        Ok(run.filter(|run| is_begun(run)).map(|run| run.spec.id))
    }
}

fn is_begun(run: &RunRecord) -> bool {
    let saved = run.checkpoint.as_ref().map_or(0, |checkpoint| checkpoint.step);
    run.state == RunState::Running && saved > 0 && saved * 2 < run.spec.steps
}

fn run_of(stored: &Stored, run: RunId) -> Result<&RunRecord> {
    stored.runs.iter().find(|known| known.spec.id == run).context("the run is gone")
}

/// The runs that these workers have begun, each of its own.
async fn all_caught(sandbox: &Sandbox, workers: &[&Worker]) -> Result<Vec<RunId>> {
    let mut caught = Vec::new();
    until("every worker is in the midst of a run", async || {
        caught.clear();
        let Some(stored) = sandbox.stored().await? else { return Ok(false) };
        for worker in workers {
            caught.extend(worker.caught(&stored).await?);
        }
        Ok(caught.len() == workers.len())
    })
    .await?;
    Ok(caught)
}

async fn done(sandbox: &Sandbox) -> Result<Stored> {
    let is_done = |stored: &Stored| stored.sweep.phase == SweepPhase::Done;
    sandbox.wait_until("the sweep is done", is_done).await
}

fn ends(run: &RunRecord) -> Vec<AttemptEnd> {
    run.attempts.iter().map(|attempt| attempt.end).collect()
}

/// What a lost attempt leaves: another one went on, and one that was lost is not charged for it.
async fn check_lost(stored: &Stored, lost: &[RunId]) -> Result<()> {
    check_finished(stored).await?;
    for run in lost {
        let run = run_of(stored, *run)?;
        let expected = [AttemptEnd::WorkerLost, AttemptEnd::Succeeded];
        ensure!(ends(run) == expected, "{}: {:?}", run.spec.label(), ends(run));
    }
    Ok(())
}

#[tokio::test]
async fn half_of_the_workers_are_lost_at_once_and_the_others_do_their_work() -> Result<()> {
    let expected = undisturbed().await?;
    let sandbox = Sandbox::new(&budget());
    let served = Served::start(&sandbox, &[]).await?;
    let _submit = sandbox.spawn(&["submit", "budget.yaml", "--server", &served.url]);
    let workers = [(); 4].map(|()| Worker::start(&sandbox, &served.url));
    let dying = [&workers[0], &workers[1]];
    let lost = all_caught(&sandbox, &dying).await?;
    for worker in dying {
        kill_9(worker.process.pid())?;
    }
    let stored = done(&sandbox).await?;
    check_lost(&stored, &lost).await?;
    assert_eq!(findings(&stored).await?, expected);
    Ok(())
}

/// One that is stopped by the system and one whose network is cut, both for longer than their leases. The
/// second trains to the end meanwhile, and keeps what it has to say.
#[tokio::test]
async fn workers_that_come_back_too_late_are_refused_and_what_they_found_before_is_kept()
-> Result<()> {
    let expected = undisturbed().await?;
    let sandbox = Sandbox::new(&budget());
    let served = Served::start(&sandbox, &[]).await?;
    let _submit = sandbox.spawn(&["submit", "budget.yaml", "--server", &served.url]);
    let network = Proxy::start(served.url.trim_start_matches("http://"))?;
    let frozen = Worker::start(&sandbox, &served.url);
    let cut_off = Worker::start(&sandbox, &format!("http://{}", network.address()));
    let lost = all_caught(&sandbox, &[&frozen, &cut_off]).await?;
    freeze(frozen.process.pid())?;
    network.cut();
    let before = sandbox.stored().await?.context("nothing is stored")?;
    let before: Vec<_> = before.runs.into_iter().filter(|r| lost.contains(&r.spec.id)).collect();

    let _other = Worker::start(&sandbox, &served.url);
    let taken_over = |stored: &Stored| {
        let mut runs = stored.runs.iter().filter(|run| lost.contains(&run.spec.id));
        runs.all(|run| run.state == RunState::Succeeded && run.attempts_n == 2)
    };
    sandbox.wait_until("another has trained their runs", taken_over).await?;
    thaw(frozen.process.pid())?;
    network.mend();
    for worker in [&frozen, &cut_off] {
        until("it was refused", async || Ok(worker.log()?.contains("the run is dropped"))).await?;
    }
    let stored = done(&sandbox).await?;
    check_lost(&stored, &lost).await?;
    assert_eq!(findings(&stored).await?, expected);
    // The second attempts went on from where the first ones were.
    for run in &before {
        let saved = run.checkpoint.as_ref().context("it had begun")?.step;
        let after = run_of(&stored, run.spec.id)?;
        ensure!(saved > 0 && after.spent > run.spent, "{} began anew", run.spec.label());
    }
    Ok(())
}

/// Files of a run's checkpoints.
fn checkpoints(sandbox: &Sandbox, run: RunId) -> BTreeSet<PathBuf> {
    let folder = sandbox.data_dir().join("checkpoints").join(run.to_string());
    let files = std::fs::read_dir(folder).into_iter().flatten().flatten();
    files.map(|file| file.path()).collect()
}

#[tokio::test]
async fn a_worker_that_is_cut_off_trains_on_and_tells_it_all_later() -> Result<()> {
    let expected = undisturbed().await?;
    let sandbox = Sandbox::new(&budget());
    let served = Served::start(&sandbox, &[]).await?;
    let _submit = sandbox.spawn(&["submit", "budget.yaml", "--server", &served.url]);
    let network = Proxy::start(served.url.trim_start_matches("http://"))?;
    let worker = Worker::start(&sandbox, &format!("http://{}", network.address()));
    let caught = all_caught(&sandbox, &[&worker]).await?;
    network.cut();
    let (run, at_the_cut) = (caught[0], checkpoints(&sandbox, caught[0]));
    until("it has written checkpoints that nobody was told of", async || {
        Ok(checkpoints(&sandbox, run).difference(&at_the_cut).count() > 0)
    })
    .await?;
    // A lease lasts thirty seconds from the last heartbeat, which is due every second.
    let stored = sandbox.stored().await?.context("nothing is stored")?;
    until("heartbeats are overdue", async || {
        let lease = stored.store.lease_of(worker.id).await?.context("the lease was lost")?;
        Ok(lease.expires_at < SystemClock.now().plus_ms(27_000))
    })
    .await?;
    network.mend();
    let stored = done(&sandbox).await?;
    check_finished(&stored).await?;
    for run in &stored.runs {
        ensure!(ends(run) == [AttemptEnd::Succeeded], "{}: {:?}", run.spec.label(), ends(run));
    }
    assert_eq!(findings(&stored).await?, expected);
    Ok(())
}

/// Its worker has trained to the end meanwhile, and nobody takes its run from it.
#[tokio::test]
async fn a_coordinator_that_was_away_for_longer_than_a_lease_hears_its_workers_first() -> Result<()>
{
    let sandbox = Sandbox::new(&budget());
    let address = free_address()?;
    let first = Served::start_at(&sandbox, &address, None, &[]).await?;
    let submit = ["submit", "budget.yaml", "--server", &first.url];
    let _submit = sandbox.spawn(&submit);
    let worker = Worker::start(&sandbox, &first.url);
    let caught = all_caught(&sandbox, &[&worker]).await?[0];
    kill_9(first.process.pid())?;
    let stored = sandbox.stored().await?.context("nothing is stored")?;
    let lease = stored.store.lease_of(worker.id).await?.context("it has a lease")?;
    until("its lease has expired", async || Ok(lease.expires_at < SystemClock.now())).await?;

    let _second = Served::start_at(&sandbox, &address, None, &[]).await?;
    let stored = done(&sandbox).await?;
    check_finished(&stored).await?;
    let run = run_of(&stored, caught)?;
    ensure!(ends(run) == [AttemptEnd::Succeeded], "{}: {:?}", run.spec.label(), ends(run));
    Ok(())
}

#[tokio::test]
async fn a_database_is_restarted_under_load_and_everybody_goes_on() -> Result<()> {
    let expected = undisturbed().await?;
    let postgres = Postgres::start_lasting()?;
    let sandbox = Sandbox::new(&budget());
    let database = postgres.create_database()?;
    let mut served = Served::start(&sandbox, &["--database", &database]).await?;
    let mut workers = [(); 2].map(|()| Worker::start(&sandbox, &served.url));
    let _submit = sandbox.spawn(&["submit", "budget.yaml", "--server", &served.url]);
    let stored = async || Stored::read(Store::open(&database).await?).await;
    for ended_n in [1, 3] {
        until("runs have ended and others are trained", async || {
            let Some(stored) = stored().await? else { return Ok(false) };
            let ended = stored.runs.iter().filter(|run| run.state == RunState::Succeeded);
            Ok(ended.count() >= ended_n && stored.runs.iter().any(|run| run.state.is_active()))
        })
        .await?;
        postgres.restart(|| {
            // Somebody's call was refused while it was away.
            for worker in &mut workers {
                ensure!(worker.process.is_running()?, "{}", worker.log()?);
            }
            Ok(())
        })?;
    }
    until("the sweep is done", async || {
        Ok(stored().await?.is_some_and(|stored| stored.sweep.phase == SweepPhase::Done))
    })
    .await?;
    ensure!(served.process.is_running()?, "{}", served.log()?);
    for worker in &mut workers {
        ensure!(worker.process.is_running()?, "{}", worker.log()?);
    }
    let stored = stored().await?.context("the sweep is gone")?;
    check_finished(&stored).await?;
    for run in &stored.runs {
        ensure!(ends(run) == [AttemptEnd::Succeeded], "{}: {:?}", run.spec.label(), ends(run));
    }
    assert_eq!(findings(&stored).await?, expected);
    Ok(())
}
