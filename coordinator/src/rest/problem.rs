//! A failure as RFC 9457 has it: `application/problem+json`.

use axum::http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use schemars::JsonSchema;
use serde::Serialize;
use sweep_core::code::ErrorCode;
use sweep_core::nearest::nearest;
use sweep_core::spec::{SpecError, SpecErrors};
use sweep_proto::WireError;

use super::status::status;
use crate::Error;

pub(super) const MEDIA_TYPE: &str = "application/problem+json";

/// Why a request was not met.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Problem(Box<Content>);

/// What a problem says.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[schemars(rename = "Problem")]
pub(super) struct Content {
    /// Address of a page about this kind of failure.
    #[serde(rename = "type")]
    kind: String,
    /// The kind of failure, in a few words.
    title: String,
    /// The HTTP status.
    status: u16,
    /// What went wrong, causes included.
    detail: String,
    /// As sweepctl prints it: `SW0003`.
    code: String,
    /// The parameter, or the path within the body, that is to blame.
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<String>,
    /// What to do about it, where that is not plain.
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<String>,
    /// After this time the same is answered, ms.
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after_ms: Option<u64>,
    /// All mistakes of a budget.yaml.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    mistakes: Vec<SpecMistake>,
}

/// One mistake in a budget.yaml.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
struct SpecMistake {
    /// Dotted path, e.g. `arms[1].family`; empty when the text is not YAML at all.
    field: String,
    /// Counted from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<usize>,
    /// Counted from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    column: Option<usize>,
    detail: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<String>,
}

impl Problem {
    pub(super) fn new(code: ErrorCode, detail: impl Into<String>) -> Self {
        Self(Box::new(Content {
            kind: format!("{}/errors/{code}", super::BASE),
            title: code.title().to_owned(),
            status: status(code).as_u16(),
            detail: detail.into(),
            code: code.to_string(),
            field: None,
            hint: None,
            retry_after_ms: None,
            mistakes: Vec::new(),
        }))
    }

    /// A request that cannot be read.
    pub(super) fn bad_request(detail: impl Into<String>) -> Self {
        Self::new(ErrorCode::BadRequest, detail)
    }

    /// The same with a status that says more than that of its code.
    pub(super) fn with_status(mut self, status: StatusCode) -> Self {
        self.0.status = status.as_u16();
        self
    }

    pub(super) fn with_field(mut self, field: impl Into<String>) -> Self {
        self.0.field = Some(field.into());
        self
    }

    pub(super) fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.0.hint = Some(hint.into());
        self
    }

    /// Hints at the word that was probably meant, or else at all there are.
    pub(super) fn with_meant(self, word: &str, known: &[&str]) -> Self {
        match nearest(word, known) {
            Some(meant) => self.with_hint(format!("did you mean `{meant}`?")),
            None if known.is_empty() => self,
            None => self.with_hint(format!("expected one of {}", known.join(", "))),
        }
    }
}

impl From<&SpecError> for SpecMistake {
    fn from(error: &SpecError) -> Self {
        let SpecError { field, position, message, hint } = error.clone();
        let (line, column) = (position.map(|at| at.line), position.map(|at| at.column));
        Self { field, line, column, detail: message, hint }
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let mistakes: Vec<SpecMistake> = match &error {
            Error::Spec(SpecErrors(errors)) => errors.iter().map(Into::into).collect(),
            _ => Vec::new(),
        };
        let field = mistakes.first().map(|mistake| mistake.field.clone());
        let WireError { code, message, hint, retry_after_ms } = error.into();
        let Self(content) = Self::new(code, message);
        Self(Box::new(Content { hint, mistakes, field, retry_after_ms, ..*content }))
    }
}

impl From<sweep_store::Error> for Problem {
    fn from(error: sweep_store::Error) -> Self {
        Error::from(error).into()
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status =
            StatusCode::from_u16(self.0.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let content_type: (HeaderName, HeaderValue) =
            (CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
        let body = serde_json::to_vec(&self.0).unwrap_or_default();
        let mut response = (status, [content_type], body).into_response();
        let headers = response.headers_mut();
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Some(ms) = self.0.retry_after_ms {
            headers.insert(RETRY_AFTER, HeaderValue::from(ms.div_ceil(1000)));
        }
        response
    }
}
