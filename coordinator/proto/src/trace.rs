//! The name of the span that a call is made in, as W3C Trace Context has it.

use tonic::Request;

/// Adds the name of the caller's span to a request, where there is one.
#[must_use]
pub fn traced<T>(mut request: Request<T>, traceparent: Option<&str>) -> Request<T> {
    if let Some(value) = traceparent.and_then(|text| text.parse().ok()) {
        request.metadata_mut().insert("traceparent", value);
    }
    request
}
