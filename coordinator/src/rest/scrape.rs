//! `/metrics`, for Prometheus.

use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse as _, Response};
use sweep_core::code::ErrorCode;

use super::problem::Problem;
use crate::context::Context;
use crate::observed;

/// The text format, version 0.0.4.
const MEDIA_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

pub(super) async fn scrape(State(context): State<Context>) -> Result<Response, Problem> {
    let instruments = context
        .instruments()
        .ok_or_else(|| Problem::new(ErrorCode::NotFound, "this coordinator has no instruments"))?;
    instruments.set(observed::observe(&context).await?);
    let text = instruments.prometheus();
    let text = text.map_err(|error| Problem::new(ErrorCode::Internal, error.to_string()))?;
    Ok(([(CONTENT_TYPE, MEDIA_TYPE)], text).into_response())
}
