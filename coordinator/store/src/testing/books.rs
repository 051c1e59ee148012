//! Random events on the ledger, against the pure ledger of sweep-core.

use std::collections::HashMap;

use sweep_core::control::{Control, Refusal};
use sweep_core::ids::{RunId, SweepId};
use sweep_core::ledger::{Ledger, LedgerError};
use sweep_core::run::FailureReason;

use super::Fixture;
use super::sample::{NOW, claim, ms, order, queued};
use crate::{Back, EntryKind, Error, Metered, Order, Store};

const SEQUENTIAL_EVENTS_N: u32 = 600;
const TASKS_N: u64 = 4;
const EVENTS_PER_TASK_N: u32 = 500;
/// Runs out towards the end of the events.
const GRANTED_MS: u64 = 150_000;

/// Steele, Lea and Flood's splitmix64: enough randomness for a test, and the same every time.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % bound
    }
}

#[derive(Clone, Copy, Debug)]
enum Event {
    Claim {
        reserve: u64,
    },
    Renew {
        epoch: u32,
        reading: u64,
        extend_by: u64,
    },
    Requeue {
        epoch: u32,
        reading: Option<u64>,
    },
    Fail {
        epoch: u32,
        reading: u64,
    },
    /// More budget for the sweep.
    Raise {
        by: u64,
    },
}

impl Event {
    /// Mostly of the attempt `epoch`, now and then of another one.
    fn random(random: &mut Random, epoch: u32) -> Self {
        let epoch = if random.below(8) == 0 { random.below(4) as u32 } else { epoch };
        match random.below(32) {
            0..12 => Self::Claim { reserve: random.below(3000) },
            12..24 => {
                let (reading, extend_by) = (random.below(4000), random.below(500));
                Self::Renew { epoch, reading, extend_by }
            }
            24..27 => Self::Requeue { epoch, reading: Some(random.below(4000)) },
            27..30 => Self::Requeue { epoch, reading: None },
            30 => Self::Raise { by: random.below(2000) },
            _ => Self::Fail { epoch, reading: random.below(4000) },
        }
    }

    async fn happen(self, store: &Store, run: RunId) -> Result<Option<Metered>, Error> {
        match self {
            Self::Claim { reserve } => store.claim(&claim(run, reserve)).await.map(|_| None),
            Self::Renew { epoch, reading, extend_by } => {
                let later = NOW.plus_ms(10);
                let renewed = store.renew(run, epoch, ms(reading), ms(extend_by), NOW, later);
                renewed.await.map(|renewed| Some(renewed.metered))
            }
            Self::Requeue { epoch, reading } => store
                .requeue(run, epoch, reading.map(ms), &Back::preempted(), NOW)
                .await
                .map(|_| None),
            Self::Fail { epoch, reading } => {
                let reason = FailureReason::LostTooOften { attempts_n: epoch };
                store.fail(run, epoch, ms(reading), &reason, NOW).await.map(|()| None)
            }
            Self::Raise { by } => {
                let (sweep, _) = store.run(run).await?.expect("it was planned");
                let granted = store.balance(sweep).await?.granted;
                let to = granted.checked_add(ms(by));
                let raise = Order { to, ..order(sweep, Control::Raise) };
                match store.control(&raise).await {
                    // Somebody else was faster, and raised it beyond.
                    Err(Error::Refused(Refusal::Shrinks { .. })) => Ok(None),
                    raised => raised.map(|_| None),
                }
            }
        }
    }
}

/// What must happen to the pure ledger when the store accepts the event.
fn follow(ledger: &mut Ledger, run: RunId, epoch: u32, event: Event) -> Result<(), LedgerError> {
    match event {
        Event::Claim { reserve } => ledger.reserve(run, epoch, ms(reserve)),
        Event::Renew { epoch, reading, extend_by } => meter(ledger, run, epoch, reading, extend_by),
        Event::Requeue { epoch, reading } => {
            if let Some(reading) = reading {
                meter(ledger, run, epoch, reading, 0)?;
            }
            ledger.settle(run, epoch).map(drop)
        }
        Event::Fail { epoch, reading } => {
            meter(ledger, run, epoch, reading, 0)?;
            ledger.settle(run, epoch).map(drop)
        }
        Event::Raise { by } => {
            ledger.grant(ms(by));
            Ok(())
        }
    }
}

fn meter(
    ledger: &mut Ledger,
    run: RunId,
    epoch: u32,
    reading: u64,
    extend_by: u64,
) -> Result<(), LedgerError> {
    let held = ledger.reservation(run).filter(|held| held.epoch == epoch);
    let reserved = held.ok_or(LedgerError::NoReservation)?.reserved.ms();
    let free = ledger.balance().free().ms();
    let missing = reading.saturating_sub(reserved);
    if missing > 0 && missing <= free {
        ledger.extend(run, epoch, ms(missing.max(extend_by).min(free)))?;
    }
    let reserved = ledger.reservation(run).map_or(0, |held| held.reserved.ms());
    ledger.meter(run, epoch, ms(reading.min(reserved)))
}

pub(super) async fn the_books_agree_with_the_model_event_by_event(fixture: &Fixture) {
    let store = &fixture.store;
    let (sweep, runs) = queued(store, GRANTED_MS, 30).await;
    let mut random = Random(1);
    let mut model = Ledger::new(ms(GRANTED_MS));
    let mut attempts: HashMap<RunId, u32> = HashMap::new();
    let mut accepted_n = 0;
    for n in 0..SEQUENTIAL_EVENTS_N {
        let run = runs[random.below(runs.len() as u64) as usize];
        let epoch = attempts.get(&run).copied().unwrap_or(0);
        let event = Event::random(&mut random, epoch);
        let was_held = model.reservation(run).is_some();
        match event.happen(store, run).await {
            Ok(_) => {
                let next = if matches!(event, Event::Claim { .. }) { epoch + 1 } else { epoch };
                attempts.insert(run, next);
                // An end that is repeated is accepted too, and moves nothing.
                let is_end = matches!(event, Event::Requeue { .. } | Event::Fail { .. });
                if was_held || !is_end {
                    follow(&mut model, run, next, event).unwrap();
                    accepted_n += 1;
                }
            }
            Err(Error::Insufficient { free, .. }) => assert_eq!(free, model.balance().free()),
            Err(Error::StaleLease { epoch, .. }) => {
                let held = model.reservation(run).map(|held| held.epoch);
                assert_ne!(held, Some(epoch), "event {n}: {event:?}");
            }
            Err(Error::IllegalTransition(_)) => {
                assert!(matches!(event, Event::Claim { .. }), "event {n}: {event:?}");
            }
            Err(error) => panic!("event {n}: {event:?}: {error:?}"),
        }
        let balance = store.balance(sweep).await.unwrap();
        assert_eq!(balance, model.balance(), "event {n}: {event:?}");
    }
    let spent = model.balance().spent;
    assert!(accepted_n > SEQUENTIAL_EVENTS_N / 4, "{accepted_n} moved something, {spent} spent");
    assert!(spent.ms() > GRANTED_MS / 2, "{spent}");
}

pub(super) async fn concurrent_events_never_overspend(fixture: &Fixture) {
    let (sweep, runs) = queued(&fixture.store, GRANTED_MS, 24).await;
    let tasks: Vec<_> = (0..TASKS_N)
        .map(|seed| {
            let (store, runs) = (fixture.store.clone(), runs.clone());
            tokio::spawn(async move {
                let mut random = Random(seed);
                for _ in 0..EVENTS_PER_TASK_N {
                    let run = runs[random.below(runs.len() as u64) as usize];
                    let epoch = store.run(run).await.unwrap().unwrap().1.attempts_n;
                    let event = Event::random(&mut random, epoch);
                    match event.happen(&store, run).await {
                        Ok(_)
                        | Err(
                            Error::Insufficient { .. }
                            | Error::StaleLease { .. }
                            | Error::IllegalTransition(_),
                        ) => {}
                        Err(error) => panic!("{event:?}: {error:?}"),
                    }
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    replay(&fixture.store, sweep).await;
}

/// The journal, replayed on the pure ledger, is legal at every line and ends at the balance.
async fn replay(store: &Store, sweep: SweepId) {
    let entries = store.ledger_entries(sweep).await.unwrap();
    assert_eq!(entries[0].kind, EntryKind::Grant);
    let mut model = Ledger::new(entries[0].amount);
    let mut spent: HashMap<RunId, u64> = HashMap::new();
    for entry in &entries[1..] {
        if entry.kind == EntryKind::Grant {
            model.grant(entry.amount);
            continue;
        }
        let (run, epoch) = (entry.run.unwrap(), entry.epoch.unwrap());
        match entry.kind {
            EntryKind::Grant => {}
            EntryKind::Reserve => {
                // An attempt that used all it had ended without a refund.
                if let Some(used_up) = model.reservation(run) {
                    assert_eq!(model.settle(run, used_up.epoch), Ok(ms(0)));
                }
                model.reserve(run, epoch, entry.amount).unwrap();
            }
            EntryKind::Extend => model.extend(run, epoch, entry.amount).unwrap(),
            EntryKind::Spend => {
                let metered = model.reservation(run).unwrap().metered;
                model.meter(run, epoch, metered.checked_add(entry.amount).unwrap()).unwrap();
                *spent.entry(run).or_default() += entry.amount.ms();
            }
            EntryKind::Refund => assert_eq!(model.settle(run, epoch), Ok(entry.amount)),
        }
        assert!(model.holds());
    }
    let balance = store.balance(sweep).await.unwrap();
    assert_eq!(balance, model.balance());
    assert!(balance.holds());
    assert!(balance.spent.ms() > GRANTED_MS / 2, "the events were worth counting");
    for run in store.runs(sweep).await.unwrap() {
        assert_eq!(run.spent.ms(), spent.get(&run.spec.id).copied().unwrap_or(0));
    }
}
