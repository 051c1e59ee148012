//! A failure with its code and hint, across the wire and back.

use serde::{Deserialize, Serialize};
use sweep_core::code::ErrorCode;
use tonic::metadata::MetadataMap;
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
    /// When the same call may be made again, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u64>,
}

impl WireError {
    #[must_use]
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), hint: None, retry_after_ms: None }
    }

    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    #[must_use]
    pub const fn with_retry_after_ms(mut self, ms: Option<u64>) -> Self {
        self.retry_after_ms = ms;
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

const RETRY_AFTER: &str = "retry-after";

/// The gRPC code of each of ours.
const fn grpc_code(code: ErrorCode) -> Code {
    match code {
        ErrorCode::BadSpec | ErrorCode::Corpus | ErrorCode::BadImport | ErrorCode::BadRequest => {
            Code::InvalidArgument
        }
        ErrorCode::SweepChanged => Code::AlreadyExists,
        ErrorCode::NotFound => Code::NotFound,
        ErrorCode::StaleLease | ErrorCode::Refused => Code::FailedPrecondition,
        ErrorCode::Storage | ErrorCode::TooMany => Code::ResourceExhausted,
        ErrorCode::InUse => Code::Unavailable,
        ErrorCode::NotSignedIn => Code::Unauthenticated,
        ErrorCode::NotAllowed => Code::PermissionDenied,
        ErrorCode::Database | ErrorCode::Internal => Code::Internal,
    }
}

impl From<WireError> for Status {
    fn from(error: WireError) -> Self {
        let details = serde_json::to_vec(&error).unwrap_or_default();
        let mut metadata = MetadataMap::new();
        if let Some(ms) = error.retry_after_ms {
            // In whole seconds, as HTTP has it: clients of others know that form.
            metadata.insert(RETRY_AFTER, ms.div_ceil(1000).into());
        }
        let code = grpc_code(error.code);
        Self::with_details_and_metadata(code, error.message, details.into(), metadata)
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
    fn when_to_ask_again_is_told_to_clients_of_others_too() {
        let error = WireError::new(ErrorCode::TooMany, "slower").with_retry_after_ms(Some(1200));
        let status = Status::from(error.clone());
        assert_eq!(status.metadata().get("retry-after").unwrap(), "2");
        assert_eq!((WireError::of(&status), status.code()), (error, Code::ResourceExhausted));
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
