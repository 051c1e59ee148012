//! Places between two writes at which a test ends the coordinator as a crash would.
//!
//! With the feature `faults` a process whose `SWEEP_FAULT` is `settle.lease:2` ends itself by SIGKILL when
//! it passes that place for the second time. Without the feature, as in every build but that of the
//! tests, a place is nothing at all. `docs/bad-days.md` says what became of each.

use std::fmt;
#[cfg(feature = "faults")]
use std::{
    str::FromStr,
    sync::OnceLock,
    sync::atomic::{AtomicU32, Ordering},
};

macro_rules! points {
    ($($(#[$doc:meta])* $point:ident = $name:literal,)*) => {
        /// A place between two writes. Those named `committed` lie behind a commit and before
        /// whoever asked has heard of it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Point { $($(#[$doc])* $point,)* }

        impl Point {
            pub const ALL: &[Self] = &[$(Self::$point,)*];

            /// As `SWEEP_FAULT` has it.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$point => $name,)* }
            }
        }
    };
}

points! {
    /// One migration is applied, the next is not.
    MigrateStep = "migrate.step",
    MigrateCommitted = "migrate.committed",
    /// The sweep is there, its ledger is not.
    SubmitSweep = "submit.sweep",
    /// The totals of its ledger are there, the grant is not in the journal.
    SubmitLedger = "submit.ledger",
    /// The text it trains on is not noted.
    SubmitCommitted = "submit.committed",
    SubmitCorpus = "submit.corpus",
    /// The plan is there, its runs are not.
    PlanRow = "plan.row",
    /// The runs are there and belong to no plan.
    PlanRuns = "plan.runs",
    /// The sweep does not know that it is planned.
    PlanCommitted = "plan.committed",
    /// The lease is there, nothing is reserved.
    ClaimLease = "claim.lease",
    /// It is reserved, and the run is still queued.
    ClaimLedger = "claim.ledger",
    ClaimRun = "claim.run",
    ClaimCommitted = "claim.committed",
    /// Moved in the totals, and not in the journal: when a run is claimed,
    LedgerReserve = "ledger.reserve",
    /// when its meter is read,
    LedgerSpend = "ledger.spend",
    /// and when its attempt ends.
    LedgerRefund = "ledger.refund",
    /// A heartbeat: the lease is prolonged, the run does not know what it used.
    RenewLease = "renew.lease",
    MetricsChunk = "metrics.chunk",
    MetricsCommitted = "metrics.committed",
    /// The points of a run that has ended are taken out, to be put together.
    TogetherDeleted = "together.deleted",
    TogetherInserted = "together.inserted",
    /// The meter is read, the checkpoint is not noted.
    CheckpointMetered = "checkpoint.metered",
    CheckpointRun = "checkpoint.run",
    CheckpointCommitted = "checkpoint.committed",
    /// What the run found is there, its attempt goes on.
    SettleObservation = "settle.observation",
    /// The last reading is charged, the rest is reserved.
    SettleMetered = "settle.metered",
    /// The rest is free, the lease is open.
    SettleRefunded = "settle.refunded",
    /// The lease is closed, the run is still being trained.
    SettleLease = "settle.lease",
    SettleRun = "settle.run",
    SettleCommitted = "settle.committed",
    /// The plan of a proposal is there, its sweep sleeps.
    ApprovePlan = "approve.plan",
    /// It is awake, and nobody has decided anything.
    ApproveWoken = "approve.woken",
    ApproveDecision = "approve.decision",
    ApproveCommitted = "approve.committed",
}

impl fmt::Display for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Passes a place.
#[cfg(not(feature = "faults"))]
#[inline]
pub const fn pass(_: Point) {}

/// Passes a place, or ends the process there if that is what it was started for.
///
/// # Panics
/// Where `SWEEP_FAULT` names no place: a test that ends nothing shows nothing.
#[cfg(feature = "faults")]
pub fn pass(point: Point) {
    static FAULT: OnceLock<Option<Fault>> = OnceLock::new();
    static PASSED_N: AtomicU32 = AtomicU32::new(0);
    let fault = FAULT.get_or_init(|| {
        let asked = std::env::var("SWEEP_FAULT").ok()?;
        Some(asked.parse().unwrap_or_else(|mistake| panic!("SWEEP_FAULT: {mistake}")))
    });
    let Some(fault) = fault.filter(|fault| fault.point == point) else { return };
    if PASSED_N.fetch_add(1, Ordering::SeqCst) + 1 == fault.passing {
        // Fails for no process that may end itself; the other end would be told apart by its signal.
        let _ =
            rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
        std::process::abort();
    }
}

/// Where a process ends.
#[cfg(feature = "faults")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Fault {
    point: Point,
    /// Counted from 1.
    passing: u32,
}

#[cfg(feature = "faults")]
impl FromStr for Fault {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is not a place and its passing, as in `claim.lease:1`");
        let (name, passing) = text.split_once(':').ok_or_else(wrong)?;
        let point = Point::ALL.iter().find(|point| point.as_str() == name);
        let passing = passing.parse().ok().filter(|passing| *passing > 0);
        Ok(Self { point: *point.ok_or_else(wrong)?, passing: passing.ok_or_else(wrong)? })
    }
}

#[cfg(all(test, feature = "faults"))]
mod tests {
    use super::*;

    #[test]
    fn a_fault_is_a_place_and_its_passing() {
        let fault = Fault { point: Point::SettleLease, passing: 2 };
        assert_eq!("settle.lease:2".parse(), Ok(fault));
        for wrong in ["", "settle.lease", "settle.lease:0", "settle.lease:x", "settle:1"] {
            let refused = wrong.parse::<Fault>();
            assert!(refused.is_err_and(|mistake| mistake.contains(wrong)), "{wrong}");
        }
    }

    #[test]
    fn names_are_unlike() {
        let mut names: Vec<&str> = Point::ALL.iter().map(|point| point.as_str()).collect();
        names.sort_unstable();
        assert!(names.is_sorted_by(|a, b| a < b), "{names:?}");
    }
}
