//! Pages of others: a browser lets any page send a simple request to a port of this machine. What
//! changes something is met only for no page at all, for one of our own, and for those that are allowed.

use axum::extract::Request;
use axum::http::header::{HOST, ORIGIN};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use sweep_core::code::ErrorCode;

use super::problem::Problem;

pub(super) async fn guard(allowed: &[HeaderValue], request: Request, next: Next) -> Response {
    if request.method().is_safe() || is_ours(allowed, request.headers()) {
        return next.run(request).await;
    }
    Problem::new(ErrorCode::Refused, "a page of another origin may not ask that")
        .with_status(StatusCode::FORBIDDEN)
        .with_field("origin")
        .with_hint("`http-origins` in sweep.toml names the origins that may")
        .into_response()
}

fn is_ours(allowed: &[HeaderValue], headers: &HeaderMap) -> bool {
    let Some(origin) = headers.get(ORIGIN) else { return true };
    let authority = origin.to_str().ok().and_then(|origin| origin.split_once("://"));
    let host = headers.get(HOST).and_then(|host| host.to_str().ok());
    allowed.contains(origin)
        || authority.is_some_and(|(_, authority)| host.is_some_and(|host| host == authority))
}
