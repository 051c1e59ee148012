//! Why a worker ends before it is told to.

use sweep_proto::WireError;

#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    #[error("`{url}` is not the address of a coordinator")]
    BadAddress { url: String, source: tonic::transport::Error },
    #[error("the coordinator at {url} does not answer")]
    Unreachable { url: String, source: WireError },
    #[error("the coordinator refused")]
    Refused(#[from] WireError),
    #[error("a message could not be read")]
    Malformed(#[from] sweep_proto::Malformed),
    #[error("an internal task ended unexpectedly")]
    Join(#[from] tokio::task::JoinError),
}

impl Error {
    /// What to do about it, where the coordinator or the connection to it says.
    #[must_use]
    pub fn hint(&self) -> Option<&str> {
        match self {
            Self::Unreachable { source, .. } | Self::Refused(source) => source.hint.as_deref(),
            _ => None,
        }
    }
}
