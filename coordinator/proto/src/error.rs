//! A failure with its code and hint, across the wire and back.

use serde::{Deserialize, Serialize};
use sweep_core::code::ErrorCode;
use tonic::{Code, Status};

use crate::message::Malformed;

/// What a caller learns of a failure.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
pub struct WireError {
    pub code: ErrorCode,
    /// What went wrong, causes included.
    pub message: String,
    /// What to do about it, where that is not plain.
    pub hint: Option<String>,
}

impl WireError {
    #[must_use]
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), hint: None }
    }

    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Reads the failure of a call. A status that no coordinator of ours made (a broken
    /// connection, say) becomes [`ErrorCode::Internal`] with the transport's own words.
    #[must_use]
    pub fn of(status: &Status) -> Self {
        serde_json::from_slice(status.details())
            .unwrap_or_else(|_| Self::new(ErrorCode::Internal, status.message()))
    }
}

/// The gRPC code of each of ours.
const fn grpc_code(code: ErrorCode) -> Code {
    match code {
        ErrorCode::BadSpec | ErrorCode::Corpus | ErrorCode::BadImport => Code::InvalidArgument,
        ErrorCode::SweepChanged => Code::AlreadyExists,
        ErrorCode::NotFound => Code::NotFound,
        ErrorCode::StaleLease | ErrorCode::Refused => Code::FailedPrecondition,
        ErrorCode::Storage => Code::ResourceExhausted,
        ErrorCode::InUse => Code::Unavailable,
        ErrorCode::NotSignedIn => Code::Unauthenticated,
        ErrorCode::NotAllowed => Code::PermissionDenied,
        ErrorCode::Database | ErrorCode::Internal => Code::Internal,
    }
}

impl From<WireError> for Status {
    fn from(error: WireError) -> Self {
        let details = serde_json::to_vec(&error).unwrap_or_default();
        Self::with_details(grpc_code(error.code), error.message, details.into())
    }
}

impl From<Malformed> for WireError {
    fn from(error: Malformed) -> Self {
        Self::new(ErrorCode::Internal, error.to_string())
            .with_hint("the two sides may be of different versions")
    }
}

impl From<Malformed> for Status {
    fn from(error: Malformed) -> Self {
        WireError::from(error).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_survives_the_wire() {
        for code in ErrorCode::ALL {
            let error = WireError::new(code, "no such sweep").with_hint("try `sweepctl status`");
            assert_eq!(WireError::of(&Status::from(error.clone())), error);
        }
    }

    #[test]
    fn a_foreign_status_keeps_its_words() {
        let error = WireError::of(&Status::unavailable("connection refused"));
        assert_eq!(
            (error.code, error.message.as_str()),
            (ErrorCode::Internal, "connection refused")
        );
    }
}
