//! The budget of a sweep: what was granted, what is promised to running runs, what is used up.
//!
//! `reserved + spent + free = granted` after every event, in whole milliseconds. Nothing is ever
//! spent that was not reserved first, so a budget cannot be overspent.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ids::RunId;
use crate::units::AcceleratorTime;

/// Totals of a sweep.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Balance {
    pub granted: AcceleratorTime,
    /// Promised to runs in progress and not yet used.
    pub reserved: AcceleratorTime,
    pub spent: AcceleratorTime,
}

impl Balance {
    #[must_use]
    pub const fn free(self) -> AcceleratorTime {
        self.granted.saturating_sub(self.reserved).saturating_sub(self.spent)
    }

    /// The invariant: nothing is promised or used that was not granted.
    #[must_use]
    pub fn holds(self) -> bool {
        self.reserved.checked_add(self.spent).is_some_and(|used| used <= self.granted)
    }
}

/// What one run holds: the unused rest of its reservation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reservation {
    /// Counts the attempts of a run: a meter reading of an older attempt is refused.
    pub epoch: u32,
    /// Reserved for this attempt in all.
    pub reserved: AcceleratorTime,
    /// Used by this attempt so far, cumulative: the highest meter reading.
    pub metered: AcceleratorTime,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LedgerError {
    #[error("{asked} is more than the {free} that are free")]
    Insufficient { asked: AcceleratorTime, free: AcceleratorTime },
    #[error("the run already holds a reservation")]
    AlreadyReserved,
    #[error("the run holds no reservation of this attempt")]
    NoReservation,
    #[error("a meter reading of {reading} exceeds the {reserved} reserved")]
    OverReserved { reading: AcceleratorTime, reserved: AcceleratorTime },
}

/// The ledger of one sweep as a value: the reference for the database's, which obeys the same
/// rules row by row.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ledger {
    balance: Balance,
    open: BTreeMap<RunId, Reservation>,
}

impl Ledger {
    #[must_use]
    pub fn new(granted: AcceleratorTime) -> Self {
        let balance = Balance { granted, ..Balance::default() };
        Self { balance, open: BTreeMap::new() }
    }

    #[must_use]
    pub const fn balance(&self) -> Balance {
        self.balance
    }

    #[must_use]
    pub fn reservation(&self, run: RunId) -> Option<Reservation> {
        self.open.get(&run).copied()
    }

    /// Adds to the budget.
    pub fn grant(&mut self, amount: AcceleratorTime) {
        self.balance.granted = add(self.balance.granted, amount);
    }

    /// Reserves `amount` for an attempt of `run`.
    ///
    /// # Errors
    /// When not enough is free, or the run already holds a reservation.
    pub fn reserve(
        &mut self,
        run: RunId,
        epoch: u32,
        amount: AcceleratorTime,
    ) -> Result<(), LedgerError> {
        if self.open.contains_key(&run) {
            return Err(LedgerError::AlreadyReserved);
        }
        let free = self.balance.free();
        if amount > free {
            return Err(LedgerError::Insufficient { asked: amount, free });
        }
        self.balance.reserved = add(self.balance.reserved, amount);
        let reservation = Reservation { epoch, reserved: amount, metered: AcceleratorTime::ZERO };
        self.open.insert(run, reservation);
        Ok(())
    }

    /// Adds to a reservation that turns out too small.
    ///
    /// # Errors
    /// When not enough is free, or there is no such reservation.
    pub fn extend(
        &mut self,
        run: RunId,
        epoch: u32,
        amount: AcceleratorTime,
    ) -> Result<(), LedgerError> {
        let free = self.balance.free();
        let reservation = current(&mut self.open, run, epoch)?;
        if amount > free {
            return Err(LedgerError::Insufficient { asked: amount, free });
        }
        reservation.reserved = add(reservation.reserved, amount);
        self.balance.reserved = add(self.balance.reserved, amount);
        Ok(())
    }

    /// Takes a cumulative meter reading of an attempt. A reading that is not higher than the last
    /// one changes nothing, so readings may be repeated and may arrive out of order.
    ///
    /// # Errors
    /// When the reading exceeds the reservation, or there is no such reservation.
    pub fn meter(
        &mut self,
        run: RunId,
        epoch: u32,
        reading: AcceleratorTime,
    ) -> Result<(), LedgerError> {
        let reservation = current(&mut self.open, run, epoch)?;
        if reading > reservation.reserved {
            let reserved = reservation.reserved;
            return Err(LedgerError::OverReserved { reading, reserved });
        }
        let delta = reading.saturating_sub(reservation.metered);
        reservation.metered = add(reservation.metered, delta);
        self.balance.reserved = self.balance.reserved.saturating_sub(delta);
        self.balance.spent = add(self.balance.spent, delta);
        Ok(())
    }

    /// Ends an attempt: what it did not use is free again.
    ///
    /// # Errors
    /// When there is no such reservation: settling twice charges nothing twice.
    pub fn settle(&mut self, run: RunId, epoch: u32) -> Result<AcceleratorTime, LedgerError> {
        let reservation = *current(&mut self.open, run, epoch)?;
        let refund = reservation.reserved.saturating_sub(reservation.metered);
        self.balance.reserved = self.balance.reserved.saturating_sub(refund);
        self.open.remove(&run);
        Ok(refund)
    }

    /// The invariant in full: the totals agree with the open reservations.
    #[must_use]
    pub fn holds(&self) -> bool {
        let open: AcceleratorTime =
            self.open.values().map(|r| r.reserved.saturating_sub(r.metered)).sum();
        self.balance.holds() && open == self.balance.reserved
    }
}

fn add(a: AcceleratorTime, b: AcceleratorTime) -> AcceleratorTime {
    a.checked_add(b).expect("both are bounded by the grant, which is bounded by its parser")
}

fn current(
    open: &mut BTreeMap<RunId, Reservation>,
    run: RunId,
    epoch: u32,
) -> Result<&mut Reservation, LedgerError> {
    open.get_mut(&run).filter(|r| r.epoch == epoch).ok_or(LedgerError::NoReservation)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn ms(ms: u64) -> AcceleratorTime {
        AcceleratorTime::from_ms(ms)
    }

    #[test]
    fn a_run_reserves_meters_and_refunds() {
        let run = RunId::new();
        let mut ledger = Ledger::new(ms(100));
        ledger.reserve(run, 1, ms(60)).unwrap();
        ledger.meter(run, 1, ms(20)).unwrap();
        ledger.meter(run, 1, ms(20)).unwrap();
        ledger.meter(run, 1, ms(10)).unwrap();
        assert_eq!(ledger.balance().spent, ms(20));
        assert_eq!(ledger.balance().free(), ms(40));
        assert_eq!(ledger.settle(run, 1), Ok(ms(40)));
        assert_eq!(ledger.settle(run, 1), Err(LedgerError::NoReservation));
        assert_eq!(ledger.balance().free(), ms(80));
    }

    #[test]
    fn an_older_attempt_cannot_touch_the_ledger() {
        let run = RunId::new();
        let mut ledger = Ledger::new(ms(100));
        ledger.reserve(run, 2, ms(60)).unwrap();
        assert_eq!(ledger.meter(run, 1, ms(5)), Err(LedgerError::NoReservation));
        assert_eq!(ledger.settle(run, 1), Err(LedgerError::NoReservation));
    }

    #[test]
    fn nothing_is_reserved_that_is_not_free() {
        let mut ledger = Ledger::new(ms(100));
        ledger.reserve(RunId::new(), 1, ms(60)).unwrap();
        let refused = ledger.reserve(RunId::new(), 1, ms(41));
        assert_eq!(refused, Err(LedgerError::Insufficient { asked: ms(41), free: ms(40) }));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_600))]

        /// 2,600 sequences of 390 to 400 random events: more than a million events a run.
        #[test]
        fn the_identity_survives_any_events(
            granted in 0u64..10_000,
            events in prop::collection::vec((0u8..5, 0usize..6, 1u32..4, 0u64..3_000), 390..400),
        ) {
            let runs: Vec<RunId> = (0..6).map(|n| RunId(uuid::Uuid::from_u128(n))).collect();
            let mut ledger = Ledger::new(ms(granted));
            let mut granted = granted;
            for (kind, run, epoch, amount) in events {
                let before = ledger.clone();
                let outcome = match kind {
                    0 => ledger.reserve(runs[run], epoch, ms(amount)),
                    1 => ledger.extend(runs[run], epoch, ms(amount)),
                    2 => ledger.meter(runs[run], epoch, ms(amount)),
                    3 => {
                        ledger.grant(ms(amount));
                        granted += amount;
                        Ok(())
                    }
                    _ => ledger.settle(runs[run], epoch).map(drop),
                };
                prop_assert!(ledger.holds());
                prop_assert!(ledger.balance().spent >= before.balance().spent);
                let balance = ledger.balance();
                let total = balance.reserved.ms() + balance.spent.ms() + balance.free().ms();
                prop_assert_eq!(total, granted);
                if outcome.is_err() {
                    prop_assert_eq!(&ledger, &before, "a refused event changes nothing");
                }
            }
        }
    }
}
