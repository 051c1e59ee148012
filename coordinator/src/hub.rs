//! Tells whoever follows what changed. One look at the database for all of them, at most every
//! [`Timing::events_ms`](crate::context::Timing), and none while nobody follows.
//!
//! The last events are kept, so that a reader who was away goes on where it stopped. Nothing grows with
//! readers that are slow: they lose events, and are told to read everything again.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sweep_core::ids::RunId;
use sweep_core::sweep::RunRecord;
use tokio::sync::{Notify, broadcast};

use crate::Error;
use crate::changes::{Change, RunSeen, Seen, World, changes};
use crate::context::Context;

/// Events that are kept for readers who come back.
pub(crate) const KEPT_MAX: usize = 1024;
/// Events that a reader may be behind before it loses some.
pub(crate) const BEHIND_MAX: usize = 256;
/// Other coordinators may serve the same database: what they change, nobody here announces.
const TICK: Duration = Duration::from_secs(1);

/// A change with its number.
#[derive(Clone, Debug)]
pub(crate) struct Event {
    /// Grows, also from one start of a coordinator to the next.
    pub(crate) id: u64,
    pub(crate) change: Change,
}

/// Where changes are told.
pub(crate) struct Hub {
    kept: Mutex<Kept>,
    sender: broadcast::Sender<Arc<Event>>,
    /// Somebody began to follow.
    followed: Notify,
}

struct Kept {
    /// Number of the newest event, or of the beginning.
    newest: u64,
    events: VecDeque<Arc<Event>>,
}

/// What a reader is to be told first, and where the rest comes from.
pub(crate) struct Following {
    /// Number of the newest event before the rest.
    pub(crate) newest: u64,
    /// What it has missed; none where that is not known any more.
    pub(crate) missed: Option<Vec<Arc<Event>>>,
    pub(crate) rest: broadcast::Receiver<Arc<Event>>,
}

impl Hub {
    /// A hub whose first event comes after those of all hubs before `now_ms`.
    pub(crate) fn new(now_ms: i64) -> Self {
        // A thousand events a millisecond are more than any hub tells, and all numbers are exact in
        // JavaScript.
        let newest = u64::try_from(now_ms).unwrap_or_default() * 1000;
        let kept = Mutex::new(Kept { newest, events: VecDeque::new() });
        Self { kept, sender: broadcast::Sender::new(BEHIND_MAX), followed: Notify::new() }
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins to follow, after the event of the number `last` where one is given.
    pub(crate) fn follow(&self, last: Option<u64>) -> Following {
        // Nothing is told meanwhile, so that no event is missed or told twice.
        let kept = self.kept();
        let rest = self.sender.subscribe();
        let newest = kept.newest;
        let missed = match last {
            None => Some(Vec::new()),
            Some(last) if last == newest => Some(Vec::new()),
            Some(last) => {
                let known = kept.events.iter().position(|event| event.id == last);
                known.map(|known| kept.events.iter().skip(known + 1).cloned().collect())
            }
        };
        drop(kept);
        self.followed.notify_one();
        Following { newest, missed, rest }
    }

    pub(crate) fn tell(&self, changes: impl IntoIterator<Item = Change>) {
        let mut kept = self.kept();
        for change in changes {
            kept.newest += 1;
            let event = Arc::new(Event { id: kept.newest, change });
            if kept.events.len() == KEPT_MAX {
                kept.events.pop_front();
            }
            kept.events.push_back(Arc::clone(&event));
            // An error says that nobody follows.
            let _ = self.sender.send(event);
        }
    }

    #[cfg(test)]
    pub(crate) fn kept_n(&self) -> usize {
        self.kept().events.len()
    }

    /// Looks again and again, and tells what changed.
    pub(crate) async fn watch(&self, context: &Context) {
        let mut told = false;
        let mut before = None;
        let mut changed = context.watch();
        loop {
            changed.mark_unchanged();
            match look(context, before.as_ref()).await {
                Ok(after) => {
                    if let Some(before) = &before {
                        self.tell(changes(before, &after));
                    }
                    before = Some(after);
                    told = false;
                }
                Err(error) if !told => {
                    told = true;
                    tracing::warn!(%error, "changes cannot be told of until the database answers");
                }
                Err(_) => {}
            }
            // What happens in this time is told of together.
            tokio::time::sleep(Duration::from_millis(context.timing.events_ms)).await;
            if self.sender.receiver_count() == 0 {
                self.followed.notified().await;
                continue;
            }
            let _ = tokio::time::timeout(TICK, changed.changed()).await;
        }
    }
}

/// The state of all sweeps. The runs of a sweep that was done before are not read again.
async fn look(context: &Context, before: Option<&World>) -> Result<World, Error> {
    let forecasts = context.store.newest_forecasts().await?;
    let mut sweeps = BTreeMap::new();
    for sweep in context.store.sweeps().await? {
        let asked_n = context.store.control_events(sweep.id).await?.len();
        let forecast = forecasts.get(&sweep.id).copied();
        let known = before.and_then(|before| before.sweeps.get(&sweep.id));
        let unread = Seen::new(&sweep, asked_n, forecast);
        let runs = match known.filter(|known| known.is_done() && unread.is_done()) {
            Some(known) => known.runs.clone(),
            None => runs_seen(context, context.store.runs(sweep.id).await?),
        };
        sweeps.insert(sweep.id, unread.with_runs(runs));
    }
    let workers_n = context.live().workers.len();
    Ok(World { sweeps, workers_n })
}

fn runs_seen(context: &Context, runs: Vec<RunRecord>) -> BTreeMap<RunId, RunSeen> {
    let live = context.live();
    let seen = |mut run: RunRecord| {
        run.progress = live.progress.get(&run.spec.id).copied();
        (run.spec.id, RunSeen::from(&run))
    };
    runs.into_iter().map(seen).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::changes::Kind;

    fn change() -> Change {
        Change { kind: Kind::Queue, sweep: None, project: None, runs: Vec::new(), forecast: None }
    }

    fn missed(hub: &Hub, last: u64) -> Option<Vec<u64>> {
        let missed = hub.follow(Some(last)).missed?;
        Some(missed.iter().map(|event| event.id).collect())
    }

    #[test]
    fn whoever_comes_back_is_told_what_was_missed_or_that_it_is_not_known() {
        let hub = Hub::new(1);
        assert_eq!(missed(&hub, 1000), Some(vec![]));
        hub.tell([change(), change(), change()]);
        assert_eq!(missed(&hub, 1001), Some(vec![1002, 1003]));
        assert_eq!(missed(&hub, 1003), Some(vec![]));
        assert_eq!(missed(&hub, 7), None, "of an earlier coordinator");
        assert_eq!(missed(&hub, 2000), None, "of a later one");
        hub.tell((0..KEPT_MAX).map(|_| change()));
        assert_eq!(missed(&hub, 1002), None, "long ago");
        assert_eq!(hub.kept_n(), KEPT_MAX);
    }

    #[test]
    fn numbers_grow_from_one_start_to_the_next() {
        let (first, second) = (Hub::new(1_764_000_000_000), Hub::new(1_764_000_000_001));
        first.tell((0..500).map(|_| change()));
        assert!(first.follow(None).newest < second.follow(None).newest);
        assert!(second.follow(None).newest < 1 << 53);
    }
}
