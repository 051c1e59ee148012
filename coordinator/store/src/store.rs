//! Opening a database.

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use sea_orm::sqlx::sqlite::{SqliteConnection, SqliteJournalMode, SqliteSynchronous};
use sea_orm::sqlx::{self, Connection as _};
use sea_orm::{ConnectOptions, Database, DatabaseConnection, DbBackend};
use tokio::sync::Mutex;

use crate::error::Error;
use crate::migration;

/// Readers beside the one writer of an embedded database.
const SQLITE_CONNECTIONS_N: u32 = 4;
const POSTGRES_CONNECTIONS_N: u32 = 8;
/// For writers of other processes, such as somebody's `sqlite3` shell.
const SQLITE_BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// The database of a coordinator. Clones share one pool of connections.
#[derive(Clone)]
pub struct Store {
    pub(crate) db: DatabaseConnection,
    /// SQLite lets one writer in at a time. Waiting here is fair; its busy handler polls.
    pub(crate) writer: Option<Arc<Mutex<()>>>,
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").field("backend", &self.db.get_database_backend()).finish()
    }
}

impl Store {
    /// Opens `sqlite:///path` (made when it is not there) or `postgres://...`. Changes no schema:
    /// that is [`Store::migrate`].
    ///
    /// # Errors
    /// [`Error::NewerSchema`] for a database that a newer version has migrated.
    pub async fn open(url: &str) -> Result<Self, Error> {
        let mut options = ConnectOptions::new(url);
        options.sqlx_logging(false);
        let is_sqlite = url.starts_with("sqlite://");
        if is_sqlite {
            options.max_connections(SQLITE_CONNECTIONS_N);
            options.map_sqlx_sqlite_opts(|options| {
                options
                    .create_if_missing(true)
                    .foreign_keys(true)
                    .journal_mode(SqliteJournalMode::Wal)
                    // The ledger must survive a power cut.
                    .synchronous(SqliteSynchronous::Full)
                    .busy_timeout(SQLITE_BUSY_TIMEOUT)
            });
            options.map_sqlx_sqlite_pool_opts(|options| {
                options.after_release(|connection, _| Box::pin(is_reusable(connection)))
            });
        } else if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            options.max_connections(POSTGRES_CONNECTIONS_N);
        } else {
            return Err(Error::BadUrl { url: url.to_owned() });
        }
        let db = Database::connect(options).await?;
        migration::refuse_newer(&db).await?;
        Ok(Self { db, writer: is_sqlite.then(Arc::default) })
    }

    /// Ends all connections, once what they do is done: calls of this and of every clone fail from then
    /// on. An SQLite file then has all that was written in itself, and none in its log.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn close(&self) -> Result<(), Error> {
        Ok(self.db.close_by_ref().await?)
    }

    /// Connections of the pool: in use, and idle.
    #[must_use]
    pub fn connections(&self) -> [u64; 2] {
        let (all, idle) = match self.db.get_database_backend() {
            DbBackend::Postgres => {
                let pool = self.db.get_postgres_connection_pool();
                (u64::from(pool.size()), pool.num_idle() as u64)
            }
            _ => {
                let pool = self.db.get_sqlite_connection_pool();
                (u64::from(pool.size()), pool.num_idle() as u64)
            }
        };
        [all.saturating_sub(idle), idle]
    }
}

/// On a full disk SQLite undoes a transaction by itself. The driver, whose own ROLLBACK then fails,
/// believes that it is still open, and would never again end one on this connection: everybody who
/// got it would read the past and write nothing.
async fn is_reusable(connection: &mut SqliteConnection) -> Result<bool, sqlx::Error> {
    // Answered after whatever rollback is still on its way.
    connection.ping().await?;
    Ok(!connection.is_in_transaction())
}

/// The address of an SQLite file, for [`Store::open`].
#[must_use]
pub fn sqlite_url(path: &Path) -> String {
    let mut url = "sqlite://".to_owned();
    for character in path.to_string_lossy().chars() {
        match character {
            '%' => url.push_str("%25"),
            '?' => url.push_str("%3F"),
            '#' => url.push_str("%23"),
            ' ' => url.push_str("%20"),
            _ => url.push(character),
        }
    }
    url
}
