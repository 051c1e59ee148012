//! Which of several coordinators of one database does what is to be done once.

use std::fmt;

use sea_orm::DbBackend;
use sea_orm::sqlx::postgres::PgConnection;
use sea_orm::sqlx::{self, Connection as _};

use crate::Store;

/// The advisory lock of PostgreSQL that the leader holds: `leader` in ASCII.
const LOCK: i64 = 0x6c65_6164_6572;

/// Held as long as this process leads. The connection that has the lock is its own: with it, however the
/// process ends, the lock goes.
pub struct Leadership(Option<PgConnection>);

impl fmt::Debug for Leadership {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Leadership").finish_non_exhaustive()
    }
}

impl Store {
    /// Leads from now on, unless another process does. An SQLite file has one coordinator, which leads. None
    /// too where the database does not answer: whoever asked asks again.
    pub async fn try_lead(&self) -> Option<Leadership> {
        if self.db.get_database_backend() == DbBackend::Sqlite {
            return Some(Leadership(None));
        }
        let connection = self.db.get_postgres_connection_pool().acquire().await;
        let mut connection = connection.ok()?.detach();
        let locked = sqlx::query_scalar("SELECT pg_try_advisory_lock($1)").bind(LOCK);
        match locked.fetch_one(&mut connection).await {
            Ok(true) => Some(Leadership(Some(connection))),
            Ok(false) => {
                // Whatever it says, it is not needed any more.
                let _ = connection.close().await;
                None
            }
            Err(error) => {
                tracing::debug!(%error, "asking for the lead");
                None
            }
        }
    }
}

impl Leadership {
    /// Whether this process still leads: a connection that is lost has lost the lock.
    pub async fn holds(&mut self) -> bool {
        match &mut self.0 {
            Some(connection) => connection.ping().await.is_ok(),
            None => true,
        }
    }
}
