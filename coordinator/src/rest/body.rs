//! The bodies of requests: JSON with named fields, and budget.yaml as YAML or as JSON.

use axum::body::{Bytes, to_bytes};
use axum::extract::{FromRequest, Request};
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::{HeaderMap, StatusCode};
use serde::de::DeserializeOwned;

use super::problem::Problem;

/// Largest body: a budget.yaml is a few kilobytes.
pub(super) const BYTES_MAX: usize = 1 << 20;

/// A body in JSON; an empty one is `{}`.
pub(super) struct Json<T>(pub(super) T);

/// A budget.yaml. JSON is YAML, so that either is passed on as it came.
pub(super) struct Budget(pub(super) String);

/// What a body may be of.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Json,
    Yaml,
}

/// Media types of YAML: RFC 9512's, and what was used before there was one.
pub(super) const YAML: [&str; 4] =
    ["application/yaml", "text/yaml", "application/x-yaml", "text/x-yaml"];
pub(super) const JSON: &str = "application/json";

fn kind(headers: &HeaderMap) -> Result<Option<Kind>, Problem> {
    let Some(value) = headers.get(CONTENT_TYPE) else { return Ok(None) };
    let value = value.to_str().unwrap_or_default();
    let essence = value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    match &*essence {
        JSON => Ok(Some(Kind::Json)),
        yaml if YAML.contains(&yaml) => Ok(Some(Kind::Yaml)),
        _ => Err(unsupported(value)),
    }
}

fn unsupported(media_type: &str) -> Problem {
    Problem::bad_request(format!("a body of the type `{media_type}` cannot be read here"))
        .with_status(StatusCode::UNSUPPORTED_MEDIA_TYPE)
        .with_field("content-type")
}

async fn bytes(request: Request) -> Result<Bytes, Problem> {
    let too_large = || {
        Problem::bad_request(format!("the body is larger than {BYTES_MAX} bytes"))
            .with_status(StatusCode::PAYLOAD_TOO_LARGE)
    };
    let told = request.headers().get(CONTENT_LENGTH).and_then(|value| value.to_str().ok());
    if told.and_then(|told| told.parse().ok()).is_some_and(|told: usize| told > BYTES_MAX) {
        return Err(too_large());
    }
    to_bytes(request.into_body(), BYTES_MAX).await.map_err(|_| too_large())
}

impl<S: Sync, T: DeserializeOwned> FromRequest<S> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        if kind(request.headers())? == Some(Kind::Yaml) {
            return Err(unsupported(YAML[0]).with_hint(format!("send it as {JSON}")));
        }
        let bytes = bytes(request).await?;
        let bytes = if bytes.is_empty() { Bytes::from_static(b"{}") } else { bytes };
        let mut json = serde_json::Deserializer::from_slice(&bytes);
        let read = serde_path_to_error::deserialize(&mut json).map_err(|error| {
            let path = error.path().to_string();
            let problem =
                Problem::bad_request(format!("the body cannot be read: {}", error.inner()));
            if [".", "?"].contains(&path.as_str()) { problem } else { problem.with_field(path) }
        });
        let value = read?;
        json.end().map_err(|error| Problem::bad_request(format!("after the body: {error}")))?;
        Ok(Self(value))
    }
}

impl<S: Sync> FromRequest<S> for Budget {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        let Some(_) = kind(request.headers())? else {
            return Err(unsupported("").with_hint(format!(
                "say what the body is: `Content-Type: {}` or `{JSON}`",
                YAML[0]
            )));
        };
        let text = String::from_utf8(bytes(request).await?.into());
        text.map(Self).map_err(|_| Problem::bad_request("the body is not UTF-8"))
    }
}
