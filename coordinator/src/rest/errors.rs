//! A page about every kind of failure: what the `type` of a problem names.

use axum::extract::Path;
use schemars::JsonSchema;
use serde::Serialize;
use sweep_core::code::ErrorCode;

use super::answer::Answer;
use super::problem::Problem;
use super::route::Route;
use super::status::status;

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::get("/errors/{code}", "getError", "What a kind of failure means", one)
            .for_everybody()
            .gives::<ErrorPage>(),
    ]
}

/// A kind of failure.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
struct ErrorPage {
    code: String,
    title: String,
    /// The HTTP status it mostly has.
    status: u16,
    /// Whether the request is to blame, and not the coordinator.
    is_request: bool,
}

async fn one(Path(code): Path<String>) -> Result<Answer<ErrorPage>, Problem> {
    let known = ErrorCode::ALL.map(ErrorCode::as_str);
    let code: ErrorCode = code.parse().map_err(|unknown: String| {
        Problem::new(ErrorCode::NotFound, unknown).with_meant(&code, &known)
    })?;
    Ok(Answer(ErrorPage {
        code: code.to_string(),
        title: code.title().to_owned(),
        status: status(code).as_u16(),
        is_request: code.is_request(),
    }))
}
