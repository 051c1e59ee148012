//! How the database is.

use sea_orm::{ConnectionTrait, DbBackend, Statement};
use sweep_core::clock::Timestamp;
use sweep_core::diagnosis::DatabaseReport;

use crate::error::Error;
use crate::{Store, migration};

const SQLITE: &str =
    "SELECT sqlite_version() AS version, CAST(unixepoch('subsec') * 1000 AS INTEGER) AS now_ms";
const POSTGRES: &str = "SELECT current_setting('server_version') AS version,
    CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT) AS now_ms";

impl Store {
    /// Passes when the database answers.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn ping(&self) -> Result<(), Error> {
        Ok(self.db.ping().await?)
    }

    /// What the database tells of itself.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn condition(&self) -> Result<DatabaseReport, Error> {
        let backend = self.db.get_database_backend();
        let (kind, sql) = match backend {
            DbBackend::Sqlite => ("SQLite", SQLITE),
            _ => ("PostgreSQL", POSTGRES),
        };
        let row = self.db.query_one_raw(Statement::from_string(backend, sql)).await?;
        let row = row.ok_or(Error::LostRace)?;
        Ok(DatabaseReport {
            kind: kind.to_owned(),
            version: row.try_get("", "version")?,
            at: Timestamp(row.try_get("", "now_ms")?),
            schema: migration::newest_applied(&self.db).await?,
            schema_known: migration::newest_known(),
        })
    }
}
