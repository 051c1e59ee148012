use sweep_core::ids::{RunId, WorkerId};
use sweep_core::ledger::Balance;
use sweep_core::observation::Observation;
use sweep_core::retry::AttemptEnd;
use sweep_core::run::{Checkpoint, FailureReason, RunEvent, RunState};

use super::Fixture;
use super::sample::{NOW, claim, ms, queued, result};
use crate::{Back, Claim, Error, Lease, Metered, Store};

fn balance(granted: u64, reserved: u64, spent: u64) -> Balance {
    Balance { granted: ms(granted), reserved: ms(reserved), spent: ms(spent) }
}

async fn state(store: &Store, run: RunId) -> RunState {
    store.run(run).await.unwrap().unwrap().1.state
}

async fn observation(store: &Store, run: RunId) -> Observation {
    Observation::from_run(&store.run(run).await.unwrap().unwrap().1.spec, &result())
}

pub(super) async fn a_run_lives_from_plan_to_observation(fixture: &Fixture) {
    let store = &fixture.store;
    let (sweep, runs) = queued(store, 100, 2).await;
    let run = runs[0];
    let claim = claim(run, 60);
    let lease = store.claim(&claim).await.unwrap();
    let (worker, expires_at) = (claim.worker, claim.expires_at);
    assert_eq!(lease, Lease { run, worker, epoch: 1, expires_at, token: None });
    assert_eq!(store.claim(&claim).await.unwrap(), lease, "asking again gives the same lease");
    assert_eq!(store.lease_of(worker).await.unwrap(), Some(lease));
    assert_eq!(state(store, run).await, RunState::Leased);
    assert_eq!(store.balance(sweep).await.unwrap(), balance(100, 60, 0));

    store.start(run, 1).await.unwrap();
    store.start(run, 1).await.unwrap();
    assert_eq!(state(store, run).await, RunState::Running);
    let later = NOW.plus_ms(5000);
    let metered = store.renew(run, 1, ms(20), ms(0), NOW, later).await.unwrap();
    assert_eq!((metered.metered, metered.stop), (Metered::Ok, None));
    store.renew(run, 1, ms(10), ms(0), NOW, later).await.unwrap();
    assert_eq!(store.lease_of(worker).await.unwrap().unwrap().expires_at, later);
    assert_eq!(store.balance(sweep).await.unwrap(), balance(100, 40, 20));
    let checkpoint = Checkpoint { step: 5, path: "a/b".to_owned(), hash: "ff".to_owned() };
    store.record_checkpoint(run, 1, &checkpoint).await.unwrap();

    let seen = observation(store, run).await;
    store.succeed(run, 1, ms(30), &result(), &seen, NOW).await.unwrap();
    assert_eq!(store.balance(sweep).await.unwrap(), balance(100, 0, 30));
    assert_eq!(store.observations(sweep).await.unwrap(), [seen]);
    assert_eq!(store.lease_of(worker).await.unwrap(), None);
    let (_, record) = store.run(run).await.unwrap().unwrap();
    assert_eq!((record.state, record.attempts_n), (RunState::Succeeded, 1));
    assert_eq!((record.spent, record.checkpoint), (ms(30), Some(checkpoint)));
    assert_eq!(record.result, Some(result()));
    assert_eq!(state(store, runs[1]).await, RunState::Queued);
}

pub(super) async fn of_racing_claims_one_wins(fixture: &Fixture) {
    let (sweep, runs) = queued(&fixture.store, 1000, 1).await;
    let tasks: Vec<_> = (0..8)
        .map(|_| {
            let (store, claim) = (fixture.store.clone(), claim(runs[0], 10));
            tokio::spawn(async move { store.claim(&claim).await })
        })
        .collect();
    let mut won_n = 0;
    for task in tasks {
        match task.await.unwrap() {
            Ok(_) => won_n += 1,
            Err(Error::IllegalTransition(refused)) => assert_eq!(refused.event, RunEvent::Lease),
            Err(error) => panic!("{error:?}"),
        }
    }
    assert_eq!(won_n, 1);
    assert_eq!(fixture.store.balance(sweep).await.unwrap(), balance(1000, 10, 0));
    assert_eq!(fixture.store.open_leases().await.unwrap().len(), 1);
}

pub(super) async fn racing_claims_stop_at_the_budget(fixture: &Fixture) {
    let (sweep, runs) = queued(&fixture.store, 25, 6).await;
    let tasks: Vec<_> = runs
        .iter()
        .map(|run| {
            let (store, claim) = (fixture.store.clone(), claim(*run, 10));
            tokio::spawn(async move { store.claim(&claim).await })
        })
        .collect();
    let mut refused_n = 0;
    for task in tasks {
        match task.await.unwrap() {
            Ok(_) => {}
            Err(Error::Insufficient { asked, .. }) => {
                assert_eq!(asked, ms(10));
                refused_n += 1;
            }
            Err(error) => panic!("{error:?}"),
        }
    }
    assert_eq!(refused_n, 4);
    assert_eq!(fixture.store.balance(sweep).await.unwrap(), balance(25, 20, 0));
    let records = fixture.store.runs(sweep).await.unwrap();
    let queued = records.iter().filter(|run| run.state == RunState::Queued);
    assert!(queued.clone().all(|run| run.attempts_n == 0), "a refused claim leaves no trace");
    assert_eq!(queued.count(), 4);
}

pub(super) async fn a_worker_holds_one_run(fixture: &Fixture) {
    let store = &fixture.store;
    let (_, runs) = queued(store, 100, 2).await;
    let first = claim(runs[0], 10);
    store.claim(&first).await.unwrap();
    let second = Claim { run: runs[1], ..first };
    let refused = store.claim(&second).await;
    assert!(matches!(refused, Err(Error::Conflict { .. })), "{refused:?}");
    assert_eq!(state(store, runs[1]).await, RunState::Queued);
    let by_event = store.transition(runs[0], RunEvent::Requeue).await;
    assert!(matches!(by_event, Err(Error::Conflict { .. })), "{by_event:?}");
}

pub(super) async fn an_old_epoch_is_refused_everywhere(fixture: &Fixture) {
    let store = &fixture.store;
    let (sweep, runs) = queued(store, 100, 1).await;
    let run = runs[0];
    store.claim(&claim(run, 10)).await.unwrap();
    store.requeue(run, 1, Some(ms(4)), &Back::preempted(), NOW).await.unwrap();
    let lease = store.claim(&claim(run, 10)).await.unwrap();
    assert_eq!(lease.epoch, 2);
    store.start(run, 2).await.unwrap();
    let before = store.run(run).await.unwrap();
    let checkpoint = Checkpoint { step: 5, path: "a".to_owned(), hash: "f".to_owned() };
    let reason = FailureReason::Diverged { step: 3, before: Vec::new() };
    let seen = observation(store, run).await;
    for epoch in [0, 1, 3] {
        for outcome in [
            store.start(run, epoch).await,
            store.renew(run, epoch, ms(9), ms(9), NOW, NOW).await.map(drop),
            store.record_checkpoint(run, epoch, &checkpoint).await,
            store.append_metrics(run, epoch, 0, &[]).await,
            store.succeed(run, epoch, ms(9), &result(), &seen, NOW).await,
            store.fail(run, epoch, ms(9), &reason, NOW).await,
            store.requeue(run, epoch, Some(ms(9)), &Back::preempted(), NOW).await.map(drop),
        ] {
            let is_stale = matches!(outcome, Err(Error::StaleLease { epoch: e, .. }) if e == epoch);
            assert!(is_stale, "{outcome:?}");
        }
    }
    assert_eq!(store.run(run).await.unwrap(), before);
    assert_eq!(store.balance(sweep).await.unwrap(), balance(100, 10, 4));
    assert_eq!(store.open_leases().await.unwrap(), [lease]);
}

pub(super) async fn ending_twice_settles_once(fixture: &Fixture) {
    let store = &fixture.store;
    let (sweep, runs) = queued(store, 100, 2).await;
    store.claim(&claim(runs[0], 50)).await.unwrap();
    for _ in 0..2 {
        store.requeue(runs[0], 1, Some(ms(5)), &Back::preempted(), NOW).await.unwrap();
    }
    assert_eq!(store.balance(sweep).await.unwrap(), balance(100, 0, 5));
    store.claim(&claim(runs[0], 50)).await.unwrap();
    store.start(runs[0], 2).await.unwrap();
    let seen = observation(store, runs[0]).await;
    for _ in 0..2 {
        store.succeed(runs[0], 2, ms(7), &result(), &seen, NOW).await.unwrap();
    }
    let late = store.requeue(runs[0], 2, None, &Back::preempted(), NOW).await;
    assert!(matches!(late, Err(Error::StaleLease { .. })), "{late:?}");
    assert_eq!(store.balance(sweep).await.unwrap(), balance(100, 0, 12));
    assert_eq!(store.observations(sweep).await.unwrap().len(), 1);
    assert_eq!(store.run(runs[0]).await.unwrap().unwrap().1.spent, ms(12));

    // A foreign observation undoes the whole call.
    store.claim(&claim(runs[1], 50)).await.unwrap();
    store.start(runs[1], 1).await.unwrap();
    let refused = store.succeed(runs[1], 1, ms(7), &result(), &seen, NOW).await;
    assert!(matches!(refused, Err(Error::Conflict { .. })), "{refused:?}");
    assert_eq!(state(store, runs[1]).await, RunState::Running);
    assert_eq!(store.balance(sweep).await.unwrap(), balance(100, 50, 12));
}

pub(super) async fn a_long_run_extends_its_reservation_while_the_budget_lasts(fixture: &Fixture) {
    let store = &fixture.store;
    let (sweep, runs) = queued(store, 100, 1).await;
    let run = runs[0];
    store.claim(&claim(run, 50)).await.unwrap();
    let renew = async |reading| store.renew(run, 1, ms(reading), ms(20), NOW, NOW).await.unwrap();
    // By more than is missing, by less than that, then not at all.
    assert_eq!(renew(55).await.metered, Metered::Ok);
    assert_eq!(store.balance(sweep).await.unwrap(), balance(100, 15, 55));
    assert_eq!(renew(95).await.metered, Metered::Ok);
    assert_eq!(store.balance(sweep).await.unwrap(), balance(100, 0, 95));
    assert_eq!(renew(101).await.metered, Metered::OutOfBudget);
    let reason = FailureReason::OutOfBudget { step: 9 };
    store.fail(run, 1, ms(120), &reason, NOW).await.unwrap();
    assert_eq!(store.balance(sweep).await.unwrap(), balance(100, 0, 95));
}

pub(super) async fn every_attempt_keeps_how_it_ended(fixture: &Fixture) {
    let store = &fixture.store;
    let (sweep, runs) = queued(store, 100, 2).await;
    let message = "killed".to_owned();
    let oom = FailureReason::OutOfMemory { message };
    let wait = NOW.plus_ms(5000);
    let backs = [
        Back { end: AttemptEnd::WorkerLost, failure: None, not_before: None },
        Back::preempted(),
        Back { end: AttemptEnd::OutOfMemory, failure: Some(oom.clone()), not_before: Some(wait) },
    ];
    for (epoch, back) in (1..).zip(&backs) {
        store.claim(&claim(runs[0], 20)).await.unwrap();
        for _ in 0..2 {
            store.requeue(runs[0], epoch, Some(ms(1)), back, NOW).await.unwrap();
        }
    }
    let record = store.run(runs[0]).await.unwrap().unwrap().1;
    assert_eq!(record.not_before, Some(wait));
    let ends: Vec<AttemptEnd> = record.attempts.iter().map(|attempt| attempt.end).collect();
    assert_eq!(ends, backs.clone().map(|back| back.end));
    assert_eq!(record.attempts[2].failure, Some(oom.clone()));
    assert_eq!(store.ended_so(runs[0], AttemptEnd::WorkerLost, 9).await.unwrap(), 1);
    assert_eq!(store.ended_so(runs[0], AttemptEnd::WorkerLost, 1).await.unwrap(), 0);
    assert_eq!(store.ended_so(runs[1], AttemptEnd::WorkerLost, 9).await.unwrap(), 0);

    store.claim(&claim(runs[0], 20)).await.unwrap();
    assert_eq!(store.run(runs[0]).await.unwrap().unwrap().1.not_before, None);
    store.fail(runs[0], 4, ms(1), &oom, NOW).await.unwrap();
    let listed = store.runs(sweep).await.unwrap();
    assert_eq!(listed[0], store.run(runs[0]).await.unwrap().unwrap().1);
    assert_eq!(listed[0].attempts.len(), 4);
    assert!(listed[1].attempts.is_empty());
}

pub(super) async fn a_failed_run_keeps_its_reason(fixture: &Fixture) {
    let store = &fixture.store;
    let (sweep, runs) = queued(store, 100, 1).await;
    store.claim(&claim(runs[0], 50)).await.unwrap();
    let reason = FailureReason::Diverged { step: 17, before: Vec::new() };
    for _ in 0..2 {
        store.fail(runs[0], 1, ms(8), &reason, NOW).await.unwrap();
    }
    let (_, record) = store.run(runs[0]).await.unwrap().unwrap();
    assert_eq!((record.state, record.failure), (RunState::Failed, Some(reason)));
    assert_eq!(store.balance(sweep).await.unwrap(), balance(100, 0, 8));
    assert!(store.observations(sweep).await.unwrap().is_empty());
}

pub(super) async fn leases_expire_in_order(fixture: &Fixture) {
    let store = &fixture.store;
    let (_, runs) = queued(store, 100, 3).await;
    // Whole seconds and fractions: they do not sort as text.
    let mut leases = Vec::new();
    for (run, ends_ms) in runs.iter().zip([1_764_000_001_500, 1_764_000_001_000, 1_764_000_002_000])
    {
        let expires_at = sweep_core::clock::Timestamp(ends_ms);
        leases.push(store.claim(&Claim { expires_at, ..claim(*run, 10) }).await.unwrap());
    }
    assert_eq!(store.open_leases().await.unwrap(), [leases[1], leases[0], leases[2]]);
    let at = sweep_core::clock::Timestamp;
    assert!(store.expired_leases(at(1_764_000_000_999)).await.unwrap().is_empty());
    assert_eq!(store.expired_leases(at(1_764_000_001_000)).await.unwrap(), [leases[1]]);
    assert_eq!(store.expired_leases(at(1_764_000_001_500)).await.unwrap(), [leases[1], leases[0]]);
    assert_eq!(store.lease_of(WorkerId::new()).await.unwrap(), None);
}
