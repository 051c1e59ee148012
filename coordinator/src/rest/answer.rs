//! An answer in JSON: times as RFC 3339 has them, and a tag by which a client that has it already need
//! not be sent it again.

use std::hash::{DefaultHasher, Hasher as _};

use axum::extract::Request;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::Value;
use sweep_core::clock::Timestamp;
use sweep_core::code::ErrorCode;

use super::body::JSON;
use super::problem::Problem;

/// The fields that hold a [`Timestamp`], wherever they stand.
pub(super) const TIMES: [&str; 8] = [
    "at",
    "cancelled_at",
    "imported_at",
    "made_at",
    "measured_at",
    "not_before",
    "paused_at",
    "submitted_at",
];

/// What a request is answered.
pub(super) struct Answer<T>(pub(super) T);

impl<T: Serialize> IntoResponse for Answer<T> {
    fn into_response(self) -> Response {
        let body = serde_json::to_value(&self.0).map(|mut value| {
            write_times(&mut value);
            value.to_string().into_bytes()
        });
        let Ok(body) = body else {
            let detail = "the answer has no form in JSON";
            return Problem::new(ErrorCode::Internal, detail).into_response();
        };
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(JSON));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        if let Ok(tag) = tag(&body).parse() {
            headers.insert(ETAG, tag);
        }
        (headers, body).into_response()
    }
}

/// Milliseconds are for machines of ours; everybody reads RFC 3339.
fn write_times(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                match value.as_i64() {
                    Some(ms) if TIMES.contains(&name.as_str()) => {
                        *value = Value::String(Timestamp(ms).rfc3339());
                    }
                    _ => write_times(value),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(write_times),
        _ => {}
    }
}

/// Weak, because the same answer is sent compressed or not.
fn tag(body: &[u8]) -> String {
    let mut hasher = DefaultHasher::new();
    hasher.write(body);
    format!("W/\"{:016x}\"", hasher.finish())
}

/// Answers 304 to a reader that has the same already.
pub(super) async fn unless_known(request: Request, next: Next) -> Response {
    let reads = [Method::GET, Method::HEAD].contains(request.method());
    let known = request.headers().get(IF_NONE_MATCH).cloned();
    let response = next.run(request).await;
    let (Some(known), Some(tag)) = (known.filter(|_| reads), response.headers().get(ETAG)) else {
        return response;
    };
    if response.status() == StatusCode::OK && names(&known, tag) {
        (StatusCode::NOT_MODIFIED, [(ETAG, tag.clone())]).into_response()
    } else {
        response
    }
}

/// Whether a list of tags has this one; weakly compared, as RFC 9110 has it for this header.
fn names(known: &HeaderValue, tag: &HeaderValue) -> bool {
    let (Ok(known), Ok(tag)) = (known.to_str(), tag.to_str()) else { return false };
    let opaque = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
    known.split(',').any(|known| known.trim() == "*" || opaque(known) == opaque(tag))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn times_are_written_wherever_they_stand() {
        let mut value = json!({
            "submitted_at": 0, "paused_at": null, "steps": [1, 2],
            "events": [{ "at": 1_764_000_000_123_i64, "number": 1 }],
        });
        write_times(&mut value);
        assert_eq!(
            value,
            json!({
                "submitted_at": "1970-01-01T00:00:00.000Z", "paused_at": null, "steps": [1, 2],
                "events": [{ "at": "2025-11-24T16:00:00.123Z", "number": 1 }],
            })
        );
    }

    #[test]
    fn tags_are_compared_weakly() {
        let tag = HeaderValue::from_static("W/\"a\"");
        for (known, expected) in [
            ("W/\"a\"", true),
            ("\"a\"", true),
            ("\"b\", W/\"a\"", true),
            ("*", true),
            ("a", false),
        ] {
            assert_eq!(names(&HeaderValue::from_static(known), &tag), expected, "{known}");
        }
    }
}
