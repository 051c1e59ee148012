//! A worker: asks the coordinator for work, trains it, and reports what happens.
//!
//! Workers pull; nobody calls them. A worker knows no database and no law; it holds at most one
//! lease. Everything it reports names the run and the epoch of its lease and may be sent twice.
//! When the coordinator answers that the epoch is old, another worker has the run and this one
//! drops it.
//!
//! Read first: [`run`] (the loop), `training` (one run on its own thread), `external` (one run by a
//! command of the user's), `report` (what reaches
//! the coordinator, in order).

mod agent;
mod calibration;
mod client;
mod error;
mod external;
mod fault;
mod report;
mod training;

use std::path::PathBuf;

use sweep_core::ids::WorkerId;
use sweep_proto::dial::Dial;

pub use agent::run;
pub use error::Error;
pub use sweep_trainer::Accelerator;

/// Where to get work and what to do it with.
#[derive(Clone, Debug)]
pub struct Options {
    /// The coordinator.
    pub server: Dial,
    /// Corpora and checkpoints, shared with the coordinator.
    pub data_dir: PathBuf,
    /// This process's identity; a worker that asks again under it gets its lease back.
    pub id: WorkerId,
    pub accelerator: Accelerator,
}
