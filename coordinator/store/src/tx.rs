//! The one place that opens transactions.

use std::time::Duration;

use sea_orm::{DatabaseTransaction, SqliteTransactionMode, TransactionOptions, TransactionTrait};
use tokio::sync::MutexGuard;

use crate::Store;
use crate::error::Error;

/// A lost race is decided within milliseconds; whoever loses this often has a broken peer.
const RETRIES_N: u32 = 10;
const FIRST_PAUSE: Duration = Duration::from_millis(2);

/// SQLite: takes the write lock at BEGIN. A deferred transaction that reads first cannot wait for
/// the lock later (its snapshot is stale by then) and fails whatever the busy timeout.
const WRITING: TransactionOptions = TransactionOptions {
    isolation_level: None,
    access_mode: None,
    sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
};

/// Runs a block in one writing transaction: committed when it succeeds, undone when it fails,
/// repeated when it lost a race. Evaluates to the block's `Result`.
///
/// On PostgreSQL (read committed) the block locks the rows that it reads in order to change them,
/// the run before the ledger. A macro and not a function of an async closure, because the compiler
/// cannot yet see that the future of such a closure may change threads.
macro_rules! writing {
    ($store:expr, |$tx:ident| $block:block) => {{
        let mut writing = $crate::tx::Writing::start($store).await;
        loop {
            let transaction = writing.begin().await?;
            let $tx = &transaction;
            let outcome = async { $block }.await;
            if let Some(outcome) = writing.end(transaction, outcome).await {
                break outcome;
            }
        }
    }};
}
pub(crate) use writing;

/// The attempts at one writing transaction.
pub(crate) struct Writing<'a> {
    store: &'a Store,
    _turn: Option<MutexGuard<'a, ()>>,
    retries_left: u32,
    pause: Duration,
}

impl<'a> Writing<'a> {
    pub(crate) async fn start(store: &'a Store) -> Self {
        let turn = match &store.writer {
            Some(writer) => Some(writer.lock().await),
            None => None,
        };
        Self { store, _turn: turn, retries_left: RETRIES_N, pause: FIRST_PAUSE }
    }

    pub(crate) async fn begin(&self) -> Result<DatabaseTransaction, Error> {
        Ok(self.store.db.begin_with_options(WRITING).await?)
    }

    /// Commits or undoes; None when the transaction is to be tried again.
    pub(crate) async fn end<T>(
        &mut self,
        tx: DatabaseTransaction,
        outcome: Result<T, Error>,
    ) -> Option<Result<T, Error>> {
        let outcome = match outcome {
            Ok(value) => tx.commit().await.map(|()| value).map_err(Error::from),
            Err(error) => {
                // SQLite has already undone the transaction after some failures (a full disk);
                // the first error is the one that tells.
                if let Err(again) = tx.rollback().await {
                    tracing::debug!(%again, "rolling back");
                }
                Err(error)
            }
        };
        match outcome {
            Err(error) if error.is_transient() && self.retries_left > 0 => {
                tracing::debug!(%error, "repeating a transaction");
                tokio::time::sleep(self.pause).await;
                self.pause *= 2;
                self.retries_left -= 1;
                None
            }
            outcome => Some(outcome),
        }
    }
}
