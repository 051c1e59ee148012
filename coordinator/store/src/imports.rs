//! Finished runs of other tools. An import is never changed; it may be taken back.

use std::collections::{HashMap, HashSet};

use sea_orm::prelude::{TimeDateTimeWithTimeZone, Uuid};
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait,
    PaginatorTrait as _, QueryFilter, QuerySelect as _,
};
use sweep_core::clock::Timestamp;
use sweep_core::ids::{ImportId, SweepId};
use sweep_core::import::Import;
use sweep_core::observation::Observation;

use crate::Store;
use crate::column::{from_at, from_json, from_n, to_at, to_json, to_n};
use crate::entity::{import, import_withdrawal, observation, sweep};
use crate::error::{Error, not_found};
use crate::tx::writing;

/// Runs to import into a sweep.
#[derive(Clone, Debug, PartialEq)]
pub struct NewImport {
    pub sweep: SweepId,
    /// Where they come from.
    pub source: String,
    pub observations: Vec<Observation>,
    pub at: Timestamp,
}

/// How much a forecast of a sweep has to go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Evidence {
    /// Observations of its own runs and of imported ones.
    pub observations_n: u32,
    /// When runs were last imported or taken back.
    pub imports_changed_at: Option<Timestamp>,
}

impl Store {
    /// Imports the runs that no import of the sweep has brought yet. None, and nothing stored, where
    /// there are none.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such sweep.
    pub async fn import(&self, new: &NewImport) -> Result<Option<Import>, Error> {
        writing!(self, |tx| {
            // Locked, so that imports into one sweep come one after the other.
            let sweep = sweep::Entity::find_by_id(new.sweep.0).lock_exclusive().one(tx).await?;
            sweep.ok_or_else(|| not_found(format_args!("sweep {}", new.sweep)))?;
            let known = imported(tx, new.sweep).await?;
            let known: HashSet<_> = known.iter().map(|observation| observation.run).collect();
            let mut fresh = new.observations.clone();
            fresh.retain(|observation| !known.contains(&observation.run));
            if fresh.is_empty() {
                return Ok(None);
            }
            let row = import::ActiveModel {
                id: Set(ImportId::new().0),
                sweep_id: Set(new.sweep.0),
                source: Set(new.source.clone()),
                runs_n: Set(to_n("number of runs", fresh.len() as u64)?),
                observations: Set(to_json("observations", &fresh)?),
                imported_at: Set(to_at(new.at)?),
            };
            Ok(Some(row.insert(tx).await?.noun()?))
        })
    }

    /// Takes an import back. Doing it again changes nothing.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such import.
    pub async fn withdraw_import(&self, id: ImportId, now: Timestamp) -> Result<Import, Error> {
        writing!(self, |tx| {
            let found = import::Entity::find_by_id(id.0).one(tx).await?;
            let row = found.ok_or_else(|| not_found(format_args!("import {id}")))?;
            // As `import` does, so that of the two at once one sees what the other did.
            sweep::Entity::find_by_id(row.sweep_id).lock_exclusive().one(tx).await?;
            if import_withdrawal::Entity::find_by_id(id.0).one(tx).await?.is_none() {
                let withdrawn_at = Set(to_at(now)?);
                import_withdrawal::ActiveModel { import_id: Set(id.0), withdrawn_at }
                    .insert(tx)
                    .await?;
            }
            row.noun()
        })
    }

    /// The sweep that an import is of.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such import.
    pub async fn sweep_of_import(&self, id: ImportId) -> Result<SweepId, Error> {
        let found = import::Entity::find_by_id(id.0).one(&self.db).await?;
        let row = found.ok_or_else(|| not_found(format_args!("import {id}")))?;
        Ok(SweepId(row.sweep_id))
    }

    /// The imports of a sweep that were not taken back, oldest first.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn imports(&self, sweep: SweepId) -> Result<Vec<Import>, Error> {
        let heads = heads(&self.db, sweep).await?;
        Ok(heads.into_iter().filter(Head::stands).map(|head| head.import).collect())
    }

    /// What forecasts of a sweep have to go on, without reading it.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn evidence(&self, sweep: SweepId) -> Result<Evidence, Error> {
        let own = observation::Entity::find().filter(observation::Column::SweepId.eq(sweep.0));
        let own_n = own.count(&self.db).await?;
        let heads = heads(&self.db, sweep).await?;
        let standing = heads.iter().filter(|head| head.stands());
        let imported_n: u64 = standing.map(|head| u64::from(head.import.runs_n)).sum();
        let changed_at = |head: &Head| {
            head.withdrawn_at.map_or(head.import.imported_at, |at| at.max(head.import.imported_at))
        };
        Ok(Evidence {
            observations_n: u32::try_from(own_n + imported_n).unwrap_or(u32::MAX),
            imports_changed_at: heads.iter().map(changed_at).max(),
        })
    }
}

/// An import without its observations.
struct Head {
    import: Import,
    withdrawn_at: Option<Timestamp>,
}

impl Head {
    /// It was not taken back.
    const fn stands(&self) -> bool {
        self.withdrawn_at.is_none()
    }
}

/// All imports of a sweep, oldest first.
async fn heads(db: &impl ConnectionTrait, sweep: SweepId) -> Result<Vec<Head>, Error> {
    use import::Column::{Id, ImportedAt, RunsN, Source, SweepId};
    let rows: Vec<(Uuid, String, i64, TimeDateTimeWithTimeZone)> = import::Entity::find()
        .filter(SweepId.eq(sweep.0))
        .select_only()
        .columns([Id, Source, RunsN, ImportedAt])
        .into_tuple()
        .all(db)
        .await?;
    let of_these = import_withdrawal::Column::ImportId.is_in(rows.iter().map(|(id, ..)| *id));
    let withdrawals = import_withdrawal::Entity::find().filter(of_these).all(db).await?;
    let withdrawn: HashMap<Uuid, Timestamp> =
        withdrawals.iter().map(|row| (row.import_id, from_at(row.withdrawn_at))).collect();
    let head = |(id, source, runs_n, imported_at)| {
        let withdrawn_at = withdrawn.get(&id).copied();
        Ok(Head { import: noun(id, source, runs_n, imported_at)?, withdrawn_at })
    };
    let mut heads = rows.into_iter().map(head).collect::<Result<Vec<_>, Error>>()?;
    // SQLite keeps times as text, which does not sort by time.
    heads.sort_by_key(|head| (head.import.imported_at, head.import.id));
    Ok(heads)
}

/// The observations of imports that were not taken back, oldest first.
pub(crate) async fn imported(
    db: &impl ConnectionTrait,
    sweep: SweepId,
) -> Result<Vec<Observation>, Error> {
    let mut all = Vec::new();
    for head in heads(db, sweep).await?.iter().filter(|head| head.stands()) {
        let row = import::Entity::find_by_id(head.import.id.0).one(db).await?;
        let row = row.ok_or_else(|| not_found(format_args!("import {}", head.import.id)))?;
        all.extend(from_json::<Vec<Observation>>("observations", row.observations)?);
    }
    Ok(all)
}

fn noun(
    id: Uuid,
    source: String,
    runs_n: i64,
    imported_at: TimeDateTimeWithTimeZone,
) -> Result<Import, Error> {
    let runs_n = from_n("number of runs", runs_n)?;
    Ok(Import { id: ImportId(id), source, runs_n, imported_at: from_at(imported_at) })
}

impl import::Model {
    fn noun(self) -> Result<Import, Error> {
        noun(self.id, self.source, self.runs_n, self.imported_at)
    }
}
