//! Finished runs of other tools. An import is never changed; it may be taken back.

use std::collections::HashSet;

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
            let known = observed(&standing(tx, new.sweep).await?)?;
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
            Ok(Some(noun(&row.insert(tx).await?)?))
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
            noun(&row)
        })
    }

    /// The imports of a sweep that were not taken back, oldest first.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn imports(&self, sweep: SweepId) -> Result<Vec<Import>, Error> {
        standing(&self.db, sweep).await?.iter().map(noun).collect()
    }

    /// What forecasts of a sweep have to go on, without reading it.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn evidence(&self, sweep: SweepId) -> Result<Evidence, Error> {
        let own = observation::Entity::find().filter(observation::Column::SweepId.eq(sweep.0));
        let mut observations_n = own.count(&self.db).await?;
        let mut changed = Vec::new();
        for (id, runs_n, imported_at) in import::Entity::find()
            .filter(import::Column::SweepId.eq(sweep.0))
            .select_only()
            .columns([import::Column::Id, import::Column::RunsN, import::Column::ImportedAt])
            .into_tuple::<(sea_orm::prelude::Uuid, i64, sea_orm::prelude::TimeDateTimeWithTimeZone)>()
            .all(&self.db)
            .await?
        {
            changed.push(imported_at);
            match import_withdrawal::Entity::find_by_id(id).one(&self.db).await? {
                Some(withdrawal) => changed.push(withdrawal.withdrawn_at),
                None => observations_n += from_n::<u64>("number of runs", runs_n)?,
            }
        }
        Ok(Evidence {
            observations_n: u32::try_from(observations_n).unwrap_or(u32::MAX),
            imports_changed_at: changed.into_iter().max().map(from_at),
        })
    }
}

/// The observations of imports that were not taken back, oldest first.
pub(crate) async fn imported(
    db: &impl ConnectionTrait,
    sweep: SweepId,
) -> Result<Vec<Observation>, Error> {
    observed(&standing(db, sweep).await?)
}

async fn standing(db: &impl ConnectionTrait, sweep: SweepId) -> Result<Vec<import::Model>, Error> {
    let of_sweep = import::Column::SweepId.eq(sweep.0);
    let mut rows = import::Entity::find().filter(of_sweep).all(db).await?;
    let ids = rows.iter().map(|row| row.id);
    let of_these = import_withdrawal::Column::ImportId.is_in(ids);
    let withdrawn = import_withdrawal::Entity::find().filter(of_these).all(db).await?;
    let withdrawn: HashSet<_> = withdrawn.iter().map(|row| row.import_id).collect();
    rows.retain(|row| !withdrawn.contains(&row.id));
    // SQLite keeps times as text, which does not sort by time.
    rows.sort_by_key(|row| (row.imported_at, row.id));
    Ok(rows)
}

fn observed(rows: &[import::Model]) -> Result<Vec<Observation>, Error> {
    let mut all = Vec::new();
    for row in rows {
        all.extend(from_json::<Vec<Observation>>("observations", row.observations.clone())?);
    }
    Ok(all)
}

fn noun(row: &import::Model) -> Result<Import, Error> {
    Ok(Import {
        id: ImportId(row.id),
        source: row.source.clone(),
        runs_n: from_n("number of runs", row.runs_n)?,
        imported_at: from_at(row.imported_at),
    })
}
