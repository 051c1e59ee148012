//! Several coordinators on one database, of which any may die, and workers that may die too.

use anyhow::{Context as _, Result, ensure};
use sweep_core::run::RunState;
use sweep_core::sweep::SweepPhase;
use sweep_core::units::AcceleratorTime;
use sweep_harness::postgres::Postgres;
use sweep_store::Store;

use crate::sandbox::{Sandbox, Watched, kill_9, small_budget, until};
use crate::served::free_address;

/// Coordinators, and workers of each.
const REPLICAS_N: usize = 3;
const WORKERS_N: usize = 6;
/// Processes that are killed in the course of the sweep.
const KILLS_N: usize = 8;

/// A team's machines, all of them here.
struct Team<'a> {
    sandbox: &'a Sandbox,
    database: String,
    addresses: Vec<String>,
    replicas: Vec<Watched>,
    workers: Vec<Watched>,
}

impl<'a> Team<'a> {
    fn start(sandbox: &'a Sandbox, database: String) -> Result<Self> {
        let addresses = (0..REPLICAS_N).map(|_| free_address()).collect::<Result<_>>()?;
        let mut team =
            Self { sandbox, database, addresses, replicas: Vec::new(), workers: Vec::new() };
        team.replicas = (0..REPLICAS_N).map(|n| team.replica(n)).collect();
        team.workers = (0..WORKERS_N).map(|n| team.worker(n)).collect();
        Ok(team)
    }

    fn log(&self, n: usize) -> std::path::PathBuf {
        self.sandbox.path(&format!("serve-{n}.log"))
    }

    fn url(&self, n: usize) -> String {
        format!("http://{}", self.addresses[n])
    }

    fn replica(&self, n: usize) -> Watched {
        let serve = ["-vvv", "serve", "--listen", &self.addresses[n], "--http", "none"];
        let serve = [&serve[..], &["--database", &self.database]].concat();
        self.sandbox.spawn_logged(&serve, &self.log(n))
    }

    /// Workers know one coordinator each, in turns.
    fn worker(&self, n: usize) -> Watched {
        self.sandbox.spawn(&["worker", "--server", &self.url(n % REPLICAS_N)])
    }

    /// Ends a coordinator as a crash would, and starts another in its place.
    fn crash_replica(&mut self, n: usize) -> Result<()> {
        kill_9(self.replicas[n].pid())?;
        self.replicas[n] = self.replica(n);
        Ok(())
    }

    fn crash_worker(&mut self, n: usize) -> Result<()> {
        kill_9(self.workers[n].pid())?;
        self.workers[n] = self.worker(n);
        Ok(())
    }

    /// Coordinators that say they lead, by the last that each said of it.
    fn leaders_n(&self) -> Result<usize> {
        let mut leaders_n = 0;
        for n in 0..REPLICAS_N {
            let log = std::fs::read_to_string(self.log(n))?;
            let last = log.lines().rfind(|line| line.contains("the lead has changed"));
            leaders_n += usize::from(last.is_some_and(|line| line.contains("is_leading=true")));
        }
        Ok(leaders_n)
    }
}

#[tokio::test]
async fn a_sweep_outlives_its_coordinators_and_workers() -> Result<()> {
    let postgres = Postgres::start()?;
    let database = postgres.create_database()?;
    let budget = small_budget("small").replace("20k tokens/s", "100k tokens/s");
    let budget = budget.replace("budget: 10 min", "budget: 60 s")
        + "propose: { budget: 6 s, autoApprove: 6 s }\n";
    let sandbox = Sandbox::new(&budget);
    let mut team = Team::start(&sandbox, database.clone())?;
    let ready =
        async || Ok(sandbox.run(&["status", "--server", &team.url(0), "--all"]).status.success());
    until("a coordinator answers", ready).await?;
    until("one of them leads", async || Ok(team.leaders_n()? == 1)).await?;
    sandbox.succeed(&["submit", "budget.yaml", "--server", &team.url(0), "--detach"]);

    let store = Store::open(&database).await?;
    let sweep = store.sweeps().await?.pop().context("nothing was submitted")?.id;
    let finished_n = async || -> Result<usize> {
        let runs = store.runs(sweep).await?;
        Ok(runs.iter().filter(|run| run.state.is_final()).count())
    };
    // Something dies whenever another two runs have ended: each coordinator in turn, workers in between.
    for kill in 0..KILLS_N {
        until("two more runs have ended", async || Ok(finished_n().await? > 2 * kill)).await?;
        if kill % 2 == 0 {
            team.crash_replica(kill / 2 % REPLICAS_N)?;
        } else {
            team.crash_worker(kill % WORKERS_N)?;
        }
    }
    until("the sweep is done", async || {
        let sweep = store.sweep(sweep).await?;
        Ok(sweep.is_some_and(|sweep| sweep.phase == SweepPhase::Done))
    })
    .await?;
    check(&store, sweep).await?;
    // Another one took the lead of the first.
    until("one of them leads", async || Ok(team.leaders_n()? == 1)).await?;
    Ok(())
}

/// Nothing is lost, doubled or overspent.
async fn check(store: &Store, sweep: sweep_core::ids::SweepId) -> Result<()> {
    let runs = store.runs(sweep).await?;
    ensure!(runs.len() >= 16, "{} runs", runs.len());
    for run in &runs {
        ensure!(run.state == RunState::Succeeded, "{} is {}", run.spec.label(), run.state);
    }
    let observations = store.observations(sweep).await?;
    ensure!(observations.len() == runs.len(), "{} of {}", observations.len(), runs.len());
    let balance = store.balance(sweep).await?;
    let charged: AcceleratorTime = runs.iter().map(|run| run.spent).sum();
    ensure!(balance.holds() && balance.reserved == AcceleratorTime::ZERO, "{balance:?}");
    ensure!(charged == balance.spent, "runs used {charged} of {balance:?}");
    ensure!(store.open_leases().await?.is_empty(), "a lease is left open");
    // Forecasts and proposals are chains, whoever made them.
    let forecasts = store.forecasts(sweep).await?;
    for pair in forecasts.windows(2) {
        ensure!(pair[1].parent == Some(pair[0].id), "the chain of forecasts is broken");
    }
    let newest = forecasts.last().context("there is no forecast")?;
    ensure!(newest.observations_n as usize == runs.len(), "the last runs were not learned from");
    let numbers = store.proposals(sweep).await?.into_iter().map(|record| record.proposal.number);
    ensure!(numbers.eq(1..=store.proposals(sweep).await?.len() as u32), "proposals are counted");
    Ok(())
}
