//! Leases: which worker trains which run, fenced off by an epoch, and what it may use.
//!
//! An attempt of a run is one row: opened by [`Store::claim`], renewed while the worker trains,
//! closed exactly once by the end of the attempt. Every call is one transaction that moves run,
//! lease and ledger together, and refuses an epoch that does not hold the run any more. Calls that
//! end an attempt may be repeated: a worker that has not heard the answer asks again.

use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel,
    QueryFilter, Select,
};
use sweep_core::clock::Timestamp;
use sweep_core::control::{Stop, at_the_end};
use sweep_core::ids::{RunId, WorkerId};
use sweep_core::observation::Observation;
use sweep_core::retry::AttemptEnd;
use sweep_core::run::{Checkpoint, FailureReason, RunEvent, RunResult, RunState};
use sweep_core::token::TokenId;
use sweep_core::units::AcceleratorTime;

use crate::column::{from_at, from_ms, from_n, to_at, to_json, to_ms};
use crate::entity::{lease, run};
use crate::error::{Error, conflict, duplicate_is_lost_race};
use crate::fault::{self, Point};
use crate::ledger::{self, EntryKind, Posting};
use crate::projects::{Full, Room};
use crate::tx::writing;
use crate::{Store, observations, projects, runs, tokens};

/// A worker's claim on a queued run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claim {
    pub run: RunId,
    pub worker: WorkerId,
    /// What to reserve for the attempt.
    pub reserve: AcceleratorTime,
    /// What the worker has signed in with; none where nobody has to.
    pub token: Option<TokenId>,
    pub now: Timestamp,
    pub expires_at: Timestamp,
}

/// An attempt that holds its run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lease {
    pub run: RunId,
    pub worker: WorkerId,
    /// Counts the attempts of the run from 1; every later call names it.
    pub epoch: u32,
    pub expires_at: Timestamp,
    /// What it was leased with.
    pub token: Option<TokenId>,
}

/// How a run goes back to the queue.
#[derive(Clone, Debug, PartialEq)]
pub struct Back {
    /// How the attempt ended.
    pub end: AttemptEnd,
    /// What was told of it.
    pub failure: Option<FailureReason>,
    /// When the run may be given to a worker again; none for at once.
    pub not_before: Option<Timestamp>,
}

impl Back {
    /// Of an attempt whose worker was asked to stop.
    #[must_use]
    pub const fn preempted() -> Self {
        Self { end: AttemptEnd::Preempted, failure: None, not_before: None }
    }
}

/// What became of a heartbeat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Renewed {
    pub metered: Metered,
    /// What somebody asks of the attempt.
    pub stop: Option<Stop>,
}

/// Whether a meter reading could be charged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Metered {
    Ok,
    /// The reading exceeds the reservation and not enough is free. The reservation is charged in
    /// full, and no more.
    OutOfBudget,
}

impl Store {
    /// Gives a queued run to a worker and reserves what the attempt may use. A worker that asks
    /// again for the run it holds gets the same lease.
    ///
    /// # Errors
    /// [`Error::Insufficient`] when the budget does not pay for it, [`Error::IllegalTransition`]
    /// when the run is not queued, [`Error::Conflict`] when the worker holds another run.
    #[tracing::instrument(level = "info", skip_all, fields(otel.name = "database claim"))]
    pub async fn claim(&self, claim: &Claim) -> Result<Lease, Error> {
        writing!(self, |tx| {
            let mut run = runs::locked(tx, claim.run).await?;
            let mine = lease::Column::WorkerId.eq(claim.worker.0);
            if let Some(lease) = open().filter(mine).one(tx).await? {
                if lease.run_id == claim.run.0 {
                    return to_lease(&lease);
                }
                let (worker, other) = (claim.worker, RunId(lease.run_id));
                return Err(conflict(format!("worker {worker} holds run {other}")));
            }
            runs::advance(&mut run, RunEvent::Lease)?;
            must_have_room(tx, &run, claim.reserve).await?;
            run.attempts_n += 1;
            run.not_before = None;
            let lease = lease::Model {
                run_id: run.id,
                epoch: run.attempts_n,
                worker_id: claim.worker.0,
                reserved_ms: to_ms(claim.reserve)?,
                metered_ms: 0,
                claimed_at: to_at(claim.now)?,
                expires_at: to_at(claim.expires_at)?,
                closed_at: None,
                closed_hour: None,
                ended: None,
                failure: None,
                token_id: claim.token.map(|token| token.to_string()),
            };
            let row = lease.clone().into_active_model();
            lease::Entity::insert(row)
                .exec_without_returning(tx)
                .await
                .map_err(duplicate_is_lost_race)?;
            fault::pass(Point::ClaimLease);
            let attempt = Attempt { run, lease };
            attempt.post(tx, EntryKind::Reserve, attempt.lease.reserved_ms, claim.now).await?;
            fault::pass(Point::ClaimLedger);
            let lease = to_lease(&attempt.lease)?;
            runs::save(tx, attempt.run).await?;
            fault::pass(Point::ClaimRun);
            Ok(lease)
        })
    }

    /// The worker reports that it trains. May be repeated.
    ///
    /// # Errors
    /// [`Error::StaleLease`] when the attempt does not hold the run any more.
    pub async fn start(&self, run: RunId, epoch: u32) -> Result<(), Error> {
        writing!(self, |tx| {
            let mut attempt = held(tx, run, epoch).await?;
            if runs::state(&attempt.run)? == RunState::Running {
                return Ok(());
            }
            runs::advance(&mut attempt.run, RunEvent::Start)?;
            runs::save(tx, attempt.run).await
        })
    }

    /// Keeps a lease alive and takes its meter reading, cumulative over the attempt. A reading
    /// beyond the reservation extends it by `extend_by`, or by what is missing if that is more, as
    /// far as the budget allows.
    ///
    /// # Errors
    /// [`Error::StaleLease`] when the attempt does not hold the run any more.
    pub async fn renew(
        &self,
        run: RunId,
        epoch: u32,
        metered: AcceleratorTime,
        extend_by: AcceleratorTime,
        now: Timestamp,
        expires_at: Timestamp,
    ) -> Result<Renewed, Error> {
        writing!(self, |tx| {
            let mut attempt = held(tx, run, epoch).await?;
            let stop = runs::stop(&attempt.run)?;
            let metered = attempt.meter(tx, metered, extend_by, now).await?;
            attempt.lease.expires_at = to_at(expires_at)?;
            attempt.save(tx, Point::RenewLease).await?;
            Ok(Renewed { metered, stop })
        })
    }

    /// Notes where the run can be taken up again.
    ///
    /// # Errors
    /// [`Error::StaleLease`] when the attempt does not hold the run any more.
    pub async fn record_checkpoint(
        &self,
        run: RunId,
        epoch: u32,
        checkpoint: &Checkpoint,
    ) -> Result<(), Error> {
        writing!(self, |tx| {
            let mut attempt = held(tx, run, epoch).await?;
            attempt.run.checkpoint = Some(to_json("checkpoint", checkpoint)?);
            runs::save(tx, attempt.run).await?;
            fault::pass(Point::CheckpointRun);
            Ok(())
        })
    }

    /// Ends an attempt that trained its run to the end, and stores what it found.
    ///
    /// # Errors
    /// [`Error::StaleLease`] when the attempt does not hold the run any more.
    #[tracing::instrument(level = "info", skip_all, fields(otel.name = "database succeed"))]
    pub async fn succeed(
        &self,
        run: RunId,
        epoch: u32,
        metered: AcceleratorTime,
        result: &RunResult,
        observation: &Observation,
        now: Timestamp,
    ) -> Result<(), Error> {
        writing!(self, |tx| {
            let Some(mut attempt) = ending(tx, run, epoch, RunEvent::Succeed).await? else {
                return Ok(());
            };
            attempt.run.result = Some(to_json("result", result)?);
            observations::insert(tx, &attempt.run, observation, now).await?;
            fault::pass(Point::SettleObservation);
            attempt.end(AttemptEnd::Succeeded, None)?;
            attempt.settle(tx, Some(metered), now).await
        })
    }

    /// Ends an attempt for good: the run failed.
    ///
    /// # Errors
    /// [`Error::StaleLease`] when the attempt does not hold the run any more.
    pub async fn fail(
        &self,
        run: RunId,
        epoch: u32,
        metered: AcceleratorTime,
        reason: &FailureReason,
        now: Timestamp,
    ) -> Result<(), Error> {
        writing!(self, |tx| {
            let Some(mut attempt) = ending(tx, run, epoch, RunEvent::Fail).await? else {
                return Ok(());
            };
            attempt.run.failure = Some(to_json("failure", reason)?);
            attempt.end(reason.end(), Some(reason))?;
            attempt.settle(tx, Some(metered), now).await
        })
    }

    /// Ends an attempt whose run goes back to the queue with its checkpoint; a run that somebody has
    /// cancelled ends. Without a reading (the worker is lost) what was metered last is what it used.
    /// The state of the run afterwards.
    ///
    /// # Errors
    /// [`Error::StaleLease`] when the attempt does not hold the run any more.
    pub async fn requeue(
        &self,
        run: RunId,
        epoch: u32,
        metered: Option<AcceleratorTime>,
        back: &Back,
        now: Timestamp,
    ) -> Result<RunState, Error> {
        writing!(self, |tx| {
            match ending(tx, run, epoch, RunEvent::Requeue).await? {
                Some(mut attempt) => {
                    let after = runs::state(&attempt.run)?;
                    let is_over = after == RunState::Cancelled;
                    attempt.run.not_before =
                        back.not_before.filter(|_| !is_over).map(to_at).transpose()?;
                    let by_request = is_over && back.end == AttemptEnd::Preempted;
                    let end = if by_request { AttemptEnd::Cancelled } else { back.end };
                    attempt.end(end, back.failure.as_ref())?;
                    attempt.settle(tx, metered, now).await?;
                    Ok(after)
                }
                None => runs::state(&runs::locked(tx, run).await?),
            }
        })
    }

    /// The lease that a worker holds.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn lease_of(&self, worker: WorkerId) -> Result<Option<Lease>, Error> {
        let mine = lease::Column::WorkerId.eq(worker.0);
        let row = open().filter(mine).one(&self.db).await?;
        row.as_ref().map(to_lease).transpose()
    }

    /// What an attempt was leased with; none where there is no such attempt.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn token_of(&self, run: RunId, epoch: u32) -> Result<Option<Option<TokenId>>, Error> {
        let attempt = (run.0, i64::from(epoch));
        let row = lease::Entity::find_by_id(attempt).one(&self.db).await?;
        row.map(|row| row.token_id.as_deref().map(tokens::id).transpose()).transpose()
    }

    /// Leases that nobody has renewed in time, in the order in which they expired.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn expired_leases(&self, now: Timestamp) -> Result<Vec<Lease>, Error> {
        let mut leases = self.open_leases().await?;
        // Compared here: SQLite keeps times as text, and there is one open lease per worker.
        leases.retain(|lease| lease.expires_at <= now);
        Ok(leases)
    }

    /// Every lease that holds a run, the one that expires first in front.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn open_leases(&self) -> Result<Vec<Lease>, Error> {
        let rows = open().all(&self.db).await?;
        let leases: Result<Vec<Lease>, Error> = rows.iter().map(to_lease).collect();
        let mut leases = leases?;
        leases.sort_by_key(|lease| (lease.expires_at, lease.run));
        Ok(leases)
    }
}

/// Refuses a run that its project has no room for.
async fn must_have_room(
    tx: &impl ConnectionTrait,
    run: &run::Model,
    reserve: AcceleratorTime,
) -> Result<(), Error> {
    let Room { free_ms, full } = projects::room(tx, run.sweep_id).await?;
    if let Some(Full { project, running_n, running_max }) = full {
        return Err(Error::Quota { project, running_n, running_max });
    }
    let free = free_ms.map(from_ms).transpose()?;
    match free.filter(|free| reserve > *free) {
        Some(free) => Err(Error::ProjectHours { asked: reserve, free }),
        None => Ok(()),
    }
}

/// A run and the lease that holds it, both locked by the lock on the run.
pub(crate) struct Attempt {
    pub(crate) run: run::Model,
    pub(crate) lease: lease::Model,
}

/// The attempt, if it holds the run.
pub(crate) async fn held(
    tx: &impl ConnectionTrait,
    run: RunId,
    epoch: u32,
) -> Result<Attempt, Error> {
    let row = runs::locked(tx, run).await?;
    let this = open()
        .filter(lease::Column::RunId.eq(run.0))
        .filter(lease::Column::Epoch.eq(i64::from(epoch)));
    let lease = this.one(tx).await?.ok_or(Error::StaleLease { run, epoch })?;
    Ok(Attempt { run: row, lease })
}

/// The attempt with its run taken to the state after `event`; None when just this has happened
/// already.
async fn ending(
    tx: &impl ConnectionTrait,
    run: RunId,
    epoch: u32,
    event: RunEvent,
) -> Result<Option<Attempt>, Error> {
    match held(tx, run, epoch).await {
        Ok(mut attempt) => {
            let stop = runs::stop(&attempt.run)?;
            runs::advance(&mut attempt.run, at_the_end(event, stop))?;
            Ok(Some(attempt))
        }
        Err(Error::StaleLease { .. }) => {
            let row = runs::locked(tx, run).await?;
            let is_last = row.attempts_n == i64::from(epoch);
            let (after, state) = (RunState::Running.after(event)?, runs::state(&row)?);
            let was_cancelled = event == RunEvent::Requeue && state == RunState::Cancelled;
            if is_last && (state == after || was_cancelled) {
                Ok(None)
            } else {
                Err(Error::StaleLease { run, epoch })
            }
        }
        Err(error) => Err(error),
    }
}

impl Attempt {
    /// Notes how the attempt ended.
    fn end(&mut self, end: AttemptEnd, failure: Option<&FailureReason>) -> Result<(), Error> {
        self.lease.ended = Some(end.as_str().to_owned());
        self.lease.failure = failure.map(|failure| to_json("failure", failure)).transpose()?;
        Ok(())
    }

    /// Charges a cumulative reading. One that is not higher than the last changes nothing.
    async fn meter(
        &mut self,
        tx: &impl ConnectionTrait,
        reading: AcceleratorTime,
        extend_by: AcceleratorTime,
        now: Timestamp,
    ) -> Result<Metered, Error> {
        let reading = to_ms(reading)?;
        let missing = reading - self.lease.reserved_ms;
        if missing > 0 {
            let of_project = projects::room(tx, self.run.sweep_id).await?.free_ms;
            let free = ledger::free_ms(tx, self.run.sweep_id).await?;
            let free = of_project.map_or(free, |of_project| of_project.min(free));
            if missing <= free {
                let extension = to_ms(extend_by)?.max(missing).min(free);
                self.post(tx, EntryKind::Extend, extension, now).await?;
                self.lease.reserved_ms += extension;
            }
        }
        let charge = reading.min(self.lease.reserved_ms) - self.lease.metered_ms;
        if charge > 0 {
            self.post(tx, EntryKind::Spend, charge, now).await?;
            self.lease.metered_ms += charge;
            self.run.spent_ms += charge;
        }
        let is_covered = reading <= self.lease.reserved_ms;
        Ok(if is_covered { Metered::Ok } else { Metered::OutOfBudget })
    }

    /// Closes the lease: takes the last reading, and frees what was not used.
    async fn settle(
        mut self,
        tx: &impl ConnectionTrait,
        reading: Option<AcceleratorTime>,
        now: Timestamp,
    ) -> Result<(), Error> {
        if let Some(reading) = reading {
            self.meter(tx, reading, AcceleratorTime::ZERO, now).await?;
        }
        fault::pass(Point::SettleMetered);
        let unused = self.lease.reserved_ms - self.lease.metered_ms;
        if unused > 0 {
            self.post(tx, EntryKind::Refund, unused, now).await?;
        }
        fault::pass(Point::SettleRefunded);
        self.lease.closed_at = Some(to_at(now)?);
        self.lease.closed_hour = Some(projects::hour(now));
        self.save(tx, Point::SettleLease).await?;
        fault::pass(Point::SettleRun);
        Ok(())
    }

    async fn post(
        &self,
        tx: &impl ConnectionTrait,
        kind: EntryKind,
        amount_ms: i64,
        now: Timestamp,
    ) -> Result<(), Error> {
        let attempt = Some((self.run.id, self.lease.epoch));
        Posting { sweep: self.run.sweep_id, attempt, kind, amount_ms }.post(tx, now).await
    }

    /// `between` lies between lease and run.
    async fn save(self, tx: &impl ConnectionTrait, between: Point) -> Result<(), Error> {
        let mut lease = self.lease.clone().into_active_model();
        lease.reserved_ms = Set(self.lease.reserved_ms);
        lease.metered_ms = Set(self.lease.metered_ms);
        lease.expires_at = Set(self.lease.expires_at);
        lease.closed_at = Set(self.lease.closed_at);
        lease.closed_hour = Set(self.lease.closed_hour);
        lease.ended = Set(self.lease.ended);
        lease.failure = Set(self.lease.failure);
        lease.update(tx).await?;
        fault::pass(between);
        runs::save(tx, self.run).await
    }
}

fn open() -> Select<lease::Entity> {
    lease::Entity::find().filter(lease::Column::ClosedAt.is_null())
}

fn to_lease(row: &lease::Model) -> Result<Lease, Error> {
    Ok(Lease {
        run: RunId(row.run_id),
        worker: WorkerId(row.worker_id),
        epoch: from_n("epoch", row.epoch)?,
        expires_at: from_at(row.expires_at),
        token: row.token_id.as_deref().map(tokens::id).transpose()?,
    })
}
