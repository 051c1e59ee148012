//! What every role of the binary needs before its own work begins: process configuration, logs on
//! stderr, instruments and spans, and a way to be asked to stop.
//!
//! Knows nothing of sweeps. Read first: [`config::load`], [`shutdown::Signal`],
//! [`telemetry::init`].
//!
//! ```
//! use sweep_runtime::shutdown::{Kind, Signal};
//!
//! # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
//! let (trigger, signal) = Signal::manual();
//! trigger.raise(Kind::Interrupt);
//! assert_eq!(signal.raised().await, Kind::Interrupt);
//! # });
//! ```

pub mod config;
mod error;
pub mod instruments;
pub mod shutdown;
pub mod telemetry;
pub mod trace;

pub use error::Error;
