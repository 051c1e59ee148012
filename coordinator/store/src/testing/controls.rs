use sweep_core::control::{Control, Raised, Refusal, Step, Stop};
use sweep_core::ids::{RunId, SweepId};
use sweep_core::ledger::Balance;
use sweep_core::output::OutputPart;
use sweep_core::retry::AttemptEnd;
use sweep_core::run::{Checkpoint, FailureReason, RunEvent, RunState};
use sweep_core::sweep::{RunRecord, SweepPhase};

use super::Fixture;
use super::sample::{NOW, claim, ms, new_sweep, order, queued};
use crate::{Back, Error, Order, Store};

async fn record(store: &Store, run: RunId) -> RunRecord {
    store.run(run).await.unwrap().unwrap().1
}

async fn states(store: &Store, runs: &[RunId]) -> Vec<RunState> {
    let mut states = Vec::new();
    for run in runs {
        states.push(record(store, *run).await.state);
    }
    states
}

fn balance(granted: u64, reserved: u64, spent: u64) -> Balance {
    Balance { granted: ms(granted), reserved: ms(reserved), spent: ms(spent) }
}

fn checkpoint() -> Checkpoint {
    Checkpoint { step: 5, path: "a".to_owned(), hash: "f".to_owned() }
}

pub(super) async fn a_cancelled_sweep_frees_what_its_runs_do_not_use(fixture: &Fixture) {
    use RunState::{Cancelled, Leased};
    let store = &fixture.store;
    let (sweep, runs) = queued(store, 100, 3).await;
    let lease = store.claim(&claim(runs[0], 50)).await.unwrap();
    store.renew(runs[0], 1, ms(5), ms(0), NOW, NOW).await.unwrap();

    let cancel = order(sweep, Control::Cancel);
    let obeyed = store.control(&cancel).await.unwrap();
    assert_eq!(obeyed.steps.len(), 3);
    assert_eq!(states(store, &runs).await, [Leased, Cancelled, Cancelled]);
    assert_eq!(store.balance(sweep).await.unwrap(), balance(100, 45, 5));
    // Its worker is told, and charged for what it used until it stopped.
    let told = store.renew(runs[0], 1, ms(7), ms(0), NOW, NOW).await.unwrap();
    assert_eq!(told.stop, Some(Stop::Cancel));
    for _ in 0..2 {
        let after = store.requeue(runs[0], 1, Some(ms(9)), &Back::preempted(), NOW).await.unwrap();
        assert_eq!(after, Cancelled);
    }
    assert_eq!(store.balance(sweep).await.unwrap(), balance(100, 0, 9));
    assert_eq!(record(store, runs[0]).await.attempts[0].end, AttemptEnd::Cancelled);
    assert_eq!(store.lease_of(lease.worker).await.unwrap(), None);
    let again = store.claim(&claim(runs[0], 50)).await;
    assert!(matches!(again, Err(Error::IllegalTransition(_))), "{again:?}");

    assert_eq!(store.control(&cancel).await.unwrap().event, None);
    let events = store.control_events(sweep).await.unwrap();
    assert_eq!(events, [obeyed.event.unwrap()]);
    let event = &events[0];
    assert_eq!((event.number, event.at, &*event.actor, &*event.reason), (1, NOW, "ada", "because"));
    assert_eq!(store.sweep(sweep).await.unwrap().unwrap().cancelled_at, Some(NOW));
}

pub(super) async fn one_run_is_cancelled_and_brought_back(fixture: &Fixture) {
    let store = &fixture.store;
    let (sweep, runs) = queued(store, 100, 2).await;
    let of_first = |control| Order { run: Some(runs[0]), ..order(sweep, control) };
    store.control(&of_first(Control::Cancel)).await.unwrap();
    assert_eq!(states(store, &runs).await, [RunState::Cancelled, RunState::Queued]);
    assert_eq!(store.sweep(sweep).await.unwrap().unwrap().cancelled_at, None);
    // Of the whole sweep nothing has failed: a run that was cancelled is not brought back by the way.
    assert_eq!(store.control(&order(sweep, Control::Retry)).await.unwrap().event, None);
    let obeyed = store.control(&of_first(Control::Retry)).await.unwrap();
    assert_eq!(obeyed.steps.len(), 1);
    assert_eq!(obeyed.steps[0].1, Step::Event(RunEvent::Retry));
    assert_eq!(obeyed.event.unwrap().run, Some(runs[0]));
    assert_eq!(states(store, &runs).await, [RunState::Planned, RunState::Queued]);
    let elsewhere = Order { run: Some(RunId::new()), ..order(sweep, Control::Cancel) };
    let refused = store.control(&elsewhere).await;
    assert!(matches!(refused, Err(Error::NotFound { .. })), "{refused:?}");
}

pub(super) async fn a_paused_sweep_goes_on_where_it_was(fixture: &Fixture) {
    let store = &fixture.store;
    let (sweep, runs) = queued(store, 100, 2).await;
    store.claim(&claim(runs[0], 20)).await.unwrap();
    store.start(runs[0], 1).await.unwrap();
    let pause = order(sweep, Control::Pause);
    for _ in 0..2 {
        store.control(&pause).await.unwrap();
    }
    // One that was claimed while the pause was written is told as well.
    store.claim(&claim(runs[1], 20)).await.unwrap();
    assert_eq!(store.enforce(sweep, Control::Pause).await.unwrap(), 1);
    assert_eq!(store.enforce(sweep, Control::Pause).await.unwrap(), 0);
    for run in &runs {
        assert_eq!(record(store, *run).await.stop, Some(Stop::Pause));
    }
    store.record_checkpoint(runs[0], 1, &checkpoint()).await.unwrap();
    store.requeue(runs[0], 1, Some(ms(6)), &Back::preempted(), NOW).await.unwrap();
    let first = record(store, runs[0]).await;
    assert_eq!((first.state, first.stop), (RunState::Queued, None));
    assert_eq!(first.checkpoint, Some(checkpoint()));

    let resumed = store.control(&order(sweep, Control::Resume)).await.unwrap();
    assert_eq!(resumed.steps.iter().map(|(_, step)| *step).collect::<Vec<_>>(), [Step::GoOn]);
    let told = store.renew(runs[1], 1, ms(1), ms(0), NOW, NOW).await.unwrap();
    assert_eq!(told.stop, None);
    let noted = store.control_events(sweep).await.unwrap();
    let noted: Vec<Control> = noted.iter().map(|event| event.control).collect();
    assert_eq!(noted, [Control::Pause, Control::Resume]);
    assert_eq!(store.balance(sweep).await.unwrap(), balance(100, 19, 7));
}

pub(super) async fn a_failed_run_is_retried_and_a_diverged_one_only_by_name(fixture: &Fixture) {
    use RunState::{Failed, Planned};
    let store = &fixture.store;
    let (sweep, runs) = queued(store, 100, 2).await;
    let reasons = [
        FailureReason::Trainer { message: "no module named torch".to_owned() },
        FailureReason::Diverged { step: 3, before: Vec::new() },
    ];
    for (run, reason) in runs.iter().zip(&reasons) {
        store.claim(&claim(*run, 20)).await.unwrap();
        store.record_checkpoint(*run, 1, &checkpoint()).await.unwrap();
        store.fail(*run, 1, ms(4), reason, NOW).await.unwrap();
    }
    store.set_phase(sweep, SweepPhase::Done).await.unwrap();
    store.control(&order(sweep, Control::Retry)).await.unwrap();
    assert_eq!(states(store, &runs).await, [Planned, Failed]);
    let retried = record(store, runs[0]).await;
    assert_eq!((retried.failure, retried.checkpoint), (None, None));
    assert_eq!((retried.attempts_n, retried.spent), (1, ms(4)));
    assert_eq!(retried.attempts[0].failure.as_ref(), Some(&reasons[0]));
    // A person's wish forgives what was counted against the run.
    assert_eq!(store.ended_so(runs[0], AttemptEnd::TrainerError, 9).await.unwrap(), 0);
    assert_eq!(store.ended_so(runs[1], AttemptEnd::Diverged, 9).await.unwrap(), 1);
    assert_eq!(store.sweep(sweep).await.unwrap().unwrap().phase, SweepPhase::Running);
    let named = Order { run: Some(runs[1]), ..order(sweep, Control::Retry) };
    store.control(&named).await.unwrap();
    assert_eq!(states(store, &runs).await, [Planned, Planned]);
    // A new attempt has an epoch of its own.
    store.transition(runs[0], RunEvent::Queue).await.unwrap();
    assert_eq!(store.claim(&claim(runs[0], 20)).await.unwrap().epoch, 2);
    assert_eq!(store.balance(sweep).await.unwrap(), balance(100, 20, 8));
}

pub(super) async fn a_budget_only_grows_and_wakes_a_sweep_that_is_done(fixture: &Fixture) {
    let store = &fixture.store;
    let (sweep, runs) = queued(store, 100, 1).await;
    store.claim(&claim(runs[0], 60)).await.unwrap();
    store.set_phase(sweep, SweepPhase::Done).await.unwrap();
    let raise = |to| Order { to: Some(ms(to)), ..order(sweep, Control::Raise) };
    let event = store.control(&raise(150)).await.unwrap().event.unwrap();
    assert_eq!(event.raised, Some(Raised { from: ms(100), to: ms(150) }));
    assert_eq!(store.balance(sweep).await.unwrap(), balance(150, 60, 0));
    assert_eq!(store.sweep(sweep).await.unwrap().unwrap().phase, SweepPhase::Running);
    assert_eq!(store.control(&raise(150)).await.unwrap().event, None);
    let refused = store.control(&raise(149)).await;
    let expected = Refusal::Shrinks { granted: ms(150), asked: ms(149) };
    assert!(matches!(&refused, Err(Error::Refused(r)) if *r == expected), "{refused:?}");
    let entries = store.ledger_entries(sweep).await.unwrap();
    assert_eq!(entries.last().map(|entry| entry.amount), Some(ms(50)));
    assert_eq!(store.control_events(sweep).await.unwrap(), [event]);
    // Whoever decided before that it was done has not seen this.
    let plan = store.newest_plan(sweep).await.unwrap();
    assert!(!store.set_done(sweep, 0, plan).await.unwrap());
    assert!(store.set_done(sweep, 1, plan).await.unwrap());
    assert_eq!(store.sweep(sweep).await.unwrap().unwrap().phase, SweepPhase::Done);
}

pub(super) async fn what_cannot_be_asked_is_refused(fixture: &Fixture) {
    let store = &fixture.store;
    store.migrate().await.unwrap();
    let nowhere = store.control(&order(SweepId::new(), Control::Pause)).await;
    assert!(matches!(nowhere, Err(Error::NotFound { .. })), "{nowhere:?}");
    let sweep = new_sweep("one", 100);
    store.create_sweep(&sweep).await.unwrap();
    store.control(&order(sweep.id, Control::Cancel)).await.unwrap();
    for control in [Control::Pause, Control::Resume, Control::Raise] {
        let refused = store.control(&order(sweep.id, control)).await;
        let expected = Refusal::Cancelled(control);
        assert!(matches!(&refused, Err(Error::Refused(r)) if *r == expected), "{refused:?}");
    }
    assert_eq!(store.control_events(sweep.id).await.unwrap().len(), 1);
}

pub(super) async fn racing_orders_are_noted_once(fixture: &Fixture) {
    let (sweep, runs) = queued(&fixture.store, 100, 4).await;
    fixture.store.claim(&claim(runs[0], 20)).await.unwrap();
    let tasks: Vec<_> = (0..6)
        .map(|_| {
            let (store, order) = (fixture.store.clone(), order(sweep, Control::Cancel));
            tokio::spawn(async move { store.control(&order).await.unwrap().event.is_some() })
        })
        .collect();
    let mut noted_n = 0;
    for task in tasks {
        noted_n += u32::from(task.await.unwrap());
    }
    assert_eq!(noted_n, 1);
    assert_eq!(fixture.store.control_events(sweep).await.unwrap().len(), 1);
}

pub(super) async fn the_output_of_an_attempt_is_kept_once(fixture: &Fixture) {
    let store = &fixture.store;
    let (_, runs) = queued(store, 100, 1).await;
    let part = |epoch, text: &str| OutputPart { epoch, text: text.to_owned(), skipped_n: 3 };
    store.put_output(runs[0], &part(2, "second")).await.unwrap();
    store.put_output(runs[0], &part(1, "first")).await.unwrap();
    store.put_output(runs[0], &part(1, "late")).await.unwrap();
    assert_eq!(store.outputs(runs[0]).await.unwrap(), [part(1, "first"), part(2, "second")]);
    assert!(store.outputs(RunId::new()).await.unwrap().is_empty());
    assert!(store.put_output(RunId::new(), &part(1, "nobody's")).await.is_err());
}
