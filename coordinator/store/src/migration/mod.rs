//! The schema's history, one change per file, forward only. No migration imports an entity: old
//! history must not change with new code.

mod dialect;
mod m20261124_120000_sweep;
mod m20261124_120100_plan;
mod m20261124_120200_ledger;
mod m20261124_120300_lease;
mod m20261124_120400_metric;
mod m20261124_120500_observation;
mod m20261124_120600_forecast;
mod m20261124_120700_throughput;
mod m20261201_080000_import;
mod m20261201_120000_control;
mod m20261201_120100_output;
mod m20261201_120200_attempt_end;
mod m20261201_120300_project;
mod m20261202_090000_metric_chunk;
mod m20261203_080000_api_token;
mod m20261203_120000_proposal;

use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend};
use sea_orm_migration::{MigrationTrait, MigratorTrait, SchemaManager};

use crate::Store;
use crate::error::Error;
use crate::fault::{self, Point};
use crate::tx::writing;

/// Where sea-orm-migration notes what it has applied.
const HISTORY: &str = "seaql_migrations";

/// Held on PostgreSQL while migrating: `sweep` in ASCII.
const ADVISORY_LOCK: i64 = 0x73_7765_6570;

struct Migrator;

impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m20261124_120000_sweep::Migration),
            Box::new(m20261124_120100_plan::Migration),
            Box::new(m20261124_120200_ledger::Migration),
            Box::new(m20261124_120300_lease::Migration),
            Box::new(m20261124_120400_metric::Migration),
            Box::new(m20261124_120500_observation::Migration),
            Box::new(m20261124_120600_forecast::Migration),
            Box::new(m20261124_120700_throughput::Migration),
            Box::new(m20261201_080000_import::Migration),
            Box::new(m20261201_120000_control::Migration),
            Box::new(m20261201_120100_output::Migration),
            Box::new(m20261201_120200_attempt_end::Migration),
            Box::new(m20261201_120300_project::Migration),
            Box::new(m20261202_090000_metric_chunk::Migration),
            Box::new(m20261203_080000_api_token::Migration),
            Box::new(m20261203_120000_proposal::Migration),
        ]
    }
}

/// What [`Store::migrate`] did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MigrationReport {
    /// Names of the migrations applied now, oldest first; empty when there was nothing to do.
    pub applied: Vec<String>,
}

impl Store {
    /// Brings the schema to the newest version, all of it or nothing. Of several callers at once
    /// one does the work; running it again does nothing.
    ///
    /// # Errors
    /// [`Error::NewerSchema`] for a database that a newer version has migrated.
    pub async fn migrate(&self) -> Result<MigrationReport, Error> {
        let report = writing!(self, |tx| {
            if tx.get_database_backend() == DbBackend::Postgres {
                let lock = format!("SELECT pg_advisory_xact_lock({ADVISORY_LOCK})");
                tx.execute_unprepared(&lock).await?;
            }
            refuse_unknown(applied(tx, &SchemaManager::new(tx)).await?)?;
            let pending = Migrator::get_pending_migrations(tx).await?;
            let applied = pending.iter().map(|migration| migration.name().to_owned()).collect();
            for _ in &pending {
                Migrator::up(tx, Some(1)).await?;
                fault::pass(Point::MigrateStep);
            }
            Ok(MigrationReport { applied })
        })?;
        fault::pass(Point::MigrateCommitted);
        Ok(report)
    }
}

/// Brings the schema to where it was with this migration.
#[cfg(test)]
pub(crate) async fn up_to(store: &Store, name: &str) -> Result<(), Error> {
    let migrations = Migrator::migrations();
    let known = migrations.iter().position(|migration| migration.name() == name);
    let steps = known.map(|index| index as u32 + 1);
    writing!(store, |tx| { Ok(Migrator::up(tx, steps).await?) })
}

/// Refuses a database that holds migrations this version has never heard of.
pub(crate) async fn refuse_newer(db: &DatabaseConnection) -> Result<(), Error> {
    refuse_unknown(applied(db, &SchemaManager::new(db)).await?)
}

async fn applied(
    db: &impl ConnectionTrait,
    schema: &SchemaManager<'_>,
) -> Result<Vec<String>, Error> {
    if !schema.has_table(HISTORY).await? {
        return Ok(Vec::new());
    }
    let rows = Migrator::get_migration_models(db).await?;
    Ok(rows.into_iter().map(|row| row.version).collect())
}

/// The newest migration that a database has; none for an empty one.
pub(crate) async fn newest_applied(db: &DatabaseConnection) -> Result<Option<String>, Error> {
    Ok(applied(db, &SchemaManager::new(db)).await?.into_iter().max())
}

/// The newest migration that this version has.
pub(crate) fn newest_known() -> String {
    let names = Migrator::migrations().into_iter().map(|migration| migration.name().to_owned());
    names.max().expect("there is at least one migration")
}

fn refuse_unknown(applied: Vec<String>) -> Result<(), Error> {
    let known: Vec<String> =
        Migrator::migrations().iter().map(|migration| migration.name().to_owned()).collect();
    match applied.into_iter().filter(|name| !known.contains(name)).max() {
        None => Ok(()),
        Some(found) => Err(Error::NewerSchema { found, known: newest_known() }),
    }
}
