//! The wire: gRPC services between coordinator, workers and clients, and the conversions between
//! wire messages and the nouns of `sweep-core`.
//!
//! Knows nothing of what either side does with a message. Read first: `proto/sweep/v1/*.proto`,
//! then [`WireError`], which carries a failure across with its code and hint.

pub mod document;
mod error;
mod message;

pub use error::WireError;
pub use message::{Malformed, RunKey};

/// The generated messages, clients and servers.
#[expect(
    clippy::all,
    clippy::or_fun_call,
    clippy::semicolon_if_nothing_returned,
    clippy::uninlined_format_args,
    clippy::redundant_clone,
    reason = "generated code"
)]
pub mod v1 {
    tonic::include_proto!("sweep.v1");
}
