//! The budget of a sweep: a row of totals, and a journal that says how they came about.
//!
//! The rules are those of [`sweep_core::ledger::Ledger`]; the database's checks hold the identity
//! `reserved + spent + free = granted` whatever this code does.

use sea_orm::prelude::Uuid;
use sea_orm::sea_query::ExprTrait;
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter,
    QueryOrder, QuerySelect,
};
use serde::{Deserialize, Serialize};
use sweep_core::clock::Timestamp;
use sweep_core::ids::{RunId, SweepId};
use sweep_core::ledger::Balance;
use sweep_core::units::AcceleratorTime;

use crate::Store;
use crate::column::{from_at, from_ms, from_n, from_name, to_at, to_ms};
use crate::entity::{ledger, ledger_entry};
use crate::error::{Error, not_found};
use crate::fault::{self, Point};

/// One line of a sweep's journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LedgerEntry {
    pub at: Timestamp,
    /// The attempt that moved the amount; none for a grant.
    pub run: Option<RunId>,
    pub epoch: Option<u32>,
    pub kind: EntryKind,
    pub amount: AcceleratorTime,
}

/// Between which totals an amount moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EntryKind {
    /// New budget, free.
    Grant,
    /// From free to reserved, for a new attempt.
    Reserve,
    /// From free to reserved, for an attempt that turned out longer.
    Extend,
    /// From reserved to spent.
    Spend,
    /// From reserved back to free.
    Refund,
}

impl EntryKind {
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Grant => "grant",
            Self::Reserve => "reserve",
            Self::Extend => "extend",
            Self::Spend => "spend",
            Self::Refund => "refund",
        }
    }

    /// Between the totals and the journal, where runs get there.
    const fn point(self) -> Option<Point> {
        match self {
            Self::Reserve => Some(Point::LedgerReserve),
            Self::Spend => Some(Point::LedgerSpend),
            Self::Refund => Some(Point::LedgerRefund),
            Self::Grant | Self::Extend => None,
        }
    }

    /// What one unit of this kind does to (granted, reserved, spent, free).
    const fn moves(self) -> (i64, i64, i64, i64) {
        match self {
            Self::Grant => (1, 0, 0, 1),
            Self::Reserve | Self::Extend => (0, 1, 0, -1),
            Self::Spend => (0, -1, 1, 0),
            Self::Refund => (0, -1, 0, 1),
        }
    }
}

impl Store {
    /// # Errors
    /// [`Error::NotFound`] when there is no such sweep.
    pub async fn balance(&self, sweep: SweepId) -> Result<Balance, Error> {
        let row = ledger::Entity::find_by_id(sweep.0).one(&self.db).await?;
        balance(&row.ok_or_else(|| not_found(format_args!("sweep {sweep}")))?)
    }

    /// The journal, oldest first. Adding it up gives the balance.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn ledger_entries(&self, sweep: SweepId) -> Result<Vec<LedgerEntry>, Error> {
        let rows = ledger_entry::Entity::find()
            .filter(ledger_entry::Column::SweepId.eq(sweep.0))
            .order_by_asc(ledger_entry::Column::Entry)
            .all(&self.db)
            .await?;
        let entry = |row: ledger_entry::Model| {
            Ok(LedgerEntry {
                at: from_at(row.posted_at),
                run: row.run_id.map(RunId),
                epoch: row.epoch.map(|epoch| from_n("epoch", epoch)).transpose()?,
                kind: from_name("ledger entry", row.kind)?,
                amount: from_ms(row.amount_ms)?,
            })
        };
        rows.into_iter().map(entry).collect()
    }
}

pub(crate) fn balance(row: &ledger::Model) -> Result<Balance, Error> {
    Ok(Balance {
        granted: from_ms(row.granted_ms)?,
        reserved: from_ms(row.reserved_ms)?,
        spent: from_ms(row.spent_ms)?,
    })
}

/// Opens the ledger of a new sweep.
pub(crate) async fn open(
    tx: &impl ConnectionTrait,
    sweep: Uuid,
    granted: AcceleratorTime,
    at: Timestamp,
) -> Result<(), Error> {
    let granted_ms = to_ms(granted)?;
    let row = ledger::ActiveModel {
        sweep_id: Set(sweep),
        granted_ms: Set(granted_ms),
        reserved_ms: Set(0),
        spent_ms: Set(0),
        free_ms: Set(granted_ms),
        entries_n: Set(1),
    };
    row.insert(tx).await?;
    fault::pass(Point::SubmitLedger);
    let posting = Posting { sweep, attempt: None, kind: EntryKind::Grant, amount_ms: granted_ms };
    posting.note(tx, 1, at).await
}

/// The whole budget, in milliseconds.
pub(crate) async fn granted_ms(tx: &impl ConnectionTrait, sweep: Uuid) -> Result<i64, Error> {
    Ok(locked(tx, sweep).await?.granted_ms)
}

/// Adds to the budget.
pub(crate) async fn grant(
    tx: &impl ConnectionTrait,
    sweep: Uuid,
    added: AcceleratorTime,
    at: Timestamp,
) -> Result<(), Error> {
    let amount_ms = to_ms(added)?;
    Posting { sweep, attempt: None, kind: EntryKind::Grant, amount_ms }.post(tx, at).await
}

/// What is free now, in milliseconds. Nobody else changes it before this transaction ends.
pub(crate) async fn free_ms(tx: &impl ConnectionTrait, sweep: Uuid) -> Result<i64, Error> {
    Ok(locked(tx, sweep).await?.free_ms)
}

async fn locked(tx: &impl ConnectionTrait, sweep: Uuid) -> Result<ledger::Model, Error> {
    let row = ledger::Entity::find_by_id(sweep).lock_exclusive().one(tx).await?;
    row.ok_or_else(|| not_found(format_args!("sweep {sweep}")))
}

/// One movement of accelerator time.
pub(crate) struct Posting {
    pub(crate) sweep: Uuid,
    /// Run and epoch; none for a grant.
    pub(crate) attempt: Option<(Uuid, i64)>,
    pub(crate) kind: EntryKind,
    /// Not negative.
    pub(crate) amount_ms: i64,
}

impl Posting {
    /// Moves the amount and notes it in the journal.
    ///
    /// # Errors
    /// [`Error::Insufficient`] when less than the amount is free.
    pub(crate) async fn post(&self, tx: &impl ConnectionTrait, at: Timestamp) -> Result<(), Error> {
        use ledger::Column as C;
        let (granted, reserved, spent, free) = self.kind.moves();
        let update = ledger::Entity::update_many()
            .col_expr(C::GrantedMs, C::GrantedMs.into_expr().add(granted * self.amount_ms))
            .col_expr(C::ReservedMs, C::ReservedMs.into_expr().add(reserved * self.amount_ms))
            .col_expr(C::SpentMs, C::SpentMs.into_expr().add(spent * self.amount_ms))
            .col_expr(C::FreeMs, C::FreeMs.into_expr().add(free * self.amount_ms))
            .col_expr(C::EntriesN, C::EntriesN.into_expr().add(1))
            .filter(C::SweepId.eq(self.sweep))
            .filter(C::FreeMs.into_expr().add(free * self.amount_ms).gte(0));
        match update.exec_with_returning(tx).await?.pop() {
            Some(row) => {
                if let Some(between) = self.kind.point() {
                    fault::pass(between);
                }
                self.note(tx, row.entries_n, at).await
            }
            None => Err(Error::Insufficient {
                asked: from_ms(self.amount_ms)?,
                free: from_ms(free_ms(tx, self.sweep).await?)?,
            }),
        }
    }

    async fn note(
        &self,
        tx: &impl ConnectionTrait,
        entry: i64,
        at: Timestamp,
    ) -> Result<(), Error> {
        let row = ledger_entry::ActiveModel {
            sweep_id: Set(self.sweep),
            entry: Set(entry),
            posted_at: Set(to_at(at)?),
            run_id: Set(self.attempt.map(|(run, _)| run)),
            epoch: Set(self.attempt.map(|(_, epoch)| epoch)),
            kind: Set(self.kind.as_str().to_owned()),
            amount_ms: Set(self.amount_ms),
        };
        row.insert(tx).await?;
        Ok(())
    }
}
