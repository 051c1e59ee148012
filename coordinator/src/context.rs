//! What services and tasks share: the store, the clock, and the little that lives in memory.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sweep_core::clock::{Clock, Timestamp};
use sweep_core::code::ErrorCode;
use sweep_core::ids::{RunId, SweepId, WorkerId};
use sweep_core::output::Tail;
use sweep_core::sweep::Progress;
use sweep_core::throughput::ThroughputKey;
use sweep_corpus::Library;
use sweep_runtime::instruments::Instruments;
use sweep_store::{Error as StoreError, Store};
use tokio::sync::watch;

use crate::Error;
use crate::calibrate::Reference;
use crate::doors::{Auth, Limiter, Limits};
use crate::queue::KnownQueue;

/// Intervals and limits, each with its reason.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Timing {
    /// Between a worker's heartbeats: often enough for a live display and a tight meter.
    pub(crate) heartbeat_ms: u32,
    /// A lease without a heartbeat for this long is lost: thirty missed ones.
    pub(crate) lease_ms: i64,
    /// A worker that has measured for this long without a word is gone: a minute is the most that
    /// measuring takes, apart from building the models.
    pub(crate) calibration_ms: i64,
    /// How long an idle worker waits before it asks again.
    pub(crate) idle_ms: u32,
    /// Between two looks for what readers of events are told: people cannot read faster.
    pub(crate) events_ms: u64,
    /// Between the signs of life that readers of events get: proxies close what is silent for a minute.
    pub(crate) events_alive_ms: u64,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            heartbeat_ms: 1000,
            lease_ms: 30_000,
            calibration_ms: 180_000,
            idle_ms: 200,
            events_ms: 400,
            events_alive_ms: 15_000,
        }
    }
}

const NO_ROOM: &str =
    "the disk of the database is full: the sweep goes on as soon as there is room";

/// Shared by every service and task; cheap to clone.
#[derive(Clone)]
pub(crate) struct Context {
    pub(crate) store: Store,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) library: Library,
    pub(crate) timing: Timing,
    /// Whether whoever asks has to sign in.
    pub(crate) auth: Auth,
    pub(crate) limiter: Arc<Limiter>,
    /// Corpora, checkpoints and figures.
    pub(crate) data_dir: Arc<Path>,
    closing: Arc<watch::Sender<bool>>,
    leading: Arc<watch::Sender<bool>>,
    live: Arc<Mutex<Live>>,
    changes: Arc<watch::Sender<u64>>,
    /// Counts the changes that may let another run start.
    revision: Arc<AtomicU64>,
    /// What waits, as it was read last.
    pub(crate) queue: Arc<tokio::sync::Mutex<Option<KnownQueue>>>,
    /// None where nobody reads them.
    instruments: Option<Arc<Instruments>>,
}

/// State that may be lost: all of it is learned again from workers and the database.
#[derive(Default)]
pub(crate) struct Live {
    /// The device whose time is counted: that of the first worker.
    pub(crate) reference: Option<Reference>,
    /// Throughputs somebody waits for.
    pub(crate) calibrations: HashMap<ThroughputKey, CalibrationJob>,
    /// Latest report of each running run.
    pub(crate) progress: BTreeMap<RunId, Progress>,
    /// The end of what the command of each attempt in progress has printed.
    pub(crate) outputs: BTreeMap<RunId, Output>,
    /// When each worker last asked for anything.
    pub(crate) workers: BTreeMap<WorkerId, Timestamp>,
    /// Faults that keep a sweep from going on.
    pub(crate) problems: BTreeMap<SweepId, BTreeSet<String>>,
    /// Faults that concern every sweep.
    pub(crate) faults: BTreeSet<String>,
    /// The span that each sweep was submitted in.
    pub(crate) traces: BTreeMap<SweepId, String>,
    /// Workers are asked to hand their runs back.
    pub(crate) draining: bool,
}

/// What an attempt has printed so far.
pub(crate) struct Output {
    pub(crate) epoch: u32,
    pub(crate) tail: Tail,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum CalibrationJob {
    Waiting,
    Taken {
        worker: WorkerId,
    },
    Failed {
        reason: String,
    },
    /// Stored. It stays here, so that whoever looked into the database before does not ask again.
    Measured,
}

impl Context {
    pub(crate) fn new(store: Store, clock: Arc<dyn Clock>, data_dir: &Path) -> Self {
        Self {
            store,
            clock,
            library: Library::new(&corpora_dir(data_dir)),
            timing: Timing::default(),
            auth: Auth::None,
            limiter: Arc::default(),
            data_dir: data_dir.into(),
            closing: Arc::new(watch::Sender::new(false)),
            leading: Arc::new(watch::Sender::new(false)),
            live: Arc::default(),
            changes: Arc::new(watch::Sender::new(0)),
            revision: Arc::default(),
            queue: Arc::default(),
            instruments: None,
        }
    }

    /// The same with instruments that somebody reads.
    pub(crate) fn with_instruments(self, instruments: Arc<Instruments>) -> Self {
        Self { instruments: Some(instruments), ..self }
    }

    pub(crate) fn instruments(&self) -> Option<&Instruments> {
        self.instruments.as_deref()
    }

    /// Counts or measures, where somebody reads it.
    pub(crate) fn measure(&self, note: impl FnOnce(&Instruments)) {
        if let Some(instruments) = self.instruments() {
            note(instruments);
        }
    }

    /// The same with doors that open as `auth` says.
    pub(crate) fn with_auth(self, auth: Auth) -> Self {
        Self { auth, ..self }
    }

    pub(crate) fn with_limits(self, limits: Limits) -> Self {
        Self { limiter: Arc::new(Limiter::new(limits)), ..self }
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The state in memory. Hold the guard briefly and never across an await.
    pub(crate) fn live(&self) -> MutexGuard<'_, Live> {
        // A panic while holding it leaves plain data behind, which stays usable.
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes whether this coordinator does what is to be done once for the database.
    pub(crate) fn set_leading(&self, is_leading: bool) {
        let changed =
            self.leading.send_if_modified(|was| std::mem::replace(was, is_leading) != is_leading);
        if changed {
            tracing::info!(is_leading, "the lead has changed");
        }
    }

    /// Resolves when this coordinator leads: at once, as long as it does.
    pub(crate) async fn lead(&self) {
        // The sender lives as long as this context.
        let _ = self.leading.subscribe().wait_for(|is_leading| *is_leading).await;
    }

    /// Wakes everything that looks at state: tasks converge, watchers redraw.
    pub(crate) fn changed(&self) {
        self.revision.fetch_add(1, Ordering::AcqRel);
        self.progressed();
    }

    /// Wakes the same for what lets no run start: a run that goes on, or was started.
    pub(crate) fn progressed(&self) {
        self.changes.send_modify(|version| *version = version.wrapping_add(1));
    }

    /// Differs after every change that may let another run start.
    pub(crate) fn revision(&self) -> u64 {
        self.revision.load(Ordering::Acquire)
    }

    pub(crate) fn watch(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// Begins the end: no run is given out any more, and whoever watches is told.
    pub(crate) fn close(&self) {
        self.closing.send_replace(true);
        self.changed();
    }

    /// True once the end has begun.
    pub(crate) fn closing(&self) -> watch::Receiver<bool> {
        self.closing.subscribe()
    }

    /// Passes until the end has begun.
    ///
    /// # Errors
    /// [`Error::Closing`].
    pub(crate) fn must_be_open(&self) -> Result<(), Error> {
        if *self.closing.borrow() { Err(Error::Closing) } else { Ok(()) }
    }

    /// Records a fault of one sweep, once.
    pub(crate) fn problem(&self, sweep: SweepId, problem: &str) {
        let new = self.live().problems.entry(sweep).or_default().insert(problem.to_owned());
        if new {
            tracing::error!(%sweep, problem);
            self.changed();
        }
    }

    /// Passes on the outcome of storing what a worker reports. As long as the disk has no room the
    /// sweeps say so, and workers wait.
    pub(crate) fn stored<T>(&self, outcome: Result<T, StoreError>) -> Result<T, Error> {
        let full = outcome.as_ref().is_err_and(|error| error.code() == ErrorCode::Storage);
        if full || outcome.is_ok() {
            let mut live = self.live();
            let told = live.faults.contains(NO_ROOM);
            if full {
                live.faults.insert(NO_ROOM.to_owned());
            } else {
                live.faults.remove(NO_ROOM);
            }
            drop(live);
            if told != full {
                self.changed();
            }
        }
        Ok(outcome?)
    }

    /// When a lease given now is lost.
    pub(crate) fn lease_expiry(&self) -> Timestamp {
        self.now().plus_ms(self.timing.lease_ms)
    }
}

/// Where corpora are cached, for coordinator and workers alike.
pub(crate) fn corpora_dir(data_dir: &Path) -> PathBuf {
    data_dir.join("corpora")
}
