//! The coordinator: turns a submitted budget.yaml into a plan, leases its runs to workers, keeps
//! the ledger, stores what they report and refits the laws.
//!
//! Decisions are pure functions ([`planner`], [`scheduler`], [`calibrate`]); around them, thin
//! services (gRPC, and HTTP in [`rest`]) and background tasks read the database, decide, and write it again. The
//! coordinator trains nothing and knows neither candle nor Kubernetes: workers pull their work.
//!
//! Read first: [`planner::plan`], [`scheduler::solve`], and [`embedded::Embedded`], which runs all
//! of it on one machine.

mod api;
pub mod budget;
pub mod calibrate;
mod changes;
mod context;
mod control;
mod corpora;
mod diagnose;
mod difference;
mod dispatch;
pub mod doors;
pub mod embedded;
mod error;
mod fleet;
mod health;
mod hub;
mod imports;
mod ingest;
mod lock;
mod observed;
mod outputs;
pub mod planner;
mod preview;
mod proposals;
pub mod proposer;
mod queue;
mod read_model;
mod reference;
pub mod rest;
mod retries;
pub mod scheduler;
pub mod server;
mod spans;
mod submit;
mod tasks;

use std::path::{Path, PathBuf};

pub use error::Error;
pub use sweep_store::MigrationReport;

/// The embedded default's database file.
#[must_use]
pub fn database_path(data_dir: &Path) -> PathBuf {
    data_dir.join("sweep.db")
}

/// The embedded default's database.
#[must_use]
pub fn database_url(data_dir: &Path) -> String {
    sweep_store::sqlite_url(&database_path(data_dir))
}

/// Brings a database to the newest schema.
///
/// # Errors
/// When it cannot be opened, or was written by a newer version.
pub async fn migrate(database_url: &str) -> Result<MigrationReport, Error> {
    let store = sweep_store::Store::open(database_url).await?;
    Ok(store.migrate().await?)
}
