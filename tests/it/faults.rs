//! The coordinator is ended by SIGKILL between any two of its writes, and started again: no run is lost
//! or done twice, and every millisecond and every point is there once.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::os::unix::process::ExitStatusExt as _;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context as _, Result, ensure};
use sweep_core::proposal::Verdict;
use sweep_core::retry::AttemptEnd;
use sweep_core::run::RunState;
use sweep_core::sweep::RunRecord;
use sweep_harness::postgres::Postgres;
use sweep_store::Store;
use sweep_store::fault::Point;

use crate::outcome::{Found, check_books, check_finished, findings};
use crate::sandbox::{Sandbox, Stored, budget_over, long_budget, small_budget};
use crate::served::{Served, free_address};

/// Sandboxes at a time: each has a coordinator and two workers, which wait for one another most of the time.
const AT_ONCE: usize = 3;
const SIGKILL: i32 = 9;

/// What a coordinator is at when it is ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scene {
    /// Six short runs, which are trained to the end.
    Trained,
    /// The same with runs that take longer than the second after which points are put together.
    Long,
    /// Runs that were proposed are approved by budget.yaml.
    Approved,
    /// A run whose command fails: once and it is repeated, twice and it has failed.
    Failing,
}

impl Scene {
    fn budget(self) -> String {
        let short = small_budget("small")
            .replace("[250 ms, 500 ms, 1 s, 2 s]", "[100 ms, 200 ms, 400 ms]")
            .replace("[1, 2]", "[1]");
        match self {
            Self::Trained => short.replace("20k tokens/s", "200k tokens/s"),
            Self::Long => short.replace("20k tokens/s", "2M tokens/s"),
            Self::Approved => {
                let short = short.replace("budget: 10 min", "budget: 20 s");
                short + "propose: { budget: 2 s, autoApprove: 3 s }\n"
            }
            Self::Failing => {
                let arm = "  - name: own\n    trainer: { command: [sh, -c, exit 3] }\n    \
                           sizes: [{ width: 4, layers: 1, throughput: 1k tokens/s }]\n";
                let retries = "retries: { backoff: { first: 10 ms, max: 10 ms } }\n";
                budget_over("small", "[1 s]", arm) + retries
            }
        }
    }

    /// What must hold once the sweep is done in spite of it all. `undisturbed` is what the runs of
    /// [`Scene::Trained`] find when nothing happens.
    async fn check(self, stored: &Stored, undisturbed: &BTreeMap<String, Found>) -> Result<()> {
        match self {
            Self::Trained => {
                check_finished(stored).await?;
                ensure!(findings(stored).await? == *undisturbed, "the runs found something else");
                Ok(())
            }
            Self::Long => check_finished(stored).await,
            Self::Approved => {
                check_finished(stored).await?;
                check_approved(stored).await
            }
            Self::Failing => check_failed(stored).await,
        }
    }
}

/// Plans are a chain, and the approved runs are those that were paid for.
async fn check_approved(stored: &Stored) -> Result<()> {
    let newest = stored.store.plan(stored.sweep.id).await?.context("there is no plan")?;
    let records = stored.store.proposals(stored.sweep.id).await?;
    let mut approved_n = 0;
    let mut last = None;
    for record in &records {
        let Some(decision) = &record.decision else { continue };
        let Verdict::Approved { plan, .. } = decision.verdict else { continue };
        ensure!(last.is_none_or(|last| last == record.proposal.plan), "plans are not a chain");
        last = Some(plan);
        approved_n += 1;
    }
    ensure!(approved_n > 0 && last == Some(newest.id), "{approved_n} were approved");
    ensure!(newest.runs.len() == stored.runs.len(), "the newest plan has not all runs");
    Ok(())
}

/// It failed after two attempts that count, however many were cut off.
async fn check_failed(stored: &Stored) -> Result<()> {
    check_books(stored).await?;
    let [run] = &stored.runs[..] else { anyhow::bail!("{} runs", stored.runs.len()) };
    ensure!(run.state == RunState::Failed, "it is {}", run.state);
    let failed = run.attempts.iter().filter(|attempt| attempt.end == AttemptEnd::TrainerError);
    ensure!(failed.count() == 2, "{:?}", run.attempts);
    Ok(())
}

/// Where a point is met, and at which of its passings.
fn scenes(point: Point) -> &'static [(Scene, u32)] {
    use Scene::{Approved, Failing, Long, Trained};
    match point {
        // After the eighth of the migrations.
        Point::MigrateStep => &[(Trained, 8)],
        Point::TogetherDeleted | Point::TogetherInserted => &[(Long, 1)],
        Point::ApprovePlan
        | Point::ApproveWoken
        | Point::ApproveDecision
        | Point::ApproveCommitted => &[(Approved, 1)],
        // A first attempt goes back to the queue, a second fails, and those of the others succeed.
        Point::LedgerRefund
        | Point::SettleMetered
        | Point::SettleRefunded
        | Point::SettleLease
        | Point::SettleRun
        | Point::SettleCommitted => &[(Failing, 1), (Failing, 2), (Trained, 1)],
        // In the midst of training.
        Point::RenewLease | Point::MetricsChunk | Point::MetricsCommitted => &[(Trained, 2)],
        _ => &[(Trained, 1)],
    }
}

/// Ends a coordinator at a point, starts it again, and looks at what came of it.
async fn survives(
    point: Point,
    scene: Scene,
    passing: u32,
    undisturbed: &BTreeMap<String, Found>,
) -> Result<()> {
    let sandbox = Sandbox::new(&scene.budget());
    let log = sandbox.path("submit.log");
    let fault = format!("{point}:{passing}");
    let mut submit = sandbox.spawn_until(&fault, &["submit", "budget.yaml"], &log);
    let status = submit.exit().await?;
    let said = std::fs::read_to_string(&log)?;
    ensure!(status.signal() == Some(SIGKILL), "was not passed: it ended with {status}\n{said}");
    let again = sandbox.run(&["submit", "budget.yaml"]);
    let said = String::from_utf8_lossy(&again.stderr);
    // A sweep without a single result has no report, and says so.
    ensure!(scene == Scene::Failing || again.status.success(), "{}\n{said}", again.status);
    let stored = sandbox.stored().await?.context("nothing is stored")?;
    scene.check(&stored, undisturbed).await
}

/// The same for a coordinator of a team: on PostgreSQL, with workers that outlive it. They wait for the
/// next one and go on in the same attempts.
async fn outlived(
    postgres: &Postgres,
    point: Point,
    passing: u32,
    undisturbed: &BTreeMap<String, Found>,
) -> Result<()> {
    let sandbox = Sandbox::new(&Scene::Trained.budget());
    let (database, address) = (postgres.create_database()?, free_address()?);
    let options = ["--database", &database];
    let fault = format!("{point}:{passing}");
    let mut first = Served::start_at(&sandbox, &address, Some(&fault), &options).await?;
    let worker = ["worker", "--server", &first.url];
    let _workers = [sandbox.spawn(&worker), sandbox.spawn(&worker)];
    let submit = ["submit", "budget.yaml", "--server", &first.url];
    let _submit = sandbox.spawn(&submit);
    let status = first.process.exit().await?;
    ensure!(status.signal() == Some(SIGKILL), "was not passed: it ended with {status}");

    let _second = Served::start_at(&sandbox, &address, None, &options).await?;
    sandbox.succeed(&submit);
    let stored = Stored::read(Store::open(&database).await?).await?.context("nothing is stored")?;
    let attempts: Vec<u32> = stored.runs.iter().map(|run| run.attempts_n).collect();
    ensure!(attempts.iter().all(|attempts_n| *attempts_n == 1), "attempts: {attempts:?}");
    Scene::Trained.check(&stored, undisturbed).await
}

/// Does each of the cases, a few at a time, and tells all that went wrong.
fn all_of<T: Copy + Debug + Sync>(
    cases: &[T],
    survives: impl AsyncFn(T) -> Result<()> + Sync,
) -> Result<()> {
    let (next, wrong) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|threads| {
        for _ in 0..AT_ONCE {
            threads.spawn(|| {
                while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if let Err(error) = wait_for(survives(*case)) {
                        let told = format!("{case:?}: {error:#}");
                        wrong.lock().expect("nobody panics with it").push(told);
                    }
                }
            });
        }
    });
    let wrong = wrong.into_inner().context("a thread panicked")?;
    ensure!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
    Ok(())
}

fn wait_for<T>(future: impl Future<Output = Result<T>>) -> Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(future)
}

/// What the runs of [`Scene::Trained`] find when nothing happens.
fn undisturbed() -> Result<BTreeMap<String, Found>> {
    let sandbox = Sandbox::new(&Scene::Trained.budget());
    sandbox.succeed(&["submit", "budget.yaml"]);
    wait_for(async {
        let stored = sandbox.stored().await?.context("nothing is stored")?;
        check_finished(&stored).await?;
        findings(&stored).await
    })
}

#[test]
fn a_coordinator_that_dies_between_any_two_writes_goes_on_where_it_was() -> Result<()> {
    let undisturbed = undisturbed()?;
    let of = |point: Point| scenes(point).iter().map(move |(scene, n)| (point, *scene, *n));
    let cases: Vec<_> = Point::ALL.iter().copied().flat_map(of).collect();
    all_of(&cases, async |(point, scene, n)| survives(point, scene, n, &undisturbed).await)
}

/// Of a claim, a batch of points, a heartbeat, a checkpoint and an end.
const OUTLIVED: [(Point, u32); 16] = [
    (Point::ClaimLease, 1),
    (Point::ClaimLedger, 2),
    (Point::ClaimRun, 1),
    (Point::ClaimCommitted, 2),
    (Point::LedgerReserve, 1),
    (Point::LedgerSpend, 1),
    (Point::LedgerRefund, 1),
    (Point::RenewLease, 2),
    (Point::MetricsChunk, 2),
    (Point::MetricsCommitted, 2),
    (Point::CheckpointCommitted, 1),
    (Point::SettleObservation, 1),
    (Point::SettleRefunded, 2),
    (Point::SettleLease, 1),
    (Point::SettleRun, 2),
    (Point::SettleCommitted, 1),
];

#[test]
fn workers_outlive_a_coordinator_that_dies_between_two_writes_to_postgresql() -> Result<()> {
    let (undisturbed, postgres) = (undisturbed()?, Postgres::start()?);
    all_of(&OUTLIVED, async |(point, n)| outlived(&postgres, point, n, &undisturbed).await)
}

/// Of a sweep that was paused: its first run stops, and with it the coordinator.
#[tokio::test]
async fn a_coordinator_that_dies_while_a_run_is_stopping_takes_it_back() -> Result<()> {
    let budget = long_budget().replace("400k tokens/s", "4M tokens/s");
    let sandbox = Sandbox::new(&budget);
    let log = sandbox.path("submit.log");
    let mut submit = sandbox.spawn_until("settle.lease:1", &["submit", "budget.yaml"], &log);
    let is_begun = |run: &RunRecord| run.checkpoint.as_ref().is_some_and(|saved| saved.step > 0);
    let under_way = |stored: &Stored| stored.runs.iter().any(is_begun);
    let before = sandbox.wait_until("a run has a checkpoint", under_way).await?;
    let begun = before.runs.iter().find(|run| is_begun(run)).context("it has one")?.spec.id;
    sandbox.succeed(&["pause"]);
    let status = submit.exit().await?;
    ensure!(status.signal() == Some(SIGKILL), "it ended with {status}");

    sandbox.succeed(&["status"]);
    let stored = sandbox.stored().await?.context("nothing is stored")?;
    check_books(&stored).await?;
    ensure!(stored.sweep.paused_at.is_some(), "the pause was forgotten");
    ensure!(stored.runs.iter().all(|run| !run.state.is_active() && run.stop.is_none()));
    let run = stored.runs.iter().find(|run| run.spec.id == begun).context("it is gone")?;
    ensure!(run.state == RunState::Queued && is_begun(run), "{run:?}");
    let ends: Vec<AttemptEnd> = run.attempts.iter().map(|attempt| attempt.end).collect();
    ensure!(ends == [AttemptEnd::Preempted], "{ends:?}");
    Ok(())
}
