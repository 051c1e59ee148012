//! The database of sweepctl: an SQLite file on one machine, PostgreSQL in a deployment, one schema
//! and one behaviour on both.
//!
//! The crate speaks sweep-core's types and hides its tables; the README beside it lists them, each
//! with its one writer. Whatever must hold is enforced by the database itself: budgets that add up,
//! one lease per run, one value per metric and step, rows that never change. The crate deliberately
//! knows nothing of the wire, of time (callers say what time it is) or of what should run next.
//!
//! Read first: [`Store`] (everything is a method of it, one module per group of tables), [`Lease`]
//! (what fences an attempt off from the one before), [`Error`].
//!
//! ```
//! # tokio::runtime::Runtime::new().unwrap().block_on(async {
//! # let folder = tempfile::tempdir().unwrap();
//! # let path = folder.path().join("sweep.db");
//! use sweep_store::{Store, sqlite_url};
//!
//! let store = Store::open(&sqlite_url(&path)).await?;
//! store.migrate().await?;
//! assert!(store.sweeps().await?.is_empty());
//! # Ok::<(), sweep_store::Error>(()) }).unwrap();
//! ```

mod attempts;
mod chunk;
mod column;
mod condition;
mod controls;
mod entity;
mod error;
pub mod fault;
mod forecasts;
mod imports;
mod leader;
mod leases;
mod ledger;
mod metrics;
mod migration;
mod observations;
mod outputs;
mod partitions;
mod plans;
mod projects;
mod proposals;
mod runs;
mod store;
mod sweeps;
#[cfg(test)]
mod testing;
mod throughputs;
mod tokens;
mod tx;

pub use controls::{Obeyed, Order};
pub use error::Error;
pub use forecasts::ForecastHead;
pub use imports::{Evidence, NewImport};
pub use leader::Leadership;
pub use leases::{Back, Claim, Lease, Metered, Renewed};
pub use ledger::{EntryKind, LedgerEntry};
pub use migration::MigrationReport;
pub use projects::ProjectOrder;
pub use proposals::{ProposalKey, Ruling};
pub use store::{Store, sqlite_url};
pub use sweeps::{Created, NewSweep};
pub use tokens::TokenHash;
