use sweep_core::forecast::Forecast;
use sweep_core::ids::{ForecastId, PlanId, SweepId};
use sweep_core::run::{RunEvent, RunState};
use sweep_core::units::AcceleratorTime;

use super::Fixture;
use super::sample::{NOW, new_sweep, plan, run_spec};
use crate::Error;

pub(super) async fn a_plan_and_its_runs_read_back_in_order(fixture: &Fixture) {
    let store = &fixture.store;
    store.migrate().await.unwrap();
    let sweep = new_sweep("one", 100);
    store.create_sweep(&sweep).await.unwrap();
    assert_eq!(store.plan(sweep.id).await.unwrap(), None);
    assert!(store.runs(sweep.id).await.unwrap().is_empty());

    // More runs than fit one statement.
    let plan = plan(sweep.id, 1203);
    store.put_plan(&plan).await.unwrap();
    store.put_plan(&plan).await.unwrap();
    assert_eq!(store.plan(sweep.id).await.unwrap(), Some(plan.clone()));
    let runs = store.runs(sweep.id).await.unwrap();
    assert!(runs.iter().map(|run| &run.spec).eq(&plan.runs));
    let (of, run) = store.run(plan.runs[7].id).await.unwrap().unwrap();
    assert_eq!((of, &run), (sweep.id, &runs[7]));
    assert_eq!((run.state, run.attempts_n), (RunState::Planned, 0));
    assert_eq!(run.spent, AcceleratorTime::ZERO);
}

pub(super) async fn plans_form_a_chain(fixture: &Fixture) {
    let store = &fixture.store;
    store.migrate().await.unwrap();
    let sweep = new_sweep("one", 100);
    store.create_sweep(&sweep).await.unwrap();
    let first = plan(sweep.id, 2);
    store.put_plan(&first).await.unwrap();
    let second_root = store.put_plan(&plan(sweep.id, 1)).await;
    assert!(matches!(second_root, Err(Error::Conflict { .. })), "{second_root:?}");

    let mut child = plan(sweep.id, 1);
    child.parent = Some(first.id);
    child.runs.insert(0, first.runs[1].clone());
    store.transition(first.runs[1].id, RunEvent::Queue).await.unwrap();
    store.put_plan(&child).await.unwrap();
    assert_eq!(store.plan(sweep.id).await.unwrap(), Some(child.clone()));
    let runs = store.runs(sweep.id).await.unwrap();
    assert_eq!(runs.len(), 2);
    assert_eq!(runs[0].state, RunState::Queued, "a run keeps its state in the next plan");

    child.id = PlanId::new();
    let sibling = store.put_plan(&child).await;
    assert!(matches!(sibling, Err(Error::Conflict { .. })), "{sibling:?}");
    let nowhere = store.put_plan(&plan(SweepId::new(), 1)).await;
    assert!(matches!(nowhere, Err(Error::NotFound { .. })), "{nowhere:?}");
}

pub(super) async fn a_run_that_differs_is_refused(fixture: &Fixture) {
    let store = &fixture.store;
    store.migrate().await.unwrap();
    let sweep = new_sweep("one", 100);
    store.create_sweep(&sweep).await.unwrap();
    let first = plan(sweep.id, 1);
    store.put_plan(&first).await.unwrap();
    let mut child = plan(sweep.id, 0);
    child.parent = Some(first.id);
    child.runs = vec![run_spec(1), first.runs[0].clone()];
    child.runs[1].steps += 1;
    let refused = store.put_plan(&child).await;
    assert!(matches!(refused, Err(Error::Conflict { .. })), "{refused:?}");
    assert_eq!(store.plan(sweep.id).await.unwrap(), Some(first));
    assert_eq!(store.run(child.runs[0].id).await.unwrap(), None, "nothing is left behind");
}

pub(super) async fn forecasts_form_a_chain(fixture: &Fixture) {
    let store = &fixture.store;
    store.migrate().await.unwrap();
    let sweep = new_sweep("one", 100);
    store.create_sweep(&sweep).await.unwrap();
    assert_eq!(store.latest_forecast(sweep.id).await.unwrap(), None);
    let mut chain: Vec<Forecast> = Vec::new();
    for n in 0..3u32 {
        let forecast = Forecast {
            id: ForecastId::new(),
            sweep: sweep.id,
            parent: chain.last().map(|forecast| forecast.id),
            made_at: NOW.plus_ms(-i64::from(n)),
            observations_n: n,
            arms: Vec::new(),
            crossovers: Vec::new(),
        };
        store.put_forecast(&forecast).await.unwrap();
        store.put_forecast(&forecast).await.unwrap();
        chain.push(forecast);
    }
    assert_eq!(store.forecasts(sweep.id).await.unwrap(), chain);
    assert_eq!(store.latest_forecast(sweep.id).await.unwrap().as_ref(), chain.last());
    let newest = store.newest_forecasts().await.unwrap();
    assert_eq!(newest.get(&sweep.id), chain.last().map(|forecast| &forecast.id));
    for parent in [None, Some(chain[0].id), Some(ForecastId::new())] {
        let orphan = Forecast { id: ForecastId::new(), parent, ..chain[2].clone() };
        let refused = store.put_forecast(&orphan).await;
        assert!(matches!(refused, Err(Error::Conflict { .. })), "{refused:?}");
    }
}
