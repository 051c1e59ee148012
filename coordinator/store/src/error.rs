//! What the store refuses, and what breaks below it.

use std::error::Error as StdError;

use sea_orm::{DbErr, RuntimeErr, SqlErr, SqlxError};
use sweep_core::code::ErrorCode;
use sweep_core::control::Refusal;
use sweep_core::ids::RunId;
use sweep_core::proposal::Standing;
use sweep_core::run::IllegalTransition;
use sweep_core::units::AcceleratorTime;

/// Every failure of the store. A refused call has changed nothing.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    #[error("`{url}` is not a database address; expected `sqlite:///path` or `postgres://...`")]
    BadUrl { url: String },
    #[error("the database refused")]
    Database { source: DbErr },
    /// It is being restarted, or cannot be reached. What was asked may have been done all the same.
    #[error("the database does not answer")]
    Away { source: DbErr },
    #[error("the disk is full")]
    DiskFull { source: DbErr },
    #[error("the database file is not writable")]
    NotWritable { source: DbErr },
    #[error("the database is at version `{found}`, newer than the newest known here, `{known}`")]
    NewerSchema { found: String, known: String },
    #[error("attempt {epoch} of run {run} does not hold its lease any more")]
    StaleLease { run: RunId, epoch: u32 },
    #[error("{asked} is more than the {free} that are free")]
    Insufficient { asked: AcceleratorTime, free: AcceleratorTime },
    #[error(transparent)]
    IllegalTransition(#[from] IllegalTransition),
    #[error("the project {project} has {running_n} of {running_max} runs in progress")]
    Quota { project: String, running_n: u32, running_max: u32 },
    #[error("{asked} is more than the {free} that are free of the project's hours")]
    ProjectHours { asked: AcceleratorTime, free: AcceleratorTime },
    #[error(transparent)]
    Refused(#[from] Refusal),
    #[error(
        "a token was called `{name}` already; a name is given once, so that a journal is clear"
    )]
    NameTaken { name: String },
    #[error("proposal #{number} cannot be decided: {standing}")]
    Undecidable { number: u32, standing: Standing },
    #[error("there is no {what}")]
    NotFound { what: String },
    #[error("{reason}")]
    Conflict { reason: String },
    /// Only after every retry: another writer kept changing the same row.
    #[error("another writer kept getting ahead on the same row")]
    LostRace,
    #[error("the stored {what} cannot be read")]
    Corrupt { what: &'static str, source: Box<dyn StdError + Send + Sync> },
    #[error("this {what} cannot be stored")]
    Unstorable { what: &'static str, source: Box<dyn StdError + Send + Sync> },
}

impl Error {
    /// The code that the wire and the exit status speak.
    #[must_use]
    pub const fn code(&self) -> ErrorCode {
        match self {
            Self::BadUrl { .. }
            | Self::Database { .. }
            | Self::Away { .. }
            | Self::NewerSchema { .. }
            | Self::Corrupt { .. } => ErrorCode::Database,
            Self::DiskFull { .. } | Self::NotWritable { .. } => ErrorCode::Storage,
            Self::StaleLease { .. } => ErrorCode::StaleLease,
            Self::NotFound { .. } => ErrorCode::NotFound,
            Self::Refused(_) | Self::Undecidable { .. } | Self::NameTaken { .. } => {
                ErrorCode::Refused
            }
            Self::Insufficient { .. }
            | Self::Quota { .. }
            | Self::ProjectHours { .. }
            | Self::IllegalTransition(_)
            | Self::Conflict { .. }
            | Self::LostRace
            | Self::Unstorable { .. } => ErrorCode::Internal,
        }
    }

    /// The same call may succeed when it is made again.
    pub(crate) fn is_transient(&self) -> bool {
        match self {
            Self::LostRace => true,
            Self::Database { source } => match sql_state(source) {
                Some(SqlState::Sqlite(code)) => matches!(code & 0xff, SQLITE_BUSY | SQLITE_LOCKED),
                Some(SqlState::Postgres(code)) => RETRIED_BY_POSTGRES.contains(&code.as_str()),
                None => false,
            },
            _ => false,
        }
    }
}

// Primary result codes, sqlite.org/rescode.html; extended codes carry them in the low byte.
const SQLITE_BUSY: i32 = 5;
const SQLITE_LOCKED: i32 = 6;
const SQLITE_READONLY: i32 = 8;
const SQLITE_FULL: i32 = 13;
/// The index of the write-ahead log cannot grow.
const SQLITE_IOERR_SHMSIZE: i32 = 4874;

// Error codes of PostgreSQL 15, appendix A: serialization failure, deadlock.
const RETRIED_BY_POSTGRES: [&str; 2] = ["40001", "40P01"];
// The same appendix: it shuts down, has crashed, or starts.
const POSTGRES_RESTARTS: [&str; 3] = ["57P01", "57P02", "57P03"];
const POSTGRES_DISK_FULL: &str = "53100";

enum SqlState {
    Sqlite(i32),
    Postgres(String),
}

fn of_driver(error: &DbErr) -> Option<&SqlxError> {
    match error {
        DbErr::Conn(RuntimeErr::SqlxError(error))
        | DbErr::Exec(RuntimeErr::SqlxError(error))
        | DbErr::Query(RuntimeErr::SqlxError(error)) => Some(error),
        _ => None,
    }
}

/// A connection broke or none came about. An SQLite file is read by a library: what fails there has a code.
fn is_away(error: &DbErr) -> bool {
    matches!(error, DbErr::ConnectionAcquire(_))
        || matches!(of_driver(error), Some(SqlxError::Io(_) | SqlxError::PoolTimedOut))
}

fn sql_state(error: &DbErr) -> Option<SqlState> {
    let error = of_driver(error)?.as_database_error()?;
    let code = error.code()?;
    if error.try_downcast_ref::<sea_orm::SqlxSqliteError>().is_some() {
        code.parse().ok().map(SqlState::Sqlite)
    } else {
        Some(SqlState::Postgres(code.into_owned()))
    }
}

impl From<DbErr> for Error {
    fn from(source: DbErr) -> Self {
        match sql_state(&source) {
            Some(SqlState::Sqlite(code))
                if code & 0xff == SQLITE_FULL || code == SQLITE_IOERR_SHMSIZE =>
            {
                Self::DiskFull { source }
            }
            Some(SqlState::Sqlite(code)) if code & 0xff == SQLITE_READONLY => {
                Self::NotWritable { source }
            }
            Some(SqlState::Postgres(code)) if code == POSTGRES_DISK_FULL => {
                Self::DiskFull { source }
            }
            Some(SqlState::Postgres(code)) if POSTGRES_RESTARTS.contains(&code.as_str()) => {
                Self::Away { source }
            }
            None if is_away(&source) => Self::Away { source },
            _ => Self::Database { source },
        }
    }
}

/// For inserts after a look: a duplicate means that somebody else inserted in between, so look
/// again.
pub(crate) fn duplicate_is_lost_race(error: DbErr) -> Error {
    match error.sql_err() {
        Some(SqlErr::UniqueConstraintViolation(_)) => Error::LostRace,
        _ => error.into(),
    }
}

pub(crate) fn not_found(what: impl std::fmt::Display) -> Error {
    Error::NotFound { what: what.to_string() }
}

pub(crate) fn conflict(reason: impl Into<String>) -> Error {
    Error::Conflict { reason: reason.into() }
}
