//! The wire: gRPC services between coordinator, workers and clients, and the conversions between
//! wire messages and the nouns of `sweep-core`.
//!
//! Knows nothing of what either side does with a message. Read first: `proto/sweep/v1/*.proto`,
//! then [`WireError`], which carries a failure across with its code and hint.

pub mod document;
mod error;
pub mod foreign;
mod message;

pub use error::WireError;
pub use message::{Malformed, RunKey};

/// The generated messages, clients and servers.
#[allow(clippy::all, unreachable_pub, reason = "generated code")]
pub mod v1 {
    tonic::include_proto!("sweep.v1");
}
