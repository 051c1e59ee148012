//! The HTTP status of every kind of failure.

use axum::http::StatusCode;
use sweep_core::code::ErrorCode;

pub(super) const fn status(code: ErrorCode) -> StatusCode {
    match code {
        ErrorCode::BadRequest => StatusCode::BAD_REQUEST,
        ErrorCode::NotSignedIn => StatusCode::UNAUTHORIZED,
        ErrorCode::NotAllowed => StatusCode::FORBIDDEN,
        ErrorCode::TooMany => StatusCode::TOO_MANY_REQUESTS,
        ErrorCode::NotFound => StatusCode::NOT_FOUND,
        ErrorCode::SweepChanged | ErrorCode::StaleLease | ErrorCode::Refused => {
            StatusCode::CONFLICT
        }
        ErrorCode::BadSpec | ErrorCode::Corpus | ErrorCode::BadImport => {
            StatusCode::UNPROCESSABLE_ENTITY
        }
        ErrorCode::Storage => StatusCode::INSUFFICIENT_STORAGE,
        ErrorCode::InUse => StatusCode::SERVICE_UNAVAILABLE,
        ErrorCode::Database | ErrorCode::Internal => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whoever asked for what cannot be is told so (4xx); what broke here is ours (5xx).
    #[test]
    fn mistakes_of_a_caller_are_told_from_ours() {
        for code in ErrorCode::ALL {
            let ours = matches!(
                code,
                ErrorCode::Storage | ErrorCode::InUse | ErrorCode::Database | ErrorCode::Internal
            );
            assert_eq!(status(code).is_server_error(), ours, "{code}");
            assert!(status(code).is_server_error() || status(code).is_client_error(), "{code}");
        }
    }
}
