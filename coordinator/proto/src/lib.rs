//! The wire: gRPC services between coordinator, workers and clients, and the conversions between
//! wire messages and the nouns of `sweep-core`.
//!
//! Knows nothing of what either side does with a message. Read first: `proto/sweep/v1/*.proto`,
//! then [`WireError`], which carries a failure across with its code and hint.

pub mod dial;
pub mod document;
mod error;
pub mod foreign;
mod message;
mod tls;
mod trace;

pub use error::WireError;
pub use message::{Malformed, RunKey};
pub use tls::TlsFault;
pub use trace::traced;

/// Every method of every service, by the path that it is called at: `/sweep.v1.SweepService/Submit`.
pub const METHODS: &[&str] = include!(concat!(env!("OUT_DIR"), "/methods.rs"));

/// The generated messages, clients and servers.
#[allow(clippy::all, unreachable_pub, reason = "generated code")]
pub mod v1 {
    tonic::include_proto!("sweep.v1");
}

/// Without the text of the token.
impl std::fmt::Debug for v1::CreateTokenReply {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CreateTokenReply").field("token", &self.token).finish_non_exhaustive()
    }
}
