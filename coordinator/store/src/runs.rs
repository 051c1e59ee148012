//! The life of a run. Its state changes only through [`save`], which compares and sets: whoever
//! has read an older generation of the row loses and looks again.

use std::collections::BTreeMap;

use sea_orm::{
    ActiveValue::{NotSet, Set, Unchanged},
    ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QuerySelect,
};
use sweep_core::control::Stop;
use sweep_core::ids::{RunId, SweepId};
use sweep_core::retry::EndedAttempt;
use sweep_core::run::{RunEvent, RunState};
use sweep_core::sweep::RunRecord;

use crate::Store;
use crate::column::{from_at, from_json, from_ms, from_n, from_name};
use crate::entity::run;
use crate::error::{Error, conflict, not_found};
use crate::tx::writing;

impl Store {
    /// # Errors
    /// Those of the database.
    pub async fn run(&self, run: RunId) -> Result<Option<(SweepId, RunRecord)>, Error> {
        let row = run::Entity::find_by_id(run.0).one(&self.db).await?;
        let Some(row) = row else { return Ok(None) };
        let attempts = self.ended_of_run(run).await?;
        Ok(Some((SweepId(row.sweep_id), record(row, attempts)?)))
    }

    /// How many runs of all sweeps are in each state; none of a state that no run is in.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn runs_by_state(&self) -> Result<BTreeMap<RunState, u64>, Error> {
        let counts: Vec<(String, i64)> = run::Entity::find()
            .select_only()
            .column(run::Column::State)
            .column_as(run::Column::Id.count(), "runs_n")
            .group_by(run::Column::State)
            .into_tuple()
            .all(&self.db)
            .await?;
        let count = |(state, n): (String, i64)| {
            Ok((from_name("run state", state)?, from_n("number of runs", n)?))
        };
        counts.into_iter().map(count).collect()
    }

    /// Moves a run that nobody holds: releases it to workers, or cancels it. Whatever takes or
    /// ends a lease has a method of its own, because the ledger moves with it.
    ///
    /// # Errors
    /// [`Error::IllegalTransition`] when the event does not fit the run's state, and
    /// [`Error::Conflict`] when it concerns a lease.
    pub async fn transition(&self, run: RunId, event: RunEvent) -> Result<RunState, Error> {
        writing!(self, |tx| {
            let mut row = locked(tx, run).await?;
            let before = state(&row)?;
            let after = advance(&mut row, event)?;
            if before.is_active() || after.is_active() {
                return Err(conflict(format!("`{event:?}` of a {before} run concerns its lease")));
            }
            save(tx, row).await?;
            Ok(after)
        })
    }
}

/// A run for changing: nobody else changes it before this transaction ends.
pub(crate) async fn locked(tx: &impl ConnectionTrait, run: RunId) -> Result<run::Model, Error> {
    let row = run::Entity::find_by_id(run.0).lock_exclusive().one(tx).await?;
    row.ok_or_else(|| not_found(format_args!("run {run}")))
}

pub(crate) fn state(row: &run::Model) -> Result<RunState, Error> {
    from_name("run state", row.state.clone())
}

pub(crate) fn stop(row: &run::Model) -> Result<Option<Stop>, Error> {
    row.stop.clone().map(|name| from_name("stop", name)).transpose()
}

/// Takes the row to the state after `event`.
pub(crate) fn advance(row: &mut run::Model, event: RunEvent) -> Result<RunState, Error> {
    let after = state(row)?.after(event)?;
    after.as_str().clone_into(&mut row.state);
    if !after.is_active() {
        row.stop = None;
    }
    Ok(after)
}

/// Writes what may change of a run, if nobody has written since `row` was read.
pub(crate) async fn save(tx: &impl ConnectionTrait, row: run::Model) -> Result<(), Error> {
    let changes = run::ActiveModel {
        id: Unchanged(row.id),
        sweep_id: NotSet,
        spec: NotSet,
        state: Set(row.state),
        generation: Set(row.generation + 1),
        attempts_n: Set(row.attempts_n),
        spent_ms: Set(row.spent_ms),
        checkpoint: Set(row.checkpoint),
        result: Set(row.result),
        failure: Set(row.failure),
        stop: Set(row.stop),
        not_before: Set(row.not_before),
        forgiven_n: Set(row.forgiven_n),
    };
    let update = run::Entity::update_many()
        .set(changes)
        .filter(run::Column::Id.eq(row.id))
        .filter(run::Column::Generation.eq(row.generation));
    if update.exec(tx).await?.rows_affected == 0 { Err(Error::LostRace) } else { Ok(()) }
}

pub(crate) fn record(row: run::Model, attempts: Vec<EndedAttempt>) -> Result<RunRecord, Error> {
    let stop = stop(&row)?;
    Ok(RunRecord {
        state: state(&row)?,
        spec: from_json("run", row.spec)?,
        attempts_n: from_n("attempts", row.attempts_n)?,
        spent: from_ms(row.spent_ms)?,
        checkpoint: row.checkpoint.map(|json| from_json("checkpoint", json)).transpose()?,
        result: row.result.map(|json| from_json("result", json)).transpose()?,
        failure: row.failure.map(|json| from_json("failure", json)).transpose()?,
        attempts,
        not_before: row.not_before.map(from_at),
        stop,
        waiting: None,
        progress: None,
    })
}
